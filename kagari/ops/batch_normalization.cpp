// batch_norm, group_norm, instance_norm: statistics per channel and sample, merged over what is normalised together, then one affine map
// per channel. Gradients: Note [Gradients of normalisations] in normalization.cpp.
#include <cmath>
#include <vector>

#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/autograd_support.h"
#include "kagari/ops/channels.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/normalization.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

using Three = std::tuple<Tensor, Tensor, Tensor>;

/// Parameters in the dtype of statistics, contiguous.
Tensor prepared(const Tensor& t, DType dtype) { return t.defined() ? contiguous(to(t, dtype)) : Tensor(); }
std::vector<double> numbers_of(const Tensor& t) {
  std::vector<double> out(size_t(t.numel()));
  for (size_t i = 0; i < out.size(); ++i) out[i] = t.dtype() == DType::Float64 ? t.data<double>()[i] : double(t.data<float>()[i]);
  return out;
}
void set_number(const Tensor& t, int64_t i, double x) {
  if (t.dtype() == DType::Float64) t.data<double>()[i] = x;
  else t.data<float>()[i] = float(x);
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
void check_channels(const Tensor& input, const Tensor& t, const char* what) {
  KG_CHECK(!t.defined() || t.numel() == input.sizes()[1], what, " should contain ", input.sizes()[1], " elements not ", t.defined() ? t.numel() : 0);
}
/// Number k of a parameter that may be left out.
double number_or(const std::vector<double>& t, size_t k, double otherwise) { return t.empty() ? otherwise : t[k]; }
std::vector<double> numbers_or_none(const Tensor& t, DType dtype) { return t.defined() ? numbers_of(prepared(t, dtype)) : std::vector<double>(); }

// ---------------------------------------------------------------- batch_norm
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
      const ChannelLayout layout(input), c = layout.merged();
      Tensor y = layout.fresh(input);
      DType s = statistics_dtype(input.dtype());
      Tensor mean = empty_tensor({c.channels}, s, input.device()), rstd = empty_tensor({c.channels}, s, input.device());
      if (input.is_meta()) return std::tuple(y, mean, rstd);
      Tensor x = layout.in_format(input), rm = prepared(running_mean, s), rv = prepared(running_var, s);
      const size_t channels = size_t(c.channels);
      std::vector<double> w = numbers_or_none(weight, s), b = numbers_or_none(bias, s), scale(channels), shift(channels);
      std::vector<Counted> moments = training && x.numel() ? channel_moments(x, c) : std::vector<Counted>(channels);
      for (size_t k = 0; k < channels; ++k) {
        double m, v;
        if (training) {
          Counted& all = moments[k];
          for (size_t sample = 1; sample * channels < moments.size(); ++sample) all.add(moments[sample * channels + k].count, moments[sample * channels + k].moments);
          m = all.count > 0 ? all.moments.mean : std::nan("");
          v = all.moments.m2;
          auto move = [&](const Tensor& t, double towards) {
            if (t.defined()) set_number(t, int64_t(k), (1 - momentum) * (s == DType::Float64 ? t.data<double>()[k] : double(t.data<float>()[k])) + momentum * towards);
          };
          move(rm, m), move(rv, v / (all.count - 1));
          v /= all.count;
        } else {
          m = s == DType::Float64 ? rm.data<double>()[k] : double(rm.data<float>()[k]);
          v = s == DType::Float64 ? rv.data<double>()[k] : double(rv.data<float>()[k]);
        }
        set_number(mean, int64_t(k), m);
        set_number(rstd, int64_t(k), 1 / std::sqrt(v + eps));
        scale[k] = 1 / std::sqrt(v + eps) * number_or(w, k, 1);
        shift[k] = number_or(b, k, 0) - m * scale[k];
      }
      if (x.numel()) map_channels("channel_affine", c, {y, x}, {scale, shift});
      if (training && running_mean.defined() && !rm.is_same(running_mean)) copy_(running_mean, rm);
      if (training && running_var.defined() && !rv.is_same(running_var)) copy_(running_var, rv);
      if (training && running_mean.defined()) running_mean.bump_version();
      if (training && running_var.defined()) running_var.bump_version();
      return std::tuple(y, mean, rstd);
    },
    .grad = vjp("input weight out", [](Ctx& c, const Tensor& input, const Tensor& weight, const Tensor&, const Tensor&, const Tensor&, bool training, double, double eps) -> Grads {
      Grads result{Tensor(), Tensor(), Tensor(), Tensor(), Tensor()};
      const Tensor& g = c.grads[0];
      if (!g.defined()) return result;
      Ints dims = all_but_channels(input), shape = channel_shape(input);
      if (grad_enabled() || g.is_meta() || detail::any_special(g, input, weight) || input.numel() == 0) {
        Tensor centered = input - (training ? mean(input, IntList(dims), true) : reshape(detach(c.out(1)), shape));
        Tensor rstd = training ? rsqrt(mean(square(centered), IntList(dims), true) + Scalar(eps)) : reshape(detach(c.out(2)), shape), hat = centered * rstd;
        Tensor gh = weight.defined() ? g * reshape(weight, shape) : g;
        if (c.needs(0)) result[0] = training ? rstd * (gh - mean(gh, IntList(dims), true) - hat * mean(gh * hat, IntList(dims), true)) : gh * rstd;
        if (c.needs(1)) result[1] = sum(g * hat, IntList(dims));
        if (c.needs(2)) result[2] = sum(g, IntList(dims));
        return result;
      }
      const ChannelLayout layout(input), ch = layout.merged();
      Tensor x = layout.in_format(input), gy = layout.in_format(to(g, input.dtype()));
      const DType s = c.out(1).dtype();
      const std::vector<double> m = numbers_of(c.out(1)), r = numbers_of(c.out(2)), w = numbers_or_none(weight, s);
      const size_t channels = m.size();
      ChannelSums sums = channel_sums(gy, x, ch, m);
      Tensor gw = empty_tensor({int64_t(channels)}, s), gb = empty_tensor({int64_t(channels)}, s);
      std::vector<double> of_g(channels), of_x(channels), constant(channels);
      const double count = double(input.numel()) / double(channels);
      for (size_t k = 0; k < channels; ++k) {
        for (size_t sample = 1; sample * channels < sums.g.size(); ++sample) {
          sums.g[k] += sums.g[sample * channels + k];
          sums.products[k] += sums.products[sample * channels + k];
        }
        set_number(gw, int64_t(k), sums.products[k] * r[k]);
        set_number(gb, int64_t(k), sums.g[k]);
        of_g[k] = r[k] * number_or(w, k, 1);
        of_x[k] = training ? -sums.products[k] / count * r[k] * r[k] * of_g[k] : 0;
        constant[k] = training ? -sums.g[k] / count * of_g[k] : 0;
      }
      if (c.needs(0)) {
        result[0] = layout.fresh(x);
        map_channels("channel_affine_gradient", ch, {result[0], gy, x}, {of_g, of_x, constant, m});
      }
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
/// Tensors per group (N, groups) as a factor of the input.
Tensor spread_groups(const Tensor& t, const Tensor& input) {
  const int64_t per = input.sizes()[1] / t.sizes()[1];
  Ints shape(size_t(input.dim()), 1);
  shape[0] = input.sizes()[0], shape[1] = input.sizes()[1];
  return reshape(expand(unsqueeze(t, 2), {t.sizes()[0], t.sizes()[1], per}), shape);
}
Three group_norm_statistics(const Tensor& input, const Tensor& weight, const Tensor& bias, int64_t N, int64_t C, int64_t HxW, int64_t groups, double eps);
const auto group_norm_statistics_op = define<&group_norm_statistics>({
    .schema = "_group_norm_statistics(Tensor input, Tensor? weight, Tensor? bias, int N, int C, int HxW, int group, float eps) -> (Tensor, Tensor, Tensor)",
    .in = kPrivate,
    .doc = "Group normalisation, with the mean and the reciprocal standard deviation (N, groups) in float32 (float64 for float64).",
    .run = [](Out&, const Tensor& input, const Tensor& weight, const Tensor& bias, int64_t N, int64_t C, int64_t HxW, int64_t groups, double eps) {
      KG_CHECK(input.dim() >= 2 && input.sizes()[0] == N && input.sizes()[1] == C && HxW >= 0 && input.numel() == N * C * HxW && groups > 0 && C % groups == 0 &&
                   (!weight.defined() || weight.numel() == C) && (!bias.defined() || bias.numel() == C),
               "_group_norm_statistics: ", groups, " groups of ", C, " channels do not fit an input of shape ", input.sizes());
      KG_CHECK_IMPLEMENTED(is_floating(input.dtype()) && !is_float8(input.dtype()), "\"GroupNormKernelImpl\" not implemented for '", legacy_name(input.dtype()), "'");
      const ChannelLayout c(input);
      Tensor y = c.fresh(input);
      DType s = statistics_dtype(input.dtype());
      Tensor mean = empty_tensor({N, groups}, s, input.device()), rstd = empty_tensor({N, groups}, s, input.device());
      if (input.is_meta() || input.numel() == 0) return std::tuple(y, mean, rstd);
      Tensor x = c.in_format(input);
      const std::vector<double> w = numbers_or_none(weight, s), b = numbers_or_none(bias, s);
      // Units of statistics that lie one after the other: groups where a channel is in one piece, samples with all groups otherwise. Some of them at
      // once, so that what their moments have read is still in the cache when it is scaled.
      const int64_t groups_of_unit = c.by_column ? groups : 1, units = N * groups / groups_of_unit, channels = C / groups * groups_of_unit;
      const Tensor xs = c.by_column ? x : reshape(x, {units, channels, c.inner}), ys = c.by_column ? y : reshape(y, {units, channels, c.inner});
      const int64_t at_once = std::clamp<int64_t>((int64_t(1) << 20) / (channels * HxW * x.itemsize()), 1, units);
      for (int64_t first = 0; first < units; first += at_once) {
        ChannelLayout part = c;
        part.samples = std::min(at_once, units - first), part.channels = channels;
        std::vector<double> scale(size_t(part.samples * channels)), shift(size_t(part.samples * channels));
        ChannelLayout of_moments = part;
        if (!c.by_column) of_moments.channels = 1, of_moments.inner = channels * c.inner;  // a group is one row
        const Tensor from = narrow(xs, 0, first, part.samples);
        const std::vector<Counted> moments = channel_moments(from, of_moments);
        const int64_t per = C / groups, parts = of_moments.channels / groups_of_unit;
        for (int64_t i = 0; i < part.samples * groups_of_unit; ++i) {
          Counted all;
          for (int64_t k = i * parts; k < (i + 1) * parts; ++k) all.add(moments[size_t(k)].count, moments[size_t(k)].moments);
          const double r = 1 / std::sqrt(all.moments.m2 / all.count + eps);
          const int64_t group = first * groups_of_unit + i;
          set_number(mean, group, all.moments.mean);
          set_number(rstd, group, r);
          for (int64_t k = 0; k < per; ++k) {
            const size_t channel = size_t(group % groups * per + k), at = size_t(i * per + k);
            scale[at] = r * number_or(w, channel, 1);
            shift[at] = number_or(b, channel, 0) - all.moments.mean * scale[at];
          }
        }
        map_channels("channel_affine", part, {narrow(ys, 0, first, part.samples), from}, {scale, shift});
      }
      return std::tuple(y, mean, rstd);
    },
    .grad = vjp("input weight out", [](Ctx& c, const Tensor& input, const Tensor& weight, const Tensor&, int64_t N, int64_t C, int64_t, int64_t groups, double eps) -> Grads {
      Grads result{Tensor(), Tensor(), Tensor()};
      const Tensor& g = c.grads[0];
      if (!g.defined()) return result;
      Ints dims = all_but_channels(input);
      if (grad_enabled() || g.is_meta() || detail::any_special(g, input, weight) || input.numel() == 0) {
        auto group_mean = [&](const Tensor& t) {
          int64_t last[] = {-1};
          return spread_groups(mean(reshape(t, {N, groups, input.numel() / std::max<int64_t>(N * groups, 1)}), IntList(last, 1)), input);
        };
        Tensor centered = input - group_mean(input), rstd = rsqrt(group_mean(square(centered)) + Scalar(eps)), hat = centered * rstd;
        Tensor gh = weight.defined() ? g * reshape(weight, channel_shape(input)) : g;
        if (c.needs(0)) result[0] = rstd * (gh - group_mean(gh) - hat * group_mean(gh * hat));
        if (c.needs(1)) result[1] = sum(g * hat, IntList(dims));
        if (c.needs(2)) result[2] = sum(g, IntList(dims));
        return result;
      }
      const ChannelLayout layout(input);
      Tensor x = layout.in_format(input), gy = layout.in_format(to(g, input.dtype()));
      const DType s = c.out(1).dtype();
      const std::vector<double> m = numbers_of(c.out(1)), r = numbers_of(c.out(2)), w = numbers_or_none(weight, s);
      const int64_t per = C / groups;
      const double count = double(per * layout.inner);
      std::vector<double> center(size_t(N * C)), of_g(size_t(N * C)), of_x(size_t(N * C)), constant(size_t(N * C)), gw(size_t(C), 0.0), gb(size_t(C), 0.0);
      for (size_t k = 0; k < center.size(); ++k) center[k] = m[k / size_t(per)];
      const ChannelSums sums = channel_sums(gy, x, layout, center);
      for (size_t i = 0; i < m.size(); ++i) {
        double sum_g = 0, sum_gx = 0;
        for (size_t k = i * size_t(per); k < (i + 1) * size_t(per); ++k) {
          const double weight_k = number_or(w, k % size_t(C), 1);
          sum_g += weight_k * sums.g[k], sum_gx += weight_k * sums.products[k];
          gw[k % size_t(C)] += sums.products[k] * r[i];
          gb[k % size_t(C)] += sums.g[k];
          of_g[k] = r[i] * weight_k;
        }
        for (size_t k = i * size_t(per); k < (i + 1) * size_t(per); ++k) {
          of_x[k] = -sum_gx / count * r[i] * r[i] * r[i];
          constant[k] = -sum_g / count * r[i];
        }
      }
      if (c.needs(0)) {
        result[0] = layout.fresh(x);
        map_channels("channel_affine_gradient", layout, {result[0], gy, x}, {of_g, of_x, constant, center});
      }
      auto gathered = [&](const std::vector<double>& values) {
        Tensor t = empty_tensor({C}, s);
        for (int64_t k = 0; k < C; ++k) set_number(t, k, values[size_t(k)]);
        return t;
      };
      if (c.needs(1)) result[1] = gathered(gw);
      if (c.needs(2)) result[2] = gathered(gb);
      return result;
    }),
    .node_name = "NativeGroupNormBackward0",
});
Three group_norm_statistics(const Tensor& input, const Tensor& weight, const Tensor& bias, int64_t N, int64_t C, int64_t HxW, int64_t groups, double eps) {
  return group_norm_statistics_op(input, weight, bias, N, C, HxW, groups, eps);
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
      if (!detail::any_special(input, weight, bias))
        return std::get<0>(group_norm_statistics(input, weight, bias, input.sizes()[0], channels, input.numel() / (input.sizes()[0] * channels), groups, eps));
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
