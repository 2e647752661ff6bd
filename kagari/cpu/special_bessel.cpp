// Bessel and Airy functions, and orthogonal polynomials (declared in special_math.h).
#include <cmath>
#include <limits>

#include "kagari/cpu/special_math.h"

namespace kagari::cpu::special {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr double kEuler = 0.57721566490153286061;
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// From here on Hankel's asymptotic series reaches full accuracy: its smallest term is about e^-2x.
constexpr double kHankelFrom = 20;

struct Oscillating {
  double j, y;
};

// J and Y of order nu (0 or 1) for large x.
Oscillating hankel(int nu, double x) {
  const double mu = 4.0 * nu * nu;
  double p = 1, q = 0, term = 1;
  for (int k = 1; k < 60; ++k) {
    const double next = term * (mu - (2.0 * k - 1) * (2.0 * k - 1)) / (k * 8 * x);
    if (std::fabs(next) > std::fabs(term) || std::fabs(next) < 1e-17) break;
    term = next;
    const double sign = k % 4 < 2 ? 1 : -1;
    if (k % 2 == 0) p += sign * term;
    else q += sign * term;
  }
  // cos and sin of x - (nu/2 + 1/4) pi, from those of x: no digits are lost in the difference.
  const double s = std::sin(x), c = std::cos(x), root = std::sqrt(0.5);
  const double cosine = nu == 0 ? (c + s) * root : (s - c) * root;
  const double sine = nu == 0 ? (s - c) * root : -(s + c) * root;
  const double scale = std::sqrt(2 / (kPi * x));
  return {scale * (p * cosine - q * sine), scale * (p * sine + q * cosine)};
}

struct Family {
  double j0, j1, y0, y1;
};

// J of all orders by Miller's backward recurrence, normalised by J0 + 2 (J2 + J4 + ...) = 1; Y by Neumann's series in them.
Family by_recurrence(double x) {
  constexpr int kStart = 72;  // even, and so large that J of this order is below 1e-30 for x < 20
  double next = 0, current = 1e-250, sum = 0, y0 = 0, y1 = 0, j1 = 0;
  for (int n = kStart; n >= 1; --n) {
    const double previous = 2 * n / x * current - next;  // J of order n - 1
    next = current;
    current = previous;
    const int order = n - 1;
    if (order >= 2 && order % 2 == 0) {
      const int k = order / 2;
      sum += current;
      y0 += (k % 2 == 0 ? current : -current) / k;
    }
    if (order >= 3 && order % 2 == 1) {
      const int k = (order - 1) / 2;
      y1 += (k % 2 == 0 ? current : -current) * (2 * k + 1) / (double(k) * (k + 1));
    }
    if (order == 1) j1 = current;
    if (std::fabs(current) > 1e200) {
      next *= 1e-250;
      current *= 1e-250;
      sum *= 1e-250;
      y0 *= 1e-250;
      y1 *= 1e-250;
      j1 *= 1e-250;
    }
  }
  const double norm = 1 / (current + 2 * sum);
  const double j0 = current * norm;
  j1 *= norm;
  const double log_term = std::log(x / 2) + kEuler;
  Family f;
  f.j0 = j0;
  f.j1 = j1;
  f.y0 = 2 / kPi * (log_term * j0 - 2 * y0 * norm);
  f.y1 = 2 / kPi * ((log_term - 1) * j1 - j0 / x - y1 * norm);
  return f;
}

// sum of (x^2/4)^k / (k! (k + nu)!), times (x/2)^nu
double modified_series(int nu, double x) {
  const double z = x * x / 4;
  double term = nu == 0 ? 1 : x / 2, sum = term;
  for (int k = 1; k < 200; ++k) {
    term *= z / (double(k) * (k + nu));
    sum += term;
    if (term < 1e-17 * sum) break;
  }
  return sum;
}

// e^-x I(x) for large x.
double modified_asymptotic(int nu, double x) {
  const double mu = 4.0 * nu * nu;
  double term = 1, sum = 1;
  for (int k = 1; k < 60; ++k) {
    const double next = -term * (mu - (2.0 * k - 1) * (2.0 * k - 1)) / (k * 8 * x);
    if (std::fabs(next) > std::fabs(term)) break;
    term = next;
    sum += term;
    if (std::fabs(term) < 1e-17) break;
  }
  return sum / std::sqrt(2 * kPi * x);
}

// e^x K_nu(x) = integral of exp(-x (cosh t - 1)) cosh(nu t), by the trapezoidal rule, whose error falls exponentially.
double modified_second_scaled(double nu, double x) {
  const double h = x > 30 ? 0.5 / std::sqrt(x) : 0.05;
  double sum = 0.5;
  for (int k = 1; k < 2000; ++k) {
    const double t = k * h, s = std::sinh(t / 2);
    const double term = std::exp(-2 * x * s * s) * std::cosh(nu * t);
    sum += term;
    if (term < 1e-18 * sum) break;
  }
  return sum * h;
}

double k0_small(double x) {
  const double z = x * x / 4;
  double term = 1, harmonic = 0, sum = 0;
  for (int k = 1; k < 60; ++k) {
    term *= z / (double(k) * k);
    harmonic += 1.0 / k;
    sum += term * harmonic;
    if (term * harmonic < 1e-18 * sum) break;
  }
  return sum - (std::log(x / 2) + kEuler) * modified_series(0, x);
}

double k1_small(double x) {
  const double z = x * x / 4;
  double term = 1, psi = 1 - 2 * kEuler, sum = psi;  // digamma(k + 1) + digamma(k + 2)
  for (int k = 1; k < 60; ++k) {
    term *= z / (double(k) * (k + 1));
    psi += 1.0 / k + 1.0 / (k + 1);
    sum += term * psi;
    if (std::fabs(term * psi) < 1e-18 * std::fabs(sum)) break;
  }
  return 1 / x + std::log(x / 2) * modified_series(1, x) - x / 4 * sum;
}

double degree_of(double n) { return std::isfinite(n) ? std::trunc(n) : -1; }

// A recurrence p_{k+1} = (alpha_k x + beta_k) p_k - gamma_k p_{k-1}.
template <class Step>
double recurrence(double n, double p0, double p1, Step step) {
  n = degree_of(n);
  if (n < 0) return 0;
  if (n < 1) return p0;
  double before = p0, current = p1;
  const long degree = long(n);
  for (long k = 1; k < degree && current == current; ++k) {
    const double next = step(double(k), current, before);
    before = current;
    current = next;
  }
  return current;
}

}  // namespace

