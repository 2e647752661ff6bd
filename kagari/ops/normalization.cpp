#include "kagari/ops/normalization.h"

#include <cmath>
#include <limits>
#include <vector>

#include "kagari/base/parallel.h"
#include "kagari/cpu/reduce.h"
#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/autograd_support.h"
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

DType statistics_dtype(DType t) { return t == DType::Float64 ? DType::Float64 : DType::Float32; }

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
/// Parameters in the input's dtype, contiguous.
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
      Tensor x = contiguous(input), w = prepared(weight, input.dtype()), b = prepared(bias, input.dtype());
      cpu::RowsFn kernel = rows_kernel("layer_norm_rows", input.dtype());
      cpu::NormParams params{eps, 0, 0, 0};
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
      if (grad_enabled() || g.is_meta() || detail::any_special(g, input, weight)) {
        Ints last = last_dims(input, k), lead = leading_dims(input, k);
        Tensor centered = input - mean(input, IntList(last), true);
        Tensor rstd = rsqrt(mean(square(centered), IntList(last), true) + Scalar(eps)), hat = centered * rstd;
        Tensor gh = weight.defined() ? g * weight : g;
        if (c.needs(0)) result[0] = rstd * (gh - mean(gh, IntList(last), true) - hat * mean(gh * hat, IntList(last), true));
        if (c.needs(1)) result[1] = lead.empty() ? g * hat : sum(g * hat, IntList(lead));
        if (c.needs(2)) result[2] = lead.empty() ? g : sum(g, IntList(lead));
        return result;
      }
      Tensor m = c.out(1), s = c.out(2), x = contiguous(input), gy = contiguous(to(g, input.dtype())), w = prepared(weight, input.dtype());
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
        cpu::NormParams params{0, n, 0, 0};
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
const auto rms_norm_op = compose<&rms_norm>({
    .schema = "rms_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, float? eps=None) -> Tensor",
    .in = kFunction | kFunctional,
    .doc = "input / sqrt(mean(input^2) + eps) * weight over the last dimensions (Zhang and Sennrich 2019). eps defaults to the dtype's machine epsilon.",
    .body = [](const Tensor& input, IntList shape, const Tensor& weight, std::optional<double> eps) {
      check_normalized("rms_norm", input, shape, weight, {}, true);
      double e = eps.value_or(to_real(input.dtype()) == DType::Float64 ? std::numeric_limits<double>::epsilon()
                                                              : double(std::numeric_limits<float>::epsilon()));
      Ints last = last_dims(input, shape.size());
      Tensor x = is_half(input.dtype()) ? to(input, DType::Float32) : input;
      if (!input.is_complex() && !detail::any_special(input, weight) && !(grad_enabled() && (input.requires_grad() || (weight.defined() && weight.requires_grad())))) {
        Tensor y = empty_tensor(input.sizes(), input.dtype(), input.device());
        int64_t n = numel_of(shape);
        if (y.is_meta() || y.numel() == 0) return y;
        Tensor xs = contiguous(input), w = prepared(weight, input.dtype());
        cpu::RowsFn kernel = rows_kernel("rms_norm_rows", input.dtype());
        cpu::NormParams params{e, 0, 0, 0};
        parallel_for(0, y.numel() / n, std::max<int64_t>(1, 16384 / n), [&](int64_t begin, int64_t end) {
          char* data[] = {address(y) + begin * n * y.itemsize(), nullptr, address(xs) + begin * n * y.itemsize(), address(w)};
          kernel(data, end - begin, n, &params);
        });
        return y;
      }
      Tensor y = x * rsqrt(mean(square(x), IntList(last), true) + Scalar(e));
      y = to(y, input.dtype());
      return weight.defined() ? y * weight : y;
    },
});

// ---------------------------------------------------------------- batch_norm
/// Input seen as (batch, channels, inner).
struct Channels {
  int64_t batch, channels, inner;
};
Channels channels_of(const Tensor& x) {
  Channels c{x.sizes()[0], x.sizes()[1], 1};
  for (size_t d = 2; d < x.sizes().size(); ++d) c.inner *= x.sizes()[d];
  return c;
}
Ints channel_shape(const Tensor& x) {
  Ints shape(size_t(x.dim()), 1);
  shape[1] = x.sizes()[1];
  return shape;
}
Ints all_but_channels(const Tensor& x) {
  Ints dims{0};
  for (int64_t d = 2; d < x.dim(); ++d) dims.push_back(d);
  return dims;
}

