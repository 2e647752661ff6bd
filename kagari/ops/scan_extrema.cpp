#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/scan.h"
#include "kagari/op/op.h"

namespace kagari {
namespace {

using Two = std::tuple<Tensor, Tensor>;

Two run_extrema(Out& out, std::string_view name, const Tensor& self, int64_t dim) {
  dim = wrap_dim(dim, self.dim());
  Two y{out.alloc(self.sizes(), self.dtype(), self.device()), out.alloc(self.sizes(), DType::Int64, self.device(), 1)};
  scan_lines(name, name, std::get<0>(y), std::get<1>(y), contiguous(self), dim);
  return y;
}
/// The gradients of running extrema, collected where the extrema stand.
Tensor to_indices(Ctx& c, int64_t dim) {
  Tensor indices = c.out(1);
  if (indices.dim() == 0) return c.grad;
  return scatter_add(zeros_like(c.grad), dim, indices, c.grad);
}

const auto cummax_op = define<&cummax>({
    .schema = "cummax(Tensor self, int dim) -> (Tensor values, Tensor indices)",
    .in = kFunction | kMethod | kOut,
    .doc = "Running maxima along a dimension, and the index of each.\n\n>>> torch.cummax(torch.tensor([1, 3, 2]), 0).values\ntensor([1, 3, 3])",
    .run = [](Out& out, const Tensor& self, int64_t dim) { return run_extrema(out, "cummax", self, dim); },
    .grad = vjp("out", [](Ctx& c, const Tensor&, int64_t dim) -> Grads { return {to_indices(c, dim)}; }),
});

const auto cummin_op = define<&cummin>({
    .schema = "cummin(Tensor self, int dim) -> (Tensor values, Tensor indices)",
    .in = kFunction | kMethod | kOut,
    .doc = "Running minima along a dimension, and the index of each.\n\n>>> torch.cummin(torch.tensor([3, 1, 2]), 0).values\ntensor([3, 1, 1])",
    .run = [](Out& out, const Tensor& self, int64_t dim) { return run_extrema(out, "cummin", self, dim); },
    .grad = vjp("out", [](Ctx& c, const Tensor&, int64_t dim) -> Grads { return {to_indices(c, dim)}; }),
});

}  // namespace

Two cummax(const Tensor& self, int64_t dim) { return cummax_op(self, dim); }
Two cummin(const Tensor& self, int64_t dim) { return cummin_op(self, dim); }

}  // namespace kagari
