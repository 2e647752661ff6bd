#pragma once
#include <vector>

#include "kagari/tensor/tensor.h"

// Derivatives of sampled functions: `torch.gradient`. Central differences inside, one-sided ones of the given order at the edges.
namespace kagari {

/// One spacing for all dimensions.
KAGARI_API std::vector<Tensor> gradient(const Tensor& self, const std::optional<Scalar>& spacing = {}, std::optional<IntList> dim = {}, int64_t edge_order = 1);
/// A spacing per dimension.
KAGARI_API std::vector<Tensor> gradient_spacings(const Tensor& self, ArrayView<double> spacing, std::optional<IntList> dim = {}, int64_t edge_order = 1);
/// Coordinates per dimension.
KAGARI_API std::vector<Tensor> gradient_coordinates(const Tensor& self, TensorList spacing, std::optional<IntList> dim = {}, int64_t edge_order = 1);

}  // namespace kagari
