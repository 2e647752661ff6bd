#pragma once
#include <cstdint>

// Per-instruction-set parts of convolution. Everything here runs in the calling thread.

namespace kagari {

/// One channel of a depthwise convolution, float32: output plane = input plane convolved with one kernel. `scratch` holds
/// depthwise_scratch(...) floats.
struct DepthwisePlane {
  const float* input;   // height x width, contiguous
  const float* kernel;  // kernel_height x kernel_width
  float* output;        // output_height x output_width
  float bias;
  int64_t height, width, output_height, output_width, kernel_height, kernel_width;
  int64_t stride_y, stride_x, padding_y, padding_x, dilation_y, dilation_x;
  float* scratch;
};

struct ConvKernels {
  int64_t (*depthwise_scratch)(const DepthwisePlane&);
  void (*depthwise)(const DepthwisePlane&);
};

namespace isa_v2 { extern const ConvKernels conv_kernels; }
namespace isa_v3 { extern const ConvKernels conv_kernels; }
namespace isa_v4 { extern const ConvKernels conv_kernels; }

}  // namespace kagari
