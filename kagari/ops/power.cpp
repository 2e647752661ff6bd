#include "kagari/ops/power.h"

#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/logic.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

constexpr unsigned everywhere = kFunction | kMethod | kInplace | kOut;

/// Numbers as exponents that have a simpler kernel.
Tensor run_pow(Out& out, const Tensor& self, const Tensor& exponent) {
  elementwise::refuse_two_numbers("pow", self, exponent);
  DType d = elementwise::promoted(self, exponent);
  if (exponent.is_wrapped_number()) {
    Scalar e = exponent.item();
    KG_CHECK(!is_integral(d) || d == DType::Bool || e.to_double() >= 0, "Integers to negative integer powers are not allowed.");
    auto apply = [&](const elementwise::Table& table) { return elementwise::apply(out, table, "pow", self, d, d); };
    if (d != DType::Bool && e == Scalar(2)) return apply(elementwise::table<"square">());
    if (d != DType::Bool && e == Scalar(3)) return apply(elementwise::table<"cube">());
    if (is_differentiable(d)) {
      if (e == Scalar(0.5)) return apply(elementwise::table<"sqrt">());
      if (e == Scalar(-1)) return apply(elementwise::table<"reciprocal">());
      if (e == Scalar(-0.5)) return apply(elementwise::table<"rsqrt">());
    }
  }
  return elementwise::apply(out, elementwise::table<"pow">(), "pow", self, exponent, d, d);
}

const auto pow_op = define<&pow>({
    .schema = "pow(Tensor|Scalar self, Tensor|Scalar exponent) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "self raised to the power `exponent`. Integers to negative integer powers are refused.\n\n"
           ">>> torch.pow(torch.tensor([1., 2., 3.]), 2)\ntensor([1., 4., 9.])",
    .run = run_pow,
    .grad = vjp("self exponent", [](Ctx& c, const Tensor& self, const Tensor& exponent) -> Grads {
      Tensor to_self, to_exponent;
      if (c.needs(0)) {
        Tensor slope = exponent * pow(self, exponent - 1);
        to_self = c.grad * conj(where(eq(exponent, wrapped_number(0)), wrapped_number(0), slope));
      }
      if (c.needs(1)) {
        Tensor y = pow(self, exponent);
        Tensor flat = exponent.is_complex() ? eq(self, wrapped_number(0)) : logical_and(eq(self, wrapped_number(0)), exponent >= 0);
        to_exponent = c.grad * conj(where(flat, wrapped_number(0), y * log(self)));
      }
      return {to_self, to_exponent};
    }),
});

const auto float_power_op = compose<&float_power>({
    .schema = "float_power(Tensor|Scalar self, Tensor|Scalar exponent) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "self raised to a power in float64 (complex128).\n\n>>> torch.float_power(torch.tensor([2, 3]), 2)\ntensor([4., 9.], dtype=torch.float64)",
    .body = [](const Tensor& self, const Tensor& exponent) {
      DType d = self.is_complex() || exponent.is_complex() ? DType::Complex128 : DType::Float64;
      elementwise::refuse_two_numbers("float_power", self, exponent);
      return pow(to(self, d), to(exponent, d));
    },
});
Tensor float_power_inplace(const Tensor& self, const Tensor& exponent) {
  DType d = self.is_complex() || exponent.is_complex() ? DType::Complex128 : DType::Float64;
  KG_CHECK(self.dtype() == d, "the base given to float_power_ has dtype ", legacy_name(self.dtype()), " but the operation's result requires dtype ",
           legacy_name(d));
  return pow_op.into({Dest::Kind::Inplace, &self, 1}, self, to(exponent, d));
}
const auto float_power_inplace_op = compose<&float_power_inplace>({
    .schema = "float_power_(Tensor self, Tensor|Scalar exponent) -> Tensor",
    .in = kMethod,
    .doc = "float_power in place; self must be float64 (complex128).",
    .body = float_power_inplace,
});

const auto hypot_op = define<&hypot>({
    .schema = "hypot(Tensor self, Tensor other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "sqrt(self^2 + other^2), without overflow.\n\n>>> torch.hypot(torch.tensor([3.]), torch.tensor([4.]))\ntensor([5.])",
    .run = floating_binary<"hypot">,
    .grad = vjp("self other out", [](Ctx& c, const Tensor& self, const Tensor& other) -> Grads { return {c.needs(0) ? c.grad * (self / c.out()) : Tensor(), c.needs(1) ? c.grad * (other / c.out()) : Tensor()}; }),
});

