#include "kagari/ops/pooling.h"

#include <cmath>
#include <vector>

#include "kagari/base/parallel.h"
#include "kagari/cpu/dispatch.h"
#include "kagari/cpu/pool.h"
#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/autograd_support.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

// Note [Windows]: along each spatial dimension a pooling is a list of windows [begin, end) of the input, with a step (the dilation), and
// the size by which an average divides. All kinds of pooling differ in these lists only; dimensions in front are filled with one window
// of size 1, so that every pooling has three.
using Window = cpu::PoolWindow;
using Axis = cpu::PoolAxis;
struct Plan {
  int64_t planes = 1;  // batch and channels
  int64_t dims = 0;
  Axis axes[3];
  Ints output_sizes;
};

int64_t entry(IntList v, size_t i, const char* what, int64_t dims) {
  KG_CHECK(v.size() == 1 || int64_t(v.size()) == dims, "pooling: ", what, " must either be a single int, or a tuple of ", dims, " ints, but got ", v);
  return v.size() == 1 ? v[0] : v[i];
}

/// `name` is max_pool, avg_pool, adaptive_max_pool or adaptive_avg_pool.
void start_plan(Plan& p, std::string_view name, const Tensor& input, int64_t dims) {
  std::string op = str(name, dims, "d");
  bool empty = false, sliding = !name.starts_with("adaptive");
  for (int64_t d = std::max<int64_t>(input.dim() - dims - 1, 0); d < input.dim(); ++d) empty = empty || input.sizes()[size_t(d)] == 0;
  bool fits = input.dim() == dims + 1 || input.dim() == dims + 2;
  KG_CHECK(fits || !sliding || dims == 1, op, "(): non-empty ", dims + 1, "D or ", dims + 2, "D (batch mode) tensor expected for input, but got shape ", input.sizes());
  KG_CHECK((fits && !empty) || !sliding || dims == 3, op, "(): Expected ", dims + 1, "D or ", dims + 2, "D (batch mode) tensor with optional 0 dim batch size for input, but got:", input.sizes());
  KG_CHECK(!empty || !sliding, op, "(): Expected input's non-batch dimensions to have positive length, but input has sizes ", input.sizes(), " and one of them has length zero!");
  KG_CHECK(fits, op, "(): Expected ", dims + 1, "D or ", dims + 2, "D (batch mode) tensor, but got shape ", input.sizes());
  KG_CHECK(!empty, op, "(): Expected input to have non-zero size for non-batch dimensions, but got shape ", input.sizes());
  p.dims = dims;
  for (int64_t d = 0; d < input.dim() - dims; ++d) {
    p.planes *= input.sizes()[size_t(d)];
    p.output_sizes.push_back(input.sizes()[size_t(d)]);
  }
}

