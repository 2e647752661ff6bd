// Maps and sums with one parameter per channel: what batch_norm and group_norm are made of.
//
// A kernel works on `rows` contiguous rows of n elements. Either a row belongs to one channel, (params.first_row + row) % params.channels,
// or (params.by_column) a column does, and there are n channels. Parameters are in the lane type: double for double, otherwise float.
#include "kagari/cpu/elementwise.h"
#include "kagari/cpu/reduce.h"
#include "kagari/cpu/row_math.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace {

// f(row, parameter) for each row, where parameter(k) is operand k of the channel as a function of (i, count).
template <class T, class F>
KAGARI_INLINE void each_row(char* const* data, int64_t rows, const void* params, F f) {
  using L = LaneType<T>;
  using V = LanesOf<T>;
  const NormParams& p = *static_cast<const NormParams*>(params);
  if (p.by_column) {
    for (int64_t row = 0; row < rows; ++row)
      f(row, [&](int k) {
        return [own = reinterpret_cast<const L*>(data[k])](int64_t i, int count) { return load_row(own, i, count); };
      });
    return;
  }
  int64_t channel = p.first_row % p.channels;
  for (int64_t row = 0; row < rows; ++row) {
    f(row, [&](int k) {
      return [own = V(reinterpret_cast<const L*>(data[k])[channel])](int64_t, int) { return own; };
    });
    if (++channel == p.channels) channel = 0;
  }
}

// y = x a + b. data: y, x, a, b
template <class T>
void affine(char* const* data, int64_t rows, int64_t n, const void* params) {
  using V = LanesOf<T>;
  each_row<T>(data, rows, params, [&](int64_t row, auto parameter) {
    T* y = reinterpret_cast<T*>(data[0]) + row * n;
    const T* x = reinterpret_cast<const T*>(data[1]) + row * n;
    const auto a = parameter(2), b = parameter(3);
    for_each_vector<V::size>(n, [&](int64_t i, int count) { store_row(y, i, count, fma(load_row(x, i, count), a(i, count), b(i, count))); });
  });
}

// dx = g a + (x - center) b + c. data: dx, g, x, a, b, c, center
template <class T>
void affine_gradient(char* const* data, int64_t rows, int64_t n, const void* params) {
  using V = LanesOf<T>;
  each_row<T>(data, rows, params, [&](int64_t row, auto parameter) {
    T* dx = reinterpret_cast<T*>(data[0]) + row * n;
    const T* g = reinterpret_cast<const T*>(data[1]) + row * n;
    const T* x = reinterpret_cast<const T*>(data[2]) + row * n;
    const auto a = parameter(3), b = parameter(4), c = parameter(5), center = parameter(6);
    for_each_vector<V::size>(n, [&](int64_t i, int count) {
      const V distance = load_row(x, i, count) - center(i, count);
      store_row(dx, i, count, fma(load_row(g, i, count), a(i, count), fma(distance, b(i, count), c(i, count))));
    });
  });
}

// Sums of g and of g (x - center) in double, one of each per row, or per column. data: sums, products, g, x, center
template <class T>
void sums(char* const* data, int64_t rows, int64_t n, const void* params) {
  using L = LaneType<T>;
  using V = LanesOf<T>;
  double* total = reinterpret_cast<double*>(data[0]);
  double* products = reinterpret_cast<double*>(data[1]);
  const T* g = reinterpret_cast<const T*>(data[2]);
  const T* x = reinterpret_cast<const T*>(data[3]);
  if (!static_cast<const NormParams*>(params)->by_column) {
    each_row<T>(data, rows, params, [&](int64_t row, auto parameter) {
      const T *own = g + row * n, *values = x + row * n;
      const auto center = parameter(4);
      total[row] = sum_row<L>(n, [&](int64_t i, int count) { return load_row(own, i, count); });
      products[row] = sum_row<L>(n, [&](int64_t i, int count) { return load_row(own, i, count) * (load_row(values, i, count) - center(i, count)); });
    });
    return;
  }
  // Strips of rows over tiles of columns: lanes hold the sums of a strip.
  constexpr int64_t kColumns = 128, kRows = 64;
  alignas(64) L strip_sums[kColumns], strip_products[kColumns];
  std::fill_n(total, n, 0.0);
  std::fill_n(products, n, 0.0);
  for (int64_t first = 0; first < n; first += kColumns) {
    const int64_t m = std::min(n - first, kColumns);
    const L* center = reinterpret_cast<const L*>(data[4]) + first;
    for (int64_t start = 0; start < rows; start += kRows) {
      std::fill_n(strip_sums, kColumns, L(0));
      std::fill_n(strip_products, kColumns, L(0));
      for (int64_t row = start; row < std::min(rows, start + kRows); ++row) {
        const T *own = g + row * n + first, *values = x + row * n + first;
        for_each_vector<V::size>(m, [&](int64_t i, int count) {
          const V v = load_row(own, i, count);
          (V::load(strip_sums + i) + v).store(strip_sums + i);
          fma(v, load_row(values, i, count) - load_row(center, i, count), V::load(strip_products + i)).store(strip_products + i);
        });
      }
      for (int64_t j = 0; j < m; ++j) {
        total[first + j] += double(strip_sums[j]);
        products[first + j] += double(strip_products[j]);
      }
    }
  }
}

}  // namespace

KAGARI_KERNELS(r) {
  KAGARI_ADD_ROWS("channel_affine", affine);
  KAGARI_ADD_ROWS("channel_affine_gradient", affine_gradient);
  KAGARI_ADD_ROWS("channel_sums", sums);
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
