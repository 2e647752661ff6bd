// Kernels against naive loops: every kind of stride, all conversions, reductions in every layout and on several threads, scans,
// transposes, and values of special functions.
#include <array>
#include <cmath>
#include <complex>
#include <cstring>
#include <random>
#include <vector>

#include "check.h"
#include "kagari/base/parallel.h"
#include "kagari/cpu/dispatch.h"
#include "kagari/cpu/reduce.h"
#include "kagari/cpu/special_math.h"
#include "kagari/cpu/transpose.h"

using namespace kagari;
using namespace kagari::cpu;

namespace {

std::mt19937 generator(7);

float random_value() { return std::uniform_real_distribution<float>(-2, 2)(generator); }

char* bytes(const void* p) { return static_cast<char*>(const_cast<void*>(p)); }

// a + b for every combination of strides, with a guard behind the output.
template <class T>
void test_binary_strides() {
  LoopFn add = find_kernels<LoopFn>("add")[dtype_v<T>];
  constexpr int64_t size = sizeof(T);
  for (int64_t n : {0, 1, 2, 15, 16, 17, 33, 511, 512, 513, 1300})
    for (int64_t out_step : {1, 2})
      for (int64_t a_step : {0, 1, 3})
        for (int64_t b_step : {0, 1, 2}) {
          std::vector<T> a(size_t(3 * n + 1)), b(size_t(2 * n + 1)), out(size_t(2 * n + 2), T(77.0f));
          for (T& x : a) x = T(random_value());
          for (T& x : b) x = T(random_value());
          char* data[] = {bytes(out.data()), bytes(a.data()), bytes(b.data())};
          const int64_t strides[] = {out_step * size, a_step * size, b_step * size};
          add(data, strides, n, nullptr);
          bool good = true;
          for (int64_t i = 0; i < n; ++i)
            good &= float(out[size_t(i * out_step)]) == float(T(float(a[size_t(i * a_step)]) + float(b[size_t(i * b_step)])));
          good &= float(out[size_t(n * out_step)]) == 77.0f;
          EXPECT(good);
        }
}

void test_integers() {
  auto run = [](const char* name, int64_t a, int64_t b) {
    int64_t out = 0;
    char* data[] = {bytes(&out), bytes(&a), bytes(&b)};
    const int64_t strides[] = {8, 8, 8};
    find_kernels<LoopFn>(name)[DType::Int64](data, strides, 1, nullptr);
    return out;
  };
  EXPECT(run("div_floor", -7, 2) == -4);
  EXPECT(run("div_trunc", -7, 2) == -3);
  EXPECT(run("remainder", -7, 2) == 1);
  EXPECT(run("remainder", 7, -2) == -1);
  EXPECT(run("fmod", -7, 2) == -1);
  EXPECT(run("div_floor", INT64_MIN, -1) == INT64_MIN);
  EXPECT(run("pow", 3, 13) == 1594323);
  EXPECT(run("pow", -1, -3) == -1);
  EXPECT(run("gcd", -12, 18) == 6);
  EXPECT(run("lcm", 4, -6) == 12);
  EXPECT(run("bitwise_left_shift", 1, 70) == 0);
  EXPECT(run("bitwise_right_shift", -8, 70) == -1);
}

void test_float_division() {
  auto run = [](const char* name, float a, float b) {
    float out = 0;
    char* data[] = {bytes(&out), bytes(&a), bytes(&b)};
    const int64_t strides[] = {4, 4, 4};
    find_kernels<LoopFn>(name)[DType::Float32](data, strides, 1, nullptr);
    return out;
  };
  const float inf = INFINITY;
  EXPECT(run("fmod", 5.5f, 2) == 1.5f && run("fmod", -5.5f, 2) == -1.5f && std::signbit(run("fmod", -4, 2)));
  EXPECT(run("fmod", 3, inf) == 3 && std::isnan(run("fmod", inf, 3)) && std::isnan(run("fmod", 3, 0)));
  EXPECT(run("remainder", -5.5f, 2) == 0.5f && run("remainder", 5.5f, -2) == -0.5f);
  EXPECT(run("div_floor", -7, 2) == -4 && run("div_floor", 1, 0) == inf && run("div_floor", -1, inf) == -1);
  EXPECT(run("maximum", NAN, 1) != run("maximum", NAN, 1) && run("fmax", NAN, 1) == 1);
  for (int i = 0; i < 20000; ++i) {
    const float a = random_value() * std::exp2(float(i % 40)), b = random_value();
    EXPECT(run("fmod", a, b) == std::fmod(a, b));
  }
}

// Small integers survive the way through any two types.
void test_casts() {
  for (int from = 0; from < number_dtype_count; ++from)
    for (int to = 0; to < number_dtype_count; ++to) {
      if (is_float8(DType(from)) || is_float8(DType(to))) continue;
      alignas(16) char first[16 * 40], second[16 * 40];
      double values[20], back[20];
      for (int i = 0; i < 20; ++i) values[i] = i;
      auto convert = [](DType t, char* out, DType f, const void* in) {
        char* data[] = {out, bytes(in)};
        const int64_t strides[] = {itemsize(t), itemsize(f)};
        cast_loop(t, f)(data, strides, 20, nullptr);
      };
      convert(DType(from), first, DType::Float64, values);
      convert(DType(to), second, DType(from), first);
      convert(DType::Float64, bytes(back), DType(to), second);
      const bool truth = from == int(DType::Bool) || to == int(DType::Bool);
      bool good = true;
      for (int i = 0; i < 20; ++i) good &= back[i] == (truth ? double(i != 0) : double(i));
      EXPECT(good);
    }
}

void test_reductions() {
  for (auto [outer, n, inner] : {std::array<int64_t, 3>{1, 5, 1}, {3, 1000, 1}, {1, 100000, 1}, {2, 70, 33}, {1, 200, 1500}, {4, 0, 3}}) {
    std::vector<float> x(size_t(outer * n * inner) + 1);
    for (float& v : x) v = random_value();
    for (const char* name : {"sum", "amax", "norm2"}) {
      const ReduceKernel& kernel = find_kernels<ReduceKernelOf>(name)[DType::Float32]();
      std::vector<float> out(size_t(outer * inner)), alone(out);
      const ReduceSlab slab{outer, n, inner, n * inner * 4, inner * 4};
      run_reduce(kernel, bytes(out.data()), bytes(x.data()), slab, nullptr);
      const int threads = num_threads();
      set_num_threads(threads == 1 ? 4 : 1);
      run_reduce(kernel, bytes(alone.data()), bytes(x.data()), slab, nullptr);
      set_num_threads(threads);
      EXPECT(std::memcmp(out.data(), alone.data(), out.size() * 4) == 0);
      for (int64_t o = 0; o < outer; ++o)
        for (int64_t j = 0; j < inner; ++j) {
          double sum = 0, squares = 0, top = -INFINITY;
          for (int64_t i = 0; i < n; ++i) {
            const double v = x[size_t((o * n + i) * inner + j)];
            sum += v;
            squares += v * v;
            top = std::max(top, v);
          }
          const double want = name[0] == 's' ? sum : name[0] == 'a' ? top : std::sqrt(squares);
          const double got = out[size_t(o * inner + j)];
          EXPECT(got == want || std::fabs(got - want) < 1e-6 * (1 + std::sqrt(double(n))));
        }
    }
  }
}

void test_moments() {
  std::vector<float> x(100000);
  for (float& v : x) v = 1000 + random_value();
  Moments m;
  run_reduce(find_kernels<ReduceKernelOf>("moments")[DType::Float32](), bytes(&m), bytes(x.data()), {1, 100000, 1, 0, 4}, nullptr);
  double mean = 0, m2 = 0;
  for (float v : x) mean += v / 1e5;
  for (float v : x) m2 += (v - mean) * (v - mean);
  EXPECT(std::fabs(m.mean - mean) < 1e-6 * mean);
  EXPECT(std::fabs(m.m2 - m2) < 1e-6 * m2);
}

void test_rows() {
  const int64_t rows = 3, n = 77;
  std::vector<float> x(size_t(rows * n)), y(x.size());
  for (float& v : x) v = 5 * random_value();
  char* data[] = {bytes(y.data()), bytes(x.data())};
  find_kernels<RowsFn>("softmax_rows")[DType::Float32](data, rows, n, nullptr);
  for (int64_t r = 0; r < rows; ++r) {
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += std::exp(double(x[size_t(r * n + i)]));
    for (int64_t i = 0; i < n; ++i) EXPECT(std::fabs(y[size_t(r * n + i)] - std::exp(double(x[size_t(r * n + i)])) / sum) < 1e-6);
  }
  find_kernels<RowsFn>("cumsum")[DType::Float32](data, rows * n, 1, nullptr);
  double running = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    running += x[i];
    EXPECT(std::fabs(y[i] - running) < 1e-5);
  }
  x[40] = NAN;
  x[50] = NAN;
  int64_t index[rows];
  float value[rows];
  char* extremum[] = {bytes(index), bytes(value), bytes(x.data())};
  find_kernels<RowsFn>("max_rows")[DType::Float32](extremum, rows, n, nullptr);
  EXPECT(index[0] == 40 && std::isnan(value[0]));
}