Plan sliding(std::string_view name, const Tensor& input, int64_t dims, IntList kernel, IntList stride, IntList padding, IntList dilation, bool ceil_mode, bool count_include_pad) {
  KG_CHECK(dims >= 1 && dims <= 3, name, ": pooling has 1 to 3 dimensions, not ", dims);
  Plan p;
  std::string op = str(name, dims, "d");
  int64_t kernels[3], strides[3], pads[3], steps[3];
  for (int64_t d = 0; d < dims; ++d) {
    int64_t k = kernels[d] = entry(kernel, size_t(d), "kernel_size", dims), pad = pads[d] = entry(padding, size_t(d), "padding", dims);
    int64_t s = strides[d] = stride.empty() ? k : entry(stride, size_t(d), "stride", dims), step = steps[d] = entry(dilation, size_t(d), "dilation", dims);
    KG_CHECK(k > 0, op, "() kernel_size must be greater than zero, but got ", k);
    KG_CHECK(s > 0, op, "() stride must be greater than zero, but got ", s);
    KG_CHECK(pad >= 0, op, "() pad must be non-negative, but got pad: ", pad);
    KG_CHECK(step > 0, op, "() dilation must be greater than zero, but got ", step);
    KG_CHECK(step <= (int64_t(1) << 40) / k && s < int64_t(1) << 40, op, "(): kernel_size ", kernel, ", stride ", stride, " or dilation ", dilation, " is too large");
    KG_CHECK(pad <= k / 2, "pad should be at most half of effective kernel size, but got pad=", pad, ", kernel_size=", k, " and dilation=", step);
  }
  start_plan(p, name, input, dims);
  for (int64_t d = 0; d < dims; ++d) {
    Axis& a = p.axes[3 - dims + d];
    a.size = input.sizes()[size_t(input.dim() - dims + d)];
    int64_t k = kernels[d], s = strides[d], pad = pads[d];
    a.step = steps[d];
    int64_t reach = a.step * (k - 1) + 1, span = a.size + 2 * pad - reach;
    int64_t count = (span + (ceil_mode ? s - 1 : 0)) / s + 1;
    if (span < 0) count = ceil_mode && -span < s ? 1 : 0;
    if (ceil_mode && (count - 1) * s >= a.size + pad) --count;  // the last window must start inside the input
    KG_CHECK(count > 0 || dims > 1, op, "() Invalid computed output size: ", (span < 0 ? -((-span + s - 1) / s) : span / s) + 1);
    KG_CHECK(count > 0, "Given input size: ", input.sizes(), ". Calculated output size: ", count, ". Output size is too small");
    a.windows.clear();
    for (int64_t i = 0; i < count; ++i) {
      int64_t begin = i * s - pad, end = begin + reach, padded_end = std::min(end, a.size + pad);
      int64_t first = begin < 0 ? begin + (-begin + a.step - 1) / a.step * a.step : begin;
      int64_t last = std::min(end, a.size);
      a.windows.push_back({first, last, count_include_pad ? padded_end - begin : std::max<int64_t>(last - first, 0)});
    }
    p.output_sizes.push_back(count);
  }
  return p;
}

Plan adaptive(std::string_view name, const Tensor& input, int64_t dims, IntList output_size) {
  KG_CHECK(dims >= 1 && dims <= 3, name, ": pooling has 1 to 3 dimensions, not ", dims);
  Plan p;
  std::string op = str(name, dims, "d");
  KG_CHECK(dims > 1 || output_size.size() == 1, op, "(): 'output_size' should contain one int");
  KG_CHECK(output_size.size() == 1 || int64_t(output_size.size()) == dims, op, "(): output_size must be ", dims, " sizes, but got ", output_size);
  start_plan(p, name, input, dims);
  for (int64_t d = 0; d < dims; ++d) {
    Axis& a = p.axes[3 - dims + d];
    a.size = input.sizes()[size_t(input.dim() - dims + d)];
    int64_t m = entry(output_size, size_t(d), "output_size", dims);
    KG_CHECK(m >= 0, op, "(): elements of output_size must be greater than or equal to 0, but got ", output_size, " (Trying to create tensor with negative dimension)");
    KG_CHECK(m <= int64_t(1) << 26, op, "(): an output_size of ", output_size, " is too large");
    a.windows.clear();
    for (int64_t i = 0; i < m; ++i) {
      int64_t begin = i * a.size / m, end = ((i + 1) * a.size + m - 1) / m;
      a.windows.push_back({begin, end, end - begin});
    }
    p.output_sizes.push_back(m);
  }
  return p;
}

/// f(plane, output position, the three windows) for every output element; planes are split over threads.
template <class F>
void each_output(const Plan& p, F&& f) {
  int64_t per_plane = int64_t(p.axes[0].windows.size() * p.axes[1].windows.size() * p.axes[2].windows.size());
  int64_t work = 1;
  for (const Axis& a : p.axes) work *= a.size;
  parallel_for(0, p.planes, std::max<int64_t>(1, 16384 / std::max<int64_t>(work, 1)), [&](int64_t begin, int64_t end) {
    for (int64_t plane = begin; plane < end; ++plane) {
      int64_t at = plane * per_plane;
      for (const Window& a : p.axes[0].windows)
        for (const Window& b : p.axes[1].windows)
          for (const Window& c : p.axes[2].windows) f(plane, at++, a, b, c);
    }
  });
}

