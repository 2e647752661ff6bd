// Rounding to levels without leaving float32, for training: out = (clamp(round(x / scale) + zero_point, least, most) - zero_point) * scale.
// The gradient passes where nothing was clamped (Jacob et al. 2018).
#include <cmath>

#include "kagari/base/parallel.h"
#include "kagari/cpu/kernels/level_kernels.h"
#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/autograd_support.h"
#include "kagari/ops/bounds.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/logic.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/quantization.h"
#include "kagari/ops/reduction.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

void check_range(int64_t least, int64_t most) { KG_CHECK(least <= most, "`quant_min` should be less than or equal to `quant_max`."); }

struct Rounding {
  double least, most, zero;
  float inverse, scale;
  static constexpr double magic = 0x1.8p52;  // adding it rounds to an integer, ties to even
  double level(float x) const { return double(float((double(x * inverse) + magic) - magic)) + zero; }
  float number(float x) const {
    double v = level(x);
    v = v > least ? v : least;
    v = v < most ? v : most;
    return float(v - zero) * scale;
  }
  bool inside(float x) const {
    double v = level(x);
    return v >= least && v <= most;
  }
};

/// f(rounding, offset, count) for every run of elements of one channel.
template <class F>
void each_run(const Tensor& x, const Tensor& scale, const Tensor& zero_point, int64_t axis, int64_t least, int64_t most, F&& f) {
  int64_t outer = 1, inner = 1;
  for (int64_t d = 0; d < x.dim(); ++d)
    if (d < axis) outer *= x.sizes()[size_t(d)];
    else if (d > axis || axis < 0) inner *= x.sizes()[size_t(d)];
  Tensor scales = contiguous(to(detach(scale), DType::Float32)), zeros = contiguous(to(detach(zero_point), DType::Float64));
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t k = 0; k < scales.numel(); ++k) {
      float s = scales.data<float>()[k];
      f(Rounding{double(least), double(most), std::nearbyint(zeros.data<double>()[k]), 1.0f / s, s}, (o * scales.numel() + k) * inner, inner);
    }
}

using Two = std::tuple<Tensor, Tensor>;

/// The rounded numbers, and where no level was clamped. Scales may be written to before the gradient is asked for, so it needs the mask alone.
Two rounded(const Tensor& self, const Tensor& scale, const Tensor& zero_point, int64_t axis, int64_t least, int64_t most);
const auto rounded_op = define<&rounded>({
    .schema = "_fake_quantize_with_mask(Tensor self, Tensor scale, Tensor zero_point, int axis, int quant_min, int quant_max) -> (Tensor output, Tensor mask)",
    .in = kPrivate,
    .doc = "fake_quantize_per_tensor_affine (axis -1) or _per_channel_affine, and the mask of the elements whose gradient passes.",
    .run = [](Out&, const Tensor& self, const Tensor& scale, const Tensor& zero_point, int64_t axis, int64_t least, int64_t most) -> Two {
      check_range(least, most);
      KG_CHECK(self.dtype() == DType::Float32 || is_half(self.dtype()) || self.dtype() == DType::Float64, "fake_quantize expects a floating-point tensor, got ", name(self.dtype()));
      KG_CHECK(axis >= -1 && axis < self.dim() && scale.numel() == (axis < 0 ? 1 : self.sizes()[size_t(axis)]) && zero_point.numel() == scale.numel(),
               "fake_quantize: ", scale.numel(), " scales and ", zero_point.numel(), " zero points do not fit dimension ", axis, " of a tensor of shape ", self.sizes());
      KG_CHECK_IMPLEMENTED(self.is_meta() || (!scale.is_meta() && !zero_point.is_meta()), "fake_quantize: the scale has no data (device meta)");
      if (self.is_meta()) return {empty_tensor(self.sizes(), self.dtype(), self.device()), empty_tensor(self.sizes(), DType::Bool, self.device())};
      Tensor x = contiguous(to(self, DType::Float32)), y = empty_tensor(x.sizes(), DType::Float32), mask = empty_tensor(x.sizes(), DType::Bool);
      each_run(x, scale, zero_point, axis, least, most, [&](Rounding r, int64_t at, int64_t n) {
        const float* from = x.data<float>() + at;
        float* into = y.data<float>() + at;
        bool* inside = mask.data<bool>() + at;
        const double low = r.least - r.zero, high = r.most - r.zero;
        const bool small = std::abs(low) < 0x1p21 && std::abs(high) < 0x1p21;
        parallel_for(0, n, 1 << 15, [&](int64_t begin, int64_t end) {
          if (small) return level_kernels().round(from + begin, into + begin, inside + begin, end - begin, r.inverse, r.scale, float(low), float(high));
          for (int64_t i = begin; i < end; ++i) into[i] = r.number(from[i]);
          for (int64_t i = begin; i < end; ++i) inside[i] = r.inside(from[i]);
        });
      });
      if (self.dtype() == DType::Float32 && self.is_contiguous()) return {y, mask};
      return {copy_(empty_strided_tensor(self.sizes(), strides_like(self, MemoryFormat::Preserve), self.dtype()), y), mask};
    },
    .grad = vjp("out", [](Ctx& c, const Tensor&, const Tensor&, const Tensor&, int64_t, int64_t, int64_t) -> Grads {
      return {c.grad.defined() ? c.grad * c.out(1) : Tensor(), Tensor(), Tensor()};
    }),
});
Two rounded(const Tensor& self, const Tensor& scale, const Tensor& zero_point, int64_t axis, int64_t least, int64_t most) {
  return rounded_op(self, detach(scale), detach(zero_point), axis, least, most);
}

