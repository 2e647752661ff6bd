// The mathematical functions of Vec<float> and Vec<double>: this header includes all of them. Here: the error function,
// powers, and functions that call <cmath> lane by lane. Error bounds: see vector_exp_log.h.
#pragma once

#include <cmath>

#include "kagari/cpu/vector_exp_log.h"
#include "kagari/cpu/vector_trig.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace detail {

// erf(x) = x + x P(x^2) for |x| < 1.
inline constexpr float kErfSmallFloat[] = {0.128379166f,   -0.37612626f,    0.112835854f,   -0.0268538091f,
                                           0.00518832123f, -0.000801013783f, 7.85367665e-05f};
inline constexpr double kErfSmallDouble[] = {0.12837916709551256,     -0.37612638903183521,   0.11283791670944181,
                                             -0.0268661706431109,     0.0052239776061139909,  -0.00085483259291078203,
                                             0.00012055293570951083,  -1.4924712191881749e-05, 1.6447130260442985e-06,
                                             -1.6206304061959303e-07, 1.3710939834728645e-08, -7.7793951679652143e-10};
// erf(x) = 1 - exp(-Q(x)) for 1 <= x, up to where erf rounds to 1.
inline constexpr float kErfLargeFloat[] = {-0.000189554514f, 1.12958515f,     0.633207262f,     0.108431473f,
                                           -0.0252159983f,   0.00420729443f, -0.000441861281f, 2.17291727e-05f};
inline constexpr double kErfLargeDouble[] = {  // a polynomial in x - 3
    10.72036304198113,       6.3037536890039334,     0.95739421880404041,     0.0074118917883081187,
    -0.0013533104945596974,  0.00024569205668019259, -4.3081679111885416e-05, 7.115871156789986e-06,
    -1.0690955479629453e-06, 1.3588632383419043e-07, -1.2075376294167776e-08, -9.1796119405470156e-10,
    7.8402850627951863e-10,  6.3045960773447398e-11, 1.3291021976390312e-10,  -2.7510808728063394e-11,
    -2.4453762299827921e-11, -8.5923429631311285e-12, -1.0390860105405017e-12};

}  // namespace detail

// The error function. ULP <= 3 / 5.
template <class T>
KAGARI_INLINE Vec<T> erf(Vec<T> x) {
  Vec<T> a = abs(x);
#if KAGARI_VEC_BYTES == 64
  if constexpr (sizeof(T) == 4)
    return copysign(detail::odd_by_segments(a, detail::kErfScale, detail::kErfHighest, detail::kErfSegments), x);
#endif
  Vec<T> z = a * a;
  Vec<T> capped = min_second(Vec<T>(sizeof(T) == 4 ? T(3.95) : T(5.95)), a);
  Vec<T> small, q;
  if constexpr (sizeof(T) == 4) {
    small = fma(a, polynomial(z, detail::kErfSmallFloat), a);
    q = polynomial(capped, detail::kErfLargeFloat);
  } else {
    small = fma(a, polynomial(z, detail::kErfSmallDouble), a);
    q = polynomial(capped - Vec<T>(3), detail::kErfLargeDouble);
  }
  Vec<T> n;
  Vec<T> r = detail::exp_reduce(-q, n);
  Vec<T> large = Vec<T>(1) - scale2(detail::exp_reduced_minus_one(r) + Vec<T>(1), n);
  return copysign(select(a < Vec<T>(1), small, large), x);
}

