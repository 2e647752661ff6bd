#pragma once
#include "kagari/tensor/tensor.h"

// Functions of one tensor, element by element. Integers and bool become the default dtype where the result is not integral.
namespace kagari {

/// e^self
KAGARI_API Tensor exp(const Tensor& self);
KAGARI_API Tensor exp2(const Tensor& self);
KAGARI_API Tensor expm1(const Tensor& self);
/// Natural logarithm.
KAGARI_API Tensor log(const Tensor& self);
KAGARI_API Tensor log2(const Tensor& self);
KAGARI_API Tensor log10(const Tensor& self);
KAGARI_API Tensor log1p(const Tensor& self);
KAGARI_API Tensor sqrt(const Tensor& self);
/// 1 / sqrt(self)
KAGARI_API Tensor rsqrt(const Tensor& self);
KAGARI_API Tensor reciprocal(const Tensor& self);
KAGARI_API Tensor square(const Tensor& self);
/// 1 / (1 + exp(-self))
KAGARI_API Tensor sigmoid(const Tensor& self);

/// Angles are in radians.
KAGARI_API Tensor sin(const Tensor& self);
KAGARI_API Tensor cos(const Tensor& self);
KAGARI_API Tensor tan(const Tensor& self);
KAGARI_API Tensor asin(const Tensor& self);
KAGARI_API Tensor acos(const Tensor& self);
KAGARI_API Tensor atan(const Tensor& self);
KAGARI_API Tensor sinh(const Tensor& self);
KAGARI_API Tensor cosh(const Tensor& self);
KAGARI_API Tensor tanh(const Tensor& self);
KAGARI_API Tensor asinh(const Tensor& self);
KAGARI_API Tensor acosh(const Tensor& self);
KAGARI_API Tensor atanh(const Tensor& self);
/// sin(pi self) / (pi self)
KAGARI_API Tensor sinc(const Tensor& self);
KAGARI_API Tensor deg2rad(const Tensor& self);
KAGARI_API Tensor rad2deg(const Tensor& self);

/// Integers are returned as they are.
KAGARI_API Tensor floor(const Tensor& self);
KAGARI_API Tensor ceil(const Tensor& self);
KAGARI_API Tensor trunc(const Tensor& self);
/// To the nearest number with so many decimals, halves to even.
KAGARI_API Tensor round(const Tensor& self, int64_t decimals = 0);
KAGARI_API Tensor frac(const Tensor& self);

/// The result is bool.
KAGARI_API Tensor isnan(const Tensor& self);
KAGARI_API Tensor isinf(const Tensor& self);
KAGARI_API Tensor isfinite(const Tensor& self);
KAGARI_API Tensor isposinf(const Tensor& self);
KAGARI_API Tensor isneginf(const Tensor& self);
KAGARI_API Tensor signbit(const Tensor& self);
KAGARI_API Tensor isreal(const Tensor& self);

/// Absolute value; the modulus of complex numbers.
KAGARI_API Tensor abs(const Tensor& self);
KAGARI_API Tensor sign(const Tensor& self);
/// self / |self|
KAGARI_API Tensor sgn(const Tensor& self);
KAGARI_API Tensor angle(const Tensor& self);
/// Complex conjugate; real tensors are returned as they are.
KAGARI_API Tensor conj(const Tensor& self);
KAGARI_API Tensor positive(const Tensor& self);
/// NaN and infinities replaced; the default is 0, the largest and the smallest number.
KAGARI_API Tensor nan_to_num(const Tensor& self, std::optional<double> nan = {}, std::optional<double> posinf = {}, std::optional<double> neginf = {});

}  // namespace kagari
