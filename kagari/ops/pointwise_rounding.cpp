#include "kagari/ops/pointwise.h"

#include "kagari/ops/creation.h"
#include "kagari/ops/elementwise.h"

namespace kagari {
namespace {

constexpr unsigned everywhere = kFunction | kMethod | kInplace | kOut;

/// Integers are rounded already.
template <Name name>
Tensor rounded(Out& out, const Tensor& self) {
  KG_CHECK_IMPLEMENTED(!self.is_complex(), std::string_view(name), " is not supported for complex inputs");
  return is_integer(self.dtype()) ? elementwise::apply(out, elementwise::table<"maximum">(), name, self, self, self.dtype(), self.dtype()) : same_unary<name>(out, self);
}

const auto floor_op = define<&floor>({
    .schema = "floor(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The largest integer not above each element.\n\n>>> torch.floor(torch.tensor([1.5, -1.5]))\ntensor([ 1., -2.])",
    .run = rounded<"floor">,
    .grad = vjp("", [](Ctx& c, const Tensor&) -> Grads { return {zeros_like(c.grad)}; }),
});

const auto ceil_op = define<&ceil>({
    .schema = "ceil(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The smallest integer not below each element.\n\n>>> torch.ceil(torch.tensor([1.5, -1.5]))\ntensor([ 2., -1.])",
    .run = rounded<"ceil">,
    .grad = vjp("", [](Ctx& c, const Tensor&) -> Grads { return {zeros_like(c.grad)}; }),
});

const auto trunc_op = define<&trunc>({
    .schema = "trunc(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "fix",
    .doc = "Each element without its fraction.\n\n>>> torch.trunc(torch.tensor([1.5, -1.5]))\ntensor([ 1., -1.])",
    .run = rounded<"trunc">,
    .grad = vjp("", [](Ctx& c, const Tensor&) -> Grads { return {zeros_like(c.grad)}; }),
});

const auto round_op = define<&round>({
    .schema = "round(Tensor self, *, int decimals=0) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "special_round",
    .doc = "The nearest integer, or number with this many decimals; halves go to the even neighbour.\n\n"
           ">>> torch.round(torch.tensor([0.5, 1.5, 2.6]))\ntensor([0., 2., 3.])",
    .run = [](Out& out, const Tensor& self, int64_t decimals) {
      if (decimals == 0) return rounded<"round">(out, self);
      cpu::LoopParams p;
      p.set(0, decimals);
      return elementwise::apply(out, elementwise::table<"round_decimals">(), "round", self, self.dtype(), self.dtype(), &p);
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, int64_t) -> Grads { return {zeros_like(c.grad)}; }),
});

const auto frac_op = define<&frac>({
    .schema = "frac(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The fraction: self - trunc(self).\n\n>>> torch.frac(torch.tensor([1.5, -1.25]))\ntensor([ 0.5000, -0.2500])",
    .run = same_unary<"frac">,
    .grad = vjp("", [](Ctx& c, const Tensor&) -> Grads { return {c.grad}; }),
});

}  // namespace

Tensor floor(const Tensor& self) { return floor_op(self); }
Tensor ceil(const Tensor& self) { return ceil_op(self); }
Tensor trunc(const Tensor& self) { return trunc_op(self); }
Tensor round(const Tensor& self, int64_t decimals) { return round_op(self, decimals); }
Tensor frac(const Tensor& self) { return frac_op(self); }

}  // namespace kagari
