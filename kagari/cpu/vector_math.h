// Elementary functions of Vec<float> and Vec<double>.
#pragma once

#include <cmath>

#include "kagari/cpu/simd.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {

// Functions that are rarely hot call <cmath> lane by lane; its errors are below 2 ULP. Note lgamma_r: std::lgamma writes
// a global variable.
#define KAGARI_LANEWISE(name, expression)                          \
  template <class T>                                               \
  KAGARI_INLINE Vec<T> name(Vec<T> v) {                            \
    return map_lanes(v, [](T x) -> T { return expression; });      \
  }
KAGARI_LANEWISE(exp, std::exp(x))
KAGARI_LANEWISE(exp2, std::exp2(x))
KAGARI_LANEWISE(expm1, std::expm1(x))
KAGARI_LANEWISE(log, std::log(x))
KAGARI_LANEWISE(log2, std::log2(x))
KAGARI_LANEWISE(log10, std::log10(x))
KAGARI_LANEWISE(log1p, std::log1p(x))
KAGARI_LANEWISE(sin, std::sin(x))
KAGARI_LANEWISE(cos, std::cos(x))
KAGARI_LANEWISE(tan, std::tan(x))
KAGARI_LANEWISE(asin, std::asin(x))
KAGARI_LANEWISE(acos, std::acos(x))
KAGARI_LANEWISE(atan, std::atan(x))
KAGARI_LANEWISE(sinh, std::sinh(x))
KAGARI_LANEWISE(cosh, std::cosh(x))
KAGARI_LANEWISE(tanh, std::tanh(x))
KAGARI_LANEWISE(asinh, std::asinh(x))
KAGARI_LANEWISE(acosh, std::acosh(x))
KAGARI_LANEWISE(atanh, std::atanh(x))
KAGARI_LANEWISE(erf, std::erf(x))
KAGARI_LANEWISE(erfc, std::erfc(x))
KAGARI_LANEWISE(cbrt, std::cbrt(x))
#undef KAGARI_LANEWISE
template <class T>
KAGARI_INLINE Vec<T> lgamma(Vec<T> v) {
  return map_lanes(v, [](T x) -> T {
    int sign;
    if constexpr (sizeof(T) == 4) return lgammaf_r(x, &sign);
    else return lgamma_r(x, &sign);
  });
}
template <class T>
KAGARI_INLINE Vec<T> pow(Vec<T> x, Vec<T> y) {
  return map_lanes(x, y, [](T a, T b) -> T { return std::pow(a, b); });
}
template <class T>
KAGARI_INLINE Vec<T> atan2(Vec<T> y, Vec<T> x) {
  return map_lanes(y, x, [](T a, T b) -> T { return std::atan2(a, b); });
}
template <class T>
KAGARI_INLINE Vec<T> hypot(Vec<T> x, Vec<T> y) {
  return map_lanes(x, y, [](T a, T b) -> T { return std::hypot(a, b); });
}
template <class T>
KAGARI_INLINE Vec<T> sigmoid(Vec<T> x) {
  return Vec<T>(1) / (Vec<T>(1) + exp(-x));
}
template <class T>
KAGARI_INLINE Vec<T> fmod(Vec<T> x, Vec<T> y) {
  return map_lanes(x, y, [](T a, T b) -> T { return std::fmod(a, b); });
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
