#include "kagari/ops/fake_quantization.h"

#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/bounds.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/logic.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

void check_range(const Tensor& self, int64_t quant_min, int64_t quant_max) {
  KG_CHECK(quant_min <= quant_max, "`quant_min` should be less than or equal to `quant_max`.");
  KG_CHECK_IMPLEMENTED(is_floating(self.dtype()) && !is_float8(self.dtype()), "\"fake_quantize\" not implemented for '", legacy_name(self.dtype()), "'");
}

/// The integers before they are clamped, as float32 (float64 for float64). Ties go to the even one; NaN becomes the smallest.
Tensor steps(const Tensor& self, const Tensor& scale, const Tensor& zero_point, int64_t quant_min) {
  DType wide = self.dtype() == DType::Float64 ? DType::Float64 : DType::Float32;
  Tensor inverse = reciprocal(to(scale, DType::Float32));
  Tensor q = round(to(self, wide) * to(inverse, wide)) + to(zero_point, wide);
  return where(isnan(q), wrapped_number(quant_min), q);
}
Tensor rounded(const Tensor& self, const Tensor& scale, const Tensor& zero_point, int64_t quant_min, int64_t quant_max) {
  Tensor q = clamp(steps(self, scale, zero_point, quant_min), Scalar(quant_min), Scalar(quant_max));
  return to((q - to(zero_point, q.dtype())) * to(scale, q.dtype()), self.dtype());
}
Tensor passing(const Tensor& grad, const Tensor& self, const Tensor& scale, const Tensor& zero_point, int64_t quant_min, int64_t quant_max) {
  Tensor q = steps(self, scale, zero_point, quant_min);
  return where(logical_and(q >= quant_min, q <= quant_max), grad, wrapped_number(0));
}
Tensor number(double v) { return scalar_tensor(v, DType::Float32); }

/// A vector along a dimension of self, so that it broadcasts.
Tensor along(const Tensor& vector, const Tensor& self, int64_t axis) {
  Ints shape(self.sizes().size());
  for (int64_t& s : shape) s = 1;
  shape[wrap_dim(axis, self.dim())] = vector.numel();
  return reshape(vector, shape);
}

const auto tensor_op = define<static_cast<Tensor (*)(const Tensor&, const Tensor&, const Tensor&, int64_t, int64_t)>(&fake_quantize_per_tensor_affine)>({
    .schema = "fake_quantize_per_tensor_affine.tensor_qparams(Tensor self, Tensor scale, Tensor zero_point, int quant_min, int quant_max) -> Tensor",
    .in = kFunction,
    .doc = "fake_quantize_per_tensor_affine with a scale and a zero point in tensors of one element.",
    .run = [](Out&, const Tensor& self, const Tensor& scale, const Tensor& zero_point, int64_t quant_min, int64_t quant_max) {
      check_range(self, quant_min, quant_max);
      KG_CHECK(scale.numel() == 1 && zero_point.numel() == 1, "fake_quantize_per_tensor_affine(): scale and zero_point must have one element");
      return rounded(self, reshape(scale, {}), reshape(zero_point, {}), quant_min, quant_max);
    },
    .grad = vjp("self scale zero_point", [](Ctx& c, const Tensor& self, const Tensor& scale, const Tensor& zero_point, int64_t quant_min, int64_t quant_max) -> Grads {
      return {passing(c.grad, self, reshape(scale, {}), reshape(zero_point, {}), quant_min, quant_max), Tensor(), Tensor()};
    }),
});

const auto number_op = define<static_cast<Tensor (*)(const Tensor&, double, int64_t, int64_t, int64_t)>(&fake_quantize_per_tensor_affine)>({
    .schema = "fake_quantize_per_tensor_affine(Tensor self, float scale, int zero_point, int quant_min, int quant_max) -> Tensor",
    .in = kFunction,
    .doc = "What rounding to integers leaves of numbers: (clamp(round(self / scale) + zero_point, quant_min, quant_max) - zero_point) * scale.\n\n"
           ">>> torch.fake_quantize_per_tensor_affine(torch.tensor([0.13, 7.]), 0.1, 0, 0, 10)\ntensor([0.1000, 1.0000])",
    .run = [](Out&, const Tensor& self, double scale, int64_t zero_point, int64_t quant_min, int64_t quant_max) {
      check_range(self, quant_min, quant_max);
      KG_CHECK(zero_point >= quant_min && zero_point <= quant_max, "`zero_point` must be between `quant_min` and `quant_max`.");
      return rounded(self, number(scale), number(double(zero_point)), quant_min, quant_max);
    },
    .grad = vjp("self", [](Ctx& c, const Tensor& self, double scale, int64_t zero_point, int64_t quant_min, int64_t quant_max) -> Grads {
      return {passing(c.grad, self, number(scale), number(double(zero_point)), quant_min, quant_max)};
    }),
});

const auto channel_op = define<&fake_quantize_per_channel_affine>({
    .schema = "fake_quantize_per_channel_affine(Tensor self, Tensor scale, Tensor zero_point, int axis, int quant_min, int quant_max) -> Tensor",
    .in = kFunction,
    .doc = "fake_quantize_per_tensor_affine with a scale and a zero point for each index of the dimension `axis`.\n\n"
           ">>> torch.fake_quantize_per_channel_affine(torch.ones(2, 1), torch.tensor([0.3, 2.]), torch.zeros(2), 0, 0, 5)\ntensor([[0.9000],\n        [0.0000]])",
    .run = [](Out&, const Tensor& self, const Tensor& scale, const Tensor& zero_point, int64_t axis, int64_t quant_min, int64_t quant_max) {
      check_range(self, quant_min, quant_max);
      KG_CHECK(zero_point.dtype() == DType::Int32 || zero_point.dtype() == DType::Float32 || zero_point.dtype() == DType::Float16,
               "Zero-point must be Int32, Float or Half, found ", legacy_name(zero_point.dtype()));
      KG_CHECK(scale.dim() == 1 && zero_point.dim() == 1, "scale and zero point should be 1-D tensors");
      KG_CHECK(scale.numel() == self.size(wrap_dim(axis, self.dim())) && scale.numel() == zero_point.numel(), "dimensions of scale and zero-point are not consistent with input tensor");
      return rounded(self, along(scale, self, axis), along(zero_point, self, axis), quant_min, quant_max);
    },
    .grad = vjp("self scale zero_point", [](Ctx& c, const Tensor& self, const Tensor& scale, const Tensor& zero_point, int64_t axis, int64_t quant_min, int64_t quant_max) -> Grads {
      return {passing(c.grad, self, along(scale, self, axis), along(zero_point, self, axis), quant_min, quant_max), Tensor(), Tensor()};
    }),
});

}  // namespace

Tensor fake_quantize_per_tensor_affine(const Tensor& self, double scale, int64_t zero_point, int64_t quant_min, int64_t quant_max) {
  return number_op(self, scale, zero_point, quant_min, quant_max);
}
Tensor fake_quantize_per_tensor_affine(const Tensor& self, const Tensor& scale, const Tensor& zero_point, int64_t quant_min, int64_t quant_max) {
  return tensor_op(self, scale, zero_point, quant_min, quant_max);
}
Tensor fake_quantize_per_channel_affine(const Tensor& self, const Tensor& scale, const Tensor& zero_point, int64_t axis, int64_t quant_min, int64_t quant_max) {
  return channel_op(self, scale, zero_point, axis, quant_min, quant_max);
}

}  // namespace kagari