double bessel_j0(double x) {
  x = std::fabs(x);
  if (std::isinf(x)) return kNan;
  if (x < 1e-8) return 1;
  return x < kHankelFrom ? by_recurrence(x).j0 : hankel(0, x).j;
}
double bessel_j1(double x) {
  if (x < 0) return -bessel_j1(-x);
  if (std::isinf(x)) return kNan;
  if (x < 1e-8) return x / 2;
  return x < kHankelFrom ? by_recurrence(x).j1 : hankel(1, x).j;
}
double bessel_y0(double x) {
  if (x == 0) return -kInf;
  if (x < 0) return kNan;
  if (std::isinf(x)) return kNan;
  if (x < 1e-8) return 2 / kPi * (std::log(x / 2) + kEuler);
  return x < kHankelFrom ? by_recurrence(x).y0 : hankel(0, x).y;
}
double bessel_y1(double x) {
  if (x == 0) return -kInf;
  if (x < 0) return kNan;
  if (std::isinf(x)) return kNan;
  if (x < 1e-8) return -2 / (kPi * x);
  return x < kHankelFrom ? by_recurrence(x).y1 : hankel(1, x).y;
}

double bessel_i0(double x) {
  x = std::fabs(x);
  return x < kHankelFrom ? modified_series(0, x) : std::isinf(x) ? kInf : std::exp(x / 2) * modified_asymptotic(0, x) * std::exp(x / 2);
}
double bessel_i1(double x) {
  const double a = std::fabs(x);
  if (std::isinf(a)) return x;
  return std::copysign(a < kHankelFrom ? modified_series(1, a) : std::exp(a / 2) * modified_asymptotic(1, a) * std::exp(a / 2), x);
}
double bessel_i0e(double x) {
  x = std::fabs(x);
  return x < kHankelFrom ? std::exp(-x) * modified_series(0, x) : modified_asymptotic(0, x);
}
double bessel_i1e(double x) {
  const double a = std::fabs(x);
  return std::copysign(a < kHankelFrom ? std::exp(-a) * modified_series(1, a) : modified_asymptotic(1, a), x);
}

