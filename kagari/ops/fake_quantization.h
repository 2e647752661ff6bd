#pragma once
#include "kagari/tensor/tensor.h"

namespace kagari {

// What rounding to integers leaves of numbers: (clamp(round(self / scale) + zero_point, quant_min, quant_max) - zero_point) * scale. The gradient
// passes where nothing is clamped. (B. Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only
// inference", 2018.)

KAGARI_API Tensor fake_quantize_per_tensor_affine(const Tensor& self, double scale, int64_t zero_point, int64_t quant_min, int64_t quant_max);
/// With a scale and a zero point in tensors of one element.
KAGARI_API Tensor fake_quantize_per_tensor_affine(const Tensor& self, const Tensor& scale, const Tensor& zero_point, int64_t quant_min, int64_t quant_max);
/// With a scale and a zero point for each index of the dimension `axis`.
KAGARI_API Tensor fake_quantize_per_channel_affine(const Tensor& self, const Tensor& scale, const Tensor& zero_point, int64_t axis, int64_t quant_min, int64_t quant_max);

}  // namespace kagari
