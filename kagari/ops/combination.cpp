#include "kagari/ops/combination.h"

#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/pointwise.h"

namespace kagari {
namespace {

constexpr unsigned everywhere = kFunction | kMethod | kInplace | kOut;

Tensor scaled(const Tensor& t, const Scalar& by) { return by == Scalar(1) ? t : t * (by.is_complex() ? Scalar(std::conj(by.to_complex_value())) : by); }

Tensor run_combination(Out& out, const elementwise::Table& table, std::string_view name, const Tensor& self, const Tensor& tensor1, const Tensor& tensor2,
                       const Scalar& value) {
  const Tensor* inputs[] = {&self, &tensor1, &tensor2};
  const Tensor all[] = {self, tensor1, tensor2};
  DType d = result_dtype(TensorList(all, 3));
  cpu::LoopParams p;
  if (value.is_complex()) p.set(0, value.to_complex_value());
  else p.set(0, value.to_double());
  if (is_integral(d)) p.set(0, value.to_int());
  return elementwise::apply(out, table, name, inputs, d, d, &p);
}

/// "float", "double": C++'s names of dtypes, as lerp's messages have them.
std::string_view short_name(DType t) { return t == DType::Float32 ? "float" : t == DType::Float64 ? "double" : t == DType::Int64 ? "long int" : name(t); }
void check_same_dtype(std::string_view argument, const Tensor& self, const Tensor& other) {
  KG_CHECK(self.dtype() == other.dtype(), "expected dtype ", short_name(self.dtype()), " for `", argument, "` but got dtype ", short_name(other.dtype()));
}

const auto atan2_op = define<&atan2>({
    .schema = "atan2(Tensor self, Tensor other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "arctan2",
    .doc = "The angle of the point (other, self) in radians.\n\n"
           ">>> torch.atan2(torch.tensor([1.]), torch.tensor([1.]))\ntensor([0.7854])",
    .run = floating_binary<"atan2">,
    .grad = vjp("self other", [](Ctx& c, const Tensor& self, const Tensor& other) -> Grads {
      Tensor g = c.grad / (self * self + other * other);
      return {c.needs(0) ? g * other : Tensor(), c.needs(1) ? -g * self : Tensor()};
    }),
});

const auto copysign_op = define<&copysign>({
    .schema = "copysign(Tensor self, Tensor|Scalar other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The magnitude of self with the sign of other.\n\n>>> torch.copysign(torch.tensor([1., -2.]), -1)\ntensor([-1., -2.])",
    .run = floating_binary<"copysign">,
    .grad = vjp("self out", [](Ctx& c, const Tensor& self, const Tensor&) -> Grads { return {c.needs(0) ? where(eq(self, wrapped_number(0)), wrapped_number(0), c.grad * (c.out() / self)) : Tensor(), c.needs(1) ? zeros_like(c.grad) : Tensor()}; }),
});

const auto nextafter_op = define<&nextafter>({
    .schema = "nextafter(Tensor self, Tensor other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The next number after self in the direction of other.\n\n"
           ">>> torch.nextafter(torch.tensor([1.]), torch.tensor([2.])) > 1\ntensor([True])",
    .run = promoting_binary<"nextafter">,
    .grad = vjp("self other", [](Ctx& c, const Tensor& self, const Tensor& other) -> Grads {
      return {where(eq(self, other), wrapped_number(0), c.grad), zeros_like(c.grad)};
    }),
});

const auto heaviside_op = define<&heaviside>({
    .schema = "heaviside(Tensor self, Tensor values) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "0 for negative, 1 for positive elements, and `values` at zero.\n\n"
           ">>> torch.heaviside(torch.tensor([-1., 0., 2.]), torch.tensor([0.5]))\ntensor([0.0000, 0.5000, 1.0000])",
    .run = [](Out& out, const Tensor& self, const Tensor& values) {
      KG_CHECK(!self.is_complex() && !values.is_complex(), "heaviside is not yet implemented for complex tensors.");
      KG_CHECK(self.dtype() == values.dtype(), "heaviside is not yet implemented for tensors with different dtypes.");
      return promoting_binary<"heaviside">(out, self, values);
    },
    .grad = no_grad("the result is piecewise constant"),
});

const auto addcmul_op = define<&addcmul>({
    .schema = "addcmul(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "self + value * tensor1 * tensor2.\n\n>>> torch.addcmul(torch.tensor([1.]), torch.tensor([2.]), torch.tensor([3.]), value=0.5)\ntensor([4.])",
    .run = [](Out& out, const Tensor& self, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value) {
      return run_combination(out, elementwise::table<"addcmul">(), "addcmul", self, tensor1, tensor2, value);
    },
    .grad = vjp("tensor1:tensor2 tensor2:tensor1", [](Ctx& c, const Tensor&, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value) -> Grads {
      Tensor g = scaled(c.grad, value);
      return {c.grad, c.needs(1) ? g * conj(tensor2) : Tensor(), c.needs(2) ? g * conj(tensor1) : Tensor()};
    }),
});

const auto addcdiv_op = define<&addcdiv>({
    .schema = "addcdiv(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "self + value * tensor1 / tensor2.\n\n>>> torch.addcdiv(torch.tensor([1.]), torch.tensor([3.]), torch.tensor([2.]), value=2)\ntensor([4.])",
    .run = [](Out& out, const Tensor& self, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value) {
      KG_CHECK(!is_integral(tensor1.dtype()) || !is_integral(tensor2.dtype()),
               "Integer division with addcdiv is no longer supported, and in a future  release addcdiv will perform a true division of tensor1 and tensor2. "
               "Convert the arguments to a floating dtype.");
      return run_combination(out, elementwise::table<"addcdiv">(), "addcdiv", self, tensor1, tensor2, value);
    },
    .grad = vjp("tensor1:tensor2 tensor2", [](Ctx& c, const Tensor&, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value) -> Grads {
      Tensor g = scaled(c.grad, value);
      return {c.grad, c.needs(1) ? g / conj(tensor2) : Tensor(), c.needs(2) ? -g * conj(tensor1 / (tensor2 * tensor2)) : Tensor()};
    }),
});

const auto lerp_op = define<&lerp>({
    .schema = "lerp.Tensor(Tensor self, Tensor end, Tensor weight) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "self + weight * (end - self). All three must have one dtype.\n\n"
           ">>> torch.lerp(torch.tensor([1.]), torch.tensor([3.]), torch.tensor([0.25]))\ntensor([1.5000])",
    .run = [](Out& out, const Tensor& self, const Tensor& end, const Tensor& weight) {
      check_same_dtype("end", self, end);
      check_same_dtype("weight", self, weight);
      const Tensor* inputs[] = {&self, &end, &weight};
      return elementwise::apply(out, elementwise::table<"lerp">(), "lerp", inputs, self.dtype(), self.dtype());
    },
    .grad = vjp("self:weight end:weight weight", [](Ctx& c, const Tensor& self, const Tensor& end, const Tensor& weight) -> Grads {
      return {c.needs(0) ? c.grad * conj(1 - weight) : Tensor(), c.needs(1) ? c.grad * conj(weight) : Tensor(), c.needs(2) ? c.grad * conj(end - self) : Tensor()};
    }),
});

const auto lerp_scalar_op = define<&lerp_scalar>({
    .schema = "lerp.Scalar(Tensor self, Tensor end, Scalar weight) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "self + weight * (end - self), with one number as the weight.\n\n>>> torch.lerp(torch.tensor([1.]), torch.tensor([3.]), 0.25)\ntensor([1.5000])",
    .run = [](Out& out, const Tensor& self, const Tensor& end, const Scalar& weight) {
      check_same_dtype("end", self, end);
      cpu::LoopParams p;
      p.set(0, weight.to_complex_value());
      return elementwise::apply(out, elementwise::table<"lerp_scalar">(), "lerp", self, end, self.dtype(), self.dtype(), &p);
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, const Tensor&, const Scalar& weight) -> Grads {
      std::complex<double> w = std::conj(weight.to_complex_value());
      Scalar to_end = weight.is_complex() ? Scalar(w) : weight, to_self = weight.is_complex() ? Scalar(1.0 - w) : Scalar(1 - weight.to_double());
      return {c.grad * to_self, c.grad * to_end};
    }),
});

}  // namespace

Tensor atan2(const Tensor& self, const Tensor& other) { return atan2_op(self, other); }
Tensor copysign(const Tensor& self, const Tensor& other) { return copysign_op(self, other); }
Tensor nextafter(const Tensor& self, const Tensor& other) { return nextafter_op(self, other); }
Tensor heaviside(const Tensor& self, const Tensor& values) { return heaviside_op(self, values); }
Tensor addcmul(const Tensor& self, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value) { return addcmul_op(self, tensor1, tensor2, value); }
Tensor addcdiv(const Tensor& self, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value) { return addcdiv_op(self, tensor1, tensor2, value); }
Tensor lerp(const Tensor& self, const Tensor& end, const Tensor& weight) { return lerp_op(self, end, weight); }
Tensor lerp_scalar(const Tensor& self, const Tensor& end, const Scalar& weight) { return lerp_scalar_op(self, end, weight); }

}  // namespace kagari
