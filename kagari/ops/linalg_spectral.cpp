#include "kagari/ops/linalg_spectral.h"

#include <limits>

#include "kagari/cpu/lapack.h"
#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/autograd_support.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/extremum.h"
#include "kagari/ops/linalg_matrix.h"
#include "kagari/ops/linalg_solve.h"
#include "kagari/ops/matmul.h"
#include "kagari/ops/norms.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

using linalg::columns;
using linalg::rows;
using Two = std::tuple<Tensor, Tensor>;
using Three = std::tuple<Tensor, Tensor, Tensor>;
using Dims = std::optional<IntList>;
using MaybeDType = std::optional<DType>;
constexpr double infinity = std::numeric_limits<double>::infinity();

Tensor adj(const Tensor& t) { return conj(transpose(t, -2, -1)); }
/// f(x_j - x_i) needs differences of all pairs: x along the columns minus x along the rows, with ones on the diagonal.
Tensor gaps(const Tensor& x) {
  Tensor d = unsqueeze(x, -2) - unsqueeze(x, -1);
  return d + with_eye(d);
}

const auto eigh_op = define<&eigh>({
    .schema = "linalg_eigh(Tensor A, str UPLO='L') -> (Tensor eigenvalues, Tensor eigenvectors)",
    .in = kFunction | kOut,
    .doc = "Ascending eigenvalues and eigenvectors of Hermitian matrices; only the lower ('L') or upper ('U') triangle is read.",
    .run = [](Out&, const Tensor& A, std::string_view UPLO) -> Two {
      linalg::check_square("linalg.eigh", A);
      KG_CHECK_IMPLEMENTED(A.is_complex() || A.dtype() == DType::Float32 || A.dtype() == DType::Float64, "\"linalg_eigh_cpu\" not implemented for '", legacy_name(A.dtype()), "'");
      char uplo = UPLO.empty() ? ' ' : char(UPLO[0] & ~32);
      KG_CHECK(UPLO.size() == 1 && (uplo == 'L' || uplo == 'U'), "Expected UPLO argument to be 'L' or 'U', but got ", UPLO);
      int64_t n = rows(A);
      Tensor V = linalg::column_major(A), w = empty_tensor(linalg::joined(linalg::batch_of(A), {n}), to_real(A.dtype()), A.device());
      if (V.is_meta() || V.numel() == 0) return {w, V};
      linalg::check_finite("linalg.eigh", A);
      Tensor info = zeros(linalg::batch_of(A), linalg::options(DType::Int32));
      visit_floats_and_complex("linalg_eigh", A.dtype(), [&]<class T>(T) {
        linalg::for_each_matrix(linalg::matrix_count(A), n * n * n * 4, [&](int64_t i) {
          info.data<int32_t>()[i] = lapack::syevd<T>('V', uplo, n, V.data<T>() + i * n * n, n, w.data<lapack::RealOf<T>>() + i * n);
        });
      });
      linalg::check_info("linalg.eigh", info, [](int k) {
        return str("The algorithm failed to converge because the input matrix is ill-conditioned or has too many repeated eigenvalues (error code: ", k, ").");
      });
      return {w, V};
    },
    .grad = vjp("out", [](Ctx& c, const Tensor&, std::string_view) -> Grads {
      Tensor V = c.out(1), inner;
      if (c.grads[1].defined()) {
        inner = matmul(adj(V), c.grads[1]) / gaps(c.out(0));
        inner = inner - diag_embed(diagonal(inner, 0, -2, -1));
        inner = (inner + adj(inner)) * Scalar(0.5);  // A moves among Hermitian matrices only
      }
      if (c.grads[0].defined()) inner = inner.defined() ? inner + diag_embed(c.grads[0]) : to(diag_embed(c.grads[0]), V.dtype());
      if (!inner.defined()) return {Tensor()};
      return {matmul(V, matmul(inner, adj(V)))};
    }),
});
const auto eigvalsh_op = compose<&eigvalsh>({
    .schema = "linalg_eigvalsh(Tensor A, str UPLO='L') -> Tensor",
    .in = kFunction | kOut,
    .doc = "Ascending eigenvalues of Hermitian matrices.",
    .body = [](const Tensor& A, std::string_view UPLO) { return std::get<0>(eigh(A, UPLO)); },
});

