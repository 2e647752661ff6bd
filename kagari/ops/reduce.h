#pragma once
#include "kagari/tensor/tensor.h"

// Sums, products and truth values over some or all dimensions. No `dim`, or an empty one, means all dimensions; `keepdim` keeps the reduced
// ones with size 1. Dimensions out of range raise IndexError.
namespace kagari {

/// Integers and bool give int64, unless `dtype` says otherwise.
KAGARI_API Tensor sum(const Tensor& self, std::optional<IntList> dim = {}, bool keepdim = false, std::optional<DType> dtype = {});
/// NaN counts as zero.
KAGARI_API Tensor nansum(const Tensor& self, std::optional<IntList> dim = {}, bool keepdim = false, std::optional<DType> dtype = {});
KAGARI_API Tensor mean(const Tensor& self, std::optional<IntList> dim = {}, bool keepdim = false, std::optional<DType> dtype = {});
/// The mean of the elements that are not NaN.
KAGARI_API Tensor nanmean(const Tensor& self, std::optional<IntList> dim = {}, bool keepdim = false, std::optional<DType> dtype = {});
KAGARI_API Tensor prod(const Tensor& self, std::optional<int64_t> dim = {}, bool keepdim = false, std::optional<DType> dtype = {});
/// Whether all (any) elements are nonzero. The result is bool (uint8 for uint8).
KAGARI_API Tensor all(const Tensor& self, std::optional<IntList> dim = {}, bool keepdim = false);
KAGARI_API Tensor any(const Tensor& self, std::optional<IntList> dim = {}, bool keepdim = false);
KAGARI_API Tensor count_nonzero(const Tensor& self, std::optional<IntList> dim = {});
/// log(sum(exp(self))), without overflow.
KAGARI_API Tensor logsumexp(const Tensor& self, IntList dim, bool keepdim = false);
/// The sum of a matrix's diagonal.
KAGARI_API Tensor trace(const Tensor& self);

}  // namespace kagari
