// Sums and products of quantized tensors, as torch.ops.quantized has them. Products of levels are summed in 32 bits where the processor has
// instructions for it. Otherwise they are computed as float32 numbers, which hold them exactly: (x - zero point) has at most 8 bits and a sign, a
// weight 8 bits, and sums are exact below 2^24.
#include <algorithm>
#include <cmath>

#include "kagari/base/parallel.h"
#include "kagari/cpu/integer_products.h"
#include "kagari/cpu/kernels/level_kernels.h"
#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/bounds.h"
#include "kagari/ops/convolution.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/matmul.h"
#include "kagari/ops/quantization.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

const QuantizedParts& activation(const Tensor& t, std::string_view what) {
  KG_CHECK_IMPLEMENTED(is_quantized(t), "Could not run 'quantized::", what, "' with arguments from the 'CPU' backend: the input must be a quantized tensor");
  KG_CHECK(!quantized_parts(t).per_channel(), what, "(): the input has a scale per channel");
  return quantized_parts(t);
}
/// level - zero point, as float32
Tensor centred(const Tensor& levels, int64_t zero_point) {
  Tensor x = contiguous(levels), y = empty_tensor(x.sizes(), DType::Float32);
  const int32_t zero = int32_t(zero_point);
  auto run = [&]<class T>(T) {
    const T* from = x.data<T>();
    float* into = y.data<float>();
    parallel_for(0, x.numel(), 1 << 15, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) into[i] = float(int32_t(from[i]) - zero);
    });
  };
  if (levels.dtype() == DType::UInt8) run(uint8_t{});
  else if (levels.dtype() == DType::Int8) run(int8_t{});
  else run(int32_t{});
  return y;
}

/// The levels of a weight around 0, and the scale of each output channel.
struct Weight {
  Tensor integers;  // int8, if they are around 0 as they are
  std::vector<float> scales;
  Weight(const Tensor& w, int64_t channels, int64_t axis, std::string_view what) {
    KG_CHECK(is_quantized(w), what, "(): the weight must be a quantized tensor");
    const QuantizedParts& p = parts_ = quantized_parts(w);
    axis_ = axis;
    bool around_zero = p.zero_point == 0;
    if (!p.per_channel()) {
      scales.assign(size_t(channels), float(p.scale));
    } else {
      KG_CHECK(p.axis == axis, what, "(): the scales of the weight must lie along dimension ", axis);
      Tensor zeros = to(p.zero_points, DType::Float32), steps = to(p.scales, DType::Float32);
      around_zero = std::all_of(zeros.data<float>(), zeros.data<float>() + channels, [](float z) { return z == 0; });
      scales.assign(steps.data<float>(), steps.data<float>() + channels);
    }
    if (around_zero && p.levels.dtype() == DType::Int8) integers = contiguous(p.levels);
  }
  /// The levels around 0, as float32.
  Tensor numbers() const {
    if (!parts_.per_channel()) return centred(parts_.levels, parts_.zero_point);
    Tensor levels = centred(parts_.levels, 0);
    if (integers.defined()) return levels;
    Ints shape(size_t(levels.dim()), 1);
    shape[size_t(axis_)] = int64_t(scales.size());
    return levels - view(to(parts_.zero_points, DType::Float32), shape);
  }

 private:
  QuantizedParts parts_;
  int64_t axis_ = 0;
};

/// Sums of products of 8-bit levels with the rows of a weight: int32 where the processor can, else float32. (rows, outputs)
Tensor row_products(const Tensor& levels, int64_t zero_point, const Weight& w, IntList weight_sizes) {
  const int64_t k = weight_sizes[1], n = weight_sizes[0];
  if (w.integers.defined() && levels.itemsize() == 1) {
    Tensor x = contiguous(levels);
    Ints sizes(levels.sizes());
    sizes.back() = n;
    Tensor y = empty_tensor(sizes, DType::Int32);
    if (k > 0 && integer_matmul(x.numel() / k, n, k, x.bytes(), x.dtype() == DType::Int8, int32_t(zero_point), w.integers.data<int8_t>(), y.data<int32_t>())) return y;
  }
  return linear(centred(levels, zero_point), w.numbers(), Tensor());
}

