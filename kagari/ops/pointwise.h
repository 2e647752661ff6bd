#pragma once
#include "kagari/tensor/tensor.h"

// Functions of one tensor, element by element. Integers and bool become the default dtype where the result is not integral.
namespace kagari {

/// e^self
KAGARI_API Tensor exp(const Tensor& self);
/// Natural logarithm.
KAGARI_API Tensor log(const Tensor& self);
KAGARI_API Tensor tanh(const Tensor& self);
KAGARI_API Tensor sqrt(const Tensor& self);
/// Complex conjugate; real tensors are returned as they are.
KAGARI_API Tensor conj(const Tensor& self);
KAGARI_API Tensor isnan(const Tensor& self);

}  // namespace kagari
