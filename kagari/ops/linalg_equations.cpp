// Older and more general forms of linear equations: triangles with the right-hand side first, tensors seen as matrices.
#include "kagari/op/op.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/linalg_factor.h"
#include "kagari/ops/linalg_matrix.h"
#include "kagari/ops/linalg_solve.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

using linalg::columns;
using linalg::rows;
using Two = std::tuple<Tensor, Tensor>;
using Three = std::tuple<Tensor, Tensor, Tensor>;
using Dims = std::optional<IntList>;

int64_t product(IntList sizes, int64_t begin, int64_t end) {
  int64_t n = 1;
  for (int64_t i = begin; i < end; ++i) n *= sizes[size_t(i)];
  return n;
}

Two triangular_solve(const Tensor& B, const Tensor& A, bool upper, bool transposed, bool unitriangular) {
  KG_CHECK(B.dim() >= 2, "torch.triangular_solve: Expected b to have at least 2 dimensions, but it has ", B.dim(), " dimensions instead");
  KG_CHECK(A.dim() >= 2, "torch.triangular_solve: Expected A to have at least 2 dimensions, but it has ", A.dim(), " dimensions instead");
  KG_CHECK(A.dtype() == B.dtype(), "Expected b and A to have the same dtype, but found b of type ", legacy_name(B.dtype()), " and A of type ", legacy_name(A.dtype()), " instead.");
  linalg::check_square("triangular_solve", A);
  KG_CHECK(rows(A) == rows(B), "Incompatible matrix sizes for triangular_solve: each A matrix is ", rows(A), " by ", columns(A), " but each b matrix is ", rows(B), " by ", columns(B));
  Ints batch = broadcast_sizes(linalg::batch_of(A), linalg::batch_of(B));
  Tensor copy = transpose(clone(transpose(linalg::with_batch(A, batch), -2, -1), MemoryFormat::Contiguous), -2, -1);
  return {transposed ? solve_triangular(transpose(A, -2, -1), B, !upper, true, unitriangular) : solve_triangular(A, B, upper, true, unitriangular), copy};
}
const auto triangular_solve_op = compose<&triangular_solve>({
    .schema = "triangular_solve(Tensor self, Tensor A, bool upper=True, bool transpose=False, bool unitriangular=False) -> (Tensor solution, Tensor cloned_coefficient)",
    .in = kFunction | kMethod | kOut,
    .doc = "X of A X = self (A^T X = self if `transpose`) for triangles A, and a copy of A. The older form of torch.linalg.solve_triangular.",
    .body = triangular_solve,
});

Tensor tensorinv(const Tensor& A, int64_t ind) {
  KG_CHECK(ind > 0, "Expected a strictly positive integer for 'ind', but got ", ind);
  IntList sizes = A.sizes();
  int64_t cut = std::min(ind, A.dim()), m = product(sizes, 0, cut), n = product(sizes, cut, A.dim());
  KG_CHECK(m == n, "Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got ", n, " != ", m);
  Ints turned(sizes.begin() + cut, sizes.end());
  for (int64_t i = 0; i < cut; ++i) turned.push_back(sizes[size_t(i)]);
  auto [inverse, info] = inv_ex(reshape(A, {m, n}), false);
  linalg::check_info("inv", info, [](int k) { return str("The diagonal element ", k, " is zero, the inversion could not be completed because the input matrix is singular."); });
  return reshape(inverse, turned);
}
const auto tensorinv_op = compose<&tensorinv>({
    .schema = "linalg_tensorinv(Tensor self, int ind=2) -> Tensor",
    .in = kFunction | kOut,
    .doc = "The inverse under torch.tensordot: the first `ind` dimensions of A are the rows of a square matrix, the others its columns.",
    .body = tensorinv,
});

Tensor tensorsolve(const Tensor& A, const Tensor& B, Dims dims) {
  Tensor M = A;
  if (dims) {
    Ints last;
    for (size_t i = 0; i < dims->size(); ++i) last.push_back(A.dim() - int64_t(dims->size()) + int64_t(i));
    M = movedim(A, *dims, last);
  }
  int64_t cut = std::min(B.dim(), M.dim()), m = product(M.sizes(), 0, cut), n = product(M.sizes(), cut, M.dim());
  KG_CHECK(m == n, "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), but got ", n, " != ", m);
  KG_CHECK(B.numel() == m, "linalg.tensorsolve: expected other of ", m, " elements, but got shape ", B.sizes());
  Ints result(M.sizes().begin() + cut, M.sizes().end());
  return reshape(solve(reshape(M, {m, n}), reshape(B, {m})), result);
}
const auto tensorsolve_op = compose<&tensorsolve>({
    .schema = "linalg_tensorsolve(Tensor self, Tensor other, int[]? dims=None) -> Tensor",
    .in = kFunction | kOut,
    .doc = "X of tensordot(A, X, X.ndim) = B; the dimensions `dims` of A are moved to its end first.",
    .body = tensorsolve,
});

Three lu_with_info(const Tensor& A, bool pivot, bool) {
  auto [LU, pivots, info] = lu_factor_ex(A, pivot, false);
  return {LU, pivots, info};
}
const auto lu_with_info_op = compose<&lu_with_info>({
    .schema = "_lu_with_info(Tensor self, bool pivot=True, bool check_errors=True) -> (Tensor LU, Tensor pivots, Tensor info)",
    .in = kFunction,
    .doc = "torch.linalg.lu_factor_ex under the name that torch.lu uses.",
    .body = lu_with_info,
});

}  // namespace
}  // namespace kagari
