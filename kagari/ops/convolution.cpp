#include "kagari/ops/convolution.h"

#include <limits>

#include "kagari/cpu/conv.h"
#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

/// The geometry of a call, checked. `grad`: sizes of the output if they are already known.
struct Geometry {
  Convolution c;
  Ints output_sizes;
  MemoryFormat format = MemoryFormat::Contiguous;
};

Geometry geometry(IntList input, IntList weight, DType dtype, IntList stride, IntList padding, IntList dilation, bool transposed, IntList output_padding, int64_t groups) {
  std::string_view op = transposed ? "conv_transpose" : "conv";
  int dims = int(input.size()) - 2;
  KG_CHECK(dims >= 1 && dims <= 3, op, ": expected 3 to 5 dimensions of the batched input, but got input of size: ", input);
  KG_CHECK(weight.size() > 2, op, dims, "d: weight should have at least three dimensions, but got weight of size: ", weight);
  KG_CHECK(weight.size() == input.size(), "Expected ", weight.size(), "-dimensional input for ", weight.size(), "-dimensional weight ", weight, ", but got ", input.size(), "-dimensional input of size ",
           input, " instead");
  auto check = [&](IntList values, const char* what, int64_t least, const char* text) {
    KG_CHECK(int(values.size()) == dims, "expected ", what, " to be a single integer value or a list of ", dims, " values to match the convolution dimensions, but got ", what, "=", values);
    for (int64_t v : values) {
      KG_CHECK(v >= least, text);
      KG_CHECK(v <= std::numeric_limits<int32_t>::max(), op, dims, "d: ", what, "=", values, " is too large");
    }
  };
  check(stride, "stride", 1, "non-positive stride is not supported");
  check(padding, "padding", 0, "negative padding is not supported");
  check(dilation, "dilation", 1, "dilation should be greater than zero");
  check(output_padding, "output_padding", 0, "negative output_padding is not supported");
  KG_CHECK(groups > 0, "non-positive groups is not supported");
  Geometry g;
  Convolution& c = g.c;
  c.dtype = dtype;
  c.dims = dims;
  c.transposed = transposed;
  c.batch = input[0];
  c.in_channels = input[1];
  c.groups = groups;
  if (transposed) {
    KG_CHECK(c.in_channels == weight[0], "Given transposed=1, weight of size ", weight, ", expected input", input, " to have ", weight[0], " channels, but got ", c.in_channels, " channels instead");
    KG_CHECK(weight[0] % groups == 0, "Given groups=", groups, ", expected weight to be divisible by ", groups, " at dimension 0, but got weight of size ", weight, " instead");
    c.out_channels = weight[1] * groups;
  } else {
    KG_CHECK(weight[0] >= groups && weight[0] % groups == 0, "Given groups=", groups, ", expected weight to be at least ", groups, " at dimension 0, but got weight of size ", weight, " instead");
    KG_CHECK(c.in_channels == weight[1] * groups, "Given groups=", groups, ", weight of size ", weight, ", expected input", input, " to have ", weight[1] * groups,
             " channels, but got ", c.in_channels, " channels instead");
    c.out_channels = weight[0];
  }
  g.output_sizes = {c.batch, c.out_channels};
  for (int d = 0; d < dims; ++d) {
    c.input_size[d] = input[size_t(d) + 2];
    c.kernel[d] = weight[size_t(d) + 2];
    c.stride[d] = stride[size_t(d)];
    c.padding[d] = padding[size_t(d)];
    c.dilation[d] = dilation[size_t(d)];
    KG_CHECK(c.input_size[d] > 0 || c.batch == 0 || c.in_channels == 0, "Only zero batch or zero channel inputs are supported, but got input shape: ", input);
    KG_CHECK(c.kernel[d] > 0, op, ": the kernel must not be empty, but weight has size ", weight);
    if (transposed) KG_CHECK(output_padding[size_t(d)] < std::max(c.stride[d], c.dilation[d]) , "output padding must be smaller than either stride or dilation, but got output_padding: ", output_padding);
    int64_t n = convolution_output_size(c, d, output_padding[size_t(d)]);
    if (!transposed) {
      n += output_padding[size_t(d)];
      KG_CHECK(n > 0 && c.input_size[d] + 2 * c.padding[d] + output_padding[size_t(d)] >= c.dilation[d] * (c.kernel[d] - 1) + 1, "Calculated padded input size per channel: (", c.input_size[d] + 2 * c.padding[d],
               "). Kernel size: (", c.dilation[d] * (c.kernel[d] - 1) + 1, "). Kernel size can't be greater than actual input size");
    }
    KG_CHECK(n > 0, "Given input size per channel: ", input, ". Calculated output size per channel: ", n, ". Output size is too small");
    c.output_size[d] = n;
    g.output_sizes.push_back(n);
  }
  return g;
}

