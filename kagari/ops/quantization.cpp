#include "kagari/ops/quantization.h"

#include <algorithm>
#include <cmath>

#include "kagari/base/allocator.h"
#include "kagari/base/parallel.h"
#include "kagari/cpu/int8_gemm.h"
#include "kagari/op/op.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

// Note [Dynamic quantisation]: an input x becomes round(x / t) + z, an integer from 0 to 127, with t = (max(x, 0) - min(x, 0)) / 127 and z the
// integer that stands for 0. Its product with the integer weights is exact; times t and the weights' unit it is the result.
constexpr int levels = 127;

struct Rounding {
  double step;
  int zero;
};
Rounding rounding_of(const float* x, int64_t n) {
  constexpr int64_t lanes = 16;
  float low[lanes] = {}, high[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int64_t j = 0; j < lanes; ++j) low[j] = x[i + j] < low[j] ? x[i + j] : low[j], high[j] = x[i + j] > high[j] ? x[i + j] : high[j];
  for (; i < n; ++i) low[0] = std::min(low[0], x[i]), high[0] = std::max(high[0], x[i]);
  const float least = *std::min_element(low, low + lanes), most = *std::max_element(high, high + lanes);
  double step = (double(most) - double(least)) / levels;
  if (!(step > 0)) step = 1;
  return {step, std::clamp(int(std::nearbyint(-double(least) / step)), 0, levels)};
}

const auto int8_linear_op = define<&int8_linear>({
    .schema = "_int8_linear(Tensor input, Tensor weight, float scale, Tensor? bias=None) -> Tensor",
    .in = kPrivate,
    .doc = "The product of a layer with int8 weights in units of `scale`; the input is rounded to 7 bits, anew in each call.",
    .run = [](Out& out, const Tensor& input, const Tensor& weight, double scale, const Tensor& bias) {
      KG_CHECK(input.dim() >= 1 && weight.dim() == 2 && input.sizes().back() == weight.sizes()[1], "_int8_linear(): an input of shape ", input.sizes(),
               " does not fit weights of shape ", weight.sizes());
      KG_CHECK(is_floating(input.dtype()) && weight.dtype() == DType::Int8, "_int8_linear(): expected a floating input and int8 weights, but got ", input.dtype(), " and ",
               weight.dtype());
      const int64_t n = weight.sizes()[0], k = weight.sizes()[1];
      KG_CHECK(!bias.defined() || (bias.dim() == 1 && bias.sizes()[0] == n && bias.dtype() == DType::Float32), "_int8_linear(): expected a float32 bias of ", n,
               " elements, but got ", bias.defined() ? bias.sizes() : IntList());
      Ints sizes(input.sizes().begin(), input.sizes().end());
      sizes.back() = n;
      Tensor result = out.alloc(sizes, DType::Float32, input.device());
      if (result.is_meta() || result.numel() == 0) return result;
      const Tensor x = contiguous(to(input, DType::Float32)), w = contiguous(weight), b = bias.defined() ? contiguous(bias) : Tensor();
      const int64_t m = result.numel() / n;
      const auto* from = x.data<float>();
      const Rounding r = rounding_of(from, m * k);
      Scratch bytes(m * k), sums(m * n * 4);
      auto* rounded = reinterpret_cast<uint8_t*>(bytes.data());
      const float inverse = float(1 / r.step), zero = float(r.zero);
      parallel_for(0, m * k, 1 << 15, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          // adding and taking away 1.5 * 2^23 rounds to the nearest integer, ties to even, in the vector loop of any processor
          const float near = (from[i] * inverse + 12582912.0f) - 12582912.0f;
          rounded[i] = uint8_t(int(std::min(std::max(0.0f, near + zero), float(levels))));  // NaN becomes 0
        }
      });
      auto* c = reinterpret_cast<int32_t*>(sums.data());
      int8_gemm(m, n, k, rounded, uint8_t(r.zero), w.data<int8_t>(), c);
      const float unit = float(r.step * scale);
      const float* added = b.defined() ? b.data<float>() : nullptr;
      auto* y = result.data<float>();
      parallel_for(0, m, (1 << 15) / n + 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
          for (int64_t j = 0; j < n; ++j) y[i * n + j] = float(c[i * n + j]) * unit + (added ? added[j] : 0.0f);
      });
      return result;
    },
    .grad = no_grad("the input is rounded"),
});

}  // namespace

Tensor int8_linear(const Tensor& input, const Tensor& weight, double scale, const Tensor& bias) { return int8_linear_op(input, weight, scale, bias); }

}  // namespace kagari
