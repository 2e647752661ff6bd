#include "kagari/cpu/special_math.h"

#include <cmath>
#include <limits>

namespace kagari::cpu::special {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kEpsilon = 1.2e-16;

// B_2k / (2k (2k-1)): lgamma(a) = (a - 1/2) ln a - a + ln(2 pi)/2 + sum of these / a^(2k-1).
double stirling_error(double a) {
  const double z = 1 / (a * a);
  return (1.0 / 12 + z * (-1.0 / 360 + z * (1.0 / 1260 + z * (-1.0 / 1680 + z * (1.0 / 1188 + z * (-691.0 / 360360 + z / 156)))))) / a;
}

// x - log(1 + x)
double minus_log1p(double x) {
  if (std::fabs(x) > 0.3) return x - std::log1p(x);
  // x^2/2 - x^3/3 + ...
  double sum = 0, power = x * x;
  for (int k = 2; k < 60; ++k) {
    const double term = power / k;
    sum += k % 2 == 0 ? term : -term;
    if (std::fabs(term) < kEpsilon * std::fabs(sum)) break;
    power *= x;
  }
  return sum;
}

// x^a e^-x / Gamma(a + 1)
double poisson_weight(double a, double x) {
  if (a < 10) return std::exp(a * std::log(x) - x - std::lgamma(a + 1));
  return std::exp(-a * minus_log1p((x - a) / a) - stirling_error(a)) / std::sqrt(2 * kPi * a);
}

double igamma_series(double a, double x) {
  double term = 1, sum = 1;
  for (int k = 1; k < 100000; ++k) {
    term *= x / (a + k);
    sum += term;
    if (term < kEpsilon * sum) break;
  }
  return sum * poisson_weight(a, x);
}

// Legendre's continued fraction, evaluated by Lentz's method.
double igammac_fraction(double a, double x) {
  constexpr double kTiny = 1e-300;
  double b = x + 1 - a, c = 1 / kTiny, d = 1 / b, h = d;
  for (int k = 1; k < 100000; ++k) {
    const double an = -k * (k - a);
    b += 2;
    d = an * d + b;
    if (std::fabs(d) < kTiny) d = kTiny;
    c = b + an / c;
    if (std::fabs(c) < kTiny) c = kTiny;
    d = 1 / d;
    const double delta = d * c;
    h *= delta;
    if (std::fabs(delta - 1) < kEpsilon) break;
  }
  return h * a * poisson_weight(a, x);
}

// y > 0 with erfc(y) = q, for 0 < q <= 1/2: Newton's method on the logarithm.
double erfc_inverse_tail(double q) {
  const double log_q = std::log(q);
  double y = std::sqrt(-log_q);
  if (y > 1) y = std::sqrt(std::fmax(0.1, -log_q - std::log(y * std::sqrt(kPi))));
  else y = 0.5;
  for (int i = 0; i < 12; ++i) {
    const double x = erfcx(y);
    const double step = (std::log(x) - y * y - log_q) * x * std::sqrt(kPi) / 2;
    y += step;
    if (std::fabs(step) < 1e-16 * y) break;
  }
  return y;
}

}  // namespace

double digamma(double x) {
  if (x == 0) return std::copysign(kInf, -x);
  if (x < 0) {
    if (x == std::floor(x)) return kNan;
    const double fraction = x - std::trunc(x);
    return digamma(1 - x) - kPi / std::tan(kPi * fraction);
  }
  if (std::isinf(x) || std::isnan(x)) return x;
  // The positive zero: far from it the recurrence cancels nothing; around it a shift by one unit keeps 1e-16 absolute.
  double shift = 0;
  while (x < 12) {
    shift += 1 / x;
    x += 1;
  }
  const double z = 1 / (x * x);
  const double series =
      z * (1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240 - z * (1.0 / 132 - z * (691.0 / 32760 - z / 12))))));
  return std::log(x) - 0.5 / x - series - shift;
}

