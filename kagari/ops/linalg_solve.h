#pragma once
#include <tuple>

#include "kagari/tensor/tensor.h"

// Linear systems with square matrices, inverses and determinants. float32, float64 and complex; leading dimensions are batches.
namespace kagari {

/// X of A X = B (left) or X A = B for a triangle A; what is on the other side of the diagonal is not read.
KAGARI_API Tensor solve_triangular(const Tensor& A, const Tensor& B, bool upper, bool left = true, bool unitriangular = false);
/// (X, info) of A X = B or X A = B.
KAGARI_API std::tuple<Tensor, Tensor> solve_ex(const Tensor& A, const Tensor& B, bool left = true, bool check_errors = false);
/// B may be a vector (or a batch of them).
KAGARI_API Tensor solve(const Tensor& A, const Tensor& B, bool left = true);
KAGARI_API std::tuple<Tensor, Tensor> inv_ex(const Tensor& A, bool check_errors = false);
KAGARI_API Tensor inv(const Tensor& A);
KAGARI_API Tensor det(const Tensor& A);
/// The sign (of absolute value 1, or 0) and the logarithm of the determinant's absolute value.
KAGARI_API std::tuple<Tensor, Tensor> slogdet(const Tensor& A);
KAGARI_API Tensor logdet(const Tensor& A);
/// X of A X = B from the LU decomposition of A.
KAGARI_API Tensor lu_solve(const Tensor& LU, const Tensor& pivots, const Tensor& B, bool left = true, bool adjoint = false);
/// X of A X = B for A = L L^H (U^H U).
KAGARI_API Tensor cholesky_solve(const Tensor& B, const Tensor& L, bool upper = false);
KAGARI_API Tensor cholesky_inverse(const Tensor& L, bool upper = false);
/// Identity matrices of the shape and dtype of t's matrices, without batch dimensions.
KAGARI_API Tensor with_eye(const Tensor& t);

}  // namespace kagari
