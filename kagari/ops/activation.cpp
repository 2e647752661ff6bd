#include "kagari/ops/activation.h"

#include "kagari/ops/activation_gradient.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

constexpr double selu_alpha = 1.6732632423543772848170429916717, selu_scale = 1.0507009873554804934193349852946;

bool is_tanh_form(std::string_view approximate) {
  KG_CHECK(approximate == "none" || approximate == "tanh", "approximate argument must be either none or tanh.");
  return approximate == "tanh";
}

using elementwise::numbers;

/// A kernel that takes floating dtypes only.
template <Name kernel>
Tensor activate(Out& out, const Tensor& self, std::initializer_list<Scalar> values = {}) {
  cpu::LoopParams p = numbers(values);
  return elementwise::apply(out, elementwise::table<kernel>(), kernel, self, self.dtype(), self.dtype(), &p);
}

const auto relu_op = define<&relu>({
    .schema = "relu(Tensor self) -> Tensor",
    .in = kFunction | kMethod | kInplace | kFunctional,
    .traits = kElementwise,
    .doc = "max(0, self).\n\n>>> torch.nn.functional.relu(torch.tensor([-1., 0.5]))\ntensor([0.0000, 0.5000])",
    .run = [](Out& out, const Tensor& self) {
      KG_CHECK(self.dtype() != DType::Bool, "Boolean inputs not supported for relu");
      KG_CHECK_IMPLEMENTED(!self.is_complex(), "clamp is not supported for complex types");
      return same_unary<"relu">(out, self);
    },
    .grad = vjp("out", [](Ctx& c, const Tensor&) -> Grads { return {relu_backward(c.grad, c.out())}; }),
});

const auto leaky_relu_op = define<&leaky_relu>({
    .schema = "leaky_relu(Tensor self, Scalar negative_slope=0.01) -> Tensor",
    .in = kFunctional | kPrivate | kInplace,
    .traits = kElementwise,
    .doc = "self where positive, else negative_slope * self.\n\n"
           ">>> torch.nn.functional.leaky_relu(torch.tensor([-1., 0.5]))\ntensor([-0.0100,  0.5000])",
    .run = [](Out& out, const Tensor& self, const Scalar& negative_slope) { return activate<"leaky_relu">(out, self, {negative_slope}); },
    .grad = vjp("self", [](Ctx& c, const Tensor& self, const Scalar& negative_slope) -> Grads { return {leaky_relu_backward(c.grad, self, negative_slope)}; }),
});

const auto hardtanh_op = define<&hardtanh>({
    .schema = "hardtanh(Tensor self, Scalar min_val=-1, Scalar max_val=1) -> Tensor",
    .in = kFunctional | kPrivate | kInplace,
    .traits = kElementwise,
    .doc = "self, but not below min_val and not above max_val.\n\n"
           ">>> torch.nn.functional.hardtanh(torch.tensor([-1., 0.5]))\ntensor([-1.0000,  0.5000])",
    .run = [](Out& out, const Tensor& self, const Scalar& min_val, const Scalar& max_val) {
      if (!is_integral(self.dtype())) return activate<"hardtanh">(out, self, {min_val, max_val});
      KG_CHECK(self.dtype() != DType::Bool, "Bool inputs not supported for hardtanh");
      KG_CHECK(!is_unsigned(self.dtype()) || (min_val.to_double() >= 0 && max_val.to_double() >= 0), "cannot do hardtanh on an unsigned type with negative limits");
      cpu::LoopParams p = numbers({Scalar(min_val.to_int()), Scalar(max_val.to_int())});
      p.integer[2] = p.integer[3] = 1;
      return elementwise::apply(out, elementwise::table<"clamp_scalar">(), "hardtanh", self, self.dtype(), self.dtype(), &p);
    },
    .grad = vjp("self", [](Ctx& c, const Tensor& self, const Scalar& min_val, const Scalar& max_val) -> Grads { return {hardtanh_backward(c.grad, self, min_val, max_val)}; }),
});

