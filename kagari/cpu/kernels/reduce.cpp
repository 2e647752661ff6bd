// Reductions that combine elements pairwise: sum, prod, amax, amin, norms.
//
// Floating sums run in float lanes for 1024 elements at most and are then added in double, so that the error does not grow
// with the length. Each operation is compiled for a few element types only: half types are converted to float, integers to
// int64 (uint64 for itself) and complex numbers to complex double, block by block in the L1 cache.
#include "kagari/cpu/reduce.h"

#include <algorithm>
#include <limits>

#include "kagari/cpu/elementwise.h"
#include "kagari/cpu/vector_math.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace {

template <class T>
constexpr bool kIsComplex = false;
template <class R>
constexpr bool kIsComplex<std::complex<R>> = true;
template <class T>
constexpr bool kIsFloating = std::is_floating_point_v<T> || std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

// What elements are computed as.
template <class T>
using Computed = std::conditional_t<
    std::is_same_v<T, double>, double,
    std::conditional_t<kIsFloating<T>, float,
                       std::conditional_t<kIsComplex<T>, std::complex<double>,
                                          std::conditional_t<std::is_same_v<T, uint64_t>, uint64_t, int64_t>>>>;
// Extrema of the integers that images and indices are made of need no wider type.
template <class Op, class T>
using ComputedBy = std::conditional_t<Op::keeps_type && (std::is_same_v<T, uint8_t> || std::is_same_v<T, int32_t>), T, Computed<T>>;
// What a partial result of those is kept in.
template <class W>
using StateOf = std::conditional_t<std::is_same_v<W, float>, double, W>;

template <class T>
using SumOutput = std::conditional_t<std::is_integral_v<T>, int64_t, T>;

double divisor_of(const LoopParams* p) { return p == nullptr ? 1.0 : p->real[0]; }