/// A pooling of images that lie channels-last lies so, too.
Tensor laid_out_like(const Tensor& input, int64_t dims, const Tensor& y) {
  MemoryFormat last = dims == 3 ? MemoryFormat::ChannelsLast3d : MemoryFormat::ChannelsLast;
  bool is_last = dims >= 2 && input.dim() == dims + 2 && !input.is_contiguous() && input.is_contiguous(last);
  return is_last ? contiguous(y, last) : y;
}

/// Runs a kernel over all planes, which are split over threads. Images that lie channels-last, if their results do, are taken as they lie.
void run_kernel(std::string_view kernel, std::string_view op, const Tensor& input, const Plan& p, const Tensor& y, int64_t* positions, int64_t divisor) {
  const bool last = !y.is_contiguous();
  auto run = cpu::find_kernels<cpu::PoolFn>(last ? std::string(kernel) + "_last" : std::string(kernel))[input.dtype()];
  if (!run) fail_dtype(op, input.dtype());
  Tensor x = last ? input : contiguous(input);
  const int64_t channels = last ? input.sizes()[1] : 1;
  int64_t work = channels;
  for (const Axis& a : p.axes) work *= a.size;
  parallel_for(0, p.planes / channels, std::max<int64_t>(1, 16384 / std::max<int64_t>(work, 1)), [&](int64_t begin, int64_t end) {
    run({p.axes, x.bytes(), y.bytes(), positions, divisor, begin, end, channels});
  });
}

/// The memory of a result: channels-last if the input lies so and there is a kernel for that.
Tensor output_for(const Tensor& input, const Plan& p, DType dtype) {
  MemoryFormat last = input.dim() == 5 ? MemoryFormat::ChannelsLast3d : MemoryFormat::ChannelsLast;
  bool is_last = p.dims >= 2 && input.dim() == p.dims + 2 && input.sizes()[1] > 1 && is_floating(input.dtype()) && !input.is_contiguous() && input.is_contiguous(last);
  if (!is_last) return empty_tensor(p.output_sizes, dtype, input.device());
  Ints strides(p.output_sizes.size(), 1);
  int64_t step = p.output_sizes[1];
  for (size_t d = strides.size(); d-- > 2; step *= p.output_sizes[d]) strides[d] = step;
  strides[0] = step;
  return empty_strided_tensor(p.output_sizes, strides, dtype, input.device());
}

std::tuple<Tensor, Tensor> run_max(std::string_view op, const Tensor& input, const Plan& p) {
  Tensor y = output_for(input, p, input.dtype()), positions = output_for(input, p, DType::Int64);
  if (input.is_meta() || y.numel() == 0) return {y, positions};
  run_kernel("max_pool", op, input, p, y, positions.data<int64_t>(), 0);
  return {y, positions};
}

}  // namespace

Tensor to_positions(const Tensor& grad, const Tensor& positions, IntList input_sizes, int64_t dims) {
  Ints lead(input_sizes.begin(), input_sizes.end() - dims), flat = lead;
  int64_t spatial = 1, out = 1;
  for (int64_t d = 0; d < dims; ++d) {
    spatial *= input_sizes[input_sizes.size() - size_t(dims - d)];
    out *= grad.sizes()[grad.sizes().size() - size_t(dims - d)];
  }
  flat.push_back(out);
  Ints target = lead;
  target.push_back(spatial);
  Tensor zero = zero_(empty_tensor(target, grad.dtype(), grad.device()));
  return reshape(scatter_add(zero, -1, reshape(positions, flat), reshape(grad, flat)), input_sizes);
}