const auto logaddexp_op = define<&logaddexp>({
    .schema = "logaddexp(Tensor self, Tensor other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "log(exp(self) + exp(other)), without overflow.\n\n"
           ">>> torch.logaddexp(torch.tensor([0.]), torch.tensor([0.]))\ntensor([0.6931])",
    .run = [](Out& out, const Tensor& self, const Tensor& other) {
      if (!self.is_complex() && !other.is_complex()) return floating_binary<"logaddexp">(out, self, other);
      Tensor swap = lt(real(self), real(other));
      Tensor high = where(swap, other, self), low = where(swap, self, other);
      return high + log(1 + exp(low - high));
    },
    .grad = vjp("self other", [](Ctx& c, const Tensor& self, const Tensor& other) -> Grads { return {c.needs(0) ? c.grad / conj(1 + exp(other - self)) : Tensor(), c.needs(1) ? c.grad / conj(1 + exp(self - other)) : Tensor()}; }),
});

const auto logaddexp2_op = define<&logaddexp2>({
    .schema = "logaddexp2(Tensor self, Tensor other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "log2(2^self + 2^other), without overflow.\n\n"
           ">>> torch.logaddexp2(torch.tensor([0.]), torch.tensor([0.]))\ntensor([1.])",
    .run = floating_binary<"logaddexp2">,
    .grad = vjp("self other", [](Ctx& c, const Tensor& self, const Tensor& other) -> Grads { return {c.needs(0) ? c.grad / (1 + exp2(other - self)) : Tensor(), c.needs(1) ? c.grad / (1 + exp2(self - other)) : Tensor()}; }),
});

const auto xlogy_op = define<&xlogy>({
    .schema = "xlogy(Tensor|Scalar self, Tensor|Scalar other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "special_xlogy",
    .doc = "self * log(other), and 0 where self is 0.\n\n"
           ">>> torch.xlogy(torch.tensor([0., 2.]), torch.tensor([0., 1.]))\ntensor([0., 0.])",
    .run = floating_binary<"xlogy">,
    .grad = vjp("self other", [](Ctx& c, const Tensor& self, const Tensor& other) -> Grads {
      Tensor flat = logical_and(eq(self, wrapped_number(0)), other <= 0);
      return {c.needs(0) ? where(flat, wrapped_number(0), c.grad * log(other)) : Tensor(), c.needs(1) ? c.grad * self / other : Tensor()};
    }),
});

const auto xlog1py_op = define<&xlog1py>({
    .schema = "special_xlog1py(Tensor|Scalar self, Tensor|Scalar other) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "self * log(1 + other), and 0 where self is 0.\n\n"
           ">>> torch.special.xlog1py(torch.tensor([0., 2.]), torch.tensor([0., 0.]))\ntensor([0., 0.])",
    .run = floating_binary<"xlog1py">,
    .grad = vjp("self other", [](Ctx& c, const Tensor& self, const Tensor& other) -> Grads {
      Tensor flat = logical_and(eq(self, wrapped_number(0)), other <= -1);
      return {c.needs(0) ? where(flat, wrapped_number(0), c.grad * log1p(other)) : Tensor(), c.needs(1) ? c.grad * self / (other + 1) : Tensor()};
    }),
});

const auto ldexp_op = compose<&ldexp>({
    .schema = "ldexp(Tensor self, Tensor other) -> Tensor",
    .in = everywhere,
    .doc = "self * 2^other.\n\n>>> torch.ldexp(torch.tensor([1.]), torch.tensor([3]))\ntensor([8.])",
    .body = [](const Tensor& self, const Tensor& other) { return self * pow(wrapped_number(2.0), other); },
});

}  // namespace

Tensor pow(const Tensor& self, const Tensor& exponent) { return pow_op(self, exponent); }
Tensor float_power(const Tensor& self, const Tensor& exponent) { return float_power_op(self, exponent); }
Tensor hypot(const Tensor& self, const Tensor& other) { return hypot_op(self, other); }
Tensor logaddexp(const Tensor& self, const Tensor& other) { return logaddexp_op(self, other); }
Tensor logaddexp2(const Tensor& self, const Tensor& other) { return logaddexp2_op(self, other); }
Tensor xlogy(const Tensor& self, const Tensor& other) { return xlogy_op(self, other); }
Tensor xlog1py(const Tensor& self, const Tensor& other) { return xlog1py_op(self, other); }
Tensor ldexp(const Tensor& self, const Tensor& other) { return ldexp_op(self, other); }

}  // namespace kagari
