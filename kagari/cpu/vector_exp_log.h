// Exponentials and logarithms of Vec<float> and Vec<double>.
//
// Coefficients are weighted minimax fits (Lawson iteration in 45 digits) on the reduced interval; the error of a fit alone
// is below 2^-27 (float) and 2^-56 (double). The bound in a function's comment, "ULP <= float / double", is the largest error
// that tests/cpp/test_vector_math.cpp allows against long double references over random and special arguments, on every
// instruction set. Special values follow C99.
#pragma once

#include "kagari/cpu/simd.h"
#include "kagari/cpu/vector_segments.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {

namespace detail {

template <class T, size_t N>
KAGARI_INLINE Vec<T> horner(Vec<T> x, const T (&c)[N]) {
  Vec<T> y(c[N - 1]);
  for (size_t i = N - 1; i-- > 0;) y = fma(y, x, Vec<T>(c[i]));
  return y;
}

}  // namespace detail

// c[0] + c[1] x + ...; long polynomials as two interleaved chains, for the latency.
template <class T, size_t N>
KAGARI_INLINE Vec<T> polynomial(Vec<T> x, const T (&c)[N]) {
  if constexpr (N < 8) {
    return detail::horner(x, c);
  } else {
    constexpr size_t kEven = (N - 1) / 2 * 2, kOdd = (N - 2) / 2 * 2 + 1;
    Vec<T> z = x * x;
    Vec<T> even(c[kEven]), odd(c[kOdd]);
    for (size_t i = kEven; i >= 2; i -= 2) even = fma(even, z, Vec<T>(c[i - 2]));
    for (size_t i = kOdd; i >= 3; i -= 2) odd = fma(odd, z, Vec<T>(c[i - 2]));
    return fma(odd, x, even);
  }
}

namespace detail {

inline constexpr float kExpFloat[] = {0.49999994f, 0.166665196f, 0.0416684113f, 0.00836888701f, 0.00138138095f};
inline constexpr double kExpDouble[] = {0.5,
                                        0.16666666666666682,
                                        0.041666666666666081,
                                        0.0083333333333167683,
                                        0.0013888888889119428,
                                        0.00019841269897047804,
                                        2.4801586921874795e-05,
                                        2.7557234190946971e-06,
                                        2.7557584151166548e-07,
                                        2.5112273400366733e-08,
                                        2.082636250365894e-09};
inline constexpr float kExp2Float[] = {0.693147182f,  0.240226507f,   0.0555041023f, 0.00961803738f,
                                       0.00133339386f, 0.000154670182f, 1.51958075e-05f};
inline constexpr double kExp2Double[] = {
    0.69314718055994529,    0.24022650695910072,    0.055504108664821687,  0.0096181291076283294,
    0.0013333558146392001,  0.00015403530393641535, 1.525273385501508e-05, 1.3215486595087252e-06,
    1.0178051635664338e-07, 7.0549741037725451e-09, 4.4566191471297002e-10, 2.5626356448887127e-11};
// log(1 + f) = f - f^2 / 2 + f^3 P(f) for f in [-1/4, 1/2].
inline constexpr float kLogFloat[] = {0.333334506f, -0.250001073f, 0.199907795f, -0.166467905f,
                                      0.144784227f, -0.131660521f, 0.104732201f, -0.0451391265f};
inline constexpr double kLogDouble[] = {
    0.3333333333333327,   -0.25000000000001921, 0.20000000000032059,  -0.16666666666193369,
    0.14285714280095296,  -0.12500000038662168, 0.11111111582549348,  -0.099999988193410744,
    0.090908879205750734, -0.083333299615448914, 0.076928222472161731, -0.071439236084845897,
    0.066606900458162921, -0.062247308061588291, 0.058920405961493678, -0.057784721258012622,
    0.056590658379662151, -0.047202211693321595, 0.026581181894215225, -0.007083062575493201};
// log2(1 + f) = f + f R(f), log10(1 + f) = f / 2 + f S(f) for the same f.
inline constexpr float kLog2Float[] = {0.442695022f,  -0.721347511f, 0.480900764f,  -0.360674798f, 0.288383901f,
                                       -0.240150005f, 0.209105954f,  -0.190267265f, 0.150616854f,  -0.0642998964f};
inline constexpr float kLog10Float[] = {-0.0657055229f, -0.217147246f, 0.144765556f,  -0.108573928f, 0.0868122056f,
                                        -0.0722923502f, 0.0629471615f, -0.0572761558f, 0.0453401916f, -0.0193561967f};

// ln 2 in two parts: n * high is exact for every exponent n.
template <class T>
inline constexpr T kLn2High = sizeof(T) == 4 ? T(0.693359375) : T(0.69314718036912381649);
template <class T>
inline constexpr T kLn2Low = sizeof(T) == 4 ? T(-2.12194440054690583e-4) : T(1.90821492927058770002e-10);
// Beyond these, exp is 0 and infinite.
template <class T>
inline constexpr T kExpLowest = sizeof(T) == 4 ? T(-104) : T(-746);
template <class T>
inline constexpr T kExpHighest = sizeof(T) == 4 ? T(89) : T(710);

// x = n ln 2 + r with |r| <= ln(2) / 2.
template <class T>
KAGARI_INLINE Vec<T> exp_reduce(Vec<T> x, Vec<T>& n) {
  n = round_even(x * Vec<T>(T(1.44269504088896340736)));
  Vec<T> r = fma(n, -kLn2High<T>, x);
  return fma(n, -kLn2Low<T>, r);
}
// exp(r) - 1 for a reduced r.
template <class T>
KAGARI_INLINE Vec<T> exp_reduced_minus_one(Vec<T> r) {
  if constexpr (sizeof(T) == 4) return fma(r * r, polynomial(r, kExpFloat), r);
  else return fma(r * r, polynomial(r, kExpDouble), r);
}

}  // namespace detail

