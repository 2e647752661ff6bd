#include "kagari/ops/linalg_least_squares.h"

#include <limits>

#include "kagari/cpu/lapack.h"
#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/autograd_support.h"
#include "kagari/ops/bounds.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/extremum.h"
#include "kagari/ops/linalg_matrix.h"
#include "kagari/ops/linalg_spectral.h"
#include "kagari/ops/linalg_solve.h"
#include "kagari/ops/matmul.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/views.h"

namespace kagari {

namespace linalg {
Tensor tolerance(std::optional<double> value) { return value ? scalar_tensor(*value, DType::Float64) : Tensor(); }

Tensor above_tolerance(const Tensor& A, const Tensor& S, const Tensor& atol, const Tensor& rtol) {
  double eps = to_real(A.dtype()) == DType::Float64 ? std::numeric_limits<double>::epsilon() : std::numeric_limits<float>::epsilon();
  Tensor absolute = atol.defined() ? to(atol, S.dtype()) : zeros({}, options(S.dtype(), S.device())), relative;
  if (rtol.defined()) {
    relative = to(rtol, S.dtype());
  } else {
    Tensor usual = full({}, eps * double(std::max(rows(A), columns(A))), options(S.dtype(), S.device()));
    relative = atol.defined() ? where(gt(absolute, wrapped_number(0)), zeros_like(absolute), usual) : usual;
  }
  Tensor largest = amax(S, {-1}, true);
  return gt(S, maximum(unsqueeze(absolute, -1), unsqueeze(relative, -1) * largest));
}
}  // namespace linalg

namespace {

using linalg::columns;
using linalg::rows;
using Four = std::tuple<Tensor, Tensor, Tensor, Tensor>;
constexpr unsigned where_seen = kFunction | kOut;

/// From the gradient G of P = A^+ to that of A (Golub and Pereyra 1973, transposed):
/// -P^H G P^H + (I - A P) G^H P P^H + P^H P G^H (I - P A).
Tensor pinv_gradient(const Tensor& A, const Tensor& P, const Tensor& G) {
  Tensor Ph = adjoint(P), Gh = adjoint(G), GP = matmul(Gh, P), PG = matmul(P, Gh);
  Tensor result = -matmul(Ph, matmul(G, Ph));
  result = result + matmul(Gh - matmul(A, PG), matmul(P, Ph));
  return result + matmul(matmul(Ph, P), Gh - matmul(GP, A));
}

const auto pinv_within_op = define<&pinv_within>({
    .schema = "linalg_pinv.atol_rtol_tensor(Tensor self, *, Tensor? atol=None, Tensor? rtol=None, bool hermitian=False) -> Tensor",
    .in = where_seen,
    .doc = "The pseudo-inverse; singular values of at most max(atol, rtol * the largest) count as zero. rtol is max(m, n) * eps unless atol is positive. "
           "`hermitian`: A equals its conjugate transpose, and eigenvalues take the place of singular values.",
    .run = [](Out&, const Tensor& A, const Tensor& atol, const Tensor& rtol, bool hermitian) -> Tensor {
      hermitian ? linalg::check_square("linalg.pinv", A) : linalg::check_matrix("linalg.pinv", A, "A");
      if (A.numel() == 0) return zeros(linalg::joined(linalg::batch_of(A), {columns(A), rows(A)}), linalg::options(A.dtype(), A.device()));
      Tensor infinite = wrapped_number(std::numeric_limits<double>::infinity());
      if (hermitian) {
        auto [L, V] = eigh(A);
        Tensor inverse = reciprocal(kagari::where(linalg::above_tolerance(A, abs(L), atol, rtol), L, infinite));
        return matmul(V * unsqueeze(inverse, -2), adjoint(V));
      }
      auto [U, S, Vh] = linalg_svd(A, false);
      Tensor inverse = reciprocal(kagari::where(linalg::above_tolerance(A, S, atol, rtol), S, infinite));
      return matmul(adjoint(Vh) * unsqueeze(inverse, -2), adjoint(U));
    },
    .grad = vjp("self out", [](Ctx& c, const Tensor& A, const Tensor&, const Tensor&, bool) -> Grads {
      return {A.numel() == 0 ? constant_in(zeros_like(A), A) : pinv_gradient(A, c.out(), c.grad), Tensor(), Tensor()};
    }),
    .node_name = "LinalgPinvBackward0",
});
const auto pinv_op = compose<&pinv>({
    .schema = "linalg_pinv(Tensor self, *, float? atol=None, float? rtol=None, bool hermitian=False) -> Tensor",
    .in = where_seen,
    .doc = "The pseudo-inverse with numbers as tolerances.",
    .body = [](const Tensor& A, std::optional<double> atol, std::optional<double> rtol, bool hermitian) {
      return pinv_within(A, linalg::tolerance(atol), linalg::tolerance(rtol), hermitian);
    },
});
Tensor pinv_rcond(const Tensor& A, double rcond, bool hermitian) { return pinv(A, 0.0, rcond, hermitian); }
const auto pinv_rcond_op = compose<&pinv_rcond>({
    .schema = "linalg_pinv.rcond(Tensor self, float rcond, bool hermitian=False) -> Tensor",
    .in = where_seen,
    .doc = "The pseudo-inverse with rtol=rcond.",
    .body = pinv_rcond,
});
Tensor pinv_rcond_tensor(const Tensor& A, const Tensor& rcond, bool hermitian) { return pinv_within(A, linalg::tolerance(0.0), rcond, hermitian); }
const auto pinv_rcond_tensor_op = compose<&pinv_rcond_tensor>({
    .schema = "linalg_pinv.rcond_tensor(Tensor self, Tensor rcond, bool hermitian=False) -> Tensor",
    .in = where_seen,
    .doc = "The pseudo-inverse with rtol=rcond for each matrix.",
    .body = pinv_rcond_tensor,
});
Tensor pinverse(const Tensor& A, double rcond) { return pinv(A, 0.0, rcond); }
const auto pinverse_op = compose<&pinverse>({
    .schema = "pinverse(Tensor self, float rcond=1e-15) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "torch.linalg.pinv with rtol=rcond.",
    .body = pinverse,
});

// ---- least squares

/// min |A X - B| for matrices B.
Four least_squares(const Tensor& A, const Tensor& B, double rcond, std::string_view driver);
Four run_lstsq(Out&, const Tensor& A, const Tensor& B, double rcond, std::string_view driver) {
  int64_t m = rows(A), n = columns(A), k = columns(B), tall = std::max(m, n);
  Ints batch = broadcast_sizes(linalg::batch_of(A), linalg::batch_of(B));
  bool has_rank = driver != "gels", has_values = driver == "gelsd" || driver == "gelss";
  DType real = to_real(A.dtype());
  Tensor X = linalg::empty_matrices(batch, tall, k, A.dtype(), A.device());
  Tensor rank = zeros(has_rank ? batch : Ints{0}, linalg::options(DType::Int64, A.device()));
  Tensor values = zeros(has_values ? linalg::joined(batch, {std::min(m, n)}) : Ints{0}, linalg::options(real, A.device()));
  Tensor residuals = empty_tensor({0}, real, A.device()), solution = narrow(X, -2, 0, n);
  if (X.is_meta()) return {solution, residuals, rank, values};
  zero_(X);
  copy_(narrow(X, -2, 0, m), linalg::with_batch(B, batch));
  int64_t count = numel_of(batch);
  if (m && n) {
    Tensor M = linalg::column_major(linalg::with_batch(A, batch)), info = zeros(batch, linalg::options(DType::Int32));
    visit_floats_and_complex("linalg_lstsq", A.dtype(), [&]<class T>(T) {
      using Real = lapack::RealOf<T>;
      linalg::for_each_matrix(count, m * n * tall, [&](int64_t i) {
        T *a = M.data<T>() + i * m * n, *x = X.data<T>() + i * tall * k;
        Real* s = has_values ? values.data<Real>() + i * std::min(m, n) : nullptr;
        int32_t r = 0;
        int code;
        if (driver == "gels") {
          code = lapack::gels<T>('N', m, n, k, a, m, x, tall);
        } else if (driver == "gelsy") {
          std::vector<int32_t> pivots(size_t(n), 0);
          code = lapack::gelsy<T>(m, n, k, a, m, x, tall, pivots.data(), Real(rcond), &r);
        } else if (driver == "gelsd") {
          code = lapack::gelsd<T>(m, n, k, a, m, x, tall, s, Real(rcond), &r);
        } else {
          code = lapack::gelss<T>(m, n, k, a, m, x, tall, s, Real(rcond), &r);
        }
        info.data<int32_t>()[i] = code;
        if (has_rank) rank.data<int64_t>()[i] = r;
      });
    });
    linalg::check_info("torch.linalg.lstsq", info, [](int code) {
      return str("The least squares problem could not be solved because the input matrix does not have full rank (error code: ", code, ").");
    });
  }
  bool full_rank = true;
  for (int64_t i = 0; has_values && i < count; ++i) full_rank = full_rank && rank.data<int64_t>()[i] == n;
  if (m > n && driver != "gelsy" && full_rank) {
    // the rows behind the solution hold what of B the columns of A do not reach
    int64_t rows_dim[] = {-2};
    residuals = sum(square(abs(narrow(X, -2, n, m - n))), IntList(rows_dim, 1));
  }
  return {solution, residuals, rank, values};
}

const auto least_squares_op = define<&least_squares>({
    .schema = "_linalg_least_squares(Tensor A, Tensor B, float rcond, str driver) -> (Tensor, Tensor, Tensor, Tensor)",
    .in = kPrivate,
    .doc = "torch.linalg.lstsq for matrices B and a driver by name.",
    .run = run_lstsq,
    .grad = vjp("A B out", [](Ctx& c, const Tensor& A, const Tensor& B, double, std::string_view) -> Grads {
      const Tensor &gX = c.grads[0], &gR = c.grads[1];
      Tensor gA, gB;
      auto join = [](Tensor& sum, const Tensor& part) { sum = sum.defined() ? sum + part : part; };
      if (gX.defined()) {
        Tensor P = pinv(A);
        if (c.needs(0)) gA = pinv_gradient(A, P, matmul(gX, adjoint(B)));
        if (c.needs(1)) gB = matmul(adjoint(P), gX);
      }
      if (gR.defined() && gR.numel() > 0) {  // of |A X - B|^2, which does not change with X at its minimum
        Tensor slope = (matmul(A, c.out(0)) - B) * (unsqueeze(gR, -2) * Scalar(2));
        if (c.needs(0)) join(gA, matmul(slope, adjoint(c.out(0))));
        if (c.needs(1)) join(gB, -slope);
      }
      return {gA, gB};
    }),
    .node_name = "LinalgLstsqBackward0",
});
Four least_squares(const Tensor& A, const Tensor& B, double rcond, std::string_view driver) { return least_squares_op(A, B, rcond, driver); }

const auto lstsq_op = compose<&lstsq>({
    .schema = "linalg_lstsq(Tensor self, Tensor b, float? rcond=None, *, str? driver=None) -> (Tensor solution, Tensor residuals, Tensor rank, Tensor singular_values)",
    .in = where_seen,
    .doc = "X with the least |A X - B|, for matrices or vectors B. `driver` names LAPACK's routine: 'gels' (A has full rank), 'gelsy' (the default), 'gelsd', 'gelss'. "
           "residuals |A X - B|^2 only for m > n and full rank, rank not from 'gels', singular_values from 'gelsd' and 'gelss' only; what is missing is empty.",
    .body = [](const Tensor& A, const Tensor& B, std::optional<double> rcond, std::optional<std::string_view> driver) -> Four {
      KG_CHECK(A.dim() >= 2, "torch.linalg.lstsq: input must have at least 2 dimensions.");
      KG_CHECK(B.dim() >= 1, "torch.linalg.lstsq: other must have at least 1 dimension.");
      KG_CHECK(A.dtype() == B.dtype(), "torch.linalg.lstsq: Expected input and other to have the same dtype, but got input's dtype ", legacy_name(A.dtype()), " and other's dtype ",
               legacy_name(B.dtype()));
      Ints lead(A.sizes().begin(), A.sizes().end() - 1);
      bool vectors = B.dim() == 1 || (A.dim() - 1 == B.dim() && B.sizes() == IntList(lead));
      Tensor right = vectors ? unsqueeze(B, -1) : B;
      KG_CHECK(rows(A) == rows(right), "torch.linalg.lstsq: input.size(-2) should match other.size(-", vectors ? 1 : 2, ")");
      std::string_view name = driver.value_or("gelsy");
      KG_CHECK(name == "gels" || name == "gelsy" || name == "gelsd" || name == "gelss", "torch.linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)");
      KG_CHECK(A.is_complex() || A.dtype() == DType::Float32 || A.dtype() == DType::Float64, "This function doesn't handle types other than float and double");
      double eps = to_real(A.dtype()) == DType::Float64 ? std::numeric_limits<double>::epsilon() : std::numeric_limits<float>::epsilon();
      Four found = least_squares(A, right, rcond.value_or(eps * double(std::max(rows(A), columns(A)))), name);
      if (vectors) std::get<0>(found) = squeeze_dim(std::get<0>(found), -1);
      return found;
    },
});

}  // namespace

Tensor pinv_within(const Tensor& A, const Tensor& atol, const Tensor& rtol, bool hermitian) { return pinv_within_op(A, atol, rtol, hermitian); }
Tensor pinv(const Tensor& A, std::optional<double> atol, std::optional<double> rtol, bool hermitian) { return pinv_op(A, atol, rtol, hermitian); }
Four lstsq(const Tensor& A, const Tensor& B, std::optional<double> rcond, std::optional<std::string_view> driver) { return lstsq_op(A, B, rcond, driver); }

}  // namespace kagari
