#pragma once
#include <cstdint>

#include "kagari/base/export.h"
#include "kagari/tensor/dtype.h"

// Convolutions in one to three spatial dimensions on raw memory, and their gradients.
//
// Layouts (sizes, contiguous): input (batch, in_channels, input_size...), output (batch, out_channels, output_size...); with
// channels_last both lie as (batch, size..., channels). weight: (out_channels, in_channels / groups, kernel...), for a transposed
// convolution (in_channels, out_channels / groups, kernel...), always contiguous in that order. bias: out_channels.
//
// All memory has the same dtype: floating (but float8), complex, or int64 (no bias). Half types are computed in float32 and rounded once. The
// gradients of complex ones are the plain transposes: callers conjugate.

namespace kagari {

struct Convolution {
  DType dtype = DType::Float32;
  int dims = 2;  // spatial dimensions, 1 to 3
  bool transposed = false, channels_last = false;
  int64_t batch = 0, in_channels = 0, out_channels = 0, groups = 1;
  int64_t input_size[3] = {1, 1, 1}, output_size[3] = {1, 1, 1};
  int64_t kernel[3] = {1, 1, 1}, stride[3] = {1, 1, 1}, dilation[3] = {1, 1, 1};
  int64_t padding[3] = {0, 0, 0};  // on both sides; output_size decides what is used of the upper one
};

/// Size of the output along dimension `d`, from the other fields; output_padding counts for transposed convolutions only. May be
/// negative or zero when the input is too small: the caller checks.
KAGARI_API int64_t convolution_output_size(const Convolution& c, int d, int64_t output_padding = 0);

/// output = convolution of input and weight (+ bias, unless null).
KAGARI_API void convolution_forward(const Convolution& c, const void* input, const void* weight, const void* bias, void* output);

/// Gradient with respect to the input.
KAGARI_API void convolution_backward_input(const Convolution& c, const void* grad_output, const void* weight, void* grad_input);

/// Gradients with respect to the weight and, unless null, the bias.
KAGARI_API void convolution_backward_weight(const Convolution& c, const void* input, const void* grad_output, void* grad_weight,
                                            void* grad_bias);

}  // namespace kagari
