#include "kagari/ops/linalg_factor.h"

#include "kagari/cpu/lapack.h"
#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/linalg_matrix.h"
#include "kagari/ops/linalg_solve.h"
#include "kagari/ops/matmul.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

using linalg::columns;
using linalg::rows;
using Two = std::tuple<Tensor, Tensor>;
using Three = std::tuple<Tensor, Tensor, Tensor>;

Tensor adj(const Tensor& t) { return conj(transpose(t, -2, -1)); }

/// Zero in every matrix above (below) the diagonal, in place.
void clear_triangle(const Tensor& t, bool above) { copy_(t, above ? tril(t) : triu(t)); }

const auto cholesky_ex_op = define<&cholesky_ex>({
    .schema = "linalg_cholesky_ex(Tensor self, *, bool upper=False, bool check_errors=False) -> (Tensor L, Tensor info)",
    .in = kFunction | kOut,
    .doc = "The Cholesky factors of positive definite matrices, and for each 0 or the order of the first minor that is not positive definite.",
    .run = [](Out&, const Tensor& A, bool upper, bool check_errors) -> Two {
      linalg::check_square("linalg.cholesky", A);
      linalg::check_floating("linalg.cholesky", A);
      Tensor L = linalg::column_major(A), info = zeros(linalg::batch_of(A), linalg::options(DType::Int32, A.device()));
      if (L.is_meta() || L.numel() == 0) return {L, info};
      int64_t n = rows(A);
      visit_floats_and_complex("linalg_cholesky", A.dtype(), [&]<class T>(T) {
        linalg::for_each_matrix(linalg::matrix_count(A), n * n * n,
                                [&](int64_t i) { info.data<int32_t>()[i] = lapack::potrf<T>(upper ? 'U' : 'L', n, L.data<T>() + i * n * n, n); });
      });
      clear_triangle(L, !upper);
      if (check_errors)
        linalg::check_info("linalg.cholesky", info, [](int k) {
          return str("The factorization could not be completed because the input is not positive-definite (the leading minor of order ", k,
                     " is not positive-definite).");
        });
      return {L, info};
    },
    .grad = vjp("out", [](Ctx& c, const Tensor&, bool upper, bool) -> Grads {
      if (!c.grad.defined()) return {Tensor()};
      // the gradient of A = L L^H is L^-H phi L^-1, where phi is the Hermitian half of the lower triangle of L^H g
      Tensor L = upper ? adj(c.out()) : c.out(), g = upper ? adj(c.grad) : c.grad;
      Tensor lower = tril(matmul(adj(L), g)), phi = (lower + adj(tril(lower, -1))) * Scalar(0.5);
      return {solve_triangular(L, solve_triangular(adj(L), phi, true, true, false), false, false, false)};
    }),
});

const auto linalg_cholesky_op = compose<&linalg_cholesky>({
    .schema = "linalg_cholesky(Tensor self, *, bool upper=False) -> Tensor",
    .in = kFunction | kOut,
    .doc = "L of A = L L^H for positive definite matrices (the upper triangle of U^H U if `upper`). LinAlgError if one is not positive definite.",
    .body = [](const Tensor& A, bool upper) { return std::get<0>(cholesky_ex(A, upper, true)); },
});
const auto cholesky_op = compose<&cholesky>({
    .schema = "cholesky(Tensor self, bool upper=False) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The older name of torch.linalg.cholesky.",
    .body = [](const Tensor& A, bool upper) { return std::get<0>(cholesky_ex(A, upper, true)); },
});

// ---- QR

