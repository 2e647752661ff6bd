#include "kagari/ops/normalization.h"

#include <cmath>
#include <limits>
#include <vector>

#include "kagari/base/parallel.h"
#include "kagari/cpu/reduce.h"
#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/autograd_support.h"
#include "kagari/ops/channels.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

using Three = std::tuple<Tensor, Tensor, Tensor>;

// Note [Gradients of normalisations]: the fused kernels give the gradient, and a formula of operators gives it when the gradient itself
// is recorded, so that it can be differentiated again, or when it is computed by a transform (a `special` tensor is more than its bytes).

void check_normalized(std::string_view op, const Tensor& input, IntList shape, const Tensor& weight, const Tensor& bias, bool complex_allowed = false) {
  KG_CHECK(!shape.empty(), "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got normalized_shape = ", shape);
  KG_CHECK(!weight.defined() || weight.sizes() == shape, "Expected weight to be of same shape as normalized_shape, but got weight of shape ",
           weight.defined() ? weight.sizes() : shape, " and normalized_shape = ", shape);
  KG_CHECK(!bias.defined() || bias.sizes() == shape, "Expected bias to be of same shape as normalized_shape, but got bias of shape ", bias.defined() ? bias.sizes() : shape,
           " and normalized_shape = ", shape);
  for (const Tensor* t : {&weight, &bias})
    KG_CHECK(!t->defined() || t->device() == input.device(), "Tensor on device ", t->defined() ? t->device() : input.device(), " is not on the expected device ", input.device(), "!");
  size_t n = input.sizes().size(), k = shape.size();
  bool fits = n >= k;
  for (size_t i = 0; fits && i < k; ++i) fits = input.sizes()[n - k + i] == shape[i];
  std::string stars;
  for (int64_t s : shape) stars += str(", ", s);
  KG_CHECK(fits, "Given normalized_shape=", shape, ", expected input with shape [*", stars, "], but got input of size", input.sizes());
  KG_CHECK_IMPLEMENTED((is_floating(input.dtype()) && !is_float8(input.dtype())) || (complex_allowed && input.is_complex()), "\"", op, "\" not implemented for '", legacy_name(input.dtype()), "'");
}

cpu::RowsFn rows_kernel(std::string_view name, DType t) {
  cpu::RowsFn f = cpu::find_kernels<cpu::RowsFn>(name)[t];
  if (!f) fail_dtype(name, t);
  return f;
}
/// Parameters in the dtype of statistics, contiguous.
Tensor prepared(const Tensor& t, DType dtype) { return t.defined() ? contiguous(to(t, dtype)) : Tensor(); }
char* address(const Tensor& t) { return t.defined() ? reinterpret_cast<char*>(t.bytes()) : nullptr; }
Ints last_dims(const Tensor& t, size_t k) {
  Ints out;
  for (size_t i = 0; i < k; ++i) out.push_back(t.dim() - int64_t(k) + int64_t(i));
  return out;
}
Ints leading_dims(const Tensor& t, size_t k) {
  Ints out;
  for (int64_t i = 0; i < t.dim() - int64_t(k); ++i) out.push_back(i);
  return out;
}

