// Every path of gemm() against three nested loops: dtypes, layouts, sizes around the tile sizes, batches, bias, thread counts.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "check.h"
#include "kagari/base/error.h"
#include "kagari/base/parallel.h"
#include "kagari/cpu/gemm.h"

using namespace kagari;
using Complex = std::complex<double>;

static uint32_t state = 12345;
static int small_integer() {
  state = state * 1664525u + 1013904223u;
  return int(state >> 24) % 7 - 3;
}

// Small integers are exact in every type, so results must be equal (but for the rounding of float16 and bfloat16).
struct Store {
  DType t;
  std::vector<char> bytes;
  Store(DType t, int64_t n) : t(t), bytes(size_t(n * itemsize(t))) {}
  void set(int64_t i, Complex v) {
    auto put = [&]<class T>(T x) { std::memcpy(bytes.data() + i * int64_t(sizeof(T)), &x, sizeof(T)); };
    switch (t) {
      case DType::Float32: return put(float(v.real()));
      case DType::Float64: return put(double(v.real()));
      case DType::Float16: return put(Half(float(v.real())));
      case DType::BFloat16: return put(BFloat16(float(v.real())));
      case DType::Int64: return put(int64_t(v.real()));
      case DType::Int32: return put(int32_t(v.real()));
      case DType::Int16: return put(int16_t(v.real()));
      case DType::Int8: return put(int8_t(v.real()));
      case DType::UInt8: return put(uint8_t(int64_t(v.real())));
      case DType::Complex64: return put(std::complex<float>(v));
      default: return put(v);
    }
  }
  Complex get(int64_t i) const {
    auto take = [&]<class T>(T x) {
      std::memcpy(static_cast<void*>(&x), bytes.data() + i * int64_t(sizeof(T)), sizeof(T));
      return x;
    };
    switch (t) {
      case DType::Float32: return take(float{});
      case DType::Float64: return take(double{});
      case DType::Float16: return float(take(Half{}));
      case DType::BFloat16: return float(take(BFloat16{}));
      case DType::Int64: return double(take(int64_t{}));
      case DType::Int32: return take(int32_t{});
      case DType::Int16: return take(int16_t{});
      case DType::Int8: return take(int8_t{});
      case DType::UInt8: return take(uint8_t{});
      case DType::Complex64: return Complex(take(std::complex<float>{}));
      default: return take(Complex{});
    }
  }
};

enum class Order { Rows, Columns, Gaps };

static GemmOperand strides(Order o, int64_t rows, int64_t columns) {
  switch (o) {
    case Order::Rows: return {nullptr, rows * columns, columns, 1};
    case Order::Columns: return {nullptr, rows * columns, 1, rows};
    default: return {nullptr, 6 * rows * columns, 3 * columns, 2};
  }
}