// An operation: `map` an element, `combine` two results; V is a vector or a scalar. `Output<T>` for elements of type T.
// adds: results are added (so that float lanes are widened now and then).
struct Sum {  // slot 0, if there are parameters: a divisor, for the mean
  static constexpr bool adds = true, keeps_type = false;
  template <class T>
  using Output = SumOutput<T>;
  explicit Sum(const LoopParams*) {}
  template <class V>
  KAGARI_INLINE V map(V x) const {
    return x;
  }
  template <class V>
  KAGARI_INLINE V combine(V a, V b) const {
    if constexpr (std::is_integral_v<V>) return V(uint64_t(a) + uint64_t(b));
    else return a + b;
  }
  template <class V>
  static V identity() {
    return V(0);
  }
  template <class W>
  static W finish(W x, const LoopParams* p) {
    if constexpr (std::is_integral_v<W>) return x;
    else return x / divisor_of(p);
  }
};
struct NanSum : Sum {
  using Sum::Sum;
  template <class V>
  KAGARI_INLINE V map(V x) const {
    if constexpr (IsVec<V>::value) return select(isnan(x), V(0), x);
    else return x == x ? x : V(0);
  }
};
struct Prod {
  static constexpr bool adds = false, keeps_type = false;
  template <class T>
  using Output = SumOutput<T>;
  explicit Prod(const LoopParams*) {}
  template <class V>
  KAGARI_INLINE V map(V x) const {
    return x;
  }
  template <class V>
  KAGARI_INLINE V combine(V a, V b) const {
    if constexpr (std::is_integral_v<V>) return V(uint64_t(a) * uint64_t(b));
    else return a * b;
  }
  template <class V>
  static V identity() {
    return V(1);
  }
  template <class W>
  static W finish(W x, const LoopParams*) {
    return x;
  }
};
struct Max {  // NaN wins
  static constexpr bool adds = false, keeps_type = true;
  template <class T>
  using Output = T;
  explicit Max(const LoopParams*) {}
  template <class V>
  KAGARI_INLINE V map(V x) const {
    return x;
  }
  template <class V>
  KAGARI_INLINE V combine(V a, V b) const {
    if constexpr (IsVec<V>::value) return maximum(a, b);
    else return a > b || a != a ? a : b;
  }
  template <class V>
  static V identity() {
    using L = Lane<V>;
    if constexpr (std::is_integral_v<L>) return V(std::numeric_limits<L>::lowest());
    else return V(-std::numeric_limits<L>::infinity());
  }
  template <class W>
  static W finish(W x, const LoopParams*) {
    return x;
  }
};
struct Min {  // NaN wins
  static constexpr bool adds = false, keeps_type = true;
  template <class T>
  using Output = T;
  explicit Min(const LoopParams*) {}
  template <class V>
  KAGARI_INLINE V map(V x) const {
    return x;
  }
  template <class V>
  KAGARI_INLINE V combine(V a, V b) const {
    if constexpr (IsVec<V>::value) return minimum(a, b);
    else return a < b || a != a ? a : b;
  }
  template <class V>
  static V identity() {
    using L = Lane<V>;
    if constexpr (std::is_integral_v<L>) return V(std::numeric_limits<L>::max());
    else return V(std::numeric_limits<L>::infinity());
  }
  template <class W>
  static W finish(W x, const LoopParams*) {
    return x;
  }
};
struct Norm1 : Sum {
  using Sum::Sum;
  template <class V>
  KAGARI_INLINE V map(V x) const {
    if constexpr (IsVec<V>::value) return abs(x);
    else return V(std::abs(x));
  }
};
struct SumSquares : Sum {
  using Sum::Sum;
  template <class V>
  KAGARI_INLINE V map(V x) const {
    if constexpr (kIsComplex<V>) return V(std::norm(x));
    else return x * x;
  }
};
struct Norm2 : SumSquares {
  using SumSquares::SumSquares;
  template <class W>
  static W finish(W x, const LoopParams*) {
    return std::sqrt(x);
  }
};
struct NormInf : Max {
  using Max::Max;
  template <class V>
  KAGARI_INLINE V map(V x) const {
    if constexpr (IsVec<V>::value) return abs(x);
    else return V(std::abs(x));
  }
  template <class V>
  static V identity() {
    return V(0);
  }
};
struct NormNegInf : Min {
  using Min::Min;
  template <class V>
  KAGARI_INLINE V map(V x) const {
    if constexpr (IsVec<V>::value) return abs(x);
    else return V(std::abs(x));
  }
};
struct NormP : Sum {  // slot 0: p
  double p;
  explicit NormP(const LoopParams* params) : Sum(params), p(params->real[0]) {}
  template <class V>
  KAGARI_INLINE V map(V x) const {
    if constexpr (IsVec<V>::value) return pow(abs(x), V(p));
    else return V(std::pow(std::abs(x), p));
  }
  template <class W>
  static W finish(W x, const LoopParams* params) {
    return std::pow(x, 1 / params->real[0]);
  }
};

// ---- floating types, in vectors

template <class Op, class V>
KAGARI_INLINE double combine_lanes(const Op& op, V x) {
  alignas(64) Lane<V> lanes[V::size];
  x.store(lanes);
  double wide[V::size];
  for (int i = 0; i < V::size; ++i) wide[i] = lanes[i];
  for (int half = V::size / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) wide[i] = op.combine(wide[i], wide[i + half]);
  return wide[0];
}

// What chunks of vectors add up to: float lanes are added in double, other results combined as they are.
template <class Op, class V>
struct ChunkTotal {
  static constexpr bool kWidens = std::is_same_v<V, VecF> && Op::adds, kLanes = kWidens || std::is_same_v<V, VecD>;
  const Op& op;
  double total = Op::template identity<double>();
  VecD low{Op::template identity<double>()}, high = low;
  KAGARI_INLINE void add(V a, V b, V c, V d) {
    const V sum = op.combine(op.combine(a, b), op.combine(c, d));
    if constexpr (kWidens) {
      low += widen_low(sum);
      high += widen_high(sum);
    } else if constexpr (kLanes) {
      low = op.combine(low, sum);
    } else {
      total = op.combine(total, combine_lanes(op, sum));
    }
  }
  KAGARI_INLINE double finish() const {
    return kLanes ? op.combine(total, combine_lanes(op, op.combine(low, high))) : total;
  }
};

