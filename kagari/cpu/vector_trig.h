// Trigonometric functions of Vec<float> and Vec<double> and their inverses. Error bounds: see vector_exp_log.h.
//
// Note [Trigonometric reduction]: x = n pi/2 + r with |r| <= pi/4, by subtracting n times pi/2 in parts. With FMA the parts
// have full precision; without it they are so short that their products with n are exact. Arguments beyond kReduceLimit
// (and NaN) send the whole vector to <cmath>, lane by lane.
#pragma once

#include <cmath>

#include "kagari/cpu/vector_exp_log.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace detail {

template <class T>
inline constexpr T kReduceLimit = sizeof(T) == 4 ? (kHasFma ? T(65536) : T(8192)) : T(1048576);

// For 0 <= a < kReduceLimit: the remainder, and the quadrant in the low bits of q.
template <class T>
KAGARI_INLINE Vec<T> quadrant_reduce(Vec<T> a, Vec<typename Vec<T>::Int>& q) {
  Vec<T> n = round_even(a * Vec<T>(T(0.636619772367581343076)));
  q = to_int(n);
  if constexpr (sizeof(T) == 4) {
    if constexpr (kHasFma) {
      Vec<T> r = fma(n, -1.57079637f, a);
      r = fma(n, 4.37113883e-08f, r);
      return fma(n, 1.71512451e-15f, r);
    } else {
      Vec<T> r = a - n * Vec<T>(1.5703125f) - n * Vec<T>(0.000483512878418f);
      return r - n * Vec<T>(3.13855707645e-07f) - n * Vec<T>(6.07710063e-11f);
    }
  } else {
    if constexpr (kHasFma) {
      Vec<T> r = fma(n, -1.5707963267948966, a);
      r = fma(n, -6.123233995736766e-17, r);
      return fma(n, 1.4973849048591698e-33, r);
    } else {
      Vec<T> r = a - n * Vec<T>(1.5707963267341256142) - n * Vec<T>(6.0771005063039659766e-11);
      return r - n * Vec<T>(2.0222662487111664558e-21) - n * Vec<T>(8.4784276603688996e-32);
    }
  }
}

inline constexpr float kSinFloat[] = {-0.166666552f, 0.00833209604f, -0.000195032932f};
inline constexpr float kCosFloat[] = {0.041666653f, -0.00138876494f, 2.44631665e-05f};
inline constexpr double kSinDouble[] = {-0.16666666666666641,    0.0083333333333235754,   -0.00019841269830064203,
                                        2.7557313621772562e-06, -2.5050729635295503e-08, 1.5894416125173351e-10};
inline constexpr double kCosDouble[] = {0.04166666666666665,     -0.0013888888888882785, 2.480158729457785e-05,
                                        -2.7557315719797531e-07, 2.087589465110447e-09,  -1.1367797675057899e-11};

// sin(r) and cos(r) for |r| <= pi/4.
template <class T>
KAGARI_INLINE Vec<T> sin_reduced(Vec<T> r, Vec<T> z) {
  if constexpr (sizeof(T) == 4) return fma(r * z, polynomial(z, kSinFloat), r);
  else return fma(r * z, polynomial(z, kSinDouble), r);
}
template <class T>
KAGARI_INLINE Vec<T> cos_reduced(Vec<T> z) {
  Vec<T> head = fma(z, T(-0.5), T(1));
  if constexpr (sizeof(T) == 4) {
    return fma(z * z, polynomial(z, kCosFloat), head);
  } else {
    // What the first subtraction lost.
    Vec<T> lost = (Vec<T>(1) - head) - z * Vec<T>(0.5);
    return head + fma(z * z, polynomial(z, kCosDouble), lost);
  }
}

