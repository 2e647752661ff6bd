#include "kagari/ops/linalg_solve.h"

#include <cmath>

#include "kagari/cpu/lapack.h"
#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/linalg_factor.h"
#include "kagari/ops/linalg_matrix.h"
#include "kagari/ops/matmul.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

using linalg::columns;
using linalg::rows;
using Two = std::tuple<Tensor, Tensor>;

Tensor adj(const Tensor& t) { return conj(transpose(t, -2, -1)); }

void check_pair(std::string_view op, const Tensor& A, const Tensor& B, bool left) {
  linalg::check_square(op, A);
  linalg::check_matrix(op, B, "B");
  KG_CHECK(A.dtype() == B.dtype(), op, ": Expected A and B to have the same dtype, but found A of type ", legacy_name(A.dtype()), " and B of type ", legacy_name(B.dtype()), " instead");
  int64_t side = left ? rows(B) : columns(B);
  KG_CHECK(rows(A) == side, op, ": Incompatible shapes of A and B for the equation ", left ? "AX = B" : "XA = B", " (", rows(A), "x", columns(A), " and ", rows(B), "x", columns(B), ")");
}

const auto solve_triangular_op = define<&solve_triangular>({
    .schema = "linalg_solve_triangular(Tensor self, Tensor B, *, bool upper, bool left=True, bool unitriangular=False) -> Tensor",
    .in = kFunction | kOut,
    .doc = "X of A X = B (X A = B unless `left`) for triangles A, upper or lower, with ones on the diagonal if `unitriangular`.",
    .run = [](Out&, const Tensor& A, const Tensor& B, bool upper, bool left, bool unitriangular) {
      check_pair("linalg.solve_triangular", A, B, left);
      linalg::check_floating("linalg.solve_triangular", A);
      Ints batch = broadcast_sizes(linalg::batch_of(A), linalg::batch_of(B));
      Tensor X = linalg::column_major(linalg::with_batch(B, batch));
      if (X.is_meta() || X.numel() == 0) return X;
      Tensor M = linalg::column_major(linalg::with_batch(A, batch));
      int64_t n = rows(A), m = rows(B), k = columns(B);
      visit_floats_and_complex("solve_triangular", A.dtype(), [&]<class T>(T) {
        linalg::for_each_matrix(numel_of(batch), n * m * k, [&](int64_t i) {
          lapack::trsm<T>(left ? 'L' : 'R', upper ? 'U' : 'L', 'N', unitriangular ? 'U' : 'N', m, k, T(1), M.data<T>() + i * n * n, n, X.data<T>() + i * m * k, m);
        });
      });
      return X;
    },
    .grad = vjp("self out", [](Ctx& c, const Tensor& A, const Tensor&, bool upper, bool left, bool unitriangular) -> Grads {
      Tensor gB = solve_triangular(adj(A), c.grad, !upper, left, unitriangular);
      Tensor gA;
      if (c.needs(0)) {
        Tensor X = c.out();
        gA = left ? -matmul(gB, adj(X)) : -matmul(adj(X), gB);
        gA = upper ? triu(gA, unitriangular) : tril(gA, -int64_t(unitriangular));
      }
      return {gA, c.needs(1) ? gB : Tensor()};
    }),
});

