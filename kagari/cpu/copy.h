#pragma once
#include "kagari/tensor/tensor.h"

namespace kagari::cpu {

/// Writes `from`, broadcast and converted, over `to`, on the CPU. Any strides, negative ones included; the two may overlap. Transposed
/// layouts are copied tile by tile.
KAGARI_API void copy_elements(const Tensor& to, const Tensor& from);
/// Fills `to` with one number.
KAGARI_API void fill_elements(const Tensor& to, const Scalar& value);
/// window += source, one element after the other, so that elements of `window` may share addresses. One shape, one dtype.
KAGARI_API void accumulate_elements(const Tensor& window, const Tensor& source);

}  // namespace kagari::cpu
