#include "kagari/ops/softmax.h"

#include <limits>

#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/reduction.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

using MaybeDType = std::optional<DType>;

using Rows = cpu::KernelTable<cpu::RowsFn>;

/// Runs a kernel of rows along `dim`: the inputs become contiguous with that dimension last, and the result is brought back.
Tensor along(Out& out, const Rows& kernel, std::string_view name, std::span<const Tensor* const> inputs, int64_t dim) {
  const Tensor& x = *inputs[0];
  dim = wrap_dim(dim, x.dim());
  auto loop = kernel[x.dtype()];
  if (!loop) [[unlikely]] fail_dtype(name, x.dtype());
  Tensor y = out.alloc(x.sizes(), x.dtype(), x.device());
  if (x.is_meta() || x.numel() == 0) return y;
  bool last = x.dim() == 0 || dim == x.dim() - 1;
  if (last && inputs.size() == 1 && x.is_contiguous()) {  // the usual case, without tensors in between
    std::byte* data[] = {y.bytes(), x.bytes()};
    int64_t n = x.dim() == 0 ? 1 : x.sizes().back();
    reduction::run_rows(loop, data, 2, x.numel() / n, n, x.itemsize(), nullptr);
    return y;
  }
  Tensor ordered[3];
  std::byte* data[3];
  Tensor target = last ? y : empty_tensor(transpose(x, dim, -1).sizes(), x.dtype(), x.device());
  data[0] = target.bytes();
  for (size_t k = 0; k < inputs.size(); ++k) {
    ordered[k] = contiguous(last ? *inputs[k] : transpose(*inputs[k], dim, -1));
    data[k + 1] = ordered[k].bytes();
  }
  int64_t n = x.dim() == 0 ? 1 : x.size(dim);
  reduction::run_rows(loop, data, inputs.size() + 1, x.numel() / n, n, x.itemsize(), nullptr);
  if (!last) copy_(y, transpose(target, dim, -1));
  return y;
}

/// The argument as the dtype in which it is computed.
Tensor argument(std::string_view name, const Tensor& self, MaybeDType dtype) {
  DType d = dtype.value_or(self.dtype());
  if (!is_floating(d)) fail_dtype(name, d);
  return elementwise::converted(self, d);
}

const auto softmax_op = define<&softmax>({
    .schema = "softmax(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .aliases = "special_softmax",
    .doc = "exp(self) / sum(exp(self)) along a dimension.\n\n>>> torch.softmax(torch.tensor([1., 1., 2.]), 0)\ntensor([0.2119, 0.2119, 0.5761])",
    .run = [](Out& out, const Tensor& self, int64_t dim, MaybeDType dtype) {
      Tensor x = argument("softmax", self, dtype);
      const Tensor* inputs[] = {&x};
      static const Rows& kernel = cpu::find_kernels<cpu::RowsFn>("softmax_rows");
      return along(out, kernel, "softmax", inputs, dim);
    },
    .grad = vjp("out", [](Ctx& c, const Tensor&, int64_t dim, MaybeDType) -> Grads { return {softmax_backward(c.grad, c.out(), dim)}; }),
});

const auto log_softmax_op = define<&log_softmax>({
    .schema = "log_softmax(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .aliases = "special_log_softmax",
    .doc = "The logarithm of softmax along a dimension.\n\n>>> torch.log_softmax(torch.tensor([1., 1., 2.]), 0)\ntensor([-1.5514, -1.5514, -0.5514])",
    .run = [](Out& out, const Tensor& self, int64_t dim, MaybeDType dtype) {
      Tensor x = argument("log_softmax", self, dtype);
      const Tensor* inputs[] = {&x};
      static const Rows& kernel = cpu::find_kernels<cpu::RowsFn>("log_softmax_rows");
      return along(out, kernel, "log_softmax", inputs, dim);
    },
    .grad = vjp("out", [](Ctx& c, const Tensor&, int64_t dim, MaybeDType) -> Grads { return {log_softmax_backward(c.grad, c.out(), dim)}; }),
});

const auto softmin_op = compose<&softmin>({
    .schema = "softmin(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",
    .in = kPrivate,
    .doc = "softmax of -self.",
    .body = [](const Tensor& self, int64_t dim, MaybeDType dtype) { return softmax(neg(self), dim, dtype); },
});

Tensor sum_dim(const Tensor& t, int64_t dim) { return sum(t, IntList(Ints{dim}), true); }

