// Normalisation over contiguous rows: layer_norm and rms_norm with their gradients. Statistics (mean, rstd) and parameters (weight, bias)
// are in the lane type: double for double, otherwise float.
#include <memory>

#include "kagari/cpu/elementwise.h"
#include "kagari/cpu/reduce.h"
#include "kagari/cpu/row_math.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace {

template <class T>
KAGARI_INLINE const T* row_of(char* const* data, int k, int64_t row, int64_t n) {
  return data[k] == nullptr ? nullptr : reinterpret_cast<const T*>(data[k]) + row * n;
}
template <class T>
KAGARI_INLINE T* out_row(char* const* data, int k, int64_t row, int64_t n) {
  return data[k] == nullptr ? nullptr : reinterpret_cast<T*>(data[k]) + row * n;
}

// Rows as lanes: themselves, or for half types converted once, since every row is read several times.
template <class T>
class WideRows {
 public:
  using L = LaneType<T>;
  explicit WideRows(int64_t n) : n_(n), buffer_(Packed<T>::converts ? new L[size_t(n)] : nullptr) {}
  KAGARI_INLINE const L* of(const T* row) {
    if constexpr (!Packed<T>::converts) {
      return row;
    } else {
      for_each_vector<LanesOf<T>::size>(n_, [&](int64_t i, int count) { store_row(buffer_.get(), i, count, load_row(row, i, count)); });
      return buffer_.get();
    }
  }

 private:
  int64_t n_;
  std::unique_ptr<L[]> buffer_;
};

// The second pass over a row finds it in the L1 cache: meanwhile memory fetches what lies one row further.
template <class T>
KAGARI_INLINE void prefetch_next(const T* x, T* y, int64_t i, int64_t n) {
  __builtin_prefetch(x + n + i, 0);
  __builtin_prefetch(y + n + i, 1);
}

struct RowStatistics {
  double mean, rstd;
};
template <class L>
KAGARI_INLINE RowStatistics statistics(const L* x, int64_t n, double eps) {
  using V = Vec<L>;
  const double mean = sum_row<L>(n, [&](int64_t i, int count) { return load_row(x, i, count); }) / double(n);
  const L center = L(mean);
  const double m2 = sum_row<L>(n, [&](int64_t i, int count) {
    V d = load_row(x, i, count, center) - V(center);
    return d * d;
  });
  return {mean, 1 / std::sqrt(m2 / double(n) + eps)};
}

// data: y, mean, rstd (either may be null), x, weight, bias (n elements each, either may be null)
template <class T>
void layer_norm(char* const* data, int64_t rows, int64_t n, const void* params) {
  using L = LaneType<T>;
  using V = LanesOf<T>;
  const double eps = static_cast<const NormParams*>(params)->eps;
  const L* weight = row_of<L>(data, 4, 0, n);
  const L* bias = row_of<L>(data, 5, 0, n);
  WideRows<T> wide(n);
  for (int64_t row = 0; row < rows; ++row) {
    T* y = out_row<T>(data, 0, row, n);
    const T* stored = row_of<T>(data, 3, row, n);
    const L* x = wide.of(stored);
    const auto [mean, rstd] = statistics(x, n, eps);
    if (data[1] != nullptr) reinterpret_cast<L*>(data[1])[row] = L(mean);
    if (data[2] != nullptr) reinterpret_cast<L*>(data[2])[row] = L(rstd);
    const V m{L(mean)}, s{L(rstd)};
    if (weight != nullptr && bias != nullptr) {
      for_each_vector<V::size>(n, [&](int64_t i, int count) {
        prefetch_next(stored, y, i, n);
        V z = (load_row(x, i, count) - m) * s;
        store_row(y, i, count, fma(z, load_row(weight, i, count), load_row(bias, i, count)));
      });
      continue;
    }
    for_each_vector<V::size>(n, [&](int64_t i, int count) {
      prefetch_next(stored, y, i, n);
      V z = (load_row(x, i, count) - m) * s;
      if (weight != nullptr) z *= load_row(weight, i, count);
      if (bias != nullptr) z += load_row(bias, i, count);
      store_row(y, i, count, z);
    });
  }
}

// dx = rstd (g - mean(g) - xhat mean(g xhat)), g = dy weight. data: dx, dy, x, mean, rstd, weight (may be null)
template <class T>
void layer_norm_backward(char* const* data, int64_t rows, int64_t n, const void*) {
  using L = LaneType<T>;
  using V = LanesOf<T>;
  const L* weight = row_of<L>(data, 5, 0, n);
  WideRows<T> wide_dy(n), wide_x(n);
  for (int64_t row = 0; row < rows; ++row) {
    T* dx = out_row<T>(data, 0, row, n);
    const L* dy = wide_dy.of(row_of<T>(data, 1, row, n));
    const L* x = wide_x.of(row_of<T>(data, 2, row, n));
    const V mean(reinterpret_cast<const L*>(data[3])[row]), rstd(reinterpret_cast<const L*>(data[4])[row]);
    auto gradient = [&](int64_t i, int count) {
      V g = load_row(dy, i, count);
      return weight == nullptr ? g : g * load_row(weight, i, count);
    };
    const double sum = sum_row<L>(n, gradient);
    const double dot =
        sum_row<L>(n, [&](int64_t i, int count) { return gradient(i, count) * ((load_row(x, i, count) - mean) * rstd); });
    const V mean_g{L(sum / double(n))}, mean_gx{L(dot / double(n))};
    for_each_vector<V::size>(n, [&](int64_t i, int count) {
      V hat = (load_row(x, i, count) - mean) * rstd;
      store_row(dx, i, count, rstd * (gradient(i, count) - mean_g - hat * mean_gx));
    });
  }
}