const auto solve_ex_op = define<&solve_ex>({
    .schema = "_linalg_solve_matrix(Tensor A, Tensor B, *, bool left=True, bool check_errors=False) -> (Tensor result, Tensor info)",
    .in = kPrivate,
    .doc = "X of A X = B (X A = B unless `left`) for matrices, and for each matrix 0 or the first zero pivot.",
    .run = [](Out&, const Tensor& A, const Tensor& B, bool left, bool check_errors) -> Two {
      check_pair("linalg.solve", A, B, left);
      linalg::check_floating("linalg.solve", A);
      Ints batch = broadcast_sizes(linalg::batch_of(A), linalg::batch_of(B));
      // X A = B is A^T X^T = B^T
      Tensor X = linalg::column_major(linalg::with_batch(left ? B : transpose(B, -2, -1), batch));
      Tensor M = linalg::column_major(A), info = zeros(linalg::batch_of(A), linalg::options(DType::Int32, A.device()));
      if (!X.is_meta() && M.numel()) {
        int64_t n = rows(A), k = columns(X);
        Tensor pivots = empty_tensor(linalg::joined(linalg::batch_of(A), {n}), DType::Int32);
        // which factors belong to each right-hand side when A's batch is broadcast
        Tensor which = contiguous(expand(reshape(arange(0, linalg::matrix_count(A)), linalg::batch_of(A)), batch));
        visit_floats_and_complex("linalg_solve", A.dtype(), [&]<class T>(T) {
          linalg::for_each_matrix(linalg::matrix_count(A), n * n * n, [&](int64_t i) {
            info.data<int32_t>()[i] = lapack::getrf<T>(n, n, M.data<T>() + i * n * n, n, pivots.data<int32_t>() + i * n);
          });
          if (check_errors)
            linalg::check_info("torch.linalg.solve", info, [](int) { return std::string("The solver failed because the input matrix is singular."); });
          if (k)
            linalg::for_each_matrix(numel_of(batch), n * n * k, [&](int64_t i) {
              int64_t a = which.data<int64_t>()[i];
              lapack::getrs<T>(left ? 'N' : 'T', n, k, M.data<T>() + a * n * n, n, pivots.data<int32_t>() + a * n, X.data<T>() + i * n * k, n);
            });
        });
      }
      return {left ? X : transpose(X, -2, -1), info};
    },
    .grad = vjp("A out", [](Ctx& c, const Tensor& A, const Tensor&, bool left, bool) -> Grads {
      if (!c.grad.defined()) return {Tensor(), Tensor()};
      Tensor gB = std::get<0>(solve_ex(adj(A), c.grad, left));
      Tensor gA;
      if (c.needs(0)) gA = left ? -matmul(gB, adj(c.out())) : -matmul(adj(c.out()), gB);
      return {gA, c.needs(1) ? gB : Tensor()};
    }),
});

/// B is a batch of vectors, as torch.linalg.solve understands it.
bool is_vector_case(const Tensor& A, const Tensor& B) {
  if (B.dim() == 1) return true;
  return A.dim() - 1 == B.dim() && IntList(A.sizes().data(), A.sizes().size() - 1) == B.sizes();
}
Two solve_general(const Tensor& A, const Tensor& B, bool left, bool check_errors) {
  linalg::check_square("linalg.solve", A);
  if (!is_vector_case(A, B)) return solve_ex(A, B, left, check_errors);
  KG_CHECK(left, "linalg.solve: Vector broadcasting of the left hand side is not supported for left=False. In this case linalg.solve is equivalent to B / A.squeeze(-1)");
  auto [X, info] = solve_ex(A, unsqueeze(B, -1), true, check_errors);
  return {squeeze_dim(X, -1), info};
}

Two public_solve_ex(const Tensor& A, const Tensor& B, bool left, bool check_errors) { return solve_general(A, B, left, check_errors); }
const auto public_solve_ex_op = compose<&public_solve_ex>({
    .schema = "linalg_solve_ex(Tensor A, Tensor B, *, bool left=True, bool check_errors=False) -> (Tensor result, Tensor info)",
    .in = kFunction | kOut,
    .doc = "torch.linalg.solve, and for each matrix 0 or the first zero pivot instead of an error.",
    .body = public_solve_ex,
});
const auto solve_op = compose<&solve>({
    .schema = "linalg_solve(Tensor A, Tensor B, *, bool left=True) -> Tensor",
    .in = kFunction | kOut,
    .doc = "X of A X = B (X A = B unless `left`); B holds matrices or vectors. LinAlgError if A is singular.",
    .body = [](const Tensor& A, const Tensor& B, bool left) { return std::get<0>(solve_general(A, B, left, true)); },
});