Tensor per_tensor(const Tensor& self, const Tensor& scale, const Tensor& zero_point, int64_t quant_min, int64_t quant_max) {
  KG_CHECK(scale.numel() == 1 && zero_point.numel() == 1, "fake_quantize_per_tensor_affine(): scale and zero_point need one element");
  return std::get<0>(rounded(self, scale, zero_point, -1, quant_min, quant_max));
}
const auto per_tensor_op = compose<&per_tensor>({
    .schema = "fake_quantize_per_tensor_affine.tensor_qparams(Tensor self, Tensor scale, Tensor zero_point, int quant_min, int quant_max) -> Tensor",
    .in = kFunction,
    .doc = "The numbers of self rounded to levels quant_min ... quant_max of one scale and zero point; the gradient passes where nothing is clamped.\n\n"
           ">>> torch.fake_quantize_per_tensor_affine(torch.tensor([0.12, 9.]), 0.1, 0, 0, 15)\ntensor([0.1000, 1.5000])",
    .body = &per_tensor,
});

Tensor number_tensor(double value, DType dtype) {
  TensorOptions options;
  options.dtype = dtype;
  return full({1}, Scalar(value), options);
}
Tensor per_tensor_numbers(const Tensor& self, double scale, int64_t zero_point, int64_t quant_min, int64_t quant_max) {
  KG_CHECK(zero_point >= quant_min && zero_point <= quant_max, "`zero_point` must be between `quant_min` and `quant_max`.");
  return per_tensor(self, number_tensor(scale, DType::Float32), number_tensor(double(zero_point), DType::Int64), quant_min, quant_max);
}
const auto per_tensor_numbers_op = compose<&per_tensor_numbers>({
    .schema = "fake_quantize_per_tensor_affine(Tensor self, float scale, int zero_point, int quant_min, int quant_max) -> Tensor",
    .in = kFunction,
    .doc = "The same with numbers.",
    .body = &per_tensor_numbers,
});

Tensor per_channel(const Tensor& self, const Tensor& scale, const Tensor& zero_point, int64_t axis, int64_t quant_min, int64_t quant_max) {
  KG_CHECK(axis >= 0 && axis < self.dim(), "`axis` must be between 0 and number of dimensions of input");
  KG_CHECK(scale.dim() == 1, "scale should be a 1-D tensor");
  KG_CHECK(zero_point.dim() == 1, "zero point should be a 1-D tensor");
  KG_CHECK(scale.numel() == zero_point.numel(), "scale and zero-point need to have the same dimensions");
  KG_CHECK(scale.numel() == self.sizes()[size_t(axis)], "dimensions of scale and zero-point are not consistent with input tensor");
  return std::get<0>(rounded(self, scale, zero_point, axis, quant_min, quant_max));
}
const auto per_channel_op = compose<&per_channel>({
    .schema = "fake_quantize_per_channel_affine(Tensor self, Tensor scale, Tensor zero_point, int axis, int quant_min, int quant_max) -> Tensor",
    .in = kFunction,
    .doc = "The same with a scale and a zero point for each index of dimension `axis`.",
    .body = &per_channel,
});

// ---------------------------------------------------------------- learned scales (Esser et al. 2020)
/// A number whose gradient is that of `smooth`.
Tensor passing(const Tensor& value, const Tensor& smooth) { return smooth + detach(value - smooth); }
Tensor learned(const Tensor& self, const Tensor& scale, const Tensor& zero_point, IntList shape, int64_t least, int64_t most, double grad_factor) {
  check_range(least, most);
  auto slowed = [&](const Tensor& t) {
    Tensor small = t * Scalar(grad_factor), shaped = view(passing(t, small), shape);
    return shaped;
  };
  Tensor s = slowed(scale), given = slowed(to(zero_point, DType::Float32));
  Tensor zero = passing(clamp(round(detach(given)), Scalar(least), Scalar(most)), given);
  Tensor scaled = self * reciprocal(detach(s)), smooth = self / s;
  Tensor level = passing(round(detach(scaled)), smooth) + zero;
  return (clamp(level, Scalar(least), Scalar(most)) - zero) * s;
}
Tensor learned_per_tensor(const Tensor& self, const Tensor& scale, const Tensor& zero_point, int64_t quant_min, int64_t quant_max, double grad_factor) {
  return learned(self, scale, zero_point, Ints(size_t(1), 1), quant_min, quant_max, grad_factor);
}
Tensor learned_per_channel(const Tensor& self, const Tensor& scale, const Tensor& zero_point, int64_t axis, int64_t quant_min, int64_t quant_max, double grad_factor) {
  KG_CHECK(axis >= 0 && axis < self.dim(), "`axis` must be between 0 and number of dimensions of input");
  Ints shape(size_t(self.dim()), 1);
  shape[size_t(axis)] = scale.numel();
  return learned(self, scale, zero_point, shape, quant_min, quant_max, grad_factor);
}
const auto learned_per_tensor_op = compose<&learned_per_tensor>({
    .schema = "_fake_quantize_learnable_per_tensor_affine(Tensor self, Tensor scale, Tensor zero_point, int quant_min, int quant_max, float grad_factor=1.0) -> Tensor",
    .in = kFunction,
    .doc = "fake_quantize_per_tensor_affine with gradients of scale and zero point, times grad_factor.",
    .body = &learned_per_tensor,
});
const auto learned_per_channel_op = compose<&learned_per_channel>({
    .schema = "_fake_quantize_learnable_per_channel_affine(Tensor self, Tensor scale, Tensor zero_point, int axis, int quant_min, int quant_max, float grad_factor=1.0) -> Tensor",
    .in = kFunction,
    .doc = "The same per channel.",
    .body = &learned_per_channel,
});

}  // namespace
}  // namespace kagari