/// What turns sums of products of levels into levels of the result, per channel: round((sum + bias / unit) * unit / scale) + zero point.
struct Output {
  double scale;
  int64_t zero_point;
  DType levels;
  bool relu;
};
Tensor requantized(const Tensor& sums, const std::vector<float>& units, const Tensor& bias, int64_t inner, const Output& o) {
  const int64_t channels = int64_t(units.size());
  std::vector<float> shift(units.size(), 0.0f), factor(units.size());
  Tensor b = bias.defined() ? contiguous(to(detach(bias), DType::Float32)) : Tensor();
  for (size_t k = 0; k < units.size(); ++k) {
    factor[k] = units[k] / float(o.scale);
    if (b.defined()) shift[k] = b.data<float>()[k] / units[k];
  }
  LevelRange range = level_range(o.levels);
  const float least = float((o.relu ? std::max(range.least, o.zero_point) : range.least) - o.zero_point), most = float(range.most - o.zero_point);
  const int32_t zero = int32_t(o.zero_point);
  Tensor y = empty_strided_tensor(sums.sizes(), sums.strides(), o.levels);
  const LevelKernels& kernels = level_kernels();
  const bool integers = sums.dtype() == DType::Int32, is_signed = o.levels == DType::Int8;
  const int64_t size = std::max<int64_t>(1, inner * channels), bytes = sums.itemsize();
  parallel_for(0, sums.numel() / size, std::max<int64_t>(1, 32768 / size), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const std::byte* from = sums.bytes() + row * size * bytes;
      std::byte* into = y.bytes() + row * size;
      if (inner == 1) kernels.requantize_row(from, integers, into, is_signed, channels, shift.data(), factor.data(), zero, least, most);
      else
        for (int64_t k = 0; k < channels; ++k)
          kernels.requantize_run(from + k * inner * bytes, integers, into + k * inner, is_signed, inner, shift[size_t(k)], factor[size_t(k)], zero, least, most);
    }
  });
  return make_quantized({y, o.scale, o.zero_point, {}, {}, -1});
}
std::vector<float> times(const std::vector<float>& scales, double scale) {
  std::vector<float> out;
  for (float s : scales) out.push_back(float(scale) * s);
  return out;
}

Tensor linear_layer(const Tensor& self, const Tensor& weight, const Tensor& bias, double scale, int64_t zero_point, bool relu) {
  const QuantizedParts& x = activation(self, "linear");
  KG_CHECK(self.dim() > 0, "The dimension in the input tensor should be larger than 0");
  KG_CHECK(self.sizes().back() == weight.sizes()[1], "The number of columns in the packed B should be equal to K: ", weight.sizes()[1], ", got ", self.sizes().back());
  Weight w(weight, weight.sizes()[0], 0, "linear");
  return requantized(row_products(x.levels, x.zero_point, w, weight.sizes()), times(w.scales, x.scale), bias, 1, {scale, zero_point, x.levels.dtype(), relu});
}
const auto linear_op = compose<&linear_layer>({
    .schema = "_quantized_linear(Tensor self, Tensor weight, Tensor? bias, float scale, int zero_point, bool relu=False) -> Tensor",
    .in = kPrivate,
    .doc = "The linear layer of quantized tensors, rounded to a scale and zero point. bias: float32.",
    .body = &linear_layer,
});

