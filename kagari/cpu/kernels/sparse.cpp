// Products with compressed rows, and inner products at their places. See cpu/sparse.h.
#include "kagari/cpu/elementwise.h"
#include "kagari/cpu/sparse.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace {

// Half types and float are summed in float, integers wrap.
template <class T>
using Sum = std::conditional_t<std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>, float, T>;

template <class T>
T product(T a, T b) {
  if constexpr (std::is_integral_v<T>) return T(uint64_t(a) * uint64_t(b));
  else return a * b;
}

/// A tile of W columns of one row stays in registers while the row's values pass.
template <class T, int W>
void add_rows(T* out, const int64_t* column, const T* values, int64_t count, const T* dense, int64_t n) {
  Sum<T> sum[W] = {};
  for (int64_t k = 0; k < count; ++k) {
    const Sum<T> v = Sum<T>(values[k]);
    const T* x = dense + column[k] * n;
    for (int j = 0; j < W; ++j) sum[j] += product<Sum<T>>(v, Sum<T>(x[j]));
  }
  for (int j = 0; j < W; ++j) out[j] = T(sum[j]);
}

template <class T>
void csr_times_dense(char* out_bytes, const int64_t* row, const int64_t* column, const char* value_bytes, const char* dense_bytes, int64_t n, int64_t begin, int64_t end) {
  T* out = reinterpret_cast<T*>(out_bytes);
  const T *values = reinterpret_cast<const T*>(value_bytes), *dense = reinterpret_cast<const T*>(dense_bytes);
  constexpr int wide = 64 * 4 / sizeof(T) < 8 ? 8 : 64 * 4 / sizeof(T);  // four registers
  for (int64_t r = begin; r < end; ++r) {
    const int64_t first = row[r], count = row[r + 1] - first;
    T* y = out + r * n;
    const int64_t* c = column + first;
    const T* v = values + first;
    int64_t j = 0;
    for (; j + wide <= n; j += wide) add_rows<T, wide>(y + j, c, v, count, dense + j, n);
    for (; j + 8 <= n; j += 8) add_rows<T, 8>(y + j, c, v, count, dense + j, n);
    for (; j < n; ++j) add_rows<T, 1>(y + j, c, v, count, dense + j, n);
  }
}

template <class T>
void csr_dots(char* out_bytes, const int64_t* row, const int64_t* column, const char* a_bytes, const char* b_bytes, int64_t n, int64_t begin, int64_t end) {
  T* out = reinterpret_cast<T*>(out_bytes);
  const T *a = reinterpret_cast<const T*>(a_bytes), *b = reinterpret_cast<const T*>(b_bytes);
  constexpr int lanes = 16;
  for (int64_t r = begin; r < end; ++r)
    for (int64_t k = row[r]; k < row[r + 1]; ++k) {
      const T *x = a + r * n, *y = b + column[k] * n;
      Sum<T> part[lanes] = {}, sum{};
      int64_t j = 0;
      for (; j + lanes <= n; j += lanes)
        for (int i = 0; i < lanes; ++i) part[i] += product<Sum<T>>(Sum<T>(x[j + i]), Sum<T>(y[j + i]));
      for (; j < n; ++j) sum += product<Sum<T>>(Sum<T>(x[j]), Sum<T>(y[j]));
      for (int i = 0; i < lanes; ++i) sum += part[i];
      out[k] = T(sum);
    }
}

template <class T>
void add(KernelRegistry& r) {
  r.add<CsrTimesDenseFn>("csr_times_dense", dtype_v<T>, &csr_times_dense<T>);
  r.add<CsrDotsFn>("csr_dots", dtype_v<T>, &csr_dots<T>);
}

}  // namespace

KAGARI_KERNELS(r) {
  add<float>(r);
  add<double>(r);
  add<Half>(r);
  add<BFloat16>(r);
  add<int32_t>(r);
  add<int64_t>(r);
  add<std::complex<float>>(r);
  add<std::complex<double>>(r);
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