const auto geqrf_op = define<&geqrf>({
    .schema = "geqrf(Tensor self) -> (Tensor a, Tensor tau)",
    .in = kFunction | kMethod | kOut,
    .doc = "The QR decomposition as LAPACK keeps it: R above, the reflectors below the diagonal of `a`, and their factors `tau`.",
    .run = [](Out&, const Tensor& A) -> Two {
      linalg::check_matrix("torch.geqrf", A, "input");
      linalg::check_floating("torch.geqrf", A);
      int64_t m = rows(A), n = columns(A), k = std::min(m, n);
      Tensor QR = linalg::column_major(A), tau = empty_tensor(linalg::joined(linalg::batch_of(A), {k}), A.dtype(), A.device());
      if (QR.is_meta() || QR.numel() == 0) return {QR, tau};
      visit_floats_and_complex("geqrf", A.dtype(), [&]<class T>(T) {
        linalg::for_each_matrix(linalg::matrix_count(A), m * n * k, [&](int64_t i) { lapack::geqrf<T>(m, n, QR.data<T>() + i * m * n, m, tau.data<T>() + i * k); });
      });
      return {QR, tau};
    },
    .grad = no_grad("the derivative for geqrf is not implemented"),
});

Tensor reflectors_product(const Tensor& A, const Tensor& tau, int64_t n) {
  int64_t m = rows(A), k = columns(tau);
  Tensor Q = linalg::empty_matrices(linalg::batch_of(A), m, n, A.dtype(), A.device());
  if (Q.is_meta() || Q.numel() == 0) return Q;
  int64_t copied = std::min(n, columns(A));
  copy_(narrow(Q, -1, 0, copied), narrow(A, -1, 0, copied));
  if (copied < n) zero_(narrow(Q, -1, copied, n - copied));
  Tensor factors = contiguous(tau);
  visit_floats_and_complex("householder_product", A.dtype(), [&]<class T>(T) {
    linalg::for_each_matrix(linalg::matrix_count(A), m * n * k, [&](int64_t i) { lapack::orgqr<T>(m, n, k, Q.data<T>() + i * m * n, m, factors.data<T>() + i * k); });
  });
  return Q;
}

/// The same product, one reflection I - tau v v^H after the other, by operators that autograd follows.
Tensor reflections_by_operators(const Tensor& A, const Tensor& tau) {
  int64_t m = rows(A), n = columns(A);
  Tensor lower = add(tril(A, -1), eye(m, n, {A.dtype(), {}, A.device()}));  // the vectors, with their ones
  Ints sizes(A.sizes().begin(), A.sizes().end());
  Tensor Q = expand(eye(m, n, {A.dtype(), {}, A.device()}), sizes);
  for (int64_t i = tau.sizes().back(); i-- > 0;) {
    Tensor v = narrow(lower, -1, i, 1), t = unsqueeze(narrow(tau, -1, i, 1), -1);
    Q = sub(Q, mul(t, matmul(v, matmul(conj(transpose(v, -2, -1)), Q))));
  }
  return Q;
}

const auto householder_product_op = compose<&householder_product>({
    .schema = "linalg_householder_product(Tensor input, Tensor tau) -> Tensor",
    .in = kFunction | kOut,
    .traits = kReadsValues,
    .aliases = "orgqr",
    .doc = "The first n columns of the product of the reflectors that geqrf makes: input (..., m, n), tau (..., k) with k <= n <= m.",
    .body = [](const Tensor& A, const Tensor& tau) {
      KG_CHECK(A.dim() >= 2, "torch.linalg.householder_product: input must have at least 2 dimensions.");
      KG_CHECK(rows(A) >= columns(A), "torch.linalg.householder_product: input.shape[-2] must be greater than or equal to input.shape[-1]");
      KG_CHECK(tau.dim() >= 1 && columns(A) >= tau.sizes().back(), "torch.linalg.householder_product: input.shape[-1] must be greater than or equal to tau.shape[-1]");
      KG_CHECK(A.dim() - tau.dim() == 1, "torch.linalg.householder_product: Expected tau to have one dimension less than input, but got tau.ndim equal to ", tau.dim(),
               " and input.ndim is equal to ", A.dim());
      KG_CHECK(A.dtype() == tau.dtype(), "torch.linalg.householder_product: tau dtype ", legacy_name(tau.dtype()), " does not match input dtype ", legacy_name(A.dtype()));
      linalg::check_floating("torch.linalg.householder_product", A);
      if (detail::any_special(A, tau) || (grad_enabled() && (A.requires_grad() || tau.requires_grad()))) return reflections_by_operators(A, tau);
      return reflectors_product(A, tau, columns(A));
    },
});

