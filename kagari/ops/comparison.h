#pragma once
#include "kagari/tensor/tensor.h"

// Comparisons element by element, and the choice between two tensors. Arguments broadcast and promote; results are bool.
namespace kagari {

KAGARI_API Tensor eq(const Tensor& self, const Tensor& other);
KAGARI_API Tensor ne(const Tensor& self, const Tensor& other);
KAGARI_API Tensor lt(const Tensor& self, const Tensor& other);
KAGARI_API Tensor le(const Tensor& self, const Tensor& other);
KAGARI_API Tensor gt(const Tensor& self, const Tensor& other);
KAGARI_API Tensor ge(const Tensor& self, const Tensor& other);
inline Tensor operator<(const Tensor& a, const Scalar& b) { return lt(a, wrapped_number(b)); }
inline Tensor operator<=(const Tensor& a, const Scalar& b) { return le(a, wrapped_number(b)); }
inline Tensor operator>(const Tensor& a, const Scalar& b) { return gt(a, wrapped_number(b)); }
inline Tensor operator>=(const Tensor& a, const Scalar& b) { return ge(a, wrapped_number(b)); }

/// |self - other| <= atol + rtol |other|; equal infinities are close.
KAGARI_API Tensor isclose(const Tensor& self, const Tensor& other, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false);
KAGARI_API bool allclose(const Tensor& self, const Tensor& other, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false);
/// The same sizes and elements.
KAGARI_API bool equal(const Tensor& self, const Tensor& other);

/// self where the condition (bool) is true, else other.
KAGARI_API Tensor where(const Tensor& condition, const Tensor& self, const Tensor& other);

}  // namespace kagari
