// Pooling over contiguous planes. All rows of a window are reduced first, column by column, which is vector work whatever the window's
// width; the columns of each output are reduced from that.
#include "kagari/cpu/pool.h"

#include <type_traits>

#include "kagari/cpu/dispatch.h"
#include "kagari/cpu/elementwise.h"
#include "kagari/cpu/row_math.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace {

template <class T>
using Wide = std::conditional_t<std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>, float, T>;

// A row of numbers as they are computed: itself, or converted into a buffer.
template <class T>
KAGARI_INLINE const Wide<T>* wide_row(const T* row, int64_t n, Wide<T>* buffer) {
  if constexpr (std::is_same_v<T, Wide<T>>) {
    return row;
  } else {
    for_each_vector<VecF::size>(n, [&](int64_t i, int count) { store_row(buffer, i, count, load_row(row, i, count)); });
    return buffer;
  }
}

// f(first output of the row, first input of the plane, windows of the two outer dimensions) for every row of outputs.
template <class F>
void each_row(const PoolPlanes& p, F f) {
  const PoolAxis *a = p.axes, *b = a + 1, *c = b + 1;
  int64_t size = a->size * b->size * c->size, width = int64_t(c->windows.size());
  int64_t at = p.first * int64_t(a->windows.size() * b->windows.size()) * width;
  for (int64_t plane = p.first; plane < p.last; ++plane)
    for (const PoolWindow& i : a->windows)
      for (const PoolWindow& j : b->windows) f(at, plane * size, i, j), at += width;
}

// The first maximum in the order of memory; the last NaN, if there is one.
template <class T>
void max_pool(const PoolPlanes& p) {
  using W = Wide<T>;
  const PoolAxis *a = p.axes, *b = a + 1, *c = b + 1;
  int64_t n = c->size;
  std::vector<W> best_columns(static_cast<size_t>(n));
  std::vector<int32_t> best_rows(static_cast<size_t>(n));
  std::vector<W> converted(std::is_same_v<T, W> ? 0 : size_t(n));
  int32_t* rows = best_rows.data();
  each_row(p, [&](int64_t at, int64_t from, const PoolWindow& i, const PoolWindow& j) {
    const T* plane = static_cast<const T*>(p.input) + from;
    bool first = true;
    T* out = static_cast<T*>(p.output) + at;
    int64_t* where = p.positions + at;
    if (i.begin + a->step >= i.end && j.begin + b->step >= j.end) {  // one row: no columns to reduce first
      const int64_t row = (i.begin * b->size + j.begin) * n;
      const W* values = wide_row(plane + row, n, converted.data());
      for (const PoolWindow& w : c->windows) {
        W value = values[w.begin];
        int64_t column = w.begin;
        for (int64_t k = w.begin + c->step; k < w.end; k += c->step) {
          const W v = values[k];
          const bool larger = (v > value) | (v != v);
          column += (k - column) & -int64_t(larger);  // arithmetic, because no branch here could be predicted
          value = values[column];
        }
        *out++ = T(value);
        *where++ = row + column;
      }
      return;
    }
    W* best = best_columns.data();
    for (int64_t y = i.begin; y < i.end; y += a->step)
      for (int64_t x = j.begin; x < j.end; x += b->step) {
        int32_t row = int32_t(y * b->size + x);
        const W* values = wide_row(plane + row * n, n, converted.data());
        if (first) {
          for (int64_t k = 0; k < n; ++k) best[k] = values[k], rows[k] = row;
        } else {
          for (int64_t k = 0; k < n; ++k) {
            W v = values[k];
            bool larger = (v > best[k]) | (v != v);
            best[k] = larger ? v : best[k];
            rows[k] = larger ? row : rows[k];
          }
        }
        first = false;
      }
    for (const PoolWindow& w : c->windows) {
      int64_t column = w.begin;
      W value = best[column];
      for (int64_t k = w.begin + c->step; k < w.end; k += c->step) {
        W v = best[k];
        const bool earlier = rows[k] < rows[column];
        const bool better = (v > value) | ((v == value) & earlier) | ((v != v) & ((value == value) | !earlier));
        column += (k - column) & -int64_t(better);
        value = best[column];
      }
      *out++ = T(value);
      *where++ = rows[column] * n + column;
    }
  });
}

template <class T>
void avg_pool(const PoolPlanes& p) {
  using W = std::conditional_t<std::is_integral_v<T>, int64_t, Wide<T>>;
  const PoolAxis *a = p.axes, *b = a + 1, *c = b + 1;
  int64_t n = c->size;
  std::vector<W> sum_columns(static_cast<size_t>(n));
  W* sums = sum_columns.data();
  std::vector<W> converted(std::is_same_v<T, W> || std::is_integral_v<T> ? 0 : size_t(n));
  each_row(p, [&](int64_t at, int64_t from, const PoolWindow& i, const PoolWindow& j) {
    const T* plane = static_cast<const T*>(p.input) + from;
    for (int64_t k = 0; k < n; ++k) sums[k] = 0;
    for (int64_t y = i.begin; y < i.end; ++y)
      for (int64_t x = j.begin; x < j.end; ++x) {
        const T* row = plane + (y * b->size + x) * n;
        if constexpr (std::is_integral_v<T>) {
          for (int64_t k = 0; k < n; ++k) sums[k] += W(row[k]);
        } else {
          const W* values = wide_row(row, n, converted.data());
          for (int64_t k = 0; k < n; ++k) sums[k] += values[k];
        }
      }
    T* out = static_cast<T*>(p.output) + at;
    for (const PoolWindow& w : c->windows) {
      W parts[4] = {};
      int64_t k = w.begin;
      for (; k + 4 <= w.end; k += 4)
        for (int64_t u = 0; u < 4; ++u) parts[u] += sums[k + u];
      for (; k < w.end; ++k) parts[0] += sums[k];
      *out++ = T((parts[0] + parts[1] + (parts[2] + parts[3])) / W(p.divisor ? p.divisor : i.divisor * j.divisor * w.divisor));
    }
  });
}