namespace {

const auto max_windows_op = define<&max_pool_windows>({
    .schema = "_max_pool_windows(Tensor input, int dims, int[] kernel_size, int[] stride, int[] padding, int[] dilation, bool ceil_mode) -> (Tensor, Tensor)",
    .in = kPrivate,
    .doc = "Maxima of sliding windows, and their positions.",
    .run = [](Out&, const Tensor& input, int64_t dims, IntList kernel, IntList stride, IntList padding, IntList dilation, bool ceil_mode) {
      auto [y, positions] = run_max("max_pool2d", input, sliding("max_pool", input, dims, kernel, stride, padding, dilation, ceil_mode, false));
      return std::tuple(laid_out_like(input, dims, y), laid_out_like(input, dims, positions));
    },
    .grad = vjp("out", [](Ctx& c, const Tensor&, int64_t dims, IntList, IntList, IntList, IntList, bool) -> Grads {
      return {c.grads[0].defined() ? to_positions(c.grads[0], c.out(1), c.sizes(0), dims) : Tensor()};
    }),
    .node_name = "MaxPool2DWithIndicesBackward0",
});

const auto adaptive_max_op = define<&adaptive_max_pool>({
    .schema = "_adaptive_max_pool(Tensor input, int dims, int[] output_size) -> (Tensor, Tensor)",
    .in = kPrivate,
    .doc = "Maxima of windows that cover the input, and their positions.",
    .run = [](Out&, const Tensor& input, int64_t dims, IntList output_size) { 
      auto [y, positions] = run_max("adaptive_max_pool2d", input, adaptive("adaptive_max_pool", input, dims, output_size));
      return std::tuple(laid_out_like(input, dims, y), laid_out_like(input, dims, positions));
    },
    .grad = vjp("out", [](Ctx& c, const Tensor&, int64_t dims, IntList) -> Grads {
      return {c.grads[0].defined() ? to_positions(c.grads[0], c.out(1), c.sizes(0), dims) : Tensor()};
    }),
    .node_name = "AdaptiveMaxPool2DBackward0",
});

Tensor average_forward(const Tensor& input, const Plan& p, std::optional<int64_t> divisor) {
  Tensor y = output_for(input, p, input.dtype());
  if (input.is_meta() || y.numel() == 0) return y;
  run_kernel("avg_pool", "avg_pool2d", input, p, y, nullptr, divisor.value_or(0));
  return y;
}

Tensor average_transposed(const Tensor& grad, const Plan& p, IntList input_sizes, std::optional<int64_t> divisor) {
  KG_CHECK(grad.sizes() == IntList(p.output_sizes), "pooling: expected a gradient of shape ", p.output_sizes, ", but got ", grad.sizes());
  Tensor gx = zero_(empty_tensor(input_sizes, grad.dtype(), grad.device()));
  if (gx.is_meta() || grad.numel() == 0) return gx;
  Tensor g = contiguous(grad);
  int64_t d1 = p.axes[1].size, d2 = p.axes[2].size, plane_size = p.axes[0].size * d1 * d2;
  visit_floats_and_halfs("avg_pool2d_backward", grad.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = std::conditional_t<std::is_same_v<T, double>, double, float>;
    each_output(p, [&](int64_t plane, int64_t at, const Window& a, const Window& b, const Window& c) {
      T* out = gx.data<T>() + plane * plane_size;
      A v = A(g.data<T>()[at]) / A(divisor ? *divisor : a.divisor * b.divisor * c.divisor);
      for (int64_t i = a.begin; i < a.end; ++i)
        for (int64_t j = b.begin; j < b.end; ++j)
          for (int64_t k = c.begin; k < c.end; ++k) {
            T& cell = out[(i * d1 + j) * d2 + k];
            cell = T(A(cell) + v);
          }
    });
  });
  return gx;
}

Tensor avg_pool_gradient(const Tensor& grad, const Tensor& input, int64_t dims, IntList kernel, IntList stride, IntList padding, bool ceil_mode, bool count_include_pad,
                         std::optional<int64_t> divisor_override);
Plan average_plan(const Tensor& input, int64_t dims, IntList kernel, IntList stride, IntList padding, bool ceil_mode, bool include, std::optional<int64_t> divisor) {
  KG_CHECK(!divisor || *divisor != 0, "divisor must be not zero");
  int64_t one[] = {1};
  return sliding("avg_pool", input, dims, kernel, stride, padding, IntList(one, 1), ceil_mode, include);
}