/// f(channel, pointer offset of a run, length) over all runs of a channel; channels are split over threads.
template <class F>
void each_channel(const Channels& c, F&& f) {
  parallel_for(0, c.channels, std::max<int64_t>(1, 16384 / std::max<int64_t>(c.batch * c.inner, 1)), [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) f(k);
  });
}
/// Sums two functions of the elements over the channel k, in float lanes per run and double between runs.
template <class A, class F>
std::pair<double, double> channel_sums(const Channels& c, int64_t k, F&& f) {
  double s0 = 0, s1 = 0;
  for (int64_t n = 0; n < c.batch; ++n) {
    int64_t at = (n * c.channels + k) * c.inner;
    A lanes0[8] = {}, lanes1[8] = {};
    int64_t i = 0;
    for (; i + 8 <= c.inner; i += 8)
      for (int j = 0; j < 8; ++j) {
        auto [a, b] = f(at + i + j);
        lanes0[j] += a;
        lanes1[j] += b;
      }
    for (; i < c.inner; ++i) {
      auto [a, b] = f(at + i);
      lanes0[0] += a;
      lanes1[0] += b;
    }
    for (int j = 0; j < 8; ++j) {
      s0 += double(lanes0[j]);
      s1 += double(lanes1[j]);
    }
  }
  return {s0, s1};
}

/// The mean and the sum of squared deviations of channel k, whose runs are merged in order.
cpu::Moments channel_moments(const Tensor& x, const Channels& c, int64_t k) {
  static const cpu::KernelTable<cpu::ReduceKernelOf>& table = cpu::find_kernels<cpu::ReduceKernelOf>("moments");
  const cpu::ReduceKernel& kernel = table[x.dtype()]();
  const char* first = reinterpret_cast<const char*>(x.bytes()) + k * c.inner * x.itemsize();
  const int64_t step = c.channels * c.inner * x.itemsize();
  alignas(16) char total[32], part[32];
  cpu::Moments result;
  if (c.inner == 1) {
    kernel.block(total, first, c.batch, step, nullptr);
  } else {
    kernel.block(total, first, 0, x.itemsize(), nullptr);
    for (int64_t n = 0; n < c.batch; ++n) {
      kernel.block(part, first + n * step, c.inner, x.itemsize(), nullptr);
      kernel.merge(total, part, nullptr);
    }
  }
  kernel.finish(reinterpret_cast<char*>(&result), total, nullptr);
  return result;
}

void check_channels(const Tensor& input, const Tensor& t, const char* what) {
  KG_CHECK(!t.defined() || t.numel() == input.sizes()[1], what, " should contain ", input.sizes()[1], " elements not ", t.defined() ? t.numel() : 0);
}

