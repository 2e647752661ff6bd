#include "kagari/ops/linalg_products.h"

#include <limits>

#include "kagari/cpu/lapack.h"
#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/extremum.h"
#include "kagari/ops/linalg_least_squares.h"
#include "kagari/ops/linalg_matrix.h"
#include "kagari/ops/linalg_solve.h"
#include "kagari/ops/linalg_spectral.h"
#include "kagari/ops/matmul.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

using linalg::rows;
using Two = std::tuple<Tensor, Tensor>;

Tensor adj(const Tensor& t) { return conj(transpose(t, -2, -1)); }

const auto linalg_cross_op = compose<&linalg_cross>({
    .schema = "linalg_cross(Tensor self, Tensor other, *, int dim=-1) -> Tensor",
    .in = kFunction | kOut,
    .doc = "The cross product of vectors of three elements along `dim`.",
    .body = [](const Tensor& self, const Tensor& other, int64_t dim) {
      KG_CHECK(self.dim() == other.dim(), "linalg.cross: inputs must have the same number of dimensions.");
      KG_CHECK(self.size(dim) == 3 && other.size(dim) == 3, "linalg.cross: inputs dimension ", dim, " must have length 3. Got ", self.size(dim), " and ", other.size(dim));
      auto a = unbind(self, dim), b = unbind(other, dim);
      int64_t last = dim < 0 ? dim : wrap_dim(dim, self.dim());
      return stack(std::vector<Tensor>{a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]}, last);
    },
});
Tensor cross(const Tensor& self, const Tensor& other, std::optional<int64_t> dim) {
  int64_t d = dim.value_or(-1);
  if (!dim)  // the first dimension of length 3
    for (d = 0; d < self.dim() && self.sizes()[size_t(d)] != 3;) ++d;
  KG_CHECK(d < self.dim(), "no dimension of size 3 in input");
  return linalg_cross(self, other, d);
}
const auto cross_op = compose<&cross>({
    .schema = "cross(Tensor self, Tensor other, int? dim=None) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The cross product along `dim`, or along the first dimension of length 3.",
    .body = cross,
});
const auto vecdot_op = compose<&vecdot>({
    .schema = "linalg_vecdot(Tensor x, Tensor y, *, int dim=-1) -> Tensor",
    .in = kFunction | kOut,
    .doc = "The sum of conj(x) y along `dim`.",
    .body = [](const Tensor& x, const Tensor& y, int64_t dim) {
      KG_CHECK(x.dtype() == y.dtype(), "linalg.vecdot: Expected x and y to have the same dtype, but found x of type ", legacy_name(x.dtype()), " and y of type ",
               legacy_name(y.dtype()), " instead");
      int64_t dims[] = {dim};
      return sum(conj(x) * y, IntList(dims, 1), false, x.dtype());
    },
});

const auto multi_dot_op = compose<&multi_dot>({
    .schema = "linalg_multi_dot(Tensor[] tensors) -> Tensor",
    .in = kFunction | kOut,
    .doc = "The product of two matrices or more, in the order with the fewest multiplications. The first and the last may be vectors.",
    .body = [](TensorList tensors) {
      size_t n = tensors.size();
      KG_CHECK(n >= 2, "multi_dot(): expected at least 2 tensors but got ", int64_t(n));
      std::vector<Tensor> m(tensors.begin(), tensors.end());
      bool row = m[0].dim() == 1, column = m[n - 1].dim() == 1;
      if (row) m[0] = unsqueeze(m[0], 0);
      if (column) m[n - 1] = unsqueeze(m[n - 1], -1);
      for (size_t i = 0; i < n; ++i) KG_CHECK(m[i].dim() == 2, "multi_dot(): tensor ", int64_t(i), " must be 2D but got ", m[i].dim(), "D");
      // cost[i][j]: of the product of i..j; cut[i][j]: where the best one is split
      std::vector<double> cost(n * n, 0);
      std::vector<size_t> cut(n * n, 0);
      for (size_t length = 1; length < n; ++length)
        for (size_t i = 0; i + length < n; ++i) {
          size_t j = i + length;
          cost[i * n + j] = std::numeric_limits<double>::infinity();
          for (size_t k = i; k < j; ++k) {
            double c = cost[i * n + k] + cost[(k + 1) * n + j] + double(rows(m[i])) * double(linalg::columns(m[k])) * double(linalg::columns(m[j]));
            if (c < cost[i * n + j]) cost[i * n + j] = c, cut[i * n + j] = k;
          }
        }
      auto product = [&](auto& self, size_t i, size_t j) -> Tensor {
        if (i == j) return m[i];
        size_t k = cut[i * n + j];
        return mm(self(self, i, k), self(self, k + 1, j));
      };
      Tensor y = product(product, 0, n - 1);
      if (row) y = squeeze_dim(y, 0);
      return column ? squeeze_dim(y, -1) : y;
    },
});