Tensor linear_dynamic(const Tensor& self, const Tensor& weight, const Tensor& bias, bool reduce_range, bool relu) {
  KG_CHECK(self.dtype() == DType::Float32 && !is_quantized(self), "linear_dynamic(): the input must be a float32 tensor");
  KG_CHECK(self.dim() > 0 && self.sizes().back() == weight.sizes()[1], "The number of columns in the packed B should be equal to K: ", weight.sizes()[1]);
  Tensor input = contiguous(detach(self));
  Weight w(weight, weight.sizes()[0], 0, "linear_dynamic");
  if (input.numel() == 0) return linear(input, w.numbers(), Tensor());
  auto [least, most] = std::minmax_element(input.data<float>(), input.data<float>() + input.numel());
  auto [scale, zero] = choose_quantization(*least, *most, level_range(DType::UInt8), reduce_range);
  Tensor sums = row_products(quantized_parts(quantize_per_tensor(input, scale, zero, DType::UInt8)).levels, zero, w, weight.sizes());
  std::vector<float> units = times(w.scales, scale), added(units.size(), 0.0f);
  const int64_t channels = int64_t(units.size());
  if (bias.defined()) {
    Tensor b = contiguous(to(detach(bias), DType::Float32));
    std::copy(b.data<float>(), b.data<float>() + channels, added.begin());
  }
  Tensor y = empty_tensor(sums.sizes(), DType::Float32);
  auto run = [&]<class S>(S) {
    parallel_for(0, sums.numel() / channels, std::max<int64_t>(1, 32768 / channels), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const S* from = sums.data<S>() + row * channels;
        float* into = y.data<float>() + row * channels;
        for (int64_t c = 0; c < channels; ++c) into[c] = float(from[c]) * units[size_t(c)] + added[size_t(c)];
        if (relu)
          for (int64_t c = 0; c < channels; ++c) into[c] = into[c] > 0 ? into[c] : 0;
      }
    });
  };
  sums.dtype() == DType::Int32 ? run(int32_t{}) : run(float{});
  return y;
}
const auto linear_dynamic_op = compose<&linear_dynamic>({
    .schema = "_quantized_linear_dynamic(Tensor self, Tensor weight, Tensor? bias, bool reduce_range=True, bool relu=False) -> Tensor",
    .in = kPrivate,
    .doc = "The linear layer of float32 numbers, rounded to 8 bits between their least and greatest in each call (7 bits: reduce_range), and a quantized weight.",
    .body = &linear_dynamic,
});

/// The sums of a convolution as int32, with the channels last in memory; undefined where the processor or the kind of layer does not allow it.
Tensor integer_sums(const QuantizedParts& x, const Weight& w, IntList weight_sizes, IntList stride, IntList padding, IntList dilation, bool transposed, int64_t groups) {
  const int dims = int(stride.size());
  if (transposed || dims < 2 || !w.integers.defined() || x.levels.itemsize() != 1 || x.levels.dim() != dims + 2 || x.levels.sizes()[1] != weight_sizes[1] * groups) return {};
  Convolution c;
  c.dtype = x.levels.dtype();
  c.dims = dims;
  c.channels_last = true;
  c.batch = x.levels.sizes()[0], c.in_channels = x.levels.sizes()[1], c.out_channels = weight_sizes[0], c.groups = groups;
  Ints sizes{c.batch, c.out_channels};
  for (int d = 0; d < dims; ++d) {
    c.input_size[d] = x.levels.sizes()[size_t(d) + 2], c.kernel[d] = weight_sizes[size_t(d) + 2];
    c.stride[d] = stride[size_t(d)], c.dilation[d] = dilation[size_t(d)], c.padding[d] = padding[size_t(d)];
    c.output_size[d] = convolution_output_size(c, d);
    if (c.output_size[d] <= 0) return {};  // the other way has the message
    sizes.push_back(c.output_size[d]);
  }
  const MemoryFormat last = dims == 2 ? MemoryFormat::ChannelsLast : MemoryFormat::ChannelsLast3d;
  Tensor input = contiguous(x.levels, last), y = empty_strided_tensor(sizes, strides_for(sizes, last), DType::Int32);
  return integer_convolution(c, input.bytes(), int32_t(x.zero_point), w.integers.data<int8_t>(), y.data<int32_t>()) ? y : Tensor();
}

