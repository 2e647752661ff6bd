#include "kagari/ops/pointwise.h"

#include "kagari/ops/comparison.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

/// Integers and bool have one answer for all elements.
Tensor of_integers(Out& out, const Tensor& self, bool answer, Tensor (*otherwise)(Out&, const Tensor&)) {
  if (!is_integral(self.dtype())) return otherwise(out, self);
  Tensor y = out.alloc(self.sizes(), DType::Bool, self.device());
  if (!y.is_meta()) {
    const Tensor* operands[] = {&y};
    cpu::run_elementwise(elementwise::table<"fill">()[DType::Bool], &answer, operands);
  }
  return y;
}

const auto isnan_op = define<&isnan>({
    .schema = "isnan(Tensor self) -> Tensor",
    .in = kFunction | kMethod,
    .traits = kElementwise,
    .doc = "Which elements are NaN.\n\n>>> torch.isnan(torch.tensor([1., float('nan')]))\ntensor([False,  True])",
    .run = [](Out& out, const Tensor& self) { return of_integers(out, self, false, predicate_unary<"isnan">); },
    .grad = no_grad("the result is bool"),
});

const auto isinf_op = define<&isinf>({
    .schema = "isinf(Tensor self) -> Tensor",
    .in = kFunction | kMethod,
    .traits = kElementwise,
    .doc = "Which elements are infinite.\n\n>>> torch.isinf(torch.tensor([1., float('-inf')]))\ntensor([False,  True])",
    .run = [](Out& out, const Tensor& self) { return of_integers(out, self, false, predicate_unary<"isinf">); },
    .grad = no_grad("the result is bool"),
});

const auto isfinite_op = define<&isfinite>({
    .schema = "isfinite(Tensor self) -> Tensor",
    .in = kFunction | kMethod,
    .traits = kElementwise,
    .doc = "Which elements are neither infinite nor NaN.\n\n>>> torch.isfinite(torch.tensor([1., float('inf')]))\ntensor([ True, False])",
    .run = [](Out& out, const Tensor& self) { return of_integers(out, self, true, predicate_unary<"isfinite">); },
    .grad = no_grad("the result is bool"),
});

const auto isposinf_op = define<&isposinf>({
    .schema = "isposinf(Tensor self) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .traits = kElementwise,
    .doc = "Which elements are +infinity.\n\n>>> torch.isposinf(torch.tensor([float('inf'), float('-inf')]))\ntensor([ True, False])",
    .run = [](Out& out, const Tensor& self) {
      KG_CHECK(!self.is_complex(), "isposinf does not support complex inputs.");
      return of_integers(out, self, false, predicate_unary<"isposinf">);
    },
    .grad = no_grad("the result is bool"),
});

const auto isneginf_op = define<&isneginf>({
    .schema = "isneginf(Tensor self) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .traits = kElementwise,
    .doc = "Which elements are -infinity.\n\n>>> torch.isneginf(torch.tensor([float('inf'), float('-inf')]))\ntensor([False,  True])",
    .run = [](Out& out, const Tensor& self) {
      KG_CHECK(!self.is_complex(), "isneginf does not support complex inputs.");
      return of_integers(out, self, false, predicate_unary<"isneginf">);
    },
    .grad = no_grad("the result is bool"),
});

const auto signbit_op = define<&signbit>({
    .schema = "signbit(Tensor self) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .traits = kElementwise,
    .doc = "Which elements have their sign bit set.\n\n>>> torch.signbit(torch.tensor([1., -0.]))\ntensor([False,  True])",
    .run = predicate_unary<"signbit">,
    .grad = no_grad("the result is bool"),
});

const auto isreal_op = compose<&isreal>({
    .schema = "isreal(Tensor self) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "Which elements have no imaginary part.\n\n>>> torch.isreal(torch.tensor([1+1j, 2+0j]))\ntensor([False,  True])",
    .body = [](const Tensor& self) {
      return self.is_complex() ? eq(imag(self), wrapped_number(0)) : ones_like(self, {.dtype = DType::Bool, .layout = {}, .device = {}});
    },
});

}  // namespace

Tensor isnan(const Tensor& self) { return isnan_op(self); }
Tensor isinf(const Tensor& self) { return isinf_op(self); }
Tensor isfinite(const Tensor& self) { return isfinite_op(self); }
Tensor isposinf(const Tensor& self) { return isposinf_op(self); }
Tensor isneginf(const Tensor& self) { return isneginf_op(self); }
Tensor signbit(const Tensor& self) { return signbit_op(self); }
Tensor isreal(const Tensor& self) { return isreal_op(self); }

}  // namespace kagari
