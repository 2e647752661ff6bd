#include "kagari/ops/quotient.h"

#include "kagari/ops/arithmetic.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/elementwise.h"

namespace kagari {
namespace {

constexpr unsigned everywhere = kFunction | kMethod | kInplace | kOut;

template <Name kernel>
Tensor dividing(Out& out, const Tensor& self, const Tensor& other) {
  elementwise::refuse_two_numbers(kernel, self, other);
  DType d = elementwise::promoted(self, other);
  if (is_integral(d)) check_divisor(other.dim() == 0 ? to(other, d) : other);  // a number may become zero: 256 as uint8
  return elementwise::apply(out, elementwise::table<kernel>(), kernel, self, other, d, d);
}

const auto floor_divide_op = define<&floor_divide>({
    .schema = "floor_divide(Tensor|Scalar self, Tensor|Scalar other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "self / other, rounded down.\n\n>>> torch.floor_divide(torch.tensor([7., -7.]), 2)\ntensor([ 3., -4.])",
    .run = dividing<"div_floor">,
    .grad = no_grad("the result is piecewise constant"),
});

const auto remainder_op = define<&remainder>({
    .schema = "remainder(Tensor|Scalar self, Tensor|Scalar other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "self - other * floor(self / other): it has the sign of the divisor.\n\n"
           ">>> torch.remainder(torch.tensor([7., -7.]), 3)\ntensor([1., 2.])",
    .run = dividing<"remainder">,
    .grad = vjp("self:other other:other", [](Ctx& c, const Tensor& self, const Tensor& other) -> Grads {
      return {c.grad, c.needs(1) ? -c.grad * div(self, other, "floor") : Tensor()};
    }),
});

const auto fmod_op = define<&fmod>({
    .schema = "fmod(Tensor self, Tensor|Scalar other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "self - other * trunc(self / other): it has the sign of self.\n\n"
           ">>> torch.fmod(torch.tensor([7., -7.]), 3)\ntensor([ 1., -1.])",
    .run = dividing<"fmod">,
    .grad = vjp("self:other other:other", [](Ctx& c, const Tensor& self, const Tensor& other) -> Grads {
      return {c.grad, c.needs(1) ? -c.grad * div(self, other, "trunc") : Tensor()};
    }),
});

const auto true_divide_op = compose<&true_divide>({
    .schema = "true_divide(Tensor|Scalar self, Tensor|Scalar other) -> Tensor",
    .in = everywhere,
    .doc = "self / other with a floating result: div without rounding.\n\n>>> torch.true_divide(torch.tensor([1, 2]), 2)\ntensor([0.5000, 1.0000])",
    .body = [](const Tensor& self, const Tensor& other) { return div(self, other); },
});

const auto gcd_op = define<&gcd>({
    .schema = "gcd(Tensor self, Tensor other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The greatest common divisor of integers.\n\n"
           ">>> torch.gcd(torch.tensor([12, 9]), torch.tensor([8, 6]))\ntensor([4, 3])",
    .run = promoting_binary<"gcd">,
    .grad = no_grad("the result is an integer"),
});

const auto lcm_op = define<&lcm>({
    .schema = "lcm(Tensor self, Tensor other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The least common multiple of integers.\n\n>>> torch.lcm(torch.tensor([4, 9]), torch.tensor([6, 6]))\ntensor([12, 18])",
    .run = promoting_binary<"lcm">,
    .grad = no_grad("the result is an integer"),
});

}  // namespace

Tensor floor_divide(const Tensor& self, const Tensor& other) { return floor_divide_op(self, other); }
Tensor remainder(const Tensor& self, const Tensor& other) { return remainder_op(self, other); }
Tensor fmod(const Tensor& self, const Tensor& other) { return fmod_op(self, other); }
Tensor true_divide(const Tensor& self, const Tensor& other) { return true_divide_op(self, other); }
Tensor gcd(const Tensor& self, const Tensor& other) { return gcd_op(self, other); }
Tensor lcm(const Tensor& self, const Tensor& other) { return lcm_op(self, other); }

}  // namespace kagari
