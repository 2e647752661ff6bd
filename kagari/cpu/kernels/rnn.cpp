// The gates of an LSTM step, forward and backward, over contiguous rows of n hidden units. Gates come in the order i, f, g, o.
#include "kagari/cpu/elementwise.h"
#include "kagari/cpu/reduce.h"
#include "kagari/cpu/row_math.h"
#include "kagari/cpu/vector_math.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace {

// data: h', c', gates (4 n per row), c
template <class T>
void lstm_gates(char* const* data, int64_t rows, int64_t n, const void*) {
  using V = Vec<T>;
  for (int64_t row = 0; row < rows; ++row) {
    T* h = reinterpret_cast<T*>(data[0]) + row * n;
    T* next = reinterpret_cast<T*>(data[1]) + row * n;
    const T* gates = reinterpret_cast<const T*>(data[2]) + row * 4 * n;
    const T* cell = reinterpret_cast<const T*>(data[3]) + row * n;
    for_each_vector<V::size>(n, [&](int64_t k, int count) {
      const V i = sigmoid(load_row(gates, k, count)), f = sigmoid(load_row(gates + n, k, count));
      const V t = tanh(load_row(gates + 2 * n, k, count)), o = sigmoid(load_row(gates + 3 * n, k, count));
      const V c = f * load_row(cell, k, count) + i * t;
      store_row(next, k, count, c);
      store_row(h, k, count, o * tanh(c));
    });
  }
}

// data: grad of gates (4 n per row), grad of c, grad of h', grad of c', gates (4 n per row), c, c'. The grad of c may be that of c'.
template <class T>
void lstm_gates_backward(char* const* data, int64_t rows, int64_t n, const void*) {
  using V = Vec<T>;
  const V one(T(1));
  for (int64_t row = 0; row < rows; ++row) {
    T* to_gates = reinterpret_cast<T*>(data[0]) + row * 4 * n;
    T* to_cell = reinterpret_cast<T*>(data[1]) + row * n;
    const T* from_h = reinterpret_cast<const T*>(data[2]) + row * n;
    const T* from_next = reinterpret_cast<const T*>(data[3]) + row * n;
    const T* gates = reinterpret_cast<const T*>(data[4]) + row * 4 * n;
    const T* cell = reinterpret_cast<const T*>(data[5]) + row * n;
    const T* next = reinterpret_cast<const T*>(data[6]) + row * n;
    for_each_vector<V::size>(n, [&](int64_t k, int count) {
      const V i = sigmoid(load_row(gates, k, count)), f = sigmoid(load_row(gates + n, k, count));
      const V t = tanh(load_row(gates + 2 * n, k, count)), o = sigmoid(load_row(gates + 3 * n, k, count));
      const V tn = tanh(load_row(next, k, count)), gh = load_row(from_h, k, count);
      const V dc = load_row(from_next, k, count) + gh * o * (one - tn * tn);
      store_row(to_gates, k, count, dc * t * i * (one - i));
      store_row(to_gates + n, k, count, dc * load_row(cell, k, count) * f * (one - f));
      store_row(to_gates + 2 * n, k, count, dc * i * (one - t * t));
      store_row(to_gates + 3 * n, k, count, gh * tn * o * (one - o));
      store_row(to_cell, k, count, dc * f);
    });
  }
}

}  // namespace

KAGARI_KERNELS(r) {
  r.add<RowsFn>("lstm_gates_rows", DType::Float32, &lstm_gates<float>);
  r.add<RowsFn>("lstm_gates_rows", DType::Float64, &lstm_gates<double>);
  r.add<RowsFn>("lstm_gates_backward_rows", DType::Float32, &lstm_gates_backward<float>);
  r.add<RowsFn>("lstm_gates_backward_rows", DType::Float64, &lstm_gates_backward<double>);
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
