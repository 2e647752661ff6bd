// Triangles and diagonals of matrices.
#include "kagari/base/parallel.h"
#include "kagari/cpu/copy.h"
#include "kagari/cpu/strided.h"
#include "kagari/op/op.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

constexpr unsigned everywhere = kFunction | kMethod | kInplace | kOut;

/// Zeroes the elements of y on one side of the diagonal. y may have any strides.
void clear_side(const Tensor& y, int64_t diagonal, bool upper) {
  int64_t rows = y.size(-2), cols = y.size(-1), step = y.stride(-1), row_step = y.stride(-2);
  int64_t matrices = rows && cols ? y.numel() / (rows * cols) : 0;
  diagonal = std::clamp<int64_t>(diagonal, -rows - 1, cols + 1);
  visit_sizes(y.dtype(), [&](auto tag) {
    using T = decltype(tag);
    parallel_for(0, matrices * rows, std::max<int64_t>(1, cpu::parallel_grain / std::max<int64_t>(1, cols)), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        int64_t r = i % rows, rest = i / rows;
        T* row = y.data<T>() + r * row_step;
        for (int64_t d = y.dim() - 3; d >= 0; --d) {
          row += rest % y.sizes()[d] * y.strides()[d];
          rest /= y.sizes()[d];
        }
        int64_t edge = r + diagonal;  // the last column that tril keeps, the first that triu keeps
        int64_t from = upper ? std::clamp<int64_t>(edge + 1, 0, cols) : 0, to = upper ? cols : std::clamp<int64_t>(edge, 0, cols);
        for (int64_t c = from; c < to; ++c) row[c * step] = T{};
      }
    });
  });
}

Tensor run_triangle(Out& out, const Tensor& self, int64_t diagonal, bool lower) {
  KG_CHECK(self.dim() >= 2, lower ? "tril" : "triu", ": input tensor must have at least 2 dimensions");
  Tensor y = out.dest(self.sizes(), self.dtype());
  if (!y.defined()) y = empty_tensor(self.sizes(), self.dtype(), self.device());
  if (y.is_meta()) return y;
  if (!y.is_same(self)) cpu::copy_elements(y, self);
  clear_side(y, diagonal, lower);
  return y;
}

const auto tril_op = define<&tril>({
    .schema = "tril(Tensor self, int diagonal=0) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The lower triangle: elements above the given diagonal are zero.\n\n>>> torch.ones(2, 2).tril()\ntensor([[1., 0.],\n        [1., 1.]])",
    .run = [](Out& out, const Tensor& self, int64_t diagonal) { return run_triangle(out, self, diagonal, true); },
    .grad = vjp("", [](Ctx& c, const Tensor&, int64_t diagonal) -> Grads { return {tril(c.grad, diagonal)}; }),
});
const auto triu_op = define<&triu>({
    .schema = "triu(Tensor self, int diagonal=0) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The upper triangle: elements below the given diagonal are zero.\n\n>>> torch.ones(2, 2).triu()\ntensor([[1., 1.],\n        [0., 1.]])",
    .run = [](Out& out, const Tensor& self, int64_t diagonal) { return run_triangle(out, self, diagonal, false); },
    .grad = vjp("", [](Ctx& c, const Tensor&, int64_t diagonal) -> Grads { return {triu(c.grad, diagonal)}; }),
});

const auto diag_op = compose<&diag>({
    .schema = "diag(Tensor self, int diagonal=0) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "A matrix with self on a diagonal, or a copy of the diagonal of a matrix.\n\n>>> torch.diag(torch.tensor([1, 2]))\ntensor([[1, 0],\n        [0, 2]])",
    .body = [](const Tensor& self, int64_t diagonal_index) {
      KG_CHECK(self.dim() == 1 || self.dim() == 2, "diag(): Supports 1D or 2D tensors. Got ", self.dim(), "D");
      return self.dim() == 1 ? diag_embed(self, diagonal_index) : clone(diagonal(self, diagonal_index, 0, 1), MemoryFormat::Contiguous);
    },
});
const auto diag_embed_op = compose<&diag_embed>({
    .schema = "diag_embed(Tensor self, int offset=0, int dim1=-2, int dim2=-1) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "Matrices, in dimensions dim1 and dim2 of the result, with the last dimension of self on a diagonal.",
    .body = [](const Tensor& self, int64_t offset, int64_t dim1, int64_t dim2) {
      int64_t n = self.dim() + 1, a = wrap_dim(dim1, n), b = wrap_dim(dim2, n);
      KG_CHECK(a != b, "diagonal dimensions cannot be identical ", dim1, ", ", dim2);
      int64_t side = self.size(-1) + std::abs(offset);
      Ints sizes(self.sizes());
      sizes.pop_back();
      for (int64_t d : {std::min(a, b), std::max(a, b)}) sizes.insert(sizes.begin() + d, side);
      return diagonal_backward(self, sizes, offset, a, b);
    },
});
const auto diagflat_op = compose<&diagflat>({
    .schema = "diagflat(Tensor self, int offset=0) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "A matrix with all elements of self on a diagonal.",
    .body = [](const Tensor& self, int64_t offset) { return diag_embed(reshape(self, {-1}), offset); },
});

}  // namespace

Tensor tril(const Tensor& self, int64_t diagonal) { return tril_op(self, diagonal); }
Tensor triu(const Tensor& self, int64_t diagonal) { return triu_op(self, diagonal); }
Tensor diag(const Tensor& self, int64_t diagonal) { return diag_op(self, diagonal); }
Tensor diag_embed(const Tensor& self, int64_t offset, int64_t dim1, int64_t dim2) { return diag_embed_op(self, offset, dim1, dim2); }
Tensor diagflat(const Tensor& self, int64_t offset) { return diagflat_op(self, offset); }

Tensor fill_diagonal_(const Tensor& self, const Scalar& fill_value, bool wrap) {
  KG_CHECK(self.dim() >= 2, "dimensions must larger than 1");
  int64_t rows = self.size(0), cols = self.size(1), step = 0, side = rows;
  for (int64_t d = 0; d < self.dim(); ++d) {
    step += self.stride(d);
    side = std::min(side, self.size(d));
    KG_CHECK(self.dim() == 2 || self.size(d) == rows, "all dimensions of input must be of equal length");
  }
  fill_(as_strided(self, {side}, {step}, self.storage_offset()), fill_value);
  // a tall matrix goes on one row below each full square
  for (int64_t top = cols + 1; wrap && self.dim() == 2 && top < rows; top += cols + 1)
    fill_(as_strided(self, {std::min(cols, rows - top)}, {step}, self.storage_offset() + top * self.stride(0)), fill_value);
  return self;
}
const auto fill_diagonal_op = compose<&fill_diagonal_>({
    .schema = "fill_diagonal_(Tensor self, Scalar fill_value, bool wrap=False) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "Writes a number on the main diagonal of self, in place. In a tall matrix, with `wrap`, the diagonal starts again one row below each square.\n\n"
           ">>> torch.zeros(2, 2).fill_diagonal_(1)\ntensor([[1., 0.],\n        [0., 1.]])",
    .body = fill_diagonal_,
});

}  // namespace kagari