// e^x 2^shift for an integral shift. ULP <= 2 / 2.
template <class T>
KAGARI_INLINE Vec<T> exp_shifted(Vec<T> x, T shift) {
  Vec<T> n;
  x = clamp(x, T(detail::kExpLowest<T>), T(detail::kExpHighest<T> + T(2)));
  Vec<T> r = detail::exp_reduce(x, n);
  return scale2(detail::exp_reduced_minus_one(r) + Vec<T>(1), n + Vec<T>(shift));
}

// e^x. ULP <= 2 / 2. Results that vanish, as under a mask of -inf, are not left to the underflow of scale2: that takes the processor a
// hundred times as long.
template <class T>
KAGARI_INLINE Vec<T> exp(Vec<T> x) {
  Vec<T> n;
  const auto vanishes = x < Vec<T>(detail::kExpLowest<T>);
  x = clamp(select(vanishes, Vec<T>(0), x), detail::kExpLowest<T>, detail::kExpHighest<T>);
  Vec<T> r = detail::exp_reduce(x, n);
  return select(vanishes, Vec<T>(0), scale2(detail::exp_reduced_minus_one(r) + Vec<T>(1), n));
}

// 2^x. ULP <= 2 / 2.
template <class T>
KAGARI_INLINE Vec<T> exp2(Vec<T> x) {
  x = clamp(x, sizeof(T) == 4 ? T(-151) : T(-1076), sizeof(T) == 4 ? T(129) : T(1025));
  Vec<T> n = round_even(x);
  Vec<T> r = x - n;
  Vec<T> p;
  if constexpr (sizeof(T) == 4) p = polynomial(r, detail::kExp2Float);
  else p = polynomial(r, detail::kExp2Double);
  return scale2(fma(r, p, Vec<T>(1)), n);
}

// e^x - 1. ULP <= 3 / 3.
template <class T>
KAGARI_INLINE Vec<T> expm1(Vec<T> x) {
  Vec<T> n;
  Vec<T> r = detail::exp_reduce(clamp(x, detail::kExpLowest<T>, detail::kExpHighest<T>), n);
  Vec<T> q = detail::exp_reduced_minus_one(r);
  // Half of the result, so that 2^n does not overflow before the result does.
  Vec<T> half = scale2(Vec<T>(T(0.5)), n);
  Vec<T> y = fma(half, q, half - Vec<T>(T(0.5)));
  return copysign(y + y, x);
}