namespace detail {

// log2(1 + f) = f R(f), 2^r = 1 + r S(r), with errors below 2^-33, for float powers in double lanes.
inline constexpr double kPowLog2[] = {1.4426950409941635,   -0.72134751683976306, 0.48089828240235966,  -0.36067436215665583,
                                      0.28854601337347341,  -0.24042807786520584, 0.20582046420314776,  -0.18031729683975295,
                                      0.16466065548736938,  -0.15285493221345217, 0.11545897700875039,  -0.044922187188869055};
inline constexpr double kPowExp2[] = {0.69314718070714632,  0.24022651071324383,    0.055504103591630702, 0.0096180373687693339,
                                      0.0013333938655664273, 0.00015467018455949064, 1.51958074218928e-05};

// a^y for a > 0.
KAGARI_INLINE VecD pow_wide(VecD a, VecD y) {
  VecD e;
  VecD f = split_exponent(a, e) - VecD(1);
  VecD x = y * fma(f, polynomial(f, kPowLog2), e);
  x = clamp(x, -200.0, 200.0);
  VecD n = round_even(x);
  VecD r = x - n;
  VecD p = fma(r, polynomial(r, kPowExp2), VecD(1));
  return p * bits_as<double>(shift_left(to_int(n) + VecL(1023), 52));
}

// The power of a negative x from that of |x|: negative for odd y, NaN where y is not an integer.
template <class T>
KAGARI_INLINE Vec<T> signed_power(Vec<T> x, Vec<T> y, Vec<T> power) {
  auto negative = x < Vec<T>(0);
  if (!any(negative)) return power;
  Vec<T> half = y * Vec<T>(T(0.5));
  auto integral = round_even(y) == y;
  auto odd = integral & (round_even(half) != half);
  Vec<T> with_sign = select(odd, -power, power);
  return select(negative, select(integral, with_sign, Vec<T>(T(__builtin_nan("")))), power);
}

}  // namespace detail

// x^y. ULP <= 2 / 2; zeros, infinities and NaN go to <cmath>.
KAGARI_INLINE VecF pow(VecF x, VecF y) {
  VecF a = abs(x);
  const VecF inf{__builtin_inff()};
  auto usual = (a > VecF(0)) & (a < inf) & (abs(y) < inf);
  if (__builtin_expect(!all(usual), 0))
    return map_lanes(x, y, [](float u, float v) { return std::pow(u, v); });
  VecF power = narrow(detail::pow_wide(widen_low(a), widen_low(y)), detail::pow_wide(widen_high(a), widen_high(y)));
  return detail::signed_power(x, y, power);
}

namespace detail {

// log(1 + f) = 2 s + (2/3) s^3 + s^5 S(s^2), s = f / (2 + f): the coefficients of S, from the Taylor series, to 2^-70.
inline constexpr double kAtanhTail[] = {2.0 / 5,  2.0 / 7,  2.0 / 9,  2.0 / 11, 2.0 / 13, 2.0 / 15,
                                        2.0 / 17, 2.0 / 19, 2.0 / 21, 2.0 / 23, 2.0 / 25, 2.0 / 27};

// a^y for a > 0, with FMA: the logarithm and its product with y are carried in two doubles.
KAGARI_INLINE VecD pow_double(VecD a, VecD y) {
  VecD e;
  const VecD f = split_exponent(a, e) - VecD(1.0);
  const VecD d = f + VecD(2.0);
  const VecD d_low = f - (d - VecD(2.0));
  const VecD inverse = VecD(1.0) / d;
  const VecD s = f * inverse;
  const VecD s_low = (fma(-s, d, f) - s * d_low) * inverse;
  const VecD z = s * s;
  const VecD z_low = fma(s, s, -z) + VecD(2.0) * s * s_low;
  const VecD cube = z * s;
  const VecD cube_low = fma(z, s, -cube) + fma(z_low, s, z * s_low);
  constexpr double kTwoThirds = 0.66666666666666662966, kTwoThirdsLow = 3.7007434154171884e-17;
  const VecD third = cube * VecD(kTwoThirds);
  VecD third_low = fma(cube, VecD(kTwoThirds), -third) + fma(cube, VecD(kTwoThirdsLow), cube_low * VecD(kTwoThirds));
  third_low = fma(cube * z, polynomial(z, kAtanhTail), third_low);
  const VecD twice = s + s;
  const VecD log = twice + third;
  const VecD log_low = ((twice - log) + third) + fma(s_low, VecD(2.0), third_low);
  // Base 2, and the exponent.
  constexpr double kLog2e = 1.4426950408889634, kLog2eLow = 2.0355273740931033e-17;
  const VecD l = log * VecD(kLog2e);
  const VecD l_low = fma(log, VecD(kLog2e), -l) + fma(log, VecD(kLog2eLow), log_low * VecD(kLog2e));
  const VecD sum = e + l;
  const VecD back = sum - e;
  const VecD sum_low = ((e - (sum - back)) + (l - back)) + l_low;
  // Times y.
  const VecD p = clamp(sum * y, -1100.0, 1100.0);
  const VecD p_low = select(abs(p) < VecD(1100.0), fma(sum, y, -p) + sum_low * y, VecD(0.0));
  const VecD n = round_even(p);
  const VecD r = (p - n) + p_low;
  return scale2(fma(r, polynomial(r, kExp2Double), VecD(1.0)), n);
}

}  // namespace detail