// ---------------------------------------------------------------- layer_norm
Three layer_norm_statistics(const Tensor& input, IntList shape, const Tensor& weight, const Tensor& bias, double eps);
const auto layer_norm_op = define<&layer_norm_statistics>({
    .schema = "_layer_norm_statistics(Tensor input, int[] normalized_shape, Tensor? weight, Tensor? bias, float eps) -> (Tensor, Tensor, Tensor)",
    .in = kPrivate,
    .doc = "Layer normalisation, with the mean and the reciprocal standard deviation of each row in float32 (float64 for float64).",
    .run = [](Out& out, const Tensor& input, IntList shape, const Tensor& weight, const Tensor& bias, double eps) {
      check_normalized("LayerNormKernelImpl", input, shape, weight, bias);
      Tensor y = out.alloc(input.sizes(), input.dtype(), input.device());
      Ints outer(input.sizes().begin(), input.sizes().end());
      for (size_t i = outer.size() - shape.size(); i < outer.size(); ++i) outer[i] = 1;
      DType s = statistics_dtype(input.dtype());
      Tensor mean = empty_tensor(outer, s, input.device()), rstd = empty_tensor(outer, s, input.device());
      int64_t n = numel_of(shape), rows = mean.numel();
      if (input.is_meta() || input.numel() == 0) return std::tuple(y, mean, rstd);
      Tensor x = contiguous(input), w = prepared(weight, s), b = prepared(bias, s);
      cpu::RowsFn kernel = rows_kernel("layer_norm_rows", input.dtype());
      cpu::NormParams params{eps, 0, 0, 0, false};
      parallel_for(0, rows, std::max<int64_t>(1, 16384 / n), [&](int64_t begin, int64_t end) {
        char* data[] = {address(y) + begin * n * y.itemsize(), address(mean) + begin * mean.itemsize(), address(rstd) + begin * rstd.itemsize(),
                        address(x) + begin * n * x.itemsize(), address(w), address(b)};
        kernel(data, end - begin, n, &params);
      });
      return std::tuple(y, mean, rstd);
    },
    .grad = vjp("input weight out", [](Ctx& c, const Tensor& input, IntList shape, const Tensor& weight, const Tensor&, double eps) -> Grads {
      Grads result{Tensor(), Tensor(), Tensor()};
      const Tensor& g = c.grads[0];
      if (!g.defined()) return result;
      int64_t n = numel_of(shape);
      size_t k = shape.size();
      if (grad_enabled() || detail::any_special(g, input, weight)) {
        Ints last = last_dims(input, k), lead = leading_dims(input, k);
        Tensor centered = input - mean(input, IntList(last), true);
        Tensor rstd = rsqrt(mean(square(centered), IntList(last), true) + Scalar(eps)), hat = centered * rstd;
        Tensor gh = weight.defined() ? g * weight : g;
        if (c.needs(0)) result[0] = rstd * (gh - mean(gh, IntList(last), true) - hat * mean(gh * hat, IntList(last), true));
        if (c.needs(1)) result[1] = lead.empty() ? g * hat : sum(g * hat, IntList(lead));
        if (c.needs(2)) result[2] = lead.empty() ? g : sum(g, IntList(lead));
        return result;
      }
      Tensor m = c.out(1), s = c.out(2), x = contiguous(input), gy = contiguous(to(g, input.dtype())), w = prepared(weight, m.dtype());
      int64_t rows = m.numel();
      if (c.needs(0)) {
        Tensor gx = empty_tensor(x.sizes(), x.dtype());
        cpu::RowsFn kernel = rows_kernel("layer_norm_backward_rows", x.dtype());
        parallel_for(0, rows, std::max<int64_t>(1, 16384 / std::max<int64_t>(n, 1)), [&](int64_t begin, int64_t end) {
          int64_t at = begin * n * x.itemsize(), stat = begin * m.itemsize();
          char* data[] = {address(gx) + at, address(gy) + at, address(x) + at, address(m) + stat, address(s) + stat, address(w)};
          kernel(data, end - begin, n, nullptr);
        });
        result[0] = gx;
      }
      if (c.needs(1) || c.needs(2)) {
        Tensor gw = zero_(empty_tensor(shape, m.dtype())), gb = zero_(empty_tensor(shape, m.dtype()));
        cpu::NormParams params{0, n, 0, 0, false};
        char* data[] = {address(gw), address(gb), address(gy), address(x), address(m), address(s)};
        rows_kernel("layer_norm_backward_params", x.dtype())(data, rows, n, &params);
        result[1] = gw;
        result[2] = gb;
      }
      return result;
    }),
    .node_name = "NativeLayerNormBackward0",
});
Three layer_norm_statistics(const Tensor& x, IntList shape, const Tensor& weight, const Tensor& bias, double eps) { return layer_norm_op(x, shape, weight, bias, eps); }
const auto native_layer_norm_op = compose<&native_layer_norm>({
    .schema = "native_layer_norm(Tensor input, int[] normalized_shape, Tensor? weight, Tensor? bias, float eps) -> (Tensor, Tensor, Tensor)",
    .in = kFunction,
    .doc = "Layer normalisation, with the mean and the reciprocal standard deviation of each row, in the parameters' dtype.",
    .body = [](const Tensor& input, IntList shape, const Tensor& weight, const Tensor& bias, double eps) -> Three {
      auto [y, mean, rstd] = layer_norm_statistics(input, shape, weight, bias, eps);
      DType d = weight.defined() ? weight.dtype() : bias.defined() ? bias.dtype() : input.dtype();
      return {y, to(detach(mean), d), to(detach(rstd), d)};
    },
});
const auto layer_norm_public = compose<&layer_norm>({
    .schema = "layer_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, Tensor? bias=None, float eps=1e-05, bool cudnn_enable=True) -> Tensor",
    .in = kFunction | kFunctional,
    .doc = "(input - mean) / sqrt(var + eps) * weight + bias over the last dimensions, whose sizes are normalized_shape (Ba et al. 2016).",
    .body = [](const Tensor& input, IntList shape, const Tensor& weight, const Tensor& bias, double eps, bool) { return std::get<0>(layer_norm_statistics(input, shape, weight, bias, eps)); },
});