namespace {
// For x >= 1/2: the recurrence, then the asymptotic series.
double trigamma_right(double x) {
  double shift = 0;
  for (; x < 12; x += 1) shift += 1 / (x * x);
  const double z = 1 / (x * x);
  const double series = z * (1.0 / 6 - z * (1.0 / 30 - z * (1.0 / 42 - z * (1.0 / 30 - z * (5.0 / 66 - z * (691.0 / 2730 - z * 7 / 6))))));
  return shift + (1 + 0.5 / x + series) / x;
}
// Below: trigamma(x) + trigamma(1 - x) = (pi / sin(pi x))^2, with the sine in the precision of T.
template <class T>
T trigamma_of(T x) {
  if (!(x < T(0.5))) return T(trigamma_right(double(x)));
  const T sine = std::sin(T(kPi) * x);
  return T(kPi * kPi / (double(sine) * double(sine)) - trigamma_right(1 - double(x)));
}
}  // namespace
double trigamma(double x) { return trigamma_of(x); }
float trigamma(float x) { return trigamma_of(x); }

double zeta(double s, double q) {
  if (s == 1) return kInf;
  if (s < 1) return kNan;
  if (q <= 0) {
    if (q == std::floor(q)) return kInf;
    if (s != std::floor(s)) return kNan;
  }
  if (std::isnan(s) || std::isnan(q) || (std::isinf(s) && q > 1)) return kNan;
  // Terms one by one, then the formula of Euler and Maclaurin, which needs a > s; a large s lets the terms fall fast.
  double sum = 0, a = q;
  while (a <= 10 || a <= s) {
    const double term = std::pow(a, -s);
    sum += term;
    if (a > 0 && term <= 1e-18 * sum) return sum;  // both may have vanished
    a += 1;
  }
  constexpr double kBernoulli[] = {1.0 / 6,  -1.0 / 30,      1.0 / 42,   -1.0 / 30,        5.0 / 66,      -691.0 / 2730,
                                   7.0 / 6, -3617.0 / 510, 43867.0 / 798, -174611.0 / 330, 854513.0 / 138};
  const double power = std::pow(a, -s);
  sum += power * a / (s - 1) + 0.5 * power;
  double factor = s, term_power = power / a, factorial = 2;
  for (int k = 1; k <= 11; ++k) {
    const double term = kBernoulli[k - 1] * factor * term_power / factorial;
    sum += term;
    if (std::fabs(term) < kEpsilon * std::fabs(sum)) break;
    factor *= (s + 2 * k - 1) * (s + 2 * k);
    term_power /= a * a;
    factorial *= (2.0 * k + 1) * (2.0 * k + 2);
  }
  return sum;
}

double polygamma(double n, double x) {
  if (n == 0) return digamma(x);
  if (n < 0 || n != std::floor(n)) return kNan;
  const double sign = std::fmod(n, 2) == 1 ? 1 : -1;
  return sign * std::tgamma(n + 1) * zeta(n + 1, x);
}

namespace {

constexpr double kTemmeFrom = 10000;

// Temme's expansion for large a near x = a (NIST's handbook of functions, 8.12): with l = x / a and h^2 / 2 = l - 1 - ln l,
// P and Q are erfc(-+h sqrt(a / 2)) / 2 -+ R. The rows hold the Taylor coefficients of c_0, c_1, ... in h.
bool near_diagonal(double a, double x) { return a > kTemmeFrom && std::fabs(x - a) < 0.15 * a; }
double temme(double a, double x, bool upper) {
  static constexpr double kRows[4][11] = {
      {-1.0 / 3, 1.0 / 12, -2.0 / 135, 1.0 / 864, 1.0 / 2835, -139.0 / 777600, 1.0 / 25515, -571.0 / 261273600, -281.0 / 151559100,
       163879.0 / 197522841600, -5221.0 / 29554024500},
      {-1.0 / 540, -1.0 / 288, 1.0 / 378, -77.0 / 77760, 1.0 / 4860, -1.0 / 2488320, -2743.0 / 151559100, 41969.0 / 5486745600},
      {25.0 / 6048, -139.0 / 51840, 1.0 / 1296, 1.0 / 497664, -6199.0 / 57736800},
      {101.0 / 155520, 571.0 / 2488320, -54179.0 / 115473600}};
  const double half_square = minus_log1p((x - a) / a);
  const double h = std::copysign(std::sqrt(2 * half_square), x - a);
  double sum = 0;
  for (int k = 3; k >= 0; --k) {
    double c = 0;
    for (int i = 10; i >= 0; --i) c = c * h + kRows[k][i];
    sum = sum / a + c;
  }
  const double rest = std::exp(-a * half_square) / std::sqrt(2 * kPi * a) * sum;
  const double root = h * std::sqrt(a / 2);
  return upper ? std::erfc(root) / 2 + rest : std::erfc(-root) / 2 - rest;
}

}  // namespace