double bessel_k0(double x) {
  if (x == 0) return kInf;
  if (x < 0) return kNan;
  return x <= 1 ? k0_small(x) : std::isinf(x) ? 0 : std::exp(-x) * modified_second_scaled(0, x);
}
double bessel_k1(double x) {
  if (x == 0) return kInf;
  if (x < 0) return kNan;
  return x <= 1 ? k1_small(x) : std::isinf(x) ? 0 : std::exp(-x) * modified_second_scaled(1, x);
}
double bessel_k0e(double x) {
  if (x == 0) return kInf;
  if (x < 0) return kNan;
  return x <= 1 ? std::exp(x) * k0_small(x) : std::isinf(x) ? 0 : modified_second_scaled(0, x);
}
double bessel_k1e(double x) {
  if (x == 0) return kInf;
  if (x < 0) return kNan;
  return x <= 1 ? std::exp(x) * k1_small(x) : std::isinf(x) ? 0 : modified_second_scaled(1, x);
}

double spherical_bessel_j0(double x) {
  if (std::isinf(x)) return 0;
  if (std::fabs(x) < 1e-4) return 1 - x * x / 6;
  return std::sin(x) / x;
}

double airy_ai(double x) {
  if (std::isnan(x)) return x;
  if (std::isinf(x)) return kNan;
  if (x > 1) {
    const double t = 2.0 / 3 * x * std::sqrt(x);
    return std::sqrt(x / 3) / kPi * std::exp(-t) * modified_second_scaled(1.0 / 3, t);
  }
  if (x < -9.5) {
    // Asymptotic series with the coefficients u_k of the Airy functions.
    const double a = -x, t = 2.0 / 3 * a * std::sqrt(a);
    double u = 1, p = 1, q = 0;
    for (int k = 1; k < 40; ++k) {
      const double next = u * (6.0 * k - 5) * (6.0 * k - 3) * (6.0 * k - 1) / (216.0 * k * (2 * k - 1)) / t;
      if (next > u || next < 1e-17) break;
      u = next;
      const double sign = k % 4 < 2 ? 1 : -1;
      if (k % 2 == 0) p += sign * u;
      else q += sign * u;
    }
    return (std::sin(t + kPi / 4) * p - std::cos(t + kPi / 4) * q) / (std::sqrt(kPi) * std::sqrt(std::sqrt(a)));
  }
  // Taylor steps of y'' = x y from the values at 0.
  double value = 0.35502805388781723926, slope = -0.25881940379280679841, at = 0;
  while (at != x) {
    const double h = std::fmax(-0.5, std::fmin(0.5, x - at));
    const double target = std::fabs(x - at) <= 0.5 ? x : at + h;
    double c0 = value, c1 = slope, c2 = at * value / 2;
    double y = c0 + h * (c1 + h * c2), derivative = c1 + 2 * h * c2, power = h * h;
    double before = c0, low = c1, high = c2;  // coefficients n - 3, n - 2, n - 1
    for (int n = 3; n < 40; ++n) {
      const double c = (at * low + before) / (double(n) * (n - 1));
      derivative += n * c * power;
      power *= h;
      y += c * power;
      before = low;
      low = high;
      high = c;
    }
    value = y;
    slope = derivative;
    at = target;
  }
  return value;
}

double chebyshev_t(double x, double n) {
  if (std::fabs(x) < 1 && n > 6 && std::isfinite(n)) return std::cos(degree_of(n) * std::acos(x));
  return recurrence(n, 1, x, [x](double, double p, double q) { return 2 * x * p - q; });
}
double chebyshev_u(double x, double n) {
  if (std::fabs(x) < 0.99 && n > 8 && std::isfinite(n)) {
    const double angle = std::acos(x);
    return std::sin((degree_of(n) + 1) * angle) / std::sin(angle);
  }
  return recurrence(n, 1, 2 * x, [x](double, double p, double q) { return 2 * x * p - q; });
}
double chebyshev_v(double x, double n) {
  return recurrence(n, 1, 2 * x - 1, [x](double, double p, double q) { return 2 * x * p - q; });
}
double chebyshev_w(double x, double n) {
  return recurrence(n, 1, 2 * x + 1, [x](double, double p, double q) { return 2 * x * p - q; });
}
double hermite_h(double x, double n) {
  return recurrence(n, 1, 2 * x, [x](double k, double p, double q) { return 2 * (x * p - k * q); });
}
double hermite_he(double x, double n) {
  return recurrence(n, 1, x, [x](double k, double p, double q) { return x * p - k * q; });
}
double laguerre_l(double x, double n) {
  return recurrence(n, 1, 1 - x, [x](double k, double p, double q) { return ((2 * k + 1 - x) * p - k * q) / (k + 1); });
}
double legendre_p(double x, double n) {
  return recurrence(n, 1, x, [x](double k, double p, double q) { return ((2 * k + 1) * x * p - k * q) / (k + 1); });
}

}  // namespace kagari::cpu::special
