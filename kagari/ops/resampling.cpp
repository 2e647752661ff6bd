#include "kagari/ops/resampling.h"

#include <cmath>
#include <vector>

#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/bounds.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/matmul.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

// Note [Resampling as products]: every kernel here is separable and linear, so that resizing one dimension is a product with a matrix of
// weights (out, in), and picking the nearest is a selection of indices. Gradients of any order follow from these.

double cubic(double x, double a) {  // Keys 1981
  x = std::fabs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

double position(int64_t i, double ratio, bool align_corners, bool cubic_kernel) {
  if (align_corners) return ratio * double(i);
  double p = ratio * (double(i) + 0.5) - 0.5;
  return p < 0 && !cubic_kernel ? 0 : p;
}

double ratio_of(int64_t in, int64_t out, bool align_corners, std::optional<double> scale) {
  if (align_corners) return out > 1 ? double(in - 1) / double(out - 1) : 0;
  return scale && *scale > 0 ? 1 / *scale : double(in) / double(out);
}

Tensor weights(std::string_view kernel, int64_t in, int64_t out, bool align_corners, std::optional<double> scale, bool antialias, DType dtype) {
  std::vector<double> w(size_t(numel_of(Ints{in, out})), 0.0);
  bool is_cubic = kernel == "cubic";
  double ratio = ratio_of(in, out, align_corners, scale);
  for (int64_t i = 0; i < out; ++i) {
    double* row = w.data() + i * in;
    if (antialias) {
      double support = (is_cubic ? 2.0 : 1.0) * std::max(ratio, 1.0), inverse = ratio >= 1 ? 1 / ratio : 1, center = ratio * (double(i) + 0.5), total = 0;
      int64_t begin = std::max<int64_t>(int64_t(center - support + 0.5), 0), end = std::min<int64_t>(int64_t(center + support + 0.5), in);
      for (int64_t k = begin; k < end; ++k) {
        double x = (double(k) - center + 0.5) * inverse;
        row[k] = is_cubic ? cubic(x, -0.5) : std::max(0.0, 1 - std::fabs(x));
        total += row[k];
      }
      for (int64_t k = begin; k < end; ++k) row[k] /= total;
      continue;
    }
    double p = position(i, ratio, align_corners, is_cubic);
    if (dtype != DType::Float64) p = double(float(p));
    p = p > -2 ? std::min(p, double(in) + 2) : -2;  // also where an absurd scale made it infinite or NaN
    int64_t k = int64_t(std::floor(p));
    double t = p - double(k);
    if (is_cubic) {
      for (int64_t j = -1; j < 3; ++j) row[std::clamp<int64_t>(k + j, 0, in - 1)] += cubic(double(j) - t, -0.75);
    } else {
      k = std::min(k, in - 1);
      row[k] += 1 - t;
      row[std::min(k + 1, in - 1)] += t;
    }
  }
  Tensor m = empty_tensor({out, in}, DType::Float64);
  std::copy(w.begin(), w.end(), m.data<double>());
  return to(m, dtype);
}

/// Weights as multiples of a power of two, so that the largest has 15 bits: images of bytes are resized in integers everywhere.
Tensor in_fixed_point(const Tensor& w) {
  double largest = 0, *p = w.data<double>();
  for (int64_t i = 0; i < w.numel(); ++i) largest = std::max(largest, p[i]);
  int bits = 0;
  while (bits < 22 && int(0.5 + largest * double(1 << (bits + 1))) < 1 << 15) ++bits;
  for (int64_t i = 0; i < w.numel(); ++i) p[i] = std::ldexp(std::round(std::ldexp(p[i], bits)), -bits);
  return w;
}

Tensor nearest(int64_t in, int64_t out, bool exact, std::optional<double> scale) {
  float ratio = scale && *scale > 0 ? float(1 / *scale) : float(in) / float(out);
  Tensor index = empty_tensor({out}, DType::Int64);
  for (int64_t i = 0; i < out; ++i) {
    double at = std::floor(exact ? (float(i) + 0.5f) * ratio : float(i) * ratio);
    index.data<int64_t>()[i] = at < double(in - 1) ? std::max<int64_t>(int64_t(at), 0) : at >= double(in - 1) ? in - 1 : 0;
  }
  return index;
}

const auto resample_op = compose<&resample>({
    .schema = "_resample(Tensor input, int[] output_size, str kernel, bool align_corners, float[]? scales, bool antialias) -> Tensor",
    .in = kPrivate,
    .doc = "Resizes the spatial dimensions.",
    .body = [](const Tensor& input, IntList output_size, std::string_view kernel, bool align_corners, std::optional<ArrayView<double>> scales, bool antialias) {
      int64_t dims = int64_t(output_size.size());
      KG_CHECK(input.dim() == dims + 2, "It is expected input_size equals to ", dims + 2, ", but got size ", input.dim());
      KG_CHECK_IMPLEMENTED(kernel.starts_with("nearest") || is_floating(input.dtype()) || input.dtype() == DType::UInt8, "\"upsample\" not implemented for '", input.dtype(), "'");
      Tensor y = input;
      // Bytes are rounded after each dimension, the last one first, as PyTorch does.
      bool bytes = input.dtype() == DType::UInt8 && !kernel.starts_with("nearest");
      for (int64_t step = 0; step < dims; ++step) {
        int64_t i = bytes ? dims - 1 - step : step, d = i + 2, in = input.sizes()[size_t(d)], out = output_size[size_t(i)];
        KG_CHECK(in > 0 && out > 0, "Input and output sizes should be greater than 0, but got input (", input.sizes(), ") output (", output_size, ")");
        std::optional<double> s = scales && size_t(i) < scales->size() ? std::optional<double>((*scales)[size_t(i)]) : std::nullopt;
        if (kernel.starts_with("nearest")) {
          if (in != out || s) y = index_select(y, d, nearest(in, out, kernel == "nearest-exact", s));
          continue;
        }
        if (in == out && !(s && *s != 1)) continue;
        DType compute = bytes ? DType::Float64 : is_half(y.dtype()) ? DType::Float32 : y.dtype();
        Tensor w = bytes ? in_fixed_point(weights(kernel, in, out, align_corners, s, antialias, compute)) : weights(kernel, in, out, align_corners, s, antialias, compute);
        Tensor x = to(y, compute);
        if (d == input.dim() - 1) y = matmul(x, transpose(w, 0, 1));
        else if (d == input.dim() - 2) y = matmul(w, x);
        else y = transpose(matmul(transpose(x, d, -1), transpose(w, 0, 1)), d, -1);
        if (bytes) y = to(clamp(floor(y + Scalar(0.5)), Scalar(0), Scalar(255)), DType::UInt8);
      }
      MemoryFormat last = input.dim() == 5 ? MemoryFormat::ChannelsLast3d : MemoryFormat::ChannelsLast;
      bool is_last = input.dim() >= 4 && !input.is_contiguous() && input.is_contiguous(last);
      y = to(y, input.dtype());
      return y.is_same(input) ? clone(input) : contiguous(y, is_last ? last : MemoryFormat::Contiguous);
    },
});

using MaybeInts = std::optional<IntList>;
using MaybeDoubles = std::optional<ArrayView<double>>;

Tensor with_size(const Tensor& input, MaybeInts size, MaybeDoubles scales, size_t dims, std::string_view kernel, bool align_corners, bool antialias) {
  KG_CHECK(size.has_value() != scales.has_value() || (size && scales), "Must specify exactly one of output_size and scale_factors");
  Ints sizes;
  if (size) {
    KG_CHECK(size->size() == dims, "It is expected output_size equals to ", dims, ", but got size ", size->size());
    sizes.assign(size->begin(), size->end());
    return resample(input, sizes, kernel, align_corners, {}, antialias);
  }
  KG_CHECK(input.dim() == int64_t(dims) + 2 && scales->size() == dims, "It is expected input_size equals to ", dims + 2, ", but got size ", input.dim());
  for (size_t i = 0; i < dims; ++i) sizes.push_back(int64_t(std::floor(double(input.sizes()[i + 2]) * (*scales)[i])));
  return resample(input, sizes, kernel, align_corners, scales, antialias);
}

#define KG_NEAREST(function, kernel, dims)                                                                                        \
  Tensor function(const Tensor& input, MaybeInts size, MaybeDoubles scales);                                                      \
  const auto function##_op = compose<&function>({                                                                                 \
      .schema = #function "(Tensor input, int[]? output_size, float[]? scale_factors) -> Tensor",                                \
      .in = kPrivate,                                                                                                             \
      .doc = "Resizes by picking the nearest element.",                                                                           \
      .body = [](const Tensor& x, MaybeInts size, MaybeDoubles scales) { return with_size(x, size, scales, dims, kernel, false, false); }, \
  });                                                                                                                             \
  [[maybe_unused]] Tensor function(const Tensor& x, MaybeInts size, MaybeDoubles scales) { return function##_op(x, size, scales); }
KG_NEAREST(upsample_nearest1d, "nearest", 1)
KG_NEAREST(upsample_nearest2d, "nearest", 2)
KG_NEAREST(upsample_nearest3d, "nearest", 3)
KG_NEAREST(_upsample_nearest_exact1d, "nearest-exact", 1)
KG_NEAREST(_upsample_nearest_exact2d, "nearest-exact", 2)
KG_NEAREST(_upsample_nearest_exact3d, "nearest-exact", 3)
#undef KG_NEAREST
#define KG_WEIGHTED(function, kernel, dims, antialias)                                                                            \
  Tensor function(const Tensor& input, MaybeInts size, bool align_corners, MaybeDoubles scales);                                  \
  const auto function##_op = compose<&function>({                                                                                 \
      .schema = #function "(Tensor input, int[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor",            \
      .in = kPrivate,                                                                                                             \
      .doc = "Resizes by a weighted mean of neighbours.",                                                                         \
      .body = [](const Tensor& x, MaybeInts size, bool align, MaybeDoubles scales) { return with_size(x, size, scales, dims, kernel, align, antialias); }, \
  });                                                                                                                             \
  [[maybe_unused]] Tensor function(const Tensor& x, MaybeInts size, bool align, MaybeDoubles scales) { return function##_op(x, size, align, scales); }
KG_WEIGHTED(upsample_linear1d, "linear", 1, false)
KG_WEIGHTED(upsample_bilinear2d, "linear", 2, false)
KG_WEIGHTED(upsample_trilinear3d, "linear", 3, false)
KG_WEIGHTED(upsample_bicubic2d, "cubic", 2, false)
KG_WEIGHTED(_upsample_bilinear2d_aa, "linear", 2, true)
KG_WEIGHTED(_upsample_bicubic2d_aa, "cubic", 2, true)
#undef KG_WEIGHTED

}  // namespace

Tensor resample(const Tensor& input, IntList size, std::string_view kernel, bool align_corners, MaybeDoubles scales, bool antialias) {
  return resample_op(input, size, kernel, align_corners, scales, antialias);
}

}  // namespace kagari
