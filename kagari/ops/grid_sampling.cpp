// Samples of an image at points that a grid gives, and the grids of affine maps.
#include <cmath>
#include <vector>

#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/autograd_support.h"
#include "kagari/ops/bounds.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/logic.h"
#include "kagari/ops/matmul.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

// Note [Grid samples]: along each dimension a sample is a few taps: indices of the image and their weights, which depend on the coordinate.
// The value of a sample is the sum over all combinations of taps of the product of weights times the element. Written in operators, so
// that gradients of all orders follow.
enum Interpolation { kBilinear, kNearest, kBicubic };
enum Padding { kZeros, kBorder, kReflection };

struct Tap {
  Tensor index;   // int64, within the image
  Tensor weight;  // 0 for taps outside of an image padded with zeros; undefined means 1
};

/// x within [0, size - 1]; its gradient is 0 where it was not strictly inside.
Tensor clipped(const Tensor& x, int64_t size) {
  Tensor inside = logical_and(x > Scalar(0), x < Scalar(double(size - 1)));
  return where(inside, x, detach(clamp(x, Scalar(0), Scalar(double(size - 1)))));
}
/// x mirrored into [low, high].
Tensor reflected(const Tensor& x, double low, double high) {
  double span = high - low;
  if (span <= 0) return x * Scalar(0);
  Tensor from_low = abs(x - Scalar(low)), turns = floor(detach(from_low) / Scalar(span));
  Tensor rest = from_low - turns * Scalar(span);
  Tensor even = eq(turns - floor(turns / Scalar(2)) * Scalar(2), wrapped_number(0));
  return where(even, rest + Scalar(low), Scalar(span + low) - rest);
}
Tensor padded_coordinate(const Tensor& x, int64_t size, int64_t padding, bool align_corners) {
  if (padding == kZeros) return x;
  if (padding == kBorder) return clipped(x, size);
  return clipped(align_corners ? reflected(x, 0, double(size - 1)) : reflected(x, -0.5, double(size) - 0.5), size);
}

/// The tap at a whole coordinate.
Tap tap_at(const Tensor& whole, const Tensor& weight, int64_t size, bool zero_outside) {
  Tensor at = detach(whole);
  Tap tap{to(clamp(nan_to_num(at, -1.0), Scalar(0), Scalar(double(size - 1))), DType::Int64), weight};
  if (!zero_outside) return tap;
  Tensor inside = to(logical_and(at >= Scalar(0), at <= Scalar(double(size - 1))), at.dtype());
  tap.weight = weight.defined() ? weight * inside : inside;
  return tap;
}

Tensor cubic_near(const Tensor& d) { return ((d * Scalar(1.25)) - Scalar(2.25)) * d * d + Scalar(1); }                                       // |d| <= 1, with a = -0.75
Tensor cubic_far(const Tensor& d) { return ((d * Scalar(-0.75) + Scalar(3.75)) * d - Scalar(6)) * d + Scalar(3); }  // 1 < |d| < 2

std::vector<Tap> taps_of(const Tensor& coordinate, int64_t size, int64_t mode, int64_t padding, bool align_corners) {
  double n = double(size);
  Tensor x = align_corners ? (coordinate + Scalar(1)) * Scalar((n - 1) / 2) : ((coordinate + Scalar(1)) * Scalar(n) - Scalar(1)) * Scalar(0.5);
  if (mode != kBicubic) x = padded_coordinate(x, size, padding, align_corners);
  bool zero_outside = padding == kZeros;
  // a step function of the point: the gradient by the image depends on the point, with derivative zero
  if (mode == kNearest) return {tap_at(round(detach(x)), grad_enabled() && x.requires_grad() ? constant_in(ones_like(detach(x)), x) : Tensor(), size, zero_outside)};
  Tensor low = floor(detach(x)), t = x - low;
  if (mode == kBilinear) {
    return {tap_at(low, Scalar(1) - t, size, zero_outside), tap_at(low + Scalar(1), t, size, zero_outside)};
  }
  Tensor weights[] = {cubic_far(t + Scalar(1)), cubic_near(t), cubic_near(Scalar(1) - t), cubic_far(Scalar(2) - t)};
  std::vector<Tap> taps;
  for (int i = 0; i < 4; ++i) {
    Tensor at = low + Scalar(double(i - 1));
    if (!zero_outside) {
      NoGrad no_record;
      at = trunc(padded_coordinate(at, size, padding, align_corners));
    }
    taps.push_back(tap_at(at, weights[i], size, zero_outside));
  }
  return taps;
}