const auto inv_ex_op = define<&inv_ex>({
    .schema = "linalg_inv_ex(Tensor A, *, bool check_errors=False) -> (Tensor inverse, Tensor info)",
    .in = kFunction | kOut,
    .doc = "The inverse of square matrices, and for each 0 or the first zero pivot.",
    .run = [](Out&, const Tensor& A, bool check_errors) -> Two {
      linalg::check_square("linalg.inv", A);
      linalg::check_floating("linalg.inv", A);
      int64_t n = rows(A);
      Tensor X = linalg::column_major(A), info = zeros(linalg::batch_of(A), linalg::options(DType::Int32, A.device()));
      if (X.is_meta() || X.numel() == 0) return {X, info};
      visit_floats_and_complex("linalg_inv", A.dtype(), [&]<class T>(T) {
        linalg::for_each_matrix(linalg::matrix_count(A), n * n * n, [&](int64_t i) {
          std::vector<int32_t> pivots(size_t(n), 0);
          T* a = X.data<T>() + i * n * n;
          int code = lapack::getrf<T>(n, n, a, n, pivots.data());
          if (!code) code = lapack::getri<T>(n, a, n, pivots.data());
          info.data<int32_t>()[i] = code;
        });
      });
      if (check_errors)
        linalg::check_info("linalg.inv", info, [](int k) {
          return str("The diagonal element ", k, " is zero, the inversion could not be completed because the input matrix is singular.");
        });
      return {X, info};
    },
    .grad = vjp("out", [](Ctx& c, const Tensor&, bool) -> Grads {
      if (!c.grad.defined()) return {Tensor()};
      Tensor Xh = adj(c.out());
      return {-matmul(Xh, matmul(c.grad, Xh))};
    }),
});
const auto inv_op = compose<&inv>({
    .schema = "linalg_inv(Tensor A) -> Tensor",
    .in = kFunction | kOut,
    .doc = "The inverse of square matrices. LinAlgError if one is singular.",
    .body = [](const Tensor& A) { return std::get<0>(inv_ex(A, true)); },
});
Tensor inverse(const Tensor& A) { return std::get<0>(inv_ex(A, true)); }
const auto inverse_op = compose<&inverse>({
    .schema = "inverse(Tensor self) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "torch.linalg.inv.",
    .body = inverse,
});

// ---- determinants

/// f(pivot) for the diagonal of U of matrix i, and whether the number of row exchanges is odd.
template <class T, class F>
bool each_pivot(const Tensor& LU, const Tensor& pivots, int64_t i, F&& f) {
  int64_t n = rows(LU);
  bool odd = false;
  for (int64_t k = 0; k < n; ++k) {
    f(LU.data<T>()[i * n * n + k * n + k]);
    odd ^= pivots.data<int32_t>()[i * n + k] != k + 1;
  }
  return odd;
}

const auto det_op = define<&det>({
    .schema = "linalg_det(Tensor A) -> Tensor",
    .in = kFunction | kOut,
    .doc = "The determinant of square matrices.",
    .run = [](Out& out, const Tensor& A) {
      linalg::check_square("linalg.det", A);
      linalg::check_floating("linalg.det", A);
      Tensor y = out.alloc(linalg::batch_of(A), A.dtype(), A.device());
      if (y.is_meta()) return y;
      auto [LU, pivots, info] = lu_factor_ex(A);
      visit_floats_and_complex("linalg_det", A.dtype(), [&]<class T>(T) {
        for (int64_t i = 0; i < y.numel(); ++i) {
          T product(1);
          bool odd = each_pivot<T>(LU, pivots, i, [&](T p) { product *= p; });
          y.data<T>()[i] = odd ? -product : product;
        }
      });
      return y;
    },
    .grad = vjp("A out", [](Ctx& c, const Tensor& A) -> Grads {
      Tensor scale = unsqueeze(unsqueeze(c.grad * conj(c.out()), -1), -1);
      return {scale * adj(std::get<0>(inv_ex(A)))};
    }),
});
Tensor old_det(const Tensor& A) { return det(A); }
const auto old_det_op = compose<&old_det>({
    .schema = "det(Tensor self) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "torch.linalg.det.",
    .body = old_det,
});