template <class T>
void test_transpose(DType dtype) {
  for (auto [rows, columns] : {std::array<int64_t, 2>{1, 1}, {7, 9}, {64, 64}, {100, 37}, {65, 130}}) {
    std::vector<T> in(size_t(rows * columns)), out(in.size());
    for (T& v : in) v = T(generator());
    constexpr int64_t size = sizeof(T);
    find_kernels<TransposeFn>("transpose")[dtype](bytes(out.data()), rows * size, bytes(in.data()), columns * size, rows, columns);
    bool good = true;
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j) good &= out[size_t(j * rows + i)] == in[size_t(i * columns + j)];
    EXPECT(good);
  }
}

// Published values (Abramowitz and Stegun; DLMF) and identities.
void test_special() {
  using namespace special;
  auto near = [](double got, double want) { return std::fabs(got - want) <= 1e-13 * std::fmax(1e-3, std::fabs(want)); };
  EXPECT(near(digamma(1), -0.57721566490153286));
  EXPECT(near(polygamma(1, 1), 1.6449340668482264));
  EXPECT(near(zeta(3, 1), 1.2020569031595943));
  EXPECT(near(igamma(1, 2), 1 - std::exp(-2.0)));
  EXPECT(near(igamma(0.5, 1), std::erf(1.0)));
  EXPECT(near(igammac(0.5, 4), std::erfc(2.0)));
  EXPECT(near(erfinv(std::erf(0.3)), 0.3));
  EXPECT(near(ndtri(0.975), 1.9599639845400545));
  EXPECT(near(bessel_j0(1), 0.76519768655796655));
  EXPECT(near(bessel_j1(1), 0.44005058574493352));
  EXPECT(near(bessel_y0(1), 0.088256964215676958));
  EXPECT(near(bessel_y1(1), -0.78121282130028871));
  EXPECT(near(bessel_i0(1), 1.2660658777520084));
  EXPECT(near(bessel_k0(1), 0.42102443824070833));
  EXPECT(near(bessel_k1(2), 0.13986588181652243));
  EXPECT(near(airy_ai(0), 0.35502805388781724));
  EXPECT(near(airy_ai(1), 0.13529241631288141));
  for (double x : {0.5, 3.0, 12.0, 19.9, 20.1, 50.0}) {  // Wronskians, on both sides of the methods' borders
    EXPECT(near(bessel_j1(x) * bessel_y0(x) - bessel_j0(x) * bessel_y1(x), 2 / (3.14159265358979323846 * x)));
    EXPECT(near(bessel_i0e(x) * bessel_k1e(x) + bessel_i1e(x) * bessel_k0e(x), 1 / x));
    EXPECT(near(igamma(x, 0.9 * x) + igammac(x, 0.9 * x), 1));
  }
  EXPECT(near(legendre_p(0.5, 3), -0.4375));
  EXPECT(near(hermite_h(0.5, 3), -5));
  EXPECT(near(laguerre_l(0.5, 2), 0.125));
  EXPECT(near(chebyshev_t(0.5, 10), std::cos(10 * std::acos(0.5))));
}

}  // namespace

int main() {
  test_binary_strides<float>();
  test_binary_strides<double>();
  test_binary_strides<Half>();
  test_binary_strides<BFloat16>();
  test_integers();
  test_float_division();
  test_casts();
  test_reductions();
  test_moments();
  test_rows();
  test_transpose<uint8_t>(DType::UInt8);
  test_transpose<uint16_t>(DType::UInt16);
  test_transpose<uint32_t>(DType::UInt32);
  test_transpose<uint64_t>(DType::UInt64);
  test_special();
  return finish();
}