/// The product of `other` and the square Q, or its conjugate transpose, by operators that autograd follows.
Tensor reflect(const Tensor& A, const Tensor& tau, const Tensor& other, bool left, bool adjoint) {
  int64_t m = rows(A), k = tau.sizes().back();
  Tensor lower = add(tril(narrow(A, -1, 0, k), -1), eye(m, k, linalg::options(A.dtype(), A.device()))), C = other;
  // Q = H_0 ... H_(k-1): the reflection next to C comes first
  bool last_first = left != adjoint;
  for (int64_t step = 0; step < k; ++step) {
    int64_t i = last_first ? k - 1 - step : step;
    Tensor v = narrow(lower, -1, i, 1), t = unsqueeze(narrow(tau, -1, i, 1), -1);
    if (adjoint) t = conj(t);
    C = left ? sub(C, mul(t, matmul(v, matmul(adj(v), C)))) : sub(C, mul(t, matmul(matmul(C, v), adj(v))));
  }
  return C;
}

Tensor run_ormqr(const Tensor& A, const Tensor& tau, const Tensor& other, bool left, bool transpose) {
  int64_t m = rows(other), n = columns(other), k = tau.sizes().back(), side = left ? m : n;
  Tensor C = linalg::column_major(other);
  if (C.is_meta() || C.numel() == 0) return C;
  Tensor Q = linalg::column_major(A), factors = contiguous(tau);
  int64_t columns_of_q = columns(A);
  visit_floats_and_complex("ormqr", A.dtype(), [&]<class T>(T) {
    linalg::for_each_matrix(linalg::matrix_count(other), m * n * k, [&](int64_t i) {
      lapack::ormqr<T>(left ? 'L' : 'R', transpose ? 'T' : 'N', m, n, k, Q.data<T>() + i * side * columns_of_q, side, factors.data<T>() + i * k, C.data<T>() + i * m * n, m);
    });
  });
  return C;
}

const auto ormqr_op = compose<&ormqr>({
    .schema = "ormqr(Tensor self, Tensor input2, Tensor input3, bool left=True, bool transpose=False) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .traits = kReadsValues,
    .doc = "The product of the square Q that geqrf describes and a matrix: Q C, C Q, or with Q's conjugate transpose.",
    .body = [](const Tensor& A, const Tensor& tau, const Tensor& other, bool left, bool transpose) {
      KG_CHECK(A.dim() >= 2, "torch.ormqr: input must have at least 2 dimensions.");
      KG_CHECK(other.dim() >= 2, "torch.ormqr: other must have at least 2 dimensions.");
      linalg::check_floating("torch.ormqr", A);
      KG_CHECK(A.dim() - tau.dim() == 1, "torch.ormqr: Expected tau to have one dimension less than input, but got tau.ndim equal to ", tau.dim(), " and input.ndim is equal to ", A.dim());
      KG_CHECK(A.dim() == other.dim(), "torch.ormqr: Expected other to have the same number of dimensions as input, but got other.ndim equal to ", other.dim(), " and input.ndim is equal to ", A.dim());
      int64_t m = rows(other), n = columns(other), k = tau.sizes().back(), side = left ? m : n;
      KG_CHECK(side >= k, "torch.ormqr: other.shape[", left ? -2 : -1, "] must be greater than or equal to tau.shape[-1]");
      KG_CHECK(side == rows(A), "torch.ormqr: other.shape[", left ? -2 : -1, "] must be equal to input.shape[-2]");
      KG_CHECK(tau.dtype() == A.dtype() && other.dtype() == A.dtype(), "torch.ormqr: Expected input, tau and other to have the same dtype");
      if (detail::any_special(A, tau, other) || (grad_enabled() && (A.requires_grad() || tau.requires_grad() || other.requires_grad()))) return reflect(A, tau, other, left, transpose);
      return run_ormqr(A, tau, other, left, transpose);
    },
});