template <class Op, class L>
double reduce_lanes_of(const Op& op, const L* in, int64_t n) {
  using V = Vec<L>;
  constexpr int kWidth = V::size;
  constexpr int64_t kChunk = 1024;
  ChunkTotal<Op, V> sum{op};
  for (int64_t start = 0; start < n; start += kChunk) {
    const int64_t end = std::min(start + kChunk, n);
    V a(Op::template identity<V>()), b = a, c = a, d = a;
    int64_t i = start;
    for (; i + 4 * kWidth <= end; i += 4 * kWidth) {
      a = op.combine(a, op.map(V::load(in + i)));
      b = op.combine(b, op.map(V::load(in + i + kWidth)));
      c = op.combine(c, op.map(V::load(in + i + 2 * kWidth)));
      d = op.combine(d, op.map(V::load(in + i + 3 * kWidth)));
    }
    for (; i + kWidth <= end; i += kWidth) a = op.combine(a, op.map(V::load(in + i)));
    sum.add(a, b, c, d);
    for (; i < end; ++i) sum.total = op.combine(sum.total, double(op.map(V(Lane<V>(in[i])))[0]));
  }
  return sum.finish();
}

// The same for any type.
template <class Op, class W>
StateOf<W> reduce_contiguous(const Op& op, const W* in, int64_t n) {
  if constexpr (std::is_floating_point_v<W>) {
    return reduce_lanes_of(op, in, n);
  } else {
    W total = Op::template identity<W>();
    for (int64_t i = 0; i < n; ++i) total = op.combine(total, op.map(in[i]));
    return total;
  }
}

// Contiguous elements of a half type, n of them a multiple of four vectors; with both types in one function as in half_loop.
template <class Op>
double reduce_halves(const Op& op, const char* in, int64_t n, bool bfloat16) {
  constexpr int kWidth = VecF::size;
  constexpr int64_t kChunk = 1024;
  ChunkTotal<Op, VecF> sum{op};
  for (int64_t start = 0; start < n; start += kChunk) {
    const int64_t end = std::min(start + kChunk, n);
    VecF a(Op::template identity<VecF>()), b = a, c = a, d = a;
    for (int64_t i = start; i < end; i += 4 * kWidth) {
      VecF x, y, z, w;
      if (bfloat16) {
        load_two(reinterpret_cast<const BFloat16*>(in) + i, x, y);
        load_two(reinterpret_cast<const BFloat16*>(in) + i + 2 * kWidth, z, w);
      } else {
        load_two(reinterpret_cast<const Half*>(in) + i, x, y);
        load_two(reinterpret_cast<const Half*>(in) + i + 2 * kWidth, z, w);
      }
      a = op.combine(a, op.map(x));
      b = op.combine(b, op.map(y));
      c = op.combine(c, op.map(z));
      d = op.combine(d, op.map(w));
    }
    sum.add(a, b, c, d);
  }
  return sum.finish();
}

// The sum of n contiguous complex numbers: a vector of floats has real parts in its even lanes, imaginary ones in the odd.
template <class R>
std::complex<double> sum_complex(const R* in, int64_t n) {
  using V = Vec<R>;
  constexpr int64_t kChunk = 1024;
  std::complex<double> total = 0;
  int64_t i = 0;
  while (i + V::size <= 2 * n) {
    const int64_t end = std::min(2 * n, i + kChunk);
    V a(R(0)), b(R(0));
    for (; i + 2 * V::size <= end; i += 2 * V::size) {
      a += V::load(in + i);
      b += V::load(in + i + V::size);
    }
    for (; i + V::size <= end; i += V::size) a += V::load(in + i);
    a += b;
    for (int k = 0; k < V::size; k += 2) total += std::complex<double>(a[k], a[k + 1]);
  }
  for (; i < 2 * n; i += 2) total += std::complex<double>(in[i], in[i + 1]);
  return total;
}