const auto hardsigmoid_op = define<&hardsigmoid>({
    .schema = "hardsigmoid(Tensor self) -> Tensor",
    .in = kFunctional | kPrivate | kInplace,
    .traits = kElementwise,
    .doc = "min(max(0, self + 3), 6) / 6.\n\n>>> torch.nn.functional.hardsigmoid(torch.tensor([-1., 0.5]))\ntensor([0.3333, 0.5833])",
    .run = [](Out& out, const Tensor& self) { return activate<"hardsigmoid">(out, self); },
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {hardsigmoid_backward(c.grad, self)}; }),
});

const auto hardswish_op = define<&hardswish>({
    .schema = "hardswish(Tensor self) -> Tensor",
    .in = kFunctional | kPrivate | kInplace,
    .traits = kElementwise,
    .doc = "self * hardsigmoid(self).\n\n>>> torch.nn.functional.hardswish(torch.tensor([-1., 0.5]))\ntensor([-0.3333,  0.2917])",
    .run = [](Out& out, const Tensor& self) { return activate<"hardswish">(out, self); },
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {hardswish_backward(c.grad, self)}; }),
});

const auto elu_op = define<&elu>({
    .schema = "elu(Tensor self, Scalar alpha=1, Scalar scale=1, Scalar input_scale=1) -> Tensor",
    .in = kFunctional | kPrivate | kInplace,
    .traits = kElementwise,
    .doc = "self where positive, else alpha * (exp(self) - 1).\n\n>>> torch.nn.functional.elu(torch.tensor([-1., 0.5]))\ntensor([-0.6321,  0.5000])",
    .run = [](Out& out, const Tensor& self, const Scalar& alpha, const Scalar& scale, const Scalar& input_scale) { return activate<"elu">(out, self, {alpha, scale, input_scale}); },
    .grad = vjp("self", [](Ctx& c, const Tensor& self, const Scalar& alpha, const Scalar& scale, const Scalar& input_scale) -> Grads { return {elu_backward(c.grad, self, alpha, scale, input_scale)}; }),
});

const auto celu_op = define<&celu>({
    .schema = "celu(Tensor self, Scalar alpha=1.) -> Tensor",
    .in = kFunction | kFunctional | kInplace,
    .traits = kElementwise,
    .doc = "self where positive, else alpha * (exp(self / alpha) - 1).\n\n"
           ">>> torch.nn.functional.celu(torch.tensor([-1., 0.5]))\ntensor([-0.6321,  0.5000])",
    .run = [](Out& out, const Tensor& self, const Scalar& alpha) {
      KG_CHECK(alpha.to_double() != 0, "ZeroDivisionError: alpha cannot be 0 for CELU");
      return activate<"celu">(out, self, {alpha});
    },
    .grad = vjp("self", [](Ctx& c, const Tensor& self, const Scalar& alpha) -> Grads { return {elu_backward(c.grad, self, alpha, 1, 1 / alpha.to_double())}; }),
});

const auto selu_op = define<&selu>({
    .schema = "selu(Tensor self) -> Tensor",
    .in = kFunction | kFunctional | kInplace,
    .traits = kElementwise,
    .doc = "elu with the scales of self-normalising networks.\n\n>>> torch.nn.functional.selu(torch.tensor([-1., 0.5]))\ntensor([-1.1113,  0.5254])",
    .run = [](Out& out, const Tensor& self) { return activate<"elu">(out, self, {selu_alpha, selu_scale, 1}); },
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {elu_backward(c.grad, self, selu_alpha, selu_scale, 1)}; }),
});

const auto gelu_op = define<&gelu>({
    .schema = "gelu(Tensor self, *, str approximate='none') -> Tensor",
    .in = kFunctional | kPrivate | kInplace | kOut,
    .traits = kElementwise,
    .doc = "self * Phi(self), the normal distribution's function; approximate='tanh' uses a formula with tanh.\n\n"
           ">>> torch.nn.functional.gelu(torch.tensor([-1., 0.5]))\ntensor([-0.1587,  0.3457])",
    .run = [](Out& out, const Tensor& self, std::string_view approximate) {
      return is_tanh_form(approximate) ? activate<"gelu_tanh">(out, self) : activate<"gelu">(out, self);
    },
    .grad = vjp("self", [](Ctx& c, const Tensor& self, std::string_view approximate) -> Grads { return {is_tanh_form(approximate) ? gelu_tanh_backward(c.grad, self) : gelu_backward(c.grad, self)}; }),
});

