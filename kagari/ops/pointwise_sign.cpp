#include "kagari/ops/pointwise.h"

#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

constexpr unsigned everywhere = kFunction | kMethod | kInplace | kOut;

const auto abs_op = define<&abs>({
    .schema = "abs(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "absolute",
    .doc = "The absolute value; of complex numbers, the modulus.\n\n>>> torch.abs(torch.tensor([-1., 2.]))\ntensor([1., 2.])",
    .run = [](Out& out, const Tensor& self) {
      DType d = self.dtype();
      if (self.is_complex()) {
        Tensor same = out.dest(self.sizes(), d);
        KG_CHECK(!same.defined() || !same.is_same(self), "In-place abs is not supported for complex tensors.");
      }
      return elementwise::apply(out, elementwise::table<"abs">(), "abs", self, d, to_real(d));
    },
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {c.grad * sgn(self)}; }),
});

const auto sign_op = define<&sign>({
    .schema = "sign(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "-1, 0 or 1. Not for complex numbers.\n\n>>> torch.sign(torch.tensor([-3., 0., 2.]))\ntensor([-1.,  0.,  1.])",
    .run = [](Out& out, const Tensor& self) {
      KG_CHECK_IMPLEMENTED(!self.is_complex(), "Unlike NumPy, torch.sign is not intended to support complex numbers. Please use torch.sgn instead.");
      return same_unary<"sign">(out, self);
    },
    .grad = vjp("", [](Ctx& c, const Tensor&) -> Grads { return {zeros_like(c.grad)}; }),
});

const auto sgn_op = define<&sgn>({
    .schema = "sgn(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "self / |self|, and 0 at zero.\n\n>>> torch.sgn(torch.tensor([-3., 0., 2.]))\ntensor([-1.,  0.,  1.])",
    .run = same_unary<"sgn">,
    .grad = vjp("self out", [](Ctx& c, const Tensor& self) -> Grads {
      if (!self.is_complex()) return {zeros_like(c.grad)};
      Tensor s = c.out(), size = abs(self);
      Tensor g = (c.grad - s * real(c.grad * conj(s))) / size;
      return {where(eq(size, wrapped_number(0)), wrapped_number(0), g)};
    }),
});

const auto angle_op = define<&angle>({
    .schema = "angle(Tensor self) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .traits = kElementwise,
    .doc = "The argument of complex numbers; 0 or pi for real ones.\n\n>>> torch.angle(torch.tensor([-1., 2.]))\ntensor([3.1416, 0.0000])",
    .run = [](Out& out, const Tensor& self) {
      DType d = self.dtype();
      if (is_integral(d)) return elementwise::apply(out, elementwise::table<"angle">(), "angle", self, DType::Int64, DType::Float32);
      return elementwise::apply(out, elementwise::table<"angle">(), "angle", self, d, to_real(d));
    },
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads {
      if (!self.is_complex()) return {zeros_like(c.grad)};
      Tensor size = abs(self);
      Tensor turned = self * Scalar(std::complex<double>(0, 1));
      return {where(eq(size, wrapped_number(0)), wrapped_number(0), turned / (size * size) * c.grad)};
    }),
});

const auto conj_op = define<&conj>({
    .schema = "conj_physical(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "conj",
    .doc = "The complex conjugate of each element; a real tensor is returned as it is.\n\n>>> torch.conj(torch.tensor([1+2j]))\ntensor([1.-2.j])",
    .run = [](Out& out, const Tensor& self) { return self.is_complex() ? same_unary<"conj">(out, self) : self; },
    .grad = vjp("", [](Ctx& c, const Tensor&) -> Grads { return {conj(c.grad)}; }),
});

const auto positive_op = compose<&positive>({
    .schema = "positive(Tensor self) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "self itself: what +self gives.\n\n>>> torch.positive(torch.tensor([1., -2.]))\ntensor([ 1., -2.])",
    .body = [](const Tensor& self) {
      KG_CHECK(self.dtype() != DType::Bool, "The `+` operator, on a bool tensor is not supported.");
      return self;
    },
});

const auto nan_to_num_op = define<&nan_to_num>({
    .schema = "nan_to_num(Tensor self, float? nan=None, float? posinf=None, float? neginf=None) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "NaN and infinities replaced, by default by 0 and the largest and smallest numbers of the dtype.\n\n"
           ">>> torch.nan_to_num(torch.tensor([float('nan'), 1.]))\ntensor([0., 1.])",
    .run = [](Out& out, const Tensor& self, std::optional<double> nan, std::optional<double> posinf, std::optional<double> neginf) {
      DType d = self.dtype();
      if (is_integral(d)) return elementwise::apply(out, elementwise::table<"maximum">(), "nan_to_num", self, self, d, d);
      DType part = to_real(d);
      double largest = part == DType::Float64 ? std::numeric_limits<double>::max() : part == DType::Float16 ? 65504.0 : part == DType::BFloat16 ? 0x1.fep127 : double(std::numeric_limits<float>::max());
      cpu::LoopParams p;
      p.set(0, nan.value_or(0));
      p.set(1, posinf.value_or(largest));
      p.set(2, neginf.value_or(-largest));
      if (!self.is_complex()) return elementwise::apply(out, elementwise::table<"nan_to_num">(), "nan_to_num", self, d, d, &p);
      Out parts;
      return view_as_complex(elementwise::apply(parts, elementwise::table<"nan_to_num">(), "nan_to_num", contiguous(view_as_real(self)), part, part, &p));
    },
    .grad = vjp("self", [](Ctx& c, const Tensor& self, std::optional<double>, std::optional<double>, std::optional<double>) -> Grads { return {where(isfinite(self), c.grad, wrapped_number(0))}; }),
});

}  // namespace

Tensor abs(const Tensor& self) { return abs_op(self); }
Tensor sign(const Tensor& self) { return sign_op(self); }
Tensor sgn(const Tensor& self) { return sgn_op(self); }
Tensor angle(const Tensor& self) { return angle_op(self); }
Tensor conj(const Tensor& self) { return self.is_complex() ? conj_op(self) : self; }
Tensor positive(const Tensor& self) { return positive_op(self); }
Tensor nan_to_num(const Tensor& self, std::optional<double> nan, std::optional<double> posinf, std::optional<double> neginf) {
  return nan_to_num_op(self, nan, posinf, neginf);
}

}  // namespace kagari
