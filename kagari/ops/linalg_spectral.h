#pragma once
#include <tuple>

#include "kagari/tensor/tensor.h"

// Eigenvalues and singular values of (batches of) matrices, and what is made of them. float32, float64 and complex.
namespace kagari {

/// Ascending eigenvalues and the eigenvectors of Hermitian matrices, of which one triangle is read.
KAGARI_API std::tuple<Tensor, Tensor> eigh(const Tensor& A, std::string_view UPLO = "L");
KAGARI_API Tensor eigvalsh(const Tensor& A, std::string_view UPLO = "L");
/// A = U diag(S) Vh with descending S; U and Vh are square if full_matrices.
KAGARI_API std::tuple<Tensor, Tensor, Tensor> linalg_svd(const Tensor& A, bool full_matrices = true, std::optional<std::string_view> driver = {});
KAGARI_API Tensor svdvals(const Tensor& A, std::optional<std::string_view> driver = {});
/// ord 1, -1, 2, -2 or an infinity.
KAGARI_API Tensor matrix_norm(const Tensor& A, const Scalar& ord, IntList dim, bool keepdim = false, std::optional<DType> dtype = {});
/// 'fro' or 'nuc'.
KAGARI_API Tensor matrix_norm_named(const Tensor& A, std::string_view ord, IntList dim, bool keepdim = false, std::optional<DType> dtype = {});
KAGARI_API Tensor linalg_norm(const Tensor& A, const std::optional<Scalar>& ord = {}, std::optional<IntList> dim = {}, bool keepdim = false,
                              std::optional<DType> dtype = {});
KAGARI_API Tensor matrix_power(const Tensor& A, int64_t n);

}  // namespace kagari