const auto avg_windows_op = define<&avg_pool_windows>({
    .schema = "_avg_pool_windows(Tensor input, int dims, int[] kernel_size, int[] stride, int[] padding, bool ceil_mode, bool count_include_pad, int? divisor_override) -> Tensor",
    .in = kPrivate,
    .doc = "Averages of sliding windows.",
    .run = [](Out&, const Tensor& input, int64_t dims, IntList kernel, IntList stride, IntList padding, bool ceil_mode, bool include, std::optional<int64_t> divisor) {
      return laid_out_like(input, dims, average_forward(input, average_plan(input, dims, kernel, stride, padding, ceil_mode, include, divisor), divisor));
    },
    .grad = vjp("input", [](Ctx& c, const Tensor& input, int64_t dims, IntList kernel, IntList stride, IntList padding, bool ceil_mode, bool include, std::optional<int64_t> divisor) -> Grads {
      return {avg_pool_gradient(c.grad, input, dims, kernel, stride, padding, ceil_mode, include, divisor)};
    }),
    .node_name = "AvgPool2DBackward0",
});
const auto avg_gradient_op = define<&avg_pool_gradient>({
    .schema = "_avg_pool_gradient(Tensor grad, Tensor input, int dims, int[] kernel_size, int[] stride, int[] padding, bool ceil_mode, bool count_include_pad, int? divisor_override) -> Tensor",
    .in = kPrivate,
    .doc = "The gradient of _avg_pool_windows.",
    .run = [](Out&, const Tensor& grad, const Tensor& input, int64_t dims, IntList kernel, IntList stride, IntList padding, bool ceil_mode, bool include, std::optional<int64_t> divisor) {
      return average_transposed(grad, average_plan(input, dims, kernel, stride, padding, ceil_mode, include, divisor), input.sizes(), divisor);
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, const Tensor&, int64_t dims, IntList kernel, IntList stride, IntList padding, bool ceil_mode, bool include, std::optional<int64_t> divisor) -> Grads {
      return {avg_pool_windows(c.grad, dims, kernel, stride, padding, ceil_mode, include, divisor), c.needs(1) ? zeros(c.sizes(1), {.dtype = c.dtype(1), .layout = {}, .device = c.grad.device()}) : Tensor()};
    }),
});
Tensor avg_pool_gradient(const Tensor& grad, const Tensor& input, int64_t dims, IntList kernel, IntList stride, IntList padding, bool ceil_mode, bool include, std::optional<int64_t> divisor) {
  return avg_gradient_op(grad, input, dims, kernel, stride, padding, ceil_mode, include, divisor);
}

Tensor adaptive_avg_gradient(const Tensor& grad, int64_t dims, IntList input_sizes);
const auto adaptive_avg_op = define<&adaptive_avg_pool>({
    .schema = "_adaptive_avg_pool(Tensor input, int dims, int[] output_size) -> Tensor",
    .in = kPrivate,
    .doc = "Averages of windows that cover the input.",
    .run = [](Out&, const Tensor& input, int64_t dims, IntList output_size) { return laid_out_like(input, dims, average_forward(input, adaptive("adaptive_avg_pool", input, dims, output_size), {})); },
    .grad = vjp("input", [](Ctx& c, const Tensor& input, int64_t dims, IntList) -> Grads { return {constant_in(adaptive_avg_gradient(c.grad, dims, c.sizes(0)), input)}; }),
    .node_name = "AdaptiveAvgPool2DBackward0",
});
const auto adaptive_avg_gradient_op = define<&adaptive_avg_gradient>({
    .schema = "_adaptive_avg_gradient(Tensor grad, int dims, int[] input_sizes) -> Tensor",
    .in = kPrivate,
    .doc = "The gradient of _adaptive_avg_pool.",
    .run = [](Out&, const Tensor& grad, int64_t dims, IntList input_sizes) {
      Tensor like = empty_tensor(input_sizes, grad.dtype(), Device{DeviceType::Meta});
      IntList out = grad.sizes();
      KG_CHECK(dims >= 1 && dims <= grad.dim(), "pooling: a gradient of shape ", out, " has no ", dims, " spatial dimensions");
      return average_transposed(grad, adaptive("adaptive_avg_pool", like, dims, IntList(out.data() + out.size() - size_t(dims), size_t(dims))), input_sizes, {});
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, int64_t dims, IntList) -> Grads {
      IntList out = c.sizes(0);
      return {adaptive_avg_pool(c.grad, dims, IntList(out.data() + out.size() - size_t(dims), size_t(dims)))};
    }),
});
Tensor adaptive_avg_gradient(const Tensor& grad, int64_t dims, IntList sizes) { return adaptive_avg_gradient_op(grad, dims, sizes); }

