// A sparse matrix from its diagonals, and the same pattern with other values.
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