/// The gradient of A = Q R where Q is as wide as A or A is wider than tall.
Tensor qr_gradient(const Tensor& Q, const Tensor& R, const Tensor& gQ, const Tensor& gR) {
  int64_t m = rows(Q), n = columns(R);
  if (m < n) {  // A = [X Y], R = [U V]: V = Q^H Y
    Tensor U = narrow(R, -1, 0, m), gU, gV, gq = gQ;
    if (gR.defined()) {
      gU = narrow(gR, -1, 0, m);
      gV = narrow(gR, -1, m, n - m);
      Tensor part = matmul(matmul(Q, narrow(R, -1, m, n - m)), adj(gV));
      gq = gq.defined() ? gq + part : part;
    }
    Tensor gX = qr_gradient(Q, U, gq, gU);
    Tensor gY = gV.defined() ? matmul(Q, gV) : zeros(linalg::joined(linalg::batch_of(R), {m, n - m}), linalg::options(R.dtype(), R.device()));
    return cat(std::vector<Tensor>{gX, gY}, -1);
  }
  Tensor M;
  if (gR.defined()) M = matmul(R, adj(gR));
  if (gQ.defined()) M = M.defined() ? M - matmul(adj(gQ), Q) : -matmul(adj(gQ), Q);
  Tensor below = tril(M, -1), diagonal_part = diagonal(M, 0, -2, -1);
  if (M.is_complex()) diagonal_part = to(real(diagonal_part), M.dtype());
  Tensor inner = matmul(Q, below + adj(below) + diag_embed(diagonal_part));
  if (gQ.defined()) inner = inner + gQ;
  return solve_triangular(adj(R), inner, false, false, false);
}

const auto qr_op = define<&linalg_qr>({
    .schema = "linalg_qr(Tensor A, str mode='reduced') -> (Tensor Q, Tensor R)",
    .in = kFunction | kOut,
    .doc = "A = Q R with orthonormal columns in Q and an upper triangle R. mode 'reduced': Q is (m, min(m, n)); 'complete': Q is square; 'r': Q is empty.",
    .run = [](Out&, const Tensor& A, std::string_view mode) -> Two {
      KG_CHECK(mode == "reduced" || mode == "complete" || mode == "r", "qr received unrecognized mode '", mode,
               "' but expected one of 'reduced' (default), 'r', or 'complete'");
      linalg::check_matrix("linalg.qr", A);
      linalg::check_floating("linalg.qr", A);
      int64_t m = rows(A), n = columns(A), k = std::min(m, n);
      auto [QR, tau] = geqrf(A);
      int64_t height = mode == "complete" ? m : k;
      Tensor R = linalg::empty_matrices(linalg::batch_of(A), height, n, A.dtype(), A.device());
      if (!R.is_meta() && R.numel()) copy_(R, triu(narrow(QR, -2, 0, height)));
      if (mode == "r") return {empty_tensor({0}, A.dtype(), A.device()), R};
      if (k == 0) {
        Tensor Q = linalg::empty_matrices(linalg::batch_of(A), m, height, A.dtype(), A.device());
        if (!Q.is_meta() && Q.numel()) copy_(Q, with_eye(Q));
        return {Q, R};
      }
      return {reflectors_product(QR, tau, height), R};
    },
    .grad = vjp("out", [](Ctx& c, const Tensor&, std::string_view mode) -> Grads {
      KG_CHECK(mode != "r", "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use linalg.qr(A, mode='reduced') if you are going to "
                            "require gradients through linalg.qr");
      Tensor Q = c.out(0), R = c.out(1);
      KG_CHECK(mode == "reduced" || rows(Q) <= columns(R), "The QR decomposition is not differentiable when mode='complete' and nrows > ncols");
      if (!c.grads[0].defined() && !c.grads[1].defined()) return {Tensor()};
      return {qr_gradient(Q, R, c.grads[0], c.grads[1])};
    }),
});

