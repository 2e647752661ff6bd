#pragma once
#include <cstdint>

#include "kagari/tensor/dtype.h"

// Loops between numbers and the levels of quantized tensors, per instruction set. Everything here runs in the calling thread.

namespace kagari {

struct LevelKernels {
  /// level = round(x * inverse + zero_point), the product exact, within the range of uint8 or int8.
  void (*quantize)(const float* x, void* levels, bool is_signed, int64_t n, float inverse, int32_t zero_point);
  /// x = (level - zero_point) * scale
  void (*dequantize)(const void* levels, bool is_signed, float* x, int64_t n, int32_t zero_point, float scale);
  /// level = round((sum + shift) * factor) + zero_point between least and most. Of `columns` values each shift and factor.
  void (*requantize_row)(const void* sums, bool integers, void* levels, bool is_signed, int64_t columns, const float* shift, const float* factor, int32_t zero_point, float least, float most);
  /// The same with one shift and factor for all.
  void (*requantize_run)(const void* sums, bool integers, void* levels, bool is_signed, int64_t n, float shift, float factor, int32_t zero_point, float least, float most);
  /// out = clamp(round(x * inverse), least, most) * scale, and whether nothing was clamped; least and most below 2^21 in size.
  void (*round)(const float* x, float* out, bool* inside, int64_t n, float inverse, float scale, float least, float most);
};

namespace isa_v2 { extern const LevelKernels level_kernels; }
namespace isa_v3 { extern const LevelKernels level_kernels; }
namespace isa_v4 { extern const LevelKernels level_kernels; }

/// Those for this machine.
const LevelKernels& level_kernels();

}  // namespace kagari
