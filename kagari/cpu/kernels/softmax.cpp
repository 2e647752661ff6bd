// softmax, log_softmax and logsumexp over contiguous rows, with the gradients of the first two, and the loss over classes.
#include <vector>

#include "kagari/cpu/elementwise.h"
#include "kagari/cpu/reduce.h"
#include "kagari/cpu/row_math.h"
#include "kagari/cpu/vector_math.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace {

// Zeros in the lanes that are not there.
template <class V>
KAGARI_INLINE V keep_lanes(V x, int count) {
  if (count == V::size) return x;
  alignas(64) static constexpr Lane<V> index[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return select(V::load(index) < V(Lane<V>(count)), x, V(Lane<V>(0)));
}

// sum of exp(x - top); the exponentials go to `keep` if it is not null.
template <class T>
KAGARI_INLINE double sum_exp(const T* x, LaneType<T> top, int64_t n, LaneType<T>* keep) {
  using V = LanesOf<T>;
  using L = LaneType<T>;
  const V shift(top);
  return sum_row<L>(n, [&](int64_t i, int count) {
    V e = exp(load_row(x, i, count, top) - shift);  // exp(-inf) in the lanes that are not there would take the slow path of the processor
    if (keep != nullptr) store_row(keep, i, count, e);
    return keep_lanes(e, count);
  });
}

// data: y, x
template <class T>
void softmax(char* const* data, int64_t rows, int64_t n, const void*) {
  using V = LanesOf<T>;
  using L = LaneType<T>;
  std::vector<L> scratch(Packed<T>::converts ? size_t(n) : 0);
  for (int64_t row = 0; row < rows; ++row) {
    T* y = reinterpret_cast<T*>(data[0]) + row * n;
    const T* x = reinterpret_cast<const T*>(data[1]) + row * n;
    L* e;
    if constexpr (Packed<T>::converts) e = scratch.data();
    else e = y;
    const double sum = sum_exp(x, max_row(x, n), n, e);
    const V scale(L(1 / sum));
    for_each_vector<V::size>(n, [&](int64_t i, int count) { store_row(y, i, count, load_row(e, i, count) * scale); });
  }
}

// data: y, x
template <class T>
void log_softmax(char* const* data, int64_t rows, int64_t n, const void*) {
  using V = LanesOf<T>;
  using L = LaneType<T>;
  for (int64_t row = 0; row < rows; ++row) {
    T* y = reinterpret_cast<T*>(data[0]) + row * n;
    const T* x = reinterpret_cast<const T*>(data[1]) + row * n;
    const L top = max_row(x, n);
    const L log_sum = L(std::log(sum_exp<T>(x, top, n, nullptr)));
    for_each_vector<V::size>(
        n, [&](int64_t i, int count) { store_row(y, i, count, load_row(x, i, count) - V(top) - V(log_sum)); });
  }
}

// data: y (one element per row), x
template <class T>
void logsumexp(char* const* data, int64_t rows, int64_t n, const void*) {
  using L = LaneType<T>;
  for (int64_t row = 0; row < rows; ++row) {
    const T* x = reinterpret_cast<const T*>(data[1]) + row * n;
    L top = max_row(x, n);
    L shift = top - top == 0 ? top : top != top ? top : L(0);  // infinities are not subtracted
    double result = double(shift) + std::log(sum_exp<T>(x, shift, n, nullptr));
    reinterpret_cast<T*>(data[0])[row] = T(L(result));
  }
}

// data: dx, dy, y
template <class T>
void softmax_backward(char* const* data, int64_t rows, int64_t n, const void*) {
  using V = LanesOf<T>;
  using L = LaneType<T>;
  for (int64_t row = 0; row < rows; ++row) {
    T* dx = reinterpret_cast<T*>(data[0]) + row * n;
    const T* dy = reinterpret_cast<const T*>(data[1]) + row * n;
    const T* y = reinterpret_cast<const T*>(data[2]) + row * n;
    const V dot(L(sum_row<L>(n, [&](int64_t i, int count) { return load_row(dy, i, count) * load_row(y, i, count); })));
    for_each_vector<V::size>(n, [&](int64_t i, int count) {
      store_row(dx, i, count, load_row(y, i, count) * (load_row(dy, i, count) - dot));
    });
  }
}

// data: dx, dy, y
template <class T>
void log_softmax_backward(char* const* data, int64_t rows, int64_t n, const void*) {
  using V = LanesOf<T>;
  using L = LaneType<T>;
  for (int64_t row = 0; row < rows; ++row) {
    T* dx = reinterpret_cast<T*>(data[0]) + row * n;
    const T* dy = reinterpret_cast<const T*>(data[1]) + row * n;
    const T* y = reinterpret_cast<const T*>(data[2]) + row * n;
    const V sum(L(sum_row<L>(n, [&](int64_t i, int count) { return load_row(dy, i, count); })));
    for_each_vector<V::size>(n, [&](int64_t i, int count) {
      store_row(dx, i, count, load_row(dy, i, count) - exp(load_row(y, i, count)) * sum);
    });
  }
}

// The loss -log softmax(x)[target] of each row without writing the logarithms.
// data: loss (one lane-type element per row), logsumexp (the same), x, targets (int64; outside of [0, n): loss 0).
template <class T>
void cross_entropy(char* const* data, int64_t rows, int64_t n, const void*) {
  using L = LaneType<T>;
  for (int64_t row = 0; row < rows; ++row) {
    const T* x = reinterpret_cast<const T*>(data[2]) + row * n;
    const int64_t target = reinterpret_cast<const int64_t*>(data[3])[row];
    const L top = max_row(x, n);
    const L log_sum = L(std::log(sum_exp<T>(x, top, n, nullptr)));
    const bool counts = target >= 0 && target < n;
    reinterpret_cast<L*>(data[0])[row] = counts ? log_sum - (L(x[target]) - top) : L(0);
    reinterpret_cast<L*>(data[1])[row] = top + log_sum;
  }
}

// data: dx, x, logsumexp (lane type), targets, scale (lane type, one per row: the gradient of the row's loss; 0 for rows that
// do not count)
template <class T>
void cross_entropy_backward(char* const* data, int64_t rows, int64_t n, const void*) {
  using V = LanesOf<T>;
  using L = LaneType<T>;
  for (int64_t row = 0; row < rows; ++row) {
    T* dx = reinterpret_cast<T*>(data[0]) + row * n;
    const T* x = reinterpret_cast<const T*>(data[1]) + row * n;
    const L log_sum = reinterpret_cast<const L*>(data[2])[row];
    const int64_t target = reinterpret_cast<const int64_t*>(data[3])[row];
    const L scale = reinterpret_cast<const L*>(data[4])[row];
    const bool counts = target >= 0 && target < n;
    if (!counts) {
      std::fill_n(dx, n, T(L(0)));
      continue;
    }
    for_each_vector<V::size>(n, [&](int64_t i, int count) {
      store_row(dx, i, count, V(scale) * exp(load_row(x, i, count) - V(log_sum)));
    });
    dx[target] = T(scale * (std::exp(L(x[target]) - log_sum) - L(1)));
  }
}

}  // namespace

KAGARI_KERNELS(r) {
  KAGARI_ADD_ROWS("softmax_rows", softmax);
  KAGARI_ADD_ROWS("log_softmax_rows", log_softmax);
  KAGARI_ADD_ROWS("logsumexp_rows", logsumexp);
  KAGARI_ADD_ROWS("softmax_backward_rows", softmax_backward);
  KAGARI_ADD_ROWS("log_softmax_backward_rows", log_softmax_backward);
  KAGARI_ADD_ROWS("cross_entropy_rows", cross_entropy);
  KAGARI_ADD_ROWS("cross_entropy_backward_rows", cross_entropy_backward);
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
