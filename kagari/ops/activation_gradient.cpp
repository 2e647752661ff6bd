#include "kagari/ops/activation_gradient.h"

#include "kagari/ops/activation.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/logic.h"
#include "kagari/ops/pointwise.h"

namespace kagari {
namespace {

using elementwise::numbers;

/// A kernel of (grad, saved value).
template <Name kernel>
Tensor slope_times(Out& out, const Tensor& grad, const Tensor& saved, const cpu::LoopParams& p = {}) {
  DType d = elementwise::promoted(grad, saved);
  return elementwise::apply(out, elementwise::table<kernel>(), kernel, grad, saved, d, d, &p);
}

const auto relu_backward_op = define<&relu_backward>({
    .schema = "relu_backward(Tensor grad_output, Tensor self) -> Tensor",
    .in = kPrivate,
    .traits = kElementwise,
    .doc = "grad where the result `self` of relu is positive.",
    .run = [](Out& out, const Tensor& grad, const Tensor& self) { return slope_times<"relu_backward">(out, grad, self); },
    .grad = vjp("self", [](Ctx& c, const Tensor&, const Tensor& self) -> Grads { return {relu_backward(c.grad, self), Tensor()}; }),
});

const auto tanh_backward_op = define<&tanh_backward>({
    .schema = "tanh_backward(Tensor grad_output, Tensor self) -> Tensor",
    .in = kPrivate,
    .traits = kElementwise,
    .doc = "grad * (1 - self^2), where self is the result of tanh.",
    .run = [](Out& out, const Tensor& grad, const Tensor& self) { return slope_times<"tanh_backward">(out, grad, self); },
    .grad = vjp("grad_output self", [](Ctx& c, const Tensor& grad, const Tensor& self) -> Grads {
      Tensor to_self;
      if (c.needs(1)) {
        to_self = -2 * c.grad * grad * self;
      }
      return {c.needs(0) ? tanh_backward(c.grad, self) : Tensor(), to_self};
    }),
});

const auto sigmoid_backward_op = define<&sigmoid_backward>({
    .schema = "sigmoid_backward(Tensor grad_output, Tensor self) -> Tensor",
    .in = kPrivate,
    .traits = kElementwise,
    .doc = "grad * (1 - self) * self, where self is the result of sigmoid.",
    .run = [](Out& out, const Tensor& grad, const Tensor& self) { return slope_times<"sigmoid_backward">(out, grad, self); },
    .grad = vjp("grad_output self", [](Ctx& c, const Tensor& grad, const Tensor& self) -> Grads {
      Tensor to_self;
      if (c.needs(1)) {
        to_self = c.grad * grad * (1 - 2 * self);
      }
      return {c.needs(0) ? sigmoid_backward(c.grad, self) : Tensor(), to_self};
    }),
});

const auto leaky_relu_backward_op = define<&leaky_relu_backward>({
    .schema = "leaky_relu_backward(Tensor grad_output, Tensor self, Scalar negative_slope) -> Tensor",
    .in = kPrivate,
    .traits = kElementwise,
    .doc = "grad, times the slope where self is not positive.",
    .run = [](Out& out, const Tensor& grad, const Tensor& self, const Scalar& slope) { return slope_times<"leaky_relu_backward">(out, grad, self, numbers({slope})); },
    .grad = vjp("self", [](Ctx& c, const Tensor&, const Tensor& self, const Scalar& slope) -> Grads { return {leaky_relu_backward(c.grad, self, slope), Tensor()}; }),
});

const auto hardtanh_backward_op = define<&hardtanh_backward>({
    .schema = "hardtanh_backward(Tensor grad_output, Tensor self, Scalar min_val, Scalar max_val) -> Tensor",
    .in = kPrivate,
    .traits = kElementwise,
    .doc = "grad where self is between the limits.",
    .run = [](Out& out, const Tensor& grad, const Tensor& self, const Scalar& low, const Scalar& high) { return slope_times<"hardtanh_backward">(out, grad, self, numbers({low, high})); },
    .grad = vjp("self", [](Ctx& c, const Tensor&, const Tensor& self, const Scalar& low, const Scalar& high) -> Grads { return {hardtanh_backward(c.grad, self, low, high), Tensor()}; }),
});

const auto hardsigmoid_backward_op = define<&hardsigmoid_backward>({
    .schema = "hardsigmoid_backward(Tensor grad_output, Tensor self) -> Tensor",
    .in = kPrivate,
    .traits = kElementwise,
    .doc = "The gradient of hardsigmoid at self.",
    .run = [](Out& out, const Tensor& grad, const Tensor& self) { return slope_times<"hardsigmoid_backward">(out, grad, self); },
    .grad = vjp("self", [](Ctx& c, const Tensor&, const Tensor& self) -> Grads { return {hardsigmoid_backward(c.grad, self), Tensor()}; }),
});

const auto hardswish_backward_op = define<&hardswish_backward>({
    .schema = "hardswish_backward(Tensor grad_output, Tensor self) -> Tensor",
    .in = kPrivate,
    .traits = kElementwise,
    .doc = "The gradient of hardswish at self.",
    .run = [](Out& out, const Tensor& grad, const Tensor& self) { return slope_times<"hardswish_backward">(out, grad, self); },
    .grad = vjp("grad_output self", [](Ctx& c, const Tensor& grad, const Tensor& self) -> Grads {
      Tensor to_self;
      if (c.needs(1)) {
        Tensor inside = logical_and(self > -3, self < 3);
        to_self = where(inside, c.grad * grad / 3, wrapped_number(0));
      }
      return {c.needs(0) ? hardswish_backward(c.grad, self) : Tensor(), to_self};
    }),
});

const auto shrink_backward_op = define<&shrink_backward>({
    .schema = "shrink_backward(Tensor grad_output, Tensor self, Scalar lambd) -> Tensor",
    .in = kPrivate,
    .traits = kElementwise,
    .doc = "grad where |self| > lambd: the gradient of softshrink and hardshrink.",
    .run = [](Out& out, const Tensor& grad, const Tensor& self, const Scalar& lambda) { return slope_times<"shrink_backward">(out, grad, self, numbers({lambda})); },
    .grad = vjp("self", [](Ctx& c, const Tensor&, const Tensor& self, const Scalar& lambda) -> Grads { return {shrink_backward(c.grad, self, lambda), Tensor()}; }),
});

const auto threshold_backward_op = define<&threshold_backward>({
    .schema = "threshold_backward(Tensor grad_output, Tensor self, Scalar threshold) -> Tensor",
    .in = kPrivate,
    .traits = kElementwise,
    .doc = "grad where self is above the threshold.",
    .run = [](Out& out, const Tensor& grad, const Tensor& self, const Scalar& threshold) { return slope_times<"threshold_backward">(out, grad, self, numbers({threshold})); },
    .grad = vjp("self", [](Ctx& c, const Tensor&, const Tensor& self, const Scalar& threshold) -> Grads { return {threshold_backward(c.grad, self, threshold), Tensor()}; }),
});

const auto elu_backward_op = define<&elu_backward>({
    .schema = "elu_backward(Tensor grad_output, Tensor self, Scalar alpha, Scalar scale, Scalar input_scale) -> Tensor",
    .in = kPrivate,
    .traits = kElementwise,
    .doc = "The gradient of elu at self.",
    .run = [](Out& out, const Tensor& grad, const Tensor& self, const Scalar& alpha, const Scalar& scale, const Scalar& input_scale) { return slope_times<"elu_backward">(out, grad, self, numbers({alpha, scale, input_scale})); },
    .grad = vjp("grad_output self", [](Ctx& c, const Tensor& grad, const Tensor& self, const Scalar& alpha, const Scalar& scale, const Scalar& input_scale) -> Grads {
      Tensor to_self;
      if (c.needs(1)) {
        double k = input_scale.to_double();
        Tensor curve = c.grad * grad * exp(self * k) * (alpha.to_double() * scale.to_double() * k * k);
        to_self = where(self > 0, wrapped_number(0), curve);
      }
      return {c.needs(0) ? elu_backward(c.grad, self, alpha, scale, input_scale) : Tensor(), to_self};
    }),
});

const auto softplus_backward_op = define<&softplus_backward>({
    .schema = "softplus_backward(Tensor grad_output, Tensor self, Scalar beta, Scalar threshold) -> Tensor",
    .in = kPrivate,
    .traits = kElementwise,
    .doc = "The gradient of softplus at self.",
    .run = [](Out& out, const Tensor& grad, const Tensor& self, const Scalar& beta, const Scalar& threshold) { return slope_times<"softplus_backward">(out, grad, self, numbers({beta, threshold})); },
    .grad = vjp("grad_output self", [](Ctx& c, const Tensor& grad, const Tensor& self, const Scalar& beta, const Scalar& threshold) -> Grads {
      Tensor to_self;
      if (c.needs(1)) {
        Tensor scaled = self * beta, s = sigmoid(scaled);
        to_self = where(scaled > threshold, wrapped_number(0), c.grad * grad * s * (1 - s) * beta);
      }
      return {c.needs(0) ? softplus_backward(c.grad, self, beta, threshold) : Tensor(), to_self};
    }),
});

const auto log_sigmoid_backward_op = define<&log_sigmoid_backward>({
    .schema = "log_sigmoid_backward(Tensor grad_output, Tensor self) -> Tensor",
    .in = kPrivate,
    .traits = kElementwise,
    .doc = "The gradient of logsigmoid at self.",
    .run = [](Out& out, const Tensor& grad, const Tensor& self) { return slope_times<"log_sigmoid_backward">(out, grad, self); },
    .grad = vjp("grad_output self", [](Ctx& c, const Tensor& grad, const Tensor& self) -> Grads {
      Tensor to_self;
      if (c.needs(1)) {
        Tensor s = sigmoid(self);
        to_self = -c.grad * grad * s * (1 - s);
      }
      return {c.needs(0) ? log_sigmoid_backward(c.grad, self) : Tensor(), to_self};
    }),
});

const auto gelu_backward_op = define<&gelu_backward>({
    .schema = "gelu_backward(Tensor grad_output, Tensor self) -> Tensor",
    .in = kPrivate,
    .traits = kElementwise,
    .doc = "The gradient of gelu at self.",
    .run = [](Out& out, const Tensor& grad, const Tensor& self) { return slope_times<"gelu_backward">(out, grad, self); },
    .grad = vjp("grad_output self", [](Ctx& c, const Tensor& grad, const Tensor& self) -> Grads {
      Tensor to_self;
      if (c.needs(1)) {
        Tensor density = exp(self * self * -0.5) * 0.39894228040143267794;
        to_self = c.grad * grad * density * (2 - self * self);
      }
      return {c.needs(0) ? gelu_backward(c.grad, self) : Tensor(), to_self};
    }),
});

const auto gelu_tanh_backward_op = define<&gelu_tanh_backward>({
    .schema = "gelu_tanh_backward(Tensor grad_output, Tensor self) -> Tensor",
    .in = kPrivate,
    .traits = kElementwise,
    .doc = "The gradient of gelu's tanh form at self.",
    .run = [](Out& out, const Tensor& grad, const Tensor& self) { return slope_times<"gelu_tanh_backward">(out, grad, self); },
    .grad = vjp("grad_output self", [](Ctx& c, const Tensor& grad, const Tensor& self) -> Grads {
      Tensor to_self;
      if (c.needs(1)) {
        // y = x s(v), v = 2u: y'' = 2 s' v' + x (s'' v'^2 + s' v'')
        constexpr double k = 1.5957691216057308, cubic = 0.044715;
        Tensor square = self * self;
        Tensor s = sigmoid(self * (square * (k * cubic) + k));
        Tensor v1 = square * (3 * k * cubic) + k, v2 = self * (6 * k * cubic);
        Tensor s1 = s * (1 - s), s2 = s1 * (1 - 2 * s);
        to_self = c.grad * grad * (2 * s1 * v1 + self * (s2 * v1 * v1 + s1 * v2));
      }
      return {c.needs(0) ? gelu_tanh_backward(c.grad, self) : Tensor(), to_self};
    }),
});

const auto silu_backward_op = define<&silu_backward>({
    .schema = "silu_backward(Tensor grad_output, Tensor self) -> Tensor",
    .in = kPrivate,
    .traits = kElementwise,
    .doc = "The gradient of silu at self.",
    .run = [](Out& out, const Tensor& grad, const Tensor& self) { return slope_times<"silu_backward">(out, grad, self); },
    .grad = vjp("grad_output self", [](Ctx& c, const Tensor& grad, const Tensor& self) -> Grads {
      Tensor to_self;
      if (c.needs(1)) {
        Tensor s = sigmoid(self);
        to_self = c.grad * grad * s * (1 - s) * (2 + self * (1 - 2 * s));
      }
      return {c.needs(0) ? silu_backward(c.grad, self) : Tensor(), to_self};
    }),
});

const auto mish_backward_op = define<&mish_backward>({
    .schema = "mish_backward(Tensor grad_output, Tensor self) -> Tensor",
    .in = kPrivate,
    .traits = kElementwise,
    .doc = "The gradient of mish at self.",
    .run = [](Out& out, const Tensor& grad, const Tensor& self) { return slope_times<"mish_backward">(out, grad, self); },
    .grad = vjp("grad_output self", [](Ctx& c, const Tensor& grad, const Tensor& self) -> Grads {
      Tensor to_self;
      if (c.needs(1)) {
        // y = x t, t = tanh(softplus(x)): y'' = 2 t' + x t''
        Tensor t = tanh(softplus(self)), s = sigmoid(self), u = 1 - t * t;
        Tensor t1 = u * s, t2 = s * (-2 * t * t1) + u * s * (1 - s);
        to_self = c.grad * grad * (2 * t1 + self * t2);
      }
      return {c.needs(0) ? mish_backward(c.grad, self) : Tensor(), to_self};
    }),
});

const auto logit_backward_op = define<&logit_backward>({
    .schema = "logit_backward(Tensor grad_output, Tensor self, float? eps=None) -> Tensor",
    .in = kPrivate,
    .traits = kElementwise,
    .doc = "The gradient of logit at self.",
    .run = [](Out& out, const Tensor& grad, const Tensor& self, std::optional<double> eps) { return slope_times<"logit_backward">(out, grad, self, numbers({Scalar(eps.value_or(-1))})); },
    .grad = vjp("grad_output self", [](Ctx& c, const Tensor& grad, const Tensor& self, std::optional<double> eps) -> Grads {
      Tensor to_self;
      if (c.needs(1)) {
        Tensor p = self * (1 - self);
        Tensor curve = c.grad * grad * (2 * self - 1) / (p * p);
        if (eps) curve = where(logical_or(self < *eps, self > 1 - *eps), wrapped_number(0), curve);
        to_self = curve;
      }
      return {c.needs(0) ? logit_backward(c.grad, self, eps) : Tensor(), to_self};
    }),
});

const auto prelu_kernel_backward_op = define<&prelu_kernel_backward>({
    .schema = "_prelu_kernel_backward(Tensor grad_output, Tensor self, Tensor weight) -> (Tensor, Tensor)",
    .in = kPrivate,
    .doc = "The gradients of _prelu_kernel for self and weight.",
    .run = [](Out&, const Tensor& grad, const Tensor& self, const Tensor& weight) -> std::tuple<Tensor, Tensor> {
      Tensor positive = self > 0;
      return {where(positive, grad, grad * weight), where(positive, wrapped_number(0), grad * self)};
    },
    .grad = vjp("grad_output self weight", [](Ctx& c, const Tensor& grad, const Tensor& self, const Tensor& weight) -> Grads {
      Tensor positive = self > 0, zero = wrapped_number(0), g = c.grad_or_zeros(0), h = c.grad_or_zeros(1);
      return {c.needs(0) ? where(positive, g, g * weight + h * self) : Tensor(), c.needs(1) ? where(positive, zero, h * grad) : Tensor(),
              c.needs(2) ? where(positive, zero, g * grad) : Tensor()};
    }),
});

}  // namespace

Tensor relu_backward(const Tensor& grad, const Tensor& self) { return relu_backward_op(grad, self); }
Tensor tanh_backward(const Tensor& grad, const Tensor& self) { return tanh_backward_op(grad, self); }
Tensor sigmoid_backward(const Tensor& grad, const Tensor& self) { return sigmoid_backward_op(grad, self); }
Tensor leaky_relu_backward(const Tensor& grad, const Tensor& self, const Scalar& slope) { return leaky_relu_backward_op(grad, self, slope); }
Tensor hardtanh_backward(const Tensor& grad, const Tensor& self, const Scalar& low, const Scalar& high) { return hardtanh_backward_op(grad, self, low, high); }
Tensor hardsigmoid_backward(const Tensor& grad, const Tensor& self) { return hardsigmoid_backward_op(grad, self); }
Tensor hardswish_backward(const Tensor& grad, const Tensor& self) { return hardswish_backward_op(grad, self); }
Tensor shrink_backward(const Tensor& grad, const Tensor& self, const Scalar& lambda) { return shrink_backward_op(grad, self, lambda); }
Tensor threshold_backward(const Tensor& grad, const Tensor& self, const Scalar& threshold) { return threshold_backward_op(grad, self, threshold); }
Tensor elu_backward(const Tensor& grad, const Tensor& self, const Scalar& alpha, const Scalar& scale, const Scalar& input_scale) { return elu_backward_op(grad, self, alpha, scale, input_scale); }
Tensor softplus_backward(const Tensor& grad, const Tensor& self, const Scalar& beta, const Scalar& threshold) { return softplus_backward_op(grad, self, beta, threshold); }
Tensor log_sigmoid_backward(const Tensor& grad, const Tensor& self) { return log_sigmoid_backward_op(grad, self); }
Tensor gelu_backward(const Tensor& grad, const Tensor& self) { return gelu_backward_op(grad, self); }
Tensor gelu_tanh_backward(const Tensor& grad, const Tensor& self) { return gelu_tanh_backward_op(grad, self); }
Tensor silu_backward(const Tensor& grad, const Tensor& self) { return silu_backward_op(grad, self); }
Tensor mish_backward(const Tensor& grad, const Tensor& self) { return mish_backward_op(grad, self); }
Tensor logit_backward(const Tensor& grad, const Tensor& self, std::optional<double> eps) { return logit_backward_op(grad, self, eps); }
std::tuple<Tensor, Tensor> prelu_kernel_backward(const Tensor& grad, const Tensor& self, const Tensor& weight) { return prelu_kernel_backward_op(grad, self, weight); }

}  // namespace kagari