Three batch_norm_statistics(const Tensor& input, const Tensor& weight, const Tensor& bias, const Tensor& running_mean, const Tensor& running_var, bool training, double momentum, double eps);
const auto batch_norm_op = define<&batch_norm_statistics>({
    .schema = "_batch_norm_statistics(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, float eps) -> (Tensor, Tensor, Tensor)",
    .in = kPrivate,
    .doc = "Batch normalisation, with the mean and the reciprocal standard deviation that each channel was normalised with.",
    .run = [](Out&, const Tensor& input, const Tensor& weight, const Tensor& bias, const Tensor& running_mean, const Tensor& running_var, bool training, double momentum, double eps) {
      KG_CHECK(input.dim() >= 2, "batch_norm(): expected an input of at least 2 dimensions (N, C, ...), but got shape ", input.sizes());
      KG_CHECK_IMPLEMENTED(is_floating(input.dtype()) && !is_float8(input.dtype()), "\"batch_norm\" not implemented for '", input.dtype(), "'");
      check_channels(input, weight, "weight"), check_channels(input, bias, "bias");
      check_channels(input, running_mean, "running_mean"), check_channels(input, running_var, "running_var");
      KG_CHECK(training || (running_mean.defined() && running_var.defined()), "running_mean and running_var must be defined in evaluation mode");
      MemoryFormat last = input.dim() == 5 ? MemoryFormat::ChannelsLast3d : MemoryFormat::ChannelsLast;
      bool is_last = input.dim() >= 4 && !input.is_contiguous() && input.is_contiguous(last);
      Tensor y = empty_tensor(input.sizes(), input.dtype(), input.device());
      DType s = statistics_dtype(input.dtype());
      Channels c = channels_of(input);
      Tensor mean = empty_tensor({c.channels}, s, input.device()), rstd = empty_tensor({c.channels}, s, input.device());
      if (input.is_meta()) return std::tuple(y, mean, rstd);
      Tensor x = contiguous(input), w = prepared(weight, s), b = prepared(bias, s), rm = prepared(running_mean, s), rv = prepared(running_var, s);
      int64_t count = c.batch * c.inner;
      const cpu::RowsFn scale_shift = cpu::find_kernels<cpu::RowsFn>("scale_shift_rows")[input.dtype()];
      visit_floats_and_halfs("batch_norm", input.dtype(), [&](auto tag) {
        using T = decltype(tag);
        using A = std::conditional_t<std::is_same_v<T, double>, double, float>;
        const T* xs = x.data<T>();
        T* ys = y.data<T>();
        A *means = mean.data<A>(), *rstds = rstd.data<A>();
        each_channel(c, [&](int64_t k) {
          double m, v;
          if (training) {
            const cpu::Moments moments = channel_moments(x, c, k);
            m = moments.mean;
            v = moments.m2;
            if (rm.defined()) rm.data<A>()[k] = A((1 - momentum) * rm.data<A>()[k] + momentum * m);
            if (rv.defined()) rv.data<A>()[k] = A((1 - momentum) * rv.data<A>()[k] + momentum * v / double(count - 1));
            v /= double(count);
          } else {
            m = rm.data<A>()[k];
            v = rv.data<A>()[k];
          }
          means[k] = A(m);
          rstds[k] = A(1 / std::sqrt(v + eps));
          A scale = rstds[k] * (w.defined() ? w.data<A>()[k] : A(1)), shift = (b.defined() ? b.data<A>()[k] : A(0)) - A(m) * scale;
          for (int64_t n = 0; n < c.batch; ++n) {
            int64_t at = (n * c.channels + k) * c.inner;
            if (c.inner < 16) {
              for (int64_t i = 0; i < c.inner; ++i) ys[at + i] = T(A(xs[at + i]) * scale + shift);
              continue;
            }
            char* run[] = {reinterpret_cast<char*>(ys + at), reinterpret_cast<char*>(const_cast<T*>(xs + at)), reinterpret_cast<char*>(&scale), reinterpret_cast<char*>(&shift)};
            const cpu::NormParams one{.eps = 0, .row_stride = 0, .channels = 1, .first_row = 0};
            scale_shift(run, 1, c.inner, &one);
          }
        });
      });
      if (training && running_mean.defined() && !rm.is_same(running_mean)) copy_(running_mean, rm);
      if (training && running_var.defined() && !rv.is_same(running_var)) copy_(running_var, rv);
      if (training && running_mean.defined()) running_mean.bump_version();
      if (training && running_var.defined()) running_var.bump_version();
      if (is_last) y = contiguous(y, last);
      return std::tuple(y, mean, rstd);
    },
    .grad = vjp("input weight out", [](Ctx& c, const Tensor& input, const Tensor& weight, const Tensor&, const Tensor&, const Tensor&, bool training, double, double eps) -> Grads {
      Grads result{Tensor(), Tensor(), Tensor(), Tensor(), Tensor()};
      const Tensor& g = c.grads[0];
      if (!g.defined()) return result;
      Ints dims = all_but_channels(input), shape = channel_shape(input);
      int64_t count = input.numel() / std::max<int64_t>(input.sizes()[1], 1);
      if (grad_enabled() || g.is_meta() || detail::any_special(g, input, weight)) {
        Tensor centered = input - (training ? mean(input, IntList(dims), true) : reshape(detach(c.out(1)), shape));
        Tensor rstd = training ? rsqrt(mean(square(centered), IntList(dims), true) + Scalar(eps)) : reshape(detach(c.out(2)), shape), hat = centered * rstd;
        Tensor gh = weight.defined() ? g * reshape(weight, shape) : g;
        if (c.needs(0)) result[0] = training ? rstd * (gh - mean(gh, IntList(dims), true) - hat * mean(gh * hat, IntList(dims), true)) : gh * rstd;
        if (c.needs(1)) result[1] = sum(g * hat, IntList(dims));
        if (c.needs(2)) result[2] = sum(g, IntList(dims));
        return result;
      }
      Tensor m = c.out(1), s = c.out(2), x = contiguous(input), gy = contiguous(to(g, input.dtype())), w = prepared(weight, m.dtype());
      Tensor gx = c.needs(0) ? empty_tensor(x.sizes(), x.dtype()) : Tensor(), gw = empty_tensor(m.sizes(), m.dtype()), gb = empty_tensor(m.sizes(), m.dtype());
      Channels ch = channels_of(x);
      visit_floats_and_halfs("batch_norm_backward", x.dtype(), [&](auto tag) {
        using T = decltype(tag);
        using A = std::conditional_t<std::is_same_v<T, double>, double, float>;
        const T *xs = x.data<T>(), *gs = gy.data<T>();
        each_channel(ch, [&](int64_t k) {
          A center = m.data<A>()[k], r = s.data<A>()[k];
          auto [sum_g, sum_gx] = channel_sums<A>(ch, k, [&](int64_t i) { A d = A(gs[i]); return std::pair(d, d * (A(xs[i]) - center)); });
          gw.data<A>()[k] = A(sum_gx * double(r));
          gb.data<A>()[k] = A(sum_g);
          if (!gx.defined()) return;
          A scale = r * (w.defined() ? w.data<A>()[k] : A(1));
          A mean_g = training ? A(sum_g / double(count)) : A(0), slope = training ? A(sum_gx / double(count)) * r * r : A(0);
          T* out = gx.data<T>();
          for (int64_t n = 0; n < ch.batch; ++n) {
            int64_t at = (n * ch.channels + k) * ch.inner;
            for (int64_t i = 0; i < ch.inner; ++i) out[at + i] = T((A(gs[at + i]) - mean_g - (A(xs[at + i]) - center) * slope) * scale);
          }
        });
      });
      result[0] = gx;
      if (c.needs(1)) result[1] = gw;
      if (c.needs(2)) result[2] = gb;
      return result;
    }),
    .node_name = "NativeBatchNormBackward0",
});
Three batch_norm_statistics(const Tensor& x, const Tensor& w, const Tensor& b, const Tensor& rm, const Tensor& rv, bool training, double momentum, double eps) {
  return batch_norm_op(x, w, b, rm, rv, training, momentum, eps);
}

