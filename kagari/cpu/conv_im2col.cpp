#include "kagari/cpu/conv_im2col.h"

#include <cstring>

#include "kagari/base/allocator.h"
#include "kagari/base/parallel.h"
#include "kagari/cpu/gemm.h"

namespace kagari {
namespace {

// Element strides and sizes that the loops below need.
struct Geometry {
  int64_t input_channel, input_position, output_channel, output_position;  // strides
  int64_t input_image, output_image;                                       // elements of one image
  int64_t inputs, outputs, kernel;                                         // positions
  int64_t channels_in, channels_out;                                       // of one group
  explicit Geometry(const Convolution& c) {
    inputs = outputs = kernel = 1;
    for (int d = 0; d < c.dims; ++d) inputs *= c.input_size[d], outputs *= c.output_size[d], kernel *= c.kernel[d];
    input_channel = c.channels_last ? 1 : inputs, input_position = c.channels_last ? c.in_channels : 1;
    output_channel = c.channels_last ? 1 : outputs, output_position = c.channels_last ? c.out_channels : 1;
    input_image = c.in_channels * inputs, output_image = c.out_channels * outputs;
    channels_in = c.in_channels / c.groups, channels_out = c.out_channels / c.groups;
  }
};

// Calls f(column, position in the input or -1) for all outputs, for one position of the kernel.
template <class F>
void for_each_output(const Convolution& c, int64_t kernel_index, F&& f) {
  int64_t in[3], out[3], shift[3], stride[3];
  for (int d = 0; d < 3; ++d) in[d] = out[d] = stride[d] = 1, shift[d] = 0;
  for (int d = c.dims - 1; d >= 0; --d) {
    int e = 3 - c.dims + d;
    in[e] = c.input_size[d], out[e] = c.output_size[d], stride[e] = c.stride[d];
    shift[e] = kernel_index % c.kernel[d] * c.dilation[d] - c.padding[d];
    kernel_index /= c.kernel[d];
  }
  int64_t column = 0;
  for (int64_t z = 0; z < out[0]; ++z) {
    int64_t iz = z * stride[0] + shift[0];
    for (int64_t y = 0; y < out[1]; ++y) {
      int64_t iy = y * stride[1] + shift[1];
      bool row_inside = iz >= 0 && iz < in[0] && iy >= 0 && iy < in[1];
      int64_t row = (iz * in[1] + iy) * in[2];
      for (int64_t x = 0; x < out[2]; ++x, ++column) {
        int64_t ix = x * stride[2] + shift[2];
        f(column, row_inside && ix >= 0 && ix < in[2] ? row + ix : -1);
      }
    }
  }
}

// columns[(channel * kernel + k) * outputs + o] for the channels of one group of one image.
void unfold(const Convolution& c, const Geometry& g, const char* image, char* columns) {
  visit_sizes(c.dtype, [&]<class T>(T) {
    parallel_for(0, g.channels_in * g.kernel, std::max<int64_t>(1, 16384 / g.outputs), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        auto* from = reinterpret_cast<const T*>(image) + row / g.kernel * g.input_channel;
        auto* to = reinterpret_cast<T*>(columns) + row * g.outputs;
        for_each_output(c, row % g.kernel, [&](int64_t o, int64_t i) { to[o] = i >= 0 ? from[i * g.input_position] : T{}; });
      }
    });
  });
}

// The transpose of unfold: adds up what the columns say about each input. Half types never come here.
void fold(const Convolution& c, const Geometry& g, const char* columns, char* image) {
  auto run = [&]<class T>(T) {
    parallel_for(0, g.channels_in, std::max<int64_t>(1, 16384 / (g.outputs * g.kernel)), [&](int64_t begin, int64_t end) {
      for (int64_t channel = begin; channel < end; ++channel) {
        auto* to = reinterpret_cast<T*>(image) + channel * g.input_channel;
        for (int64_t i = 0; i < g.inputs; ++i) to[i * g.input_position] = T{};
        for (int64_t k = 0; k < g.kernel; ++k) {
          auto* from = reinterpret_cast<const T*>(columns) + (channel * g.kernel + k) * g.outputs;
          for_each_output(c, k, [&](int64_t o, int64_t i) {
            if (i >= 0) to[i * g.input_position] += from[o];
          });
        }
      }
    });
  };
  if (c.dtype == DType::Int64) run(int64_t());
  else visit_floats_and_complex("convolution", c.dtype, run);
}

