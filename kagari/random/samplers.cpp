#include "kagari/random/samplers.h"

#include <cmath>
#include <limits>

namespace kagari {
namespace {

double log_gamma(double x) {
  int sign;
  return lgamma_r(x, &sign);
}

double poisson_by_products(Generator& g, double rate) {
  const double limit = std::exp(-rate);
  int64_t count = 0;
  for (double product = g.uniform(); product > limit; product *= g.uniform()) ++count;
  return double(count);
}

double poisson_by_rejection(Generator& g, double rate) {
  const double root = std::sqrt(rate), log_rate = std::log(rate);
  const double b = 0.931 + 2.53 * root, a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), quick = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    double u = g.uniform() - 0.5, v = g.uniform();
    double edge = 0.5 - std::abs(u);
    double k = std::floor((2 * a / edge + b) * u + rate + 0.43);
    if (edge >= 0.07 && v <= quick) return k;
    if (k < 0 || (edge < 0.013 && v > edge)) continue;
    if (std::log(v) + std::log(inverse_alpha) - std::log(a / (edge * edge) + b) <= -rate + k * log_rate - log_gamma(k + 1)) return k;
  }
}

double binomial_by_waiting(Generator& g, double count, double p) {
  const double log_q = std::log1p(-p);
  double trials = 0;
  int64_t successes = 0;
  for (;;) {
    trials += std::ceil(std::log(g.uniform()) / log_q);
    if (!(trials <= count)) return double(successes);
    ++successes;
  }
}

/// log(k!) minus Stirling's formula for it.
double stirling_rest(double k) {
  static constexpr double exact[] = {0.08106146679532726, 0.04134069595540929, 0.02767792568499834, 0.02079067210376509, 0.01664469118982119,
                                     0.01387612882307075, 0.01189670994589177, 0.01041126526197209, 0.00925546218271273, 0.00833056343336287};
  if (k <= 9) return exact[int(k)];
  double square = (k + 1) * (k + 1);
  return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / square) / square) / (k + 1);
}

double binomial_by_rejection(Generator& g, double count, double p) {
  const double deviation = std::sqrt(count * p * (1 - p));
  const double b = 1.15 + 2.53 * deviation, a = -0.0873 + 0.0248 * b + 0.01 * p, c = count * p + 0.5;
  const double quick = 0.92 - 4.2 / b, odds = p / (1 - p), alpha = (2.83 + 5.1 / b) * deviation;
  const double mode = std::floor((count + 1) * p);
  for (;;) {
    double u = g.uniform() - 0.5, v = g.uniform();
    double edge = 0.5 - std::abs(u);
    double k = std::floor((2 * a / edge + b) * u + c);
    if (edge >= 0.07 && v <= quick) return k;
    if (k < 0 || k > count) continue;
    v = std::log(v * alpha / (a / (edge * edge) + b));
    double bound = (mode + 0.5) * std::log((mode + 1) / (odds * (count - mode + 1))) + (count + 1) * std::log((count - mode + 1) / (count - k + 1)) +
                   (k + 0.5) * std::log(odds * (count - k + 1) / (k + 1)) + stirling_rest(mode) + stirling_rest(count - mode) - stirling_rest(k) -
                   stirling_rest(count - k);
    if (v <= bound) return k;
  }
}

/// The logarithmic derivative of the gamma function, x > 0: recurrence up to 10, then the asymptotic series.
double digamma(double x) {
  double sum = 0;
  for (; x < 10; ++x) sum -= 1 / x;
  double z = 1 / (x * x);
  double series = z * (1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240 - z * (1.0 / 132 - z * (691.0 / 32760 - z / 12))))));
  return sum + std::log(x) - 0.5 / x - series;
}

/// A number and its derivative with respect to alpha.
struct Dual {
  double v, d;
  friend Dual operator+(Dual a, Dual b) { return {a.v + b.v, a.d + b.d}; }
  friend Dual operator*(Dual a, Dual b) { return {a.v * b.v, a.d * b.v + a.v * b.d}; }
  friend Dual operator/(Dual a, Dual b) { return {a.v / b.v, (a.d - a.v / b.v * b.d) / b.v}; }
};