const auto softmax_backward_op = define<&softmax_backward>({
    .schema = "_softmax_backward(Tensor grad_output, Tensor output, int dim) -> Tensor",
    .in = kPrivate,
    .doc = "output * (grad - sum(grad * output)): the gradient of softmax.",
    .run = [](Out& out, const Tensor& grad, const Tensor& output, int64_t dim) {
      const Tensor g = elementwise::converted(grad, output.dtype());
      const Tensor* inputs[] = {&g, &output};
      static const Rows& kernel = cpu::find_kernels<cpu::RowsFn>("softmax_backward_rows");
      return along(out, kernel, "softmax", inputs, dim);
    },
    .grad = vjp("grad_output output", [](Ctx& c, const Tensor& grad, const Tensor& output, int64_t dim) -> Grads {
      Tensor to_grad = c.needs(0) ? softmax_backward(c.grad, output, dim) : Tensor(), to_output;
      if (c.needs(1)) to_output = c.grad * grad - c.grad * sum_dim(grad * output, dim) - grad * sum_dim(c.grad * output, dim);
      return {to_grad, to_output};
    }),
});

const auto log_softmax_backward_op = define<&log_softmax_backward>({
    .schema = "_log_softmax_backward(Tensor grad_output, Tensor output, int dim) -> Tensor",
    .in = kPrivate,
    .doc = "grad - exp(output) * sum(grad): the gradient of log_softmax.",
    .run = [](Out& out, const Tensor& grad, const Tensor& output, int64_t dim) {
      const Tensor g = elementwise::converted(grad, output.dtype());
      const Tensor* inputs[] = {&g, &output};
      static const Rows& kernel = cpu::find_kernels<cpu::RowsFn>("log_softmax_backward_rows");
      return along(out, kernel, "log_softmax", inputs, dim);
    },
    .grad = vjp("grad_output output", [](Ctx& c, const Tensor& grad, const Tensor& output, int64_t dim) -> Grads {
      Tensor p = exp(output);
      return {c.needs(0) ? c.grad - sum_dim(c.grad * p, dim) : Tensor(), c.needs(1) ? -(c.grad * p * sum_dim(grad, dim)) : Tensor()};
    }),
});

// ---- PyTorch's own names
Tensor softmax_backward_data(const Tensor& grad, const Tensor& output, int64_t dim, DType input_dtype) { return to(softmax_backward(grad, output, dim), input_dtype); }
const auto softmax_backward_data_op = compose<&softmax_backward_data>({
    .schema = "_softmax_backward_data(Tensor grad_output, Tensor output, int dim, ScalarType input_dtype) -> Tensor",
    .in = kFunction,
    .doc = "The gradient of softmax from that of its result and the result.",
    .body = softmax_backward_data,
});
Tensor log_softmax_backward_data(const Tensor& grad, const Tensor& output, int64_t dim, DType input_dtype) { return to(log_softmax_backward(grad, output, dim), input_dtype); }
const auto log_softmax_backward_data_op = compose<&log_softmax_backward_data>({
    .schema = "_log_softmax_backward_data(Tensor grad_output, Tensor output, int dim, ScalarType input_dtype) -> Tensor",
    .in = kFunction,
    .doc = "The gradient of log_softmax from that of its result and the result.",
    .body = log_softmax_backward_data,
});
Tensor safe_softmax(const Tensor& self, int64_t dim, MaybeDType dtype) {
  Tensor y = softmax(self, dim, dtype), masked = all(eq(self, wrapped_number(-std::numeric_limits<double>::infinity())), IntList(Ints{dim}), true);
  return where(masked, zeros_like(y), y);
}
const auto safe_softmax_op = compose<&safe_softmax>({
    .schema = "_safe_softmax(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",
    .in = kFunction,
    .doc = "softmax, with zeros instead of NaN where all elements are -inf.",
    .body = safe_softmax,
});

}  // namespace

Tensor softmax(const Tensor& self, int64_t dim, MaybeDType dtype) { return softmax_op(self, dim, dtype); }
Tensor log_softmax(const Tensor& self, int64_t dim, MaybeDType dtype) { return log_softmax_op(self, dim, dtype); }
Tensor softmin(const Tensor& self, int64_t dim, MaybeDType dtype) { return softmin_op(self, dim, dtype); }
Tensor softmax_backward(const Tensor& grad, const Tensor& output, int64_t dim) { return softmax_backward_op(grad, output, dim); }
Tensor log_softmax_backward(const Tensor& grad, const Tensor& output, int64_t dim) { return log_softmax_backward_op(grad, output, dim); }

}  // namespace kagari
