// Bessel functions and their like.
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/special_functions.h"

namespace kagari {
namespace {

constexpr unsigned everywhere = kFunction | kMethod | kInplace | kOut;
constexpr auto no_derivative = no_grad("its derivative is not implemented");

const auto i0_op = define<&i0>({
    .schema = "i0(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "special_i0",
    .doc = "The modified Bessel function of the first kind of order 0.\n\n>>> torch.i0(torch.tensor([0., 1.]))\ntensor([1.0000, 1.2661])",
    .run = floating_unary<"i0">,
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {c.grad * i1(self)}; }),
});

const auto i0e_op = define<&i0e>({
    .schema = "special_i0e(Tensor self) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "exp(-|self|) * i0(self).\n\n>>> torch.special.i0e(torch.tensor([0., 1.]))\ntensor([1.0000, 0.4658])",
    .run = floating_unary<"i0e">,
    .grad = vjp("self out", [](Ctx& c, const Tensor& self) -> Grads { return {c.grad * (i1e(self) - sgn(self) * c.out())}; }),
});

const auto i1_op = define<&i1>({
    .schema = "special_i1(Tensor self) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "The modified Bessel function of the first kind of order 1.\n\n>>> torch.special.i1(torch.tensor([0., 1.]))\ntensor([0.0000, 0.5652])",
    .run = floating_unary<"i1">,
    .grad = vjp("self out", [](Ctx& c, const Tensor& self) -> Grads {
      Tensor zero = eq(self, wrapped_number(0)), divisor = where(zero, wrapped_number(1), self);
      return {c.grad * where(zero, wrapped_number(0.5), i0(self) - c.out() / divisor)};
    }),
});

const auto i1e_op = define<&i1e>({
    .schema = "special_i1e(Tensor self) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "exp(-|self|) * i1(self).\n\n>>> torch.special.i1e(torch.tensor([0., 1.]))\ntensor([0.0000, 0.2079])",
    .run = floating_unary<"i1e">,
    .grad = vjp("self out", [](Ctx& c, const Tensor& self) -> Grads {
      Tensor zero = eq(self, wrapped_number(0)), divisor = where(zero, wrapped_number(1), self);
      return {c.grad * where(zero, wrapped_number(0.5), i0e(self) - c.out() * (sgn(self) + 1 / divisor))};
    }),
});

const auto bessel_j0_op = define<&bessel_j0>({
    .schema = "special_bessel_j0(Tensor self) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "The Bessel function of the first kind of order 0.\n\n>>> torch.special.bessel_j0(torch.tensor([0., 1.]))\ntensor([1.0000, 0.7652])",
    .run = floating_unary<"bessel_j0">,
    .grad = no_derivative,
});

const auto bessel_j1_op = define<&bessel_j1>({
    .schema = "special_bessel_j1(Tensor self) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "The Bessel function of the first kind of order 1.\n\n>>> torch.special.bessel_j1(torch.tensor([0., 1.]))\ntensor([0.0000, 0.4401])",
    .run = floating_unary<"bessel_j1">,
    .grad = no_derivative,
});

const auto bessel_y0_op = define<&bessel_y0>({
    .schema = "special_bessel_y0(Tensor self) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "The Bessel function of the second kind of order 0.\n\n>>> torch.special.bessel_y0(torch.tensor([1., 2.]))\ntensor([0.0883, 0.5104])",
    .run = floating_unary<"bessel_y0">,
    .grad = no_derivative,
});

const auto bessel_y1_op = define<&bessel_y1>({
    .schema = "special_bessel_y1(Tensor self) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "The Bessel function of the second kind of order 1.\n\n>>> torch.special.bessel_y1(torch.tensor([1., 2.]))\ntensor([-0.7812, -0.1070])",
    .run = floating_unary<"bessel_y1">,
    .grad = no_derivative,
});

const auto modified_bessel_i0_op = define<&modified_bessel_i0>({
    .schema = "special_modified_bessel_i0(Tensor self) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "The modified Bessel function of the first kind of order 0, without gradient.\n\n>>> torch.special.modified_bessel_i0(torch.tensor([0., 1.]))\ntensor([1.0000, 1.2661])",
    .run = floating_unary<"i0">,
    .grad = no_derivative,
});

