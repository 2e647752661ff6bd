#pragma once
#include <tuple>

#include "kagari/tensor/tensor.h"

// Factorizations of (batches of) matrices by elimination and reflection: Cholesky, LU, QR. float32, float64 and complex.
namespace kagari {

/// A = L L^H; (L, info), info > 0 where A is not positive definite.
KAGARI_API std::tuple<Tensor, Tensor> cholesky_ex(const Tensor& A, bool upper = false, bool check_errors = false);
KAGARI_API Tensor linalg_cholesky(const Tensor& A, bool upper = false);
KAGARI_API Tensor cholesky(const Tensor& A, bool upper = false);
/// A = Q R; mode 'reduced', 'complete' or 'r' (Q is empty).
KAGARI_API std::tuple<Tensor, Tensor> linalg_qr(const Tensor& A, std::string_view mode = "reduced");
KAGARI_API std::tuple<Tensor, Tensor> qr(const Tensor& A, bool some = true);
/// R in the upper triangle and the reflectors of Q below; the factors tau of the reflectors.
KAGARI_API std::tuple<Tensor, Tensor> geqrf(const Tensor& A);
/// The first columns of the product of reflectors.
KAGARI_API Tensor householder_product(const Tensor& A, const Tensor& tau);
/// The product of Q, given by its reflectors, and other (or other and Q).
KAGARI_API Tensor ormqr(const Tensor& A, const Tensor& tau, const Tensor& other, bool left = true, bool transpose = false);
/// (LU, pivots, info): both triangles in one matrix, the rows that were exchanged (from 1), and info > 0 where U is singular.
KAGARI_API std::tuple<Tensor, Tensor, Tensor> lu_factor_ex(const Tensor& A, bool pivot = true, bool check_errors = false);
KAGARI_API std::tuple<Tensor, Tensor> lu_factor(const Tensor& A, bool pivot = true);
/// P, L and U from what lu_factor returned.
KAGARI_API std::tuple<Tensor, Tensor, Tensor> lu_unpack(const Tensor& LU, const Tensor& pivots, bool unpack_data = true, bool unpack_pivots = true);
KAGARI_API std::tuple<Tensor, Tensor, Tensor> lu(const Tensor& A, bool pivot = true);

}  // namespace kagari