// ---------------------------------------------------------------- PyTorch's names
using Pair = std::tuple<Tensor, Tensor>;
using MaybeInts = std::optional<IntList>;
IntList or_empty(const MaybeInts& s) { return s ? *s : IntList(); }
constexpr unsigned where = kFunction | kFunctional;

#define KG_POOLING(n, dims)                                                                                                                                            \
  Tensor max_pool##n(const Tensor& x, IntList k, IntList s, IntList p, IntList d, bool ceil);                                                                          \
  Pair max_pool##n##_with_indices(const Tensor& x, IntList k, MaybeInts s, IntList p, IntList d, bool ceil);                                                    \
  Tensor adaptive_avg_pool##n(const Tensor& x, IntList size);                                                                                                          \
  Pair adaptive_max_pool##n##_with_indices(const Tensor& x, IntList size);                                                                                             \
  const auto max_pool##n##_op = compose<&max_pool##n>({                                                                                                                \
      .schema = "max_pool" #n "(Tensor self, int[] kernel_size, int[] stride=[], int[] padding=0, int[] dilation=1, bool ceil_mode=False) -> Tensor",                  \
      .in = where,                                                                                                                                                     \
      .doc = "The maximum of each window.",                                                                                                                            \
      .body = [](const Tensor& x, IntList k, IntList s, IntList p, IntList d, bool ceil) { return std::get<0>(max_pool_windows(x, dims, k, s, p, d, ceil)); },         \
  });                                                                                                                                                                  \
  const auto max_pool##n##_with_indices_op = compose<&max_pool##n##_with_indices>({                                                                                    \
      .schema = "max_pool" #n "_with_indices(Tensor self, int[] kernel_size, int[]? stride=None, int[] padding=0, int[] dilation=1, bool ceil_mode=False) -> (Tensor, Tensor)", \
      .in = where | kPrivate,                                                                                                                                          \
      .doc = "The maximum of each window, and its position.",                                                                                                          \
      .body = [](const Tensor& x, IntList k, MaybeInts s, IntList p, IntList d, bool ceil) { return max_pool_windows(x, dims, k, or_empty(s), p, d, ceil); },  \
  });                                                                                                                                                                  \
  const auto adaptive_avg_pool##n##_op = compose<&adaptive_avg_pool##n>({                                                                                              \
      .schema = "adaptive_avg_pool" #n "(Tensor self, int[] output_size) -> Tensor",                                                                                   \
      .in = where | kPrivate,                                                                                                                                          \
      .doc = "Averages of output_size windows that cover the input.",                                                                                                  \
      .body = [](const Tensor& x, IntList size) { return adaptive_avg_pool(x, dims, size); },                                                                          \
  });                                                                                                                                                                  \
  const auto adaptive_max_pool##n##_with_indices_op = compose<&adaptive_max_pool##n##_with_indices>({                                                                  \
      .schema = "adaptive_max_pool" #n "_with_indices(Tensor self, int[] output_size) -> (Tensor, Tensor)",                                                            \
      .in = where,                                                                                                                                                     \
      .aliases = "adaptive_max_pool" #n,                                                                                                                               \
      .doc = "Maxima of output_size windows that cover the input, and their positions.",                                                                               \
      .body = [](const Tensor& x, IntList size) { return adaptive_max_pool(x, dims, size); },                                                                          \
  });                                                                                                                                                                  \
  [[maybe_unused]] Tensor max_pool##n(const Tensor& x, IntList k, IntList s, IntList p, IntList d, bool c) { return max_pool##n##_op(x, k, s, p, d, c); }              \
  [[maybe_unused]] Pair max_pool##n##_with_indices(const Tensor& x, IntList k, MaybeInts s, IntList p, IntList d, bool c) {                                     \
    return max_pool##n##_with_indices_op(x, k, s, p, d, c);                                                                                                            \
  }                                                                                                                                                                    \
  [[maybe_unused]] Tensor adaptive_avg_pool##n(const Tensor& x, IntList size) { return adaptive_avg_pool##n##_op(x, size); }                                           \
  [[maybe_unused]] Pair adaptive_max_pool##n##_with_indices(const Tensor& x, IntList size) { return adaptive_max_pool##n##_with_indices_op(x, size); }
