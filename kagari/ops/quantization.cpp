// Quantized tensors: making them, asking them, reading them. Sources of the formulas: the comments beside them.
#include "kagari/ops/quantization.h"

#include <algorithm>
#include <cmath>

#include "kagari/op/op.h"
#include "kagari/base/parallel.h"
#include "kagari/cpu/kernels/level_kernels.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/reduction.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

void require_quantized(const Tensor& self, std::string_view what) {
  KG_CHECK_IMPLEMENTED(is_quantized(self), "Could not run 'aten::", what, "' with arguments from the 'CPU' backend: ", what, "() needs a quantized tensor");
}
const QuantizedParts& per_tensor_parts(const Tensor& self, std::string_view what) {
  require_quantized(self, what);
  KG_CHECK(!quantized_parts(self).per_channel(), "Expected quantizer->qscheme() == kPerTensorAffine to be true, but got false: ", what, "() of a tensor with a scale per channel");
  return quantized_parts(self);
}
const QuantizedParts& per_channel_parts(const Tensor& self, std::string_view what) {
  require_quantized(self, what);
  KG_CHECK(quantized_parts(self).per_channel(), "Expected quantizer->qscheme() == kPerChannelAffine to be true, but got false: ", what, "() of a tensor with one scale");
  return quantized_parts(self);
}

void require_data(const Tensor& t, std::string_view what) { KG_CHECK_IMPLEMENTED(!t.is_meta(), what, ": a tensor without data (of the device meta) has no levels"); }

/// A float32 tensor without gaps whose elements lie in the order of `strides`' memory; the result for it has the same strides.
Tensor floats(const Tensor& self, std::string_view what) {
  require_data(self, what);
  KG_CHECK(self.dtype() == DType::Float32, what, " only works on Float Tensor, got ", legacy_name(self.dtype()));
  Ints strides = strides_like(self, MemoryFormat::Preserve);
  if (self.strides() == IntList(strides)) return detach(self);
  Tensor x = empty_strided_tensor(self.sizes(), strides, self.dtype(), self.device());
  copy_(x, detach(self));
  return x;
}

void check_zero_point(int64_t zero_point, DType levels) {
  LevelRange r = level_range(levels);
  KG_CHECK(zero_point >= r.least, "quantize: zero_point ", zero_point, " is below lower bound.");
  KG_CHECK(zero_point <= r.most, "quantize: zero_point ", zero_point, " is above upper bound.");
}

template <class F>
void visit_levels(DType t, F&& f) {
  if (t == DType::UInt8) f(uint8_t{});
  else if (t == DType::Int8) f(int8_t{});
  else f(int32_t{});
}

/// The product is exact in float64, so that its sum with the zero point is rounded once, like that of a fused multiplication and addition.
void round_levels(const float* x, int32_t* y, int64_t n, float inverse, int64_t zero_point) {
  const double least = -0x1p31, most = 0x1p31 - 1, shift = double(zero_point);
  constexpr double magic = 0x1.8p52;  // adding it rounds to an integer, ties to even
  parallel_for(0, n, 1 << 15, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      double v = double(float(double(x[i]) * double(inverse) + shift));
      v = v > least ? v : least;  // NaN becomes the least level
      v = v < most ? v : most;
      y[i] = int32_t((v + magic) - magic);
    }
  });
}

}  // namespace

Tensor quantize_per_tensor(const Tensor& self, double scale, int64_t zero_point, DType levels) {
  check_zero_point(zero_point, levels);
  Tensor x = floats(self, "Quantize"), y = empty_strided_tensor(x.sizes(), x.strides(), levels, x.device());
  const float inverse = 1.0f / float(scale);
  if (levels == DType::Int32) round_levels(x.data<float>(), y.data<int32_t>(), x.numel(), inverse, zero_point);
  else
    parallel_for(0, x.numel(), 1 << 15, [&](int64_t begin, int64_t end) {
      level_kernels().quantize(x.data<float>() + begin, y.bytes() + begin, levels == DType::Int8, end - begin, inverse, int32_t(zero_point));
    });
  return make_quantized({y, scale, zero_point, {}, {}, -1});
}

