#pragma once
#include "kagari/tensor/tensor.h"

// Powers and logarithms of two tensors, with broadcasting and type promotion.
namespace kagari {

/// self^exponent. RuntimeError for integers to a negative number.
KAGARI_API Tensor pow(const Tensor& self, const Tensor& exponent);
/// In float64 or complex128.
KAGARI_API Tensor float_power(const Tensor& self, const Tensor& exponent);
/// sqrt(self^2 + other^2)
KAGARI_API Tensor hypot(const Tensor& self, const Tensor& other);
/// log(exp(self) + exp(other)), and the same to base 2.
KAGARI_API Tensor logaddexp(const Tensor& self, const Tensor& other);
KAGARI_API Tensor logaddexp2(const Tensor& self, const Tensor& other);
/// self * log(other), self * log(1 + other): 0 where self is 0.
KAGARI_API Tensor xlogy(const Tensor& self, const Tensor& other);
KAGARI_API Tensor xlog1py(const Tensor& self, const Tensor& other);
/// self * 2^other
KAGARI_API Tensor ldexp(const Tensor& self, const Tensor& other);

}  // namespace kagari
