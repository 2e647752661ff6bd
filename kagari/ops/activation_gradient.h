#pragma once
#include <tuple>

#include "kagari/tensor/tensor.h"

// First derivatives of the activation functions, times a gradient, each in one pass. They can be differentiated again.
namespace kagari {

/// grad where the result `self` of relu is positive.
KAGARI_API Tensor relu_backward(const Tensor& grad, const Tensor& self);
/// grad * (1 - self^2), where self is the result of tanh.
KAGARI_API Tensor tanh_backward(const Tensor& grad, const Tensor& self);
/// grad * (1 - self) * self, where self is the result of sigmoid.
KAGARI_API Tensor sigmoid_backward(const Tensor& grad, const Tensor& self);
/// grad, times the slope where self is not positive.
KAGARI_API Tensor leaky_relu_backward(const Tensor& grad, const Tensor& self, const Scalar& slope);
/// grad where self is between the limits.
KAGARI_API Tensor hardtanh_backward(const Tensor& grad, const Tensor& self, const Scalar& low, const Scalar& high);
/// The gradient of hardsigmoid at self.
KAGARI_API Tensor hardsigmoid_backward(const Tensor& grad, const Tensor& self);
/// The gradient of hardswish at self.
KAGARI_API Tensor hardswish_backward(const Tensor& grad, const Tensor& self);
/// grad where |self| > lambd: the gradient of softshrink and hardshrink.
KAGARI_API Tensor shrink_backward(const Tensor& grad, const Tensor& self, const Scalar& lambda);
/// grad where self is above the threshold.
KAGARI_API Tensor threshold_backward(const Tensor& grad, const Tensor& self, const Scalar& threshold);
/// The gradient of elu at self.
KAGARI_API Tensor elu_backward(const Tensor& grad, const Tensor& self, const Scalar& alpha, const Scalar& scale, const Scalar& input_scale);
/// The gradient of softplus at self.
KAGARI_API Tensor softplus_backward(const Tensor& grad, const Tensor& self, const Scalar& beta, const Scalar& threshold);
/// The gradient of logsigmoid at self.
KAGARI_API Tensor log_sigmoid_backward(const Tensor& grad, const Tensor& self);
/// The gradient of gelu at self.
KAGARI_API Tensor gelu_backward(const Tensor& grad, const Tensor& self);
/// The gradient of gelu's tanh form at self.
KAGARI_API Tensor gelu_tanh_backward(const Tensor& grad, const Tensor& self);
/// The gradient of silu at self.
KAGARI_API Tensor silu_backward(const Tensor& grad, const Tensor& self);
/// The gradient of mish at self.
KAGARI_API Tensor mish_backward(const Tensor& grad, const Tensor& self);
/// The gradient of logit at self.
KAGARI_API Tensor logit_backward(const Tensor& grad, const Tensor& self, std::optional<double> eps);
/// Of prelu with a weight that broadcasts: for self and for the weight.
KAGARI_API std::tuple<Tensor, Tensor> prelu_kernel_backward(const Tensor& grad, const Tensor& self, const Tensor& weight);

}  // namespace kagari
