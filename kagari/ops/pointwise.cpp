#include "kagari/ops/pointwise.h"

#include "kagari/ops/arithmetic.h"
#include "kagari/ops/elementwise.h"

namespace kagari {
namespace {

constexpr unsigned everywhere = kFunction | kMethod | kInplace | kOut;

const auto exp_op = define<&exp>({
    .schema = "exp(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "e raised to each element.\n\n>>> torch.exp(torch.tensor([0., 1.]))\ntensor([1.0000, 2.7183])",
    .run = floating_unary<"exp">,
    .grad = vjp("out", [](Ctx& c, const Tensor&) -> Grads { return {c.grad * conj(c.out())}; }),
});

const auto log_op = define<&log>({
    .schema = "log(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The natural logarithm of each element.\n\n>>> torch.log(torch.tensor([1., 2.]))\ntensor([0.0000, 0.6931])",
    .run = floating_unary<"log">,
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {c.grad / conj(self)}; }),
});

const auto tanh_op = define<&tanh>({
    .schema = "tanh(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The hyperbolic tangent of each element.\n\n>>> torch.tanh(torch.tensor([0., 1.]))\ntensor([0.0000, 0.7616])",
    .run = floating_unary<"tanh">,
    .grad = vjp("out", [](Ctx& c, const Tensor&) -> Grads {
      Tensor y = conj(c.out());
      return {c.grad * (1 - y * y)};
    }),
});

const auto sqrt_op = define<&sqrt>({
    .schema = "sqrt(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The square root of each element.\n\n>>> torch.sqrt(torch.tensor([4., 2.]))\ntensor([2.0000, 1.4142])",
    .run = floating_unary<"sqrt">,
    .grad = vjp("out", [](Ctx& c, const Tensor&) -> Grads { return {c.grad / (2 * conj(c.out()))}; }),
});

const auto conj_op = define<&conj>({
    .schema = "conj(Tensor self) -> Tensor",
    .in = kFunction | kMethod,
    .aliases = "conj_physical",
    .doc = "The complex conjugate of each element; a real tensor is returned as it is.\n\n>>> torch.conj(torch.tensor([1+2j]))\ntensor([1.-2.j])",
    .run = [](Out& out, const Tensor& self) { return self.is_complex() ? same_unary<"conj">(out, self) : self; },
    .grad = vjp("", [](Ctx& c, const Tensor&) -> Grads { return {conj(c.grad)}; }),
});

const auto isnan_op = define<&isnan>({
    .schema = "isnan(Tensor self) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "Which elements are NaN.\n\n>>> torch.isnan(torch.tensor([1., float('nan')]))\ntensor([False,  True])",
    .run = [](Out& out, const Tensor& self) {
      if (!is_integral(self.dtype())) return predicate_unary<"isnan">(out, self);
      return elementwise::converted(out.alloc(self.sizes(), DType::Bool, self.device()), DType::Bool);
    },
    .grad = no_grad("the result is bool"),
});

}  // namespace

Tensor exp(const Tensor& self) { return exp_op(self); }
Tensor log(const Tensor& self) { return log_op(self); }
Tensor tanh(const Tensor& self) { return tanh_op(self); }
Tensor sqrt(const Tensor& self) { return sqrt_op(self); }
Tensor conj(const Tensor& self) { return self.is_complex() ? conj_op(self) : self; }
Tensor isnan(const Tensor& self) { return isnan_op(self); }

}  // namespace kagari