// sin(x) with `Offset` 0, cos(x) with 1: for quadrant q of |x|.
template <int Offset, class T>
KAGARI_INLINE Vec<T> sin_or_cos(Vec<T> x) {
  using I = typename Vec<T>::Int;
  Vec<T> a = abs(x);
  if (__builtin_expect(!all(a < Vec<T>(kReduceLimit<T>)), 0))
    return map_lanes(x, [](T v) -> T { return Offset == 0 ? std::sin(v) : std::cos(v); });
  Vec<I> q;
  Vec<T> r = quadrant_reduce(a, q);
  q = q + Vec<I>(Offset);
  Vec<T> z = r * r;
  Vec<T> y = select(bit_and(q, Vec<I>(1)) != Vec<I>(0), cos_reduced(z), sin_reduced(r, z));
  Vec<T> sign = bits_as<T>(shift_left(bit_and(q, Vec<I>(2)), int(sizeof(T)) * 8 - 2));
  if constexpr (Offset == 0) sign = bit_xor(sign, sign_bits(x));
  return bit_xor(y, sign);
}

inline constexpr float kTanFloat[] = {0.333333492f,  0.133326456f,   0.0540620089f, 0.0212710742f,
                                      0.010865503f, 5.07511759e-05f, 0.00439597107f};
inline constexpr float kAtanFloat[] = {-0.333332986f, 0.199985445f,   -0.142641947f, 0.109519385f,  -0.0840272829f,
                                       0.0579452664f, -0.0311656017f, 0.0109080561f, -0.00179216301f};
inline constexpr double kAtanDouble[] = {-0.333333333333333303, 0.199999999999975322,  -0.142857142853841315, 0.111111110934908281,  -0.0909090859089193423,
                                         0.0769229897103321692, -0.0666656469928910421, 0.0588150687779365607, -0.0525797333428411081, 0.0473774957952777897,
                                         -0.0426035663260165213, 0.0374948681253524711, -0.0312771890669963848, 0.023696731580048622,  -0.0155351524754141761,
                                         0.00836893117845016214, -0.00349588597391630952, 0.00104960350849685151, -0.000199961893779013821, 0.0000180619546186121522};
inline constexpr double kAsinDouble[] = {0.166666666666666678, 0.0749999999999843293, 0.0446428571463554298, 0.0303819441385312473, 0.0223721729421498879,
                                         0.0173523927208699729, 0.0139712129735529333, 0.0114791774151849059, 0.0103228143501857793, 0.0054575067186403583,
                                         0.0174008794426940224, -0.0148518870712472032, 0.0287578513674215647};
inline constexpr float kAsinFloat[] = {0.166666597f, 0.0750051439f, 0.0445149206f, 0.0318257101f, 0.0143665355f, 0.0376233868f};

// pi/2 = kHalfPi + kHalfPiLow.
template <class T>
inline constexpr T kHalfPi = T(1.57079632679489661923);
template <class T>
inline constexpr T kHalfPiLow = sizeof(T) == 4 ? T(-4.371139e-08) : T(6.123233995736766e-17);

// atan(t) for t in [0, 1], and asin(s) for s = sqrt(z) in [0, 1/2].
template <class T>
KAGARI_INLINE Vec<T> atan_unit(Vec<T> t) {
  Vec<T> z = t * t;
  if constexpr (sizeof(T) == 4) return fma(t * z, polynomial(z, kAtanFloat), t);
  else return fma(t * z, polynomial(z, kAtanDouble), t);
}
template <class T>
KAGARI_INLINE Vec<T> asin_half(Vec<T> s, Vec<T> z) {
  if constexpr (sizeof(T) == 4) return fma(s * z, polynomial(z, kAsinFloat), s);
  else return fma(s * z, polynomial(z, kAsinDouble), s);
}

}  // namespace detail

// ULP <= 2 / 2.
template <class T>
KAGARI_INLINE Vec<T> sin(Vec<T> x) {
  return detail::sin_or_cos<0>(x);
}
// ULP <= 2 / 2.
template <class T>
KAGARI_INLINE Vec<T> cos(Vec<T> x) {
  return detail::sin_or_cos<1>(x);
}