// ---- PyTorch's own names of batch normalisation: the statistics are returned in training only
#define KG_BATCH_NORM_ARGUMENTS const Tensor &input, const Tensor &weight, const Tensor &bias, const Tensor &running_mean, const Tensor &running_var
const auto native_batch_norm_op = compose<&native_batch_norm>({
    .schema = "native_batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, float eps) -> (Tensor, Tensor, Tensor)",
    .in = kFunction | kOut,
    .doc = "Batch normalisation, with the mean and the reciprocal standard deviation of each channel in training; otherwise these are empty.",
    .body = [](KG_BATCH_NORM_ARGUMENTS, bool training, double momentum, double eps) -> Three {
      auto [y, mean, rstd] = batch_norm_statistics(input, weight, bias, running_mean, running_var, training, momentum, eps);
      DType d = weight.defined() ? weight.dtype() : bias.defined() ? bias.dtype() : input.dtype();
      if (training) return {y, to(detach(mean), d), to(detach(rstd), d)};
      return {y, empty_tensor({0}, d, mean.device()), empty_tensor({0}, d, mean.device())};
    },
});
Three native_batch_norm_legit(KG_BATCH_NORM_ARGUMENTS, bool training, double momentum, double eps) {
  return native_batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps);
}
const auto native_batch_norm_legit_op = compose<&native_batch_norm_legit>({
    .schema = "_native_batch_norm_legit(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, float eps) -> (Tensor, Tensor, Tensor)",
    .in = kFunction | kOut,
    .doc = "native_batch_norm, which changes the running statistics in training.",
    .body = native_batch_norm_legit,
});
Three native_batch_norm_no_stats(const Tensor& input, const Tensor& weight, const Tensor& bias, bool training, double momentum, double eps) {
  return native_batch_norm(input, weight, bias, {}, {}, training, momentum, eps);
}
const auto native_batch_norm_no_stats_op = compose<&native_batch_norm_no_stats>({
    .schema = "_native_batch_norm_legit.no_stats(Tensor input, Tensor? weight, Tensor? bias, bool training, float momentum, float eps) -> (Tensor, Tensor, Tensor)",
    .in = kFunction | kOut,
    .doc = "native_batch_norm without running statistics.",
    .body = native_batch_norm_no_stats,
});
Three native_batch_norm_no_training(KG_BATCH_NORM_ARGUMENTS, double momentum, double eps) {
  return native_batch_norm(input, weight, bias, running_mean, running_var, false, momentum, eps);
}
const auto native_batch_norm_no_training_op = compose<&native_batch_norm_no_training>({
    .schema = "_native_batch_norm_legit_no_training(Tensor input, Tensor? weight, Tensor? bias, Tensor running_mean, Tensor running_var, float momentum, float eps) -> (Tensor, Tensor, Tensor)",
    .in = kFunction,
    .doc = "native_batch_norm with the running statistics.",
    .body = native_batch_norm_no_training,
});
using Four = std::tuple<Tensor, Tensor, Tensor, Tensor>;
Four batch_norm_with_update(KG_BATCH_NORM_ARGUMENTS, double momentum, double eps) {
  auto [y, mean, rstd] = native_batch_norm(input, weight, bias, running_mean, running_var, true, momentum, eps);
  return {y, mean, rstd, empty_tensor({0}, DType::UInt8, input.device())};
}
const auto batch_norm_with_update_op = compose<&batch_norm_with_update>({
    .schema = "_batch_norm_with_update(Tensor input, Tensor? weight, Tensor? bias, Tensor running_mean, Tensor running_var, float momentum, float eps) -> (Tensor, Tensor, Tensor, Tensor)",
    .in = kFunction,
    .doc = "native_batch_norm in training, and an empty tensor where other devices keep what their gradient needs.",
    .body = batch_norm_with_update,
});
Four batch_norm_no_update(KG_BATCH_NORM_ARGUMENTS, double momentum, double eps) {
  auto [y, mean, rstd] = native_batch_norm(input, weight, bias, running_mean, running_var, false, momentum, eps);
  return {y, mean, rstd, empty_tensor({0}, DType::UInt8, input.device())};
}
const auto batch_norm_no_update_op = compose<&batch_norm_no_update>({
    .schema = "_batch_norm_no_update(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, float momentum, float eps) -> (Tensor, Tensor, Tensor, Tensor)",
    .in = kFunction,
    .doc = "native_batch_norm with the running statistics, and an empty tensor.",
    .body = batch_norm_no_update,
});
#undef KG_BATCH_NORM_ARGUMENTS

