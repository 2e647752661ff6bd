// Deformable convolution: a product of the weight with samples of the image at shifted positions.
#include <cmath>

#include "kagari/base/parallel.h"
#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/matmul.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/views.h"
#include "kagari/ops/vision.h"

namespace kagari {
namespace {

using Three = std::tuple<Tensor, Tensor, Tensor>;

/// The geometry of one call.
struct Shape {
  int64_t batch, channels, height, width, kernel_h, kernel_w, out_h, out_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, groups;
  int64_t taps() const { return kernel_h * kernel_w; }
  int64_t area() const { return out_h * out_w; }
};
Shape shape_of(const Tensor& input, const Tensor& offset, const Tensor& mask, IntList kernel, IntList stride, IntList pad, IntList dilation, int64_t groups) {
  KG_CHECK(input.dim() == 4 && offset.dim() == 4 && kernel.size() == 2 && stride.size() == 2 && pad.size() == 2 && dilation.size() == 2 && groups > 0 &&
               kernel[0] > 0 && kernel[1] > 0 && input.sizes()[1] % groups == 0,
           "deform_conv2d(): expected images, offsets and two-dimensional settings that fit, got ", input.sizes(), " and ", offset.sizes());
  int64_t taps;
  KG_CHECK(!__builtin_mul_overflow(kernel[0], kernel[1], &taps) && !__builtin_mul_overflow(taps, groups, &taps) && offset.sizes()[0] == input.sizes()[0] &&
               offset.sizes()[1] % 2 == 0 && offset.sizes()[1] / 2 == taps && offset.dtype() == input.dtype(),
           "deform_conv2d(): offsets of shape ", offset.sizes(), " and dtype ", offset.dtype(), " do not fit images of shape ", input.sizes());
  const int64_t mask_sizes[] = {input.sizes()[0], taps, offset.sizes()[2], offset.sizes()[3]};
  if (mask.defined())
    KG_CHECK(mask.dtype() == input.dtype() && mask.sizes() == IntList(mask_sizes, 4),
             "deform_conv2d(): a mask of shape ", mask.sizes(), " does not fit offsets of shape ", offset.sizes());
  return {input.sizes()[0], input.sizes()[1], input.sizes()[2], input.sizes()[3], kernel[0], kernel[1], offset.sizes()[2], offset.sizes()[3],
          stride[0], stride[1], pad[0], pad[1], dilation[0], dilation[1], groups};
}

/// A bilinear sample with zeros around the image: four corners, their weights and the derivatives of these by y and x.
template <class T>
struct Sample {
  int64_t at[4];
  T weight[4], by_y[4], by_x[4];
  Sample(T y, T x, int64_t height, int64_t width) {
    bool outside = y <= -1 || y >= T(height) || x <= -1 || x >= T(width);
    T fy = std::floor(y), fx = std::floor(x), ly = y - fy, lx = x - fx;
    for (int i = 0; i < 4; ++i) {
      int64_t h = outside ? -1 : int64_t(fy) + i / 2, w = outside ? -1 : int64_t(fx) + i % 2;
      bool inside = h >= 0 && h < height && w >= 0 && w < width;
      at[i] = inside ? h * width + w : 0;
      T wy = i / 2 ? ly : 1 - ly, wx = i % 2 ? lx : 1 - lx;
      weight[i] = inside ? wy * wx : T(0);
      by_y[i] = inside ? (i / 2 ? wx : -wx) : T(0);
      by_x[i] = inside ? (i % 2 ? wy : -wy) : T(0);
    }
  }
};

/// Calls f(offset group, tap, place of the result, sample, mask, index of the mask) for all samples of one image.
template <class T, class F>
void each_sample(const Shape& s, const T* offset, const T* mask, int64_t group, F&& f) {
  for (int64_t k = 0; k < s.taps(); ++k) {
    const T* dy = offset + (group * s.taps() + k) * 2 * s.area();
    const T* dx = dy + s.area();
    int64_t m = (group * s.taps() + k) * s.area();
    for (int64_t i = 0; i < s.out_h; ++i)
      for (int64_t j = 0; j < s.out_w; ++j) {
        int64_t p = i * s.out_w + j;
        T y = T(i * s.stride_h - s.pad_h + k / s.kernel_w * s.dilation_h) + dy[p], x = T(j * s.stride_w - s.pad_w + k % s.kernel_w * s.dilation_w) + dx[p];
        f(k, p, Sample<T>(y, x, s.height, s.width), mask ? mask[m + p] : T(1), m + p);
      }
  }
}

template <class F>
void visit_float_or_double(DType t, F&& f) {
  KG_CHECK_IMPLEMENTED(t == DType::Float32 || t == DType::Float64, "\"deform_conv2d\" not implemented for '", legacy_name(t), "'");
  if (t == DType::Float64) f(double{});
  else f(float{});
}

/// (batch, channels * taps, area)
Tensor deformed_columns(const Tensor& input, const Tensor& offset, const Tensor& mask, IntList kernel, IntList stride, IntList pad, IntList dilation, int64_t offset_groups);
Three deformed_columns_gradient(const Tensor& grad, const Tensor& input, const Tensor& offset, const Tensor& mask, IntList kernel, IntList stride, IntList pad, IntList dilation,
                                int64_t offset_groups);

const auto gradient_op = define<&deformed_columns_gradient>({
    .schema = "_deformed_columns_gradient(Tensor grad, Tensor input, Tensor offset, Tensor? mask, int[] kernel, int[] stride, int[] padding, int[] dilation, int offset_groups) -> (Tensor, Tensor, Tensor)",
    .in = 0,
    .doc = "The gradients of the input, the offsets and the mask of _deformed_columns.",
    .run = [](Out&, const Tensor& grad, const Tensor& input, const Tensor& offset, const Tensor& mask, IntList kernel, IntList stride, IntList pad, IntList dilation, int64_t groups) -> Three {
      Shape s = shape_of(input, offset, mask, kernel, stride, pad, dilation, groups);
      KG_CHECK(grad.dtype() == input.dtype() && grad.numel() == s.batch * s.channels * s.taps() * s.area(), "deform_conv2d(): a gradient of shape ", grad.sizes(), " does not fit");
      Tensor di = empty_tensor(input.sizes(), input.dtype(), input.device()), doff = empty_tensor(offset.sizes(), input.dtype(), input.device());
      Tensor dm = mask.defined() ? empty_tensor(mask.sizes(), input.dtype(), input.device()) : empty_tensor({0}, input.dtype(), input.device());
      if (di.is_meta()) return {di, doff, dm};
      zero_(di), zero_(doff), zero_(dm);
      Tensor g = contiguous(grad), x = contiguous(input), off = contiguous(offset), m = mask.defined() ? contiguous(mask) : Tensor();
      visit_float_or_double(input.dtype(), [&](auto tag) {
        using T = decltype(tag);
        int64_t per_group = s.channels / s.groups;
        // one task per image and group of offsets: they write apart
        parallel_for(0, s.batch * s.groups, 1, [&](int64_t begin, int64_t end) {
          for (int64_t task = begin; task < end; ++task) {
            int64_t b = task / s.groups, group = task % s.groups;
            const T* o = off.data<T>() + b * offset.sizes()[1] * s.area();
            const T* mk = mask.defined() ? m.data<T>() + b * mask.sizes()[1] * s.area() : nullptr;
            T* go = doff.data<T>() + b * offset.sizes()[1] * s.area();
            T* gm = mask.defined() ? dm.data<T>() + b * mask.sizes()[1] * s.area() : nullptr;
            each_sample<T>(s, o, mk, group, [&](int64_t k, int64_t p, const Sample<T>& sample, T scale, int64_t at) {
              T sum_m = 0, sum_y = 0, sum_x = 0;
              for (int64_t c = group * per_group; c < (group + 1) * per_group; ++c) {
                T gradient = g.data<T>()[((b * s.channels + c) * s.taps() + k) * s.area() + p];
                const T* plane = x.data<T>() + (b * s.channels + c) * s.height * s.width;
                T* d_plane = di.data<T>() + (b * s.channels + c) * s.height * s.width;
                for (int i = 0; i < 4; ++i) {
                  T v = plane[sample.at[i]];
                  sum_m += gradient * v * sample.weight[i];
                  sum_y += gradient * v * sample.by_y[i];
                  sum_x += gradient * v * sample.by_x[i];
                  d_plane[sample.at[i]] += gradient * scale * sample.weight[i];
                }
              }
              int64_t dy = (group * s.taps() + k) * 2 * s.area() + p;
              go[dy] = sum_y * scale, go[dy + s.area()] = sum_x * scale;
              if (gm) gm[at] = sum_m;
            });
          }
        });
      });
      return {di, doff, dm};
    },
    .grad = no_grad("a gradient: it is not differentiated again"),
});
Three deformed_columns_gradient(const Tensor& grad, const Tensor& input, const Tensor& offset, const Tensor& mask, IntList kernel, IntList stride, IntList pad, IntList dilation,
                                int64_t offset_groups) {
  return gradient_op(grad, input, offset, mask, kernel, stride, pad, dilation, offset_groups);
}

const auto columns_op = define<&deformed_columns>({
    .schema = "_deformed_columns(Tensor input, Tensor offset, Tensor? mask, int[] kernel, int[] stride, int[] padding, int[] dilation, int offset_groups) -> Tensor",
    .in = 0,
    .doc = "The samples that a deformable convolution multiplies: (batch, channels * taps, positions).",
    .run = [](Out& out, const Tensor& input, const Tensor& offset, const Tensor& mask, IntList kernel, IntList stride, IntList pad, IntList dilation, int64_t groups) {
      Shape s = shape_of(input, offset, mask, kernel, stride, pad, dilation, groups);
      Tensor y = out.alloc({s.batch, s.channels * s.taps(), s.area()}, input.dtype(), input.device());
      if (y.is_meta()) return y;
      Tensor x = contiguous(input), off = contiguous(offset), m = mask.defined() ? contiguous(mask) : Tensor();
      visit_float_or_double(input.dtype(), [&](auto tag) {
        using T = decltype(tag);
        int64_t per_group = s.channels / s.groups;
        parallel_for(0, s.batch * s.groups, 1, [&](int64_t begin, int64_t end) {
          for (int64_t task = begin; task < end; ++task) {
            int64_t b = task / s.groups, group = task % s.groups;
            const T* o = off.data<T>() + b * offset.sizes()[1] * s.area();
            const T* mk = mask.defined() ? m.data<T>() + b * mask.sizes()[1] * s.area() : nullptr;
            each_sample<T>(s, o, mk, group, [&](int64_t k, int64_t p, const Sample<T>& sample, T scale, int64_t) {
              for (int64_t c = group * per_group; c < (group + 1) * per_group; ++c) {
                const T* plane = x.data<T>() + (b * s.channels + c) * s.height * s.width;
                T value = 0;
                for (int i = 0; i < 4; ++i) value += sample.weight[i] * plane[sample.at[i]];
                y.data<T>()[((b * s.channels + c) * s.taps() + k) * s.area() + p] = value * scale;
              }
            });
          }
        });
      });
      return y;
    },
    .grad = vjp("input offset mask", [](Ctx& c, const Tensor& input, const Tensor& offset, const Tensor& mask, IntList kernel, IntList stride, IntList pad, IntList dilation, int64_t groups) -> Grads {
      auto [di, doff, dm] = deformed_columns_gradient(c.grad, input, offset, mask, kernel, stride, pad, dilation, groups);
      return {di, doff, mask.defined() ? dm : Tensor()};
    }),
});
Tensor deformed_columns(const Tensor& input, const Tensor& offset, const Tensor& mask, IntList kernel, IntList stride, IntList pad, IntList dilation, int64_t offset_groups) {
  return columns_op(input, offset, mask, kernel, stride, pad, dilation, offset_groups);
}

const auto deform_conv2d_op = compose<&vision_deform_conv2d>({
    .schema = "torchvision__deform_conv2d(Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, int stride_h, int stride_w, int pad_h, int pad_w, int dilation_h, "
              "int dilation_w, int groups, int offset_groups, bool use_mask) -> Tensor",
    .in = 0,
    .doc = "A 2-d convolution whose kernel elements are shifted by offset (batch, 2 * offset_groups * taps, out_h, out_w) at each position, and scaled by mask if use_mask.",
    .body = [](const Tensor& input, const Tensor& weight, const Tensor& offset, const Tensor& mask, const Tensor& bias, int64_t stride_h, int64_t stride_w, int64_t pad_h, int64_t pad_w,
               int64_t dilation_h, int64_t dilation_w, int64_t groups, int64_t offset_groups, bool use_mask) {
      KG_CHECK(input.dim() == 4 && weight.dim() == 4 && offset.dim() == 4, "deform_conv2d: input, weight and offset must have 4 dimensions");
      int64_t kh = weight.sizes()[2], kw = weight.sizes()[3], outputs = weight.sizes()[0];
      KG_CHECK(stride_h > 0 && stride_w > 0, "stride_h: ", stride_h, " stride_w: ", stride_w);
      KG_CHECK(pad_h >= 0 && pad_w >= 0, "pad_h: ", pad_h, " pad_w: ", pad_w);
      int64_t oh = (input.sizes()[2] + 2 * pad_h - (dilation_h * (kh - 1) + 1)) / stride_h + 1, ow = (input.sizes()[3] + 2 * pad_w - (dilation_w * (kw - 1) + 1)) / stride_w + 1;
      KG_CHECK(groups > 0 && outputs % groups == 0 && weight.sizes()[1] * groups == input.sizes()[1], "deform_conv2d: the channels of input and weight do not fit ", groups, " groups");
      KG_CHECK(offset_groups > 0 && input.sizes()[1] % offset_groups == 0, "deform_conv2d: ", input.sizes()[1], " channels are no multiple of ", offset_groups, " groups of offsets");
      KG_CHECK(offset.sizes()[1] == offset_groups * 2 * kh * kw, "offset.shape[1] is not valid: got: ", offset.sizes()[1], " expected: ", offset_groups * 2 * kh * kw);
      KG_CHECK(offset.sizes()[0] == input.sizes()[0], "invalid batch size of offset");
      KG_CHECK(oh > 0 && ow > 0, "Calculated output size too small - out_h: ", oh, " out_w: ", ow);
      KG_CHECK(offset.sizes()[2] == oh && offset.sizes()[3] == ow, "offset output dims: (", offset.sizes()[2], ", ", offset.sizes()[3], ") - output dims: (", oh, ", ", ow, ")");
      KG_CHECK(!use_mask || (mask.dim() == 4 && mask.sizes()[0] == input.sizes()[0] && mask.sizes()[1] == offset_groups * kh * kw && mask.sizes()[2] == oh && mask.sizes()[3] == ow),
               "mask of shape ", mask.sizes(), " does not fit: expected (", input.sizes()[0], ", ", offset_groups * kh * kw, ", ", oh, ", ", ow, ")");
      int64_t kernel[] = {kh, kw}, stride[] = {stride_h, stride_w}, pad[] = {pad_h, pad_w}, dilation[] = {dilation_h, dilation_w};
      Tensor columns = deformed_columns(input, offset, use_mask ? mask : Tensor(), IntList(kernel, 2), IntList(stride, 2), IntList(pad, 2), IntList(dilation, 2), offset_groups);
      int64_t n = input.sizes()[0], depth = weight.sizes()[1] * kh * kw;
      Tensor w = reshape(weight, {groups, outputs / groups, depth}), x = reshape(columns, {n, groups, depth, oh * ow});
      Tensor y = reshape(matmul(unsqueeze(w, 0), x), {n, outputs, oh, ow});
      return bias.defined() && bias.numel() ? add(y, reshape(bias, {1, outputs, 1, 1})) : y;
    },
});

using Five = std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor>;
Five deform_conv2d_backward(const Tensor& grad, const Tensor& input, const Tensor& weight, const Tensor& offset, const Tensor& mask, const Tensor& bias, int64_t stride_h, int64_t stride_w,
                            int64_t pad_h, int64_t pad_w, int64_t dilation_h, int64_t dilation_w, int64_t groups, int64_t offset_groups, bool use_mask);
const auto deform_conv2d_backward_op = compose<&deform_conv2d_backward>({
    .schema = "torchvision___deform_conv2d_backward(Tensor grad, Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, int stride_h, int stride_w, int pad_h, int pad_w, "
              "int dilation_h, int dilation_w, int groups, int offset_groups, bool use_mask) -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
    .in = 0,
    .doc = "The gradients of deform_conv2d's input, weight, offset, mask and bias.",
    .body = [](const Tensor& grad, const Tensor& input, const Tensor& weight, const Tensor& offset, const Tensor& mask, const Tensor& bias, int64_t stride_h, int64_t stride_w, int64_t pad_h,
               int64_t pad_w, int64_t dilation_h, int64_t dilation_w, int64_t groups, int64_t offset_groups, bool use_mask) -> Five {
      KG_CHECK(grad.dim() == 4 && weight.dim() == 4 && groups > 0 && weight.sizes()[0] % groups == 0, "deform_conv2d: a gradient of shape ", grad.sizes(), " and a weight of shape ",
               weight.sizes(), " do not fit ", groups, " groups");
      int64_t kernel[] = {weight.sizes()[2], weight.sizes()[3]}, stride[] = {stride_h, stride_w}, pad[] = {pad_h, pad_w}, dilation[] = {dilation_h, dilation_w};
      Tensor m = use_mask ? mask : Tensor();
      Tensor columns = deformed_columns(input, offset, m, IntList(kernel, 2), IntList(stride, 2), IntList(pad, 2), IntList(dilation, 2), offset_groups);
      int64_t n = input.sizes()[0], outputs = weight.sizes()[0], depth = weight.sizes()[1] * kernel[0] * kernel[1], area = grad.sizes()[2] * grad.sizes()[3];
      Tensor g = reshape(grad, {n, groups, outputs / groups, area}), x = reshape(columns, {n, groups, depth, area}), w = reshape(weight, {1, groups, outputs / groups, depth});
      int64_t first[] = {0}, all[] = {0, 2, 3};
      Tensor dw = reshape(sum(matmul(g, transpose(x, 2, 3)), IntList(first, 1)), weight.sizes());
      Tensor dx = reshape(matmul(transpose(w, 2, 3), g), columns.sizes());
      auto [di, doff, dm] = deformed_columns_gradient(dx, input, offset, m, IntList(kernel, 2), IntList(stride, 2), IntList(pad, 2), IntList(dilation, 2), offset_groups);
      return {di, dw, doff, use_mask ? dm : zeros_like(mask), bias.numel() ? sum(grad, IntList(all, 3)) : zeros_like(bias)};
    },
});
Five deform_conv2d_backward(const Tensor& grad, const Tensor& input, const Tensor& weight, const Tensor& offset, const Tensor& mask, const Tensor& bias, int64_t stride_h, int64_t stride_w,
                            int64_t pad_h, int64_t pad_w, int64_t dilation_h, int64_t dilation_w, int64_t groups, int64_t offset_groups, bool use_mask) {
  return deform_conv2d_backward_op(grad, input, weight, offset, mask, bias, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, groups, offset_groups, use_mask);
}

}  // namespace

Tensor vision_deform_conv2d(const Tensor& input, const Tensor& weight, const Tensor& offset, const Tensor& mask, const Tensor& bias, int64_t stride_h, int64_t stride_w, int64_t pad_h,
                            int64_t pad_w, int64_t dilation_h, int64_t dilation_w, int64_t groups, int64_t offset_groups, bool use_mask) {
  return deform_conv2d_op(input, weight, offset, mask, bias, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, groups, offset_groups, use_mask);
}

}  // namespace kagari
