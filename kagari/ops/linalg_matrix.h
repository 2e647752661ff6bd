#pragma once
#include "kagari/base/parallel.h"
#include "kagari/op/value.h"

// What the operators of linear algebra share: batches of column-major matrices as LAPACK wants them, and the checks of arguments.
namespace kagari::linalg {

/// What creation operators are told.
inline TensorOptions options(DType dtype, Device device = {}) {
  TensorOptions o;
  o.dtype = dtype;
  o.device = device;
  return o;
}
/// Memory for matrices of m x n, each column-major, for the given leading dimensions.
Tensor empty_matrices(IntList batch, int64_t m, int64_t n, DType dtype, Device device);
/// A copy of t whose matrices are column-major.
Tensor column_major(const Tensor& t);
/// All dimensions but the last `count`.
Ints batch_of(const Tensor& t, int64_t count = 2);
/// These sizes with more at the end.
Ints joined(IntList batch, IntList last);
inline int64_t rows(const Tensor& t) { return t.sizes()[size_t(t.dim() - 2)]; }
inline int64_t columns(const Tensor& t) { return t.sizes()[size_t(t.dim() - 1)]; }
/// The number of matrices; 0 only if a batch dimension is 0.
inline int64_t matrix_count(const Tensor& t) { return numel_of(batch_of(t)); }

/// RuntimeError unless A has two dimensions or more; `op` begins the message.
void check_matrix(std::string_view op, const Tensor& A, std::string_view name = "A");
/// The same, and the matrices are square.
void check_square(std::string_view op, const Tensor& A, std::string_view name = "A");
/// RuntimeError unless the dtype is float32, float64 or complex.
void check_floating(std::string_view op, const Tensor& A);
/// LinAlgError if A has an element that is not finite: LAPACK's iterations would not end.
void check_finite(std::string_view op, const Tensor& A);
/// LinAlgError for the first matrix whose LAPACK result (int32) is not 0: op, ": ", the batch element if there is a batch, then text(info).
void check_info(std::string_view op, const Tensor& info, std::string (*text)(int info), bool runtime_error = false);
/// The same tensor with its leading dimensions broadcast.
Tensor with_batch(const Tensor& t, IntList batch);

/// body(i) for each of `count` matrices, in several threads when one of them is small.
template <class F>
void for_each_matrix(int64_t count, int64_t work, F&& body) {
  parallel_for(0, count, work > 1 << 18 ? count : std::max<int64_t>(1, (1 << 15) / std::max<int64_t>(work, 1)), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) body(i);
  });
}

}  // namespace kagari::linalg
