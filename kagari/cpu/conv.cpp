#include "kagari/cpu/conv.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <string>

#include "kagari/base/allocator.h"
#include "kagari/base/cpu_features.h"
#include "kagari/base/parallel.h"
#include "kagari/cpu/conv_im2col.h"
#include "kagari/cpu/gemm.h"
#include "kagari/cpu/isa_table.h"
#include "kagari/cpu/kernels/amx_conv.h"
#include "kagari/cpu/kernels/conv_kernels.h"
#include "kagari/cpu/kernels/gemm_kernels.h"
#include "kagari/cpu/onednn.h"

// Note [Ways to convolve]: a transposed convolution is the gradient of an ordinary one with input and output exchanged, so only the
// latter has implementations. A 1 x 1 kernel is a matrix product. Depthwise float32 planes have a kernel of their own. The rest of
// float32 (and of bfloat16 where the CPU multiplies it) goes to oneDNN, which chooses its own layouts: for (batch, channels,
// ...) tensors the reorders cost less than the slow path that reads them directly. Half types are converted to float32
// and back, and all others are unfolded into matrices.

namespace kagari {
namespace {

const ConvKernels& kernels() {
  static const ConvKernels& chosen = KG_TABLE_FOR_THIS_CPU(conv_kernels);
  return chosen;
}
const AmxConvKernels& amx_kernels() {
  static const AmxConvKernels& chosen = KG_TABLE_FOR_THIS_CPU(amx_conv_kernels);
  return chosen;
}

int64_t positions(const int64_t* sizes, int dims) {
  int64_t n = 1;
  for (int d = 0; d < dims; ++d) n *= sizes[d];
  return n;
}
int64_t input_count(const Convolution& c) { return c.batch * c.in_channels * positions(c.input_size, c.dims); }
int64_t output_count(const Convolution& c) { return c.batch * c.out_channels * positions(c.output_size, c.dims); }
int64_t weight_count(const Convolution& c) {
  return c.in_channels * c.out_channels / c.groups * positions(c.kernel, c.dims);
}

// The ordinary convolution of which a transposed one is the gradient.
Convolution reversed(const Convolution& c) {
  Convolution r = c;
  r.transposed = false;
  std::swap(r.in_channels, r.out_channels);
  std::swap(r.input_size, r.output_size);
  return r;
}

// ---- conversion of half types

void convert_from_float32(DType t, const float* from, void* to, int64_t n) {
  parallel_for(0, n, 65536, [&](int64_t begin, int64_t end) {
    gemm_kernels_for_this_cpu().from_float32(t, from + begin, static_cast<char*>(to) + begin * itemsize(t), end - begin);
  });
}
void convert_to_float32(DType t, const void* from, float* to, int64_t n) {
  parallel_for(0, n, 65536, [&](int64_t begin, int64_t end) {
    gemm_kernels_for_this_cpu().to_float32(t, static_cast<const char*>(from) + begin * itemsize(t), to + begin, end - begin);
  });
}

bool computed_in_float32(const Convolution& c) {
  return c.dtype == DType::Float16 || (c.dtype == DType::BFloat16 && !has_native_bfloat16());
}

// ---- oneDNN

enum class Direction : int64_t { Forward, BackwardInput, BackwardWeight };

// Strides of (batch, channels, positions...).
void image_strides(int dims, int64_t channels, const int64_t* sizes, bool channels_last, int64_t* strides) {
  int64_t step = channels_last ? channels : 1;
  for (int d = dims - 1; d >= 0; --d) strides[2 + d] = step, step *= sizes[d];
  strides[1] = channels_last ? 1 : step;
  strides[0] = channels_last ? step : step * channels;
}

std::shared_ptr<const onednn::Plan> make_plan(const Convolution& c, Direction direction, bool bias) {
  int rank = c.dims + 2, weight_rank = rank + (c.groups > 1);
  int64_t in[5] = {c.batch, c.in_channels}, out[5] = {c.batch, c.out_channels}, in_strides[5], out_strides[5];
  int64_t weight[6], weight_strides[6], stride[3], dilation[3], low[3], high[3];
  int w = 0;
  if (c.groups > 1) weight[w++] = c.groups;
  weight[w++] = c.out_channels / c.groups, weight[w++] = c.in_channels / c.groups;
  for (int d = 0; d < c.dims; ++d) {
    in[2 + d] = c.input_size[d], out[2 + d] = c.output_size[d], weight[w++] = c.kernel[d];
    stride[d] = c.stride[d], dilation[d] = c.dilation[d] - 1, low[d] = c.padding[d];
    // The upper padding follows from the sizes; the same as the lower one where both describe the same outputs.
    int64_t covered = (c.output_size[d] - 1) * c.stride[d] + (c.kernel[d] - 1) * c.dilation[d] + 1;
    int64_t exact = covered - c.input_size[d] - low[d];
    high[d] = exact <= low[d] && low[d] < exact + c.stride[d] ? low[d] : exact;
  }
  for (int64_t d = weight_rank - 1, step = 1; d >= 0; --d) weight_strides[d] = step, step *= weight[d];
  image_strides(c.dims, c.in_channels, c.input_size, c.channels_last, in_strides);
  image_strides(c.dims, c.out_channels, c.output_size, c.channels_last, out_strides);

  using namespace onednn;
  auto source = strided(rank, in, c.dtype, in_strides), target = strided(rank, out, c.dtype, out_strides);
  auto weights = strided(weight_rank, weight, c.dtype, weight_strides);
  int64_t one = 1;
  auto bias_layout = strided(1, &c.out_channels, c.dtype, &one);
  // Channels-last tensors are read and written as they are.
  auto any_source = c.channels_last ? strided(rank, in, c.dtype, in_strides) : any_layout(rank, in, c.dtype);
  auto any_target = c.channels_last ? strided(rank, out, c.dtype, out_strides) : any_layout(rank, out, c.dtype);
  auto any_weights = any_layout(weight_rank, weight, c.dtype);
  Attributes attr = attributes();

  dnnl_primitive_desc_t d = nullptr;
  auto kind = direction == Direction::Forward ? dnnl_forward_inference : dnnl_forward_training;
  if (dnnl_convolution_forward_primitive_desc_create(&d, engine(), kind, dnnl_convolution_direct, any_source.get(), any_weights.get(),
                                                     bias ? bias_layout.get() : nullptr, any_target.get(), stride, dilation, low, high,
                                                     attr.get()) != dnnl_success)
    return nullptr;
  PrimitiveDesc forward(d);
  if (direction == Direction::Forward) {
    auto plan = std::make_shared<Plan>(std::move(forward));
    plan->add_argument(DNNL_ARG_SRC, dnnl_query_src_md, 0, std::move(source), false);
    plan->add_argument(DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0, std::move(weights), false);
    plan->add_argument(DNNL_ARG_DST, dnnl_query_dst_md, 0, std::move(target), true);
    if (bias) plan->add_argument(DNNL_ARG_BIAS, dnnl_query_weights_md, 1, std::move(bias_layout), false);
    return plan;
  }
  if (direction == Direction::BackwardInput) {
    if (dnnl_convolution_backward_data_primitive_desc_create(&d, engine(), dnnl_convolution_direct, any_source.get(), any_weights.get(),
                                                             any_target.get(), stride, dilation, low, high, forward.get(),
                                                             attr.get()) != dnnl_success)
      return nullptr;
    auto plan = std::make_shared<Plan>(PrimitiveDesc(d));
    plan->add_argument(DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0, std::move(target), false);
    plan->add_argument(DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0, std::move(weights), false);
    plan->add_argument(DNNL_ARG_DIFF_SRC, dnnl_query_diff_src_md, 0, std::move(source), true);
    return plan;
  }
  if (dnnl_convolution_backward_weights_primitive_desc_create(&d, engine(), dnnl_convolution_direct, any_source.get(), any_weights.get(),
                                                              nullptr, any_target.get(), stride, dilation, low, high, forward.get(),
                                                              attr.get()) != dnnl_success)
    return nullptr;
  auto plan = std::make_shared<Plan>(PrimitiveDesc(d));
  plan->add_argument(DNNL_ARG_SRC, dnnl_query_src_md, 0, std::move(source), false);
  plan->add_argument(DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0, std::move(target), false);
  plan->add_argument(DNNL_ARG_DIFF_WEIGHTS, dnnl_query_diff_weights_md, 0, std::move(weights), true);
  return plan;
}

// Runs the convolution with oneDNN; false where it has no implementation.
bool run_onednn(const Convolution& c, Direction direction, std::initializer_list<void*> addresses, bool bias = false) {
  if (c.dtype != DType::Float32 && c.dtype != DType::BFloat16) return false;
  int64_t key[28] = {int64_t('c'), int64_t(direction), int64_t(c.dtype), c.dims, c.channels_last, c.batch, c.in_channels, c.out_channels,
                     c.groups, bias, prepare_openmp()};
  for (int d = 0, at = 11; d < c.dims; ++d)
    for (int64_t value : {c.input_size[d], c.output_size[d], c.kernel[d], c.stride[d] << 20 | c.dilation[d], c.padding[d]})
      key[at++] = value;
  auto plan = onednn::cached_plan(std::string(reinterpret_cast<const char*>(key), sizeof key), [&] { return make_plan(c, direction, bias); });
  if (!plan) return false;
  plan->run(addresses);
  return true;
}

void* writable(const void* p) { return const_cast<void*>(p); }  // oneDNN's memory objects have one kind of address

// ---- 1 x 1 kernels

bool is_pointwise(const Convolution& c) {
  for (int d = 0; d < c.dims; ++d)
    if (c.kernel[d] != 1 || c.stride[d] != 1 || c.padding[d] != 0 || c.input_size[d] != c.output_size[d]) return false;
  return !is_complex(c.dtype);
}

struct Pointwise {
  int64_t size, positions, in, out;  // bytes of an element, positions of an image, channels of a group
  explicit Pointwise(const Convolution& c)
      : size(itemsize(c.dtype)), positions(kagari::positions(c.input_size, c.dims)), in(c.in_channels / c.groups), out(c.out_channels / c.groups) {}
};

// The images of one group as matrices (channels x positions), or for channels-last as a single one over the whole batch.
GemmOperand images(const Convolution& c, const Pointwise& p, const void* data, int64_t channels, int64_t first_channel) {
  auto* base = static_cast<const char*>(data);
  if (c.channels_last) return {base + first_channel * p.size, 0, 1, channels};
  return {base + first_channel * p.positions * p.size, channels * p.positions, p.positions, 1};
}

void set_result(Gemm& g, const GemmOperand& c) {
  g.c = const_cast<void*>(c.data);
  g.c_batch_stride = c.batch_stride, g.c_row_stride = c.row_stride, g.c_column_stride = c.column_stride;
}

void pointwise(const Convolution& c, const void* input, const void* weight, const void* bias, void* output) {
  Pointwise p(c);
  for (int64_t group = 0; group < c.groups; ++group) {
    Gemm g;
    g.dtype = c.dtype, g.batch = c.channels_last ? 1 : c.batch;
    g.m = p.out, g.n = c.channels_last ? c.batch * p.positions : p.positions, g.k = p.in;
    g.a = {static_cast<const char*>(weight) + group * p.out * p.in * p.size, 0, p.in, 1};
    g.b = images(c, p, input, c.in_channels, group * p.in);
    set_result(g, images(c, p, output, c.out_channels, group * p.out));
    if (bias) g.bias = static_cast<const char*>(bias) + group * p.out * p.size, g.bias_per_row = true;
    gemm(g);
  }
}

void pointwise_backward_input(const Convolution& c, const void* grad_output, const void* weight, void* grad_input) {
  Pointwise p(c);
  for (int64_t group = 0; group < c.groups; ++group) {
    Gemm g;
    g.dtype = c.dtype, g.batch = c.channels_last ? 1 : c.batch;
    g.m = p.in, g.n = c.channels_last ? c.batch * p.positions : p.positions, g.k = p.out;
    g.a = {static_cast<const char*>(weight) + group * p.out * p.in * p.size, 0, 1, p.in};
    g.b = images(c, p, grad_output, c.out_channels, group * p.out);
    set_result(g, images(c, p, grad_input, c.in_channels, group * p.in));
    gemm(g);
  }
}

void pointwise_backward_weight(const Convolution& c, const void* input, const void* grad_output, void* grad_weight) {
  Pointwise p(c);
  for (int64_t group = 0; group < c.groups; ++group) {
    GemmOperand x = images(c, p, input, c.in_channels, group * p.in), y = images(c, p, grad_output, c.out_channels, group * p.out);
    Gemm g;
    g.dtype = c.dtype;
    g.m = p.out, g.n = p.in, g.k = c.channels_last ? c.batch * p.positions : p.positions;
    g.c = static_cast<char*>(grad_weight) + group * p.out * p.in * p.size, g.c_row_stride = p.in;
    for (int64_t n = 0; n < (c.channels_last ? 1 : c.batch); ++n) {
      g.a = {static_cast<const char*>(y.data) + n * y.batch_stride * p.size, 0, y.row_stride, y.column_stride};
      g.b = {static_cast<const char*>(x.data) + n * x.batch_stride * p.size, 0, x.column_stride, x.row_stride};
      g.beta = n ? 1 : 0;
      gemm(g);
    }
  }
}

// ---- depthwise

bool is_depthwise(const Convolution& c) {
  return c.dtype == DType::Float32 && c.groups == c.in_channels && c.groups > 1 && c.dims <= 2 && !c.channels_last;
}

void depthwise(const Convolution& c, const float* input, const float* weight, const float* bias, float* output) {
  DepthwisePlane p{};
  int last = c.dims - 1;
  auto first = [&](const int64_t* values, int64_t otherwise) { return c.dims == 2 ? values[0] : otherwise; };
  p.height = first(c.input_size, 1), p.width = c.input_size[last];
  p.output_height = first(c.output_size, 1), p.output_width = c.output_size[last];
  p.kernel_height = first(c.kernel, 1), p.kernel_width = c.kernel[last];
  p.stride_y = first(c.stride, 1), p.stride_x = c.stride[last];
  p.padding_y = first(c.padding, 0), p.padding_x = c.padding[last];
  p.dilation_y = first(c.dilation, 1), p.dilation_x = c.dilation[last];
  int64_t inputs = p.height * p.width, outputs = p.output_height * p.output_width, kernel = p.kernel_height * p.kernel_width;
  int64_t multiple = c.out_channels / c.in_channels, planes = c.batch * c.out_channels;
  int64_t scratch = kernels().depthwise_scratch(p);
  parallel_for(0, planes, std::max<int64_t>(1, 100000 / (outputs * kernel + 1)), [&](int64_t begin, int64_t end) {
    Scratch buffer(scratch * 4);
    DepthwisePlane plane = p;
    plane.scratch = buffer.floats();
    for (int64_t i = begin; i < end; ++i) {
      int64_t image = i / c.out_channels, channel = i % c.out_channels;
      plane.input = input + (image * c.in_channels + channel / multiple) * inputs;
      plane.kernel = weight + channel * kernel;
      plane.bias = bias ? bias[channel] : 0;
      plane.output = output + i * outputs;
      kernels().depthwise(plane);
    }
  });
}

// ---- tiles

// Whether packing weights and images for tiles pays.
bool worth_tiles(const Convolution& c) {
  if (!has_tiles() || c.dims > 2 || (c.dtype != DType::Float32 && c.dtype != DType::Float16 && c.dtype != DType::BFloat16)) return false;
  int64_t outputs = c.batch * positions(c.output_size, c.dims), channels = c.in_channels / c.groups;
  int64_t together = channels < 16 && c.dilation[c.dims - 1] == 1 ? channels * c.kernel[c.dims - 1] : channels;  // in one step of 32
  return outputs >= 100 && together >= 16 && c.out_channels / c.groups >= 16;
}

// The convolution of one group.
AmxConvolution one_group(const Convolution& c, int64_t group, const void* input, const void* weight, const void* bias, void* output) {
  AmxConvolution a{};
  int last = c.dims - 1;
  auto first = [&](const int64_t* values, int64_t otherwise) { return c.dims == 2 ? values[0] : otherwise; };
  a.dtype = c.dtype, a.channels_last = c.channels_last;
  a.batch = c.batch, a.channels = c.in_channels / c.groups, a.out_channels = c.out_channels / c.groups;
  a.height = first(c.input_size, 1), a.width = c.input_size[last], a.out_height = first(c.output_size, 1), a.out_width = c.output_size[last];
  a.kernel_y = first(c.kernel, 1), a.kernel_x = c.kernel[last], a.stride_y = first(c.stride, 1), a.stride_x = c.stride[last];
  a.padding_y = first(c.padding, 0), a.padding_x = c.padding[last], a.dilation_y = first(c.dilation, 1), a.dilation_x = c.dilation[last];
  int64_t size = itemsize(c.dtype), in = a.height * a.width, out = a.out_height * a.out_width;
  a.input_batch = c.in_channels * in, a.output_batch = c.out_channels * out;
  a.input_channel = c.channels_last ? 1 : in, a.output_channel = c.channels_last ? 1 : out;
  a.input_pixel = c.channels_last ? c.in_channels : 1, a.output_pixel = c.channels_last ? c.out_channels : 1;
  a.input_row = a.width * a.input_pixel, a.output_row = a.out_width * a.output_pixel;
  a.weight_x = 1, a.weight_y = a.kernel_x, a.weight_in = a.kernel_y * a.kernel_x, a.weight_out = a.channels * a.weight_in;
  a.input = static_cast<const char*>(input) + group * a.channels * a.input_channel * size;
  a.output = static_cast<char*>(output) + group * a.out_channels * a.output_channel * size;
  a.weight = static_cast<const char*>(weight) + group * a.out_channels * a.weight_out * size;
  a.bias = bias ? static_cast<const char*>(bias) + group * a.out_channels * size : nullptr;
  return a;
}

bool run_tiles(const AmxConvolution& a) {
  Scratch weights(amx_kernels().weight_bytes(a));
  std::atomic<bool> finite{true};
  int64_t group_size = 16 * a.channels * a.kernel_y * a.kernel_x;
  parallel_for(0, amx_kernels().weight_groups(a), std::max<int64_t>(1, 65536 / group_size), [&](int64_t begin, int64_t end) {
    if (!amx_kernels().pack_weights(a, weights.data(), begin, end)) finite.store(false, std::memory_order_relaxed);
  });
  if (!finite) return false;
  parallel_for(0, amx_kernels().strips(a), 1, [&](int64_t begin, int64_t end) {
    if (finite.load(std::memory_order_relaxed) && !amx_kernels().run(a, weights.data(), begin, end)) finite.store(false, std::memory_order_relaxed);
  });
  return finite;
}

bool forward_on_tiles(const Convolution& c, const void* input, const void* weight, const void* bias, void* output) {
  if (!worth_tiles(c)) return false;
  for (int64_t group = 0; group < c.groups; ++group)
    if (!run_tiles(one_group(c, group, input, weight, bias, output))) return false;
  return true;
}

// Steps of one: the gradient is a convolution of the output's gradient with the kernel turned around.
bool backward_input_on_tiles(const Convolution& c, const void* grad_output, const void* weight, void* grad_input) {
  Convolution r = reversed(c);
  for (int d = 0; d < c.dims; ++d) {
    r.padding[d] = c.dilation[d] * (c.kernel[d] - 1) - c.padding[d];
    if (c.stride[d] != 1 || r.padding[d] < 0) return false;
  }
  if (!worth_tiles(r)) return false;
  for (int64_t group = 0; group < c.groups; ++group) {
    AmxConvolution a = one_group(r, group, grad_output, weight, nullptr, grad_input);
    int64_t taps = a.kernel_y * a.kernel_x;
    a.weight = static_cast<const char*>(weight) + (group * a.channels * a.out_channels * taps + taps - 1) * itemsize(c.dtype);
    a.weight_out = taps, a.weight_in = a.out_channels * taps, a.weight_y = -a.kernel_x, a.weight_x = -1;
    if (!run_tiles(a)) return false;
  }
  return true;
}

bool backward_weight_on_tiles(const Convolution& c, const void* input, const void* grad_output, void* grad_weight) {
  if (!worth_tiles(c) || c.in_channels / c.groups < 12) return false;
  static const AmxWeightGradientKernels& k = KG_TABLE_FOR_THIS_CPU(amx_weight_gradient_kernels);
  for (int64_t group = 0; group < c.groups; ++group) {
    AmxConvolution a = one_group(c, group, input, grad_weight, nullptr, writable(grad_output));
    Scratch memory(k.bytes(a));
    std::atomic<bool> finite{true};
    for (int64_t strip = 0, n = k.strips(a); strip < n; ++strip) {
      parallel_for(0, k.pack_tasks(a), 1, [&](int64_t begin, int64_t end) {
        if (!k.pack(a, memory.data(), strip, begin, end)) finite.store(false, std::memory_order_relaxed);
      });
      if (!finite) return false;
      parallel_for(0, k.multiply_tasks(a), 1, [&](int64_t begin, int64_t end) { k.multiply(a, memory.data(), strip, begin, end); });
    }
    parallel_for(0, k.multiply_tasks(a), 4, [&](int64_t begin, int64_t end) { k.deliver(a, memory.data(), begin, end); });
  }
  return true;
}

// ---- ordinary convolutions of dtypes that are computed as they are

void forward(const Convolution& c, const void* input, const void* weight, const void* bias, void* output) {
  if (is_pointwise(c)) return pointwise(c, input, weight, bias, output);
  if (is_depthwise(c))
    return depthwise(c, static_cast<const float*>(input), static_cast<const float*>(weight), static_cast<const float*>(bias),
                     static_cast<float*>(output));
  if (forward_on_tiles(c, input, weight, bias, output)) return;
  bool done = bias ? run_onednn(c, Direction::Forward, {writable(input), writable(weight), output, writable(bias)}, true)
                   : run_onednn(c, Direction::Forward, {writable(input), writable(weight), output});
  if (!done) im2col_convolution(c, input, weight, bias, output);
}

void backward_input(const Convolution& c, const void* grad_output, const void* weight, void* grad_input) {
  if (is_pointwise(c)) return pointwise_backward_input(c, grad_output, weight, grad_input);
  if (backward_input_on_tiles(c, grad_output, weight, grad_input)) return;
  if (!run_onednn(c, Direction::BackwardInput, {writable(grad_output), writable(weight), grad_input}))
    im2col_backward_input(c, grad_output, weight, grad_input);
}

void backward_weight(const Convolution& c, const void* input, const void* grad_output, void* grad_weight) {
  if (is_pointwise(c)) return pointwise_backward_weight(c, input, grad_output, grad_weight);
  if (backward_weight_on_tiles(c, input, grad_output, grad_weight)) return;
  if (!run_onednn(c, Direction::BackwardWeight, {writable(input), writable(grad_output), grad_weight}))
    im2col_backward_weight(c, input, grad_output, grad_weight);
}

// ---- bias

template <class T> using SumOf = std::conditional_t<std::is_same_v<T, float>, double, T>;

// out[channel] = sum over images and positions.
template <class T>
void sum_channels(const Convolution& c, const T* images, T* out) {
  int64_t n = positions(c.output_size, c.dims), channels = c.out_channels;
  parallel_for(0, channels, std::max<int64_t>(1, 65536 / (c.batch * n + 1)), [&](int64_t begin, int64_t end) {
    for (int64_t channel = begin; channel < end; ++channel) {
      SumOf<T> total{};
      for (int64_t b = 0; b < c.batch; ++b) {
        if (c.channels_last) {
          for (int64_t i = 0; i < n; ++i) total += images[(b * n + i) * channels + channel];
          continue;
        }
        const T* plane = images + (b * channels + channel) * n;
        T parts[16] = {};
        int64_t i = 0;
        for (; i + 16 <= n; i += 16)
          for (int j = 0; j < 16; ++j) parts[j] += plane[i + j];
        for (; i < n; ++i) parts[0] += plane[i];
        for (T part : parts) total += part;
      }
      out[channel] = T(total);
    }
  });
}

template <class T>
void add_bias(const Convolution& c, const T* bias, T* images) {
  int64_t n = positions(c.output_size, c.dims), channels = c.out_channels;
  if (c.channels_last) {
    parallel_for(0, c.batch * n, std::max<int64_t>(1, 32768 / channels), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        for (int64_t channel = 0; channel < channels; ++channel) images[i * channels + channel] = T(images[i * channels + channel] + bias[channel]);
    });
    return;
  }
  parallel_for(0, c.batch * channels, std::max<int64_t>(1, 32768 / n), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t j = 0; j < n; ++j) images[i * n + j] = T(images[i * n + j] + bias[i % channels]);
  });
}

