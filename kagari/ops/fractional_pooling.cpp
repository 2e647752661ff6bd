// Maxima of windows at pseudo-random steps (Graham 2014).
#include <limits>
#include <vector>

#include "kagari/base/parallel.h"
#include "kagari/op/op.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/pooling.h"

namespace kagari {
namespace {

using Pair = std::tuple<Tensor, Tensor>;

/// Where the windows of one dimension begin, for a sample u in [0, 1): their distances vary so that the last one ends with the input.
template <class T>
std::vector<int64_t> window_starts(T u, int64_t input, int64_t output, int64_t kernel) {
  std::vector<int64_t> starts(size_t(output), 0);
  if (output > 1) {
    T step = T(input - kernel) / T(output - 1);
    for (int64_t i = 0; i < output - 1; ++i) starts[size_t(i)] = int64_t((T(i) + u) * step) - int64_t(u * step);
  }
  if (output > 0) starts[size_t(output - 1)] = input - kernel;
  return starts;
}

Pair run_pool(int64_t dims, const Tensor& input, IntList kernel, IntList output, const Tensor& samples) {
  std::string op = str("fractional_max_pool", dims, "d");
  KG_CHECK(int64_t(kernel.size()) == dims, op, ": kernel_size must either be a single Int or tuple of Ints");
  KG_CHECK(int64_t(output.size()) == dims, op, ": output_size must either be a single Int or tuple of Ints");
  KG_CHECK(input.dim() == dims + 1 || input.dim() == dims + 2, op, "(): Expected ", dims + 1, "D or ", dims + 2, "D tensor, but got: ", input.sizes());
  for (int64_t d = input.dim() - dims - 1; d < input.dim(); ++d)
    KG_CHECK(input.sizes()[size_t(d)] > 0, op, "(): Expected input to have non-zero size for non-batch dimensions, but got ", input.sizes(), " with dimension ", d, " being empty.");
  KG_CHECK_IMPLEMENTED(is_floating(input.dtype()) && !is_float8(input.dtype()), "\"", op, "\" not implemented for '", legacy_name(input.dtype()), "'");
  int64_t batch = input.dim() == dims + 2 ? input.sizes()[0] : 1, channels = input.sizes()[size_t(input.dim() - dims - 1)];
  KG_CHECK(samples.dtype() == input.dtype(), "Expect _random_samples to have the same dtype as input");
  KG_CHECK(samples.dim() == 3, "Expect _random_samples to have 3 dimensions, got ", samples.dim());
  KG_CHECK(samples.sizes()[0] >= batch, "Expect _random_samples.size(0) no less then input batch size.");
  KG_CHECK(samples.sizes()[1] == channels, "Expect _random_samples.size(1) equals to input channel size.");
  KG_CHECK(samples.sizes()[2] == dims, "Expect _random_samples.size(2) equals to ", dims, "; got ", samples.sizes()[2], ".");
  static constexpr const char* names[] = {"time", "height", "width"};
  int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1}, k[3] = {1, 1, 1};
  Ints sizes(input.sizes().begin(), input.sizes().end() - dims);
  for (int64_t d = 0; d < dims; ++d) {
    size_t e = size_t(3 - dims + d);
    in[e] = input.sizes()[size_t(input.dim() - dims + d)], out[e] = output[size_t(d)], k[e] = kernel[size_t(d)];
    KG_CHECK(k[e] > 0, op, ": kernel_size must be positive, but got ", kernel);
    KG_CHECK(out[e] >= 0, op, ": output_size must not be negative, but got ", output);
    KG_CHECK(out[e] <= in[e] && k[e] <= in[e] && out[e] + k[e] - 1 <= in[e], op, "(): pool ", names[e], " ", k[e], " too large relative to input ", names[e], " ", in[e]);
    sizes.push_back(out[e]);
  }
  Tensor y = empty_tensor(sizes, input.dtype(), input.device()), positions = empty_tensor(sizes, DType::Int64, input.device());
  if (y.is_meta() || y.numel() == 0) return {y, positions};
  Tensor x = contiguous(input), u = contiguous(samples);
  int64_t plane_size = in[0] * in[1] * in[2], result_size = out[0] * out[1] * out[2];
  visit_floats_and_halfs(op, input.dtype(), [&]<class T>(T) {
    using A = std::conditional_t<std::is_same_v<T, double>, double, float>;
    parallel_for(0, batch * channels, std::max<int64_t>(1, 16384 / plane_size), [&](int64_t begin, int64_t end) {
      for (int64_t plane = begin; plane < end; ++plane) {
        std::vector<int64_t> starts[3] = {{0}, {0}, {0}};
        for (int64_t d = 0; d < dims; ++d) {
          size_t e = size_t(3 - dims + d);
          // the samples of a plane are those of the width first, of three dimensions those of the time first
          starts[e] = window_starts<A>(A(u.data<T>()[plane * dims + (dims == 2 ? 1 - d : d)]), in[e], out[e], k[e]);
        }
        const T* xs = x.data<T>() + plane * plane_size;
        int64_t at = plane * result_size;
        for (int64_t a : starts[0])
          for (int64_t b : starts[1])
            for (int64_t c : starts[2]) {
              A value = -std::numeric_limits<A>::infinity();
              int64_t best = (a * in[1] + b) * in[2] + c;
              for (int64_t i = a; i < a + k[0]; ++i)
                for (int64_t j = b; j < b + k[1]; ++j)
                  for (int64_t l = c; l < c + k[2]; ++l) {
                    int64_t where = (i * in[1] + j) * in[2] + l;
                    A v = A(xs[where]);
                    if (v > value || v != v) value = v, best = where;
                  }
              y.data<T>()[at] = T(value);
              positions.data<int64_t>()[at++] = best;
            }
      }
    });
  });
  return {y, positions};
}

#define KG_FRACTIONAL(n, dims)                                                                                                                           \
  Pair fractional_max_pool##n(const Tensor& self, IntList kernel, IntList output, const Tensor& samples);                                                \
  const auto fractional_max_pool##n##_op = define<&fractional_max_pool##n>({                                                                             \
      .schema = "fractional_max_pool" #n "(Tensor self, int[" #dims "] kernel_size, int[" #dims "] output_size, Tensor random_samples) -> (Tensor, Tensor)", \
      .in = kPrivate,                                                                                                                                    \
      .doc = "Maxima of windows at steps that random_samples (N, C, " #dims "), numbers in [0, 1), decide, and their positions.",                        \
      .run = [](Out&, const Tensor& self, IntList kernel, IntList output, const Tensor& samples) { return run_pool(dims, self, kernel, output, samples); }, \
      .grad = vjp("out", [](Ctx& c, const Tensor&, IntList, IntList, const Tensor&) -> Grads {                                                           \
        return {c.needs(0) && c.grads[0].defined() ? to_positions(c.grads[0], c.out(1), c.sizes(0), dims) : Tensor(), Tensor()}; \
      }),                                                                                                                                                \
  });                                                                                                                                                    \
  Pair fractional_max_pool##n(const Tensor& self, IntList kernel, IntList output, const Tensor& samples) {                                               \
    return fractional_max_pool##n##_op(self, kernel, output, samples);                                                                                   \
  }
KG_FRACTIONAL(2d, 2)
KG_FRACTIONAL(3d, 3)
#undef KG_FRACTIONAL

}  // namespace
}  // namespace kagari