namespace {
/// (outer, channel, inner) of a row-major tensor.
struct Channels {
  int64_t outer = 1, count, inner = 1;
  Channels(IntList sizes, int64_t axis) : count(sizes[size_t(axis)]) {
    for (size_t d = 0; d < sizes.size(); ++d)
      if (int64_t(d) < axis) outer *= sizes[d];
      else if (int64_t(d) > axis) inner *= sizes[d];
  }
};
}  // namespace

Tensor quantize_per_channel(const Tensor& self, const Tensor& scales, const Tensor& zero_points, int64_t axis, DType levels) {
  KG_CHECK(axis >= 0 && axis < self.dim(), "Channel axis out of range in per channel affine quantization. Got: ", axis, "Expected: [0, ", self.dim(), ")");
  KG_CHECK(scales.dim() == 1, "scale tensor must have dimension 1");
  KG_CHECK(zero_points.dim() == 1, "zero_points tensor must have dimension 1");
  KG_CHECK(scales.numel() == self.sizes()[size_t(axis)], "number of elements in scales must match number of channels: ", scales.numel(), " and ", self.sizes()[size_t(axis)]);
  KG_CHECK(zero_points.numel() == scales.numel(), "number of elements in scales and zero_points must match");
  KG_CHECK(self.dtype() == DType::Float32, "Quantize only works on Float Tensor, got ", legacy_name(self.dtype()));
  require_data(self, "Quantize"), require_data(scales, "Quantize"), require_data(zero_points, "Quantize");
  bool floating = is_floating(zero_points.dtype());
  QuantizedParts parts{{}, 1, 0, contiguous(to(detach(scales), floating ? DType::Float32 : DType::Float64)), contiguous(to(detach(zero_points), floating ? DType::Float32 : DType::Int64)), axis};
  Tensor steps = to(parts.scales, DType::Float64), zeros = to(parts.zero_points, DType::Float64);
  Tensor x = contiguous(detach(self)), y = empty_tensor(x.sizes(), levels, x.device());
  Channels c(x.sizes(), axis);
  visit_levels(levels, [&]<class T>(T) {
    for (int64_t o = 0; o < c.outer; ++o)
      for (int64_t k = 0; k < c.count; ++k) {
        if (!floating) check_zero_point(int64_t(zeros.data<double>()[k]), levels);
        const float inverse = 1.0f / float(steps.data<double>()[k]), zero = float(zeros.data<double>()[k]);
        const float* from = x.data<float>() + (o * c.count + k) * c.inner;
        T* into = y.data<T>() + (o * c.count + k) * c.inner;
        for (int64_t i = 0; i < c.inner; ++i) {
          double v = std::nearbyint(double(float(from[i] * inverse + zero)));
          into[i] = T(std::clamp(v, double(std::numeric_limits<T>::min()), double(std::numeric_limits<T>::max())));
        }
      }
  });
  if (x.strides() != self.strides() && self.dim() == 4 && self.strides() == IntList(strides_like(self, MemoryFormat::Preserve))) y = contiguous(y, MemoryFormat::ChannelsLast);
  parts.levels = y;
  return make_quantized(std::move(parts));
}

Tensor with_levels(const Tensor& like, Tensor levels) {
  QuantizedParts parts = quantized_parts(like);
  parts.levels = std::move(levels);
  return make_quantized(std::move(parts));
}

Tensor quantize_like(const Tensor& self, const Tensor& like) {
  const QuantizedParts& p = quantized_parts(like);
  return p.per_channel() ? quantize_per_channel(self, p.scales, p.zero_points, p.axis, p.levels.dtype()) : quantize_per_tensor(self, p.scale, p.zero_point, p.levels.dtype());
}