Tensor rank_of(const Tensor& A, const Tensor& atol, const Tensor& rtol, bool hermitian) {
  linalg::check_matrix("torch.linalg.matrix_rank", A, "input");
  if (A.numel() == 0) return zeros(linalg::batch_of(A), linalg::options(DType::Int64, A.device()));
  int64_t last[] = {-1};
  return sum(linalg::above_tolerance(A, hermitian ? abs(eigvalsh(A)) : svdvals(A), atol, rtol), IntList(last, 1));
}
const auto matrix_rank_op = compose<&matrix_rank>({
    .schema = "linalg_matrix_rank(Tensor input, *, float? atol=None, float? rtol=None, bool hermitian=False) -> Tensor",
    .in = kFunction | kOut,
    .doc = "The number of singular values above max(atol, rtol * the largest). rtol is max(m, n) * eps unless atol is positive.",
    .body = [](const Tensor& A, std::optional<double> atol, std::optional<double> rtol, bool hermitian) {
      return rank_of(A, linalg::tolerance(atol), linalg::tolerance(rtol), hermitian);
    },
});
Tensor matrix_rank_tensor(const Tensor& A, const Tensor& atol, const Tensor& rtol, bool hermitian) { return rank_of(A, atol, rtol, hermitian); }
const auto matrix_rank_tensor_op = compose<&matrix_rank_tensor>({
    .schema = "linalg_matrix_rank.atol_rtol_tensor(Tensor input, *, Tensor? atol=None, Tensor? rtol=None, bool hermitian=False) -> Tensor",
    .in = kFunction | kOut,
    .doc = "The rank with tolerances for each matrix.",
    .body = matrix_rank_tensor,
});
Tensor matrix_rank_tol(const Tensor& A, double tol, bool hermitian) { return rank_of(A, linalg::tolerance(tol), linalg::tolerance(0.0), hermitian); }
const auto matrix_rank_tol_op = compose<&matrix_rank_tol>({
    .schema = "linalg_matrix_rank.tol(Tensor input, float tol, bool hermitian=False) -> Tensor",
    .in = kFunction | kOut,
    .doc = "The number of singular values above tol.",
    .body = matrix_rank_tol,
});
Tensor matrix_rank_tol_tensor(const Tensor& A, const Tensor& tol, bool hermitian) { return rank_of(A, tol, linalg::tolerance(0.0), hermitian); }
const auto matrix_rank_tol_tensor_op = compose<&matrix_rank_tol_tensor>({
    .schema = "linalg_matrix_rank.tol_tensor(Tensor input, Tensor tol, bool hermitian=False) -> Tensor",
    .in = kFunction | kOut,
    .doc = "The number of singular values above tol, which each matrix may have of its own.",
    .body = matrix_rank_tol_tensor,
});

const auto cond_op = compose<&cond>({
    .schema = "linalg_cond(Tensor self, Scalar? p=None) -> Tensor",
    .in = kFunction | kOut,
    .doc = "The condition number: the quotient of the extreme singular values (None, 2, -2), or norm(A, p) * norm(inverse, p).",
    .body = [](const Tensor& A, const std::optional<Scalar>& p) {
      KG_CHECK(A.dim() >= 2, "linalg.cond: The input tensor must have at least 2 dimensions.");
      if (!p || std::abs(p->to_double()) == 2) {
        Tensor S = svdvals(A), high = select(S, -1, 0), low = select(S, -1, -1);
        return p && p->to_double() < 0 ? low / high : high / low;
      }
      linalg::check_square("linalg.cond", A);
      int64_t last[] = {-2, -1};
      return matrix_norm(A, *p, IntList(last, 2)) * matrix_norm(std::get<0>(inv_ex(A)), *p, IntList(last, 2));
    },
});

bool is_finite(const Tensor& t) { return all(isfinite(t)).item<bool>(); }

/// LAPACK keeps the eigenvectors of a conjugate pair of values as one column of real and one of imaginary parts.
template <class T>
void unpack_vectors(int64_t n, const std::complex<T>* values, const T* packed, std::complex<T>* out) {
  for (int64_t j = 0; j < n; ++j) {
    bool pair = values[j].imag() != 0 && j + 1 < n;
    for (int64_t i = 0; i < n; ++i) {
      out[i + j * n] = {packed[i + j * n], pair ? packed[i + (j + 1) * n] : T(0)};
      if (pair) out[i + (j + 1) * n] = std::conj(out[i + j * n]);
    }
    j += pair;
  }
}