void check_types(const Tensor& input, const Tensor& weight, const Tensor& bias) {
  KG_CHECK(input.dtype() == weight.dtype(), "Input type (", name(input.dtype()), ") and weight type (", name(weight.dtype()), ") should be the same");
  KG_CHECK(!bias.defined() || bias.dtype() == input.dtype(), "Input type (", name(input.dtype()), ") and bias type (", bias.defined() ? name(bias.dtype()) : "", ") should be the same");
  KG_CHECK(input.device() == weight.device(), "Expected all tensors to be on the same device, but input is on ", input.device(), " and weight on ", weight.device());
}

/// Channels-last if the activation comes so (and not in both orders at once).
MemoryFormat format_of(const Tensor& t) {
  MemoryFormat last = t.dim() == 4 ? MemoryFormat::ChannelsLast : MemoryFormat::ChannelsLast3d;
  bool is_last = t.dim() >= 4 && !t.is_contiguous() && t.is_contiguous(last);
  return is_last ? last : MemoryFormat::Contiguous;
}
Tensor dense(const Tensor& t, MemoryFormat format) { return contiguous(t, format); }
Tensor fresh(IntList sizes, const Tensor& like, MemoryFormat format) { return empty_strided_tensor(sizes, strides_for(sizes, format), like.dtype(), like.device()); }

/// In 64 bits, whose remainder is that of the narrower type.
Tensor integer_convolution(Convolution c, const Tensor& input, const Tensor& weight, const Tensor& bias, IntList output_sizes) {
  c.dtype = DType::Int64;
  Tensor x = contiguous(to(input, c.dtype)), w = contiguous(to(weight, c.dtype)), y = empty_tensor(output_sizes, c.dtype, input.device());
  convolution_forward(c, x.bytes(), w.bytes(), nullptr, y.bytes());
  if (bias.defined()) {
    Ints shape(output_sizes.size(), 1);
    shape[1] = c.out_channels;
    y = y + reshape(to(bias, c.dtype), shape);
  }
  return to(y, input.dtype());
}

const auto convolution_op = define<&convolution>({
    .schema = "convolution(Tensor input, Tensor weight, Tensor? bias, int[] stride, int[] padding, int[] dilation, bool transposed, int[] output_padding, int groups) -> Tensor",
    .in = kFunction,
    .doc = "Convolution or transposed convolution in one to three spatial dimensions.",
    .run = [](Out&, const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride, IntList padding, IntList dilation, bool transposed, IntList output_padding, int64_t groups) {
      check_types(input, weight, bias);
      Geometry g = geometry(input.sizes(), weight.sizes(), input.dtype(), stride, padding, dilation, transposed, output_padding, groups);
      KG_CHECK(!bias.defined() || (bias.dim() == 1 && bias.sizes()[0] == g.c.out_channels), "Given weight of size ", weight.sizes(), ", expected bias to be 1-dimensional with ", g.c.out_channels,
               " elements, but got bias of size ", bias.defined() ? bias.sizes() : IntList(), " instead");
      MemoryFormat format = format_of(input);
      if (format == MemoryFormat::Contiguous && input.dim() == 4) format = format_of(weight);
      Tensor y = fresh(g.output_sizes, input, format);
      if (y.is_meta() || y.numel() == 0) return y;
      KG_CHECK_IMPLEMENTED(is_differentiable(input.dtype()) || is_integer(input.dtype()), "\"convolution\" not implemented for '", legacy_name(input.dtype()), "'");
      if (is_integer(input.dtype())) return integer_convolution(g.c, input, weight, bias, g.output_sizes);
      g.c.channels_last = format != MemoryFormat::Contiguous;
      Tensor x = dense(input, format), w = contiguous(weight), b = bias.defined() ? contiguous(bias) : Tensor();
      convolution_forward(g.c, x.bytes(), w.bytes(), b.defined() ? b.bytes() : nullptr, y.bytes());
      return y;
    },
    .grad = vjp("input:weight weight:input", [](Ctx& c, const Tensor& input, const Tensor& weight, const Tensor&, IntList stride, IntList padding, IntList dilation, bool transposed,
                                                 IntList output_padding, int64_t groups) -> Grads {
      Grads out{Tensor(), Tensor(), Tensor()};
      if (c.needs(0)) out[0] = convolution_input_gradient(c.grad, conj(weight), c.sizes(0), stride, padding, dilation, transposed, output_padding, groups);
      if (c.needs(1)) out[1] = convolution_weight_gradient(conj(input), c.grad, c.sizes(1), stride, padding, dilation, transposed, output_padding, groups);
      if (c.needs(2)) {
        Ints dims{0};
        for (int64_t d = 2; d < c.grad.dim(); ++d) dims.push_back(d);
        out[2] = sum(c.grad, IntList(dims));
      }
      return out;
    }),
});

