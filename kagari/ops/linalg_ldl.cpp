// A = L D L^T (L D L^H): factors and solutions for symmetric and Hermitian matrices that need not be definite.
#include "kagari/cpu/lapack.h"
#include "kagari/op/op.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/linalg_matrix.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

using linalg::columns;
using linalg::rows;
using Two = std::tuple<Tensor, Tensor>;
using Three = std::tuple<Tensor, Tensor, Tensor>;
constexpr auto no_derivative = no_grad("the factors of an indefinite matrix have no derivative here; see torch.linalg.solve");

Three ldl_factor_ex(const Tensor& A, bool hermitian, bool check_errors);
Three run_factor(Out&, const Tensor& A, bool hermitian, bool check_errors) {
  linalg::check_square("torch.linalg.ldl_factor_ex", A);
  linalg::check_floating("torch.linalg.ldl_factor_ex", A);
  int64_t n = rows(A);
  Ints batch = linalg::batch_of(A);
  Tensor LD = linalg::column_major(A), info = zeros(batch, linalg::options(DType::Int32, A.device()));
  Tensor pivots = empty_tensor(linalg::joined(batch, {n}), DType::Int32, A.device());
  if (LD.is_meta() || LD.numel() == 0) return {LD, pivots, info};
  copy_(LD, tril(A));
  visit_floats_and_complex("ldl_factor", A.dtype(), [&]<class T>(T) {
    linalg::for_each_matrix(linalg::matrix_count(A), n * n * n, [&](int64_t i) {
      info.data<int32_t>()[i] = lapack::sytrf<T>('L', hermitian, n, LD.data<T>() + i * n * n, n, pivots.data<int32_t>() + i * n);
    });
  });
  if (check_errors)
    linalg::check_info("torch.linalg.ldl_factor", info, [](int k) { return str("D[", k, ", ", k, "] is zero: the matrix is singular (error code: ", k, ")."); });
  return {LD, pivots, info};
}
const auto ldl_factor_ex_op = define<&ldl_factor_ex>({
    .schema = "linalg_ldl_factor_ex(Tensor self, *, bool hermitian=False, bool check_errors=False) -> (Tensor LD, Tensor pivots, Tensor info)",
    .in = kFunction | kOut,
    .doc = "L and D of A = L D L^T (L D L^H if `hermitian`) in one lower triangle, LAPACK's pivots, and for each matrix 0 or the first zero block of D.",
    .run = run_factor,
    .grad = no_derivative,
});
Three ldl_factor_ex(const Tensor& A, bool hermitian, bool check_errors) { return ldl_factor_ex_op(A, hermitian, check_errors); }

Two ldl_factor(const Tensor& A, bool hermitian) {
  auto [LD, pivots, info] = ldl_factor_ex(A, hermitian, true);
  return {LD, pivots};
}
const auto ldl_factor_op = compose<&ldl_factor>({
    .schema = "linalg_ldl_factor(Tensor self, *, bool hermitian=False) -> (Tensor LD, Tensor pivots)",
    .in = kFunction | kOut,
    .doc = "L and D of A = L D L^T (L D L^H if `hermitian`) in one lower triangle, and LAPACK's pivots. LinAlgError if D is singular.",
    .body = ldl_factor,
});

Tensor ldl_solve(const Tensor& LD, const Tensor& pivots, const Tensor& B, bool hermitian);
Tensor run_solve(Out&, const Tensor& LD, const Tensor& pivots, const Tensor& B, bool hermitian) {
  linalg::check_square("torch.linalg.ldl_solve", LD);
  linalg::check_floating("torch.linalg.ldl_solve", LD);
  KG_CHECK(B.dim() >= 2, "torch.linalg.ldl_solve: Expected B to have at least 2 dimensions, but it has ", B.dim(), " dimensions instead");
  KG_CHECK(LD.dtype() == B.dtype(), "Expected b and A to have the same dtype, but found b of type ", legacy_name(B.dtype()), " and A of type ", legacy_name(LD.dtype()), " instead.");
  KG_CHECK(rows(LD) == rows(B), "Incompatible matrix sizes for torch.linalg.ldl_solve: each A matrix is ", rows(LD), " by ", rows(LD), " but each b matrix is ", rows(B), " by ", columns(B));
  KG_CHECK(is_integer(pivots.dtype()), "torch.linalg.ldl_solve: Expected pivots to be integers. Got ", legacy_name(pivots.dtype()));
  KG_CHECK(pivots.sizes() == IntList(linalg::batch_of(LD, 1)), "torch.linalg.ldl_solve: Expected LD.shape[:-1] and pivots.shape to be the same, but got pivots with shape ", pivots.sizes(), " instead");
  Ints batch = broadcast_sizes(linalg::batch_of(LD), linalg::batch_of(B));
  int64_t n = rows(LD), k = columns(B);
  Tensor X = linalg::column_major(linalg::with_batch(B, batch));
  if (X.is_meta() || X.numel() == 0) return X;
  Tensor M = linalg::column_major(linalg::with_batch(LD, batch)), swaps = contiguous(expand(to(pivots, DType::Int32), linalg::joined(batch, {n})));
  const int32_t* p = swaps.data<int32_t>();
  for (int64_t i = 0; i < swaps.numel(); ++i) KG_CHECK(p[i] != 0 && p[i] <= n && p[i] >= -n, "torch.linalg.ldl_solve: pivots must be between 1 and ", n, " or their negatives, but found ", p[i]);
  visit_floats_and_complex("ldl_solve", LD.dtype(), [&]<class T>(T) {
    linalg::for_each_matrix(numel_of(batch), n * n * k, [&](int64_t i) { lapack::sytrs<T>('L', hermitian, n, k, M.data<T>() + i * n * n, n, p + i * n, X.data<T>() + i * n * k, n); });
  });
  return X;
}
const auto ldl_solve_op = define<&ldl_solve>({
    .schema = "linalg_ldl_solve(Tensor LD, Tensor pivots, Tensor B, *, bool hermitian=False) -> Tensor",
    .in = kFunction | kOut,
    .doc = "X of A X = B from what torch.linalg.ldl_factor made of A.",
    .run = run_solve,
    .grad = no_derivative,
});
Tensor ldl_solve(const Tensor& LD, const Tensor& pivots, const Tensor& B, bool hermitian) { return ldl_solve_op(LD, pivots, B, hermitian); }

}  // namespace
}  // namespace kagari