const auto svd_op = define<&linalg_svd>({
    .schema = "linalg_svd(Tensor A, bool full_matrices=True, *, str? driver=None) -> (Tensor U, Tensor S, Tensor Vh)",
    .in = kFunction | kOut,
    .doc = "A = U diag(S) Vh: orthonormal U and Vh, descending S. U and Vh are square if `full_matrices`.\n"
           "driver: an algorithm of CUDA; RuntimeError if it is given.",
    .run = [](Out&, const Tensor& A, bool full_matrices, std::optional<std::string_view> driver) -> Three {
      KG_CHECK(!driver, "torch.linalg.svd: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend.");
      linalg::check_matrix("linalg.svd", A);
      linalg::check_floating("linalg.svd", A);
      int64_t m = rows(A), n = columns(A), k = std::min(m, n), ku = full_matrices ? m : k, kv = full_matrices ? n : k;
      Ints batch = linalg::batch_of(A);
      Tensor U = linalg::empty_matrices(batch, m, ku, A.dtype(), A.device()), Vh = linalg::empty_matrices(batch, kv, n, A.dtype(), A.device());
      Tensor S = empty_tensor(linalg::joined(batch, {k}), to_real(A.dtype()), A.device());
      if (A.is_meta()) return {U, S, Vh};
      if (A.numel() == 0) {
        if (U.numel()) copy_(U, with_eye(U));
        if (Vh.numel()) copy_(Vh, with_eye(Vh));
        return {U, S, Vh};
      }
      linalg::check_finite("linalg.svd", A);
      Tensor work = linalg::column_major(A), info = zeros(batch, linalg::options(DType::Int32));
      visit_floats_and_complex("linalg_svd", A.dtype(), [&]<class T>(T) {
        linalg::for_each_matrix(linalg::matrix_count(A), m * n * k * 4, [&](int64_t i) {
          info.data<int32_t>()[i] = lapack::gesdd<T>(full_matrices ? 'A' : 'S', m, n, work.data<T>() + i * m * n, m, S.data<lapack::RealOf<T>>() + i * k,
                                                     U.data<T>() + i * m * ku, m, Vh.data<T>() + i * kv * n, kv);
        });
      });
      linalg::check_info("linalg.svd", info, [](int code) {
        return str("The algorithm failed to converge because the input matrix is ill-conditioned or has too many repeated singular values (error code: ", code, ").");
      });
      return {U, S, Vh};
    },
    .grad = vjp("out", [](Ctx& c, const Tensor&, bool, std::optional<std::string_view>) -> Grads {
      Tensor S = c.out(1), U = c.out(0), Vh = c.out(2), gU = c.grads[0], gS = c.grads[1], gVh = c.grads[2];
      int64_t m = rows(U), n = columns(Vh), k = S.sizes().back();
      if (!gU.defined() && !gS.defined() && !gVh.defined()) return {Tensor()};
      U = narrow(U, -1, 0, k), Vh = narrow(Vh, -2, 0, k);
      if (gU.defined()) gU = narrow(gU, -1, 0, k);
      Tensor V = adj(Vh), gV = gVh.defined() ? adj(narrow(gVh, -2, 0, k)) : Tensor(), inner;
      auto join = [&](const Tensor& part) { inner = inner.defined() ? inner + part : part; };
      if (gS.defined()) join(diag_embed(gS));
      Tensor row = unsqueeze(S, -2), column = unsqueeze(S, -1);
      Tensor E = gU.defined() || gV.defined() ? gaps(S * S) : Tensor();
      if (gU.defined()) {
        Tensor x = matmul(adj(U), gU);
        x = x - adj(x);
        join(x / E * row);
        if (x.is_complex()) join(diag_embed(diagonal(x, 0, -2, -1) / (S * Scalar(2))));
      }
      if (gV.defined()) {
        Tensor x = matmul(Vh, gV);
        join(column * ((x - adj(x)) / E));
      }
      if (inner.dtype() != U.dtype()) inner = to(inner, U.dtype());
      Tensor gA = matmul(U, matmul(inner, Vh));
      if (m > k && gU.defined()) gA = gA + matmul((gU - matmul(U, matmul(adj(U), gU))) / row, Vh);
      if (n > k && gV.defined()) gA = gA + matmul(U, adj((gV - matmul(V, matmul(Vh, gV))) / row));
      return {gA};
    }),
});
const auto svdvals_op = compose<&svdvals>({
    .schema = "linalg_svdvals(Tensor A, *, str? driver=None) -> Tensor",
    .in = kFunction | kOut,
    .doc = "Descending singular values. driver: as in linalg.svd.",
    .body = [](const Tensor& A, std::optional<std::string_view> driver) { return std::get<1>(linalg_svd(A, false, driver)); },
});
Three old_svd(const Tensor& A, bool some, bool compute_uv) {
  auto [U, S, Vh] = linalg_svd(A, !some);
  if (!compute_uv) return {zeros_like(U), S, adj(zeros_like(Vh))};
  return {U, S, adj(Vh)};
}
const auto old_svd_op = compose<&old_svd>({
    .schema = "svd(Tensor self, bool some=True, bool compute_uv=True) -> (Tensor U, Tensor S, Tensor V)",
    .in = kFunction | kMethod | kOut,
    .doc = "The older form of torch.linalg.svd: reduced if `some`, and V instead of its conjugate transpose.",
    .body = old_svd,
});