// Half types: float32 copies in and out.
struct Widened {
  Scratch copy;
  Widened(const Convolution& c, const void* data, int64_t n) : copy(n * 4) { convert_to_float32(c.dtype, data, copy.floats(), n); }
  operator const void*() const { return copy.floats(); }
};

void check_dtype(const Convolution& c) {
  if (is_float8(c.dtype) || is_shell(c.dtype) || c.dtype == DType::Complex32 || !(is_floating(c.dtype) || is_complex(c.dtype) || c.dtype == DType::Int64)) fail_dtype("convolution", c.dtype);
}

Convolution as_float32(Convolution c) {
  c.dtype = DType::Float32;
  return c;
}

}  // namespace

int64_t convolution_output_size(const Convolution& c, int d, int64_t output_padding) {
  int64_t reach = c.dilation[d] * (c.kernel[d] - 1) + 1;
  if (c.transposed) return (c.input_size[d] - 1) * c.stride[d] - 2 * c.padding[d] + reach + output_padding;
  int64_t room = c.input_size[d] + 2 * c.padding[d] - reach;
  return room < 0 ? 0 : room / c.stride[d] + 1;
}

void convolution_forward(const Convolution& c, const void* input, const void* weight, const void* bias, void* output) {
  check_dtype(c);
  if (output_count(c) == 0) return;
  if (!c.transposed && c.dtype == DType::Float16 && !is_pointwise(c) && forward_on_tiles(c, input, weight, bias, output)) return;
  if (computed_in_float32(c)) {
    Widened x(c, input, input_count(c)), w(c, weight, weight_count(c));
    Scratch y(output_count(c) * 4), b(bias ? c.out_channels * 4 : 0);
    if (bias) convert_to_float32(c.dtype, bias, b.floats(), c.out_channels);
    convolution_forward(as_float32(c), x, w, bias ? b.floats() : nullptr, y.floats());
    return convert_from_float32(c.dtype, y.floats(), output, output_count(c));
  }
  if (!c.transposed) return forward(c, input, weight, bias, output);
  backward_input(reversed(c), input, weight, output);
  if (!bias) return;
  if (c.dtype == DType::BFloat16) return add_bias(c, static_cast<const BFloat16*>(bias), static_cast<BFloat16*>(output));
  visit_floats_and_complex("convolution", c.dtype, [&]<class T>(T) { add_bias(c, static_cast<const T*>(bias), static_cast<T*>(output)); });
}

