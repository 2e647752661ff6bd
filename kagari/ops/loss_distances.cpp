#include "kagari/ops/loss_distances.h"

#include "kagari/ops/arithmetic.h"
#include "kagari/ops/bounds.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/pointwise.h"

namespace kagari {
namespace {

/// Runs a loop of two or three tensors in their common dtype.
template <Name kernel>
Tensor of_tensors(Out& out, std::initializer_list<const Tensor*> inputs, const cpu::LoopParams& p = {}) {
  DType d = elementwise::promoted(**inputs.begin(), **(inputs.end() - 1));
  for (const Tensor* t : inputs) d = promote(d, t->dtype());
  return elementwise::apply(out, elementwise::table<kernel>(), kernel, {inputs.begin(), inputs.size()}, d, d, &p);
}

Tensor squared_difference_parts(const Tensor& input, const Tensor& target) { return square(sub(input, target)); }

Tensor squared_difference_backward(const Tensor& grad, const Tensor& input, const Tensor& target);
const auto squared_difference_backward_op = define<&squared_difference_backward>({
    .schema = "_squared_difference_backward(Tensor grad_output, Tensor input, Tensor target) -> Tensor",
    .in = kPrivate,
    .traits = kElementwise,
    .doc = "2 grad (input - target)",
    .run = [](Out& out, const Tensor& grad, const Tensor& input, const Tensor& target) { return of_tensors<"squared_difference_backward">(out, {&grad, &input, &target}); },
    .grad = vjp("grad_output input target", [](Ctx& c, const Tensor& grad, const Tensor& input, const Tensor& target) -> Grads {
      Tensor slope = 2 * c.grad * grad;
      return {squared_difference_backward(c.grad, input, target), slope, neg(slope)};
    }),
});
Tensor squared_difference_backward(const Tensor& grad, const Tensor& input, const Tensor& target) { return squared_difference_backward_op(grad, input, target); }

const auto squared_difference_op = define<&squared_difference>({
    .schema = "_squared_difference(Tensor input, Tensor target) -> Tensor",
    .in = kPrivate,
    .traits = kElementwise,
    .doc = "(input - target)^2",
    .run = [](Out& out, const Tensor& input, const Tensor& target) { return of_tensors<"squared_difference">(out, {&input, &target}); },
    .grad = vjp("input target", [](Ctx& c, const Tensor& input, const Tensor& target) -> Grads {
      Tensor g = squared_difference_backward(c.grad, input, target);
      return {g, c.needs(1) ? neg(g) : Tensor()};
    }),
    .node_name = "MseLossBackward0",
    .parts = squared_difference_parts,
});

Tensor huber_parts(const Tensor& input, const Tensor& target, double delta, double factor) {
  Tensor d = sub(input, target), size = abs(d);
  return where(size < Scalar(delta), square(d) * 0.5, (size - Scalar(0.5 * delta)) * delta) * factor;
}

Tensor huber_backward(const Tensor& grad, const Tensor& input, const Tensor& target, double delta, double factor);
const auto huber_backward_op = define<&huber_backward>({
    .schema = "_huber_backward(Tensor grad_output, Tensor input, Tensor target, float delta, float factor) -> Tensor",
    .in = kPrivate,
    .traits = kElementwise,
    .doc = "grad * factor * clamp(input - target, -delta, delta)",
    .run = [](Out& out, const Tensor& grad, const Tensor& input, const Tensor& target, double delta, double factor) {
      return of_tensors<"huber_backward">(out, {&grad, &input, &target}, elementwise::numbers({Scalar(delta), Scalar(factor)}));
    },
    .grad = vjp("grad_output input target", [](Ctx& c, const Tensor& grad, const Tensor& input, const Tensor& target, double delta, double factor) -> Grads {
      Tensor slope;
      if (c.needs(1) || c.needs(2)) slope = where(abs(sub(input, target)) < Scalar(delta), c.grad * grad * factor, wrapped_number(0));
      return {c.needs(0) ? huber_backward(c.grad, input, target, delta, factor) : Tensor(), slope, c.needs(2) ? neg(slope) : Tensor()};
    }),
});
Tensor huber_backward(const Tensor& grad, const Tensor& input, const Tensor& target, double delta, double factor) {
  return huber_backward_op(grad, input, target, delta, factor);
}

const auto huber_op = define<&huber>({
    .schema = "_huber(Tensor input, Tensor target, float delta, float factor) -> Tensor",
    .in = kPrivate,
    .traits = kElementwise,
    .doc = "factor * (0.5 d^2 where |d| < delta, else delta (|d| - delta / 2)), for the difference d.",
    .run = [](Out& out, const Tensor& input, const Tensor& target, double delta, double factor) {
      return of_tensors<"huber">(out, {&input, &target}, elementwise::numbers({Scalar(delta), Scalar(factor)}));
    },
    .grad = vjp("input target", [](Ctx& c, const Tensor& input, const Tensor& target, double delta, double factor) -> Grads {
      Tensor g = huber_backward(c.grad, input, target, delta, factor);
      return {g, c.needs(1) ? neg(g) : Tensor()};
    }),
    .node_name = "HuberLossBackward0",
    .parts = huber_parts,
});

bool fused(const Tensor& input, const Tensor& target) { return is_floating(input.dtype()) && is_floating(target.dtype()) && !is_float8(input.dtype()) && !is_float8(target.dtype()); }

}  // namespace

Tensor squared_difference(const Tensor& input, const Tensor& target) {
  return fused(input, target) ? squared_difference_op(input, target) : squared_difference_parts(input, target);
}
Tensor huber(const Tensor& input, const Tensor& target, double delta, double factor) {
  return fused(input, target) ? huber_op(input, target, delta, factor) : huber_parts(input, target, delta, factor);
}

}  // namespace kagari
