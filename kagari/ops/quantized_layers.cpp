// Sums and products of quantized tensors, as torch.ops.quantized has them. Products of levels are computed as float32 numbers, which hold them
// exactly: (x - zero point) has at most 8 bits and a sign, a weight 8 bits, and sums are exact below 2^24.
#include <algorithm>
#include <cmath>

#include "kagari/base/parallel.h"
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
  Tensor levels;
  std::vector<float> scales;
  Weight(const Tensor& w, int64_t channels, int64_t axis, std::string_view what) {
    KG_CHECK(is_quantized(w), what, "(): the weight must be a quantized tensor");
    const QuantizedParts& p = quantized_parts(w);
    if (!p.per_channel()) {
      levels = centred(p.levels, p.zero_point);
      scales.assign(size_t(channels), float(p.scale));
      return;
    }
    KG_CHECK(p.axis == axis, what, "(): the scales of the weight must lie along dimension ", axis);
    Tensor zeros = to(p.zero_points, DType::Float32), steps = to(p.scales, DType::Float32);
    Ints shape(size_t(w.dim()), 1);
    shape[size_t(axis)] = channels;
    levels = centred(p.levels, 0);
    if (std::any_of(zeros.data<float>(), zeros.data<float>() + channels, [](float z) { return z != 0; })) levels = levels - view(zeros, shape);
    scales.assign(steps.data<float>(), steps.data<float>() + channels);
  }
};

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
  constexpr float magic = 0x1.8p23f;  // adding it rounds to an integer, ties to even
  Tensor y = empty_tensor(sums.sizes(), o.levels);
  auto run = [&]<class T>(T) {
    parallel_for(0, sums.numel() / std::max<int64_t>(1, inner * channels), std::max<int64_t>(1, 32768 / std::max<int64_t>(1, inner * channels)), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row)
        for (int64_t k = 0; k < (inner == 1 ? 1 : channels); ++k) {
          const float* from = sums.data<float>() + (row * channels + k) * inner;
          T* into = y.data<T>() + (row * channels + k) * inner;
          auto level = [&](float sum, float add, float times) {
            float v = (sum + add) * times;
            v = v > least ? v : least;
            v = v < most ? v : most;
            return T(int32_t((v + magic) - magic) + zero);
          };
          if (inner == 1)
            for (int64_t c = 0; c < channels; ++c) into[c] = level(from[c], shift[size_t(c)], factor[size_t(c)]);
          else
            for (int64_t i = 0; i < inner; ++i) into[i] = level(from[i], shift[size_t(k)], factor[size_t(k)]);
        }
    });
  };
  if (o.levels == DType::UInt8) run(uint8_t{});
  else run(int8_t{});
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
  Tensor sums = linear(centred(x.levels, x.zero_point), w.levels, Tensor());
  return requantized(sums, times(w.scales, x.scale), bias, 1, {scale, zero_point, x.levels.dtype(), relu});
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
  Tensor input = contiguous(detach(self)), y;
  Weight w(weight, weight.sizes()[0], 0, "linear_dynamic");
  double scale = 1;
  if (input.numel()) {
    auto [least, most] = std::minmax_element(input.data<float>(), input.data<float>() + input.numel());
    auto [chosen, zero] = choose_quantization(*least, *most, level_range(DType::UInt8), reduce_range);
    scale = chosen;
    Tensor q = quantize_per_tensor(input, scale, zero, DType::UInt8);
    y = linear(centred(quantized_parts(q).levels, zero), w.levels, Tensor());
  } else {
    y = linear(input, w.levels, Tensor());
  }
  std::vector<float> units = times(w.scales, scale);
  Tensor factor = empty_tensor({int64_t(units.size())}, DType::Float32);
  std::copy(units.begin(), units.end(), factor.data<float>());
  y = mul_(y, factor);
  if (bias.defined()) y = add_(y, detach(bias));
  return relu ? clamp_min(y, Scalar(0)) : y;
}
const auto linear_dynamic_op = compose<&linear_dynamic>({
    .schema = "_quantized_linear_dynamic(Tensor self, Tensor weight, Tensor? bias, bool reduce_range=True, bool relu=False) -> Tensor",
    .in = kPrivate,
    .doc = "The linear layer of float32 numbers, rounded to 8 bits between their least and greatest in each call (7 bits: reduce_range), and a quantized weight.",
    .body = &linear_dynamic,
});

Tensor convolution_layer(const Tensor& self, const Tensor& weight, const Tensor& bias, IntList stride, IntList padding, IntList dilation, bool transposed, IntList output_padding,
                         int64_t groups, double scale, int64_t zero_point, bool relu) {
  const QuantizedParts& x = activation(self, "conv");
  const int64_t axis = transposed ? 1 : 0, channels = weight.sizes()[size_t(axis)];
  Weight w(weight, channels, axis, "conv");
  if (transposed && groups > 1) {
    std::vector<float> one = w.scales;
    for (int64_t g = 1; g < groups; ++g) w.scales.insert(w.scales.end(), one.begin(), one.end());
  }
  Tensor sums = contiguous(convolution(centred(x.levels, x.zero_point), w.levels, Tensor(), stride, padding, dilation, transposed, output_padding, groups));
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