const auto old_qr_op = compose<&qr>({
    .schema = "qr(Tensor self, bool some=True) -> (Tensor Q, Tensor R)",
    .in = kFunction | kMethod | kOut,
    .doc = "The older form of torch.linalg.qr: mode 'reduced' if `some`, else 'complete'.",
    .body = [](const Tensor& A, bool some) { return linalg_qr(A, some ? "reduced" : "complete"); },
});

// ---- LU

/// Elimination without exchanging rows, in place.
template <class T>
int eliminate(int64_t m, int64_t n, T* a, int32_t* pivots) {
  int info = 0;
  for (int64_t k = 0; k < std::min(m, n); ++k) {
    pivots[k] = int32_t(k + 1);
    T pivot = a[k + k * m];
    if (pivot == T(0)) {
      if (!info) info = int(k + 1);
      continue;
    }
    for (int64_t i = k + 1; i < m; ++i) a[i + k * m] /= pivot;
    for (int64_t j = k + 1; j < n; ++j)
      for (int64_t i = k + 1; i < m; ++i) a[i + j * m] -= a[i + k * m] * a[k + j * m];
  }
  return info;
}

Tensor lu_gradient(const Tensor& P, const Tensor& L, const Tensor& U, const Tensor& gL, const Tensor& gU);

const auto lu_factor_ex_op = define<&lu_factor_ex>({
    .schema = "linalg_lu_factor_ex(Tensor A, *, bool pivot=True, bool check_errors=False) -> (Tensor LU, Tensor pivots, Tensor info)",
    .in = kFunction | kOut,
    .doc = "The LU decomposition in one matrix, the exchanged rows (counted from 1), and for each matrix 0 or the first zero on U's diagonal.",
    .run = [](Out&, const Tensor& A, bool pivot, bool check_errors) -> Three {
      KG_CHECK(A.dim() >= 2, "torch.lu_factor: Expected tensor with 2 or more dimensions. Got size: ", A.sizes(), " instead");
      KG_CHECK_IMPLEMENTED(A.is_complex() || A.dtype() == DType::Float32 || A.dtype() == DType::Float64, "\"lu_cpu\" not implemented for '", legacy_name(A.dtype()), "'");
      int64_t m = rows(A), n = columns(A), k = std::min(m, n);
      Ints batch = linalg::batch_of(A);
      Tensor LU = linalg::column_major(A), info = zeros(batch, linalg::options(DType::Int32, A.device()));
      Tensor pivots = empty_tensor(linalg::joined(batch, {k}), DType::Int32, A.device());
      if (LU.is_meta() || LU.numel() == 0) return {LU, pivots, info};
      visit_floats_and_complex("lu_factor", A.dtype(), [&]<class T>(T) {
        linalg::for_each_matrix(linalg::matrix_count(A), m * n * k, [&](int64_t i) {
          T* a = LU.data<T>() + i * m * n;
          int32_t* p = pivots.data<int32_t>() + i * k;
          info.data<int32_t>()[i] = pivot ? lapack::getrf<T>(m, n, a, m, p) : eliminate<T>(m, n, a, p);
        });
      });
      if (check_errors)
        linalg::check_info("torch.linalg.lu_factor", info, [](int i) {
          return str("U[", i, ",", i, "] is zero and using it on lu_solve would result in a division by zero. If you still want to perform the factorization, "
                     "consider calling linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)");
        }, true);
      return {LU, pivots, info};
    },
    .grad = vjp("out", [](Ctx& c, const Tensor&, bool, bool) -> Grads {
      if (!c.grad.defined()) return {Tensor()};
      auto [P, L, U] = lu_unpack(c.out(0), c.out(1));
      Tensor gL = tril(c.grad, -1), gU = triu(c.grad);
      int64_t k = std::min(rows(c.grad), columns(c.grad));
      return {lu_gradient(P, L, U, narrow(gL, -1, 0, k), narrow(gU, -2, 0, k))};
    }),
});

