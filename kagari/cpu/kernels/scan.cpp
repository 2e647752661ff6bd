// Running sums, products, maxima and minima along a dimension, and logcumsumexp.
//
// data: output, input; for cummax and cummin: values, indices (int64), input. The slab is [n][columns] with both contiguous:
// element (i, j) is at i * columns + j, and the scan runs over i. One row is columns = 1.
#include <algorithm>
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

// x with the lanes moved up by Step, `fill` below.
template <int Step>
KAGARI_INLINE VecD lanes_up(VecD x, double fill) {
  constexpr int n = VecD::size;
  typedef int64_t Places __attribute__((vector_size(sizeof(VecD::Native))));
  Places from{};  // lanes 0 to n - 1 are x, the next ones `fill`
  for (int i = 0; i < n; ++i) from[i] = i < Step ? n + i : i - Step;
  return VecD(VecD::Native(__builtin_shuffle(x.v, VecD(fill).v, from)));
}
// Each lane combined with all lanes below it.
template <class Op>
KAGARI_INLINE VecD prefixes(VecD x) {
  const double fill = Op::template start<double>();
  x = Op::step(x, lanes_up<1>(x, fill));
  if constexpr (VecD::size >= 4) x = Op::step(x, lanes_up<2>(x, fill));
  if constexpr (VecD::size >= 8) x = Op::step(x, lanes_up<4>(x, fill));
  return x;
}

// A piece of a float row behind elements that gave `running`. Sums and products are formed inside vectors of doubles first, so that only
// one operation per vector waits for the one before.
template <class Op>
double scan_floats(double running, const float* x, float* y, int64_t n) {
  int64_t i = 0;
  if constexpr (!std::is_same_v<Op, LogAddStep>) {
    for (; i + VecF::size <= n; i += VecF::size) {
      const VecF v = VecF::load(x + i);
      const VecD low = prefixes<Op>(widen_low(v)), high = prefixes<Op>(widen_high(v));
      const double middle = Op::step(running, low[VecD::size - 1]);
      narrow(Op::step(VecD(running), low), Op::step(VecD(middle), high)).store(y + i);
      running = Op::step(middle, high[VecD::size - 1]);
    }
  }
  for (; i < n; ++i) y[i] = float(running = Op::step(running, double(x[i])));
  return running;
}

template <class Op, class T>
void scan(char* const* data, int64_t n, int64_t columns, const void*) {
  using W = Running<T>;
  T* y = reinterpret_cast<T*>(data[0]);
  const T* x = reinterpret_cast<const T*>(data[1]);
  std::vector<W> running(size_t(columns), Op::template start<W>());
  if constexpr (kIsHalf<T> || std::is_same_v<T, float>) {
    // Half types go through floats, block by block.
    const LoopFn load = cast_loop(DType::Float32, dtype_v<T>), save = cast_loop(dtype_v<T>, DType::Float32);
    float from[kStageBlock], to[kStageBlock];
    auto pieces = [&](int64_t count, auto work) {
      for (int64_t start = 0; start < count; start += kStageBlock) {
        const int64_t m = std::min(count - start, kStageBlock);
        if constexpr (kIsHalf<T>) {
          char* in[] = {reinterpret_cast<char*>(from), reinterpret_cast<char*>(const_cast<T*>(x + start))};
          const int64_t in_strides[] = {sizeof(float), sizeof(T)};
          load(in, in_strides, m, nullptr);
          work(start, from, to, m);
          char* out[] = {reinterpret_cast<char*>(y + start), reinterpret_cast<char*>(to)};
          const int64_t out_strides[] = {sizeof(T), sizeof(float)};
          save(out, out_strides, m, nullptr);
        } else {
          work(start, x + start, y + start, m);
        }
      }
    };
    if (columns == 1) return pieces(n, [&](int64_t, const float* in, float* out, int64_t m) { running[0] = scan_floats<Op>(running[0], in, out, m); });
    for (int64_t i = 0; i < n; ++i, x += columns, y += columns)
      pieces(columns, [&](int64_t start, const float* in, float* out, int64_t m) {
        double* r = running.data() + start;
        for (int64_t j = 0; j < m; ++j) out[j] = float(r[j] = Op::step(r[j], double(in[j])));
      });
    return;
  }
  if (columns == 1) {
    W total = Op::template start<W>();
    for (int64_t i = 0; i < n; ++i) y[i] = T(total = Op::step(total, W(x[i])));
    return;
  }
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < columns; ++j)
      y[i * columns + j] = T(running[size_t(j)] = Op::step(running[size_t(j)], W(x[i * columns + j])));
}

// NaN, once met, stays; of equal elements the last one's index is given.
template <bool Largest, class T>
void scan_extrema(char* const* data, int64_t n, int64_t columns, const void*) {
  using L = std::conditional_t<kIsHalf<T>, float, T>;
  T* values = reinterpret_cast<T*>(data[0]);
  int64_t* indices = reinterpret_cast<int64_t*>(data[1]);
  const T* x = reinterpret_cast<const T*>(data[2]);
  auto wins = [](L v, L best) { return v != v || (best == best && (Largest ? v >= best : v <= best)); };
  if (columns == 1) {
    L best = n > 0 ? L(x[0]) : L();
    int64_t where = 0;
    for (int64_t i = 0; i < n; ++i) {
      const L v = L(x[i]);
      const bool better = wins(v, best);
      best = better ? v : best;
      where = better ? i : where;
      values[i] = T(best);
      indices[i] = where;
    }
    return;
  }
  for (int64_t j = 0; j < columns && n > 0; ++j) {
    values[j] = x[j];
    indices[j] = 0;
  }
  for (int64_t at = columns, row = 1; row < n; at += columns, ++row)  // what a row starts from is the result of the row before
    for (int64_t j = at; j < at + columns; ++j) {
      const bool better = wins(L(x[j]), L(values[j - columns]));
      values[j] = better ? x[j] : values[j - columns];
      indices[j] = better ? row : indices[j - columns];
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
  add_extrema<true, bool, uint8_t, int8_t, int16_t, int32_t, int64_t, uint16_t, uint32_t, uint64_t, Half, BFloat16, float, double>(r, "cummax");
  add_extrema<false, bool, uint8_t, int8_t, int16_t, int32_t, int64_t, uint16_t, uint32_t, uint64_t, Half, BFloat16, float, double>(r, "cummin");
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
