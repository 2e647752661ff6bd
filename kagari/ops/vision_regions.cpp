// Regions of interest: pooling their contents to a grid, and choosing among overlapping ones.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "kagari/base/parallel.h"
#include "kagari/op/op.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/vision.h"

namespace kagari {
namespace {

using Pair = std::tuple<Tensor, Tensor>;

// How a region's contents become one cell of its grid.
enum Pooling : int64_t { kAlign, kAlignPixels, kMax, kSensitiveAlign, kSensitiveMean };

template <class F>
void visit_float_or_double(DType t, F&& f) {
  if (t == DType::Float64) f(double{});
  else f(float{});
}
/// The dtype to compute in: that of the input, or float32 for halves.
DType computed_in(DType t) { return t == DType::Float64 ? t : DType::Float32; }
Tensor dense(const Tensor& t, DType dtype) { return contiguous(to(t, dtype)); }

struct Grid {
  int64_t pooling;
  double scale;
  int64_t rows, columns, samples;
  bool sensitive() const { return pooling == kSensitiveAlign || pooling == kSensitiveMean; }
};

/// One weighted element of the image that a cell is made of.
template <class T>
struct Part {
  int64_t at;
  T weight;
};

constexpr int64_t kMostSamples = 1 << 14;  // along one side of a cell: more pixels than an image has

/// The four neighbours of a point, with their weights; none outside of the image.
template <class T>
void bilinear(T y, T x, int64_t height, int64_t width, T scale, std::vector<Part<T>>& parts) {
  if (!(y >= -1 && y <= T(height) && x >= -1 && x <= T(width))) return;
  y = std::max(y, T(0)), x = std::max(x, T(0));
  int64_t y0 = int64_t(y), x0 = int64_t(x), y1 = y0 + 1, x1 = x0 + 1;
  if (y0 >= height - 1) y0 = y1 = height - 1, y = T(y0);
  if (x0 >= width - 1) x0 = x1 = width - 1, x = T(x0);
  T ly = y - T(y0), lx = x - T(x0), hy = 1 - ly, hx = 1 - lx;
  parts.push_back({y0 * width + x0, hy * hx * scale});
  parts.push_back({y0 * width + x1, hy * lx * scale});
  parts.push_back({y1 * width + x0, ly * hx * scale});
  parts.push_back({y1 * width + x1, ly * lx * scale});
}

/// A coordinate of a region as a whole number: far outside of any image where it is too large for one, 0 where it is none.
template <class T>
int64_t whole(T v) { return std::isnan(v) ? 0 : int64_t(std::clamp(v, T(-1e9), T(1e9))); }

/// The elements of an image that cell (row, column) of a region's grid is made of.
template <class T>
void parts_of(const Grid& g, const T* roi, int64_t row, int64_t column, int64_t height, int64_t width, std::vector<Part<T>>& parts) {
  parts.clear();
  if (height == 0 || width == 0) return;
  T scale = T(g.scale);
  if (g.pooling == kMax || g.pooling == kSensitiveMean) {
    int64_t x0 = whole(std::round(roi[1] * scale)), y0 = whole(std::round(roi[2] * scale)), x1 = whole(std::round(roi[3] * scale)), y1 = whole(std::round(roi[4] * scale));
    bool max = g.pooling == kMax;
    T bin_h = T(std::max<int64_t>(y1 - y0 + max, 1)) / T(g.rows), bin_w = T(std::max<int64_t>(x1 - x0 + max, 1)) / T(g.columns);
    int64_t bottom = height - !max, right = width - !max;  // the mean leaves the last row and column out
    int64_t h0 = std::clamp<int64_t>(int64_t(std::floor(T(row) * bin_h)) + y0, 0, bottom), h1 = std::clamp<int64_t>(int64_t(std::ceil(T(row + 1) * bin_h)) + y0, 0, bottom);
    int64_t w0 = std::clamp<int64_t>(int64_t(std::floor(T(column) * bin_w)) + x0, 0, right), w1 = std::clamp<int64_t>(int64_t(std::ceil(T(column + 1) * bin_w)) + x0, 0, right);
    T weight = h1 > h0 && w1 > w0 && !max ? T(1) / T((h1 - h0) * (w1 - w0)) : T(1);
    for (int64_t h = h0; h < h1; ++h)
      for (int64_t w = w0; w < w1; ++w) parts.push_back({h * width + w, weight});
    return;
  }
  T shift = g.pooling == kAlign ? T(0) : T(0.5);
  T x0 = roi[1] * scale - shift, y0 = roi[2] * scale - shift, w = roi[3] * scale - shift - x0, h = roi[4] * scale - shift - y0;
  if (g.pooling == kAlign) w = std::max(w, T(1)), h = std::max(h, T(1));
  T bin_h = h / T(g.rows), bin_w = w / T(g.columns);
  int64_t samples_h = g.samples > 0 ? g.samples : whole(std::ceil(bin_h)), samples_w = g.samples > 0 ? g.samples : whole(std::ceil(bin_w));
  KG_CHECK(samples_h <= kMostSamples && samples_w <= kMostSamples, "roi_align: ", samples_h, " x ", samples_w, " samples in one cell are too many");
  T weight = T(1) / T(std::max<int64_t>(samples_h * samples_w, 1));
  for (int64_t i = 0; i < samples_h; ++i)
    for (int64_t j = 0; j < samples_w; ++j)
      bilinear<T>(y0 + T(row) * bin_h + (T(i) + T(0.5)) * bin_h / T(samples_h), x0 + T(column) * bin_w + (T(j) + T(0.5)) * bin_w / T(samples_w), height, width, weight, parts);
}

void check_grid(IntList input, const Tensor& rois, const Grid& g) {
  KG_CHECK(rois.dim() == 2 && rois.sizes()[1] == 5, "Tensor rois must have shape (K, 5), but has shape ", rois.sizes());
  KG_CHECK(g.rows > 0 && g.columns > 0 && g.rows < int64_t(1) << 31 && g.columns < int64_t(1) << 31, "roi operators: the pooled size must be positive, but is (", g.rows, ", ", g.columns, ")");
  KG_CHECK(!g.sensitive() || input[1] % (g.rows * g.columns) == 0, "input channels must be a multiple of pooling height * pooling width, but are ", input[1]);
}
void check_regions(const Tensor& input, const Tensor& rois, const Grid& g) {
  KG_CHECK(input.dim() == 4, "roi operators: input must be (batch, channels, height, width), but has shape ", input.sizes());
  check_grid(input.sizes(), rois, g);
}
template <class T>
int64_t image_of(const T* roi, int64_t batch) {
  int64_t b = int64_t(roi[0]);
  KG_CHECK_INDEX(b >= 0 && b < batch, "roi operators: a region names image ", b, " of a batch of ", batch);
  return b;
}

/// Calls f(channel of the result, row, column, plane of the input, parts) for all cells of a region; parts may be changed by f.
template <class T, class F>
void each_cell(const Grid& g, const T* roi, int64_t channels, int64_t height, int64_t width, F&& f) {
  std::vector<Part<T>> parts;
  int64_t out_channels = g.sensitive() ? channels / (g.rows * g.columns) : channels;
  for (int64_t i = 0; i < g.rows; ++i)
    for (int64_t j = 0; j < g.columns; ++j) {
      parts_of<T>(g, roi, i, j, height, width, parts);
      for (int64_t c = 0; c < out_channels; ++c) f(c, i, j, g.sensitive() ? (c * g.rows + i) * g.columns + j : c, parts);
    }
}

/// (regions, channels, rows, columns), and for the pooling that needs it where each value came from.
Pair pool_regions(Out& out, const Tensor& input, const Tensor& rois, const Grid& g) {
  check_regions(input, rois, g);
  int64_t k = rois.sizes()[0], channels = input.sizes()[1], height = input.sizes()[2], width = input.sizes()[3];
  int64_t out_channels = g.sensitive() ? channels / (g.rows * g.columns) : channels;
  Ints sizes{k, out_channels, g.rows, g.columns};
  DType dtype = computed_in(input.dtype());
  Tensor y = empty_tensor(sizes, dtype, input.device()), origin = out.alloc(sizes, DType::Int32, input.device(), 1);
  if (y.is_meta()) return {empty_tensor(sizes, input.dtype(), input.device()), origin};
  Tensor x = dense(input, dtype), r = dense(rois, dtype);
  auto* from = origin.data<int32_t>();
  visit_float_or_double(dtype, [&](auto tag) {
    using T = decltype(tag);
    parallel_for(0, k, std::max<int64_t>(1, 4096 / std::max<int64_t>(out_channels * g.rows * g.columns, 1)), [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) {
        const T* roi = r.data<T>() + n * 5;
        const T* image = x.data<T>() + image_of(roi, input.sizes()[0]) * channels * height * width;
        each_cell<T>(g, roi, channels, height, width, [&](int64_t c, int64_t i, int64_t j, int64_t plane, const std::vector<Part<T>>& parts) {
          const T* p = image + plane * height * width;
          int64_t at = ((n * out_channels + c) * g.rows + i) * g.columns + j;
          T value = 0;
          int32_t source = g.sensitive() ? int32_t(plane) : -1;
          if (g.pooling == kMax) {
            for (const auto& part : parts)
              if (source < 0 || p[part.at] > value) value = p[part.at], source = int32_t(part.at);
          } else {
            for (const auto& part : parts) value += part.weight * p[part.at];
          }
          y.data<T>()[at] = value;
          from[at] = source;
        });
      }
    });
  });
  return {to(y, input.dtype()), origin};
}

/// The gradient of the input. Regions are taken one after the other, so that the sum does not depend on threads.
Tensor spread_gradient(const Tensor& grad, const Tensor& rois, const Tensor& origin, IntList sizes, const Grid& g) {
  for (int64_t n : sizes) KG_CHECK(n >= 0, "roi operators: the input's sizes must not be negative, but are ", sizes);
  check_grid(sizes, rois, g);
  Ints expected{rois.sizes()[0], g.sensitive() ? sizes[1] / (g.rows * g.columns) : sizes[1], g.rows, g.columns};
  KG_CHECK(grad.sizes() == IntList(expected), "roi operators: expected a gradient of shape ", expected, ", but got ", grad.sizes());
  KG_CHECK(!origin.defined() || (origin.sizes() == IntList(expected) && origin.dtype() == DType::Int32), "roi operators: expected the places of the maxima as int32 of shape ", expected);
  DType dtype = computed_in(grad.dtype());
  Tensor dx = empty_tensor(sizes, dtype, grad.device());
  if (dx.is_meta()) return empty_tensor(sizes, grad.dtype(), grad.device());
  zero_(dx);
  Tensor dy = dense(grad, dtype), r = dense(rois, dtype), source = origin.defined() ? contiguous(origin) : Tensor();
  int64_t k = rois.sizes()[0], channels = sizes[1], height = sizes[2], width = sizes[3];
  int64_t out_channels = g.sensitive() ? channels / (g.rows * g.columns) : channels;
  visit_float_or_double(dtype, [&](auto tag) {
    using T = decltype(tag);
    for (int64_t n = 0; n < k; ++n) {
      const T* roi = r.data<T>() + n * 5;
      T* image = dx.data<T>() + image_of(roi, sizes[0]) * channels * height * width;
      each_cell<T>(g, roi, channels, height, width, [&](int64_t c, int64_t i, int64_t j, int64_t plane, const std::vector<Part<T>>& parts) {
        T* p = image + plane * height * width;
        int64_t at = ((n * out_channels + c) * g.rows + i) * g.columns + j;
        T gradient = dy.data<T>()[at];
        if (g.pooling == kMax) {
          int32_t s = source.data<int32_t>()[at];
          KG_CHECK_INDEX(s < height * width, "roi operators: place ", s, " of a maximum is outside of an image of ", height, " x ", width);
          if (s >= 0) p[s] += gradient;
        } else {
          for (const auto& part : parts) p[part.at] += part.weight * gradient;
        }
      });
    }
  });
  return to(dx, grad.dtype());
}

// ---------------------------------------------------------------- gradients as operators
constexpr const char* no_second = "a gradient: it is not differentiated again";

#define KG_SIZES int64_t batch_size, int64_t channels, int64_t height, int64_t width
Tensor roi_align_backward(const Tensor& grad, const Tensor& rois, double scale, int64_t rows, int64_t columns, KG_SIZES, int64_t samples, bool aligned);
const auto roi_align_backward_op = define<&roi_align_backward>({
    .schema = "torchvision___roi_align_backward(Tensor grad, Tensor rois, float spatial_scale, int pooled_height, int pooled_width, int batch_size, int channels, int height, int width, "
              "int sampling_ratio, bool aligned) -> Tensor",
    .in = 0,
    .doc = "The gradient of roi_align's input.",
    .run = [](Out&, const Tensor& grad, const Tensor& rois, double scale, int64_t rows, int64_t columns, KG_SIZES, int64_t samples, bool aligned) {
      return spread_gradient(grad, rois, Tensor(), Ints{batch_size, channels, height, width}, {aligned ? kAlignPixels : kAlign, scale, rows, columns, samples});
    },
    .grad = no_grad(no_second),
});
Tensor roi_align_backward(const Tensor& grad, const Tensor& rois, double scale, int64_t rows, int64_t columns, KG_SIZES, int64_t samples, bool aligned) {
  return roi_align_backward_op(grad, rois, scale, rows, columns, batch_size, channels, height, width, samples, aligned);
}

Tensor roi_pool_backward(const Tensor& grad, const Tensor& rois, const Tensor& argmax, double scale, int64_t rows, int64_t columns, KG_SIZES);
const auto roi_pool_backward_op = define<&roi_pool_backward>({
    .schema = "torchvision___roi_pool_backward(Tensor grad, Tensor rois, Tensor argmax, float spatial_scale, int pooled_height, int pooled_width, int batch_size, int channels, "
              "int height, int width) -> Tensor",
    .in = 0,
    .doc = "The gradient of roi_pool's input.",
    .run = [](Out&, const Tensor& grad, const Tensor& rois, const Tensor& argmax, double scale, int64_t rows, int64_t columns, KG_SIZES) {
      return spread_gradient(grad, rois, argmax, Ints{batch_size, channels, height, width}, {kMax, scale, rows, columns, 0});
    },
    .grad = no_grad(no_second),
});
Tensor roi_pool_backward(const Tensor& grad, const Tensor& rois, const Tensor& argmax, double scale, int64_t rows, int64_t columns, KG_SIZES) {
  return roi_pool_backward_op(grad, rois, argmax, scale, rows, columns, batch_size, channels, height, width);
}

Tensor ps_roi_align_backward(const Tensor& grad, const Tensor& rois, const Tensor& channel_mapping, double scale, int64_t rows, int64_t columns, int64_t samples, KG_SIZES);
const auto ps_roi_align_backward_op = define<&ps_roi_align_backward>({
    .schema = "torchvision___ps_roi_align_backward(Tensor grad, Tensor rois, Tensor channel_mapping, float spatial_scale, int pooled_height, int pooled_width, int sampling_ratio, "
              "int batch_size, int channels, int height, int width) -> Tensor",
    .in = 0,
    .doc = "The gradient of ps_roi_align's input.",
    .run = [](Out&, const Tensor& grad, const Tensor& rois, const Tensor&, double scale, int64_t rows, int64_t columns, int64_t samples, KG_SIZES) {
      return spread_gradient(grad, rois, Tensor(), Ints{batch_size, channels, height, width}, {kSensitiveAlign, scale, rows, columns, samples});
    },
    .grad = no_grad(no_second),
});
Tensor ps_roi_align_backward(const Tensor& grad, const Tensor& rois, const Tensor& channel_mapping, double scale, int64_t rows, int64_t columns, int64_t samples, KG_SIZES) {
  return ps_roi_align_backward_op(grad, rois, channel_mapping, scale, rows, columns, samples, batch_size, channels, height, width);
}

Tensor ps_roi_pool_backward(const Tensor& grad, const Tensor& rois, const Tensor& channel_mapping, double scale, int64_t rows, int64_t columns, KG_SIZES);
const auto ps_roi_pool_backward_op = define<&ps_roi_pool_backward>({
    .schema = "torchvision___ps_roi_pool_backward(Tensor grad, Tensor rois, Tensor channel_mapping, float spatial_scale, int pooled_height, int pooled_width, int batch_size, "
              "int channels, int height, int width) -> Tensor",
    .in = 0,
    .doc = "The gradient of ps_roi_pool's input.",
    .run = [](Out&, const Tensor& grad, const Tensor& rois, const Tensor&, double scale, int64_t rows, int64_t columns, KG_SIZES) {
      return spread_gradient(grad, rois, Tensor(), Ints{batch_size, channels, height, width}, {kSensitiveMean, scale, rows, columns, 0});
    },
    .grad = no_grad(no_second),
});
Tensor ps_roi_pool_backward(const Tensor& grad, const Tensor& rois, const Tensor& channel_mapping, double scale, int64_t rows, int64_t columns, KG_SIZES) {
  return ps_roi_pool_backward_op(grad, rois, channel_mapping, scale, rows, columns, batch_size, channels, height, width);
}
#undef KG_SIZES

// ---------------------------------------------------------------- the operators
const auto roi_align_op = define<&vision_roi_align>({
    .schema = "torchvision__roi_align(Tensor input, Tensor rois, float spatial_scale, int pooled_height, int pooled_width, int sampling_ratio, bool aligned) -> Tensor",
    .in = 0,
    .doc = "Means of bilinear samples in the cells of each region's grid. aligned shifts coordinates by half a pixel.",
    .run = [](Out& out, const Tensor& input, const Tensor& rois, double scale, int64_t rows, int64_t columns, int64_t samples, bool aligned) {
      return std::get<0>(pool_regions(out, input, rois, {aligned ? kAlignPixels : kAlign, scale, rows, columns, samples}));
    },
    .grad = vjp("rois", [](Ctx& c, const Tensor&, const Tensor& rois, double scale, int64_t rows, int64_t columns, int64_t samples, bool aligned) -> Grads {
      if (!c.needs(0)) return {Tensor(), Tensor()};
      IntList s = c.sizes(0);
      return {roi_align_backward(c.grad, rois, scale, rows, columns, s[0], s[1], s[2], s[3], samples, aligned), Tensor()};
    }),
});
const auto roi_pool_op = define<&vision_roi_pool>({
    .schema = "torchvision__roi_pool(Tensor input, Tensor rois, float spatial_scale, int pooled_height, int pooled_width) -> (Tensor, Tensor)",
    .in = 0,
    .doc = "Maxima in the cells of each region's grid, and where in the plane they are (-1 for empty cells).",
    .run = [](Out& out, const Tensor& input, const Tensor& rois, double scale, int64_t rows, int64_t columns) { return pool_regions(out, input, rois, {kMax, scale, rows, columns, 0}); },
    .grad = vjp("rois out", [](Ctx& c, const Tensor&, const Tensor& rois, double scale, int64_t rows, int64_t columns) -> Grads {
      if (!c.needs(0)) return {Tensor(), Tensor()};
      IntList s = c.sizes(0);
      return {roi_pool_backward(c.grad, rois, c.out(1), scale, rows, columns, s[0], s[1], s[2], s[3]), Tensor()};
    }),
});
const auto ps_roi_align_op = define<&vision_ps_roi_align>({
    .schema = "torchvision__ps_roi_align(Tensor input, Tensor rois, float spatial_scale, int pooled_height, int pooled_width, int sampling_ratio) -> (Tensor, Tensor)",
    .in = 0,
    .doc = "roi_align where each cell of the grid has channels of its own; also which channel each value came from.",
    .run = [](Out& out, const Tensor& input, const Tensor& rois, double scale, int64_t rows, int64_t columns, int64_t samples) {
      return pool_regions(out, input, rois, {kSensitiveAlign, scale, rows, columns, samples});
    },
    .grad = vjp("rois out", [](Ctx& c, const Tensor&, const Tensor& rois, double scale, int64_t rows, int64_t columns, int64_t samples) -> Grads {
      if (!c.needs(0)) return {Tensor(), Tensor()};
      IntList s = c.sizes(0);
      return {ps_roi_align_backward(c.grad, rois, c.out(1), scale, rows, columns, samples, s[0], s[1], s[2], s[3]), Tensor()};
    }),
});
const auto ps_roi_pool_op = define<&vision_ps_roi_pool>({
    .schema = "torchvision__ps_roi_pool(Tensor input, Tensor rois, float spatial_scale, int pooled_height, int pooled_width) -> (Tensor, Tensor)",
    .in = 0,
    .doc = "Means in the cells of each region's grid, where each cell has channels of its own; also which channel each value came from.",
    .run = [](Out& out, const Tensor& input, const Tensor& rois, double scale, int64_t rows, int64_t columns) {
      return pool_regions(out, input, rois, {kSensitiveMean, scale, rows, columns, 0});
    },
    .grad = vjp("rois out", [](Ctx& c, const Tensor&, const Tensor& rois, double scale, int64_t rows, int64_t columns) -> Grads {
      if (!c.needs(0)) return {Tensor(), Tensor()};
      IntList s = c.sizes(0);
      return {ps_roi_pool_backward(c.grad, rois, c.out(1), scale, rows, columns, s[0], s[1], s[2], s[3]), Tensor()};
    }),
});

const auto nms_op = define<&vision_nms>({
    .schema = "torchvision__nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    .in = 0,
    .traits = kReadsValues,
    .doc = "Indices of the boxes (x1, y1, x2, y2) that remain, best score first, when those are dropped that overlap a better one by more than the threshold.",
    .run = [](Out&, const Tensor& dets, const Tensor& scores, double threshold) {
      KG_CHECK(dets.dim() == 2, "boxes should be a 2d tensor, got ", dets.dim(), "D");
      KG_CHECK(dets.sizes()[1] == 4, "boxes should have 4 elements in dimension 1, got ", dets.sizes()[1]);
      KG_CHECK(scores.dim() == 1, "scores should be a 1d tensor, got ", scores.dim(), "D");
      KG_CHECK(dets.sizes()[0] == scores.sizes()[0], "boxes and scores should have same number of elements in dimension 0, got ", dets.sizes()[0], " and ", scores.sizes()[0]);
      KG_CHECK_IMPLEMENTED(!dets.is_meta(), "torchvision::nms: the number of boxes that remain depends on values, which a meta tensor has not");
      int64_t n = dets.sizes()[0];
      DType dtype = computed_in(dets.dtype());
      Tensor boxes = dense(dets, dtype), value = dense(scores, computed_in(scores.dtype()));
      std::vector<int64_t> order(size_t(n), 0), keep;
      std::iota(order.begin(), order.end(), 0);
      visit_float_or_double(value.dtype(), [&](auto tag) {
        auto* s = value.data<decltype(tag)>();
        std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return s[a] > s[b]; });
      });
      visit_float_or_double(dtype, [&](auto tag) {
        using T = decltype(tag);
        // by columns and in the order of the scores, so that the inner loop is a vector loop
        std::vector<T> x1(size_t(n), T(0)), y1(x1), x2(x1), y2(x1), area(x1);
        for (int64_t i = 0; i < n; ++i) {
          const T* b = boxes.data<T>() + order[size_t(i)] * 4;
          size_t k = size_t(i);
          x1[k] = b[0], y1[k] = b[1], x2[k] = b[2], y2[k] = b[3];
          area[k] = (b[2] - b[0]) * (b[3] - b[1]);
        }
        std::vector<uint8_t> dropped(size_t(n), 0);
        T limit = T(threshold);
        for (size_t i = 0; i < size_t(n); ++i) {
          if (dropped[i]) continue;
          keep.push_back(order[i]);
          for (size_t j = i + 1; j < size_t(n); ++j) {
            T w = std::max(T(0), std::min(x2[i], x2[j]) - std::max(x1[i], x1[j])), h = std::max(T(0), std::min(y2[i], y2[j]) - std::max(y1[i], y1[j]));
            T common = w * h;
            dropped[j] |= uint8_t(common / (area[i] + area[j] - common) > limit);
          }
        }
      });
      Tensor out = empty_tensor({int64_t(keep.size())}, DType::Int64);
      std::copy(keep.begin(), keep.end(), out.data<int64_t>());
      return out;
    },
    .grad = no_grad("integer output"),
});

}  // namespace

Tensor vision_nms(const Tensor& dets, const Tensor& scores, double iou_threshold) { return nms_op(dets, scores, iou_threshold); }
Tensor vision_roi_align(const Tensor& input, const Tensor& rois, double scale, int64_t rows, int64_t columns, int64_t samples, bool aligned) {
  return roi_align_op(input, rois, scale, rows, columns, samples, aligned);
}
Pair vision_roi_pool(const Tensor& input, const Tensor& rois, double scale, int64_t rows, int64_t columns) { return roi_pool_op(input, rois, scale, rows, columns); }
Pair vision_ps_roi_align(const Tensor& input, const Tensor& rois, double scale, int64_t rows, int64_t columns, int64_t samples) {
  return ps_roi_align_op(input, rois, scale, rows, columns, samples);
}
Pair vision_ps_roi_pool(const Tensor& input, const Tensor& rois, double scale, int64_t rows, int64_t columns) { return ps_roi_pool_op(input, rois, scale, rows, columns); }

}  // namespace kagari