Tensor lu_gradient(const Tensor& P, const Tensor& L, const Tensor& U, const Tensor& gL, const Tensor& gU) {
  int64_t m = rows(L), n = columns(U), k = std::min(m, n);
  // With the leading k x k blocks L1, U1: A1 = L1 U1, the block to the right is L1 U2 and the one below L2 U1.
  Tensor L1 = narrow(L, -2, 0, k), U1 = narrow(U, -1, 0, k), L1h = adj(L1), U1h = adj(U1);
  Tensor phi_l = matmul(adj(L), gL), phi_u = matmul(gU, adj(U));
  if (m > k) phi_l = matmul(L1h, narrow(gL, -2, 0, k));
  if (n > k) phi_u = matmul(narrow(gU, -1, 0, k), U1h);
  Tensor g_right, g_below;
  if (n > k) {
    g_right = solve_triangular(L1h, narrow(gU, -1, k, n - k), true, true, true);
    phi_l = phi_l - matmul(narrow(gU, -1, k, n - k), adj(narrow(U, -1, k, n - k)));
  }
  if (m > k) {
    g_below = solve_triangular(U1h, narrow(gL, -2, k, m - k), false, false, false);
    phi_u = phi_u - matmul(adj(narrow(L, -2, k, m - k)), narrow(gL, -2, k, m - k));
  }
  Tensor g = solve_triangular(U1h, tril(phi_l, -1) + triu(phi_u), false, false, false);
  g = solve_triangular(L1h, g, true, true, true);
  if (n > k) g = cat(std::vector<Tensor>{g, g_right}, -1);
  if (m > k) g = cat(std::vector<Tensor>{g, g_below}, -2);
  return P.numel() ? matmul(P, g) : g;
}

const auto lu_factor_op = compose<&lu_factor>({
    .schema = "linalg_lu_factor(Tensor A, *, bool pivot=True) -> (Tensor LU, Tensor pivots)",
    .in = kFunction | kOut,
    .doc = "The LU decomposition in one matrix, and the exchanged rows (counted from 1). RuntimeError if U is singular.",
    .body = [](const Tensor& A, bool pivot) -> Two {
      auto [LU, pivots, info] = lu_factor_ex(A, pivot, true);
      return {LU, pivots};
    },
});

/// P of A = P L U from the exchanged rows, in `dtype`, for matrices of m rows.
Tensor permutation(const Tensor& pivots, int64_t m, DType dtype) {
  NoGrad no_record;
  Ints batch = linalg::batch_of(pivots, 1);
  int64_t k = pivots.sizes().back();
  Tensor P = zeros(linalg::joined(batch, {m, m}), linalg::options(dtype, pivots.device()));
  if (P.is_meta() || P.numel() == 0) return P;
  Tensor swaps = contiguous(pivots);
  const int32_t* s = swaps.data<int32_t>();
  for (int64_t i = 0; i < swaps.numel(); ++i) KG_CHECK(s[i] >= 1 && s[i] <= m, "torch.lu_unpack: LU_pivots must be between 1 and ", m, ", but found ", s[i]);
  visit_floats_and_complex("lu_unpack", dtype, [&]<class T>(T) {
    std::vector<int64_t> order(size_t(m), 0);
    for (int64_t i = 0; i < numel_of(batch); ++i) {
      for (int64_t r = 0; r < m; ++r) order[size_t(r)] = r;
      for (int64_t r = 0; r < k; ++r) std::swap(order[size_t(r)], order[size_t(s[i * k + r] - 1)]);
      for (int64_t r = 0; r < m; ++r) P.data<T>()[i * m * m + order[size_t(r)] * m + r] = T(1);
    }
  });
  return P;
}

