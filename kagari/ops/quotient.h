#pragma once
#include "kagari/tensor/tensor.h"

// Division with a rest, and divisors. Integers divided by zero raise RuntimeError.
namespace kagari {

/// self / other, rounded down.
KAGARI_API Tensor floor_divide(const Tensor& self, const Tensor& other);
/// The rest of floor_divide: it has the sign of other.
KAGARI_API Tensor remainder(const Tensor& self, const Tensor& other);
/// The rest of division rounded to zero: it has the sign of self.
KAGARI_API Tensor fmod(const Tensor& self, const Tensor& other);
KAGARI_API Tensor true_divide(const Tensor& self, const Tensor& other);
/// Greatest common divisor and least common multiple of integers.
KAGARI_API Tensor gcd(const Tensor& self, const Tensor& other);
KAGARI_API Tensor lcm(const Tensor& self, const Tensor& other);

}  // namespace kagari