// ---- norms

/// A with the two dimensions of its matrices last.
Tensor matrices_last(const Tensor& A, IntList dim) {
  linalg::check_matrix("linalg.matrix_norm", A);
  KG_CHECK(is_differentiable(A.dtype()), "linalg.matrix_norm: Expected a floating point or complex tensor as input. Got ", legacy_name(A.dtype()));
  KG_CHECK(dim.size() == 2, "linalg.matrix_norm: dim must be a 2-tuple. Got ", dim);
  KG_CHECK(wrap_dim(dim[0], A.dim()) != wrap_dim(dim[1], A.dim()), "linalg.matrix_norm: dims must be different. Got (", dim[0], ", ", dim[1], ")");
  return movedim(A, dim, {-2, -1});
}
Tensor with_kept_dims(Tensor t, const Tensor& A, IntList dim, bool keepdim) {
  if (!keepdim) return t;
  for (int64_t d : wrap_dims(dim, A.dim())) t = unsqueeze(t, d);
  return t;
}
const auto matrix_norm_op = compose<&matrix_norm>({
    .schema = "linalg_matrix_norm(Tensor self, Scalar ord, int[] dim=[-2,-1], bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    .in = kFunction | kOut,
    .doc = "The norm of matrices: the largest (smallest, for negative ord) sum of a column (1) or a row (inf), or singular value (2).",
    .body = [](const Tensor& A, const Scalar& ord, IntList dim, bool keepdim, MaybeDType dtype) {
      double p = ord.to_double(), size = std::abs(p);
      KG_CHECK(size == 1 || size == 2 || size == infinity, "linalg.matrix_norm: Order ", ord.is_integral() ? str(ord.to_int()) : str(p), " not supported.");
      Tensor M = matrices_last(dtype ? to(A, *dtype) : A, dim);
      Tensor values = size == 2 ? svdvals(M) : sum(abs(M), IntList(Ints{size == 1 ? -2 : -1}));
      bool none = values.sizes().back() == 0 && p > 0;  // the largest of no lengths is 0
      return with_kept_dims(none ? sum(values, IntList(Ints{-1})) : p > 0 ? amax(values, {-1}) : amin(values, {-1}), A, dim, keepdim);
    },
});
const auto matrix_norm_named_op = compose<&matrix_norm_named>({
    .schema = "linalg_matrix_norm.str_ord(Tensor self, str ord='fro', int[] dim=[-2,-1], bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    .in = kFunction | kOut,
    .doc = "The norm of matrices: the root of the sum of squares ('fro') or the sum of the singular values ('nuc').",
    .body = [](const Tensor& A, std::string_view ord, IntList dim, bool keepdim, MaybeDType dtype) {
      KG_CHECK(ord == "fro" || ord == "nuc", "linalg.matrix_norm: Order ", ord, " not supported.");
      Tensor M = matrices_last(A, dim);
      if (ord == "fro") return vector_norm(A, 2, dim, keepdim, dtype);
      return with_kept_dims(sum(svdvals(dtype ? to(M, *dtype) : M), IntList(Ints{-1})), A, dim, keepdim);
    },
});
const auto linalg_norm_op = compose<&linalg_norm>({
    .schema = "linalg_norm(Tensor self, Scalar? ord=None, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    .in = kFunction | kOut,
    .doc = "The norm of vectors (one dimension in `dim`, or a 1-d tensor) or of matrices (two). Without ord the Euclidean norm of all elements.",
    .body = [](const Tensor& A, const std::optional<Scalar>& ord, Dims dim, bool keepdim, MaybeDType dtype) {
      if (!ord) return vector_norm(A, 2, dim, keepdim, dtype);
      KG_CHECK(dim || A.dim() == 1 || A.dim() == 2, "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got ", A.dim(), "D.");
      KG_CHECK(!dim || dim->size() == 1 || dim->size() == 2, "linalg.norm: If dim is specified, it must be of length 1 or 2. Got ", dim.value_or(IntList()));
      if (dim ? dim->size() == 1 : A.dim() == 1) return vector_norm(A, *ord, dim, keepdim, dtype);
      int64_t last[] = {-2, -1};
      return matrix_norm(A, *ord, dim ? *dim : IntList(last, 2), keepdim, dtype);
    },
});
Tensor linalg_norm_named(const Tensor& A, std::string_view ord, Dims dim, bool keepdim, MaybeDType dtype) {
  int64_t last[] = {-2, -1};
  KG_CHECK(dim || A.dim() == 2, "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got ", A.dim(), "D.");
  return matrix_norm_named(A, ord, dim ? *dim : IntList(last, 2), keepdim, dtype);
}
const auto linalg_norm_named_op = compose<&linalg_norm_named>({
    .schema = "linalg_norm.ord_str(Tensor self, str ord, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    .in = kFunction | kOut,
    .doc = "The norm 'fro' or 'nuc' of matrices.",
    .body = linalg_norm_named,
});

