#pragma once
#include "kagari/tensor/tensor.h"

// Functions of two and three tensors that combine them element by element.
namespace kagari {

/// The angle of the point (other, self).
KAGARI_API Tensor atan2(const Tensor& self, const Tensor& other);
/// The magnitude of self with the sign of other.
KAGARI_API Tensor copysign(const Tensor& self, const Tensor& other);
KAGARI_API Tensor nextafter(const Tensor& self, const Tensor& other);
/// 0, `values` or 1 for negative, zero and positive elements.
KAGARI_API Tensor heaviside(const Tensor& self, const Tensor& values);
/// self + value * tensor1 * tensor2
KAGARI_API Tensor addcmul(const Tensor& self, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value = 1);
/// self + value * tensor1 / tensor2
KAGARI_API Tensor addcdiv(const Tensor& self, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value = 1);
/// self + weight * (end - self); one dtype for all.
KAGARI_API Tensor lerp(const Tensor& self, const Tensor& end, const Tensor& weight);
KAGARI_API Tensor lerp_scalar(const Tensor& self, const Tensor& end, const Scalar& weight);

}  // namespace kagari
