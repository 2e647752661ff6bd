// Special functions of doubles that the C library does not have. Accuracy: a relative error of about 1e-13 (near zeros of
// oscillating functions: absolute), checked against SciPy over the usual ranges. Arguments outside of a domain give NaN; poles
// give infinities where PyTorch does.
#pragma once

#pragma GCC visibility push(default)  // the tests call these one by one
namespace kagari::cpu::special {

// ---- gamma functions
/// The logarithmic derivative of the gamma function.
double digamma(double x);
/// The derivative of digamma. At its poles 0, -1, ... the result is what the reflection formula gives for the rounded multiple of pi: huge.
double trigamma(double x);
float trigamma(float x);
/// The n-th derivative of digamma, n >= 0.
double polygamma(double n, double x);
/// Hurwitz zeta function: sum over k >= 0 of (k + q)^-s, s > 1.
double zeta(double s, double q);
/// Regularised incomplete gamma functions, lower and upper; a >= 0, x >= 0.
double igamma(double a, double x);
double igammac(double a, double x);

// ---- error functions
/// Inverse of erf on [-1, 1].
double erfinv(double y);
/// exp(x^2) erfc(x)
double erfcx(double x);
/// Normal distribution: its inverse distribution function on [0, 1], and the logarithm of its distribution function.
double ndtri(double p);
double log_ndtr(double x);

// ---- Bessel functions; NaN at infinity
double bessel_j0(double x);
double bessel_j1(double x);
/// x < 0 gives NaN, x = 0 minus infinity.
double bessel_y0(double x);
double bessel_y1(double x);
/// Modified, first kind; the second pair is multiplied by exp(-|x|).
double bessel_i0(double x);
double bessel_i1(double x);
double bessel_i0e(double x);
double bessel_i1e(double x);
/// Modified, second kind, x >= 0; the second pair is multiplied by exp(x).
double bessel_k0(double x);
double bessel_k1(double x);
double bessel_k0e(double x);
double bessel_k1e(double x);
/// sin(x) / x
double spherical_bessel_j0(double x);
double airy_ai(double x);

// ---- orthogonal polynomials of degree n (truncated to an integer; below 0, or if n is not finite, the value is 0)
double chebyshev_t(double x, double n);
double chebyshev_u(double x, double n);
double chebyshev_v(double x, double n);
double chebyshev_w(double x, double n);
double hermite_h(double x, double n);
double hermite_he(double x, double n);
double laguerre_l(double x, double n);
double legendre_p(double x, double n);

}  // namespace kagari::cpu::special
#pragma GCC visibility pop
