#pragma once
#include "kagari/tensor/tensor.h"

// Sums, products, quotients of tensors. Arguments broadcast and promote. Numbers are passed as wrapped_number(2.5).
namespace kagari {

/// self + alpha * other
KAGARI_API Tensor add(const Tensor& self, const Tensor& other, const Scalar& alpha = 1);
/// self - alpha * other
KAGARI_API Tensor sub(const Tensor& self, const Tensor& other, const Scalar& alpha = 1);
/// other - alpha * self
KAGARI_API Tensor rsub(const Tensor& self, const Tensor& other, const Scalar& alpha = 1);
KAGARI_API Tensor mul(const Tensor& self, const Tensor& other);
/// self / other; `rounding_mode`: none (a floating result), "trunc" or "floor".
KAGARI_API Tensor div(const Tensor& self, const Tensor& other, std::optional<std::string_view> rounding_mode = {});
KAGARI_API Tensor neg(const Tensor& self);
/// RuntimeError "ZeroDivisionError" if integers would be divided by a zero in `divisor`.
KAGARI_API void check_divisor(const Tensor& divisor);

/// In place: the result is written into self, which keeps its dtype.
KAGARI_API const Tensor& add_(const Tensor& self, const Tensor& other, const Scalar& alpha = 1);
KAGARI_API const Tensor& sub_(const Tensor& self, const Tensor& other, const Scalar& alpha = 1);
KAGARI_API const Tensor& mul_(const Tensor& self, const Tensor& other);
KAGARI_API const Tensor& div_(const Tensor& self, const Tensor& other);

inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return sub(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return mul(a, b); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return div(a, b); }
inline Tensor operator-(const Tensor& a) { return neg(a); }
inline Tensor operator+(const Tensor& a, const Scalar& b) { return add(a, wrapped_number(b)); }
inline Tensor operator-(const Tensor& a, const Scalar& b) { return sub(a, wrapped_number(b)); }
inline Tensor operator*(const Tensor& a, const Scalar& b) { return mul(a, wrapped_number(b)); }
inline Tensor operator/(const Tensor& a, const Scalar& b) { return div(a, wrapped_number(b)); }
inline Tensor operator+(const Scalar& a, const Tensor& b) { return add(b, wrapped_number(a)); }
inline Tensor operator-(const Scalar& a, const Tensor& b) { return rsub(b, wrapped_number(a)); }
inline Tensor operator*(const Scalar& a, const Tensor& b) { return mul(b, wrapped_number(a)); }
inline Tensor operator/(const Scalar& a, const Tensor& b) { return div(wrapped_number(a), b); }

}  // namespace kagari