const auto silu_op = define<&silu>({
    .schema = "silu(Tensor self) -> Tensor",
    .in = kFunctional | kPrivate | kInplace,
    .traits = kElementwise,
    .doc = "self * sigmoid(self).\n\n>>> torch.nn.functional.silu(torch.tensor([-1., 0.5]))\ntensor([-0.2689,  0.3112])",
    .run = [](Out& out, const Tensor& self) { return self.is_complex() ? self / (1 + exp(-self)) : activate<"silu">(out, self); },
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads {
      if (!self.is_complex()) return {silu_backward(c.grad, self)};
      Tensor s = sigmoid(self);
      return {c.grad * conj(s * (1 + self * (1 - s)))};
    }),
});

const auto mish_op = define<&mish>({
    .schema = "mish(Tensor self) -> Tensor",
    .in = kFunctional | kPrivate | kInplace,
    .traits = kElementwise,
    .doc = "self * tanh(softplus(self)).\n\n>>> torch.nn.functional.mish(torch.tensor([-1., 0.5]))\ntensor([-0.3034,  0.3752])",
    .run = [](Out& out, const Tensor& self) { return activate<"mish">(out, self); },
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {mish_backward(c.grad, self)}; }),
});

const auto softplus_op = define<&softplus>({
    .schema = "softplus(Tensor self, Scalar beta=1, Scalar threshold=20) -> Tensor",
    .in = kFunctional | kPrivate | kOut,
    .traits = kElementwise,
    .doc = "log(1 + exp(beta * self)) / beta; self where beta * self is above the threshold.\n\n"
           ">>> torch.nn.functional.softplus(torch.tensor([-1., 0.5]))\ntensor([0.3133, 0.9741])",
    .run = [](Out& out, const Tensor& self, const Scalar& beta, const Scalar& threshold) { return activate<"softplus">(out, self, {beta, threshold}); },
    .grad = vjp("self", [](Ctx& c, const Tensor& self, const Scalar& beta, const Scalar& threshold) -> Grads { return {softplus_backward(c.grad, self, beta, threshold)}; }),
});

const auto log_sigmoid_op = define<&log_sigmoid>({
    .schema = "log_sigmoid(Tensor self) -> Tensor",
    .in = kFunctional | kPrivate | kOut,
    .traits = kElementwise,
    .aliases = "logsigmoid",
    .doc = "log(sigmoid(self)).\n\n>>> torch.nn.functional.logsigmoid(torch.tensor([-1., 0.5]))\ntensor([-1.3133, -0.4741])",
    .run = [](Out& out, const Tensor& self) { return activate<"log_sigmoid">(out, self); },
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {log_sigmoid_backward(c.grad, self)}; }),
});

const auto softshrink_op = define<&softshrink>({
    .schema = "softshrink(Tensor self, Scalar lambd=0.5) -> Tensor",
    .in = kFunctional | kPrivate | kOut,
    .traits = kElementwise,
    .doc = "self, moved towards zero by lambd.\n\n>>> torch.nn.functional.softshrink(torch.tensor([-1., 0.5]))\ntensor([-0.5000,  0.0000])",
    .run = [](Out& out, const Tensor& self, const Scalar& lambda) {
      KG_CHECK(lambda.to_double() >= 0, "lambda must be in range [0, 3.40282e+38] for input dtype ", legacy_name(self.dtype()), ", but found ", lambda.to_double());
      return activate<"softshrink">(out, self, {lambda});
    },
    .grad = vjp("self", [](Ctx& c, const Tensor& self, const Scalar& lambda) -> Grads { return {shrink_backward(c.grad, self, lambda)}; }),
});

const auto hardshrink_op = define<&hardshrink>({
    .schema = "hardshrink(Tensor self, Scalar lambd=0.5) -> Tensor",
    .in = kFunction | kMethod | kFunctional | kOut,
    .traits = kElementwise,
    .doc = "self where |self| > lambd, else 0.\n\n>>> torch.nn.functional.hardshrink(torch.tensor([-1., 0.5]))\ntensor([-1.,  0.])",
    .run = [](Out& out, const Tensor& self, const Scalar& lambda) { return activate<"hardshrink">(out, self, {lambda}); },
    .grad = vjp("self", [](Ctx& c, const Tensor& self, const Scalar& lambda) -> Grads { return {shrink_backward(c.grad, self, lambda)}; }),
});