// n elements of type `stored`, `stride` bytes apart.
template <class Op, class W>
__attribute__((noinline)) StateOf<W> reduce_run(const Op& op, const char* in, int64_t n, int64_t stride, DType stored) {
  if (stored == dtype_v<W> && (stride == int64_t(sizeof(W)) || n == 1))
    return reduce_contiguous(op, reinterpret_cast<const W*>(in), n);
  using State = StateOf<W>;
  if constexpr (std::is_same_v<W, float>) {
    constexpr int64_t kWhole = 4 * VecF::size;
    if (const int64_t whole = n / kWhole * kWhole; stride == 2 && whole > 0) {
      const double total = reduce_halves(op, in, whole, stored == DType::BFloat16);
      return whole == n ? total : op.combine(total, reduce_run<Op, W>(op, in + whole * stride, n - whole, stride, stored));
    }
  }
  if constexpr (kIsComplex<W> && Op::adds) {
    if (stored == DType::Complex64 && stride == 8) return sum_complex(reinterpret_cast<const float*>(in), n);
    if (stored == DType::Complex128 && stride == 16) return sum_complex(reinterpret_cast<const double*>(in), n);
  }
  const LoopFn load = cast_loop(dtype_v<W>, stored);
  alignas(64) W buffer[kStageBlock];
  State total = Op::template identity<State>();
  for (int64_t start = 0; start < n; start += kStageBlock) {
    const int64_t count = std::min(n - start, kStageBlock);
    char* data[] = {reinterpret_cast<char*>(buffer), const_cast<char*>(in + start * stride)};
    const int64_t strides[] = {sizeof(W), stride};
    load(data, strides, count, nullptr);
    total = op.combine(total, reduce_contiguous(op, buffer, count));
  }
  return total;
}

constexpr int64_t kColumns = 256, kRows = 64;

// The partial results of m <= kColumns contiguous columns. Rows are added to an accumulator in the L1 cache, four at a time;
// float accumulators are widened every kRows rows.
template <class Op, class W>
__attribute__((noinline)) void reduce_columns(const Op& op, StateOf<W>* result, const char* in, int64_t n, int64_t stride,
                                              int64_t m, DType stored) {
  using State = StateOf<W>;
  const LoopFn load = stored == dtype_v<W> ? nullptr : cast_loop(dtype_v<W>, stored);
  alignas(64) W rows[4][kColumns];
  alignas(64) W sums[kColumns];
  const W* p[4];
  auto take = [&](int64_t row, int slot) {
    const char* source = in + row * stride;
    if (load == nullptr) {
      p[slot] = reinterpret_cast<const W*>(source);
      return;
    }
    char* data[] = {reinterpret_cast<char*>(rows[slot]), const_cast<char*>(source)};
    const int64_t strides[] = {sizeof(W), itemsize(stored)};
    load(data, strides, m, nullptr);
    p[slot] = rows[slot];
  };
  std::fill_n(result, m, Op::template identity<State>());
  for (int64_t strip = 0; strip < n; strip += kRows) {
    const int64_t end = std::min(n, strip + kRows);
    std::fill_n(sums, m, Op::template identity<W>());
    int64_t row = strip;
    for (; row + 4 <= end; row += 4) {
      for (int k = 0; k < 4; ++k) take(row + k, k);
      int64_t j = 0;
      if constexpr (std::is_floating_point_v<W>) {
        using V = Vec<W>;
        for (; j + V::size <= m; j += V::size) {
          V sum = op.combine(op.combine(op.map(V::load(p[0] + j)), op.map(V::load(p[1] + j))),
                             op.combine(op.map(V::load(p[2] + j)), op.map(V::load(p[3] + j))));
          op.combine(V::load(sums + j), sum).store(sums + j);
        }
        for (; j < m; ++j)
          for (const W* x : p) sums[j] = op.combine(V(sums[j]), op.map(V(x[j])))[0];
      } else {
        for (; j < m; ++j)
          for (const W* x : p) sums[j] = op.combine(sums[j], op.map(x[j]));
      }
    }
    for (; row < end; ++row) {
      take(row, 0);
      for (int64_t j = 0; j < m; ++j) {
        if constexpr (std::is_floating_point_v<W>) sums[j] = op.combine(Vec<W>(sums[j]), op.map(Vec<W>(p[0][j])))[0];
        else sums[j] = op.combine(sums[j], op.map(p[0][j]));
      }
    }
    for (int64_t j = 0; j < m; ++j) result[j] = op.combine(result[j], State(sums[j]));
  }
}

