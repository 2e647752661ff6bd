// Singular values of low-rank approximations, from products with random matrices (Halko, Martinsson and Tropp 2011, algorithms 4.4 and 5.1).
#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/linalg_factor.h"
#include "kagari/ops/linalg_matrix.h"
#include "kagari/ops/linalg_spectral.h"
#include "kagari/ops/matmul.h"
#include "kagari/ops/random.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

using linalg::columns;
using linalg::rows;
using Three = std::tuple<Tensor, Tensor, Tensor>;

/// (A - M) x, without the difference.
Tensor apply(const Tensor& A, const Tensor& M, const Tensor& x) { return M.defined() ? matmul(A, x) - matmul(M, x) : matmul(A, x); }

Three svd_lowrank(const Tensor& given, std::optional<int64_t> q, std::optional<int64_t> niter, const Tensor& mean) {
  KG_CHECK_VALUE(given.dim() >= 2, "svd_lowrank(): expected a matrix or a batch of matrices, but got shape ", given.sizes());
  int64_t rank = q.value_or(6), rounds = niter.value_or(2);
  KG_CHECK_VALUE(rounds >= 0, "niter(=", rounds, ") must be non-negative integer");
  KG_CHECK_VALUE(rank >= 0, "q(=", rank, ") must be non-negative integer");
  bool wide = rows(given) < columns(given);
  Tensor A = given, M = mean.defined() ? expand(mean, given.sizes()) : Tensor();
  if (wide) {
    A = adjoint(A);
    if (M.defined()) M = adjoint(M);
  }
  Tensor Ah = adjoint(A), Mh = M.defined() ? adjoint(M) : Tensor();
  Tensor Q = std::get<0>(linalg_qr(apply(A, M, randn({columns(A), rank}, nullptr, linalg::options(A.dtype(), A.device())))));
  for (int64_t i = 0; i < rounds; ++i) {
    Q = std::get<0>(linalg_qr(apply(Ah, Mh, Q)));
    Q = std::get<0>(linalg_qr(apply(A, M, Q)));
  }
  Tensor B = matmul(adjoint(Q), A);
  if (M.defined()) B = B - matmul(adjoint(Q), M);
  auto [U, S, Vh] = linalg_svd(B, false);
  U = matmul(Q, U);
  Tensor V = adjoint(Vh);
  return wide ? Three{V, S, U} : Three{U, S, V};
}
const auto svd_lowrank_op = compose<&svd_lowrank>({
    .schema = "svd_lowrank(Tensor A, int? q=6, int? niter=2, Tensor? M=None) -> (Tensor, Tensor, Tensor)",
    .in = kFunction,
    .traits = kNondeterministic,
    .doc = "U, S, V of an approximation U diag(S) V^H of A - M with rank q, after `niter` rounds of subspace iteration.",
    .body = svd_lowrank,
});

Three pca_lowrank(const Tensor& A, std::optional<int64_t> q, bool center, int64_t niter) {
  KG_CHECK_VALUE(A.dim() >= 2, "pca_lowrank(): expected a matrix or a batch of matrices, but got shape ", A.sizes());
  int64_t smaller = std::min(rows(A), columns(A)), rank = q.value_or(std::min<int64_t>(6, smaller));
  KG_CHECK_VALUE(rank >= 0 && rank <= smaller, "q(=", rank, ") must be non-negative integer and not greater than min(m, n)=", smaller);
  KG_CHECK_VALUE(niter >= 0, "niter(=", niter, ") must be non-negative integer");
  int64_t rows_dim[] = {-2};
  return svd_lowrank(center ? A - mean(A, IntList(rows_dim, 1), true) : A, rank, niter, {});
}
const auto pca_lowrank_op = compose<&pca_lowrank>({
    .schema = "pca_lowrank(Tensor A, int? q=None, bool center=True, int niter=2) -> (Tensor, Tensor, Tensor)",
    .in = kFunction,
    .traits = kNondeterministic,
    .doc = "The q principal components of observations in rows: torch.svd_lowrank of A without its mean row.",
    .body = pca_lowrank,
});

}  // namespace
}  // namespace kagari
