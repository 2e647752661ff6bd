#include "kagari/ops/pointwise.h"

#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/elementwise.h"

namespace kagari {
namespace {

constexpr unsigned everywhere = kFunction | kMethod | kInplace | kOut;

constexpr double pi = 3.14159265358979323846;

const auto sin_op = define<&sin>({
    .schema = "sin(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The sine, of radians.\n\n>>> torch.sin(torch.tensor([0., 1.]))\ntensor([0.0000, 0.8415])",
    .run = floating_unary<"sin">,
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {c.grad * conj(cos(self))}; }),
});

const auto cos_op = define<&cos>({
    .schema = "cos(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The cosine, of radians.\n\n>>> torch.cos(torch.tensor([0., 1.]))\ntensor([1.0000, 0.5403])",
    .run = floating_unary<"cos">,
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {-c.grad * conj(sin(self))}; }),
});

const auto tan_op = define<&tan>({
    .schema = "tan(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The tangent, of radians.\n\n>>> torch.tan(torch.tensor([0., 1.]))\ntensor([0.0000, 1.5574])",
    .run = floating_unary<"tan">,
    .grad = vjp("out", [](Ctx& c, const Tensor&) -> Grads { return {c.grad * conj(1 + c.out() * c.out())}; }),
});

const auto asin_op = define<&asin>({
    .schema = "asin(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "arcsin",
    .doc = "The inverse sine, in radians.\n\n>>> torch.asin(torch.tensor([0., 1.]))\ntensor([0.0000, 1.5708])",
    .run = floating_unary<"asin">,
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {c.grad * conj(rsqrt(1 - self * self))}; }),
});

const auto acos_op = define<&acos>({
    .schema = "acos(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "arccos",
    .doc = "The inverse cosine, in radians.\n\n>>> torch.acos(torch.tensor([0., 1.]))\ntensor([1.5708, 0.0000])",
    .run = floating_unary<"acos">,
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {-c.grad * conj(rsqrt(1 - self * self))}; }),
});

const auto atan_op = define<&atan>({
    .schema = "atan(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "arctan",
    .doc = "The inverse tangent, in radians.\n\n>>> torch.atan(torch.tensor([0., 1.]))\ntensor([0.0000, 0.7854])",
    .run = floating_unary<"atan">,
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {c.grad / conj(self * self + 1)}; }),
});

const auto sinh_op = define<&sinh>({
    .schema = "sinh(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The hyperbolic sine.\n\n>>> torch.sinh(torch.tensor([0., 1.]))\ntensor([0.0000, 1.1752])",
    .run = floating_unary<"sinh">,
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {c.grad * conj(cosh(self))}; }),
});

const auto cosh_op = define<&cosh>({
    .schema = "cosh(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The hyperbolic cosine.\n\n>>> torch.cosh(torch.tensor([0., 1.]))\ntensor([1.0000, 1.5431])",
    .run = floating_unary<"cosh">,
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {c.grad * conj(sinh(self))}; }),
});

const auto tanh_op = define<&tanh>({
    .schema = "tanh(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The hyperbolic tangent.\n\n>>> torch.tanh(torch.tensor([0., 1.]))\ntensor([0.0000, 0.7616])",
    .run = floating_unary<"tanh">,
    .grad = vjp("out", [](Ctx& c, const Tensor&) -> Grads {
      Tensor y = conj(c.out());
      return {c.grad * (1 - y * y)};
    }),
});

const auto asinh_op = define<&asinh>({
    .schema = "asinh(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "arcsinh",
    .doc = "The inverse hyperbolic sine.\n\n>>> torch.asinh(torch.tensor([0., 1.]))\ntensor([0.0000, 0.8814])",
    .run = floating_unary<"asinh">,
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {c.grad * conj(rsqrt(self * self + 1))}; }),
});

const auto acosh_op = define<&acosh>({
    .schema = "acosh(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "arccosh",
    .doc = "The inverse hyperbolic cosine.\n\n>>> torch.acosh(torch.tensor([1., 2.]))\ntensor([0.0000, 1.3170])",
    .run = floating_unary<"acosh">,
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {c.grad * conj(rsqrt(self * self - 1))}; }),
});

const auto atanh_op = define<&atanh>({
    .schema = "atanh(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "arctanh",
    .doc = "The inverse hyperbolic tangent.\n\n>>> torch.atanh(torch.tensor([0., 0.5]))\ntensor([0.0000, 0.5493])",
    .run = floating_unary<"atanh">,
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {c.grad / conj(1 - self * self)}; }),
});

const auto sinc_op = define<&sinc>({
    .schema = "sinc(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "special_sinc",
    .doc = "sin(pi self) / (pi self), and 1 at zero.\n\n>>> torch.sinc(torch.tensor([0., 0.5]))\ntensor([1.0000, 0.6366])",
    .run = floating_unary<"sinc">,
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads {
      Tensor t = self * pi;
      Tensor slope = conj((t * cos(t) - sin(t)) / (t * self));
      return {where(eq(self, wrapped_number(0)), wrapped_number(0), c.grad * slope)};
    }),
});

const auto deg2rad_op = define<&deg2rad>({
    .schema = "deg2rad(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "Degrees to radians.\n\n>>> torch.deg2rad(torch.tensor([180., 90.]))\ntensor([3.1416, 1.5708])",
    .run = floating_unary<"deg2rad">,
    .grad = vjp("", [](Ctx& c, const Tensor&) -> Grads { return {c.grad * (pi / 180)}; }),
});

const auto rad2deg_op = define<&rad2deg>({
    .schema = "rad2deg(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "Radians to degrees.\n\n>>> torch.rad2deg(torch.tensor([1., 2.]))\ntensor([ 57.2958, 114.5916])",
    .run = floating_unary<"rad2deg">,
    .grad = vjp("", [](Ctx& c, const Tensor&) -> Grads { return {c.grad * (180 / pi)}; }),
});

}  // namespace

Tensor sin(const Tensor& self) { return sin_op(self); }
Tensor cos(const Tensor& self) { return cos_op(self); }
Tensor tan(const Tensor& self) { return tan_op(self); }
Tensor asin(const Tensor& self) { return asin_op(self); }
Tensor acos(const Tensor& self) { return acos_op(self); }
Tensor atan(const Tensor& self) { return atan_op(self); }
Tensor sinh(const Tensor& self) { return sinh_op(self); }
Tensor cosh(const Tensor& self) { return cosh_op(self); }
Tensor tanh(const Tensor& self) { return tanh_op(self); }
Tensor asinh(const Tensor& self) { return asinh_op(self); }
Tensor acosh(const Tensor& self) { return acosh_op(self); }
Tensor atanh(const Tensor& self) { return atanh_op(self); }
Tensor sinc(const Tensor& self) { return sinc_op(self); }
Tensor deg2rad(const Tensor& self) { return deg2rad_op(self); }
Tensor rad2deg(const Tensor& self) { return rad2deg_op(self); }

}  // namespace kagari
