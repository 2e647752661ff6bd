#pragma once
#include <tuple>

#include "kagari/tensor/tensor.h"

// Pseudo-inverses and least squares for (batches of) matrices of any shape. float32, float64 and complex.
namespace kagari {

/// The pseudo-inverse. Singular values of at most max(atol, rtol * the largest) count as zero; an undefined tensor stands for the default.
KAGARI_API Tensor pinv_within(const Tensor& A, const Tensor& atol, const Tensor& rtol, bool hermitian = false);
KAGARI_API Tensor pinv(const Tensor& A, std::optional<double> atol = {}, std::optional<double> rtol = {}, bool hermitian = false);
/// (solution, residuals, rank, singular_values) of min |A X - B|; what the driver does not compute is empty.
KAGARI_API std::tuple<Tensor, Tensor, Tensor, Tensor> lstsq(const Tensor& A, const Tensor& B, std::optional<double> rcond = {}, std::optional<std::string_view> driver = {});

namespace linalg {
/// Which of the descending (or absolute) values S of A's matrices exceed max(atol, rtol * the largest). Without rtol it is
/// max(m, n) * eps, or 0 where a positive atol is given.
Tensor above_tolerance(const Tensor& A, const Tensor& S, const Tensor& atol, const Tensor& rtol);
/// A tolerance that may be missing, as a tensor.
Tensor tolerance(std::optional<double> value);
}  // namespace linalg

}  // namespace kagari
