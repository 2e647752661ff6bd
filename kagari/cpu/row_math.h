// Sums, maxima and maps over one contiguous row: the vocabulary of the row kernels (softmax, normalisation, ...).
//
// T is float, double, Half or BFloat16; lanes are float or double. The last, incomplete vector is loaded with a fill value
// that does not change the result.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kagari/cpu/simd.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {

template <class T>
using LanesOf = typename Packed<T>::V;
template <class T>
using LaneType = typename Packed<T>::Lane;

// f(vector index i, number of valid elements) for each vector of a row of n elements.
template <int Width, class F>
KAGARI_INLINE void for_each_vector(int64_t n, F f) {
  int64_t i = 0;
  for (; i + Width <= n; i += Width) f(i, Width);
  if (i < n) f(i, int(n - i));
}

template <class T>
KAGARI_INLINE LanesOf<T> load_row(const T* p, int64_t i, int count, LaneType<T> fill = LaneType<T>(0)) {
  return count == LanesOf<T>::size ? Packed<T>::load(p + i) : Packed<T>::load_partial(p + i, count, fill);
}
template <class T>
KAGARI_INLINE void store_row(T* p, int64_t i, int count, LanesOf<T> x) {
  if (count == LanesOf<T>::size) Packed<T>::store(p + i, x);
  else Packed<T>::store_partial(p + i, x, count);
}

// The sum of f(i, count) over the vectors of a row: float lanes for 1024 elements, then double. f gives zeros in the lanes
// from count on.
template <class L, class F>
KAGARI_INLINE double sum_row(int64_t n, F f) {
  using V = Vec<L>;
  constexpr int64_t kChunk = 1024;
  VecD low(0.0), high(0.0);
  for (int64_t start = 0; start < n; start += kChunk) {
    const int64_t end = std::min(n, start + kChunk);
    V a(L(0)), b(L(0));
    int64_t i = start;
    for (; i + 2 * V::size <= end; i += 2 * V::size) {
      a += f(i, V::size);
      b += f(i + V::size, V::size);
    }
    for (; i < end; i += V::size) a += f(i, int(std::min<int64_t>(V::size, end - i)));
    a += b;
    if constexpr (sizeof(L) == 4) {
      low += widen_low(a);
      high += widen_high(a);
    } else {
      low += a;
    }
  }
  return sum_lanes(low + high);
}

// The maximum of a row; NaN wins. Minus infinity if n is 0.
template <class T>
KAGARI_INLINE LaneType<T> max_row(const T* x, int64_t n) {
  using V = LanesOf<T>;
  using L = LaneType<T>;
  const L lowest = -L(__builtin_inf());
  V a(lowest), b(lowest), c(lowest), d(lowest);
  int64_t i = 0;
  for (; i + 4 * V::size <= n; i += 4 * V::size) {
    a = maximum(a, Packed<T>::load(x + i));
    b = maximum(b, Packed<T>::load(x + i + V::size));
    c = maximum(c, Packed<T>::load(x + i + 2 * V::size));
    d = maximum(d, Packed<T>::load(x + i + 3 * V::size));
  }
  for (; i < n; i += V::size) a = maximum(a, load_row(x, i, int(std::min<int64_t>(V::size, n - i)), lowest));
  return max_lanes(maximum(maximum(a, b), maximum(c, d)));
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu

// Adds `function<T>` under a name for the dtypes of rows, to the registry r of KAGARI_KERNELS.
#define KAGARI_ADD_ROWS(name, function)                   \
  r.add<RowsFn>(name, DType::Float32, &function<float>);  \
  r.add<RowsFn>(name, DType::Float64, &function<double>); \
  r.add<RowsFn>(name, DType::Float16, &function<Half>);   \
  r.add<RowsFn>(name, DType::BFloat16, &function<BFloat16>)
