#pragma once
#include <tuple>

#include "kagari/tensor/tensor.h"

// Order along a dimension. NaN counts as the largest value; sorting is stable; indices are int64.
namespace kagari {

KAGARI_API std::tuple<Tensor, Tensor> sort(const Tensor& self, int64_t dim = -1, bool descending = false);
KAGARI_API Tensor argsort(const Tensor& self, int64_t dim = -1, bool descending = false);
/// Sorted along the first dimension.
KAGARI_API Tensor msort(const Tensor& self);
/// The k largest (smallest) elements. RuntimeError if there are fewer.
KAGARI_API std::tuple<Tensor, Tensor> topk(const Tensor& self, int64_t k, int64_t dim = -1, bool largest = true, bool sorted = true);
/// The k-th smallest element, counted from 1.
KAGARI_API std::tuple<Tensor, Tensor> kthvalue(const Tensor& self, int64_t k, int64_t dim = -1, bool keepdim = false);
/// The lower of the two middle elements; NaN if there is one.
KAGARI_API Tensor median(const Tensor& self);
KAGARI_API std::tuple<Tensor, Tensor> median_dim(const Tensor& self, int64_t dim, bool keepdim = false);
/// The median of the elements that are not NaN.
KAGARI_API Tensor nanmedian(const Tensor& self);
KAGARI_API std::tuple<Tensor, Tensor> nanmedian_dim(const Tensor& self, int64_t dim, bool keepdim = false);
/// The most frequent element, the smallest of several.
KAGARI_API std::tuple<Tensor, Tensor> mode(const Tensor& self, int64_t dim = -1, bool keepdim = false);

}  // namespace kagari