Tensor convolution_layer(const Tensor& self, const Tensor& weight, const Tensor& bias, IntList stride, IntList padding, IntList dilation, bool transposed, IntList output_padding,
                         int64_t groups, double scale, int64_t zero_point, bool relu) {
  const QuantizedParts& x = activation(self, "conv");
  const int64_t axis = transposed ? 1 : 0, channels = weight.sizes()[size_t(axis)];
  Weight w(weight, channels, axis, "conv");
  if (transposed && groups > 1) {
    std::vector<float> one = w.scales;
    for (int64_t g = 1; g < groups; ++g) w.scales.insert(w.scales.end(), one.begin(), one.end());
  }
  if (Tensor sums = integer_sums(x, w, weight.sizes(), stride, padding, dilation, transposed, groups); sums.defined())
    return requantized(sums, times(w.scales, x.scale), bias, 1, {scale, zero_point, x.levels.dtype(), relu});
  Tensor sums = contiguous(convolution(centred(x.levels, x.zero_point), w.numbers(), Tensor(), stride, padding, dilation, transposed, output_padding, groups));
  int64_t inner = 1;
  for (int64_t d = self.dim() - int64_t(stride.size()); d < self.dim(); ++d) inner *= sums.sizes()[size_t(d)];
  return requantized(sums, times(w.scales, x.scale), bias, inner, {scale, zero_point, x.levels.dtype(), relu});
}
const auto convolution_op = compose<&convolution_layer>({
    .schema = "_quantized_convolution(Tensor self, Tensor weight, Tensor? bias, int[] stride, int[] padding, int[] dilation, bool transposed, int[] output_padding, int groups, "
              "float scale, int zero_point, bool relu=False) -> Tensor",
    .in = kPrivate,
    .doc = "The convolution of quantized tensors, rounded to a scale and zero point. bias: float32. Border elements stand for 0.",
    .body = &convolution_layer,
});

Tensor finished(const Tensor& numbers, const QuantizedParts& like, double scale, int64_t zero_point, bool relu) {
  return quantize_per_tensor(relu ? clamp_min(numbers, Scalar(0)) : numbers, scale, zero_point, like.levels.dtype());
}
Tensor sum(const Tensor& self, const Tensor& other, double scale, int64_t zero_point, bool relu) {
  const QuantizedParts& p = activation(self, "add");
  activation(other, "add");
  return finished(dequantize(self) + dequantize(other), p, scale, zero_point, relu);
}
/// From products of levels around 0.
Tensor of_products(const Tensor& levels, const QuantizedParts& a, const QuantizedParts& b, double scale, int64_t zero_point, bool relu) {
  Tensor steps = requantized(contiguous(levels), {float(a.scale * b.scale / scale)}, Tensor(), std::max<int64_t>(2, levels.numel()), {1.0, zero_point, a.levels.dtype(), relu});
  return make_quantized({quantized_parts(steps).levels, scale, zero_point, {}, {}, -1});
}
Tensor product(const Tensor& self, const Tensor& other, double scale, int64_t zero_point, bool relu) {
  const QuantizedParts &a = activation(self, "mul"), &b = activation(other, "mul");
  Tensor levels = contiguous(centred(a.levels, a.zero_point) * centred(b.levels, b.zero_point));
  return of_products(levels, a, b, scale, zero_point, relu);
}
Tensor matrix_product(const Tensor& self, const Tensor& other, double scale, int64_t zero_point) {
  const QuantizedParts &a = activation(self, "matmul"), &b = activation(other, "matmul");
  Tensor levels = matmul(centred(a.levels, a.zero_point), centred(b.levels, b.zero_point));
  return of_products(levels, a, b, scale, zero_point, false);
}
const auto sum_op = compose<&sum>({
    .schema = "_quantized_add(Tensor self, Tensor other, float scale, int zero_point, bool relu=False) -> Tensor",
    .in = kPrivate,
    .doc = "The sum of quantized tensors, rounded to a scale and zero point.",
    .body = &sum,
});
const auto product_op = compose<&product>({
    .schema = "_quantized_mul(Tensor self, Tensor other, float scale, int zero_point, bool relu=False) -> Tensor",
    .in = kPrivate,
    .doc = "The product of quantized tensors, element by element.",
    .body = &product,
});
const auto matrix_product_op = compose<&matrix_product>({
    .schema = "_quantized_matmul(Tensor self, Tensor other, float scale, int zero_point) -> Tensor",
    .in = kPrivate,
    .doc = "The matrix product of quantized tensors.",
    .body = &matrix_product,
});

}  // namespace
}  // namespace kagari
