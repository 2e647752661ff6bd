#pragma once
#include "kagari/tensor/tensor.h"

// Distances and similarities of vectors.
namespace kagari {

/// The dot product along dim over the product of the norms, each at least eps. Shapes broadcast.
KAGARI_API Tensor cosine_similarity(const Tensor& x1, const Tensor& x2, int64_t dim = 1, double eps = 1e-8);
/// The p-norm of x1 - x2 + eps along the last dimension.
KAGARI_API Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, double p = 2, double eps = 1e-6, bool keepdim = false);
/// The p-norm distance of each row of x1 (..., P, M) to each of x2 (..., R, M): (..., P, R).
KAGARI_API Tensor cdist(const Tensor& x1, const Tensor& x2, double p = 2, std::optional<std::string_view> compute_mode = {});
/// The p-norm distances of the rows of (N, M), each pair once: (N (N - 1) / 2).
KAGARI_API Tensor pdist(const Tensor& self, double p = 2);

}  // namespace kagari
