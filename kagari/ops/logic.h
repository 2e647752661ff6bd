#pragma once
#include "kagari/tensor/tensor.h"

// Truth values and bits, element by element.
namespace kagari {

/// Nonzero counts as true; the result is bool.
KAGARI_API Tensor logical_not(const Tensor& self);
KAGARI_API Tensor logical_and(const Tensor& self, const Tensor& other);
KAGARI_API Tensor logical_or(const Tensor& self, const Tensor& other);
KAGARI_API Tensor logical_xor(const Tensor& self, const Tensor& other);
/// Integers and bool only.
KAGARI_API Tensor bitwise_not(const Tensor& self);
KAGARI_API Tensor bitwise_and(const Tensor& self, const Tensor& other);
KAGARI_API Tensor bitwise_or(const Tensor& self, const Tensor& other);
KAGARI_API Tensor bitwise_xor(const Tensor& self, const Tensor& other);
KAGARI_API Tensor bitwise_left_shift(const Tensor& self, const Tensor& other);
KAGARI_API Tensor bitwise_right_shift(const Tensor& self, const Tensor& other);

}  // namespace kagari
