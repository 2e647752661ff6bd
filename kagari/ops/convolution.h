#pragma once
#include "kagari/tensor/tensor.h"

namespace kagari {

/// Convolution (cross-correlation) in 1 to 3 spatial dimensions, or its transpose. input (batch, channels, size...), weight
/// (out, in / groups, kernel...) or, transposed, (in, out / groups, kernel...); bias (out) may be undefined. Lists have one entry per
/// spatial dimension. output_padding adds to the size of the output at its upper ends.
KAGARI_API Tensor convolution(const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride, IntList padding, IntList dilation, bool transposed,
                              IntList output_padding, int64_t groups);
/// Its gradients: of the input of the given sizes, and of the weight.
KAGARI_API Tensor convolution_input_gradient(const Tensor& grad, const Tensor& weight, IntList input_sizes, IntList stride, IntList padding, IntList dilation,
                                             bool transposed, IntList output_padding, int64_t groups);
KAGARI_API Tensor convolution_weight_gradient(const Tensor& input, const Tensor& grad, IntList weight_sizes, IntList stride, IntList padding, IntList dilation,
                                              bool transposed, IntList output_padding, int64_t groups);

KAGARI_API Tensor conv1d(const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride, IntList padding, IntList dilation, int64_t groups);
KAGARI_API Tensor conv2d(const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride, IntList padding, IntList dilation, int64_t groups);
KAGARI_API Tensor conv3d(const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride, IntList padding, IntList dilation, int64_t groups);
/// padding "valid" (none) or "same" (the output has the input's size).
KAGARI_API Tensor conv1d_named(const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride, std::string_view padding, IntList dilation, int64_t groups);
KAGARI_API Tensor conv2d_named(const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride, std::string_view padding, IntList dilation, int64_t groups);
KAGARI_API Tensor conv3d_named(const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride, std::string_view padding, IntList dilation, int64_t groups);
KAGARI_API Tensor conv_transpose1d(const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride, IntList padding, IntList output_padding, int64_t groups, IntList dilation);
KAGARI_API Tensor conv_transpose2d(const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride, IntList padding, IntList output_padding, int64_t groups, IntList dilation);
KAGARI_API Tensor conv_transpose3d(const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride, IntList padding, IntList output_padding, int64_t groups, IntList dilation);

}  // namespace kagari
