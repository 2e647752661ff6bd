// Products with compressed rows, and inner products at their places. See cpu/sparse.h.
#include "kagari/cpu/elementwise.h"
#include "kagari/cpu/simd.h"
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

/// W columns of one row, which stay in registers while the row's values pass.
template <class T, int W>
void add_columns(T* out, const int64_t* column, const T* values, int64_t count, const T* dense, int64_t n) {
  Sum<T> sum[W] = {};
  for (int64_t k = 0; k < count; ++k) {
    const Sum<T> v = Sum<T>(values[k]);
    const T* x = dense + column[k] * n;
    for (int j = 0; j < W; ++j) sum[j] += product<Sum<T>>(v, Sum<T>(x[j]));
  }
  for (int j = 0; j < W; ++j) out[j] = T(sum[j]);
}
/// The same for R vectors of floats or doubles.
template <class T, int R>
void add_vectors(T* out, const int64_t* column, const T* values, int64_t count, const T* dense, int64_t n) {
  using V = Vec<T>;
  V sum[R];
  for (int i = 0; i < R; ++i) sum[i] = V(T(0));
  for (int64_t k = 0; k < count; ++k) {
    const V v(values[k]);
    const T* x = dense + column[k] * n;
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i) sum[i] = fma(v, V::load(x + i * V::size), sum[i]);
  }
  for (int i = 0; i < R; ++i) sum[i].store(out + i * V::size);
}

/// The last columns, fewer than a vector holds.
template <class T>
void add_rest(T* out, const int64_t* column, const T* values, int64_t count, const T* dense, int64_t n, int width) {
  Vec<T> sum(T(0));
  for (int64_t k = 0; k < count; ++k) sum = fma(Vec<T>(values[k]), Vec<T>::load_partial(dense + column[k] * n, width), sum);
  sum.store_partial(out, width);
}
/// A row times a vector, in four sums that do not wait for each other.
template <class T>
T inner(const int64_t* column, const T* values, int64_t count, const T* x) {
  Sum<T> sum[4] = {};
  int64_t k = 0;
  for (; k + 4 <= count; k += 4)
    for (int i = 0; i < 4; ++i) sum[i] += product<Sum<T>>(Sum<T>(values[k + i]), Sum<T>(x[column[k + i]]));
  for (; k < count; ++k) sum[0] += product<Sum<T>>(Sum<T>(values[k]), Sum<T>(x[column[k]]));
  return T((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

template <class T>
void csr_times_dense(char* out_bytes, const int64_t* row, const int64_t* column, const char* value_bytes, const char* dense_bytes, int64_t n, int64_t begin, int64_t end) {
  T* out = reinterpret_cast<T*>(out_bytes);
  const T *values = reinterpret_cast<const T*>(value_bytes), *dense = reinterpret_cast<const T*>(dense_bytes);
  for (int64_t r = begin; r < end; ++r) {
    const int64_t first = row[r], count = row[r + 1] - first;
    T* y = out + r * n;
    const int64_t* c = column + first;
    const T* v = values + first;
    int64_t j = 0;
    if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
      constexpr int w = Vec<T>::size;
      for (; j + 8 * w <= n; j += 8 * w) add_vectors<T, 8>(y + j, c, v, count, dense + j, n);
      for (; j + 4 * w <= n; j += 4 * w) add_vectors<T, 4>(y + j, c, v, count, dense + j, n);
      for (; j + w <= n; j += w) add_vectors<T, 1>(y + j, c, v, count, dense + j, n);
      if (n - j > 1) {
        add_rest(y + j, c, v, count, dense + j, n, int(n - j));
        continue;
      }
    }
    if (n == 1) {
      y[0] = inner<T>(c, v, count, dense);
      continue;
    }
    for (; j + 4 <= n; j += 4) add_columns<T, 4>(y + j, c, v, count, dense + j, n);
    for (; j < n; ++j) add_columns<T, 1>(y + j, c, v, count, dense + j, n);
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