// ULP <= 4.
KAGARI_INLINE VecF tan(VecF x) {
  VecF a = abs(x);
  if (__builtin_expect(!all(a < VecF(detail::kReduceLimit<float>)), 0))
    return map_lanes(x, [](float v) { return std::tan(v); });
  VecI q;
  VecF r = detail::quadrant_reduce(a, q);
  VecF z = r * r;
  VecF t = fma(r * z, polynomial(z, detail::kTanFloat), r);
  t = select(bit_and(q, VecI(1)) != VecI(0), VecF(-1) / t, t);
  return bit_xor(t, sign_bits(x));
}

// ULP <= 3.
template <class T>
KAGARI_INLINE Vec<T> atan(Vec<T> x) {
  Vec<T> a = abs(x);
  auto inverted = a > Vec<T>(1);
  Vec<T> y = detail::atan_unit(select(inverted, Vec<T>(1) / a, a));
  y = select(inverted, (Vec<T>(detail::kHalfPi<T>) - y) + Vec<T>(detail::kHalfPiLow<T>), y);
  return copysign(y, x);
}

// The angle of the point (x, y). ULP <= 4.
template <class T>
KAGARI_INLINE Vec<T> atan2(Vec<T> y, Vec<T> x) {
  Vec<T> a = abs(y), b = abs(x);
  Vec<T> large = maximum(a, b), small = minimum(a, b);
  Vec<T> t = small / large;
  t = select(large == Vec<T>(0), Vec<T>(0), t);
  t = select((small == large) & isinf(large), Vec<T>(1), t);
  Vec<T> angle = detail::atan_unit(t);
  angle = select(a > b, (Vec<T>(detail::kHalfPi<T>) - angle) + Vec<T>(detail::kHalfPiLow<T>), angle);
  angle = select(signbit(x), (Vec<T>(2 * detail::kHalfPi<T>) - angle) + Vec<T>(2 * detail::kHalfPiLow<T>), angle);
  return copysign(angle, y);
}

// ULP <= 3.
template <class T>
KAGARI_INLINE Vec<T> asin(Vec<T> x) {
  Vec<T> a = abs(x);
  auto large = a > Vec<T>(T(0.5));  // asin(a) = pi/2 - 2 asin(sqrt((1 - a) / 2))
  Vec<T> z = select(large, fma(a, T(-0.5), T(0.5)), a * a);
  Vec<T> s = select(large, sqrt(z), a);
  Vec<T> p = detail::asin_half(s, z);
  Vec<T> y = select(large, Vec<T>(detail::kHalfPi<T>) - fma(p, T(2), -detail::kHalfPiLow<T>), p);
  return copysign(y, x);
}

// ULP <= 3.
template <class T>
KAGARI_INLINE Vec<T> acos(Vec<T> x) {
  Vec<T> a = abs(x);
  auto large = a > Vec<T>(T(0.5));
  Vec<T> z = select(large, fma(a, T(-0.5), T(0.5)), a * a);
  Vec<T> s = select(large, sqrt(z), a);
  Vec<T> p = detail::asin_half(s, z);
  Vec<T> twice = p + p;
  Vec<T> outer = select(signbit(x), Vec<T>(2 * detail::kHalfPi<T>) - (twice - Vec<T>(2 * detail::kHalfPiLow<T>)), twice);
  Vec<T> inner = Vec<T>(detail::kHalfPi<T>) - (copysign(p, x) - Vec<T>(detail::kHalfPiLow<T>));
  return select(large, outer, inner);
}

KAGARI_INLINE VecD tan(VecD x) {
  VecD a = abs(x);
  if (__builtin_expect(!all(a < VecD(detail::kReduceLimit<double>)), 0))
    return map_lanes(x, [](double v) { return std::tan(v); });
  VecL q;
  VecD r = detail::quadrant_reduce(a, q);
  VecD z = r * r, sine = detail::sin_reduced(r, z), cosine = detail::cos_reduced(z);
  auto odd = bit_and(q, VecL(1)) != VecL(0);
  VecD t = select(odd, -cosine, sine) / select(odd, sine, cosine);
  return bit_xor(t, sign_bits(x));
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
