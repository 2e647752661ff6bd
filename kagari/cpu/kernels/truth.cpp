// Reductions of truth values: any, all, count_nonzero.
#include <algorithm>
#include <complex>

#include "kagari/cpu/elementwise.h"
#include "kagari/cpu/reduce.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace {

constexpr int64_t kColumns = 256;

// Operations; everything is a scalar.
struct Any {
  template <class T>
  using Output = bool;
  static constexpr bool narrow = true;  // a byte holds a partial result
  static constexpr int64_t identity = 0;
  template <class W>
  static W combine(W a, W b) {
    return W(a | b);
  }
};
struct All {
  template <class T>
  using Output = bool;
  static constexpr bool narrow = true;
  static constexpr int64_t identity = 1;
  template <class W>
  static W combine(W a, W b) {
    return W(a & b);
  }
};
struct CountNonzero {
  template <class T>
  using Output = int64_t;
  static constexpr bool narrow = false;
  static constexpr int64_t identity = 0;
  template <class W>
  static W combine(W a, W b) {
    return W(a + b);
  }
};

// The run of n elements as contiguous pieces: itself, or copies of at most kStageBlock elements.
template <class T, class F>
KAGARI_INLINE void for_contiguous(const char* in, int64_t n, int64_t stride, F f) {
  if (stride == int64_t(sizeof(T)) || n == 1) {
    f(reinterpret_cast<const T*>(in), n);
    return;
  }
  T buffer[kStageBlock];
  for (int64_t start = 0; start < n; start += kStageBlock) {
    const int64_t count = std::min(n - start, kStageBlock);
    for (int64_t i = 0; i < count; ++i) buffer[i] = *reinterpret_cast<const T*>(in + (start + i) * stride);
    f(buffer, count);
  }
}

// The bits of a Half or BFloat16, compared as integers: only the sign of a zero is set.
struct HalfBits {
  uint16_t bits;
};
template <class T>
KAGARI_INLINE bool is_nonzero(T x) {
  if constexpr (std::is_same_v<T, HalfBits>) return uint16_t(x.bits << 1) != 0;
  else return x != T(0);
}

// any, all, count_nonzero: elements of any type, partial results in int64.
template <class Op, class T>
const ReduceKernel& truth_kernel() {
  using Out = typename Op::template Output<T>;
  static constexpr ReduceKernel kernel{
      sizeof(int64_t), sizeof(T), sizeof(Out),
      [](void* state, const char* in, int64_t n, int64_t stride, const LoopParams*) {
        int64_t total = Op::identity;
        for_contiguous<T>(in, n, stride, [&](const T* x, int64_t count) {
          if constexpr (Op::narrow) {
            for (int64_t start = 0; start < count && total == Op::identity; start += kStageBlock) {
              uint8_t part = uint8_t(Op::identity);
              for (int64_t i = start; i < std::min(count, start + kStageBlock); ++i) part = Op::combine(part, uint8_t(is_nonzero(x[i])));
              total = Op::combine(total, int64_t(part));
            }
          } else {
            for (int64_t i = 0; i < count; ++i) total = Op::combine(total, int64_t(is_nonzero(x[i])));
          }
        });
        *static_cast<int64_t*>(state) = total;
      },
      [](void* state, const void* later, const LoopParams*) {
        int64_t& total = *static_cast<int64_t*>(state);
        total = Op::combine(total, *static_cast<const int64_t*>(later));
      },
      [](char* out, const void* state, const LoopParams*) {
        *reinterpret_cast<Out*>(out) = Out(*static_cast<const int64_t*>(state));
      },
      [](char* out, const char* in, int64_t n, int64_t stride, int64_t columns, const LoopParams*) {
        using Lane = std::conditional_t<Op::narrow, uint8_t, int64_t>;
        Lane wide[kColumns];
        for (int64_t first = 0; first < columns; first += kColumns) {
          const int64_t m = std::min(columns - first, kColumns);
          std::fill_n(wide, m, Lane(Op::identity));
          for (int64_t i = 0; i < n; ++i) {
            const T* row = reinterpret_cast<const T*>(in + i * stride) + first;
            for (int64_t j = 0; j < m; ++j) wide[j] = Op::combine(wide[j], Lane(is_nonzero(row[j])));
          }
          for (int64_t j = 0; j < m; ++j) reinterpret_cast<Out*>(out)[first + j] = Out(wide[j]);
        }
      }};
  return kernel;
}

// Truth does not depend on more than the size for integers: 8-bit types share a loop, and so on.
template <class Op>
void add_truth(KernelRegistry& r, std::string_view name) {
  for (DType t : {DType::Bool, DType::UInt8, DType::Int8}) r.add<ReduceKernelOf>(name, t, &truth_kernel<Op, uint8_t>);
  for (DType t : {DType::Int16, DType::UInt16}) r.add<ReduceKernelOf>(name, t, &truth_kernel<Op, uint16_t>);
  for (DType t : {DType::Int32, DType::UInt32}) r.add<ReduceKernelOf>(name, t, &truth_kernel<Op, uint32_t>);
  for (DType t : {DType::Int64, DType::UInt64}) r.add<ReduceKernelOf>(name, t, &truth_kernel<Op, uint64_t>);
  for (DType t : {DType::Float16, DType::BFloat16}) r.add<ReduceKernelOf>(name, t, &truth_kernel<Op, HalfBits>);
  r.add<ReduceKernelOf>(name, DType::Float32, &truth_kernel<Op, float>);
  r.add<ReduceKernelOf>(name, DType::Float64, &truth_kernel<Op, double>);
  r.add<ReduceKernelOf>(name, DType::Complex64, &truth_kernel<Op, std::complex<float>>);
  r.add<ReduceKernelOf>(name, DType::Complex128, &truth_kernel<Op, std::complex<double>>);
}

}  // namespace

KAGARI_KERNELS(r) {
  add_truth<Any>(r, "any");
  add_truth<All>(r, "all");
  add_truth<CountNonzero>(r, "count_nonzero");
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
