#include "kagari/ops/dropout.h"

#include <cmath>

#include "kagari/base/parallel.h"
#include "kagari/cpu/strided.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/distributions.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/random_fill.h"

namespace kagari {
namespace {

using namespace random_fill;

void check_p(double p) { KG_CHECK(p >= 0 && p <= 1, "dropout probability has to be between 0 and 1, but got ", p); }

/// 1 / keep as the dtype's own division gives it.
double scale_for(const Tensor& t, double keep) {
  switch (t.dtype()) {
    case DType::Float32: return 1.0f / float(keep);
    case DType::Float16: return float(Half(1.0f / float(keep)));
    case DType::BFloat16: return float(BFloat16(1.0f / float(keep)));
    default: return 1.0 / keep;
  }
}

template <class T>
void scale_dense(const Tensor& x, const Tensor& mask, const Tensor& out, double scale) {
  using Fn = void (*)(const T*, const uint8_t*, T*, int64_t, double);
  static const Fn fn = cpu::find_kernels<Fn>("masked_scale_" + std::string(name(dtype_v<T>)))[DType::Bool];
  const T* in = x.data<T>();
  const uint8_t* m = mask.data<uint8_t>();
  T* to = out.data<T>();
  parallel_for(0, x.numel(), cpu::parallel_grain, [&](int64_t b, int64_t e) { fn(in + b, m + b, to + b, e - b, scale); });
}

Tensor run_masked_scale(Out& out, const Tensor& self, const Tensor& mask, double scale) {
  KG_CHECK(mask.dtype() == DType::Bool && mask.sizes() == self.sizes(), "_masked_scale(): expected a bool mask of shape ", self.sizes(), ", got ", mask.dtype(), " of shape ", mask.sizes());
  if (self.is_meta()) return fresh_like(self, self.dtype());
  if ((self.is_floating() && !is_float8(self.dtype())) && mask.is_non_overlapping_and_dense()) {
    Tensor x = self;
    if (x.strides() != mask.strides()) {
      x = empty_strided_tensor(self.sizes(), mask.strides(), self.dtype());
      NoGrad no_record;
      autograd_arithmetic.copy_inplace(x, self);
    }
    Tensor y = out.dest(self.sizes(), self.dtype());
    if (!y.defined() || y.strides() != mask.strides()) y = empty_strided_tensor(self.sizes(), mask.strides(), self.dtype());
    visit_floats_and_halfs("dropout", self.dtype(), [&](auto e) { scale_dense<decltype(e)>(x, mask, y, scale); });
    return y;
  }
  return mul(self, mul(elementwise::converted(mask, self.dtype()), wrapped_number(scale)));
}

Tensor dropped(const Tensor& input, double p) {
  KG_CHECK(is_differentiable(input.dtype()), "result type Float can't be cast to the desired output type ", legacy_name(input.dtype()));
  return dropout_mask(input, 1 - p);
}

/// Noise of one number per channel.
Tensor channel_noise(const Tensor& input, double keep) {
  KG_CHECK(input.dim() >= 2, "Feature dropout requires at least 2 dimensions in the input");
  Ints sizes(input.sizes());
  for (size_t i = 2; i < sizes.size(); ++i) sizes[i] = 1;
  Tensor noise = empty_tensor(sizes, input.dtype(), input.device());
  return bernoulli_p(noise, keep);
}

/// input * (a * noise) + (noise - 1) * alpha * a + alpha * a * p
struct AlphaTerms {
  Tensor factor, offset;
};
AlphaTerms alpha_terms(const Tensor& noise, double p) {
  constexpr double alpha = 1.7580993408473766;  // SELU's scale times its alpha
  double a = 1 / std::sqrt((alpha * alpha * p + 1) * (1 - p));
  Tensor offset = noise - 1;
  mul_(offset, wrapped_number(alpha * a));
  add_(offset, wrapped_number(alpha * a * p));
  mul_(noise, wrapped_number(a));
  return {noise, offset};
}
Tensor element_noise(const Tensor& input, double keep) { return bernoulli_p(fresh_like(input, input.dtype()), keep); }

enum class Kind { Feature, Alpha, FeatureAlpha };
Tensor with_noise(Kind kind, bool inplace, const Tensor& input, double p, bool train) {
  check_p(p);
  if (p == 0 || !train || input.numel() == 0) return input;
  if (p == 1) {
    Tensor zero = wrapped_number(0.0);
    return inplace ? mul_(input, zero) : mul(input, zero);
  }
  Tensor noise = kind == Kind::Alpha ? element_noise(input, 1 - p) : channel_noise(input, 1 - p);
  if (kind == Kind::Feature) {
    div_(noise, wrapped_number(1 - p));
    return inplace ? mul_(input, noise) : mul(input, noise);
  }
  AlphaTerms t = alpha_terms(noise, p);
  return inplace ? add_(mul_(input, t.factor), t.offset) : add(mul(input, t.factor), t.offset);
}

const auto dropout_mask_op = define<&dropout_mask>({
    .schema = "_dropout_mask(Tensor input, float keep) -> Tensor",
    .in = kFunction,
    .traits = kNondeterministic,
    .doc = "A bool tensor of the input's shape, each element true with probability `keep`.",
    .run = [](Out&, const Tensor& input, double keep) { return bernoulli_(fresh_like(input, DType::Bool), keep); },
    .grad = no_grad("the result is bool"),
});

const auto masked_scale_op = define<&masked_scale>({
    .schema = "_masked_scale(Tensor self, Tensor mask, float scale) -> Tensor",
    .in = kFunction | kInplace,
    .traits = kElementwise,
    .doc = "self * scale where the bool mask is true, self * 0 elsewhere.",
    .run = run_masked_scale,
    .grad = vjp("mask", [](Ctx& c, const Tensor&, const Tensor& mask, double scale) -> Grads { return {masked_scale(c.grad, mask, scale), Tensor()}; }),
    .node_name = "MulBackward0",
});

const auto native_dropout_backward_op = compose<&native_dropout_backward>({
    .schema = "native_dropout_backward(Tensor grad_output, Tensor mask, float scale) -> Tensor",
    .in = kPrivate,
    .doc = "The gradient of native_dropout: grad_output * mask * scale.",
    .body = [](const Tensor& grad, const Tensor& mask, double scale) { return masked_scale(grad, mask, scale); },
});

const auto dropout_op = compose<&dropout>({
    .schema = "dropout(Tensor input, float p, bool train) -> Tensor",
    .traits = kNondeterministic,
    .doc = "In training, sets elements to 0 with probability p and multiplies the others by 1 / (1 - p).\n\n"
           ">>> torch.dropout(torch.ones(3), 0.5, False)\ntensor([1., 1., 1.])",
    .body = [](const Tensor& input, double p, bool train) {
      check_p(p);
      if (p == 0 || !train || input.numel() == 0) return input;
      if (p == 1) return mul(input, wrapped_number(0.0));
      return masked_scale(input, dropped(input, p), scale_for(input, 1 - p));
    },
});
const auto dropout_inplace_op = compose<&dropout_>({
    .schema = "dropout_(Tensor self, float p, bool train) -> Tensor",
    .traits = kNondeterministic,
    .doc = "dropout() in place.",
    .body = [](const Tensor& input, double p, bool train) -> Tensor {
      check_p(p);
      if (p == 0 || !train || input.numel() == 0) return input;
      if (p == 1) return mul_(input, wrapped_number(0.0));
      Tensor mask = dropped(input, p);
      masked_scale_op.into({Dest::Kind::Inplace, &input, 1}, input, mask, scale_for(input, 1 - p));
      return input;
    },
});
const auto native_dropout_op = compose<&native_dropout>({
    .schema = "native_dropout(Tensor input, float p, bool? train) -> (Tensor, Tensor)",
    .traits = kNondeterministic,
    .doc = "dropout(), and a bool tensor that says which elements were kept.",
    .body = [](const Tensor& input, double p, std::optional<bool> train) -> std::tuple<Tensor, Tensor> {
      check_p(p);
      if (input.numel() == 0) return {input, fresh_like(input, DType::Bool)};
      if (!train.value_or(true)) return {autograd_arithmetic.clone(input), bernoulli_(fresh_like(input, DType::Bool), 1)};
      Tensor mask = dropped(input, p);
      return {masked_scale(input, mask, p == 1 ? 0 : scale_for(input, 1 - p)), mask};
    },
});

const auto feature_dropout_op = compose<&feature_dropout>({
    .schema = "feature_dropout(Tensor input, float p, bool train) -> Tensor",
    .traits = kNondeterministic,
    .doc = "dropout() of whole channels: the first two dimensions are batch and channel.",
    .body = [](const Tensor& input, double p, bool train) { return with_noise(Kind::Feature, false, input, p, train); },
});
const auto alpha_dropout_op = compose<&alpha_dropout>({
    .schema = "alpha_dropout(Tensor input, float p, bool train) -> Tensor",
    .traits = kNondeterministic,
    .doc = "Dropout that keeps mean 0 and variance 1 of the outputs of SELU.",
    .body = [](const Tensor& input, double p, bool train) { return with_noise(Kind::Alpha, false, input, p, train); },
});
const auto feature_alpha_dropout_op = compose<&feature_alpha_dropout>({
    .schema = "feature_alpha_dropout(Tensor input, float p, bool train) -> Tensor",
    .traits = kNondeterministic,
    .doc = "alpha_dropout() of whole channels.",
    .body = [](const Tensor& input, double p, bool train) { return with_noise(Kind::FeatureAlpha, false, input, p, train); },
});
const auto feature_dropout_inplace_op = compose<&feature_dropout_>({
    .schema = "feature_dropout_(Tensor self, float p, bool train) -> Tensor",
    .traits = kNondeterministic,
    .doc = "feature_dropout() in place.",
    .body = [](const Tensor& input, double p, bool train) { return with_noise(Kind::Feature, true, input, p, train); },
});
const auto alpha_dropout_inplace_op = compose<&alpha_dropout_>({
    .schema = "alpha_dropout_(Tensor self, float p, bool train) -> Tensor",
    .traits = kNondeterministic,
    .doc = "alpha_dropout() in place.",
    .body = [](const Tensor& input, double p, bool train) { return with_noise(Kind::Alpha, true, input, p, train); },
});
const auto feature_alpha_dropout_inplace_op = compose<&feature_alpha_dropout_>({
    .schema = "feature_alpha_dropout_(Tensor self, float p, bool train) -> Tensor",
    .traits = kNondeterministic,
    .doc = "feature_alpha_dropout() in place.",
    .body = [](const Tensor& input, double p, bool train) { return with_noise(Kind::FeatureAlpha, true, input, p, train); },
});

// ---------------------------------------------------------------- rrelu
const auto rrelu_noise_op = define<&rrelu_noise>({
    .schema = "_rrelu_noise(Tensor self, float lower, float upper, bool training, *, Generator? generator=None) -> Tensor",
    .in = kFunction,
    .traits = kNondeterministic,
    .doc = "What rrelu() multiplies each element with: 1 if it is positive, else a slope in [lower, upper].",
    .run = [](Out&, const Tensor& self, double lower, double upper, bool training, Generator* generator) {
      Tensor noise = fresh_like(self, self.dtype());
      if (self.is_meta()) return noise;
      Tensor values = in_order_of(noise, self);
      Generator& g = generator_or_default(generator);
      std::lock_guard lock(g.mutex);
      visit_floats_and_halfs("rrelu", self.dtype(), [&](auto e) {
        using T = decltype(e);
        const T* x = values.data<T>();
        T* out = noise.data<T>();
        for (int64_t i = 0, n = self.numel(); i < n; ++i) {
          double slope = 1;
          if (!(double(x[i]) > 0)) slope = training ? g.uniform() * (upper - lower) + lower : (lower + upper) / 2;
          if constexpr (std::is_same_v<T, double>) out[i] = slope;
          else out[i] = T(float(slope));
        }
      });
      return noise;
    },
    .grad = no_grad("the slopes are drawn; where they apply is piecewise constant"),
});
const auto rrelu_scaled_op = define<&rrelu_scaled>({
    .schema = "_rrelu_scaled(Tensor self, Tensor noise) -> Tensor",
    .in = kFunction | kInplace,
    .traits = kElementwise,
    .doc = "self * noise, where noise is what _rrelu_noise() returned.",
    .run = [](Out&, const Tensor& self, const Tensor& noise) { return mul(self, noise); },
    .grad = vjp("self noise", [](Ctx& c, const Tensor& self, const Tensor& noise) -> Grads { return {rrelu_scaled_backward(c.grad, self, noise), Tensor()}; }),
    .node_name = "RreluWithNoiseBackward0",
});
const auto rrelu_scaled_backward_op = define<&rrelu_scaled_backward>({
    .schema = "_rrelu_scaled_backward(Tensor grad, Tensor self, Tensor noise) -> Tensor",
    .in = kFunction,
    .traits = kElementwise,
    .doc = "The gradient of _rrelu_scaled().",
    .run = [](Out&, const Tensor& grad, const Tensor&, const Tensor& noise) { return mul(grad, noise); },
    .grad = vjp("noise", [](Ctx& c, const Tensor&, const Tensor&, const Tensor& noise) -> Grads {
      return {c.needs(0) ? mul(c.grad, noise) : Tensor(), c.needs(1) ? zeros_for(c.grad) : Tensor(), Tensor()};
    }),
});
void check_slopes(double lower, double upper) {
  KG_CHECK(lower <= upper, "Lower bound should be less than or equal to the upper bound");
}
const auto rrelu_op = compose<&rrelu>({
    .schema = "rrelu(Tensor self, Scalar lower=0.125, Scalar upper=0.3333333333333333, bool training=False, Generator? generator=None) -> Tensor",
    .traits = kNondeterministic,
    .doc = "Leaky ReLU whose slope for negative elements is drawn from [lower, upper] in training, and is their mean otherwise.\n\n"
           ">>> torch.rrelu(torch.tensor([-1., 2.]), 0.1, 0.3)\ntensor([-0.2000,  2.0000])",
    .body = [](const Tensor& self, const Scalar& lower, const Scalar& upper, bool training, Generator* generator) {
      check_slopes(lower.to_double(), upper.to_double());
      return rrelu_scaled(self, rrelu_noise(self, lower.to_double(), upper.to_double(), training, generator));
    },
});
const auto rrelu_inplace_op = compose<&rrelu_>({
    .schema = "rrelu_(Tensor self, Scalar lower=0.125, Scalar upper=0.3333333333333333, bool training=False, Generator? generator=None) -> Tensor",
    .traits = kNondeterministic,
    .doc = "rrelu() in place.",
    .body = [](const Tensor& self, const Scalar& lower, const Scalar& upper, bool training, Generator* generator) -> Tensor {
      check_slopes(lower.to_double(), upper.to_double());
      rrelu_scaled_op.into({Dest::Kind::Inplace, &self, 1}, self, rrelu_noise(self, lower.to_double(), upper.to_double(), training, generator));
      return self;
    },
});

}  // namespace

Tensor dropout_mask(const Tensor& input, double keep) { return dropout_mask_op(input, keep); }
Tensor masked_scale(const Tensor& self, const Tensor& mask, double scale) { return masked_scale_op(self, mask, scale); }
Tensor native_dropout_backward(const Tensor& grad, const Tensor& mask, double scale) { return native_dropout_backward_op(grad, mask, scale); }
Tensor rrelu_scaled(const Tensor& self, const Tensor& noise) { return rrelu_scaled_op(self, noise); }
Tensor rrelu_scaled_backward(const Tensor& grad, const Tensor& self, const Tensor& noise) { return rrelu_scaled_backward_op(grad, self, noise); }
Tensor dropout(const Tensor& input, double p, bool train) { return dropout_op(input, p, train); }
Tensor dropout_(const Tensor& input, double p, bool train) { return dropout_inplace_op(input, p, train); }
std::tuple<Tensor, Tensor> native_dropout(const Tensor& input, double p, std::optional<bool> train) { return native_dropout_op(input, p, train); }
Tensor feature_dropout(const Tensor& input, double p, bool train) { return feature_dropout_op(input, p, train); }
Tensor alpha_dropout(const Tensor& input, double p, bool train) { return alpha_dropout_op(input, p, train); }
Tensor feature_alpha_dropout(const Tensor& input, double p, bool train) { return feature_alpha_dropout_op(input, p, train); }
Tensor feature_dropout_(const Tensor& input, double p, bool train) { return feature_dropout_inplace_op(input, p, train); }
Tensor alpha_dropout_(const Tensor& input, double p, bool train) { return alpha_dropout_inplace_op(input, p, train); }
Tensor feature_alpha_dropout_(const Tensor& input, double p, bool train) { return feature_alpha_dropout_inplace_op(input, p, train); }
Tensor rrelu_noise(const Tensor& self, double lower, double upper, bool training, Generator* g) { return rrelu_noise_op(self, lower, upper, training, g); }
Tensor rrelu(const Tensor& self, const Scalar& lower, const Scalar& upper, bool training, Generator* g) { return rrelu_op(self, lower, upper, training, g); }
Tensor rrelu_(const Tensor& self, const Scalar& lower, const Scalar& upper, bool training, Generator* g) { return rrelu_inplace_op(self, lower, upper, training, g); }

}  // namespace kagari
