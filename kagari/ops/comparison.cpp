#include "kagari/ops/comparison.h"

#include "kagari/ops/elementwise.h"
#include "kagari/ops/reduce.h"

namespace kagari {
namespace {

constexpr unsigned everywhere = kFunction | kMethod | kInplace | kOut;
constexpr auto bool_result = no_grad("the result is bool");

const auto eq_op = define<&eq>({
    .schema = "eq(Tensor self, Tensor|Scalar other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "self == other, elementwise.\n\n>>> torch.eq(torch.tensor([1, 2, 3]), 2)\ntensor([False,  True, False])",
    .run = comparing_binary<"eq">,
    .grad = bool_result,
});

const auto ne_op = define<&ne>({
    .schema = "ne(Tensor self, Tensor|Scalar other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "not_equal",
    .doc = "self != other, elementwise.\n\n>>> torch.ne(torch.tensor([1, 2, 3]), 2)\ntensor([ True, False,  True])",
    .run = comparing_binary<"ne">,
    .grad = bool_result,
});

const auto lt_op = define<&lt>({
    .schema = "lt(Tensor self, Tensor|Scalar other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "less",
    .doc = "self < other, elementwise.\n\n>>> torch.lt(torch.tensor([1, 2, 3]), 2)\ntensor([ True, False, False])",
    .run = comparing_binary<"lt">,
    .grad = bool_result,
});

const auto le_op = define<&le>({
    .schema = "le(Tensor self, Tensor|Scalar other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "less_equal",
    .doc = "self <= other, elementwise.\n\n>>> torch.le(torch.tensor([1, 2, 3]), 2)\ntensor([ True,  True, False])",
    .run = comparing_binary<"le">,
    .grad = bool_result,
});

const auto gt_op = define<&gt>({
    .schema = "gt(Tensor self, Tensor|Scalar other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "greater",
    .doc = "self > other, elementwise.\n\n>>> torch.gt(torch.tensor([1, 2, 3]), 2)\ntensor([False, False,  True])",
    .run = comparing_binary<"gt">,
    .grad = bool_result,
});

const auto ge_op = define<&ge>({
    .schema = "ge(Tensor self, Tensor|Scalar other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "greater_equal",
    .doc = "self >= other, elementwise.\n\n>>> torch.ge(torch.tensor([1, 2, 3]), 2)\ntensor([False,  True,  True])",
    .run = comparing_binary<"ge">,
    .grad = bool_result,
});

cpu::LoopParams tolerances(double rtol, double atol, bool equal_nan) {
  KG_CHECK(rtol >= 0, "rtol must be greater than or equal to zero, but got ", rtol);
  KG_CHECK(atol >= 0, "atol must be greater than or equal to zero, but got ", atol);
  cpu::LoopParams p;
  p.set(0, rtol);
  p.set(1, atol);
  p.set(2, int64_t(equal_nan));
  return p;
}

const auto isclose_op = define<&isclose>({
    .schema = "isclose(Tensor self, Tensor other, float rtol=1e-05, float atol=1e-08, bool equal_nan=False) -> Tensor",
    .in = kFunction | kMethod,
    .traits = kElementwise,
    .doc = "Whether |self - other| <= atol + rtol * |other|, elementwise. Both must have one dtype.\n\n"
           ">>> torch.isclose(torch.tensor([1., 2.]), torch.tensor([1.0000001, 2.1]))\ntensor([ True, False])",
    .run = [](Out& out, const Tensor& self, const Tensor& other, double rtol, double atol, bool equal_nan) {
      KG_CHECK(self.dtype() == other.dtype(), legacy_name(self.dtype()), " did not match ", legacy_name(other.dtype()));
      cpu::LoopParams p = tolerances(rtol, atol, equal_nan);
      return elementwise::apply(out, elementwise::table<"isclose">(), "isclose", self, other, self.dtype(), DType::Bool, &p);
    },
    .grad = bool_result,
});

const auto allclose_op = compose<&allclose>({
    .schema = "allclose(Tensor self, Tensor other, float rtol=1e-05, float atol=1e-08, bool equal_nan=False) -> bool",
    .in = kFunction | kMethod,
    .doc = "Whether all elements are close: see isclose.\n\n>>> torch.allclose(torch.tensor([1.]), torch.tensor([1.0000001]))\nTrue",
    .body = [](const Tensor& self, const Tensor& other, double rtol, double atol, bool equal_nan) {
      return all(isclose(self, other, rtol, atol, equal_nan)).item<bool>();
    },
});

const auto equal_op = compose<&equal>({
    .schema = "equal(Tensor self, Tensor other) -> bool",
    .in = kFunction | kMethod,
    .doc = "Whether sizes and all elements are the same.\n\n>>> torch.equal(torch.tensor([1, 2]), torch.tensor([1, 2]))\nTrue",
    .body = [](const Tensor& self, const Tensor& other) { return self.sizes() == other.sizes() && all(eq(self, other)).item<bool>(); },
});

Tensor run_where(Out& out, const Tensor& condition, const Tensor& self, const Tensor& other) {
  KG_CHECK(condition.dtype() == DType::Bool || condition.dtype() == DType::UInt8, "where expected condition to be a boolean tensor, but got a tensor with dtype ",
           legacy_name(condition.dtype()));
  DType dtype = elementwise::promoted(self, other);
  const Tensor* inputs[] = {&condition, &self, &other};
  Ints sizes = broadcast_sizes(broadcast_sizes(condition.sizes(), self.sizes()), other.sizes());
  Device device = condition.dim() > 0 || condition.is_meta() ? condition.device() : self.dim() > 0 || self.is_meta() ? self.device() : other.device();
  for (const Tensor* t : inputs)
    KG_CHECK(t->device() == device || t->dim() == 0, "Expected condition, x and y to be on the same device, but condition is on ", condition.device(),
             " and x and y are on ", self.device(), " and ", other.device(), " respectively");
  Tensor y = out.dest(sizes, dtype);
  if (!y.defined()) {
    Ints strides = cpu::result_strides(sizes, inputs);
    y = strides.empty() ? empty_tensor(sizes, dtype, device) : empty_strided_tensor(sizes, strides, dtype, device);
  }
  if (device.is_meta()) return y;
  Tensor a = elementwise::converted(self, dtype), b = elementwise::converted(other, dtype);
  const Tensor* operands[] = {&y, &condition, &a, &b};
  cpu::run_elementwise(elementwise::table<"where">()[dtype], nullptr, operands);
  return y;
}

const auto where_op = define<&where>({
    .schema = "where.self(Tensor condition, Tensor|Scalar input, Tensor|Scalar other) -> Tensor",
    .in = kFunction | kOut,
    .doc = "`input` where `condition` is true, `other` elsewhere, with broadcasting and type promotion.\n\n"
           ">>> torch.where(torch.tensor([True, False]), torch.tensor([1., 2.]), 0.)\ntensor([1., 0.])",
    .run = run_where,
    .grad = vjp("condition", [](Ctx& c, const Tensor& condition, const Tensor&, const Tensor&) -> Grads {
      Tensor zero = wrapped_number(0);
      return {Tensor(), c.needs(1) ? where(condition, c.grad, zero) : Tensor(), c.needs(2) ? where(condition, zero, c.grad) : Tensor()};
    }),
});

Tensor where_method(const Tensor& self, const Tensor& condition, const Tensor& other) { return where(condition, self, other); }
const auto where_method_op = compose<&where_method>({
    .schema = "where.method(Tensor self, Tensor condition, Tensor|Scalar other) -> Tensor",
    .in = kMethod,
    .doc = "self where `condition` is true, `other` elsewhere.\n\n>>> torch.tensor([1., 2.]).where(torch.tensor([True, False]), 0.)\ntensor([1., 0.])",
    .body = where_method,
});

}  // namespace

Tensor eq(const Tensor& self, const Tensor& other) { return eq_op(self, other); }
Tensor ne(const Tensor& self, const Tensor& other) { return ne_op(self, other); }
Tensor lt(const Tensor& self, const Tensor& other) { return lt_op(self, other); }
Tensor le(const Tensor& self, const Tensor& other) { return le_op(self, other); }
Tensor gt(const Tensor& self, const Tensor& other) { return gt_op(self, other); }
Tensor ge(const Tensor& self, const Tensor& other) { return ge_op(self, other); }
Tensor isclose(const Tensor& self, const Tensor& other, double rtol, double atol, bool equal_nan) { return isclose_op(self, other, rtol, atol, equal_nan); }
bool allclose(const Tensor& self, const Tensor& other, double rtol, double atol, bool equal_nan) { return allclose_op(self, other, rtol, atol, equal_nan); }
bool equal(const Tensor& self, const Tensor& other) { return equal_op(self, other); }
Tensor where(const Tensor& condition, const Tensor& self, const Tensor& other) { return where_op(condition, self, other); }

}  // namespace kagari