// Calls f(image, group) with byte offsets of the group's first input channel, output channel and weight.
template <class F>
void for_each_group(const Convolution& c, const Geometry& g, F&& f) {
  int64_t size = itemsize(c.dtype);
  for (int64_t n = 0; n < c.batch; ++n)
    for (int64_t group = 0; group < c.groups; ++group)
      f(n, group, (n * g.input_image + group * g.channels_in * g.input_channel) * size,
        (n * g.output_image + group * g.channels_out * g.output_channel) * size,
        group * g.channels_out * g.channels_in * g.kernel * size);
}

const char* bytes(const void* p) { return static_cast<const char*>(p); }
char* bytes(void* p) { return static_cast<char*>(p); }

}  // namespace

void im2col_convolution(const Convolution& c, const void* input, const void* weight, const void* bias, void* output) {
  Geometry g(c);
  int64_t depth = g.channels_in * g.kernel, size = itemsize(c.dtype);
  Scratch columns(depth * g.outputs * size);
  for_each_group(c, g, [&](int64_t, int64_t group, int64_t in, int64_t out, int64_t w) {
    unfold(c, g, bytes(input) + in, columns.data());
    Gemm p;
    p.dtype = c.dtype, p.m = g.channels_out, p.n = g.outputs, p.k = depth;
    p.a = {bytes(weight) + w, 0, depth, 1}, p.b = {columns.data(), 0, g.outputs, 1};
    p.c = bytes(output) + out, p.c_row_stride = g.output_channel, p.c_column_stride = g.output_position;
    bool complex = is_complex(c.dtype);
    if (bias && !complex) p.bias = bytes(bias) + group * g.channels_out * size, p.bias_per_row = true;
    gemm(p);
    if (!bias || !complex) return;
    visit_floats_and_complex("convolution", c.dtype, [&]<class T>(T) {
      for (int64_t channel = 0; channel < g.channels_out; ++channel)
        for (int64_t o = 0; o < g.outputs; ++o)
          reinterpret_cast<T*>(bytes(output) + out)[channel * g.output_channel + o * g.output_position] +=
              static_cast<const T*>(bias)[group * g.channels_out + channel];
    });
  });
}

void im2col_backward_input(const Convolution& c, const void* grad_output, const void* weight, void* grad_input) {
  Geometry g(c);
  int64_t depth = g.channels_in * g.kernel;
  Scratch columns(depth * g.outputs * itemsize(c.dtype));
  for_each_group(c, g, [&](int64_t, int64_t, int64_t in, int64_t out, int64_t w) {
    Gemm p;
    p.dtype = c.dtype, p.m = depth, p.n = g.outputs, p.k = g.channels_out;
    p.a = {bytes(weight) + w, 0, 1, depth};
    p.b = {bytes(grad_output) + out, 0, g.output_channel, g.output_position};
    p.c = columns.data(), p.c_row_stride = g.outputs;
    gemm(p);
    fold(c, g, columns.data(), bytes(grad_input) + in);
  });
}

void im2col_backward_weight(const Convolution& c, const void* input, const void* grad_output, void* grad_weight) {
  Geometry g(c);
  int64_t depth = g.channels_in * g.kernel;
  Scratch columns(depth * g.outputs * itemsize(c.dtype));
  for_each_group(c, g, [&](int64_t n, int64_t, int64_t in, int64_t out, int64_t w) {
    unfold(c, g, bytes(input) + in, columns.data());
    Gemm p;
    p.dtype = c.dtype, p.m = g.channels_out, p.n = depth, p.k = g.outputs;
    p.a = {bytes(grad_output) + out, 0, g.output_channel, g.output_position};
    p.b = {columns.data(), 0, 1, g.outputs};
    p.c = bytes(grad_weight) + w, p.c_row_stride = depth;
    p.beta = n > 0 ? 1 : 0;
    gemm(p);
  });
}

}  // namespace kagari