/// Batch normalisation as layers use it: an empty input is scaled by the first channel's parameters.
Tensor normalized_batch(const Tensor& input, const Tensor& weight, const Tensor& bias, const Tensor& running_mean, const Tensor& running_var, bool training, double momentum, double eps) {
  if (input.numel() != 0) return std::get<0>(batch_norm_statistics(input, weight, bias, running_mean, running_var, training, momentum, eps));
  Tensor y = clone(input);
  if (weight.defined() && weight.numel()) y = y * select(weight, 0, 0);
  return bias.defined() && bias.numel() ? y + select(bias, 0, 0) : y;
}

const auto batch_norm_public = compose<&batch_norm>({
    .schema = "batch_norm(Tensor input, Tensor? running_mean, Tensor? running_var, Tensor? weight=None, Tensor? bias=None, bool training=False, float momentum=0.1, float eps=1e-05) -> Tensor",
    .in = kFunctional,
    .doc = "(input - mean) / sqrt(var + eps) * weight + bias per channel (dimension 1), with the batch's statistics in training and the running ones otherwise (Ioffe and Szegedy 2015).",
    .body = [](const Tensor& input, const Tensor& running_mean, const Tensor& running_var, const Tensor& weight, const Tensor& bias, bool training, double momentum, double eps) {
      if (training) {
        int64_t values = input.dim() ? input.sizes()[0] : 1;
        for (size_t d = 2; d < input.sizes().size(); ++d) values *= input.sizes()[d];
        KG_CHECK_VALUE(values != 1, "Expected more than 1 value per channel when training, got input size torch.Size(", input.sizes(), ")");
      }
      return normalized_batch(input, weight, bias, running_mean, running_var, training, momentum, eps);
    },
});