Tensor grid_sampler(const Tensor& input, const Tensor& grid, int64_t interpolation_mode, int64_t padding_mode, bool align_corners);
const auto grid_sampler_op = compose<&grid_sampler>({
    .schema = "grid_sampler(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool align_corners) -> Tensor",
    .in = kFunction,
    .aliases = "grid_sampler_2d grid_sampler_3d",
    .doc = "The values of (N, C, spatial...) at the points of the grid (N, out..., dims), whose coordinates go from -1 to 1, the last dimension first. Modes: 0 bilinear, 1 nearest, 2 bicubic "
           "(images only). Outside: 0 zeros, 1 the border, 2 reflection.",
    .body = [](const Tensor& input, const Tensor& grid, int64_t mode, int64_t padding, bool align_corners) {
      KG_CHECK(input.dim() > 2 && input.dim() == grid.dim(), "grid_sampler(): expected input and grid to have the same number of dimensions, more than 2, but got input with sizes ", input.sizes(),
               " and grid with sizes ", grid.sizes());
      KG_CHECK(input.sizes()[0] == grid.sizes()[0], "grid_sampler(): expected grid and input to have same batch size, but got input with sizes ", input.sizes(), " and grid with sizes ", grid.sizes());
      int64_t dims = input.dim() - 2;
      KG_CHECK(grid.sizes().back() == dims, "grid_sampler(): expected grid to have size ", dims, " in last dimension, but got grid with sizes ", grid.sizes());
      for (int64_t d = 2; d < input.dim(); ++d)
        KG_CHECK(input.sizes()[size_t(d)] > 0, "grid_sampler(): expected input to have non-empty spatial dimensions, but input has sizes ", input.sizes(), " with dimension ", d, " being empty");
      KG_CHECK(dims == 2 || dims == 3, "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but got input with sizes ", input.sizes(), " and grid with sizes ", grid.sizes());
      KG_CHECK(mode != kBicubic || dims == 2, "grid_sampler(): bicubic interpolation only supports 4D input");
      KG_CHECK(input.dtype() == grid.dtype(), "expected scalar type ", legacy_name(input.dtype()), " but found ", legacy_name(grid.dtype()));
      int64_t n = input.sizes()[0], c = input.sizes()[1], spatial = 1, points = 1;
      Ints sizes{n, c};
      for (int64_t d = 0; d < dims; ++d) {
        spatial *= input.sizes()[size_t(d + 2)];
        points *= grid.sizes()[size_t(d + 1)];
        sizes.push_back(grid.sizes()[size_t(d + 1)]);
      }
      if (n == 0 || c == 0 || points == 0) return zeros(sizes, {.dtype = input.dtype(), .layout = {}, .device = input.device()});
      Tensor image = reshape(input, {n, c, spatial}), at = reshape(grid, {n, points, dims});
      // all combinations of the taps of the dimensions so far, as flat indices
      std::vector<Tap> all;
      for (int64_t d = 0; d < dims; ++d) {
        int64_t size = input.sizes()[size_t(d + 2)];
        std::vector<Tap> here = taps_of(select(at, 2, dims - 1 - d), size, mode, padding, align_corners);
        if (all.empty()) {
          all = here;
          continue;
        }
        std::vector<Tap> both;
        for (const Tap& a : all)
          for (const Tap& b : here) {
            Tensor weight = !a.weight.defined() ? b.weight : !b.weight.defined() ? a.weight : a.weight * b.weight;
            both.push_back({a.index * Scalar(size) + b.index, weight});
          }
        all = both;
      }
      Tensor y;
      for (const Tap& tap : all) {
        Tensor value = gather(image, 2, expand(unsqueeze(tap.index, 1), {n, c, points}));
        if (tap.weight.defined()) value = value * unsqueeze(tap.weight, 1);
        y = y.defined() ? y + value : value;
      }
      return reshape(y, sizes);
    },
});
[[maybe_unused]] Tensor grid_sampler(const Tensor& input, const Tensor& grid, int64_t mode, int64_t padding, bool align_corners) { return grid_sampler_op(input, grid, mode, padding, align_corners); }

Tensor affine_grid_generator(const Tensor& theta, IntList size, bool align_corners);
const auto affine_grid_op = compose<&affine_grid_generator>({
    .schema = "affine_grid_generator(Tensor theta, int[] size, bool align_corners) -> Tensor",
    .in = kFunction,
    .doc = "For affine maps theta (N, 2, 3) or (N, 3, 4) and the size (N, C, spatial...) of the output, the grid (N, spatial..., dims) of the points from which grid_sampler samples.",
    .body = [](const Tensor& theta, IntList size, bool align_corners) {
      KG_CHECK(size.size() == 4 || size.size() == 5, "AffineGridGenerator needs 4d (spatial) or 5d (volumetric) inputs.");
      int64_t dims = int64_t(size.size()) - 2, points = 1;
      TensorOptions options{.dtype = theta.dtype(), .layout = {}, .device = theta.device()};
      Ints shape;
      for (int64_t d = 0; d < dims; ++d) {
        shape.push_back(size[size_t(d + 2)]);
        points *= size[size_t(d + 2)];
      }
      std::vector<Tensor> columns;
      for (int64_t d = dims - 1; d >= 0; --d) {
        int64_t n = shape[size_t(d)];
        Tensor line = n > 1 ? linspace(Scalar(-1), Scalar(1), n, options) : zeros({n}, options);
        if (!align_corners) line = line * Scalar(double(n - 1) / double(n));
        Ints along(size_t(dims), 1);
        along[size_t(d)] = n;
        columns.push_back(reshape(expand(reshape(line, along), shape), {points}));
      }
      columns.push_back(ones({points}, options));
      Tensor base = expand(unsqueeze(stack(columns, 1), 0), {size[0], points, dims + 1});
      Ints whole{size[0]};
      for (int64_t s : shape) whole.push_back(s);
      whole.push_back(dims);
      return reshape(bmm(base, transpose(theta, 1, 2)), whole);
    },
});
[[maybe_unused]] Tensor affine_grid_generator(const Tensor& theta, IntList size, bool align_corners) { return affine_grid_op(theta, size, align_corners); }

}  // namespace
}  // namespace kagari