// ---------------------------------------------------------------- rms_norm
using Two = std::tuple<Tensor, Tensor>;
double rms_epsilon(std::optional<double> eps, DType t) {
  return eps.value_or(to_real(t) == DType::Float64 ? std::numeric_limits<double>::epsilon() : double(std::numeric_limits<float>::epsilon()));
}
/// The same with operators, for complex numbers and for whoever wants to see or differentiate the parts.
Two rms_norm_parts(const Tensor& input, IntList shape, const Tensor& weight, std::optional<double> eps) {
  Tensor x = is_half(input.dtype()) ? to(input, DType::Float32) : input;
  Tensor rstd = rsqrt(mean(square(x), IntList(last_dims(input, shape.size())), true) + Scalar(rms_epsilon(eps, input.dtype())));
  Tensor y = x * rstd;
  return {to(weight.defined() ? y * weight : y, input.dtype()), rstd};
}
Two fused_rms_norm(const Tensor& input, IntList shape, const Tensor& weight, std::optional<double> eps);
const auto fused_rms_norm_op = define<&fused_rms_norm>({
    .schema = "_fused_rms_norm(Tensor input, int[] normalized_shape, Tensor? weight, float? eps) -> (Tensor, Tensor)",
    .in = kFunction,
    .doc = "rms_norm, with the reciprocal root mean square of each row in float32 (float64 for float64).",
    .run = [](Out& out, const Tensor& input, IntList shape, const Tensor& weight, std::optional<double> eps) {
      check_normalized("rms_norm", input, shape, weight, {});
      Tensor y = out.alloc(input.sizes(), input.dtype(), input.device());
      Ints outer(input.sizes().begin(), input.sizes().end());
      for (size_t i = outer.size() - shape.size(); i < outer.size(); ++i) outer[i] = 1;
      DType s = statistics_dtype(input.dtype());
      Tensor rstd = empty_tensor(outer, s, input.device());
      int64_t n = numel_of(shape);
      if (y.is_meta() || y.numel() == 0) return std::tuple(y, rstd);
      Tensor x = contiguous(input), w = prepared(weight, s);
      cpu::RowsFn kernel = rows_kernel("rms_norm_rows", input.dtype());
      cpu::NormParams params{rms_epsilon(eps, input.dtype()), 0, 0, 0, false};
      parallel_for(0, rstd.numel(), std::max<int64_t>(1, 16384 / n), [&](int64_t begin, int64_t end) {
        char* data[] = {address(y) + begin * n * y.itemsize(), address(rstd) + begin * rstd.itemsize(), address(x) + begin * n * y.itemsize(), address(w)};
        kernel(data, end - begin, n, &params);
      });
      return std::tuple(y, rstd);
    },
    .grad = vjp("input weight out", [](Ctx& c, const Tensor& input, IntList shape, const Tensor& weight, std::optional<double> eps) -> Grads {
      Grads result{Tensor(), Tensor()};
      const Tensor& g = c.grads[0];
      if (grad_enabled() || c.grads[1].defined() || detail::any_special(g, input, weight)) {
        Ints last = last_dims(input, shape.size()), lead = leading_dims(input, shape.size());
        Tensor rstd = rsqrt(mean(square(input), IntList(last), true) + Scalar(rms_epsilon(eps, input.dtype()))), hat = input * rstd;
        if (g.defined()) {
          Tensor gh = weight.defined() ? g * weight : g;
          result[0] = rstd * (gh - hat * mean(gh * hat, IntList(last), true));
          if (c.needs(1)) result[1] = lead.empty() ? g * hat : sum(g * hat, IntList(lead));
        }
        if (c.grads[1].defined()) {
          Tensor through = neg(c.grads[1] * rstd * rstd * hat) / Scalar(numel_of(shape));
          result[0] = result[0].defined() ? result[0] + through : through;
        }
        return result;
      }
      if (!g.defined() || g.numel() == 0) return {g.defined() ? zeros_like(input) : Tensor(), g.defined() && c.needs(1) ? zeros_like(weight) : Tensor()};
      Tensor s = c.out(1), x = contiguous(input), gy = contiguous(to(g, input.dtype())), w = prepared(weight, s.dtype());
      int64_t rows = s.numel(), n = numel_of(shape);
      if (c.needs(0)) {
        Tensor gx = empty_tensor(x.sizes(), x.dtype());
        cpu::RowsFn kernel = rows_kernel("rms_norm_backward_rows", x.dtype());
        parallel_for(0, rows, std::max<int64_t>(1, 16384 / n), [&](int64_t begin, int64_t end) {
          int64_t at = begin * n * x.itemsize();
          char* data[] = {address(gx) + at, address(gy) + at, address(x) + at, address(s) + begin * s.itemsize(), address(w)};
          kernel(data, end - begin, n, nullptr);
        });
        result[0] = gx;
      }
      if (c.needs(1)) {
        Tensor gw = zero_(empty_tensor(shape, s.dtype()));
        cpu::NormParams params{0, n, 0, 0, false};
        char* data[] = {address(gw), nullptr, address(gy), address(x), nullptr, address(s)};
        rows_kernel("layer_norm_backward_params", x.dtype())(data, rows, n, &params);
        result[1] = gw;
      }
      return result;
    }),
    .node_name = "MulBackward0",
    .parts = rms_norm_parts,
});
Two fused_rms_norm(const Tensor& input, IntList shape, const Tensor& weight, std::optional<double> eps) { return fused_rms_norm_op(input, shape, weight, eps); }
const auto rms_norm_op = compose<&rms_norm>({
    .schema = "rms_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, float? eps=None) -> Tensor",
    .in = kFunction | kFunctional,
    .doc = "input / sqrt(mean(input^2) + eps) * weight over the last dimensions (Zhang and Sennrich 2019). eps defaults to the dtype's machine epsilon.",
    .body = [](const Tensor& input, IntList shape, const Tensor& weight, std::optional<double> eps) {
      check_normalized("rms_norm", input, shape, weight, {}, true);
      bool fused = !input.is_complex() && !(weight.defined() && weight.is_complex()) && !detail::any_special(input, weight);
      return std::get<0>((fused ? fused_rms_norm : rms_norm_parts)(input, shape, weight, eps));
    },
});

}  // namespace

std::tuple<Tensor, Tensor, Tensor> native_layer_norm(const Tensor& x, IntList shape, const Tensor& weight, const Tensor& bias, double eps) { return native_layer_norm_op(x, shape, weight, bias, eps); }
Tensor layer_norm(const Tensor& x, IntList shape, const Tensor& weight, const Tensor& bias, double eps, bool cudnn) { return layer_norm_public(x, shape, weight, bias, eps, cudnn); }
Tensor rms_norm(const Tensor& x, IntList shape, const Tensor& weight, std::optional<double> eps) { return rms_norm_op(x, shape, weight, eps); }
}  // namespace kagari
