// Errors of the vector functions in ULP against long double, over random and special arguments.
//
// Goes through the kernel tables, so it tests the instruction set that is in use: run it once with each of KAGARI_ISA=v2, v3,
// v4. Prints one line per function; returns 1 if a bound is exceeded.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "kagari/cpu/dispatch.h"

using namespace kagari;
using namespace kagari::cpu;

namespace {

using Reference = long double (*)(long double);

struct Case {
  const char* name;
  Reference reference;
  double low, high;         // the range of the random arguments; twice that range is drawn with random exponents
  double bound_float, bound_double;
};

long double sigmoid_reference(long double x) { return x < 0 ? expl(x) / (1 + expl(x)) : 1 / (1 + expl(-x)); }
long double rsqrt_reference(long double x) { return 1 / sqrtl(x); }

const Case kCases[] = {
    {"exp", expl, -110, 92, 2, 2},
    {"exp2", exp2l, -155, 130, 2, 2},
    {"expm1", expm1l, -30, 89, 3, 3},
    {"log", logl, 0, 1e4, 2, 2},
    {"log2", log2l, 0, 1e4, 3, 3},
    {"log10", log10l, 0, 1e4, 3, 3},
    {"log1p", log1pl, -1, 100, 3, 3},
    {"sin", sinl, -100, 100, 2, 2},
    {"cos", cosl, -100, 100, 2, 2},
    {"tan", tanl, -100, 100, 4, 4},
    {"asin", asinl, -1, 1, 3, 3},
    {"acos", acosl, -1, 1, 3, 3},
    {"atan", atanl, -20, 20, 3, 3},
    {"sinh", sinhl, -90, 90, 4, 4},
    {"cosh", coshl, -90, 90, 3, 3},
    {"tanh", tanhl, -12, 12, 4, 4},
    {"asinh", asinhl, -1e3, 1e3, 4, 4},
    {"acosh", acoshl, 1, 1e3, 4, 4},
    {"atanh", atanhl, -1, 1, 4, 4},
    {"sqrt", sqrtl, 0, 1e6, 0.5, 0.5},
    {"rsqrt", rsqrt_reference, 0, 1e6, 1.5, 1.5},
    {"cbrt", cbrtl, -1e6, 1e6, 1.5, 4},
    {"erf", erfl, -7, 7, 3, 5},
    {"erfc", erfcl, -7, 12, 3, 4},
    {"lgamma", lgammal, 0.1, 100, 6, 6},
    {"sigmoid", sigmoid_reference, -110, 40, 3, 3},
};

// The distance of `got` from `want` in units of the last place of a T near `want`.
template <class T>
double ulp_error(T got, long double want) {
  if (std::isnan(want)) return std::isnan(got) ? 0 : 1e9;
  const T rounded = T(want);
  if (std::isinf(rounded)) return got == rounded || std::nextafter(rounded, T(0)) == got ? 0 : 1e9;
  if (!std::isfinite(got)) return 1e9;
  if (want == 0) return got == 0 && std::signbit(got) == std::signbit(want) ? 0 : 1e9;
  const T above = std::nextafter(std::fabs(rounded), std::numeric_limits<T>::infinity());
  const long double ulp = std::isinf(above) ? std::fabs(rounded) - std::nextafter(std::fabs(rounded), T(0))
                                            : (long double)above - std::fabs(rounded);
  return double(fabsl(got - want) / ulp);
}

template <class T>
std::vector<T> arguments(const Case& c) {
  std::mt19937_64 generator(1);
  std::vector<T> x;
  std::uniform_real_distribution<double> uniform(c.low, c.high), unit(-1, 1), exponent(-40, 1);
  for (int i = 0; i < 200000; ++i) x.push_back(T(uniform(generator)));
  for (int i = 0; i < 100000; ++i) {
    T value = T(std::max(std::fabs(c.low), std::fabs(c.high)) * std::exp2(exponent(generator)));
    x.push_back(c.low < 0 && unit(generator) < 0 ? -value : value);
  }
  for (int i = 0; i < 20000; ++i) {  // any bits
    uint64_t bits = generator();
    T value;
    std::memcpy(&value, &bits, sizeof(T));
    x.push_back(value);
  }
  using L = std::numeric_limits<T>;
  for (T value : {T(0), T(1), T(2), T(0.5), T(10), T(100), T(1000), L::min(), L::denorm_min(), L::max(), L::infinity(), L::epsilon(),
                  L::quiet_NaN(), T(88.7), T(-103.9), T(709.7), T(1e5), T(1e10), T(1e22), T(3.14159274), T(1.5707963267948966)}) {
    x.push_back(value);
    x.push_back(-value);
    x.push_back(std::nextafter(value, T(0)));
    x.push_back(std::nextafter(value, L::infinity()));
  }
  return x;
}

template <class T>
bool check(const Case& c, double bound) {
  LoopFn loop = find_kernels<LoopFn>(c.name)[dtype_v<T>];
  std::vector<T> x = arguments<T>(c), y(x.size());
  char* data[] = {reinterpret_cast<char*>(y.data()), reinterpret_cast<char*>(x.data())};
  const int64_t strides[] = {sizeof(T), sizeof(T)};
  loop(data, strides, int64_t(x.size()), nullptr);
  double worst = 0;
  T where = 0, got = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    double error = ulp_error(y[i], c.reference(x[i]));
    if (!(error <= worst)) {
      worst = error;
      where = x[i];
      got = y[i];
    }
  }
  std::printf("%-8s %-7s %6.2f ULP at %.17g: %.17g%s\n", c.name, sizeof(T) == 4 ? "float32" : "float64", worst, double(where),
              double(got), worst <= bound ? "" : "   EXCEEDS THE BOUND");
  return worst <= bound;
}

