#pragma once
#include "kagari/tensor/tensor.h"

// Operators that copy elements into another arrangement: joining, repeating, flipping, triangles and diagonals.

namespace kagari {

/// Joined along a dimension; dtypes are promoted. Empty 1-d tensors are skipped.
KAGARI_API Tensor cat(TensorList tensors, int64_t dim = 0);
/// Joined along a new dimension; sizes must be equal.
KAGARI_API Tensor stack(TensorList tensors, int64_t dim = 0);
KAGARI_API Tensor hstack(TensorList tensors);
KAGARI_API Tensor vstack(TensorList tensors);
KAGARI_API Tensor dstack(TensorList tensors);
KAGARI_API Tensor column_stack(TensorList tensors);
KAGARI_API Tensor block_diag(TensorList tensors);
/// Grids of coordinates. `indexing` is "ij" or "xy".
KAGARI_API std::vector<Tensor> meshgrid(TensorList tensors, std::string_view indexing = "ij");
KAGARI_API Tensor cartesian_prod(TensorList tensors);

/// The whole tensor repeated along each dimension.
KAGARI_API Tensor repeat(const Tensor& self, IntList repeats);
KAGARI_API Tensor tile(const Tensor& self, IntList dims);
/// Each entry repeated; along the flattened tensor without `dim`.
KAGARI_API Tensor repeat_interleave(const Tensor& self, int64_t repeats, std::optional<int64_t> dim = {},
                                    std::optional<int64_t> output_size = {});
KAGARI_API Tensor repeat_interleave_each(const Tensor& self, const Tensor& repeats, std::optional<int64_t> dim = {},
                                         std::optional<int64_t> output_size = {});

KAGARI_API Tensor flip(const Tensor& self, IntList dims);
KAGARI_API Tensor fliplr(const Tensor& self);
KAGARI_API Tensor flipud(const Tensor& self);
KAGARI_API Tensor rot90(const Tensor& self, int64_t k = 1, IntList dims = {0, 1});
KAGARI_API Tensor roll(const Tensor& self, IntList shifts, IntList dims = {});

/// Zero above the given diagonal.
KAGARI_API Tensor tril(const Tensor& self, int64_t diagonal = 0);
/// Zero below the given diagonal.
KAGARI_API Tensor triu(const Tensor& self, int64_t diagonal = 0);
/// A matrix from its diagonal, or a matrix's diagonal.
KAGARI_API Tensor diag(const Tensor& self, int64_t diagonal = 0);
KAGARI_API Tensor diag_embed(const Tensor& self, int64_t offset = 0, int64_t dim1 = -2, int64_t dim2 = -1);
KAGARI_API Tensor diagflat(const Tensor& self, int64_t offset = 0);

/// Sums over the dimensions that broadcasting would have added, so that the result has the given sizes.
KAGARI_API Tensor sum_to(const Tensor& self, IntList size);

/// Writes `fill_value` on the main diagonal, in place. With `wrap` the diagonal of a tall matrix starts again one row below each square.
/// RuntimeError for fewer than two dimensions, and for three or more of different sizes.
KAGARI_API Tensor fill_diagonal_(const Tensor& self, const Scalar& fill_value, bool wrap = false);

}  // namespace kagari