Tensor dequantize(const Tensor& self) {
  if (!is_quantized(self)) return to(self, DType::Float32);
  const QuantizedParts& p = quantized_parts(self);
  if (!p.per_channel()) {
    Tensor levels = p.levels;
    Ints strides = strides_like(levels, MemoryFormat::Preserve);
    if (levels.strides() != IntList(strides)) levels = clone(levels);
    Tensor y = empty_strided_tensor(levels.sizes(), levels.strides(), DType::Float32, levels.device());
    const float scale = float(p.scale);
    const int64_t zero = p.zero_point;
    float* out = y.data<float>();
    parallel_for(0, y.numel(), 1 << 15, [&](int64_t begin, int64_t end) {
      if (levels.dtype() != DType::Int32) return level_kernels().dequantize(levels.bytes() + begin, levels.dtype() == DType::Int8, out + begin, end - begin, int32_t(zero), scale);
      for (int64_t i = begin; i < end; ++i) out[i] = float(int64_t(levels.data<int32_t>()[i]) - zero) * scale;
    });
    return y;
  }
  Ints shape(size_t(self.dim()), 1);
  shape[size_t(p.axis)] = self.sizes()[size_t(p.axis)];
  Tensor scales = view(to(p.scales, DType::Float32), shape), zeros = view(to(p.zero_points, DType::Float32), shape);
  Tensor numbers = to(p.levels, DType::Float32);
  return (numbers - zeros) * scales;
}

/// Source: the affine scheme of Jacob et al. 2018, with 0 among the numbers and the zero point chosen from the end with the smaller error.
std::tuple<double, int64_t> choose_quantization(double least, double most, LevelRange range, bool reduce_range) {
  if (reduce_range) range = {range.least / 2, range.most / 2};
  least = std::min(least, 0.0), most = std::max(most, 0.0);
  double scale = (most - least) / double(range.most - range.least);
  if (float(scale) == 0.0f || std::isinf(1.0f / float(scale))) scale = 0.1;
  constexpr float smallest = 6.1e-5f;
  if (scale < double(smallest)) {
    double before = scale;
    scale = double(smallest);
    if (least == 0) most = double(smallest) * double(range.most - range.least);
    else if (most == 0) least = -double(smallest) * double(range.most - range.least);
    else least *= double(smallest) / before, most *= double(smallest) / before;
  }
  double from_least = double(range.least) - least / scale, from_most = double(range.most) - most / scale;
  double error_least = std::abs(double(range.least)) - std::abs(least / scale), error_most = std::abs(double(range.most)) - std::abs(most / scale);
  double zero = error_least < error_most ? from_least : from_most;
  int64_t zero_point = zero < double(range.least) ? range.least : zero > double(range.most) ? range.most : int64_t(std::nearbyint(zero));
  return {scale, zero_point};
}