KG_POOLING(1d, 1)
KG_POOLING(2d, 2)
KG_POOLING(3d, 3)
#undef KG_POOLING

Tensor avg_pool1d(const Tensor& x, IntList k, MaybeInts s, IntList p, bool ceil, bool include);
const auto avg_pool1d_op = compose<&avg_pool1d>({
    .schema = "avg_pool1d(Tensor self, int[] kernel_size, int[]? stride=None, int[] padding=0, bool ceil_mode=False, bool count_include_pad=True) -> Tensor",
    .in = where,
    .doc = "The average of each window.",
    .body = [](const Tensor& x, IntList k, MaybeInts s, IntList p, bool ceil, bool include) { return avg_pool_windows(x, 1, k, or_empty(s), p, ceil, include, {}); },
});
[[maybe_unused]] Tensor avg_pool1d(const Tensor& x, IntList k, MaybeInts s, IntList p, bool ceil, bool include) { return avg_pool1d_op(x, k, s, p, ceil, include); }
#define KG_AVERAGE(n, dims)                                                                                                                                            \
  Tensor avg_pool##n(const Tensor& x, IntList k, MaybeInts s, IntList p, bool ceil, bool include, std::optional<int64_t> divisor);                              \
  const auto avg_pool##n##_op = compose<&avg_pool##n>({                                                                                                                \
      .schema = "avg_pool" #n "(Tensor self, int[] kernel_size, int[]? stride=None, int[] padding=0, bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor", \
      .in = kFunctional | kPrivate | kOut,                                                                                                                             \
      .doc = "The average of each window.",                                                                                                                            \
      .body = [](const Tensor& x, IntList k, MaybeInts s, IntList p, bool ceil, bool include, std::optional<int64_t> divisor) {                                 \
        return avg_pool_windows(x, dims, k, or_empty(s), p, ceil, include, divisor);                                                                                   \
      },                                                                                                                                                               \
  });                                                                                                                                                                  \
  [[maybe_unused]] Tensor avg_pool##n(const Tensor& x, IntList k, MaybeInts s, IntList p, bool ceil, bool include, std::optional<int64_t> divisor) {            \
    return avg_pool##n##_op(x, k, s, p, ceil, include, divisor);                                                                                                       \
  }
KG_AVERAGE(2d, 2)
KG_AVERAGE(3d, 3)
#undef KG_AVERAGE

}  // namespace

std::tuple<Tensor, Tensor> max_pool_windows(const Tensor& x, int64_t dims, IntList k, IntList s, IntList p, IntList d, bool ceil) { return max_windows_op(x, dims, k, s, p, d, ceil); }
Tensor avg_pool_windows(const Tensor& x, int64_t dims, IntList k, IntList s, IntList p, bool ceil, bool include, std::optional<int64_t> divisor) {
  return avg_windows_op(x, dims, k, s, p, ceil, include, divisor);
}
Tensor adaptive_avg_pool(const Tensor& x, int64_t dims, IntList size) { return adaptive_avg_op(x, dims, size); }
std::tuple<Tensor, Tensor> adaptive_max_pool(const Tensor& x, int64_t dims, IntList size) { return adaptive_max_op(x, dims, size); }

}  // namespace kagari
