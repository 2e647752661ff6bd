#include "kagari/ops/linalg_matrix.h"

#include "kagari/autograd/grad_mode.h"
#include "kagari/autograd/variable.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/views.h"

namespace kagari::linalg {

Ints batch_of(const Tensor& t, int64_t count) { return Ints(t.sizes().begin(), t.sizes().end() - count); }

Ints joined(IntList batch, IntList last) {
  Ints out(batch.begin(), batch.end());
  for (int64_t n : last) out.push_back(n);
  return out;
}

Tensor empty_matrices(IntList batch, int64_t m, int64_t n, DType dtype, Device device) {
  Ints strides = row_major_strides(joined(batch, {m, n}));
  strides[strides.size() - 2] = 1;
  strides.back() = std::max<int64_t>(m, 1);
  return empty_strided_tensor(joined(batch, {m, n}), strides, dtype, device);
}

Tensor column_major(const Tensor& t) {
  NoGrad quiet;
  Tensor out = empty_matrices(batch_of(t), rows(t), columns(t), t.dtype(), t.device());
  if (!out.is_meta()) copy_(out, t);
  return out;
}

void check_matrix(std::string_view op, const Tensor& A, std::string_view name) {
  KG_CHECK(A.dim() >= 2, op, ": The input tensor ", name, " must have at least 2 dimensions.");
}

void check_square(std::string_view op, const Tensor& A, std::string_view name) {
  check_matrix(op, A, name);
  KG_CHECK(rows(A) == columns(A), op, ": ", name, " must be batches of square matrices, but they are ", rows(A), " by ", columns(A), " matrices");
}

void check_floating(std::string_view op, const Tensor& A) {
  KG_CHECK(A.is_floating() || A.is_complex(), op, ": Expected a floating point or complex tensor as input. Got ", legacy_name(A.dtype()));
  KG_CHECK(A.is_complex() || A.dtype() == DType::Float32 || A.dtype() == DType::Float64, op, ": Low precision dtypes not supported. Got ",
           legacy_name(A.dtype()));
}

void check_finite(std::string_view op, const Tensor& A) {
  if (A.is_meta() || A.numel() == 0) return;
  NoGrad quiet;
  if (all(isfinite(detach(A))).item<bool>()) return;
  fail(ErrorKind::LinAlg, str(op, ": The algorithm failed to converge because the input matrix contained non-finite values."));
}

void check_info(std::string_view op, const Tensor& info, std::string (*text)(int), bool runtime_error) {
  if (info.is_meta() || (info.numel() && !info.storage()->data())) return;  // of a wrapper: what it wraps was checked
  for (int64_t i = 0; i < info.numel(); ++i) {
    int code = info.data<int32_t>()[i];
    if (!code) continue;
    std::string where = info.dim() ? str("(Batch element ", i, "): ") : std::string();
    fail(runtime_error ? ErrorKind::Runtime : ErrorKind::LinAlg, str(op, ": ", where, text(code)));
  }
}

Tensor with_batch(const Tensor& t, IntList batch) {
  Ints full = joined(batch, {rows(t), columns(t)});
  return t.sizes() == IntList(full) ? t : expand(t, full);
}

}  // namespace kagari::linalg
