// Combinations of elements, coordinates of numbered elements, tensors cut into equal chunks side by side.
#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/padding.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

/// The positions of all combinations in lexicographic order, (count, r).
Tensor combination_indices(int64_t n, int64_t r, bool with_replacement) {
  double count = 1;  // choose(n, r), or choose(n + r - 1, r)
  for (int64_t k = 0; k < r; ++k) count = count * double(with_replacement ? n + k : n - k) / double(k + 1);
  KG_CHECK(count * double(r) < 1e12, "combinations(): ", count, " combinations of ", r, " elements are too many");
  std::vector<int64_t> flat, pick(size_t(r), 0);
  for (int64_t k = 0; k < r; ++k) pick[size_t(k)] = with_replacement ? 0 : k;
  while (n >= 1 && (with_replacement || r <= n)) {
    flat.insert(flat.end(), pick.begin(), pick.end());
    int64_t at = r - 1;
    while (at >= 0 && pick[size_t(at)] == (with_replacement ? n - 1 : n - r + at)) --at;
    if (at < 0) break;
    int64_t next = pick[size_t(at)] + 1;
    for (int64_t k = at; k < r; ++k) pick[size_t(k)] = with_replacement ? next : next + k - at;
  }
  Tensor index = empty_tensor({int64_t(flat.size()) / r, r}, DType::Int64);
  std::copy(flat.begin(), flat.end(), index.data<int64_t>());
  return index;
}
Tensor combinations(const Tensor& input, int64_t r, bool with_replacement) {
  KG_CHECK(input.dim() == 1, "Expect a 1D vector, but got shape ", input.sizes());
  KG_CHECK(r >= 0, "Expect a non-negative number, but got ", r);
  if (r == 0) return new_empty(input, {0});
  Tensor index = combination_indices(input.numel(), r, with_replacement);
  return reshape(index_select(input, 0, reshape(index, {index.numel()})), index.sizes());
}
const auto combinations_op = compose<&combinations>({
    .schema = "combinations(Tensor input, int r=2, bool with_replacement=False) -> Tensor",
    .in = kFunction,
    .doc = "All combinations of r elements of a vector, one in each row, as itertools.combinations orders them.\n\n"
           ">>> torch.combinations(torch.tensor([1, 2, 3]))\ntensor([[1, 2],\n        [1, 3],\n        [2, 3]])",
    .body = combinations,
});

std::vector<Tensor> unravel_index(const Tensor& indices, IntList shape) {
  KG_CHECK_TYPE(is_integer(indices.dtype()), "expected 'indices' to be integer dtype, but got ", indices.dtype());
  std::vector<Tensor> result(shape.size());
  int64_t behind = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    KG_CHECK_VALUE(shape[d] >= 0, "'shape' cannot have negative values, but got ", shape);
    KG_CHECK(behind != 0 && (shape[d] != 0 || indices.numel() == 0), "ZeroDivisionError");
    Tensor cut = behind == 1 ? indices : div(indices, wrapped_number(behind), "floor");
    // Python's remainder: negative numbers count from the end
    result[d] = shape[d] ? sub(cut, mul(div(cut, wrapped_number(shape[d]), "floor"), wrapped_number(shape[d]))) : clone(cut);
    behind *= std::max<int64_t>(shape[d], 1);
  }
  return result;
}
const auto unravel_index_op = compose<&unravel_index>({
    .schema = "unravel_index(Tensor indices, int[1] shape) -> Tensor[]",
    .in = kFunction,
    .doc = "The coordinates, one tensor for each dimension, of elements numbered in row-major order.\n\n"
           ">>> torch.unravel_index(torch.tensor([4]), (2, 3))\n(tensor([1]), tensor([1]))",
    .body = unravel_index,
});

Tensor chunk_cat(TensorList tensors, int64_t dim, int64_t chunks) {
  KG_CHECK(!tensors.empty(), "_chunk_cat expects a non-empty input tensor list");
  KG_CHECK(chunks >= 1, "_chunk_cat expects positive num_chunks");
  int64_t rank = tensors[0].dim();
  bool same_rank = true;
  for (const Tensor& t : tensors) same_rank = same_rank && t.dim() == rank;
  if (dim < 0) {
    KG_CHECK(same_rank, "_chunk_cat expects non-negative dim when input tensors have different ndims");
    dim = wrap_dim(dim, rank);
  }
  std::vector<Tensor> pieces;
  for (const Tensor& t : tensors) {
    KG_CHECK(dim < t.dim(), "_chunk_cat expects dim < ndim for all input tensors");
    KG_CHECK(t.numel() > 0, "_chunk_cat expects non-empty tensor");
    for (int64_t d = 0; d < dim; ++d)
      KG_CHECK(t.sizes()[size_t(d)] == tensors[0].sizes()[size_t(d)], "_chunk_cat expects same sizes of 0,...,dim-1 dimensions for all tensors");
    int64_t n = t.sizes()[size_t(dim)], padded = (n + chunks - 1) / chunks * chunks;
    Tensor piece = t;
    if (padded != n) {
      Ints amounts(size_t(2 * (t.dim() - dim)), 0);
      amounts.back() = padded - n;
      piece = constant_pad_nd(t, amounts, 0);
    }
    Ints sizes(t.sizes().begin(), t.sizes().begin() + dim);
    sizes.push_back(chunks);
    sizes.push_back(-1);
    pieces.push_back(reshape(piece, sizes));
  }
  return cat(pieces, dim + 1);
}
const auto chunk_cat_op = compose<&chunk_cat>({
    .schema = "_chunk_cat(Tensor[] tensors, int dim, int num_chunks) -> Tensor",
    .in = kFunction | kOut,
    .traits = kOutDTypeError,
    .doc = "Each tensor cut along `dim` into num_chunks pieces of one size (zeros fill the last), flattened; the k-th pieces of all stand side by side.",
    .body = chunk_cat,
});

}  // namespace
}  // namespace kagari