/// The continued fraction of the incomplete beta function I_x(a, b) = x^a (1 - x)^b / (a B(a, b)) h; Press and others, Numerical Recipes, 6.4.
Dual beta_fraction(Dual a, Dual b, double x) {
  const Dual one{1, 0}, minus{-1, 0}, at{x, 0};
  auto number = [](double v) { return Dual{v, 0}; };
  Dual c = one, d = one / (one + minus * (a + b) * at / (a + one)), h = d;
  for (int m = 1; m < 10000; ++m) {
    Dual two_m = number(2.0 * m), k = number(m);
    Dual even = k * (b + minus * k) * at / ((a + minus + two_m) * (a + two_m));
    d = one / (one + even * d);
    c = one + even / c;
    h = h * d * c;
    Dual odd = minus * (a + k) * (a + b + k) * at / ((a + two_m) * (a + one + two_m));
    d = one / (one + odd * d);
    c = one + odd / c;
    Dual step = d * c;
    h = h * step;
    if (std::abs(step.v - 1) < 1e-16 && std::abs(step.d) < 1e-15) break;
  }
  return h;
}

}  // namespace

double sample_poisson(Generator& g, double rate) {
  if (rate >= 10) return poisson_by_rejection(g, rate);
  return rate == 0 ? 0 : poisson_by_products(g, rate);
}

double sample_binomial(Generator& g, double count, double p) {
  if (count <= 0 || p <= 0) return 0;
  if (p >= 1) return count;
  if (std::isnan(count) || std::isnan(p)) return std::numeric_limits<double>::quiet_NaN();
  double rare = p <= 0.5 ? p : 1 - p;
  double successes = count * rare >= 10 ? binomial_by_rejection(g, count, rare) : binomial_by_waiting(g, count, rare);
  return p <= 0.5 ? successes : count - successes;
}

double sample_gamma(Generator& g, double alpha) {
  double scale = 1;
  if (alpha < 1) {
    if (alpha == 0) return 0;
    scale = std::pow(1 - g.uniform(), 1 / alpha);
    alpha += 1;
  }
  // PyTorch rounds this third to float32; the method is exact for any d near it
  const double d = alpha - double(1.0f / 3), c = 1 / std::sqrt(9 * d);
  for (;;) {
    double x, y;
    do {
      x = g.normal(0, 1);
      y = 1 + c * x;
    } while (y <= 0);
    const double v = y * y * y, u = 1 - g.uniform(), xx = x * x;
    if (u < 1 - 0.0331 * xx * xx || std::log(u) < 0.5 * xx + d * (1 - v + std::log(v))) return scale * d * v;
  }
}

// With p the density, the distribution function is P = x p S with the series S = sum of x^n / (alpha ... (alpha + n)), and 1 - P = x p C with
// Legendre's continued fraction C. d(x p)/d(alpha) = x p (ln x - digamma(alpha)), so p cancels from the quotient.
double gamma_sample_derivative(double alpha, double x) {
  if (!(x > 0) || !(alpha > 0)) return x == 0 ? 0 : std::numeric_limits<double>::quiet_NaN();
  const double slope = std::log(x) - digamma(alpha);
  const Dual a{alpha, 1};
  if (x < alpha + 1) {
    Dual term = Dual{1, 0} / a, sum = term;
    for (int n = 1; n < 100000; ++n) {
      term = term * Dual{x, 0} / (a + Dual{double(n), 0});
      sum = sum + term;
      if (term.v < 1e-17 * sum.v && std::abs(term.d) < 1e-17 * std::abs(sum.d)) break;
    }
    return -x * (slope * sum.v + sum.d);
  }
  // modified Lentz: b0 = x + 1 - alpha, a_n = -n (n - alpha), b_n = b0 + 2n
  Dual b = Dual{x + 1, 0} + Dual{-1, 0} * a, c{1e300, 0}, d = Dual{1, 0} / b, h = d;
  for (int n = 1; n < 100000; ++n) {
    Dual an = Dual{double(-n), 0} * (Dual{double(n), 0} + Dual{-1, 0} * a);
    b = b + Dual{2, 0};
    d = Dual{1, 0} / (an * d + b);
    c = n == 1 ? b : b + an / c;
    Dual step = c * d;
    h = h * step;
    if (std::abs(step.v - 1) < 1e-16 && std::abs(step.d) < 1e-16) break;
  }
  return x * (slope * h.v + h.d);
}

// As for gamma numbers: I_x(a, b) = p x (1 - x) h / a, and 1 - I_x(a, b) = I_(1 - x)(b, a).
double beta_sample_derivative(double alpha, double beta, double x) {
  const double slope = std::log(x) - digamma(alpha) + digamma(alpha + beta);
  const Dual a{alpha, 1}, b{beta, 0};
  if (x < (alpha + 1) / (alpha + beta + 2)) {
    Dual h = beta_fraction(a, b, x) / a;
    return -x * (slope * h.v + h.d);
  }
  Dual h = beta_fraction(b, a, 1 - x) / b;
  return x * (slope * h.v + h.d);
}

}  // namespace kagari
