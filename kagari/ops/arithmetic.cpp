#include "kagari/ops/arithmetic.h"

#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/reduce.h"

namespace kagari {
namespace {

constexpr unsigned everywhere = kFunction | kMethod | kInplace | kOut;

/// alpha as the loops read it. A fraction cannot scale integers.
cpu::LoopParams alpha_params(std::string_view op, const Scalar& alpha, DType compute) {
  KG_CHECK(!alpha.is_bool() || compute == DType::Bool, "Boolean alpha only supported for Boolean results.");
  KG_CHECK(is_differentiable(compute) || alpha.is_integral(), "For integral input tensors, argument alpha must not be a floating point number.");
  KG_CHECK(is_complex(compute) || !alpha.is_complex(), "For non-complex input tensors, argument alpha must not be a complex number.");
  (void)op;
  cpu::LoopParams p;
  if (alpha.is_integral()) p.set(0, alpha.to_int());
  else if (alpha.is_complex()) p.set(0, alpha.to_complex_value());
  else p.set(0, alpha.to_double());
  return p;
}

bool is_one(const Scalar& alpha) { return alpha.is_integral() && !alpha.is_bool() && alpha.to_int() == 1; }

void refuse_bool_sub(const Tensor& a, const Tensor& b) {
  KG_CHECK(a.dtype() != DType::Bool || b.dtype() != DType::Bool,
           "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator instead.");
  KG_CHECK(a.dtype() != DType::Bool && b.dtype() != DType::Bool,
           "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.");
}

/// A number as big as a tensor's element, ready for mul().
Tensor times(const Tensor& g, const Scalar& alpha) { return is_one(alpha) ? g : mul(g, wrapped_number(alpha)); }

Tensor run_add(Out& out, const Tensor& self, const Tensor& other, const Scalar& alpha) {
  DType d = elementwise::promoted(self, other);
  if (is_one(alpha)) return elementwise::apply(out, elementwise::table<"add">(), "add", self, other, d, d);
  cpu::LoopParams p = alpha_params("add", alpha, d);
  return elementwise::apply(out, elementwise::table<"add_alpha">(), "add", self, other, d, d, &p);
}

Tensor run_sub(Out& out, const Tensor& self, const Tensor& other, const Scalar& alpha) {
  refuse_bool_sub(self, other);
  DType d = elementwise::promoted(self, other);
  if (is_one(alpha)) return elementwise::apply(out, elementwise::table<"sub">(), "sub", self, other, d, d);
  cpu::LoopParams p = alpha_params("sub", alpha, d);
  return elementwise::apply(out, elementwise::table<"sub_alpha">(), "sub", self, other, d, d, &p);
}

const auto add_op = define<&add>({
    .schema = "add(Tensor|Scalar self, Tensor|Scalar other, *, Scalar alpha=1) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "self + alpha * other, elementwise, with broadcasting and type promotion.\n\n>>> torch.add(torch.tensor([1., 2.]), 10)\ntensor([11., 12.])",
    .run = run_add,
    .grad = vjp("", [](Ctx& c, const Tensor&, const Tensor&, const Scalar& alpha) -> Grads {
      return {c.grad, c.needs(1) ? times(c.grad, alpha.is_complex() ? Scalar(std::conj(alpha.to_complex_value())) : alpha) : Tensor()};
    }),
});

const auto sub_op = define<&sub>({
    .schema = "sub(Tensor|Scalar self, Tensor|Scalar other, *, Scalar alpha=1) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "subtract",
    .doc = "self - alpha * other, elementwise, with broadcasting and type promotion.\n\n>>> torch.sub(torch.tensor([1., 2.]), 10)\ntensor([-9., -8.])",
    .run = run_sub,
    .grad = vjp("", [](Ctx& c, const Tensor&, const Tensor&, const Scalar& alpha) -> Grads {
      return {c.grad, c.needs(1) ? neg(times(c.grad, alpha.is_complex() ? Scalar(std::conj(alpha.to_complex_value())) : alpha)) : Tensor()};
    }),
});

const auto rsub_op = define<&rsub>({
    .schema = "rsub(Tensor self, Tensor|Scalar other, *, Scalar alpha=1) -> Tensor",
    .in = kFunction,
    .traits = kElementwise,
    .doc = "other - alpha * self, elementwise.",
    .run = [](Out& out, const Tensor& self, const Tensor& other, const Scalar& alpha) { return run_sub(out, other, self, alpha); },
    .grad = vjp("", [](Ctx& c, const Tensor&, const Tensor&, const Scalar& alpha) -> Grads {
      return {c.needs(0) ? neg(times(c.grad, alpha)) : Tensor(), c.grad};
    }),
});

const auto mul_op = define<&mul>({
    .schema = "mul(Tensor|Scalar self, Tensor|Scalar other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "multiply",
    .doc = "self * other, elementwise, with broadcasting and type promotion.\n\n>>> torch.mul(torch.tensor([1., 2.]), 10)\ntensor([10., 20.])",
    .run = promoting_binary<"mul">,
    .grad = vjp("self:other other:self", [](Ctx& c, const Tensor& self, const Tensor& other) -> Grads {
      return {c.needs(0) ? mul(c.grad, conj(other)) : Tensor(), c.needs(1) ? mul(c.grad, conj(self)) : Tensor()};
    }),
});

const auto div_op = define<&div>({
    .schema = "div(Tensor|Scalar self, Tensor|Scalar other, *, str? rounding_mode=None) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "divide",
    .doc = "self / other, elementwise. rounding_mode None gives a floating result, 'trunc' rounds towards zero, 'floor' down.\n\n"
           ">>> torch.div(torch.tensor([3., -3.]), 2, rounding_mode='floor')\ntensor([ 1., -2.])",
    .run = [](Out& out, const Tensor& self, const Tensor& other, std::optional<std::string_view> mode) {
      DType d = elementwise::promoted(self, other);
      if (!mode) {
        d = elementwise::floating(d);
        return elementwise::apply(out, elementwise::table<"div">(), "div", self, other, d, d);
      }
      if (is_integral(d)) check_divisor(other.dim() == 0 ? to(other, d) : other);  // a number may become zero: 256 as uint8
      // a quotient of halfs is rounded to a half first
      if (*mode == "trunc" && is_half(d)) return trunc(div(self, other));
      if (*mode == "trunc") return elementwise::apply(out, elementwise::table<"div_trunc">(), "div_trunc", self, other, d, d);
      KG_CHECK(*mode == "floor", "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '", *mode, "'");
      return elementwise::apply(out, elementwise::table<"div_floor">(), "div_floor", self, other, d, d);
    },
    .grad = vjp("self:other other", [](Ctx& c, const Tensor& self, const Tensor& other, std::optional<std::string_view> mode) -> Grads {
      if (mode) return {c.needs(0) ? mul(c.grad, wrapped_number(0)) : Tensor(), c.needs(1) ? mul(c.grad, wrapped_number(0)) : Tensor()};
      return {c.needs(0) ? div(c.grad, conj(other)) : Tensor(), c.needs(1) ? neg(mul(c.grad, conj(div(div(self, other), other)))) : Tensor()};
    }),
});

const auto neg_op = define<&neg>({
    .schema = "neg(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "negative",
    .doc = "-self, elementwise.\n\n>>> torch.neg(torch.tensor([1., -2.]))\ntensor([-1.,  2.])",
    .run = [](Out& out, const Tensor& self) {
      KG_CHECK(self.dtype() != DType::Bool, "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.");
      return same_unary<"neg">(out, self);
    },
    .grad = vjp("", [](Ctx& c, const Tensor&) -> Grads { return {neg(c.grad)}; }),
});

Dest onto(const Tensor& self) { return {Dest::Kind::Inplace, &self, 1}; }

}  // namespace

Tensor add(const Tensor& self, const Tensor& other, const Scalar& alpha) { return add_op(self, other, alpha); }
Tensor sub(const Tensor& self, const Tensor& other, const Scalar& alpha) { return sub_op(self, other, alpha); }
Tensor rsub(const Tensor& self, const Tensor& other, const Scalar& alpha) { return rsub_op(self, other, alpha); }
Tensor mul(const Tensor& self, const Tensor& other) { return mul_op(self, other); }
Tensor div(const Tensor& self, const Tensor& other, std::optional<std::string_view> rounding_mode) { return div_op(self, other, rounding_mode); }
Tensor neg(const Tensor& self) { return neg_op(self); }

void check_divisor(const Tensor& divisor) {
  if (divisor.is_meta() || divisor.numel() == 0) return;
  bool zero = divisor.dim() == 0 ? !divisor.item().to_bool() : any(eq(divisor, wrapped_number(0))).item<bool>();
  KG_CHECK(!zero, "ZeroDivisionError");
}

const Tensor& add_(const Tensor& self, const Tensor& other, const Scalar& alpha) { return add_op.into(onto(self), self, other, alpha), self; }
const Tensor& sub_(const Tensor& self, const Tensor& other, const Scalar& alpha) { return sub_op.into(onto(self), self, other, alpha), self; }
const Tensor& mul_(const Tensor& self, const Tensor& other) { return mul_op.into(onto(self), self, other), self; }
const Tensor& div_(const Tensor& self, const Tensor& other) { return div_op.into(onto(self), self, other, std::nullopt), self; }

}  // namespace kagari