const auto modified_bessel_i1_op = define<&modified_bessel_i1>({
    .schema = "special_modified_bessel_i1(Tensor self) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "The modified Bessel function of the first kind of order 1, without gradient.\n\n>>> torch.special.modified_bessel_i1(torch.tensor([0., 1.]))\ntensor([0.0000, 0.5652])",
    .run = floating_unary<"i1">,
    .grad = no_derivative,
});

const auto modified_bessel_k0_op = define<&modified_bessel_k0>({
    .schema = "special_modified_bessel_k0(Tensor self) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "The modified Bessel function of the second kind of order 0.\n\n>>> torch.special.modified_bessel_k0(torch.tensor([1., 2.]))\ntensor([0.4210, 0.1139])",
    .run = floating_unary<"modified_bessel_k0">,
    .grad = no_derivative,
});

const auto modified_bessel_k1_op = define<&modified_bessel_k1>({
    .schema = "special_modified_bessel_k1(Tensor self) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "The modified Bessel function of the second kind of order 1.\n\n>>> torch.special.modified_bessel_k1(torch.tensor([1., 2.]))\ntensor([0.6019, 0.1399])",
    .run = floating_unary<"modified_bessel_k1">,
    .grad = no_derivative,
});

const auto scaled_modified_bessel_k0_op = define<&scaled_modified_bessel_k0>({
    .schema = "special_scaled_modified_bessel_k0(Tensor self) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "exp(self) * modified_bessel_k0(self).\n\n>>> torch.special.scaled_modified_bessel_k0(torch.tensor([1., 2.]))\ntensor([1.1445, 0.8416])",
    .run = floating_unary<"scaled_modified_bessel_k0">,
    .grad = no_derivative,
});

const auto scaled_modified_bessel_k1_op = define<&scaled_modified_bessel_k1>({
    .schema = "special_scaled_modified_bessel_k1(Tensor self) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "exp(self) * modified_bessel_k1(self).\n\n>>> torch.special.scaled_modified_bessel_k1(torch.tensor([1., 2.]))\ntensor([1.6362, 1.0335])",
    .run = floating_unary<"scaled_modified_bessel_k1">,
    .grad = no_derivative,
});

const auto spherical_bessel_j0_op = define<&spherical_bessel_j0>({
    .schema = "special_spherical_bessel_j0(Tensor self) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "sin(self) / self.\n\n>>> torch.special.spherical_bessel_j0(torch.tensor([0., 1.]))\ntensor([1.0000, 0.8415])",
    .run = floating_unary<"spherical_bessel_j0">,
    .grad = no_derivative,
});

const auto airy_ai_op = define<&airy_ai>({
    .schema = "special_airy_ai(Tensor self) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "The Airy function Ai.\n\n>>> torch.special.airy_ai(torch.tensor([0., 1.]))\ntensor([0.3550, 0.1353])",
    .run = floating_unary<"airy_ai">,
    .grad = no_derivative,
});

}  // namespace

Tensor i0(const Tensor& self) { return i0_op(self); }
Tensor i0e(const Tensor& self) { return i0e_op(self); }
Tensor i1(const Tensor& self) { return i1_op(self); }
Tensor i1e(const Tensor& self) { return i1e_op(self); }
Tensor bessel_j0(const Tensor& self) { return bessel_j0_op(self); }
Tensor bessel_j1(const Tensor& self) { return bessel_j1_op(self); }
Tensor bessel_y0(const Tensor& self) { return bessel_y0_op(self); }
Tensor bessel_y1(const Tensor& self) { return bessel_y1_op(self); }
Tensor modified_bessel_i0(const Tensor& self) { return modified_bessel_i0_op(self); }
Tensor modified_bessel_i1(const Tensor& self) { return modified_bessel_i1_op(self); }
Tensor modified_bessel_k0(const Tensor& self) { return modified_bessel_k0_op(self); }
Tensor modified_bessel_k1(const Tensor& self) { return modified_bessel_k1_op(self); }
Tensor scaled_modified_bessel_k0(const Tensor& self) { return scaled_modified_bessel_k0_op(self); }
Tensor scaled_modified_bessel_k1(const Tensor& self) { return scaled_modified_bessel_k1_op(self); }
Tensor spherical_bessel_j0(const Tensor& self) { return spherical_bessel_j0_op(self); }
Tensor airy_ai(const Tensor& self) { return airy_ai_op(self); }

}  // namespace kagari
