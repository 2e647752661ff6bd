#pragma once
#include "kagari/tensor/tensor.h"

// Elements addressed by tensors of indices or by masks. Indices are int64 or int32; one out of range raises.

namespace kagari {

/// self[indices]: an undefined entry stands for ":". Negative indices count from the end, bool masks address where they are set. The
/// indexed dimensions take the place of the first one if they are neighbours, else the front.
KAGARI_API Tensor index(const Tensor& self, TensorList indices);
KAGARI_API Tensor index_put(const Tensor& self, TensorList indices, const Tensor& values, bool accumulate = false);
KAGARI_API Tensor index_put_(const Tensor& self, TensorList indices, const Tensor& values, bool accumulate = false);

KAGARI_API Tensor index_select(const Tensor& self, int64_t dim, const Tensor& index);
KAGARI_API Tensor index_add(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source, const Scalar& alpha = 1);
KAGARI_API Tensor index_copy(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source);
KAGARI_API Tensor index_fill(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value);
KAGARI_API Tensor take(const Tensor& self, const Tensor& index);
KAGARI_API Tensor take_along_dim(const Tensor& self, const Tensor& indices, std::optional<int64_t> dim = {});
KAGARI_API Tensor put(const Tensor& self, const Tensor& index, const Tensor& source, bool accumulate = false);

/// out[..., i, ...] = self[..., index[..., i, ...], ...]
KAGARI_API Tensor gather(const Tensor& self, int64_t dim, const Tensor& index, bool sparse_grad = false);
KAGARI_API Tensor scatter(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src);
KAGARI_API Tensor scatter_value(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value);
KAGARI_API Tensor scatter_add(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src);
/// `reduce` is sum, prod, mean, amax or amin.
KAGARI_API Tensor scatter_reduce(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, std::string_view reduce,
                                 bool include_self = true);

KAGARI_API Tensor masked_select(const Tensor& self, const Tensor& mask);
KAGARI_API Tensor masked_fill(const Tensor& self, const Tensor& mask, const Scalar& value);
KAGARI_API Tensor masked_fill_(const Tensor& self, const Tensor& mask, const Scalar& value);
KAGARI_API Tensor masked_scatter(const Tensor& self, const Tensor& mask, const Tensor& source);
/// Coordinates (count, ndim) of the elements that are not zero.
KAGARI_API Tensor nonzero(const Tensor& self);
KAGARI_API Tensor argwhere(const Tensor& self);

/// Rows of weight. `padding_idx` gets no gradient.
KAGARI_API Tensor embedding(const Tensor& weight, const Tensor& indices, int64_t padding_idx = -1, bool scale_grad_by_freq = false, bool sparse = false);
KAGARI_API Tensor embedding_dense_backward(const Tensor& grad, const Tensor& indices, int64_t num_weights, int64_t padding_idx,
                                           bool scale_grad_by_freq);

/// Positions at which `self` would be inserted into sorted sequences (the last dimension).
KAGARI_API Tensor searchsorted(const Tensor& sorted_sequence, const Tensor& self, bool out_int32 = false, bool right = false,
                               std::optional<std::string_view> side = {}, const Tensor& sorter = {});
KAGARI_API Tensor bucketize(const Tensor& self, const Tensor& boundaries, bool out_int32 = false, bool right = false);

}  // namespace kagari