// f(first number of the output, first number of the plane, the three windows) for every output of `channels` numbers.
template <class F>
void each_element(const PoolPlanes& p, F f) {
  const PoolAxis *a = p.axes, *b = a + 1, *c = b + 1;
  int64_t at = p.first * int64_t(a->windows.size() * b->windows.size() * c->windows.size()) * p.channels;
  for (int64_t plane = p.first; plane < p.last; ++plane)
    for (const PoolWindow& i : a->windows)
      for (const PoolWindow& j : b->windows)
        for (const PoolWindow& w : c->windows) f(at, plane * a->size * b->size * c->size * p.channels, i, j, w), at += p.channels;
}

template <class T>
void max_pool_last(const PoolPlanes& p) {
  using W = Wide<T>;
  const PoolAxis *a = p.axes, *b = a + 1, *c = b + 1;
  const int64_t n = p.channels;
  std::vector<W> best_values(static_cast<size_t>(n)), converted(std::is_same_v<T, W> ? 0 : size_t(n));
  std::vector<int32_t> best_places(static_cast<size_t>(n));
  W* best = best_values.data();
  int32_t* places = best_places.data();
  each_element(p, [&](int64_t at, int64_t from, const PoolWindow& i, const PoolWindow& j, const PoolWindow& w) {
    const T* plane = static_cast<const T*>(p.input) + from;
    bool first = true;
    for (int64_t y = i.begin; y < i.end; y += a->step)
      for (int64_t x = j.begin; x < j.end; x += b->step)
        for (int64_t z = w.begin; z < w.end; z += c->step, first = false) {
          const int32_t place = int32_t((y * b->size + x) * c->size + z);
          const W* values = wide_row(plane + place * n, n, converted.data());
          if (first) {
            for (int64_t k = 0; k < n; ++k) best[k] = values[k], places[k] = place;
            continue;
          }
          for (int64_t k = 0; k < n; ++k) {
            const W v = values[k];
            const bool larger = (v > best[k]) | (v != v);
            best[k] = larger ? v : best[k];
            places[k] = larger ? place : places[k];
          }
        }
    T* out = static_cast<T*>(p.output) + at;
    int64_t* where = p.positions + at;
    for_each_vector<LanesOf<T>::size>(n, [&](int64_t k, int count) { store_row(out, k, count, load_row(best, k, count)); });
    for (int64_t k = 0; k < n; ++k) where[k] = places[k];
  });
}

template <class T>
void avg_pool_last(const PoolPlanes& p) {
  using W = Wide<T>;
  using V = LanesOf<T>;
  const PoolAxis *b = p.axes + 1, *c = b + 1;
  const int64_t n = p.channels;
  std::vector<W> sums(static_cast<size_t>(n));
  each_element(p, [&](int64_t at, int64_t from, const PoolWindow& i, const PoolWindow& j, const PoolWindow& w) {
    std::fill(sums.begin(), sums.end(), W(0));
    for (int64_t y = i.begin; y < i.end; ++y)
      for (int64_t x = j.begin; x < j.end; ++x)
        for (int64_t z = w.begin; z < w.end; ++z) {
          const T* values = static_cast<const T*>(p.input) + from + ((y * b->size + x) * c->size + z) * n;
          for_each_vector<V::size>(n, [&](int64_t k, int count) { store_row(sums.data(), k, count, load_row(sums.data(), k, count) + load_row(values, k, count)); });
        }
    const V divisor{W(p.divisor ? p.divisor : i.divisor * j.divisor * w.divisor)};
    T* out = static_cast<T*>(p.output) + at;
    for_each_vector<V::size>(n, [&](int64_t k, int count) { store_row(out, k, count, load_row(sums.data(), k, count) / divisor); });
  });
}

template <class T>
void add(KernelRegistry& r, DType t) {
  if constexpr (!std::is_integral_v<T>) {
    r.add<PoolFn>("max_pool_last", t, &max_pool_last<T>);
    r.add<PoolFn>("avg_pool_last", t, &avg_pool_last<T>);
  }
  r.add<PoolFn>("max_pool", t, &max_pool<T>);
  r.add<PoolFn>("avg_pool", t, &avg_pool<T>);
}

}  // namespace

KAGARI_KERNELS(r) {
  add<float>(r, DType::Float32);
  add<double>(r, DType::Float64);
  add<Half>(r, DType::Float16);
  add<BFloat16>(r, DType::BFloat16);
  add<int64_t>(r, DType::Int64);
  add<int32_t>(r, DType::Int32);
  add<int16_t>(r, DType::Int16);
  add<int8_t>(r, DType::Int8);
  add<uint8_t>(r, DType::UInt8);
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