namespace detail {

// log(1 + f) for f in [-1/4, 1/2], plus e ln 2.
template <class T>
KAGARI_INLINE Vec<T> log_reduced(Vec<T> f, Vec<T> e) {
  Vec<T> p;
  if constexpr (sizeof(T) == 4) p = polynomial(f, kLogFloat);
  else p = polynomial(f, kLogDouble);
  Vec<T> square = f * f;
  Vec<T> y = fma(square * f, p, e * Vec<T>(kLn2Low<T>));
  y = fma(square, T(-0.5), y);
  return fma(e, Vec<T>(kLn2High<T>), f + y);
}

// y, except where x is not in (0, inf): the values of a logarithm there. `x` is the argument of log itself.
template <class T>
KAGARI_INLINE Vec<T> log_special(Vec<T> x, Vec<T> y) {
  const Vec<T> inf{T(__builtin_inf())};
  auto usual = (x > Vec<T>(0)) & (x < inf);
  if (__builtin_expect(!all(usual), 0)) {
    y = select(x == inf, inf, y);
    y = select(x == Vec<T>(0), -inf, y);
    y = select(~(x >= Vec<T>(0)), Vec<T>(T(__builtin_nan(""))), y);
  }
  return y;
}

}  // namespace detail

// Natural logarithm. ULP <= 2 / 2.
template <class T>
KAGARI_INLINE Vec<T> log(Vec<T> x) {
  Vec<T> e;
  Vec<T> m = split_exponent(x, e);
  return detail::log_special(x, detail::log_reduced(m - Vec<T>(1), e));
}

// log(1 + x). ULP <= 3 / 3.
template <class T>
KAGARI_INLINE Vec<T> log1p(Vec<T> x) {
  Vec<T> u = x + Vec<T>(1);
  Vec<T> e;
  split_exponent(u, e);
  // (1 + x) 2^-e - 1 from x itself: one rounding, whatever u lost.
  Vec<T> s = scale2(Vec<T>(1), -e);
  Vec<T> f = fma(x, s, s - Vec<T>(1));
  return detail::log_special(u, copysign(detail::log_reduced(f, e), x));
}

// Logarithm to base 2. ULP <= 3 / 3.
template <class T>
KAGARI_INLINE Vec<T> log2(Vec<T> x) {
  Vec<T> e;
  Vec<T> f = split_exponent(x, e) - Vec<T>(1);
  Vec<T> y;
  if constexpr (sizeof(T) == 4) {
    y = fma(f, polynomial(f, detail::kLog2Float), f);
  } else {
    Vec<T> log = detail::log_reduced(f, Vec<T>(0));
    y = fma(log, Vec<T>(1.4426950408889634), log * Vec<T>(2.0355273740931033e-17));
  }
  return detail::log_special(x, y + e);
}

// Logarithm to base 10. ULP <= 3 / 3.
template <class T>
KAGARI_INLINE Vec<T> log10(Vec<T> x) {
  // log10(2) in two parts; the first times an exponent is exact.
  constexpr T kHigh = sizeof(T) == 4 ? T(0.301025390625) : T(0.30102999566361177131);
  constexpr T kLow = T(0.30102999566398119521373889472449L - (long double)kHigh);
  Vec<T> e;
  Vec<T> f = split_exponent(x, e) - Vec<T>(1);
  Vec<T> y;
  if constexpr (sizeof(T) == 4) {
    Vec<T> low = fma(f, polynomial(f, detail::kLog10Float), e * Vec<T>(kLow));
    y = fma(f, Vec<T>(0.5f), low);
  } else {
    Vec<T> log = detail::log_reduced(f, Vec<T>(0));
    y = fma(log, Vec<T>(0.43429448190325182), fma(log, Vec<T>(1.0983196502167651e-17), e * Vec<T>(kLow)));
  }
  return detail::log_special(x, fma(e, Vec<T>(kHigh), y));
}

