#pragma once
#include "kagari/tensor/tensor.h"

// Norms of vectors. Floating and complex dtypes only; the result is real.
namespace kagari {

/// (sum |x|^ord)^(1/ord) over the dimensions `dim` (all of them if absent); ord 0 counts what is not zero, infinities give extrema of |x|.
KAGARI_API Tensor vector_norm(const Tensor& self, const Scalar& ord = 2, std::optional<IntList> dim = {}, bool keepdim = false, std::optional<DType> dtype = {});
/// The older function `torch.norm`, for numbers p.
KAGARI_API Tensor norm(const Tensor& self, const std::optional<Scalar>& p = {}, std::optional<IntList> dim = {}, bool keepdim = false,
                       std::optional<DType> dtype = {});
/// The norm of self - other.
KAGARI_API Tensor dist(const Tensor& self, const Tensor& other, const Scalar& p = 2);
/// Every slice along `dim` scaled down to a norm of `maxnorm` at most.
KAGARI_API Tensor renorm(const Tensor& self, const Scalar& p, int64_t dim, const Scalar& maxnorm);

}  // namespace kagari