const auto slogdet_op = define<&slogdet>({
    .schema = "linalg_slogdet(Tensor A) -> (Tensor sign, Tensor logabsdet)",
    .in = kFunction | kOut,
    .doc = "The sign of the determinant and the logarithm of its absolute value (0 and -inf for singular matrices).",
    .run = [](Out& out, const Tensor& A) -> Two {
      linalg::check_square("linalg.slogdet", A);
      linalg::check_floating("linalg.slogdet", A);
      Tensor sign = out.alloc(linalg::batch_of(A), A.dtype(), A.device()), size = out.alloc(linalg::batch_of(A), to_real(A.dtype()), A.device(), 1);
      if (sign.is_meta()) return {sign, size};
      auto [LU, pivots, info] = lu_factor_ex(A);
      visit_floats_and_complex("linalg_slogdet", A.dtype(), [&]<class T>(T) {
        using Real = lapack::RealOf<T>;
        for (int64_t i = 0; i < sign.numel(); ++i) {
          T s(1);
          Real sum = 0;
          bool odd = each_pivot<T>(LU, pivots, i, [&](T p) {
            Real a = std::abs(p);
            s *= a == 0 ? T(0) : p / a;
            sum += std::log(a);
          });
          sign.data<T>()[i] = odd ? -s : s;
          size.data<Real>()[i] = sum;
        }
      });
      return {sign, size};
    },
    .grad = vjp("A out", [](Ctx& c, const Tensor& A) -> Grads {
      Tensor g = c.grads[1];
      if (A.is_complex() && c.grads[0].defined()) {
        // the sign turns with the imaginary part of tr(A^-1 dA)
        Tensor turn = -imag(conj(c.grads[0]) * c.out(0));
        g = complex(g.defined() ? g : zeros_like(turn), turn);
      }
      if (!g.defined()) return {zeros_like(A)};
      return {unsqueeze(unsqueeze(g, -1), -1) * adj(std::get<0>(inv_ex(A)))};
    }),
});
Two old_slogdet(const Tensor& A) { return slogdet(A); }
const auto old_slogdet_op = compose<&old_slogdet>({
    .schema = "slogdet(Tensor self) -> (Tensor sign, Tensor logabsdet)",
    .in = kFunction | kMethod | kOut,
    .doc = "torch.linalg.slogdet.",
    .body = old_slogdet,
});
const auto logdet_op = compose<&logdet>({
    .schema = "logdet(Tensor self) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "The logarithm of the determinant; nan where it is negative.",
    .body = [](const Tensor& A) {
      linalg::check_square("logdet", A);
      auto [sign, size] = slogdet(A);
      return log(sign) + size;
    },
});

// ---- solutions from factors

const auto lu_solve_op = compose<&lu_solve>({
    .schema = "linalg_lu_solve(Tensor LU, Tensor pivots, Tensor B, *, bool left=True, bool adjoint=False) -> Tensor",
    .in = kFunction | kOut,
    .doc = "X of A X = B (X A = B unless `left`, A^H if `adjoint`) from the LU decomposition of A.",
    .body = [](const Tensor& LU, const Tensor& pivots, const Tensor& B, bool left, bool adjoint) {
      check_pair("linalg.lu_solve", LU, B, left);
      KG_CHECK(pivots.dtype() == DType::Int32, "linalg.lu_solve: pivots should be a Tensor of scalar type torch.int32");
      Tensor P = std::get<0>(lu_unpack(LU, pivots, false, true));
      // A = P L U. X A = B is A^H X^H = B^H.
      Tensor right = left ? B : adj(B), X;
      if (left != adjoint) {
        X = solve_triangular(LU, matmul(adj(P), right), false, true, true);
        X = solve_triangular(LU, X, true);
      } else {
        Tensor h = adj(LU);
        X = solve_triangular(h, right, false);
        X = matmul(P, solve_triangular(h, X, true, true, true));
      }
      return left ? X : adj(X);
    },
});
Tensor old_lu_solve(const Tensor& B, const Tensor& LU, const Tensor& pivots) { return lu_solve(LU, pivots, B); }
const auto old_lu_solve_op = compose<&old_lu_solve>({
    .schema = "lu_solve(Tensor self, Tensor LU_data, Tensor LU_pivots) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The older form of torch.linalg.lu_solve, with the right-hand side first.",
    .body = old_lu_solve,
});

