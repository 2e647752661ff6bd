#pragma once
#include <tuple>

#include "kagari/tensor/tensor.h"

// Largest and smallest elements and where they are. NaN wins. Reducing an empty dimension raises IndexError.
namespace kagari {

/// Over the dimensions `dim` (all of them if empty). The gradient goes to all elements that are equal to the result, in equal parts.
KAGARI_API Tensor amax(const Tensor& self, IntList dim = {}, bool keepdim = false);
KAGARI_API Tensor amin(const Tensor& self, IntList dim = {}, bool keepdim = false);
KAGARI_API std::tuple<Tensor, Tensor> aminmax(const Tensor& self, std::optional<int64_t> dim = {}, bool keepdim = false);
/// Of all elements.
KAGARI_API Tensor max(const Tensor& self);
KAGARI_API Tensor min(const Tensor& self);
/// Values and int64 indices along a dimension.
KAGARI_API std::tuple<Tensor, Tensor> max_dim(const Tensor& self, int64_t dim, bool keepdim = false);
KAGARI_API std::tuple<Tensor, Tensor> min_dim(const Tensor& self, int64_t dim, bool keepdim = false);
/// The index of the first largest element, along `dim` or of the flattened tensor.
KAGARI_API Tensor argmax(const Tensor& self, std::optional<int64_t> dim = {}, bool keepdim = false);
KAGARI_API Tensor argmin(const Tensor& self, std::optional<int64_t> dim = {}, bool keepdim = false);

}  // namespace kagari
