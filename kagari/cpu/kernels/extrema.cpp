// Where the largest or smallest element of a contiguous row is: argmax, argmin, max and min with indices.
//
// Two passes over the row while it is in the cache: the value, then the first place where it stands. NaN is larger and smaller
// than everything, and the first NaN is taken.
#include "kagari/cpu/elementwise.h"
#include "kagari/cpu/reduce.h"
#include "kagari/cpu/row_math.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace {

template <bool Largest, class T>
T extremum(const T* x, int64_t n) {
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
    if constexpr (Largest) {
      return max_row(x, n);
    } else {
      using V = Vec<T>;
      const T highest = T(__builtin_inf());
      V a(highest), b(highest);
      int64_t i = 0;
      for (; i + 2 * V::size <= n; i += 2 * V::size) {
        a = minimum(a, V::load(x + i));
        b = minimum(b, V::load(x + i + V::size));
      }
      for (; i < n; i += V::size) a = minimum(a, load_row(x, i, int(std::min<int64_t>(V::size, n - i)), highest));
      return min_lanes(minimum(a, b));
    }
  } else {
    T best = x[0];
    for (int64_t i = 1; i < n; ++i) best = Largest ? (x[i] > best ? x[i] : best) : (x[i] < best ? x[i] : best);
    return best;
  }
}

template <class T>
int64_t find_first(const T* x, int64_t n, T value) {
  int64_t i = 0;
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
    using V = Vec<T>;
    const V wanted(value);
    const bool nan = value != value;
    for (; i + V::size <= n; i += V::size) {
      V v = V::load(x + i);
      if (any(nan ? isnan(v) : v == wanted)) break;
    }
    for (; i < n; ++i)
      if (nan ? x[i] != x[i] : x[i] == value) return i;
    return 0;
  } else {
    for (; i + 64 <= n; i += 64) {
      bool found = false;
      for (int64_t k = 0; k < 64; ++k) found |= x[i + k] == value;
      if (found) break;
    }
    for (; i < n; ++i)
      if (x[i] == value) return i;
    return 0;
  }
}

// data: indices (int64), values (may be null), x. n is at least 1.
template <bool Largest, class T>
void extremum_rows(char* const* data, int64_t rows, int64_t n, const void*) {
  for (int64_t row = 0; row < rows; ++row) {
    const T* x = reinterpret_cast<const T*>(data[2]) + row * n;
    int64_t index;
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
      // Converted piece by piece; the first best piece wins.
      float buffer[1024];
      float best = 0;
      index = -1;
      for (int64_t start = 0; start < n; start += 1024) {
        const int64_t count = std::min<int64_t>(1024, n - start);
        for_each_vector<VecF::size>(
            count, [&](int64_t i, int k) { store_row(buffer, i, k, load_row(x + start, i, k)); });
        const float value = extremum<Largest>(buffer, count);
        if (index < 0 || (best == best && (value != value || (Largest ? value > best : value < best)))) {
          best = value;
          index = start + find_first(buffer, count, value);
        }
      }
    } else {
      index = find_first(x, n, extremum<Largest>(x, n));
    }
    if (data[0] != nullptr) reinterpret_cast<int64_t*>(data[0])[row] = index;
    if (data[1] != nullptr) reinterpret_cast<T*>(data[1])[row] = x[index];
  }
}

template <bool Largest, class... T>
void add_all(KernelRegistry& r, std::string_view name) {
  (r.add<RowsFn>(name, dtype_v<T>, &extremum_rows<Largest, T>), ...);
}

}  // namespace

KAGARI_KERNELS(r) {
  add_all<true, bool, uint8_t, int8_t, int16_t, int32_t, int64_t, uint16_t, uint32_t, uint64_t, Half, BFloat16, float, double>(
      r, "max_rows");
  add_all<false, bool, uint8_t, int8_t, int16_t, int32_t, int64_t, uint16_t, uint32_t, uint64_t, Half, BFloat16, float, double>(
      r, "min_rows");
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