/// torch.batch_norm: the same with cuDNN's switch in PyTorch's order of arguments.
Tensor torch_batch_norm(const Tensor& input, const Tensor& weight, const Tensor& bias, const Tensor& running_mean, const Tensor& running_var, bool training, double momentum, double eps, bool cudnn_enabled);
const auto torch_batch_norm_op = compose<&torch_batch_norm>({
    .schema = "batch_norm.torch(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, float eps, bool cudnn_enabled) -> Tensor",
    .in = kFunction,
    .doc = "Batch normalisation.",
    .body = [](const Tensor& input, const Tensor& weight, const Tensor& bias, const Tensor& running_mean, const Tensor& running_var, bool training, double momentum, double eps, bool) {
      return normalized_batch(input, weight, bias, running_mean, running_var, training, momentum, eps);
    },
});

// ---------------------------------------------------------------- group_norm, instance_norm
Tensor scale_channels(Tensor y, const Tensor& weight, const Tensor& bias) {
  if (weight.defined()) y = y * reshape(weight, channel_shape(y));
  if (bias.defined()) y = y + reshape(bias, channel_shape(y));
  return y;
}
const auto group_norm_op = compose<&group_norm>({
    .schema = "group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, float eps=1e-05) -> Tensor",
    .in = kFunction | kFunctional,
    .doc = "Normalises each of num_groups groups of channels (dimension 1) of each sample, then scales each channel (Wu and He 2018).",
    .body = [](const Tensor& input, int64_t groups, const Tensor& weight, const Tensor& bias, double eps) {
      KG_CHECK(input.dim() >= 2, "Expected at least 2 dimensions for input tensor but received ", input.dim());
      int64_t channels = input.sizes()[1];
      KG_CHECK(groups > 0, "num_groups must be greater than 0, got ", groups);
      KG_CHECK(channels % groups == 0, "Expected number of channels in input to be divisible by num_groups, but got input of shape ", input.sizes(), " and num_groups=", groups);
      KG_CHECK(!weight.defined() || (weight.dim() == 1 && weight.numel() == channels), "Expected weight to be a vector of size equal to the number of channels in input, but got weight of shape ",
               weight.defined() ? weight.sizes() : IntList(), " and input of shape ", input.sizes());
      KG_CHECK(!bias.defined() || (bias.dim() == 1 && bias.numel() == channels), "Expected bias to be a vector of size equal to the number of channels in input, but got bias of shape ",
               bias.defined() ? bias.sizes() : IntList(), " and input of shape ", input.sizes());
      if (input.numel() == 0) return scale_channels(clone(input), weight, bias);
      int64_t n = input.numel() / (input.sizes()[0] * groups);
      Tensor rows = reshape(input, {input.sizes()[0], groups, n});
      int64_t shape[] = {n};
      return to(scale_channels(reshape(layer_norm(rows, IntList(shape, 1), {}, {}, eps), input.sizes()), weight, bias), input.dtype());
    },
});
Three native_group_norm(const Tensor& input, const Tensor& weight, const Tensor& bias, int64_t N, int64_t C, int64_t HxW, int64_t groups, double eps) {
  KG_CHECK(groups > 0 && C % groups == 0, "Expected number of channels in input to be divisible by num_groups, but got input of shape ", input.sizes(), " and num_groups=", groups);
  KG_CHECK(input.numel() == N * C * HxW, "native_group_norm(): ", N, " x ", C, " x ", HxW, " elements do not fit input of shape ", input.sizes());
  DType parameters = weight.defined() ? weight.dtype() : bias.defined() ? bias.dtype() : input.dtype();
  if (input.numel() == 0) {
    Tensor none = zeros({N, groups}, {.dtype = parameters, .layout = {}, .device = input.device()});
    return {reshape(scale_channels(reshape(input, {N, C, HxW}), weight, bias), input.sizes()), constant_in(none, input), constant_in(clone(none), input)};
  }
  Tensor rows = reshape(is_half(input.dtype()) ? to(input, DType::Float32) : input, {N, groups, C / groups * HxW});
  int64_t last[] = {-1};
  Tensor center = mean(rows, IntList(last, 1), true), deviation = rows - center;
  Tensor rstd = rsqrt(mean(square(deviation), IntList(last, 1), true) + Scalar(eps));
  Tensor y = scale_channels(reshape(deviation * rstd, {N, C, HxW}), weight, bias);
  return {to(reshape(y, input.sizes()), input.dtype()), to(squeeze_dim(center, -1), parameters), to(squeeze_dim(rstd, -1), parameters)};
}
const auto native_group_norm_op = compose<&native_group_norm>({
    .schema = "native_group_norm(Tensor input, Tensor? weight, Tensor? bias, int N, int C, int HxW, int group, float eps) -> (Tensor, Tensor, Tensor)",
    .in = kFunction,
    .doc = "Group normalisation, with the mean and the reciprocal standard deviation of each group of each sample.",
    .body = native_group_norm,
});
const auto instance_norm_op = compose<&instance_norm>({
    .schema = "instance_norm(Tensor input, Tensor? running_mean=None, Tensor? running_var=None, Tensor? weight=None, Tensor? bias=None, bool use_input_stats=True, float momentum=0.1, float eps=1e-05) -> Tensor",
    .in = kFunctional,
    .doc = "Normalises each channel of each sample over its spatial dimensions (Ulyanov et al. 2016).",
    .body = [](const Tensor& input, const Tensor& running_mean, const Tensor& running_var, const Tensor& weight, const Tensor& bias, bool use_input_stats, double momentum, double eps) {
      KG_CHECK(input.dim() >= 2, "instance_norm(): expected an input of at least 2 dimensions (N, C, ...), but got shape ", input.sizes());
      KG_CHECK(use_input_stats || (running_mean.defined() && running_var.defined()), "Expected running_mean and running_var to be defined when use_input_stats is false");
      int64_t spatial = 1;
      for (size_t d = 2; d < input.sizes().size(); ++d) spatial *= input.sizes()[d];
      KG_CHECK_VALUE(!use_input_stats || spatial != 1, "Expected more than 1 spatial element when training, got input size torch.Size(", input.sizes(), ")");
      int64_t batch = input.sizes()[0], channels = input.sizes()[1];
      Ints folded(input.sizes().begin(), input.sizes().end());
      folded[0] = 1;
      folded[1] = batch * channels;
      auto spread = [&](const Tensor& t) { return t.defined() ? repeat(t, {batch}) : Tensor(); };
      Tensor rm = spread(running_mean), rv = spread(running_var);
      Tensor y = std::get<0>(batch_norm_statistics(reshape(input, folded), spread(weight), spread(bias), rm, rv, use_input_stats, momentum, eps));
      if (use_input_stats) {
        NoGrad no_record;
        int64_t zero[] = {0};
        if (rm.defined()) copy_(running_mean, mean(reshape(rm, {batch, channels}), IntList(zero, 1)));
        if (rv.defined()) copy_(running_var, mean(reshape(rv, {batch, channels}), IntList(zero, 1)));
      }
      return reshape(y, input.sizes());
    },
});

}  // namespace

