#pragma once
#include "kagari/tensor/tensor.h"

// The nonlinear functions of neural networks, element by element.
namespace kagari {

KAGARI_API Tensor relu(const Tensor& self);
KAGARI_API Tensor leaky_relu(const Tensor& self, const Scalar& negative_slope = 0.01);
KAGARI_API Tensor hardtanh(const Tensor& self, const Scalar& min_val = -1, const Scalar& max_val = 1);
KAGARI_API Tensor hardsigmoid(const Tensor& self);
KAGARI_API Tensor hardswish(const Tensor& self);
KAGARI_API Tensor elu(const Tensor& self, const Scalar& alpha = 1, const Scalar& scale = 1, const Scalar& input_scale = 1);
KAGARI_API Tensor celu(const Tensor& self, const Scalar& alpha = 1);
KAGARI_API Tensor selu(const Tensor& self);
KAGARI_API Tensor gelu(const Tensor& self, std::string_view approximate = "none");
KAGARI_API Tensor silu(const Tensor& self);
KAGARI_API Tensor mish(const Tensor& self);
KAGARI_API Tensor softplus(const Tensor& self, const Scalar& beta = 1, const Scalar& threshold = 20);
KAGARI_API Tensor log_sigmoid(const Tensor& self);
KAGARI_API Tensor softshrink(const Tensor& self, const Scalar& lambda = 0.5);
KAGARI_API Tensor hardshrink(const Tensor& self, const Scalar& lambda = 0.5);
KAGARI_API Tensor threshold(const Tensor& self, const Scalar& limit, const Scalar& value);
KAGARI_API Tensor logit(const Tensor& self, std::optional<double> eps = {});
KAGARI_API Tensor relu6(const Tensor& self);
KAGARI_API Tensor tanhshrink(const Tensor& self);
KAGARI_API Tensor softsign(const Tensor& self);
KAGARI_API Tensor glu(const Tensor& self, int64_t dim = -1);
KAGARI_API Tensor prelu(const Tensor& self, const Tensor& weight);
KAGARI_API Tensor prelu_kernel(const Tensor& self, const Tensor& weight);

}  // namespace kagari
