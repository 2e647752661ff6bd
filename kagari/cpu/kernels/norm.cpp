// Normalisation over contiguous rows: layer_norm and rms_norm with their gradients, and an affine map per row (the second half
// of group_norm and batch_norm). Statistics (mean, rstd) are in the lane type: double for double, otherwise float.
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

// The second pass over a row finds it in the L1 cache: meanwhile memory fetches what lies one row further.
template <class T>
KAGARI_INLINE void prefetch_next(const T* x, T* y, int64_t i, int64_t n) {
  __builtin_prefetch(x + n + i, 0);
  __builtin_prefetch(y + n + i, 1);
}

struct RowStatistics {
  double mean, rstd;
};
template <class T>
KAGARI_INLINE RowStatistics statistics(const T* x, int64_t n, double eps) {
  using L = LaneType<T>;
  using V = LanesOf<T>;
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
  const T* weight = row_of<T>(data, 4, 0, n);
  const T* bias = row_of<T>(data, 5, 0, n);
  for (int64_t row = 0; row < rows; ++row) {
    T* y = out_row<T>(data, 0, row, n);
    const T* x = row_of<T>(data, 3, row, n);
    const auto [mean, rstd] = statistics(x, n, eps);
    if (data[1] != nullptr) reinterpret_cast<L*>(data[1])[row] = L(mean);
    if (data[2] != nullptr) reinterpret_cast<L*>(data[2])[row] = L(rstd);
    const V m{L(mean)}, s{L(rstd)};
    if (weight != nullptr && bias != nullptr) {
      for_each_vector<V::size>(n, [&](int64_t i, int count) {
        prefetch_next(x, y, i, n);
        V z = (load_row(x, i, count) - m) * s;
        store_row(y, i, count, fma(z, load_row(weight, i, count), load_row(bias, i, count)));
      });
      continue;
    }
    for_each_vector<V::size>(n, [&](int64_t i, int count) {
      prefetch_next(x, y, i, n);
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
  const T* weight = row_of<T>(data, 5, 0, n);
  for (int64_t row = 0; row < rows; ++row) {
    T* dx = out_row<T>(data, 0, row, n);
    const T* dy = row_of<T>(data, 1, row, n);
    const T* x = row_of<T>(data, 2, row, n);
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
    if (dweight != nullptr) {
      for_each_vector<V::size>(n, [&](int64_t i, int count) {
        V hat = (load_row(x, i, count) - mean) * rstd;
        store_row(dweight, i, count, fma(load_row(dy, i, count), hat, load_row(dweight, i, count)));
      });
    }
    if (dbias != nullptr) {
      for_each_vector<V::size>(n, [&](int64_t i, int count) {
        store_row(dbias, i, count, load_row(dbias, i, count) + load_row(dy, i, count));
      });
    }
  }
}

// y = x rstd weight, rstd = 1 / sqrt(mean(x^2) + eps). data: y, rstd (may be null), x, weight (may be null)
template <class T>
void rms_norm(char* const* data, int64_t rows, int64_t n, const void* params) {
  using L = LaneType<T>;
  using V = LanesOf<T>;
  const double eps = static_cast<const NormParams*>(params)->eps;
  const T* weight = row_of<T>(data, 3, 0, n);
  for (int64_t row = 0; row < rows; ++row) {
    T* y = out_row<T>(data, 0, row, n);
    const T* x = row_of<T>(data, 2, row, n);
    const double squares = sum_row<L>(n, [&](int64_t i, int count) {
      V v = load_row(x, i, count);
      return v * v;
    });
    const double rstd = 1 / std::sqrt(squares / double(n) + eps);
    if (data[1] != nullptr) reinterpret_cast<L*>(data[1])[row] = L(rstd);
    const V s{L(rstd)};
    for_each_vector<V::size>(n, [&](int64_t i, int count) {
      prefetch_next(x, y, i, n);
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
  const T* weight = row_of<T>(data, 4, 0, n);
  for (int64_t row = 0; row < rows; ++row) {
    T* dx = out_row<T>(data, 0, row, n);
    const T* dy = row_of<T>(data, 1, row, n);
    const T* x = row_of<T>(data, 2, row, n);
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

// mean and rstd of each row, in the lane type. data: mean, rstd, x
template <class T>
void row_statistics(char* const* data, int64_t rows, int64_t n, const void* params) {
  using L = LaneType<T>;
  const double eps = static_cast<const NormParams*>(params)->eps;
  for (int64_t row = 0; row < rows; ++row) {
    const auto [mean, rstd] = statistics(row_of<T>(data, 2, row, n), n, eps);
    reinterpret_cast<L*>(data[0])[row] = L(mean);
    reinterpret_cast<L*>(data[1])[row] = L(rstd);
  }
}

// y = x scale + shift with one scale and one shift (of the lane type) per channel; row i is of channel
// (params.first_row + i) % params.channels. data: y, x, scale, shift
template <class T>
void scale_shift(char* const* data, int64_t rows, int64_t n, const void* params) {
  using L = LaneType<T>;
  using V = LanesOf<T>;
  const NormParams& p = *static_cast<const NormParams*>(params);
  int64_t channel = p.first_row % p.channels;
  for (int64_t row = 0; row < rows; ++row) {
    T* y = out_row<T>(data, 0, row, n);
    const T* x = row_of<T>(data, 1, row, n);
    const V scale(reinterpret_cast<const L*>(data[2])[channel]), shift(reinterpret_cast<const L*>(data[3])[channel]);
    for_each_vector<V::size>(
        n, [&](int64_t i, int count) { store_row(y, i, count, fma(load_row(x, i, count), scale, shift)); });
    if (++channel == p.channels) channel = 0;
  }
}

}  // namespace

#define KAGARI_ADD_ROWS(name, function)                                \
  r.add<RowsFn>(name, DType::Float32, &function<float>);               \
  r.add<RowsFn>(name, DType::Float64, &function<double>);              \
  r.add<RowsFn>(name, DType::Float16, &function<Half>);                \
  r.add<RowsFn>(name, DType::BFloat16, &function<BFloat16>)

KAGARI_KERNELS(r) {
  KAGARI_ADD_ROWS("layer_norm_rows", layer_norm);
  KAGARI_ADD_ROWS("layer_norm_backward_rows", layer_norm_backward);
  KAGARI_ADD_ROWS("layer_norm_backward_params", layer_norm_backward_params);
  KAGARI_ADD_ROWS("rms_norm_rows", rms_norm);
  KAGARI_ADD_ROWS("rms_norm_backward_rows", rms_norm_backward);
  KAGARI_ADD_ROWS("row_statistics", row_statistics);
  KAGARI_ADD_ROWS("scale_shift_rows", scale_shift);
}
#undef KAGARI_ADD_ROWS

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
