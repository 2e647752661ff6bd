#pragma once
#include "kagari/tensor/scalar.h"

namespace kagari {

/// Raises RuntimeError "value cannot be converted to type .. without overflow" if a tensor of `dtype` cannot hold the number.
KAGARI_API void check_convertible(const Scalar& value, DType dtype);

}  // namespace kagari
