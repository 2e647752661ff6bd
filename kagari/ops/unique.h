#pragma once
#include <tuple>

#include "kagari/tensor/tensor.h"

// Sets of elements.
namespace kagari {

using ThreeTensors = std::tuple<Tensor, Tensor, Tensor>;
/// The distinct elements in ascending order; where each element is among them, and how often each occurs (empty unless asked for).
KAGARI_API ThreeTensors unique_all(const Tensor& self, bool sorted = true, bool return_inverse = false, bool return_counts = false);
/// The distinct slices along a dimension.
KAGARI_API ThreeTensors unique_dim(const Tensor& self, int64_t dim, bool sorted = true, bool return_inverse = false, bool return_counts = false);
/// The first of each run of equal elements (slices).
KAGARI_API ThreeTensors unique_consecutive(const Tensor& self, bool return_inverse = false, bool return_counts = false, std::optional<int64_t> dim = {});
/// Which elements are among `test_elements`.
KAGARI_API Tensor isin(const Tensor& elements, const Tensor& test_elements, bool assume_unique = false, bool invert = false);

}  // namespace kagari