const auto input_gradient_op = define<&convolution_input_gradient>({
    .schema = "_convolution_input_gradient(Tensor grad, Tensor weight, int[] input_sizes, int[] stride, int[] padding, int[] dilation, bool transposed, int[] output_padding, int groups) -> Tensor",
    .in = kPrivate,
    .doc = "The gradient of convolution with respect to its input.",
    .run = [](Out&, const Tensor& grad, const Tensor& weight, IntList input_sizes, IntList stride, IntList padding, IntList dilation, bool transposed, IntList output_padding, int64_t groups) {
      check_types(grad, weight, {});
      Geometry g = geometry(input_sizes, weight.sizes(), grad.dtype(), stride, padding, dilation, transposed, output_padding, groups);
      KG_CHECK(grad.sizes() == IntList(g.output_sizes), "convolution: expected a gradient of size ", g.output_sizes, ", but got ", grad.sizes());
      MemoryFormat format = format_of(grad);
      Tensor gx = fresh(input_sizes, grad, format);
      if (gx.is_meta() || gx.numel() == 0) return gx;
      if (grad.numel() == 0) return zero_(gx);
      g.c.channels_last = format != MemoryFormat::Contiguous;
      Tensor gy = dense(grad, format), w = contiguous(weight);
      convolution_backward_input(g.c, gy.bytes(), w.bytes(), gx.bytes());
      return gx;
    },
    .grad = vjp("grad:weight weight:grad", [](Ctx& c, const Tensor& grad, const Tensor& weight, IntList, IntList stride, IntList padding, IntList dilation, bool transposed,
                                               IntList output_padding, int64_t groups) -> Grads {
      return {c.needs(0) ? convolution(c.grad, conj(weight), {}, stride, padding, dilation, transposed, output_padding, groups) : Tensor(),
              c.needs(1) ? convolution_weight_gradient(c.grad, conj(grad), c.sizes(1), stride, padding, dilation, transposed, output_padding, groups) : Tensor()};
    }),
});

const auto weight_gradient_op = define<&convolution_weight_gradient>({
    .schema = "_convolution_weight_gradient(Tensor input, Tensor grad, int[] weight_sizes, int[] stride, int[] padding, int[] dilation, bool transposed, int[] output_padding, int groups) -> Tensor",
    .in = kPrivate,
    .doc = "The gradient of convolution with respect to its weight.",
    .run = [](Out& out, const Tensor& input, const Tensor& grad, IntList weight_sizes, IntList stride, IntList padding, IntList dilation, bool transposed, IntList output_padding, int64_t groups) {
      check_types(input, grad, {});
      Geometry g = geometry(input.sizes(), weight_sizes, grad.dtype(), stride, padding, dilation, transposed, output_padding, groups);
      KG_CHECK(grad.sizes() == IntList(g.output_sizes), "convolution: expected a gradient of size ", g.output_sizes, ", but got ", grad.sizes());
      Tensor gw = out.alloc(weight_sizes, grad.dtype(), grad.device());
      if (gw.is_meta() || gw.numel() == 0) return gw;
      if (grad.numel() == 0 || input.numel() == 0) return zero_(gw);
      MemoryFormat format = format_of(input);
      g.c.channels_last = format != MemoryFormat::Contiguous;
      Tensor x = dense(input, format), gy = dense(grad, format);
      convolution_backward_weight(g.c, x.bytes(), gy.bytes(), gw.bytes(), nullptr);
      return gw;
    },
    .grad = vjp("input:grad grad:input", [](Ctx& c, const Tensor& input, const Tensor& grad, IntList, IntList stride, IntList padding, IntList dilation, bool transposed,
                                             IntList output_padding, int64_t groups) -> Grads {
      return {c.needs(0) ? convolution_input_gradient(conj(grad), c.grad, c.sizes(0), stride, padding, dilation, transposed, output_padding, groups) : Tensor(),
              c.needs(1) ? convolution(conj(input), c.grad, {}, stride, padding, dilation, transposed, output_padding, groups) : Tensor()};
    }),
});