template <class Op, class T>
const ReduceKernel& kernel_of() {
  using W = ComputedBy<Op, T>;
  using State = StateOf<W>;
  using Out = typename Op::template Output<T>;
  static constexpr auto write = [](char* out, int64_t j, const State& state, const LoopParams* p) {
    const State x = Op::finish(state, p);
    if constexpr (kIsFloating<Out>) reinterpret_cast<Out*>(out)[j] = Out(W(x));
    else reinterpret_cast<Out*>(out)[j] = Out(x);
  };
  static constexpr ReduceKernel kernel{
      sizeof(State), sizeof(T), sizeof(Out),
      [](void* state, const char* in, int64_t n, int64_t stride, const LoopParams* p) {
        *static_cast<State*>(state) = reduce_run<Op, W>(Op(p), in, n, stride, dtype_v<T>);
      },
      [](void* state, const void* later, const LoopParams* p) {
        State& total = *static_cast<State*>(state);
        total = Op(p).combine(total, *static_cast<const State*>(later));
      },
      [](char* out, const void* state, const LoopParams* p) { write(out, 0, *static_cast<const State*>(state), p); },
      [](char* out, const char* in, int64_t n, int64_t stride, int64_t columns, const LoopParams* p) {
        if constexpr (kIsComplex<T> && Op::adds)
          return kernel_of<Op, typename T::value_type>().columns(out, in, n, stride, 2 * columns, p);
        const Op op(p);
        State states[kColumns];
        for (int64_t first = 0; first < columns; first += kColumns) {
          const int64_t m = std::min(columns - first, kColumns);
          reduce_columns<Op, W>(op, states, in + first * int64_t(sizeof(T)), n, stride, m, dtype_v<T>);
          for (int64_t j = 0; j < m; ++j) write(out, first + j, states[j], p);
        }
      }};
  return kernel;
}

// ---- norms of complex numbers

// A norm of complex numbers: the state is a double, the output real.
template <class Op, class R>
const ReduceKernel& complex_norm_kernel() {
  using C = std::complex<R>;
  static constexpr ReduceKernel kernel{
      sizeof(double), sizeof(C), sizeof(R),
      [](void* state, const char* in, int64_t n, int64_t stride, const LoopParams* p) {
        const Op op(p);
        double total = Op::template identity<double>();
        for (int64_t i = 0; i < n; ++i) {
          const std::complex<double> x(*reinterpret_cast<const C*>(in + i * stride));
          total = op.combine(total, op.map(std::hypot(x.real(), x.imag())));
        }
        *static_cast<double*>(state) = total;
      },
      [](void* state, const void* later, const LoopParams* p) {
        double& total = *static_cast<double*>(state);
        total = Op(p).combine(total, *static_cast<const double*>(later));
      },
      [](char* out, const void* state, const LoopParams* p) {
        *reinterpret_cast<R*>(out) = R(Op::finish(*static_cast<const double*>(state), p));
      },
      [](char* out, const char* in, int64_t n, int64_t stride, int64_t columns, const LoopParams* p) {
        const Op op(p);
        for (int64_t j = 0; j < columns; ++j) {
          double total = Op::template identity<double>();
          for (int64_t i = 0; i < n; ++i) {
            const std::complex<double> x(reinterpret_cast<const C*>(in + i * stride)[j]);
            total = op.combine(total, op.map(std::hypot(x.real(), x.imag())));
          }
          reinterpret_cast<R*>(out)[j] = R(Op::finish(total, p));
        }
      }};
  return kernel;
}