const auto eig_op = define<&eig>({
    .schema = "linalg_eig(Tensor self) -> (Tensor eigenvalues, Tensor eigenvectors)",
    .in = kFunction | kOut,
    .doc = "Complex eigenvalues and eigenvectors (of norm 1) of square matrices.",
    .run = [](Out&, const Tensor& A) -> Two {
      linalg::check_square("linalg.eig", A);
      linalg::check_floating("linalg.eig", A);
      DType dtype = to_complex(A.dtype());
      int64_t n = rows(A);
      Tensor V = linalg::empty_matrices(linalg::batch_of(A), n, n, dtype, A.device());
      Tensor w = empty_tensor(linalg::joined(linalg::batch_of(A), {n}), dtype, A.device());
      if (V.is_meta() || V.numel() == 0) return {w, V};
      KG_CHECK(is_finite(A), "torch.linalg.eig: input tensor should not contain infs or NaNs.");
      Tensor work = linalg::column_major(A), packed = A.is_complex() ? V : linalg::empty_matrices(linalg::batch_of(A), n, n, A.dtype(), A.device());
      Tensor info = zeros(linalg::batch_of(A), linalg::options(DType::Int32));
      visit_floats_and_complex("linalg_eig", A.dtype(), [&]<class T>(T) {
        using Complex = std::complex<lapack::RealOf<T>>;
        linalg::for_each_matrix(linalg::matrix_count(A), n * n * n * 10, [&](int64_t i) {
          T* v = packed.data<T>() + i * n * n;
          Complex* values = w.data<Complex>() + i * n;
          info.data<int32_t>()[i] = lapack::geev<T>('N', 'V', n, work.data<T>() + i * n * n, n, values, nullptr, 1, v, n);
          if constexpr (!std::is_same_v<T, Complex>) unpack_vectors(n, values, v, V.data<Complex>() + i * n * n);
        });
      });
      linalg::check_info("linalg.eig", info, [](int k) {
        return str("The algorithm failed to converge because the input matrix is ill-conditioned or has too many repeated eigenvalues (error code: ", k, ").");
      });
      return {w, V};
    },
    .grad = vjp("out", [](Ctx& c, const Tensor&) -> Grads {
      Tensor V = c.out(1), inner;
      if (c.grads[1].defined()) {
        Tensor projected = matmul(adj(V), c.grads[1]);
        // vectors are kept at norm 1
        Tensor x = projected - matmul(adj(V), V) * unsqueeze(real(diagonal(projected, 0, -2, -1)), -2);
        Tensor w = c.out(0), gap = conj(unsqueeze(w, -2) - unsqueeze(w, -1));
        x = x / (gap + with_eye(gap));
        inner = x - diag_embed(diagonal(x, 0, -2, -1));
      }
      if (c.grads[0].defined()) inner = inner.defined() ? inner + diag_embed(c.grads[0]) : diag_embed(c.grads[0]);
      if (!inner.defined()) return {Tensor()};
      Tensor g = std::get<0>(solve_ex(adj(V), matmul(inner, adj(V))));
      return {is_complex(c.dtype(0)) ? g : real(g)};
    }),
});
const auto eigvals_op = compose<&eigvals>({
    .schema = "linalg_eigvals(Tensor self) -> Tensor",
    .in = kFunction | kOut,
    .doc = "Complex eigenvalues of square matrices.",
    .body = [](const Tensor& A) {
      linalg::check_square("linalg.eigvals", A);
      return std::get<0>(eig(A));
    },
});

}  // namespace

Tensor linalg_cross(const Tensor& self, const Tensor& other, int64_t dim) { return linalg_cross_op(self, other, dim); }
Tensor vecdot(const Tensor& x, const Tensor& y, int64_t dim) { return vecdot_op(x, y, dim); }
Tensor multi_dot(TensorList tensors) { return multi_dot_op(tensors); }
Tensor matrix_rank(const Tensor& A, std::optional<double> atol, std::optional<double> rtol, bool hermitian) { return matrix_rank_op(A, atol, rtol, hermitian); }
Tensor cond(const Tensor& A, const std::optional<Scalar>& p) { return cond_op(A, p); }
Two eig(const Tensor& A) { return eig_op(A); }
Tensor eigvals(const Tensor& A) { return eigvals_op(A); }

}  // namespace kagari