/// Adds the batch dimension of an unbatched input, and spreads single numbers over the spatial dimensions.
Tensor call(size_t dims, const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride, IntList padding, IntList dilation, bool transposed, IntList output_padding, int64_t groups) {
  std::string_view op = transposed ? "conv_transpose" : "conv";
  KG_CHECK(input.dim() == int64_t(dims) + 1 || input.dim() == int64_t(dims) + 2, "Expected ", dims + 1, "D (unbatched) or ", dims + 2, "D (batched) input to ", op, dims, "d, but got input of size: ", input.sizes());
  auto spread = [&](IntList v, int64_t if_empty) {
    Ints out(v.begin(), v.end());
    if (out.size() <= 1) out = Ints(dims, out.empty() ? if_empty : out[0]);
    return out;
  };
  Ints s = spread(stride, 1), p = spread(padding, 0), d = spread(dilation, 1), o = spread(output_padding, 0);
  if (input.dim() == int64_t(dims) + 2) return convolution(input, weight, bias, s, p, d, transposed, o, groups);
  return squeeze_dim(convolution(unsqueeze(input, 0), weight, bias, s, p, d, transposed, o, groups), 0);
}

Tensor call_named(size_t dims, const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride, std::string_view padding, IntList dilation, int64_t groups) {
  if (padding == "valid") return call(dims, input, weight, bias, stride, Ints(dims, 0), dilation, false, {}, groups);
  KG_CHECK(padding == "same", "Invalid padding string: '", padding, "'");
  for (int64_t s : stride) KG_CHECK(s == 1, "padding='same' is not supported for strided convolutions");
  KG_CHECK(weight.dim() == int64_t(dims) + 2, "conv", dims, "d: expected weight to be ", dims + 2, "-dimensional, but got weight of size: ", weight.sizes());
  Ints low(dims), extra(dims);
  for (size_t i = 0; i < dims; ++i) {
    int64_t total = (dilation.size() == 1 ? dilation[0] : dilation[i]) * (weight.sizes()[i + 2] - 1);
    low[i] = total / 2;
    extra[i] = total % 2;  // the upper side gets one more
  }
  return call(dims, input, weight, bias, stride, low, dilation, false, extra, groups);
}

