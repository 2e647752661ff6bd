#include "kagari/ops/bounds.h"

#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/logic.h"
#include "kagari/ops/pointwise.h"

namespace kagari {
namespace {

constexpr unsigned everywhere = kFunction | kMethod | kInplace | kOut;

using MaybeScalar = std::optional<Scalar>;

/// The gradient goes to the chosen element, and in halves to equal ones.
Grads shared(Ctx& c, const Tensor& second, const Tensor& tie) {
  Tensor half = where(tie, c.grad / 2, c.grad), zero = wrapped_number(0);
  return {c.needs(0) ? where(second, zero, half) : Tensor(), c.needs(1) ? where(logical_or(second, tie), half, zero) : Tensor()};
}

void check_limits(const Tensor& self, bool min, bool max) {
  KG_CHECK(min || max, "torch.clamp: At least one of 'min' or 'max' must not be None");
  KG_CHECK_IMPLEMENTED(!self.is_complex(), "clamp is not supported for complex types");
}

Tensor run_clamp(Out& out, const Tensor& self, const MaybeScalar& min, const MaybeScalar& max) {
  check_limits(self, bool(min), bool(max));
  DType d = self.dtype();
  cpu::LoopParams p;
  int slot = 0;
  for (const MaybeScalar& limit : {min, max}) {
    if (limit) {
      KG_CHECK_IMPLEMENTED(!limit->is_complex(), "clamp is not supported for complex types");
      d = promote(d, elementwise::promoted(self, wrapped_number(*limit)));
      if (limit->is_integral()) p.set(slot, limit->to_int());
      else p.set(slot, limit->to_double());
    }
    p.integer[slot + 2] = bool(limit);
    ++slot;
  }
  return elementwise::apply(out, elementwise::table<"clamp_scalar">(), "clamp", self, d, d, &p);
}

const auto maximum_op = define<&maximum>({
    .schema = "maximum(Tensor self, Tensor other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The larger of two elements; NaN if one is NaN.\n\n"
           ">>> torch.maximum(torch.tensor([1., 5.]), torch.tensor([2., 4.]))\ntensor([2., 5.])",
    .run = [](Out& out, const Tensor& self, const Tensor& other) {
      KG_CHECK(!self.is_complex() && !other.is_complex(), "maximum not implemented for complex tensors.");
      return promoting_binary<"maximum">(out, self, other);
    },
    .grad = vjp("self other", [](Ctx& c, const Tensor& self, const Tensor& other) -> Grads {
      return shared(c, lt(self, other), eq(self, other));
    }),
});

const auto max_other_op = compose<&maximum>({
    .schema = "max.other(Tensor self, Tensor other) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The larger of two elements: maximum.\n\n>>> torch.max(torch.tensor([1., 5.]), torch.tensor([2., 4.]))\ntensor([2., 5.])",
    .body = maximum,
});

const auto minimum_op = define<&minimum>({
    .schema = "minimum(Tensor self, Tensor other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The smaller of two elements; NaN if one is NaN.\n\n"
           ">>> torch.minimum(torch.tensor([1., 5.]), torch.tensor([2., 4.]))\ntensor([1., 4.])",
    .run = [](Out& out, const Tensor& self, const Tensor& other) {
      KG_CHECK(!self.is_complex() && !other.is_complex(), "minimum not implemented for complex tensors.");
      return promoting_binary<"minimum">(out, self, other);
    },
    .grad = vjp("self other", [](Ctx& c, const Tensor& self, const Tensor& other) -> Grads {
      return shared(c, gt(self, other), eq(self, other));
    }),
});

const auto min_other_op = compose<&minimum>({
    .schema = "min.other(Tensor self, Tensor other) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The smaller of two elements: minimum.\n\n>>> torch.min(torch.tensor([1., 5.]), torch.tensor([2., 4.]))\ntensor([1., 4.])",
    .body = minimum,
});

const auto fmax_op = define<&fmax>({
    .schema = "fmax(Tensor self, Tensor other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The larger of two elements; a NaN is ignored if the other is none.\n\n"
           ">>> torch.fmax(torch.tensor([1., 5.]), torch.tensor([2., 4.]))\ntensor([2., 5.])",
    .run = promoting_binary<"fmax">,
    .grad = vjp("self other", [](Ctx& c, const Tensor& self, const Tensor& other) -> Grads {
      Tensor first = logical_or(ge(self, other), isnan(other));
      return {where(first, c.grad, wrapped_number(0)), where(first, wrapped_number(0), c.grad)};
    }),
});

const auto fmin_op = define<&fmin>({
    .schema = "fmin(Tensor self, Tensor other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The smaller of two elements; a NaN is ignored if the other is none.\n\n"
           ">>> torch.fmin(torch.tensor([1., 5.]), torch.tensor([2., 4.]))\ntensor([1., 4.])",
    .run = promoting_binary<"fmin">,
    .grad = vjp("self other", [](Ctx& c, const Tensor& self, const Tensor& other) -> Grads {
      Tensor first = logical_or(le(self, other), isnan(other));
      return {where(first, c.grad, wrapped_number(0)), where(first, wrapped_number(0), c.grad)};
    }),
});

const auto clamp_op = define<&clamp>({
    .schema = "clamp(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "clip",
    .doc = "Each element, but not less than `min` and not more than `max`.\n\n>>> torch.clamp(torch.tensor([-1., 0.5, 3.]), 0, 1)\ntensor([0.0000, 0.5000, 1.0000])",
    .run = run_clamp,
    .grad = vjp("self", [](Ctx& c, const Tensor& self, const MaybeScalar& min, const MaybeScalar& max) -> Grads {
      if (!min && !max) return {c.grad};
      Tensor inside = !max ? self >= *min : !min ? self <= *max : logical_and(self >= *min, self <= *max);
      return {where(inside, c.grad, wrapped_number(0))};
    }),
});

const auto clamp_tensor_op = define<&clamp_tensor>({
    .schema = "clamp.Tensor(Tensor self, Tensor? min=None, Tensor? max=None) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "clip",
    .doc = "Each element, but not less than that of `min` and not more than that of `max`.\n\n"
           ">>> torch.clamp(torch.tensor([-1., 3.]), torch.tensor([0., 0.]), torch.tensor([1., 2.]))\ntensor([0., 2.])",
    .run = [](Out& out, const Tensor& self, const Tensor& min, const Tensor& max) {
      check_limits(self, min.defined(), max.defined());
      const Tensor* inputs[] = {&self, &min, &max};
      if (!min.defined() || !max.defined()) {
        const Tensor& limit = min.defined() ? min : max;
        return (min.defined() ? promoting_binary<"maximum"> : promoting_binary<"minimum">)(out, self, limit);
      }
      const Tensor all[] = {self, min, max};
      DType d = result_dtype(TensorList(all, 3));
      return elementwise::apply(out, elementwise::table<"clamp">(), "clamp", inputs, d, d);
    },
    .grad = vjp("self min max", [](Ctx& c, const Tensor& self, const Tensor& min, const Tensor& max) -> Grads {
      // two limits that cross: the upper one holds
      Tensor below = min.defined() ? lt(self, min) : Tensor(), above = max.defined() ? gt(self, max) : Tensor();
      if (below.defined() && above.defined()) {
        below = logical_and(below, lt(min, max));
        above = logical_or(above, lt(max, min));
      }
      Tensor zero = wrapped_number(0);
      Tensor outside = !above.defined() ? below : !below.defined() ? above : logical_or(below, above);
      return {c.needs(0) ? where(outside, zero, c.grad) : Tensor(), below.defined() && c.needs(1) ? where(below, c.grad, zero) : Tensor(),
              above.defined() && c.needs(2) ? where(above, c.grad, zero) : Tensor()};
    }),
});

const auto clamp_min_op = compose<&clamp_min>({
    .schema = "clamp_min(Tensor self, Scalar min) -> Tensor",
    .in = everywhere,
    .doc = "Each element, but not less than `min`.\n\n>>> torch.clamp_min(torch.tensor([-1., 3.]), 1)\ntensor([1., 3.])",
    .body = [](const Tensor& self, const Scalar& min) { return clamp(self, min, {}); },
});
const auto clamp_min_tensor_op = compose<&clamp_min_tensor>({
    .schema = "clamp_min.Tensor(Tensor self, Tensor min) -> Tensor",
    .in = everywhere,
    .doc = "Each element, but not less than that of `min`.\n\n>>> torch.clamp_min(torch.tensor([-1., 3.]), torch.tensor([1., 1.]))\ntensor([1., 3.])",
    .body = [](const Tensor& self, const Tensor& min) { return clamp_tensor(self, min, Tensor()); },
});

const auto clamp_max_op = compose<&clamp_max>({
    .schema = "clamp_max(Tensor self, Scalar max) -> Tensor",
    .in = everywhere,
    .doc = "Each element, but not more than `max`.\n\n>>> torch.clamp_max(torch.tensor([-1., 3.]), 1)\ntensor([-1.,  1.])",
    .body = [](const Tensor& self, const Scalar& max) { return clamp(self, {}, max); },
});
const auto clamp_max_tensor_op = compose<&clamp_max_tensor>({
    .schema = "clamp_max.Tensor(Tensor self, Tensor max) -> Tensor",
    .in = everywhere,
    .doc = "Each element, but not more than that of `max`.\n\n>>> torch.clamp_max(torch.tensor([-1., 3.]), torch.tensor([1., 1.]))\ntensor([-1.,  1.])",
    .body = [](const Tensor& self, const Tensor& max) { return clamp_tensor(self, Tensor(), max); },
});

}  // namespace

Tensor maximum(const Tensor& self, const Tensor& other) { return maximum_op(self, other); }
Tensor minimum(const Tensor& self, const Tensor& other) { return minimum_op(self, other); }
Tensor fmax(const Tensor& self, const Tensor& other) { return fmax_op(self, other); }
Tensor fmin(const Tensor& self, const Tensor& other) { return fmin_op(self, other); }
Tensor clamp(const Tensor& self, const MaybeScalar& min, const MaybeScalar& max) { return clamp_op(self, min, max); }
Tensor clamp_tensor(const Tensor& self, const Tensor& min, const Tensor& max) { return clamp_tensor_op(self, min, max); }
Tensor clamp_min(const Tensor& self, const Scalar& min) { return clamp_min_op(self, min); }
Tensor clamp_max(const Tensor& self, const Scalar& max) { return clamp_max_op(self, max); }
Tensor clamp_min_tensor(const Tensor& self, const Tensor& min) { return clamp_min_tensor_op(self, min); }
Tensor clamp_max_tensor(const Tensor& self, const Tensor& max) { return clamp_max_tensor_op(self, max); }

}  // namespace kagari
