#pragma once
#include "kagari/tensor/tensor.h"

namespace kagari {

/// `value`, recorded as a function of `input` whose derivative is zero. PyTorch's gradients of many linear operators take the input as an
/// argument; so they require a gradient where the input does, and a second derivative by it is zero instead of an error. A formula that
/// must agree returns constant_in(gradient, input).
KAGARI_API Tensor constant_in(const Tensor& value, const Tensor& input);

}  // namespace kagari
