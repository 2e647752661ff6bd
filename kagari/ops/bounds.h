#pragma once
#include "kagari/tensor/tensor.h"

// The larger or smaller of two elements, and limits.
namespace kagari {

/// NaN if one of the two is NaN.
KAGARI_API Tensor maximum(const Tensor& self, const Tensor& other);
KAGARI_API Tensor minimum(const Tensor& self, const Tensor& other);
/// A NaN is ignored if the other is none.
KAGARI_API Tensor fmax(const Tensor& self, const Tensor& other);
KAGARI_API Tensor fmin(const Tensor& self, const Tensor& other);
/// Not less than min, not more than max; one of them at least must be given.
KAGARI_API Tensor clamp(const Tensor& self, const std::optional<Scalar>& min, const std::optional<Scalar>& max);
KAGARI_API Tensor clamp_tensor(const Tensor& self, const Tensor& min, const Tensor& max);
KAGARI_API Tensor clamp_min(const Tensor& self, const Scalar& min);
KAGARI_API Tensor clamp_max(const Tensor& self, const Scalar& max);
KAGARI_API Tensor clamp_min_tensor(const Tensor& self, const Tensor& min);
KAGARI_API Tensor clamp_max_tensor(const Tensor& self, const Tensor& max);

}  // namespace kagari