static void compare(DType t, int64_t batch, int64_t m, int64_t n, int64_t k, Order oa, Order ob, Order oc, double alpha, double beta,
                    bool bias, bool relu, bool expand_b = false, bool bias_per_row = false) {
  auto sa = strides(oa, m, k), sb = strides(ob, k, n), sc = strides(oc, m, n);
  if (expand_b) sb.batch_stride = 0;
  bool fp = is_floating(t);
  Store a(t, batch * 6 * m * k + 1), b(t, batch * 6 * k * n + 1), c(t, batch * 6 * m * n + 1), d(t, std::max(m, n));
  auto fill = [&](Store& s) {
    for (int64_t i = 0; i < int64_t(s.bytes.size()) / itemsize(t); ++i) s.set(i, {double(small_integer()), is_complex(t) ? double(small_integer()) : 0});
  };
  fill(a), fill(b), fill(c), fill(d);
  if (beta == 0 && (fp || is_complex(t)))
    for (int64_t i = 0; i < batch * 6 * m * n; ++i) c.set(i, NAN);
  Store before = c;
  Gemm g;
  g.dtype = t, g.batch = batch, g.m = m, g.n = n, g.k = k;
  g.a = sa, g.b = sb;
  g.a.data = a.bytes.data(), g.b.data = b.bytes.data(), g.c = c.bytes.data();
  g.c_batch_stride = sc.batch_stride, g.c_row_stride = sc.row_stride, g.c_column_stride = sc.column_stride;
  g.alpha = alpha, g.beta = beta, g.relu = relu;
  if (bias) g.bias = d.bytes.data(), g.bias_per_row = bias_per_row;
  gemm(g);
  int bad = 0;
  for (int64_t z = 0; z < batch; ++z)
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        Complex sum = 0;
        for (int64_t p = 0; p < k; ++p)
          sum += a.get(z * sa.batch_stride + i * sa.row_stride + p * sa.column_stride) *
                 b.get(z * sb.batch_stride + p * sb.row_stride + j * sb.column_stride);
        int64_t at = z * sc.batch_stride + i * sc.row_stride + j * sc.column_stride;
        Complex want = alpha * sum;
        if (beta != 0) want += beta * before.get(at);
        if (bias) want += d.get(bias_per_row ? i : j);
        if (relu && want.real() < 0) want = 0;
        Store rounded(t, 1);
        rounded.set(0, want);
        if (rounded.get(0) != c.get(at)) ++bad;
      }
  if (bad)
    std::printf("%s batch %d m %d n %d k %d orders %d%d%d alpha %g beta %g bias %d: %d wrong\n", std::string(name(t)).c_str(), int(batch),
                int(m), int(n), int(k), int(oa), int(ob), int(oc), alpha, beta, bias, bad);
  EXPECT(bad == 0);
}

static void result_does_not_depend_on_threads(DType t, int64_t m, int64_t n, int64_t k, bool transposed) {
  std::vector<float> a(size_t(m * k)), b(size_t(k * n)), one(size_t(m * n)), two(size_t(m * n));
  for (auto* v : {&a, &b})
    for (auto& x : *v) x = float(small_integer()) * 0.37f;
  for (int threads : {1, 2, 3}) {
    set_num_threads(threads);
    auto& c = threads == 1 ? one : two;
    Gemm g;
    g.dtype = t, g.m = m, g.n = n, g.k = k;
    g.a = {a.data(), 0, k, 1}, g.b = {b.data(), 0, transposed ? 1 : n, transposed ? k : 1};
    g.c = c.data(), g.c_row_stride = n;
    gemm(g);
    if (threads > 1) EXPECT(std::memcmp(one.data(), two.data(), one.size() * 4) == 0);
  }
}

// Products of split numbers: as exact as float32, and infinities and huge numbers stay what they are.
static void split_products(DType t, int64_t m, int64_t n, int64_t k, double special) {
  Store a(t, m * k), b(t, k * n), c(t, m * n);
  auto random = [] {
    state = state * 1664525u + 1013904223u;
    return (double(state) / 4294967296.0 - 0.5) * 3;
  };
  for (int64_t i = 0; i < m * k; ++i) a.set(i, random());
  for (int64_t i = 0; i < k * n; ++i) b.set(i, random());
  if (special != 0) a.set(3 * k + 5, special), b.set(5 * n, 0.5);
  Gemm g;
  g.dtype = t, g.m = m, g.n = n, g.k = k;
  g.a = {a.bytes.data(), 0, k, 1}, g.b = {b.bytes.data(), 0, n, 1}, g.c = c.bytes.data(), g.c_row_stride = n;
  for (double beta : {0.0, 1.0}) {
    g.beta = beta;
    gemm(g);
    int bad = 0;
    double unit = t == DType::Float32 ? 0 : t == DType::Float16 ? 1.0 / 2048 : 1.0 / 256;
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        double sum = 0, size = 0;
        for (int64_t p = 0; p < k; ++p) {
          double x = a.get(i * k + p).real() * b.get(p * n + j).real();
          sum += x, size += std::abs(x);
        }
        if (t == DType::Float32) sum = double(float(sum * (1 + beta)));
        else sum *= 1 + beta;
        double got = c.get(i * n + j).real();
        if (std::isinf(sum) ? got != sum : !(std::abs(got - sum) <= size * (1 + beta) * 4e-7 + std::abs(sum) * unit * 2)) ++bad;
      }
    EXPECT(bad == 0);
  }
}

