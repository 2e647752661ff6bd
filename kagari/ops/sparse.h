#pragma once
#include "kagari/tensor/sparse.h"

// Sparse tensors: COO (coordinates), and the compressed layouts CSR, CSC, BSR, BSC of matrices. What other operators do with them are rules
// (op/sparse_rules.h).
//
// Note [Gradients of sparse tensors]: an operator on the values gives a sparse gradient with the indices of its argument, and reads what comes
// in at those places, be it sparse or strided. Operators that treat the tensor as a whole (add, transpose, coalesce, to_dense, ...) hand on the
// gradient in the layout in which it comes. Values of an uncoalesced tensor never enter a recorded graph: it is coalesced first.
namespace kagari {

/// A COO tensor of `size`: indices (sparse dimensions, nnz), values (nnz, dense dimensions...). RuntimeError for an index out of range and
/// shapes that do not fit. The gradient of values is that of the tensor at the indices.
KAGARI_API Tensor sparse_coo_tensor(const Tensor& indices, const Tensor& values, IntList size, bool coalesced = false);
/// The size is the smallest that holds the indices.
KAGARI_API Tensor sparse_coo_tensor(const Tensor& indices, const Tensor& values);
/// A matrix in a compressed layout. RuntimeError for indices out of range or in disorder and for shapes that do not fit; `strict`: also for
/// indices in a row that are not sorted or come twice.
KAGARI_API Tensor sparse_compressed_tensor(const Tensor& compressed, const Tensor& plain, const Tensor& values, IntList size, Layout layout, bool strict = false);

/// The values, sharing memory; differentiable. Of a strided tensor: RuntimeError.
KAGARI_API Tensor sparse_values(const Tensor& self);
/// The tensor with other values at the same places; differentiable in the values. `node`: the name of the recorded node.
KAGARI_API Tensor with_sparse_values(const Tensor& pattern, const Tensor& values, std::string node = "SparseCooTensorWithDimsAndTensorsBackward0");
/// The elements of `self`, sparse or strided, at the places of `pattern`, in the shape of its values; differentiable in self.
KAGARI_API Tensor sparse_values_at(const Tensor& self, const Tensor& pattern);
/// COO indices (sparse dimensions, nnz) of any layout without blocks.
KAGARI_API Tensor sparse_coordinates(const Tensor& self);

/// Indices sorted and distinct: values of one place are added.
KAGARI_API Tensor coalesce(const Tensor& self);
/// A strided tensor. `masked_grad`: the gradient has the places of self only.
KAGARI_API Tensor to_dense(const Tensor& self, bool masked_grad = true);
/// COO, with the elements that are not zero; the last dimensions stay dense if sparse_dim is less than dim().
KAGARI_API Tensor to_sparse(const Tensor& self, std::optional<int64_t> sparse_dim = {});
/// Any layout; `blocksize` for BSR and BSC.
KAGARI_API Tensor to_layout(const Tensor& self, Layout layout, IntList blocksize = {});
/// The elements of self at the places of mask.
KAGARI_API Tensor sparse_mask(const Tensor& self, const Tensor& mask);
/// A sparse tensor without any value.
KAGARI_API Tensor empty_sparse(IntList size, DType dtype, Layout layout, IntList blocksize = {});

/// The gradient of rows of a table: COO, one entry per row of `grad` but for the row `skipped`.
KAGARI_API Tensor sparse_rows(const Tensor& grad, const Tensor& indices, int64_t rows, int64_t skipped = -1);

}  // namespace kagari