const auto threshold_op = define<&threshold>({
    .schema = "threshold(Tensor self, Scalar threshold, Scalar value) -> Tensor",
    .in = kFunction | kFunctional | kInplace,
    .traits = kElementwise,
    .doc = "self where it is above the threshold, else value.\n\n"
           ">>> torch.nn.functional.threshold(torch.tensor([-1., 0.5]), 0, 20)\ntensor([20.0000,  0.5000])",
    .run = [](Out& out, const Tensor& self, const Scalar& limit, const Scalar& value) {
      cpu::LoopParams p = numbers({limit, value});
      return elementwise::apply(out, elementwise::table<"threshold">(), "threshold", self, self.dtype(), self.dtype(), &p);
    },
    .grad = vjp("self", [](Ctx& c, const Tensor& self, const Scalar& limit, const Scalar&) -> Grads { return {threshold_backward(c.grad, self, limit)}; }),
});

const auto logit_op = define<&logit>({
    .schema = "logit(Tensor self, float? eps=None) -> Tensor",
    .in = kFunction | kMethod | kInplace | kOut,
    .traits = kElementwise,
    .aliases = "special_logit",
    .doc = "log(self / (1 - self)), with self first clamped to [eps, 1 - eps].\n\n"
           ">>> torch.logit(torch.tensor([0.5, 0.75]))\ntensor([0.0000, 1.0986])",
    .run = [](Out& out, const Tensor& self, std::optional<double> eps) {
      cpu::LoopParams p = numbers({Scalar(eps.value_or(-1))});
      DType d = elementwise::floating(self.dtype());
      return elementwise::apply(out, elementwise::table<"logit">(), "logit", self, d, d, &p);
    },
    .grad = vjp("self", [](Ctx& c, const Tensor& self, std::optional<double> eps) -> Grads { return {logit_backward(c.grad, self, eps)}; }),
});

const auto relu6_op = compose<&relu6>({
    .schema = "relu6(Tensor self) -> Tensor",
    .in = kFunctional | kPrivate | kInplace,
    .doc = "min(max(0, self), 6).\n\n>>> torch.nn.functional.relu6(torch.tensor([-1., 0.5]))\ntensor([0.0000, 0.5000])",
    .body = [](const Tensor& self) { return hardtanh(self, 0, 6); },
});

const auto tanhshrink_op = compose<&tanhshrink>({
    .schema = "tanhshrink(Tensor self) -> Tensor",
    .in = kFunctional,
    .doc = "self - tanh(self).\n\n>>> torch.nn.functional.tanhshrink(torch.tensor([-1., 0.5]))\ntensor([-0.2384,  0.0379])",
    .body = [](const Tensor& self) { return self - tanh(self); },
});

const auto softsign_op = compose<&softsign>({
    .schema = "softsign(Tensor self) -> Tensor",
    .in = kFunctional,
    .doc = "self / (1 + |self|).\n\n>>> torch.nn.functional.softsign(torch.tensor([-1., 0.5]))\ntensor([-0.5000,  0.3333])",
    .body = [](const Tensor& self) { return self / (1 + abs(self)); },
});

const auto glu_op = compose<&glu>({
    .schema = "glu(Tensor self, int dim=-1) -> Tensor",
    .in = kFunctional | kPrivate | kOut,
    .doc = "The first half along a dimension, times the sigmoid of the second half.\n\n"
           ">>> torch.nn.functional.glu(torch.tensor([2., 0.]))\ntensor([1.])",
    .body = [](const Tensor& self, int64_t dim) {
      KG_CHECK(self.dim() > 0, "glu does not support 0-dimensional tensors");
      dim = wrap_dim(dim, self.dim());
      int64_t n = self.size(dim);
      KG_CHECK(n % 2 == 0, "Halving dimension must be even, but dimension ", dim, " is size ", n);
      return narrow(self, dim, 0, n / 2) * sigmoid(narrow(self, dim, n / 2, n / 2));
    },
});