/// From the gradient of A = L L^H to that of L (of U for A = U^H U).
Tensor factor_gradient(const Tensor& gA, const Tensor& L, bool upper) {
  Tensor both = gA + adj(gA);
  return upper ? matmul(L, both) : matmul(both, L);
}
const auto cholesky_solve_op = define<&cholesky_solve>({
    .schema = "cholesky_solve(Tensor self, Tensor input2, bool upper=False) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "X of A X = B from the Cholesky factor of A.",
    .run = [](Out&, const Tensor& B, const Tensor& L, bool upper) {
      KG_CHECK(B.dim() >= 2, "b should have at least 2 dimensions, but has ", B.dim(), " dimensions instead");
      KG_CHECK(L.dim() >= 2, "u should have at least 2 dimensions, but has ", L.dim(), " dimensions instead");
      Tensor h = adj(L);
      return upper ? solve_triangular(L, solve_triangular(h, B, false), true) : solve_triangular(h, solve_triangular(L, B, false), true);
    },
    .grad = vjp("input2 out", [](Ctx& c, const Tensor&, const Tensor& L, bool upper) -> Grads {
      Tensor gB = cholesky_solve(c.grad, L, upper);
      return {gB, c.needs(1) ? factor_gradient(-matmul(gB, adj(c.out())), L, upper) : Tensor()};
    }),
});
const auto cholesky_inverse_op = define<&cholesky_inverse>({
    .schema = "cholesky_inverse(Tensor self, bool upper=False) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The inverse of A from its Cholesky factor.",
    .run = [](Out&, const Tensor& L, bool upper) {
      linalg::check_square("cholesky_inverse", L);
      return cholesky_solve(with_eye(L), L, upper);
    },
    .grad = vjp("self out", [](Ctx& c, const Tensor& L, bool upper) -> Grads {
      Tensor Xh = adj(c.out());
      return {factor_gradient(-matmul(Xh, matmul(c.grad, Xh)), L, upper)};
    }),
});

}  // namespace

Tensor with_eye(const Tensor& t) { return eye(rows(t), columns(t), linalg::options(t.dtype(), t.device())); }
Tensor solve_triangular(const Tensor& A, const Tensor& B, bool upper, bool left, bool unitriangular) { return solve_triangular_op(A, B, upper, left, unitriangular); }
Two solve_ex(const Tensor& A, const Tensor& B, bool left, bool check_errors) { return solve_ex_op(A, B, left, check_errors); }
Tensor solve(const Tensor& A, const Tensor& B, bool left) { return solve_op(A, B, left); }
Two inv_ex(const Tensor& A, bool check_errors) { return inv_ex_op(A, check_errors); }
Tensor inv(const Tensor& A) { return inv_op(A); }
Tensor det(const Tensor& A) { return det_op(A); }
Two slogdet(const Tensor& A) { return slogdet_op(A); }
Tensor logdet(const Tensor& A) { return logdet_op(A); }
Tensor lu_solve(const Tensor& LU, const Tensor& pivots, const Tensor& B, bool left, bool adjoint) { return lu_solve_op(LU, pivots, B, left, adjoint); }
Tensor cholesky_solve(const Tensor& B, const Tensor& L, bool upper) { return cholesky_solve_op(B, L, upper); }
Tensor cholesky_inverse(const Tensor& L, bool upper) { return cholesky_inverse_op(L, upper); }

}  // namespace kagari