KAGARI_INLINE VecD pow(VecD x, VecD y) {
  VecD a = abs(x);
  const VecD inf{__builtin_inf()};
  auto usual = (a > VecD(0.0)) & (a < inf) & (abs(y) < VecD(1e200));
  if (!kHasFma || __builtin_expect(!all(usual), 0))
    return map_lanes(x, y, [](double u, double v) { return std::pow(u, v); });
  return detail::signed_power(x, y, detail::pow_double(a, y));
}

#define KAGARI_LANEWISE(name, expression)                          \
  template <class T>                                               \
  KAGARI_INLINE Vec<T> name(Vec<T> v) {                            \
    return map_lanes(v, [](T x) -> T { return expression; });      \
  }
KAGARI_LANEWISE(cbrt, std::cbrt(x))
#undef KAGARI_LANEWISE

namespace detail {

// (1 + x) exp(x^2) erfc(x) as a polynomial in u, which is (x - 4) / (x + 4) scaled to [-1, 1], for x in [0.45, 27.5].
inline constexpr double kErfcDouble[] = {
    0.690231557071907803, -0.15862017203623541, 0.0719705747393892841, -0.0222510247127411718, 0.000638587415743960844,
    0.00498912186714344899, -0.00419517403699727131, 0.00219904587844428257, -0.000828339349582986263, 0.000215445080679778238,
    -0.0000277651562659938295, -4.67547957565416225e-6, 3.05033621061842052e-6, -3.95749286293381299e-7, -1.37625176688230942e-7,
    5.34723482866065345e-8, 2.72245833554865399e-9, -4.41827276866123637e-9, 2.16320196197614096e-10, 2.50921131109830429e-10,
    -2.59111365180867751e-11};

}  // namespace detail

namespace detail {

// 1 - erf(x), to a relative error of 5 ULP: below 1/2 by erf, beyond it as exp(-x^2) times a smooth function, where the rounding error of x^2 is
// made up for.
KAGARI_INLINE VecD erfc_wide(VecD x) {
  constexpr double kLast = 27.5, kCentre = 4, kLow = -0.79775280898876404494, kHigh = 0.74603174603174603175;
  const VecD near = VecD(1) - erf(x);
  const VecD a = clamp(x, 0.45, kLast);
  const VecD t = (a - VecD(kCentre)) / (a + VecD(kCentre));
  const VecD u = fma(t, VecD(2 / (kHigh - kLow)), VecD(-(kHigh + kLow) / (kHigh - kLow)));
  VecD power;
  if constexpr (kHasFma) {
    const VecD square = a * a;
    power = exp(-square);
    power = power - power * fma(a, a, -square);
  } else {
    const VecD head = bit_and(a, bits_as<double>(Vec<VecD::Int>(-(VecD::Int(1) << 27))));
    power = exp(-head * head) * exp((head - a) * (a + head));
  }
  const VecD far = select(x >= VecD(kLast), VecD(0), power * polynomial(u, kErfcDouble) / (a + VecD(1)));
  return select(x > VecD(0.5), far, near);
}

}  // namespace detail