double igamma(double a, double x) {
  if (x < 0 || a < 0) return kNan;
  if (x == 0 && a != 0) return 0;
  if (std::isinf(a)) return std::isinf(x) ? kNan : 0;
  if (std::isinf(x)) return 1;
  if (std::isnan(a) || std::isnan(x)) return kNan;
  if (a == 0) return x > 0 ? 1 : kNan;
  if (near_diagonal(a, x)) return temme(a, x, false);
  const double y = x > 1 && x > a ? 1 - igammac_fraction(a, x) : igamma_series(a, x);
  return std::isnan(y) ? (x < a ? 0 : 1) : y;  // so large that the series ends beyond the range of double
}

double igammac(double a, double x) {
  if (x < 0 || a < 0) return kNan;
  if (x == 0 && a != 0) return 1;
  if (std::isinf(a)) return std::isinf(x) ? kNan : 1;
  if (std::isinf(x)) return 0;
  if (std::isnan(a) || std::isnan(x)) return kNan;
  if (a == 0) return x > 0 ? 0 : kNan;
  if (near_diagonal(a, x)) return temme(a, x, true);
  const double y = x > 1 && x > a ? igammac_fraction(a, x) : 1 - igamma_series(a, x);
  return std::isnan(y) ? (x < a ? 1 : 0) : y;
}

double erfcx(double x) {
  if (x < 0) {
    if (x < -26.7) return kInf;
    const double square = x * x, low = std::fma(x, x, -square);
    return 2 * std::exp(square) * (1 + low) - erfcx(-x);
  }
  if (x < 12) {
    const double square = x * x, low = std::fma(x, x, -square);
    return std::exp(square) * (1 + low) * std::erfc(x);
  }
  // 1 / (x sqrt(pi)) (1 - 1/(2x^2) + 3/(4x^4) - ...)
  const double z = 0.5 / (x * x);
  double sum = 1, term = 1;
  for (int k = 1; k < 30; ++k) {
    term *= -(2 * k - 1) * z;
    sum += term;
    if (std::fabs(term) < kEpsilon) break;
  }
  return sum / (x * std::sqrt(kPi));
}

double erfinv(double y) {
  if (std::isnan(y) || std::fabs(y) > 1) return kNan;
  if (std::fabs(y) == 1) return std::copysign(kInf, y);
  const double a = std::fabs(y);
  if (a > 0.5) return std::copysign(erfc_inverse_tail(1 - a), y);
  double x = a * std::sqrt(kPi) / 2 * (1 + a * a * kPi / 12);
  for (int i = 0; i < 8; ++i) {  // Halley's method
    const double error = (std::erf(x) - a) / (2 / std::sqrt(kPi) * std::exp(-x * x));
    const double step = error / (1 + x * error);
    x -= step;
    if (std::fabs(step) <= 1e-16 * x) break;
  }
  return std::copysign(x, y);
}

double ndtri(double p) {
  if (std::isnan(p) || p < 0 || p > 1) return kNan;
  if (p == 0) return -kInf;
  if (p == 1) return kInf;
  const double root2 = std::sqrt(2.0);
  if (p < 0.25) return -root2 * erfc_inverse_tail(2 * p);
  if (p > 0.75) return root2 * erfc_inverse_tail(2 * (1 - p));
  return root2 * erfinv(2 * p - 1);
}

double log_ndtr(double x) {
  const double t = x * 0.70710678118654752440;
  if (x < -1) return std::log(erfcx(-t) / 2) - t * t;
  return std::log1p(-std::erfc(t) / 2);
}

}  // namespace kagari::cpu::special