// Adds the rows' parts of dweight = sum(dy xhat) and dbias = sum(dy) to accumulators of the lane type.
// data: dweight, dbias (either may be null), dy, x, mean (null: 0), rstd. Rows are params.row_stride elements apart, so that a
// thread may take a range of the columns.
template <class T>
void layer_norm_backward_params(char* const* data, int64_t rows, int64_t n, const void* params) {
  using L = LaneType<T>;
  using V = LanesOf<T>;
  const int64_t stride = static_cast<const NormParams*>(params)->row_stride;
  L* dweight = out_row<L>(data, 0, 0, n);
  L* dbias = out_row<L>(data, 1, 0, n);
  for (int64_t row = 0; row < rows; ++row) {
    const T* dy = row_of<T>(data, 2, row, stride);
    const T* x = row_of<T>(data, 3, row, stride);
    const V mean(data[4] == nullptr ? L(0) : reinterpret_cast<const L*>(data[4])[row]);
    const V rstd(reinterpret_cast<const L*>(data[5])[row]);
    for_each_vector<V::size>(n, [&](int64_t i, int count) {
      const V g = load_row(dy, i, count);
      if (dweight != nullptr) store_row(dweight, i, count, fma(g, (load_row(x, i, count) - mean) * rstd, load_row(dweight, i, count)));
      if (dbias != nullptr) store_row(dbias, i, count, load_row(dbias, i, count) + g);
    });
  }
}

// y = x rstd weight, rstd = 1 / sqrt(mean(x^2) + eps). data: y, rstd (may be null), x, weight (may be null)
template <class T>
void rms_norm(char* const* data, int64_t rows, int64_t n, const void* params) {
  using L = LaneType<T>;
  using V = LanesOf<T>;
  const double eps = static_cast<const NormParams*>(params)->eps;
  const L* weight = row_of<L>(data, 3, 0, n);
  WideRows<T> wide(n);
  for (int64_t row = 0; row < rows; ++row) {
    T* y = out_row<T>(data, 0, row, n);
    const T* stored = row_of<T>(data, 2, row, n);
    const L* x = wide.of(stored);
    const double squares = sum_row<L>(n, [&](int64_t i, int count) {
      V v = load_row(x, i, count);
      return v * v;
    });
    const double rstd = 1 / std::sqrt(squares / double(n) + eps);
    if (data[1] != nullptr) reinterpret_cast<L*>(data[1])[row] = L(rstd);
    const V s{L(rstd)};
    for_each_vector<V::size>(n, [&](int64_t i, int count) {
      prefetch_next(stored, y, i, n);
      V z = load_row(x, i, count) * s;
      if (weight != nullptr) z *= load_row(weight, i, count);
      store_row(y, i, count, z);
    });
  }
}

// dx = rstd (g - xhat mean(g xhat)). data: dx, dy, x, rstd, weight (may be null)
template <class T>
void rms_norm_backward(char* const* data, int64_t rows, int64_t n, const void*) {
  using L = LaneType<T>;
  using V = LanesOf<T>;
  const L* weight = row_of<L>(data, 4, 0, n);
  WideRows<T> wide_dy(n), wide_x(n);
  for (int64_t row = 0; row < rows; ++row) {
    T* dx = out_row<T>(data, 0, row, n);
    const L* dy = wide_dy.of(row_of<T>(data, 1, row, n));
    const L* x = wide_x.of(row_of<T>(data, 2, row, n));
    const V rstd(reinterpret_cast<const L*>(data[3])[row]);
    auto gradient = [&](int64_t i, int count) {
      V g = load_row(dy, i, count);
      return weight == nullptr ? g : g * load_row(weight, i, count);
    };
    const double dot = sum_row<L>(n, [&](int64_t i, int count) { return gradient(i, count) * (load_row(x, i, count) * rstd); });
    const V mean_gx{L(dot / double(n))};
    for_each_vector<V::size>(n, [&](int64_t i, int count) {
      store_row(dx, i, count, rstd * (gradient(i, count) - load_row(x, i, count) * rstd * mean_gx));
    });
  }
}

}  // namespace

KAGARI_KERNELS(r) {
  KAGARI_ADD_ROWS("layer_norm_rows", layer_norm);
  KAGARI_ADD_ROWS("layer_norm_backward_rows", layer_norm_backward);
  KAGARI_ADD_ROWS("layer_norm_backward_params", layer_norm_backward_params);
  KAGARI_ADD_ROWS("rms_norm_rows", rms_norm);
  KAGARI_ADD_ROWS("rms_norm_backward_rows", rms_norm_backward);
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
