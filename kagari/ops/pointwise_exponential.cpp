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

const auto exp2_op = define<&exp2>({
    .schema = "exp2(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "special_exp2",
    .doc = "2 raised to each element.\n\n>>> torch.exp2(torch.tensor([0., 3.]))\ntensor([1., 8.])",
    .run = floating_unary<"exp2">,
    .grad = vjp("out", [](Ctx& c, const Tensor&) -> Grads { return {c.grad * conj(c.out()) * 0.69314718055994530942}; }),
});

const auto expm1_op = define<&expm1>({
    .schema = "expm1(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "special_expm1",
    .doc = "exp(self) - 1, accurate near zero.\n\n>>> torch.expm1(torch.tensor([0., 1.]))\ntensor([0.0000, 1.7183])",
    .run = floating_unary<"expm1">,
    .grad = vjp("out", [](Ctx& c, const Tensor&) -> Grads { return {c.grad * conj(c.out() + 1)}; }),
});

const auto log_op = define<&log>({
    .schema = "log(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The natural logarithm of each element.\n\n>>> torch.log(torch.tensor([1., 2.]))\ntensor([0.0000, 0.6931])",
    .run = floating_unary<"log">,
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {c.grad / conj(self)}; }),
});

const auto log2_op = define<&log2>({
    .schema = "log2(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The logarithm to base 2.\n\n>>> torch.log2(torch.tensor([1., 8.]))\ntensor([0., 3.])",
    .run = floating_unary<"log2">,
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {c.grad / conj(self * 0.69314718055994530942)}; }),
});

const auto log10_op = define<&log10>({
    .schema = "log10(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The logarithm to base 10.\n\n>>> torch.log10(torch.tensor([1., 100.]))\ntensor([0., 2.])",
    .run = floating_unary<"log10">,
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {c.grad / conj(self * 2.30258509299404568402)}; }),
});

const auto log1p_op = define<&log1p>({
    .schema = "log1p(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "special_log1p",
    .doc = "log(1 + self), accurate near zero.\n\n>>> torch.log1p(torch.tensor([0., 1.]))\ntensor([0.0000, 0.6931])",
    .run = floating_unary<"log1p">,
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {c.grad / conj(self + 1)}; }),
});

const auto sqrt_op = define<&sqrt>({
    .schema = "sqrt(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The square root of each element.\n\n>>> torch.sqrt(torch.tensor([4., 2.]))\ntensor([2.0000, 1.4142])",
    .run = floating_unary<"sqrt">,
    .grad = vjp("out", [](Ctx& c, const Tensor&) -> Grads { return {c.grad / (2 * conj(c.out()))}; }),
});

const auto rsqrt_op = define<&rsqrt>({
    .schema = "rsqrt(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "1 / sqrt(self).\n\n>>> torch.rsqrt(torch.tensor([4., 2.]))\ntensor([0.5000, 0.7071])",
    .run = floating_unary<"rsqrt">,
    .grad = vjp("out", [](Ctx& c, const Tensor&) -> Grads { return {-0.5 * c.grad * conj(c.out() * c.out() * c.out())}; }),
});

const auto reciprocal_op = define<&reciprocal>({
    .schema = "reciprocal(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "1 / self.\n\n>>> torch.reciprocal(torch.tensor([4., 2.]))\ntensor([0.2500, 0.5000])",
    .run = floating_unary<"reciprocal">,
    .grad = vjp("out", [](Ctx& c, const Tensor&) -> Grads { return {-c.grad * conj(c.out() * c.out())}; }),
});

const auto square_op = define<&square>({
    .schema = "square(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "self * self. Bool gives int64.\n\n>>> torch.square(torch.tensor([3., -2.]))\ntensor([9., 4.])",
    .run = [](Out& out, const Tensor& self) {
      DType d = self.dtype() == DType::Bool ? DType::Int64 : self.dtype();
      return elementwise::apply(out, elementwise::table<"square">(), "square", self, d, d);
    },
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {c.grad * 2 * conj(self)}; }),
});

const auto sigmoid_op = define<&sigmoid>({
    .schema = "sigmoid(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "special_expit",
    .doc = "1 / (1 + exp(-self)).\n\n>>> torch.sigmoid(torch.tensor([0., 1.]))\ntensor([0.5000, 0.7311])",
    .run = floating_unary<"sigmoid">,
    .grad = vjp("out", [](Ctx& c, const Tensor&) -> Grads { return {c.grad * conj((1 - c.out()) * c.out())}; }),
});

}  // namespace

Tensor exp(const Tensor& self) { return exp_op(self); }
Tensor exp2(const Tensor& self) { return exp2_op(self); }
Tensor expm1(const Tensor& self) { return expm1_op(self); }
Tensor log(const Tensor& self) { return log_op(self); }
Tensor log2(const Tensor& self) { return log2_op(self); }
Tensor log10(const Tensor& self) { return log10_op(self); }
Tensor log1p(const Tensor& self) { return log1p_op(self); }
Tensor sqrt(const Tensor& self) { return sqrt_op(self); }
Tensor rsqrt(const Tensor& self) { return rsqrt_op(self); }
Tensor reciprocal(const Tensor& self) { return reciprocal_op(self); }
Tensor square(const Tensor& self) { return square_op(self); }
Tensor sigmoid(const Tensor& self) { return sigmoid_op(self); }

}  // namespace kagari