std::tuple<Tensor, Tensor, Tensor> native_layer_norm(const Tensor& x, IntList shape, const Tensor& weight, const Tensor& bias, double eps) { return native_layer_norm_op(x, shape, weight, bias, eps); }
Tensor layer_norm(const Tensor& x, IntList shape, const Tensor& weight, const Tensor& bias, double eps, bool cudnn) { return layer_norm_public(x, shape, weight, bias, eps, cudnn); }
Tensor rms_norm(const Tensor& x, IntList shape, const Tensor& weight, std::optional<double> eps) { return rms_norm_op(x, shape, weight, eps); }
std::tuple<Tensor, Tensor, Tensor> native_batch_norm(const Tensor& x, const Tensor& w, const Tensor& b, const Tensor& rm, const Tensor& rv, bool training, double momentum, double eps) {
  return native_batch_norm_op(x, w, b, rm, rv, training, momentum, eps);
}
Tensor batch_norm(const Tensor& x, const Tensor& rm, const Tensor& rv, const Tensor& w, const Tensor& b, bool training, double momentum, double eps) {
  return batch_norm_public(x, rm, rv, w, b, training, momentum, eps);
}
namespace {
Tensor torch_batch_norm(const Tensor& x, const Tensor& w, const Tensor& b, const Tensor& rm, const Tensor& rv, bool training, double momentum, double eps, bool cudnn) {
  return torch_batch_norm_op(x, w, b, rm, rv, training, momentum, eps, cudnn);
}
}  // namespace
Tensor group_norm(const Tensor& x, int64_t groups, const Tensor& w, const Tensor& b, double eps) { return group_norm_op(x, groups, w, b, eps); }
Tensor instance_norm(const Tensor& x, const Tensor& rm, const Tensor& rv, const Tensor& w, const Tensor& b, bool stats, double momentum, double eps) {
  return instance_norm_op(x, rm, rv, w, b, stats, momentum, eps);
}

}  // namespace kagari