void convolution_backward_input(const Convolution& c, const void* grad_output, const void* weight, void* grad_input) {
  check_dtype(c);
  if (input_count(c) == 0) return;
  if (computed_in_float32(c)) {
    Widened g(c, grad_output, output_count(c)), w(c, weight, weight_count(c));
    Scratch x(input_count(c) * 4);
    convolution_backward_input(as_float32(c), g, w, x.floats());
    return convert_from_float32(c.dtype, x.floats(), grad_input, input_count(c));
  }
  if (output_count(c) == 0) {
    std::memset(grad_input, 0, size_t(input_count(c) * itemsize(c.dtype)));
    return;
  }
  c.transposed ? forward(reversed(c), grad_output, weight, nullptr, grad_input) : backward_input(c, grad_output, weight, grad_input);
}

void convolution_backward_weight(const Convolution& c, const void* input, const void* grad_output, void* grad_weight, void* grad_bias) {
  check_dtype(c);
  if (computed_in_float32(c)) {
    Widened x(c, input, input_count(c)), g(c, grad_output, output_count(c));
    Scratch w(weight_count(c) * 4), b(c.out_channels * 4);
    convolution_backward_weight(as_float32(c), x, g, w.floats(), grad_bias ? b.floats() : nullptr);
    convert_from_float32(c.dtype, w.floats(), grad_weight, weight_count(c));
    if (grad_bias) convert_from_float32(c.dtype, b.floats(), grad_bias, c.out_channels);
    return;
  }
  if (input_count(c) == 0 || output_count(c) == 0) {
    std::memset(grad_weight, 0, size_t(weight_count(c) * itemsize(c.dtype)));
    if (grad_bias) std::memset(grad_bias, 0, size_t(c.out_channels * itemsize(c.dtype)));
    return;
  }
  c.transposed ? backward_weight(reversed(c), grad_output, input, grad_weight) : backward_weight(c, input, grad_output, grad_weight);
  if (!grad_bias) return;
  if (c.dtype == DType::BFloat16) {
    Scratch sums(c.out_channels * 4), wide(output_count(c) * 4);
    convert_to_float32(c.dtype, grad_output, wide.floats(), output_count(c));
    sum_channels(c, wide.floats(), sums.floats());
    return convert_from_float32(c.dtype, sums.floats(), grad_bias, c.out_channels);
  }
  visit_floats_and_complex("convolution", c.dtype,
                           [&]<class T>(T) { sum_channels(c, static_cast<const T*>(grad_output), static_cast<T*>(grad_bias)); });
}

}  // namespace kagari