KAGARI_INLINE VecF erfc(VecF x) { return narrow(detail::erfc_wide(widen_low(x)), detail::erfc_wide(widen_high(x))); }
// Number by number: with an error below 4 ULP.
KAGARI_INLINE VecD erfc(VecD x) {
  return map_lanes(x, [](double v) { return std::erfc(v); });
}

namespace detail {

// lgamma(x) for x in [2^-100, 2^200] in double, with an absolute error of about 1e-15: Stirling's series beyond 8, where smaller
// arguments are shifted to.
KAGARI_INLINE VecD lgamma_wide(VecD x) {
  VecD product(1.0), z = x;
  for (int k = 0; k < 8; ++k) {
    auto small = z < VecD(8.0);
    product = select(small, product * z, product);
    z = select(small, z + VecD(1.0), z);
  }
  VecD r = VecD(1.0) / z, square = r * r;
  constexpr double kStirling[] = {1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188, -691.0 / 360360, 1.0 / 156};
  VecD series = polynomial(square, kStirling) * r;
  VecD y = fma(z - VecD(0.5), log(z) - VecD(1.0), VecD(0.41893853320467274178)) + series;  // ln(2 pi) / 2 - 1/2
  return y - log(product);
}

}  // namespace detail

// The logarithm of |gamma|. ULP <= 4; not positive arguments and huge ones go to <cmath>, lane by lane. lgamma_r, because
// std::lgamma writes a global variable.
KAGARI_INLINE VecF lgamma(VecF x) {
  auto usual = (x > VecF(1e-20f)) & (x < VecF(1e30f));
  if (__builtin_expect(!all(usual), 0)) {
    return map_lanes(x, [](float v) {
      int sign;
      return lgammaf_r(v, &sign);
    });
  }
  return narrow(detail::lgamma_wide(widen_low(x)), detail::lgamma_wide(widen_high(x)));
}
KAGARI_INLINE VecD lgamma(VecD x) {
  return map_lanes(x, [](double v) {
    int sign;
    return lgamma_r(v, &sign);
  });
}

// sqrt(x^2 + y^2) without overflow. ULP <= 1 for float, 2 for double; an infinity wins over NaN.
KAGARI_INLINE VecF hypot(VecF x, VecF y) {
  auto half = [](VecD a, VecD b) { return sqrt(fma(a, a, b * b)); };
  VecF h = narrow(half(widen_low(x), widen_low(y)), half(widen_high(x), widen_high(y)));
  return select(isinf(x) | isinf(y), VecF(__builtin_inff()), h);
}
KAGARI_INLINE VecD hypot(VecD x, VecD y) {
  VecD a = abs(x), b = abs(y);
  VecD large = maximum(a, b), small = minimum(a, b);
  VecD t = small / large;
  VecD h = large * sqrt(fma(t, t, 1.0));
  h = select(large == VecD(0.0), VecD(0.0), h);
  return select(isinf(x) | isinf(y), VecD(__builtin_inf()), h);
}

// The remainder of x / y with the sign of x, exact.
//
// The rounded quotient, truncated, is the right one or one too large, and fma gives x - q y exactly in both cases, as long as
// q has an exact representation. Larger quotients, divisions by zero and infinities go to <cmath>, lane by lane.
template <class T>
KAGARI_INLINE Vec<T> fmod(Vec<T> x, Vec<T> y) {
  constexpr T kLimit = sizeof(T) == 4 ? T(8388608) : T(4503599627370496);
  Vec<T> q = trunc(x / y);
  auto usual = (abs(q) < Vec<T>(kLimit)) & isfinite(y) & (abs(y) > Vec<T>(T(1e-30)));
  if (!kHasFma || __builtin_expect(!all(usual), 0)) return map_lanes(x, y, [](T a, T b) -> T { return std::fmod(a, b); });
  Vec<T> r = fma(-q, y, x);
  auto overshot = (signbit(r) ^ signbit(x)) & (r != Vec<T>(0));
  r = select(overshot, r + copysign(y, x), r);
  return copysign(r, x);
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