const auto matrix_power_op = compose<&matrix_power>({
    .schema = "matrix_power(Tensor self, int n) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .aliases = "linalg_matrix_power",
    .doc = "The n-th power of square matrices, of their inverses for negative n.",
    .body = [](const Tensor& A, int64_t n) {
      linalg::check_square("linalg.matrix_power", A);
      if (n == 0) return constant_in(clone(expand(with_eye(A), A.sizes())), A);
      Tensor base = n < 0 ? inv(A) : A, result;
      for (uint64_t left = n < 0 ? 0 - uint64_t(n) : uint64_t(n); left; left >>= 1) {
        if (left & 1) result = result.defined() ? matmul(result, base) : base;
        if (left > 1) base = matmul(base, base);
      }
      return result.is_same(A) ? clone(A) : result;
    },
});

}  // namespace

Two eigh(const Tensor& A, std::string_view UPLO) { return eigh_op(A, UPLO); }
Tensor eigvalsh(const Tensor& A, std::string_view UPLO) { return eigvalsh_op(A, UPLO); }
Three linalg_svd(const Tensor& A, bool full_matrices, std::optional<std::string_view> driver) { return svd_op(A, full_matrices, driver); }
Tensor svdvals(const Tensor& A, std::optional<std::string_view> driver) { return svdvals_op(A, driver); }
Tensor matrix_norm(const Tensor& A, const Scalar& ord, IntList dim, bool keepdim, MaybeDType dtype) { return matrix_norm_op(A, ord, dim, keepdim, dtype); }
Tensor matrix_norm_named(const Tensor& A, std::string_view ord, IntList dim, bool keepdim, MaybeDType dtype) { return matrix_norm_named_op(A, ord, dim, keepdim, dtype); }
Tensor linalg_norm(const Tensor& A, const std::optional<Scalar>& ord, Dims dim, bool keepdim, MaybeDType dtype) { return linalg_norm_op(A, ord, dim, keepdim, dtype); }
Tensor matrix_power(const Tensor& A, int64_t n) { return matrix_power_op(A, n); }

}  // namespace kagari