const auto prelu_kernel_op = define<&prelu_kernel>({
    .schema = "_prelu_kernel(Tensor self, Tensor weight) -> Tensor",
    .in = kFunction,
    .traits = kElementwise,
    .doc = "self where positive, else weight * self, with a weight that broadcasts.",
    .run = promoting_binary<"prelu">,
    .grad = vjp("self weight", [](Ctx& c, const Tensor& self, const Tensor& weight) -> Grads {
      auto [to_self, to_weight] = prelu_kernel_backward(c.grad, self, weight);
      return {to_self, to_weight};
    }),
});

const auto prelu_op = compose<&prelu>({
    .schema = "prelu(Tensor self, Tensor weight) -> Tensor",
    .in = kFunction | kMethod | kFunctional,
    .doc = "self where positive, else weight * self, with one weight for all or one per channel (dimension 1).\n\n"
           ">>> torch.prelu(torch.tensor([-2., 3.]), torch.tensor([0.25]))\ntensor([-0.5000,  3.0000])",
    .body = [](const Tensor& self, const Tensor& weight) {
      KG_CHECK(self.dtype() == weight.dtype(), "prelu: Type promoting not supported. Got ", legacy_name(self.dtype()), " and ", legacy_name(weight.dtype()));
      KG_CHECK(weight.dim() <= 1, "prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = ", weight.dim());
      Tensor slope = weight;
      if (weight.numel() != 1) {
        KG_CHECK(self.dim() > 0, "Not allow zero-dim input tensor.");
        int64_t channels = self.dim() > 1 ? self.size(1) : 1;
        KG_CHECK(channels == weight.numel(), "Mismatch of parameter numbers and input channel size. Found parameter numbers = ", weight.numel(),
                 " and channel size = ", channels, ".");
        Ints sizes(size_t(self.dim()), 1);
        if (self.dim() > 1) sizes[1] = channels;
        slope = reshape(weight, sizes);
      } else if (self.dim() == 0) {
        slope = reshape(weight, Ints());
      }
      return prelu_kernel(self, slope);
    },
});

}  // namespace

Tensor relu(const Tensor& self) { return relu_op(self); }
Tensor leaky_relu(const Tensor& self, const Scalar& negative_slope) { return leaky_relu_op(self, negative_slope); }
Tensor hardtanh(const Tensor& self, const Scalar& min_val, const Scalar& max_val) { return hardtanh_op(self, min_val, max_val); }
Tensor hardsigmoid(const Tensor& self) { return hardsigmoid_op(self); }
Tensor hardswish(const Tensor& self) { return hardswish_op(self); }
Tensor elu(const Tensor& self, const Scalar& alpha, const Scalar& scale, const Scalar& input_scale) { return elu_op(self, alpha, scale, input_scale); }
Tensor celu(const Tensor& self, const Scalar& alpha) { return celu_op(self, alpha); }
Tensor selu(const Tensor& self) { return selu_op(self); }
Tensor gelu(const Tensor& self, std::string_view approximate) { return gelu_op(self, approximate); }
Tensor silu(const Tensor& self) { return silu_op(self); }
Tensor mish(const Tensor& self) { return mish_op(self); }
Tensor softplus(const Tensor& self, const Scalar& beta, const Scalar& threshold) { return softplus_op(self, beta, threshold); }
Tensor log_sigmoid(const Tensor& self) { return log_sigmoid_op(self); }
Tensor softshrink(const Tensor& self, const Scalar& lambda) { return softshrink_op(self, lambda); }
Tensor hardshrink(const Tensor& self, const Scalar& lambda) { return hardshrink_op(self, lambda); }
Tensor threshold(const Tensor& self, const Scalar& limit, const Scalar& value) { return threshold_op(self, limit, value); }
Tensor logit(const Tensor& self, std::optional<double> eps) { return logit_op(self, eps); }
Tensor relu6(const Tensor& self) { return relu6_op(self); }
Tensor tanhshrink(const Tensor& self) { return tanhshrink_op(self); }
Tensor softsign(const Tensor& self) { return softsign_op(self); }
Tensor glu(const Tensor& self, int64_t dim) { return glu_op(self, dim); }
Tensor prelu(const Tensor& self, const Tensor& weight) { return prelu_op(self, weight); }
Tensor prelu_kernel(const Tensor& self, const Tensor& weight) { return prelu_kernel_op(self, weight); }

}  // namespace kagari