template <class Op>
void add_floating(KernelRegistry& r, std::string_view name) {
  r.add<ReduceKernelOf>(name, DType::Float32, &kernel_of<Op, float>);
  r.add<ReduceKernelOf>(name, DType::Float64, &kernel_of<Op, double>);
  r.add<ReduceKernelOf>(name, DType::Float16, &kernel_of<Op, Half>);
  r.add<ReduceKernelOf>(name, DType::BFloat16, &kernel_of<Op, BFloat16>);
}
template <class Op>
void add_integral(KernelRegistry& r, std::string_view name) {
  r.add<ReduceKernelOf>(name, DType::Bool, &kernel_of<Op, bool>);
  r.add<ReduceKernelOf>(name, DType::UInt8, &kernel_of<Op, uint8_t>);
  r.add<ReduceKernelOf>(name, DType::Int8, &kernel_of<Op, int8_t>);
  r.add<ReduceKernelOf>(name, DType::Int16, &kernel_of<Op, int16_t>);
  r.add<ReduceKernelOf>(name, DType::Int32, &kernel_of<Op, int32_t>);
  r.add<ReduceKernelOf>(name, DType::Int64, &kernel_of<Op, int64_t>);
  r.add<ReduceKernelOf>(name, DType::UInt16, &kernel_of<Op, uint16_t>);
  r.add<ReduceKernelOf>(name, DType::UInt32, &kernel_of<Op, uint32_t>);
  r.add<ReduceKernelOf>(name, DType::UInt64, &kernel_of<Op, uint64_t>);
}
template <class Op>
void add_complex(KernelRegistry& r, std::string_view name) {
  r.add<ReduceKernelOf>(name, DType::Complex64, &kernel_of<Op, std::complex<float>>);
  r.add<ReduceKernelOf>(name, DType::Complex128, &kernel_of<Op, std::complex<double>>);
}
template <class Op>
void add_norm(KernelRegistry& r, std::string_view name) {
  add_floating<Op>(r, name);
  r.add<ReduceKernelOf>(name, DType::Complex64, &complex_norm_kernel<Op, float>);
  r.add<ReduceKernelOf>(name, DType::Complex128, &complex_norm_kernel<Op, double>);
}
}  // namespace

// Output types: sum and prod of integers and bool give int64, otherwise the type of the elements; norms of complex numbers
// are real.
KAGARI_KERNELS(r) {
  add_floating<Sum>(r, "sum");
  add_integral<Sum>(r, "sum");
  add_complex<Sum>(r, "sum");
  add_floating<NanSum>(r, "nansum");
  add_floating<Prod>(r, "prod");
  add_integral<Prod>(r, "prod");
  add_complex<Prod>(r, "prod");
  add_floating<Max>(r, "amax");
  add_integral<Max>(r, "amax");
  add_floating<Min>(r, "amin");
  add_integral<Min>(r, "amin");
  add_norm<Norm1>(r, "norm1");
  add_norm<Norm2>(r, "norm2");
  add_norm<SumSquares>(r, "sum_squares");
  add_norm<NormInf>(r, "norm_inf");
  add_norm<NormNegInf>(r, "norm_neg_inf");
  add_norm<NormP>(r, "norm_p");
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
