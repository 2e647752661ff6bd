#pragma once
#include <tuple>

#include "kagari/tensor/tensor.h"

// Variances and standard deviations: sums of squared deviations divided by max(0, n - correction). Floating and complex dtypes only.
namespace kagari {

using MaybeDims = std::optional<IntList>;
KAGARI_API Tensor var(const Tensor& self, MaybeDims dim = {}, const std::optional<Scalar>& correction = {}, bool keepdim = false);
/// The standard deviation: `torch.std`.
KAGARI_API Tensor standard_deviation(const Tensor& self, MaybeDims dim = {}, const std::optional<Scalar>& correction = {}, bool keepdim = false);
/// The variance (standard deviation) and the mean.
KAGARI_API std::tuple<Tensor, Tensor> var_mean(const Tensor& self, MaybeDims dim = {}, const std::optional<Scalar>& correction = {}, bool keepdim = false);
KAGARI_API std::tuple<Tensor, Tensor> std_mean(const Tensor& self, MaybeDims dim = {}, const std::optional<Scalar>& correction = {}, bool keepdim = false);

}  // namespace kagari