constexpr unsigned where = kFunction | kFunctional;
#define KG_CONVOLUTION(dims, text)                                                                                                                                      \
  const auto conv##dims##d_op = compose<&conv##dims##d>({                                                                                                               \
      .schema = "conv" text "d(Tensor input, Tensor weight, Tensor? bias=None, int[" text "] stride=1, int[" text "] padding=0, int[" text "] dilation=1, int groups=1) -> Tensor", \
      .in = where,                                                                                                                                                      \
      .doc = "Convolution in " text " spatial dimension(s): input (N, C, ...) or (C, ...), weight (out, C / groups, kernel...).",                                      \
      .body = [](const Tensor& x, const Tensor& w, const Tensor& b, IntList s, IntList p, IntList d, int64_t g) { return call(dims, x, w, b, s, p, d, false, {}, g); },     \
  });                                                                                                                                                                   \
  const auto conv##dims##d_named_op = compose<&conv##dims##d_named>({                                                                                                   \
      .schema = "conv" text "d.padding(Tensor input, Tensor weight, Tensor? bias=None, int[" text "] stride=1, str padding=\"valid\", int[" text "] dilation=1, int groups=1) -> Tensor", \
      .in = where,                                                                                                                                                      \
      .doc = "Convolution with padding 'same' or 'valid'.",                                                                                                             \
      .body = [](const Tensor& x, const Tensor& w, const Tensor& b, IntList s, std::string_view p, IntList d, int64_t g) { return call_named(dims, x, w, b, s, p, d, g); }, \
  });                                                                                                                                                                   \
  const auto conv_transpose##dims##d_op = compose<&conv_transpose##dims##d>({                                                                                           \
      .schema = "conv_transpose" text "d(Tensor input, Tensor weight, Tensor? bias=None, int[" text "] stride=1, int[" text "] padding=0, int[" text "] output_padding=0, int groups=1, int[" text "] dilation=1) -> Tensor", \
      .in = where,                                                                                                                                                      \
      .doc = "The transpose of a convolution in " text " spatial dimension(s); weight (C, out / groups, kernel...).",                                                  \
      .body = [](const Tensor& x, const Tensor& w, const Tensor& b, IntList s, IntList p, IntList o, int64_t g, IntList d) { return call(dims, x, w, b, s, p, d, true, o, g); }, \
  });
KG_CONVOLUTION(1, "1")
KG_CONVOLUTION(2, "2")
KG_CONVOLUTION(3, "3")
#undef KG_CONVOLUTION

}  // namespace

Tensor convolution(const Tensor& input, const Tensor& weight, const Tensor& bias, IntList stride, IntList padding, IntList dilation, bool transposed, IntList output_padding, int64_t groups) {
  return convolution_op(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups);
}
Tensor convolution_input_gradient(const Tensor& grad, const Tensor& weight, IntList sizes, IntList stride, IntList padding, IntList dilation, bool transposed, IntList output_padding, int64_t groups) {
  return input_gradient_op(grad, weight, sizes, stride, padding, dilation, transposed, output_padding, groups);
}
Tensor convolution_weight_gradient(const Tensor& input, const Tensor& grad, IntList sizes, IntList stride, IntList padding, IntList dilation, bool transposed, IntList output_padding, int64_t groups) {
  return weight_gradient_op(input, grad, sizes, stride, padding, dilation, transposed, output_padding, groups);
}
Tensor conv1d(const Tensor& x, const Tensor& w, const Tensor& b, IntList s, IntList p, IntList d, int64_t g) { return conv1d_op(x, w, b, s, p, d, g); }
Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& b, IntList s, IntList p, IntList d, int64_t g) { return conv2d_op(x, w, b, s, p, d, g); }
Tensor conv3d(const Tensor& x, const Tensor& w, const Tensor& b, IntList s, IntList p, IntList d, int64_t g) { return conv3d_op(x, w, b, s, p, d, g); }
Tensor conv1d_named(const Tensor& x, const Tensor& w, const Tensor& b, IntList s, std::string_view p, IntList d, int64_t g) { return conv1d_named_op(x, w, b, s, p, d, g); }
Tensor conv2d_named(const Tensor& x, const Tensor& w, const Tensor& b, IntList s, std::string_view p, IntList d, int64_t g) { return conv2d_named_op(x, w, b, s, p, d, g); }
Tensor conv3d_named(const Tensor& x, const Tensor& w, const Tensor& b, IntList s, std::string_view p, IntList d, int64_t g) { return conv3d_named_op(x, w, b, s, p, d, g); }
Tensor conv_transpose1d(const Tensor& x, const Tensor& w, const Tensor& b, IntList s, IntList p, IntList o, int64_t g, IntList d) { return conv_transpose1d_op(x, w, b, s, p, o, g, d); }
Tensor conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& b, IntList s, IntList p, IntList o, int64_t g, IntList d) { return conv_transpose2d_op(x, w, b, s, p, o, g, d); }
Tensor conv_transpose3d(const Tensor& x, const Tensor& w, const Tensor& b, IntList s, IntList p, IntList o, int64_t g, IntList d) { return conv_transpose3d_op(x, w, b, s, p, o, g, d); }

}  // namespace kagari