template <class T>
bool check_pow(double largest_exponent) {
  LoopFn loop = find_kernels<LoopFn>("pow")[dtype_v<T>];
  std::mt19937_64 generator(2);
  std::uniform_real_distribution<double> base(0, 30), exponent(-largest_exponent, largest_exponent);
  std::vector<T> x, y;
  for (int i = 0; i < 200000; ++i) {
    x.push_back(T(base(generator)));
    y.push_back(T(exponent(generator)));
    if (i % 8 == 0) y.back() = std::round(y.back());
    if (i % 16 == 0) x.back() = -x.back();
  }
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const float special[] = {0.0f, -0.0f, 1, -1, 2, -2, 0.5f, 3, -3, 2.5f, inf, -inf, nan, 1e-42f, 1e38f};
  for (float a : special)
    for (float b : special) {
      x.push_back(a);
      y.push_back(b);
    }
  std::vector<T> z(x.size());
  char* data[] = {reinterpret_cast<char*>(z.data()), reinterpret_cast<char*>(x.data()), reinterpret_cast<char*>(y.data())};
  const int64_t strides[] = {sizeof(T), sizeof(T), sizeof(T)};
  loop(data, strides, int64_t(x.size()), nullptr);
  double worst = 0;
  size_t where = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    double error = ulp_error(z[i], powl(x[i], y[i]));
    if (error > worst) {
      worst = error;
      where = i;
    }
  }
  std::printf("%-8s %-7s %6.2f ULP at %.17g, %.17g: %.17g\n", "pow", sizeof(T) == 4 ? "float32" : "float64", worst, double(x[where]), double(y[where]),
              double(z[where]));
  return worst <= 2;
}

bool check_atan2() {
  LoopFn loop = find_kernels<LoopFn>("atan2")[DType::Float32];
  std::mt19937_64 generator(3);
  std::uniform_real_distribution<float> coordinate(-5, 5);
  std::vector<float> x, y;
  for (int i = 0; i < 200000; ++i) {
    y.push_back(coordinate(generator));
    x.push_back(coordinate(generator));
  }
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const float special[] = {0.0f, -0.0f, 1, -1, 1e-40f, 1e38f, inf, -inf, nan};
  for (float a : special)
    for (float b : special) {
      y.push_back(a);
      x.push_back(b);
    }
  std::vector<float> z(x.size());
  char* data[] = {reinterpret_cast<char*>(z.data()), reinterpret_cast<char*>(y.data()), reinterpret_cast<char*>(x.data())};
  const int64_t strides[] = {4, 4, 4};
  loop(data, strides, int64_t(x.size()), nullptr);
  double worst = 0;
  size_t where = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    double error = ulp_error(z[i], atan2l(y[i], x[i]));
    if (error > worst) {
      worst = error;
      where = i;
    }
  }
  std::printf("%-8s %-7s %6.2f ULP at %.9g, %.9g: %.9g\n", "atan2", "float32", worst, double(y[where]), double(x[where]),
              double(z[where]));
  return worst <= 4;
}

}  // namespace

int main() {
  std::printf("instruction set: %s\n", std::string(name(isa())).c_str());
  bool good = true;
  for (const Case& c : kCases) {
    good &= check<float>(c, c.bound_float);
    good &= check<double>(c, c.bound_double);
  }
  good &= check_pow<float>(25);
  good &= check_pow<double>(200);
  good &= check_atan2();
  return good ? 0 : 1;
}
