#pragma once
#include "kagari/tensor/tensor.h"

// Note [Quantized tensors]: a quantized tensor stands for numbers (level - zero_point) * scale, and its levels are integers of 8 or 32 bits.
// Its storage is a handle on theirs, and holds the QuantizedParts beside; sizes, strides and dtype are those of the levels. It is marked
// `special`, so an operator that meets one leaves the common path and asks the rules in ops/quantization_rules.cpp: operators that only move
// elements run on the levels, some compute, all others raise. So no kernel takes levels for numbers.

namespace kagari {

struct QuantizedParts {
  Tensor levels;                  // int8, uint8 or int32
  double scale = 1;               // of all elements, if axis is negative
  int64_t zero_point = 0;
  Tensor scales, zero_points;     // along `axis`: float64 (or float32) and int64 (or float32)
  int64_t axis = -1;
  bool per_channel() const { return axis >= 0; }
  /// Zero points that are no levels: they have fractions.
  bool floating_zero_points() const { return per_channel() && is_floating(zero_points.dtype()); }
};

namespace detail {
KAGARI_API bool holds_quantized_parts(const Storage& s);
}
inline bool is_quantized(const Tensor& t) { return t.impl()->special && detail::holds_quantized_parts(*t.storage()); }
/// Of a quantized tensor.
KAGARI_API const QuantizedParts& quantized_parts(const Tensor& t);
/// A quantized tensor of these parts, which are trusted. It shares the memory of the levels.
KAGARI_API Tensor make_quantized(QuantizedParts parts);
/// "quint8", "qint8", "qint32": the name in Python of the dtype of a quantized tensor with these levels.
KAGARI_API std::string_view quantized_name(DType levels);
/// Least and greatest level.
struct LevelRange {
  int64_t least, most;
};
KAGARI_API LevelRange level_range(DType levels);

}  // namespace kagari
