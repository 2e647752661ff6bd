// A sparse matrix from its diagonals, the same pattern with other values, and indices from one form to another.
#include <algorithm>

#include "kagari/op/sparse_rules.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/sparse.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

Tensor spdiags(const Tensor& diagonals, const Tensor& offsets, IntList shape) {
  KG_CHECK(shape.size() == 2, "spdiags(): Output shape must be 2d, but got ", shape);
  KG_CHECK(diagonals.dim() == 1 || diagonals.dim() == 2, "spdiags(): Diagonals must be vector or matrix, but got shape ", diagonals.sizes());
  KG_CHECK(offsets.dim() <= 1, "spdiags(): Offsets must be scalar or vector, but got shape ", offsets.sizes());
  KG_CHECK(offsets.dtype() == DType::Int64, "spdiags(): Offset Tensor must have dtype Long but got ", legacy_name(offsets.dtype()));
  Tensor rows = diagonals.dim() == 1 ? unsqueeze(diagonals, 0) : diagonals, at = contiguous(reshape(offsets, {-1}));
  int64_t count = rows.sizes()[0], width = rows.sizes()[1];
  KG_CHECK(at.numel() == count, "spdiags(): Number of diagonals (", count, ") does not match the number of offsets (", at.numel(), ")");
  const int64_t* k = at.data<int64_t>();
  for (int64_t a = 0; a < count; ++a)
    for (int64_t b = 0; b < a; ++b) KG_CHECK(k[a] != k[b], "spdiags(): Offset tensor contains duplicate values");
  std::vector<int64_t> i, j, source;
  for (int64_t d = 0; d < count; ++d)
    for (int64_t column = std::max<int64_t>(0, k[d]); column < std::min({width, shape[1], shape[0] + k[d]}); ++column) {
      i.push_back(column - k[d]);
      j.push_back(column);
      source.push_back(d * width + column);
    }
  int64_t nnz = int64_t(i.size());
  Tensor indices = empty_tensor({2, nnz}, DType::Int64), from = empty_tensor({nnz}, DType::Int64);
  std::copy(i.begin(), i.end(), indices.data<int64_t>());
  std::copy(j.begin(), j.end(), indices.data<int64_t>() + nnz);
  std::copy(source.begin(), source.end(), from.data<int64_t>());
  return sparse_coo_tensor(indices, index_select(reshape(rows, {-1}), 0, from), shape);
}
const auto spdiags_op = compose<&spdiags>({
    .schema = "_spdiags(Tensor diagonals, Tensor offsets, int[] shape) -> Tensor",
    .in = kFunction,
    .doc = "A COO matrix with the rows of `diagonals` on the diagonals `offsets`.",
    .body = &spdiags,
});

/// Sorted rows as the places where each row begins.
Tensor begins_of_rows(const Tensor& rows, int64_t size, bool out_int32) {
  KG_CHECK(rows.dim() <= 1, "Input is supposed to be a vector, but got shape ", rows.sizes());
  KG_CHECK(size >= 0, "size must not be negative, but got ", size);
  KG_CHECK_IMPLEMENTED(!rows.is_meta(), "_convert_indices_from_coo_to_csr(): the result depends on values, which meta tensors do not have");
  Tensor r = contiguous(to(rows, DType::Int64)), out = zero_(empty_tensor({size + 1}, DType::Int64));
  int64_t* begin = out.data<int64_t>();
  for (int64_t n = 0; n < r.numel(); ++n) {
    int64_t v = r.data<int64_t>()[n];
    KG_CHECK(v >= 0 && v < size, "_convert_indices_from_coo_to_csr(): index ", v, " is out of range for ", size, " rows");
    ++begin[v + 1];
  }
  for (int64_t i = 0; i < size; ++i) begin[i + 1] += begin[i];
  return out_int32 ? to(out, DType::Int32) : out;
}
Tensor coordinates_of(const Tensor& crow, const Tensor& col, bool out_int32, bool transpose) {
  KG_CHECK(crow.dim() == 1 && col.dim() == 1 && crow.numel() > 0, "_convert_indices_from_csr_to_coo(): expected two vectors of indices, but got shapes ", crow.sizes(), " and ", col.sizes());
  KG_CHECK_IMPLEMENTED(!crow.is_meta() && !col.is_meta(), "_convert_indices_from_csr_to_coo(): the result depends on values, which meta tensors do not have");
  Tensor begin = contiguous(to(crow, DType::Int64)), out = empty_tensor({2, col.numel()}, DType::Int64);
  const int64_t *b = begin.data<int64_t>(), rows = begin.numel() - 1, nnz = col.numel();
  KG_CHECK(b[0] == 0 && b[rows] == nnz, "_convert_indices_from_csr_to_coo(): the row indices do not begin at 0 and end at ", nnz);
  int64_t* row = out.data<int64_t>() + (transpose ? nnz : 0);
  for (int64_t r = 0; r < rows; ++r) {
    KG_CHECK(b[r] <= b[r + 1] && b[r + 1] <= nnz, "_convert_indices_from_csr_to_coo(): the row indices decrease");
    std::fill(row + b[r], row + b[r + 1], r);
  }
  copy_(select(out, 0, transpose ? 0 : 1), col);
  return out_int32 ? to(out, DType::Int32) : out;
}
const auto to_csr_op = compose<&begins_of_rows>({
    .schema = "_convert_indices_from_coo_to_csr(Tensor self, int size, *, bool out_int32=False) -> Tensor",
    .in = kFunction,
    .doc = "Where each of `size` rows begins among sorted row numbers, and the end.\n\n>>> torch._convert_indices_from_coo_to_csr(torch.tensor([0, 0, 2]), 3)\ntensor([0, 2, 2, 3])",
    .body = &begins_of_rows,
});
const auto to_coo_op = compose<&coordinates_of>({
    .schema = "_convert_indices_from_csr_to_coo(Tensor crow_indices, Tensor col_indices, *, bool out_int32=False, bool transpose=False) -> Tensor",
    .in = kFunction,
    .doc = "Rows and columns (2, nnz) of compressed rows; transposed: columns and rows.",
    .body = &coordinates_of,
});

Tensor with_values(const Tensor& pattern, const Tensor&) { fail(ErrorKind::Runtime, str("_with_sparse_values(): expected a sparse tensor, but got ", python_name(layout_of(pattern)))); }
Tensor with_values_rule(const SparseCall&, const Tensor& pattern, const Tensor& values) { return with_sparse_values(pattern, values); }
const auto with_values_op = compose<&with_values>({
    .schema = "_with_sparse_values(Tensor pattern, Tensor values) -> Tensor",
    .in = kFunction,
    .doc = "A tensor with the places of a sparse tensor and other values, to which gradients flow.",
    .body = &with_values,
});
const SparseRule with_values_of("_with_sparse_values", with_values_rule);

}  // namespace
}  // namespace kagari