// 1 / (1 + e^-x), without overflow. ULP <= 3 / 3.
template <class T>
KAGARI_INLINE Vec<T> sigmoid(Vec<T> x) {
  Vec<T> n;
  Vec<T> r = detail::exp_reduce(max_second(Vec<T>(detail::kExpLowest<T>), -abs(x)), n);
  Vec<T> e = scale2(detail::exp_reduced_minus_one(r) + Vec<T>(1), n);
  Vec<T> numerator = select(signbit(x), e, Vec<T>(1));
  if constexpr (sizeof(T) == 4) {
    // 1 / (1 + e) is in [1/2, 1], so that a denormal numerator is scaled by one ordinary product.
    return numerator * reciprocal(e + Vec<T>(1));
  } else {
    return numerator / (e + Vec<T>(1));
  }
}

// With t = (e^2a - 1) / 2: t / (t + 1). ULP <= 4 / 4.
template <class T>
KAGARI_INLINE Vec<T> tanh(Vec<T> x) {
  Vec<T> a = abs(x);
#if KAGARI_VEC_BYTES == 64
  if constexpr (sizeof(T) == 4)
    return copysign(detail::odd_by_segments(a, detail::kTanhScale, detail::kTanhHighest, detail::kTanhSegments), x);
#endif
  a = min_second(Vec<T>(sizeof(T) == 4 ? T(10) : T(20)), a);
  Vec<T> n;
  Vec<T> r = detail::exp_reduce(a + a, n);
  Vec<T> q = detail::exp_reduced_minus_one(r);
  Vec<T> half = scale2(Vec<T>(T(0.5)), n);
  Vec<T> t = fma(half, q, half - Vec<T>(T(0.5)));
  return copysign(t / (t + Vec<T>(1)), x);
}

// ULP <= 4 / 4.
template <class T>
KAGARI_INLINE Vec<T> sinh(Vec<T> x) {
  Vec<T> a = abs(x);
  Vec<T> half = exp_shifted(a, T(-1));
  Vec<T> y = half - Vec<T>(T(0.25)) / half;
  Vec<T> t = expm1(min_second(Vec<T>(1), a));
  Vec<T> small = Vec<T>(T(0.5)) * (t + t / (t + Vec<T>(1)));
  return copysign(select(a < Vec<T>(1), small, y), x);
}

// ULP <= 3 / 3.
template <class T>
KAGARI_INLINE Vec<T> cosh(Vec<T> x) {
  Vec<T> half = exp_shifted(abs(x), T(-1));
  return half + Vec<T>(T(0.25)) / half;
}

// ULP <= 4 / 4.
template <class T>
KAGARI_INLINE Vec<T> asinh(Vec<T> x) {
  // Beyond 2^60 the square would overflow at last, and asinh is log(2x) there.
  Vec<T> a = abs(x);
  auto large = a > Vec<T>(T(1.0e9));
  Vec<T> b = select(large, Vec<T>(1), a);
  Vec<T> square = b * b;
  Vec<T> y = log1p(b + square / (Vec<T>(1) + sqrt(square + Vec<T>(1))));
  if (__builtin_expect(any(large), 0)) y = select(large, log(a) + Vec<T>(T(0.693147180559945309417)), y);
  return copysign(select(isnan(x), x, y), x);
}

// ULP <= 4 / 4.
template <class T>
KAGARI_INLINE Vec<T> acosh(Vec<T> x) {
  auto large = x > Vec<T>(T(1.0e9));
  Vec<T> t = select(large, Vec<T>(1), x - Vec<T>(1));
  Vec<T> y = log1p(t + sqrt(fma(t, t, t + t)));
  if (__builtin_expect(any(large), 0)) y = select(large, log(x) + Vec<T>(T(0.693147180559945309417)), y);
  return select(x < Vec<T>(1), Vec<T>(T(__builtin_nan(""))), y);
}

// ULP <= 4 / 4.
template <class T>
KAGARI_INLINE Vec<T> atanh(Vec<T> x) {
  Vec<T> a = abs(x);
  Vec<T> y = Vec<T>(T(0.5)) * log1p((a + a) / (Vec<T>(1) - a));
  return select(a > Vec<T>(1), Vec<T>(T(__builtin_nan(""))), copysign(y, x));
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
