#pragma once
#include "kagari/tensor/tensor.h"

namespace kagari {

/// Raises RuntimeError "value cannot be converted to type .. without overflow" if a tensor of `dtype` cannot hold the number.
KAGARI_API void check_convertible(const Scalar& value, DType dtype);

/// All values that a tensor stands for: itself, or those of all examples of a tensor that a transform made. For checks, and for choices that
/// are right for every example.
KAGARI_API Tensor all_values(const Tensor& t);
/// How to get at them; the layer of transforms fills it in.
KAGARI_API extern Tensor (*transformed_values)(const Tensor& t);

}  // namespace kagari
