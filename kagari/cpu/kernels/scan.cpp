// Running sums, products, maxima and minima along a dimension, and logcumsumexp.
//
// data: output, input; for cummax and cummin: values, indices (int64), input. The slab is [n][columns] with both contiguous:
// element (i, j) is at i * columns + j, and the scan runs over i. One row is columns = 1.
#include <vector>

#include "kagari/cpu/elementwise.h"
#include "kagari/cpu/reduce.h"
#include "kagari/cpu/row_math.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace {

template <class T>
constexpr bool kIsHalf = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;
// Running values of floats are kept in double, so that long sums stay accurate.
template <class T>
using Running = std::conditional_t<std::is_same_v<T, float> || kIsHalf<T>, double, T>;

struct SumStep {
  template <class W>
  static W start() {
    return W(0);
  }
  template <class W>
  static W step(W running, W x) {
    if constexpr (std::is_integral_v<W>) return W(uint64_t(running) + uint64_t(x));
    else return running + x;
  }
};
struct ProdStep {
  template <class W>
  static W start() {
    return W(1);
  }
  template <class W>
  static W step(W running, W x) {
    if constexpr (std::is_integral_v<W>) return W(uint64_t(running) * uint64_t(x));
    else return running * x;
  }
};
struct LogAddStep {  // log(exp(a) + exp(b))
  template <class W>
  static W start() {
    return -W(__builtin_inf());
  }
  template <class W>
  static W step(W a, W b) {
    if (a != a || b != b) return a + b;
    const W top = a > b ? a : b, low = a > b ? b : a;
    if (top == low && top - top != 0) return top;
    return top + std::log1p(std::exp(low - top));
  }
};

template <class Op, class T>
void scan(char* const* data, int64_t n, int64_t columns, const void*) {
  using W = Running<T>;
  T* y = reinterpret_cast<T*>(data[0]);
  const T* x = reinterpret_cast<const T*>(data[1]);
  auto widen = [](T v) {
    if constexpr (kIsHalf<T>) return W(float(v));
    else return W(v);
  };
  auto narrowed = [](W v) {
    if constexpr (kIsHalf<T>) return T(float(v));
    else return T(v);
  };
  if (columns == 1) {
    W running = Op::template start<W>();
    for (int64_t i = 0; i < n; ++i) y[i] = narrowed(running = Op::template step<W>(running, widen(x[i])));
    return;
  }
  std::vector<W> running(size_t(columns), Op::template start<W>());
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < columns; ++j)
      y[i * columns + j] = narrowed(running[size_t(j)] = Op::template step<W>(running[size_t(j)], widen(x[i * columns + j])));
}

// x with the lanes moved up by Step, zeros below.
template <int Step>
KAGARI_INLINE VecD lanes_up(VecD x) {
  constexpr int n = VecD::size;
  typedef int64_t Places __attribute__((vector_size(sizeof(VecD::Native))));
  const VecD::Native zero{};
  Places from{};  // lanes 0 to n - 1 are x, the next ones zero
  for (int i = 0; i < n; ++i) from[i] = i < Step ? n + i : i - Step;
  return VecD(VecD::Native(__builtin_shuffle(x.v, zero, from)));
}
// Sums of the lanes up to each one.
KAGARI_INLINE VecD prefix_sums(VecD x) {
  x += lanes_up<1>(x);
  if constexpr (VecD::size >= 4) x += lanes_up<2>(x);
  if constexpr (VecD::size >= 8) x += lanes_up<4>(x);
  return x;
}

// Float rows: prefix sums inside vectors of doubles, so that only one addition per vector waits for the one before.
template <>
void scan<SumStep, float>(char* const* data, int64_t n, int64_t columns, const void*) {
  float* y = reinterpret_cast<float*>(data[0]);
  const float* x = reinterpret_cast<const float*>(data[1]);
  if (columns == 1) {
    double running = 0;
    int64_t i = 0;
    for (; i + VecF::size <= n; i += VecF::size) {
      const VecF v = VecF::load(x + i);
      const VecD low = prefix_sums(widen_low(v)), high = prefix_sums(widen_high(v));
      const double middle = running + low[VecD::size - 1];
      narrow(low + VecD(running), high + VecD(middle)).store(y + i);
      running = middle + high[VecD::size - 1];
    }
    for (; i < n; ++i) y[i] = float(running += double(x[i]));
    return;
  }
  std::vector<double> running(size_t(columns), 0.0);
  double* r = running.data();
  for (int64_t i = 0; i < n; ++i) {
    const float* row = x + i * columns;
    float* out = y + i * columns;
    for (int64_t j = 0; j < columns; ++j) out[j] = float(r[j] += double(row[j]));
  }
}

// NaN, once met, stays; of equal elements the last one's index is given.
template <bool Largest, class T>
void scan_extrema(char* const* data, int64_t n, int64_t columns, const void*) {
  using L = std::conditional_t<kIsHalf<T>, float, T>;
  T* values = reinterpret_cast<T*>(data[0]);
  int64_t* indices = reinterpret_cast<int64_t*>(data[1]);
  const T* x = reinterpret_cast<const T*>(data[2]);
  for (int64_t j = 0; j < columns; ++j) {
    L best = n > 0 ? L(x[j]) : L();
    int64_t where = 0;
    for (int64_t i = 0; i < n; ++i) {
      const L v = L(x[i * columns + j]);
      if (v != v || (best == best && (Largest ? v >= best : v <= best))) {
        best = v;
        where = i;
      }
      values[i * columns + j] = T(best);
      indices[i * columns + j] = where;
    }
  }
}

template <class Op, class... T>
void add_scan(KernelRegistry& r, std::string_view name) {
  (r.add<RowsFn>(name, dtype_v<T>, &scan<Op, T>), ...);
}
template <bool Largest, class... T>
void add_extrema(KernelRegistry& r, std::string_view name) {
  (r.add<RowsFn>(name, dtype_v<T>, &scan_extrema<Largest, T>), ...);
}

}  // namespace

KAGARI_KERNELS(r) {
  add_scan<SumStep, uint8_t, int8_t, int16_t, int32_t, int64_t, Half, BFloat16, float, double, std::complex<float>,
           std::complex<double>>(r, "cumsum");
  add_scan<ProdStep, uint8_t, int8_t, int16_t, int32_t, int64_t, Half, BFloat16, float, double, std::complex<float>,
           std::complex<double>>(r, "cumprod");
  add_scan<LogAddStep, Half, BFloat16, float, double>(r, "logcumsumexp");
  add_extrema<true, bool, uint8_t, int8_t, int16_t, int32_t, int64_t, Half, BFloat16, float, double>(r, "cummax");
  add_extrema<false, bool, uint8_t, int8_t, int16_t, int32_t, int64_t, Half, BFloat16, float, double>(r, "cummin");
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
