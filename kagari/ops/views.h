#pragma once
#include "kagari/tensor/tensor.h"

// Operators whose result shares memory with their argument. Dimensions may be negative; one out of range raises IndexError.

namespace kagari {

/// The same elements in row-major order under other sizes (one may be -1). RuntimeError if that needs a copy.
KAGARI_API Tensor view(const Tensor& self, IntList size);
/// The same bytes as elements of another dtype.
KAGARI_API Tensor view_dtype(const Tensor& self, DType dtype);
KAGARI_API Tensor view_as(const Tensor& self, const Tensor& other);
/// A view where one exists, otherwise a copy.
KAGARI_API Tensor reshape(const Tensor& self, IntList shape);
KAGARI_API Tensor reshape_as(const Tensor& self, const Tensor& other);
/// Joins dimensions start_dim..end_dim.
KAGARI_API Tensor flatten(const Tensor& self, int64_t start_dim = 0, int64_t end_dim = -1);
KAGARI_API Tensor ravel(const Tensor& self);
/// Splits dimension `dim` into `sizes`.
KAGARI_API Tensor unflatten(const Tensor& self, int64_t dim, IntList sizes);

/// Dimension i of the result is dimension dims[i] of self.
KAGARI_API Tensor permute(const Tensor& self, IntList dims);
KAGARI_API Tensor transpose(const Tensor& self, int64_t dim0, int64_t dim1);
/// Transposes a matrix; leaves tensors of fewer dimensions as they are.
KAGARI_API Tensor t(const Tensor& self);
/// All dimensions reversed: `Tensor.T`.
KAGARI_API Tensor reverse_dims(const Tensor& self);
/// The last two dimensions exchanged: `Tensor.mT`.
KAGARI_API Tensor matrix_transpose(const Tensor& self);
/// The last two dimensions exchanged, and conjugated.
KAGARI_API Tensor adjoint(const Tensor& self);
KAGARI_API Tensor movedim(const Tensor& self, IntList source, IntList destination);

/// Dimensions of size 1 repeated without a copy; -1 keeps a size.
KAGARI_API Tensor expand(const Tensor& self, IntList size, bool implicit = false);
KAGARI_API Tensor expand_as(const Tensor& self, const Tensor& other);
KAGARI_API Tensor broadcast_to(const Tensor& self, IntList size);
KAGARI_API std::vector<Tensor> broadcast_tensors(TensorList tensors);
/// Without all dimensions of size 1.
KAGARI_API Tensor squeeze(const Tensor& self);
KAGARI_API Tensor squeeze_dim(const Tensor& self, int64_t dim);
KAGARI_API Tensor squeeze_dims(const Tensor& self, IntList dims);
KAGARI_API Tensor unsqueeze(const Tensor& self, int64_t dim);

/// Entry `index` of dimension `dim`, which disappears.
KAGARI_API Tensor select(const Tensor& self, int64_t dim, int64_t index);
/// Entries start, start + step, ... below end; both are clamped as Python does.
KAGARI_API Tensor slice(const Tensor& self, int64_t dim = 0, std::optional<int64_t> start = {}, std::optional<int64_t> end = {},
                        int64_t step = 1);
KAGARI_API Tensor narrow(const Tensor& self, int64_t dim, int64_t start, int64_t length);
/// Any sizes and strides over the storage. Elements that meet at one address share the gradient.
KAGARI_API Tensor as_strided(const Tensor& self, IntList size, IntList stride, std::optional<int64_t> storage_offset = {});
/// All windows of `size` entries along a dimension, `step` apart; the window becomes the last dimension.
KAGARI_API Tensor unfold(const Tensor& self, int64_t dimension, int64_t size, int64_t step);
KAGARI_API Tensor diagonal(const Tensor& self, int64_t offset = 0, int64_t dim1 = 0, int64_t dim2 = 1);

/// Pieces of split_size entries; the last may be shorter.
KAGARI_API std::vector<Tensor> split(const Tensor& self, int64_t split_size, int64_t dim = 0);
KAGARI_API std::vector<Tensor> split_with_sizes(const Tensor& self, IntList split_sizes, int64_t dim = 0);
/// `sections` pieces whose sizes differ by at most one.
KAGARI_API std::vector<Tensor> tensor_split(const Tensor& self, int64_t sections, int64_t dim = 0);
/// Pieces that begin at the given indices.
KAGARI_API std::vector<Tensor> tensor_split_at(const Tensor& self, IntList indices, int64_t dim = 0);
/// At most `chunks` pieces of one size; the last may be shorter.
KAGARI_API std::vector<Tensor> chunk(const Tensor& self, int64_t chunks, int64_t dim = 0);
KAGARI_API std::vector<Tensor> unbind(const Tensor& self, int64_t dim = 0);

/// Complex numbers as a last dimension of size 2.
KAGARI_API Tensor view_as_real(const Tensor& self);
KAGARI_API Tensor view_as_complex(const Tensor& self);
/// The real part; a real tensor itself.
KAGARI_API Tensor real(const Tensor& self);
KAGARI_API Tensor imag(const Tensor& self);
KAGARI_API Tensor atleast_1d(const Tensor& self);
KAGARI_API Tensor atleast_2d(const Tensor& self);
KAGARI_API Tensor atleast_3d(const Tensor& self);

/// int, slice, None and Ellipsis of one subscript, taken in one step: see basic_index in indexing.
KAGARI_API Tensor strided_window(const Tensor& self, IntList size, IntList stride, int64_t offset);

/// Gradients of the operators above, for those who compose them: zeros of `sizes` with `grad` written into the window.
KAGARI_API Tensor select_backward(const Tensor& grad, IntList input_sizes, int64_t dim, int64_t index);
KAGARI_API Tensor slice_backward(const Tensor& grad, IntList input_sizes, int64_t dim, int64_t start, int64_t end, int64_t step);
KAGARI_API Tensor diagonal_backward(const Tensor& grad, IntList input_sizes, int64_t offset, int64_t dim1, int64_t dim2);
KAGARI_API Tensor unfold_backward(const Tensor& grad, IntList input_sizes, int64_t dim, int64_t size, int64_t step);

/// self with `src` in place of a window; self itself is not changed.
KAGARI_API Tensor select_scatter(const Tensor& self, const Tensor& src, int64_t dim, int64_t index);
KAGARI_API Tensor slice_scatter(const Tensor& self, const Tensor& src, int64_t dim = 0, std::optional<int64_t> start = {},
                                std::optional<int64_t> end = {}, int64_t step = 1);
KAGARI_API Tensor diagonal_scatter(const Tensor& self, const Tensor& src, int64_t offset = 0, int64_t dim1 = 0, int64_t dim2 = 1);
KAGARI_API Tensor as_strided_scatter(const Tensor& self, const Tensor& src, IntList size, IntList stride,
                                     std::optional<int64_t> storage_offset = {});

}  // namespace kagari
