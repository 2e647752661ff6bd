#pragma once
#include "kagari/tensor/tensor.h"

// Special functions, element by element. Integers compute in the default dtype. In Python most are in `torch.special`.
namespace kagari {

/// The error function.
KAGARI_API Tensor erf(const Tensor& self);
/// 1 - erf(self), accurate for large elements.
KAGARI_API Tensor erfc(const Tensor& self);
/// The inverse of erf.
KAGARI_API Tensor erfinv(const Tensor& self);
/// exp(self^2) * erfc(self).
KAGARI_API Tensor erfcx(const Tensor& self);
/// The logarithm of |gamma(self)|.
KAGARI_API Tensor lgamma(const Tensor& self);
/// The derivative of lgamma.
KAGARI_API Tensor digamma(const Tensor& self);
/// The distribution function of the normal distribution.
KAGARI_API Tensor ndtr(const Tensor& self);
/// The logarithm of ndtr, accurate where it is tiny.
KAGARI_API Tensor log_ndtr(const Tensor& self);
/// The inverse of ndtr.
KAGARI_API Tensor ndtri(const Tensor& self);
/// -self * log(self): 0 at 0, minus infinity below.
KAGARI_API Tensor entr(const Tensor& self);
/// The regularised lower incomplete gamma function P(self, other).
KAGARI_API Tensor igamma(const Tensor& self, const Tensor& other);
/// The regularised upper incomplete gamma function Q(self, other).
KAGARI_API Tensor igammac(const Tensor& self, const Tensor& other);
/// Hurwitz' zeta function.
KAGARI_API Tensor zeta(const Tensor& self, const Tensor& other);
/// The n-th derivative of digamma.
KAGARI_API Tensor polygamma(int64_t n, const Tensor& self);
/// The logarithm of the multivariate gamma function of dimension p.
KAGARI_API Tensor mvlgamma(const Tensor& self, int64_t p);

/// The modified Bessel function of the first kind of order 0.
KAGARI_API Tensor i0(const Tensor& self);
/// exp(-|self|) * i0(self).
KAGARI_API Tensor i0e(const Tensor& self);
/// The modified Bessel function of the first kind of order 1.
KAGARI_API Tensor i1(const Tensor& self);
/// exp(-|self|) * i1(self).
KAGARI_API Tensor i1e(const Tensor& self);
/// The Bessel function of the first kind of order 0.
KAGARI_API Tensor bessel_j0(const Tensor& self);
/// The Bessel function of the first kind of order 1.
KAGARI_API Tensor bessel_j1(const Tensor& self);
/// The Bessel function of the second kind of order 0.
KAGARI_API Tensor bessel_y0(const Tensor& self);
/// The Bessel function of the second kind of order 1.
KAGARI_API Tensor bessel_y1(const Tensor& self);
/// The modified Bessel function of the first kind of order 0, without gradient.
KAGARI_API Tensor modified_bessel_i0(const Tensor& self);
/// The modified Bessel function of the first kind of order 1, without gradient.
KAGARI_API Tensor modified_bessel_i1(const Tensor& self);
/// The modified Bessel function of the second kind of order 0.
KAGARI_API Tensor modified_bessel_k0(const Tensor& self);
/// The modified Bessel function of the second kind of order 1.
KAGARI_API Tensor modified_bessel_k1(const Tensor& self);
/// exp(self) * modified_bessel_k0(self).
KAGARI_API Tensor scaled_modified_bessel_k0(const Tensor& self);
/// exp(self) * modified_bessel_k1(self).
KAGARI_API Tensor scaled_modified_bessel_k1(const Tensor& self);
/// sin(self) / self.
KAGARI_API Tensor spherical_bessel_j0(const Tensor& self);
/// The Airy function Ai.
KAGARI_API Tensor airy_ai(const Tensor& self);

// Polynomials of degree n at x.
KAGARI_API Tensor chebyshev_polynomial_t(const Tensor& x, const Tensor& n);
KAGARI_API Tensor chebyshev_polynomial_u(const Tensor& x, const Tensor& n);
KAGARI_API Tensor chebyshev_polynomial_v(const Tensor& x, const Tensor& n);
KAGARI_API Tensor chebyshev_polynomial_w(const Tensor& x, const Tensor& n);
KAGARI_API Tensor shifted_chebyshev_polynomial_t(const Tensor& x, const Tensor& n);
KAGARI_API Tensor shifted_chebyshev_polynomial_u(const Tensor& x, const Tensor& n);
KAGARI_API Tensor shifted_chebyshev_polynomial_v(const Tensor& x, const Tensor& n);
KAGARI_API Tensor shifted_chebyshev_polynomial_w(const Tensor& x, const Tensor& n);
KAGARI_API Tensor hermite_polynomial_h(const Tensor& x, const Tensor& n);
KAGARI_API Tensor hermite_polynomial_he(const Tensor& x, const Tensor& n);
KAGARI_API Tensor laguerre_polynomial_l(const Tensor& x, const Tensor& n);
KAGARI_API Tensor legendre_polynomial_p(const Tensor& x, const Tensor& n);

}  // namespace kagari
