#pragma once
#include <optional>
#include <tuple>

#include "kagari/tensor/quantized.h"

// Rounding numbers to levels and back: see Note [Quantized tensors].

namespace kagari {

/// level = round(self / scale + zero_point), between the least and the greatest of the dtype.
KAGARI_API Tensor quantize_per_tensor(const Tensor& self, double scale, int64_t zero_point, DType levels);
/// The same with a scale and a zero point for each index of dimension `axis`.
KAGARI_API Tensor quantize_per_channel(const Tensor& self, const Tensor& scales, const Tensor& zero_points, int64_t axis, DType levels);
/// The numbers that a quantized tensor stands for, as float32; any other tensor as float32.
KAGARI_API Tensor dequantize(const Tensor& self);
/// A quantized tensor like `like` (its scales and zero points) with other levels, which it shares.
KAGARI_API Tensor with_levels(const Tensor& like, Tensor levels);
/// self rounded with the scales and zero points of `like`.
KAGARI_API Tensor quantize_like(const Tensor& self, const Tensor& like);
/// Scale and zero point for numbers from least to most; `reduce_range` leaves the top bit unused.
KAGARI_API std::tuple<double, int64_t> choose_quantization(double least, double most, LevelRange range, bool reduce_range);

}  // namespace kagari
