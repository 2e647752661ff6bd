#pragma once
#include "kagari/tensor/tensor.h"

// Normalised exponentials along a dimension. Halfs are computed in float32; `dtype` converts the argument first.
namespace kagari {

/// exp(self) / sum(exp(self))
KAGARI_API Tensor softmax(const Tensor& self, int64_t dim, std::optional<DType> dtype = {});
/// log(softmax(self)), accurate where softmax is tiny.
KAGARI_API Tensor log_softmax(const Tensor& self, int64_t dim, std::optional<DType> dtype = {});
/// softmax of -self.
KAGARI_API Tensor softmin(const Tensor& self, int64_t dim, std::optional<DType> dtype = {});

/// Gradients of the two from that of the result and the result. They can be differentiated again.
KAGARI_API Tensor softmax_backward(const Tensor& grad, const Tensor& output, int64_t dim);
KAGARI_API Tensor log_softmax_backward(const Tensor& grad, const Tensor& output, int64_t dim);

}  // namespace kagari
