#pragma once
#include <tuple>

#include "kagari/tensor/tensor.h"

// Products of vectors and of chains of matrices, ranks and condition numbers, and eigenvalues of general matrices.
namespace kagari {

/// The cross product of vectors of three elements along `dim`.
KAGARI_API Tensor linalg_cross(const Tensor& self, const Tensor& other, int64_t dim = -1);
/// The sum of conj(x) y along `dim`.
KAGARI_API Tensor vecdot(const Tensor& x, const Tensor& y, int64_t dim = -1);
/// The product of matrices in the cheapest order.
KAGARI_API Tensor multi_dot(TensorList tensors);
KAGARI_API Tensor matrix_rank(const Tensor& A, std::optional<double> atol = {}, std::optional<double> rtol = {}, bool hermitian = false);
KAGARI_API Tensor cond(const Tensor& A, const std::optional<Scalar>& p = {});
/// Complex eigenvalues and eigenvectors of general matrices.
KAGARI_API std::tuple<Tensor, Tensor> eig(const Tensor& A);
KAGARI_API Tensor eigvals(const Tensor& A);

}  // namespace kagari
