#pragma once
#include <cstdint>

#include "kagari/tensor/dtype.h"

// Convolutions in two spatial dimensions on AMX tiles (Note [Convolution on tiles] in amx_conv.cpp). One group.

namespace kagari {

/// The image has `channels` channels at input + image * input_batch + channel * input_channel + y * input_row + x * input_pixel (in elements), the
/// output likewise. The stride of channels is 1 if `channels_last`, otherwise that of pixels. Weights have strides of any sign.
struct AmxConvolution {
  DType dtype;  // float32, float16, bfloat16
  bool channels_last;
  int64_t batch, channels, out_channels;
  int64_t height, width, out_height, out_width;
  int64_t kernel_y, kernel_x, stride_y, stride_x, padding_y, padding_x, dilation_y, dilation_x;
  const void *input, *weight, *bias;  // bias may be null
  void* output;
  int64_t input_batch, input_channel, input_row, input_pixel;
  int64_t output_batch, output_channel, output_row, output_pixel;
  int64_t weight_out, weight_in, weight_y, weight_x;
};

struct AmxConvKernels {
  /// Bytes of the packed weights, the number of groups in which they are packed, and of independent strips of the output.
  int64_t (*weight_bytes)(const AmxConvolution& c);
  int64_t (*weight_groups)(const AmxConvolution& c);
  int64_t (*strips)(const AmxConvolution& c);
  /// False if an element was not finite (float32 and float16); then the output holds nothing.
  bool (*pack_weights)(const AmxConvolution& c, char* packed, int64_t first_group, int64_t last_group);
  bool (*run)(const AmxConvolution& c, const char* packed, int64_t first_strip, int64_t last_strip);
};

/// The gradient of the weights, which it writes to `weight`, from `input` and the gradient of the output at `output`. Everything that is shared
/// between threads lies in `memory`. For each strip: first all tasks of `pack` (false as above), then all of `multiply`; in the end those of
/// `deliver`. A task of one kind may run in any thread.
struct AmxWeightGradientKernels {
  int64_t (*bytes)(const AmxConvolution& c);
  int64_t (*strips)(const AmxConvolution& c);
  int64_t (*pack_tasks)(const AmxConvolution& c);
  int64_t (*multiply_tasks)(const AmxConvolution& c);  // also of deliver
  bool (*pack)(const AmxConvolution& c, char* memory, int64_t strip, int64_t first, int64_t last);
  void (*multiply)(const AmxConvolution& c, char* memory, int64_t strip, int64_t first, int64_t last);
  void (*deliver)(const AmxConvolution& c, char* memory, int64_t first, int64_t last);
};

namespace isa_v2 { extern const AmxWeightGradientKernels amx_weight_gradient_kernels; }
namespace isa_v3 { extern const AmxWeightGradientKernels amx_weight_gradient_kernels; }
namespace isa_v4 { extern const AmxWeightGradientKernels amx_weight_gradient_kernels; }

namespace isa_v2 { extern const AmxConvKernels amx_conv_kernels; }
namespace isa_v3 { extern const AmxConvKernels amx_conv_kernels; }
namespace isa_v4 { extern const AmxConvKernels amx_conv_kernels; }

}  // namespace kagari