int main() {
  set_num_threads(2);
  const Order orders[] = {Order::Rows, Order::Columns, Order::Gaps};
  for (DType t : {DType::Float32, DType::Float64, DType::BFloat16, DType::Float16, DType::Int64, DType::Int32, DType::Int16, DType::Int8,
                  DType::UInt8, DType::Complex64, DType::Complex128}) {
    bool fp = is_floating(t);
    for (Order oa : orders)
      for (Order ob : orders)
        for (Order oc : orders) {
          compare(t, 1, 5, 3, 4, oa, ob, oc, 1, 0, false, false);
          compare(t, 2, 17, 35, 33, oa, ob, oc, 2, 3, false, false);
        }
    for (auto [m, n, k] : {std::array{1, 1, 1}, {1, 33, 70}, {70, 1, 33}, {1, 1, 300}, {2, 9, 100}, {15, 65, 1}, {29, 40, 300}, {3, 5, 0}, {40, 260, 31}}) {
      compare(t, 1, m, n, k, Order::Rows, Order::Rows, Order::Rows, 1, 0, false, false);
      compare(t, 3, m, n, k, Order::Rows, Order::Columns, Order::Rows, 1, 1, fp, fp);
      compare(t, 2, m, n, k, Order::Columns, Order::Rows, Order::Gaps, 1, 0, fp, false);
      compare(t, 2, m, n, k, Order::Rows, Order::Rows, Order::Rows, 1, 0, fp, fp, false, true);
      compare(t, 2, m, n, k, Order::Rows, Order::Columns, Order::Columns, 2, 0, fp, fp, false, true);
    }
    compare(t, 3, 20, 20, 20, Order::Rows, Order::Columns, Order::Rows, 1, 0, false, false, true);
    compare(t, 0, 20, 20, 20, Order::Rows, Order::Columns, Order::Rows, 1, 0, false, false);
  }
  compare(DType::Float32, 1, 310, 333, 300, Order::Rows, Order::Columns, Order::Rows, 1, 0, true, true);
  compare(DType::Float32, 1, 310, 333, 300, Order::Columns, Order::Rows, Order::Rows, 1, 2, false, false);
  compare(DType::Float32, 1, 310, 333, 300, Order::Rows, Order::Rows, Order::Rows, 1, 0, true, true, false, true);
  for (DType t : {DType::Float32, DType::Float16, DType::BFloat16}) {
    for (Order oa : orders)
      for (Order ob : orders)
        for (auto [m, n, k] : {std::array{130, 151, 290}, {33, 530, 37}, {545, 47, 90}}) {
          compare(t, 1, m, n, k, oa, ob, Order::Rows, 1, 0, true, true);
          compare(t, 2, m, n, k, oa, ob, Order::Columns, 2, 1, false, false, true);
        }
    for (double special : {0.0, double(INFINITY), t == DType::Float32 ? 3.4e38 : 0.0}) split_products(t, 150, 130, 270, special);
  }
  compare(DType::Float64, 1, 300, 300, 520, Order::Gaps, Order::Gaps, Order::Columns, 1, 2, false, false);
  for (bool transposed : {false, true}) {
    result_does_not_depend_on_threads(DType::Float32, 333, 350, 400, transposed);
    result_does_not_depend_on_threads(DType::Float32, 100, 150, 270, transposed);
    result_does_not_depend_on_threads(DType::Float32, 1, 3000, 1000, transposed);
    result_does_not_depend_on_threads(DType::Float32, 5, 3000, 100, transposed);
  }
  bool raised = false;
  try {
    Gemm g;
    g.dtype = DType::Bool, g.m = g.n = g.k = 2;
    gemm(g);
  } catch (const Error& e) {
    raised = e.kind() == ErrorKind::NotImplemented;
  }
  EXPECT(raised);
  return finish();
}
