// Products and quotients of complex numbers without the calls that <complex> makes to sort out NaN.
#pragma once

#include <cmath>
#include <complex>
#include <limits>

#include "kagari/cpu/simd.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {

template <class R>
KAGARI_INLINE std::complex<R> product(std::complex<R> a, std::complex<R> b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

// a / b by the larger part of b (Smith 1962), so that b's square neither overflows nor vanishes. Extreme divisors go to <complex>.
template <class R>
KAGARI_INLINE std::complex<R> quotient(std::complex<R> a, std::complex<R> b) {
  const bool real = std::abs(b.real()) >= std::abs(b.imag());
  const R large = real ? b.real() : b.imag(), small = real ? b.imag() : b.real();
  const R x = real ? a.real() : a.imag(), y = real ? a.imag() : a.real();
  using Limits = std::numeric_limits<R>;
  if (!(std::abs(large) >= 4 * Limits::min() && std::abs(large) <= Limits::max() / 4)) [[unlikely]] return a / b;
  const R ratio = small / large, scale = 1 / (large + small * ratio);
  const R first = (x + y * ratio) * scale, second = (y - x * ratio) * scale;
  return {first, real ? second : -second};
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