const auto lu_unpack_op = compose<&lu_unpack>({
    .schema = "lu_unpack(Tensor LU_data, Tensor LU_pivots, bool unpack_data=True, bool unpack_pivots=True) -> (Tensor P, Tensor L, Tensor U)",
    .in = kFunction | kOut,
    .doc = "The permutation P, L and U from the result of torch.linalg.lu_factor, so that A = P L U.",
    .body = [](const Tensor& LU, const Tensor& pivots, bool unpack_data, bool unpack_pivots) -> Three {
      linalg::check_matrix("torch.lu_unpack", LU, "LU_data");
      KG_CHECK(!unpack_pivots || pivots.dtype() == DType::Int32,
               "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype.\nNote: this function is intended to be used with the output produced by "
               "torch.linalg.lu_factor");
      int64_t m = rows(LU), n = columns(LU), k = std::min(m, n);
      Tensor P = empty_tensor({0}, LU.dtype(), LU.device()), L = P, U = P;
      if (unpack_data) {
        U = triu(narrow(LU, -2, 0, k));
        L = tril(narrow(LU, -1, 0, k), -1);
        L = L + with_eye(L);
      }
      if (unpack_pivots) {
        KG_CHECK(pivots.sizes() == IntList(linalg::joined(linalg::batch_of(LU), {k})), "torch.lu_unpack: LU_pivots of shape ", pivots.sizes(), " does not fit LU_data of shape ", LU.sizes());
        P = permutation(pivots, m, LU.dtype());
      }
      return {P, L, U};
    },
});

const auto lu_op = compose<&lu>({
    .schema = "linalg_lu(Tensor A, *, bool pivot=True) -> (Tensor P, Tensor L, Tensor U)",
    .in = kFunction | kOut,
    .doc = "A = P L U: a permutation, a lower triangle with ones on its diagonal, and an upper triangle. P is empty unless `pivot`.",
    .body = [](const Tensor& A, bool pivot) -> Three {
      KG_CHECK(A.dim() >= 2, "linalg.lu: Expected tensor with 2 or more dimensions. Got size: ", A.sizes(), " instead");
      auto [LU, pivots, info] = lu_factor_ex(A, pivot, false);
      return lu_unpack(LU, pivots, true, pivot);
    },
});

}  // namespace

Two cholesky_ex(const Tensor& A, bool upper, bool check_errors) { return cholesky_ex_op(A, upper, check_errors); }
Tensor linalg_cholesky(const Tensor& A, bool upper) { return linalg_cholesky_op(A, upper); }
Tensor cholesky(const Tensor& A, bool upper) { return cholesky_op(A, upper); }
Two linalg_qr(const Tensor& A, std::string_view mode) { return qr_op(A, mode); }
Two qr(const Tensor& A, bool some) { return old_qr_op(A, some); }
Two geqrf(const Tensor& A) { return geqrf_op(A); }
Tensor householder_product(const Tensor& A, const Tensor& tau) { return householder_product_op(A, tau); }
Tensor ormqr(const Tensor& A, const Tensor& tau, const Tensor& other, bool left, bool transpose) { return ormqr_op(A, tau, other, left, transpose); }
Three lu_factor_ex(const Tensor& A, bool pivot, bool check_errors) { return lu_factor_ex_op(A, pivot, check_errors); }
Two lu_factor(const Tensor& A, bool pivot) { return lu_factor_op(A, pivot); }
Three lu_unpack(const Tensor& LU, const Tensor& pivots, bool unpack_data, bool unpack_pivots) { return lu_unpack_op(LU, pivots, unpack_data, unpack_pivots); }
Three lu(const Tensor& A, bool pivot) { return lu_op(A, pivot); }

}  // namespace kagari