namespace {

// ---------------------------------------------------------------- as operators
const auto per_tensor_op = compose<&quantize_per_tensor>({
    .schema = "_quantize_per_tensor(Tensor self, float scale, int zero_point, ScalarType dtype) -> Tensor",
    .in = kPrivate,
    .doc = "The quantized tensor of float32 numbers; dtype is that of the levels.",
    .body = &quantize_per_tensor,
});
const auto per_channel_op = compose<&quantize_per_channel>({
    .schema = "_quantize_per_channel(Tensor self, Tensor scales, Tensor zero_points, int axis, ScalarType dtype) -> Tensor",
    .in = kPrivate,
    .doc = "The quantized tensor of float32 numbers with a scale and a zero point per index of `axis`; dtype is that of the levels.",
    .body = &quantize_per_channel,
});

std::tuple<double, double> extremes(const Tensor& self) {
  require_data(self, "Quantize");
  Tensor x = contiguous(to(detach(self), DType::Float32));
  KG_CHECK(x.numel() > 0, "the range of a tensor without elements is not defined");
  auto [least, most] = std::minmax_element(x.data<float>(), x.data<float>() + x.numel());
  return {*least, *most};
}
Tensor dynamic(const Tensor& self, DType levels, bool reduce_range) {
  auto [least, most] = extremes(self);
  auto [scale, zero_point] = choose_quantization(least, most, level_range(levels), reduce_range);
  return quantize_per_tensor(self, scale, zero_point, levels);
}
const auto dynamic_op = compose<&dynamic>({
    .schema = "_quantize_per_tensor_dynamic(Tensor self, ScalarType dtype, bool reduce_range) -> Tensor",
    .in = kPrivate,
    .doc = "The quantized tensor whose levels span the numbers that occur.",
    .body = &dynamic,
});
/// Numbers on both sides of 0 get a range that is symmetric, apart from the one level that is left over.
std::tuple<double, int64_t> choose_symmetric(double least, double most, LevelRange range) {
  if (!(least < 0 && most > 0)) return choose_quantization(least, most, range, false);
  int64_t half = (range.most - range.least) / 2;
  double scale = std::max(-least / double(half + 1), most / double(half));
  auto [chosen, zero_point] = choose_quantization(-scale * double(half + 1), scale * double(half), range, false);
  return {chosen, int64_t(std::nearbyint(double(range.least + range.most) / 2))};
}
Tensor choose(const Tensor& least, const Tensor& most, int64_t quant_min, int64_t quant_max, bool symmetric) {
  require_data(least, "choose_quantization()"), require_data(most, "choose_quantization()");
  KG_CHECK(least.numel() == most.numel(), "choose_quantization(): least and most need the same number of elements");
  Tensor low = contiguous(to(detach(least), DType::Float64)), high = contiguous(to(detach(most), DType::Float64)), out = empty_tensor({2, low.numel()}, DType::Float64);
  for (int64_t i = 0; i < low.numel(); ++i) {
    double from = low.data<double>()[i], up_to = high.data<double>()[i];
    auto [scale, zero_point] = symmetric ? choose_symmetric(from, up_to, {quant_min, quant_max}) : choose_quantization(from, up_to, {quant_min, quant_max}, false);
    out.data<double>()[i] = scale;
    out.data<double>()[low.numel() + i] = double(zero_point);
  }
  return out;
}
const auto choose_op = compose<&choose>({
    .schema = "_choose_quantization(Tensor least, Tensor most, int quant_min, int quant_max, bool symmetric=False) -> Tensor",
    .in = kPrivate,
    .traits = kReadsValues,
    .doc = "Row 0: scales, row 1: zero points for numbers from least to most and levels quant_min ... quant_max, as float64 (2, n).",
    .body = &choose,
});

Tensor from_levels(const Tensor& self, double scale, int64_t zero_point) {
  level_range(self.dtype());
  require_data(self, "_make_per_tensor_quantized_tensor()");
  return make_quantized({contiguous(clone(detach(self))), scale, zero_point, {}, {}, -1});
}
Tensor from_levels_per_channel(const Tensor& self, const Tensor& scale, const Tensor& zero_point, int64_t axis) {
  level_range(self.dtype());
  KG_CHECK(axis >= 0 && axis < self.dim() && scale.dim() == 1 && zero_point.dim() == 1 && scale.numel() == self.sizes()[size_t(axis)] && zero_point.numel() == scale.numel(),
           "_make_per_channel_quantized_tensor(): scales and zero points need one entry per index of dimension ", axis);
  bool floating = is_floating(zero_point.dtype());
  require_data(self, "_make_per_channel_quantized_tensor()"), require_data(scale, "_make_per_channel_quantized_tensor()");
  require_data(zero_point, "_make_per_channel_quantized_tensor()");
  return make_quantized({clone(detach(self)), 1, 0, clone(contiguous(to(detach(scale), floating ? DType::Float32 : DType::Float64))),
                         clone(contiguous(to(detach(zero_point), floating ? DType::Float32 : DType::Int64))), axis});
}
const auto from_levels_op = compose<&from_levels>({
    .schema = "_make_per_tensor_quantized_tensor(Tensor self, float scale, int zero_point) -> Tensor",
    .in = kFunction,
    .doc = "The quantized tensor with these levels (int8, uint8 or int32).",
    .body = &from_levels,
});
const auto from_levels_per_channel_op = compose<&from_levels_per_channel>({
    .schema = "_make_per_channel_quantized_tensor(Tensor self, Tensor scale, Tensor zero_point, int axis) -> Tensor",
    .in = kFunction,
    .doc = "The quantized tensor with these levels and a scale and zero point per index of `axis`.",
    .body = &from_levels_per_channel,
});

const auto dequantize_op = compose<&dequantize>({
    .schema = "dequantize(Tensor self) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "The float32 numbers that a quantized tensor stands for; another tensor as float32.\n\n"
           ">>> torch.quantize_per_tensor(torch.tensor([0.12, 0.31]), 0.1, 0, torch.quint8).dequantize()\ntensor([0.1000, 0.3000])",
    .body = &dequantize,
});
std::vector<Tensor> dequantize_all(TensorList tensors) {
  std::vector<Tensor> out;
  for (const Tensor& t : tensors) out.push_back(dequantize(t));
  return out;
}
const auto dequantize_all_op = compose<&dequantize_all>({
    .schema = "dequantize.tensors(Tensor[] tensors) -> Tensor[]",
    .in = kFunction,
    .doc = "The same for each of several tensors.",
    .body = &dequantize_all,
});

Tensor int_repr(const Tensor& self) {
  require_quantized(self, "int_repr");
  return clone(quantized_parts(self).levels);
}
const auto int_repr_op = compose<&int_repr>({
    .schema = "int_repr(Tensor self) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "A copy of the levels of a quantized tensor: uint8, int8 or int32.\n\n"
           ">>> torch.quantize_per_tensor(torch.tensor([0.12, 0.31]), 0.1, 5, torch.quint8).int_repr()\ntensor([6, 8], dtype=torch.uint8)",
    .body = &int_repr,
});
double q_scale(const Tensor& self) { return per_tensor_parts(self, "q_scale").scale; }
int64_t q_zero_point(const Tensor& self) { return per_tensor_parts(self, "q_zero_point").zero_point; }
Tensor q_per_channel_scales(const Tensor& self) { return clone(per_channel_parts(self, "q_per_channel_scales").scales); }
Tensor q_per_channel_zero_points(const Tensor& self) { return clone(per_channel_parts(self, "q_per_channel_zero_points").zero_points); }
int64_t q_per_channel_axis(const Tensor& self) { return per_channel_parts(self, "q_per_channel_axis").axis; }
/// 0: one scale; 1: a scale per channel; 2: and floating zero points.
int64_t quantization_scheme(const Tensor& self) {
  KG_CHECK_IMPLEMENTED(is_quantized(self), "Could not run 'aten::qscheme' with arguments from the 'CPU' backend: qscheme() needs a quantized tensor");
  return quantized_parts(self).floating_zero_points() ? 2 : quantized_parts(self).per_channel();
}
const auto q_scale_op = compose<&q_scale>({.schema = "q_scale(Tensor self) -> float", .in = kFunction | kMethod, .doc = "The scale of a quantized tensor that has one.", .body = &q_scale});
const auto q_zero_point_op = compose<&q_zero_point>({.schema = "q_zero_point(Tensor self) -> int", .in = kFunction | kMethod, .doc = "The level that stands for 0.", .body = &q_zero_point});
const auto q_scales_op = compose<&q_per_channel_scales>({.schema = "q_per_channel_scales(Tensor self) -> Tensor", .in = kFunction | kMethod, .doc = "The scale of each channel.", .body = &q_per_channel_scales});
const auto q_zeros_op = compose<&q_per_channel_zero_points>(
    {.schema = "q_per_channel_zero_points(Tensor self) -> Tensor", .in = kFunction | kMethod, .doc = "The zero point of each channel.", .body = &q_per_channel_zero_points});
const auto q_axis_op = compose<&q_per_channel_axis>({.schema = "q_per_channel_axis(Tensor self) -> int", .in = kFunction | kMethod, .doc = "The dimension of the channels.", .body = &q_per_channel_axis});
const auto scheme_op = compose<&quantization_scheme>({.schema = "_quantization_scheme(Tensor self) -> int", .in = kPrivate, .doc = "0: one scale; 1: one per channel; 2: and floating zero points.", .body = &quantization_scheme});

}  // namespace
}  // namespace kagari
