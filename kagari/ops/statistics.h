#pragma once
#include <tuple>

#include "kagari/tensor/tensor.h"

// Quantiles, covariances and counts of values.
namespace kagari {

/// The q-quantiles along a dimension (of all elements without `dim`); a 1-d q becomes the first dimension of the result.
KAGARI_API Tensor quantile(const Tensor& self, const Tensor& q, std::optional<int64_t> dim = {}, bool keepdim = false, std::string_view interpolation = "linear");
/// The same of the elements that are not NaN.
KAGARI_API Tensor nanquantile(const Tensor& self, const Tensor& q, std::optional<int64_t> dim = {}, bool keepdim = false,
                              std::string_view interpolation = "linear");
/// The covariance matrix of variables in rows.
KAGARI_API Tensor cov(const Tensor& self, int64_t correction = 1, const Tensor& fweights = {}, const Tensor& aweights = {});
KAGARI_API Tensor corrcoef(const Tensor& self);

/// How often each nonnegative integer occurs, or the sum of its weights.
KAGARI_API Tensor bincount(const Tensor& self, const Tensor& weights = {}, int64_t minlength = 0);
/// Counts in `bins` equal intervals between min and max (of the data if both are equal).
KAGARI_API Tensor histc(const Tensor& self, int64_t bins = 100, const Scalar& min = 0, const Scalar& max = 0);
/// Counts and edges.
KAGARI_API std::tuple<Tensor, Tensor> histogram(const Tensor& self, int64_t bins, std::optional<ArrayView<double>> range = {}, const Tensor& weight = {},
                                                bool density = false);
KAGARI_API std::tuple<Tensor, Tensor> histogram_edges(const Tensor& self, const Tensor& bins, const Tensor& weight = {}, bool density = false);

}  // namespace kagari
