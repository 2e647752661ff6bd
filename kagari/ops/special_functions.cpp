#include "kagari/ops/special_functions.h"

#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/pointwise.h"

namespace kagari {
namespace {

constexpr unsigned everywhere = kFunction | kMethod | kInplace | kOut;
constexpr double two_over_root_pi = 1.12837916709551257390;  // 2 / sqrt(pi)
constexpr double root_two_pi = 2.50662827463100050242;
constexpr double log_pi = 1.14472988584940017414;

const auto erf_op = define<&erf>({
    .schema = "erf(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "special_erf",
    .doc = "The error function.\n\n>>> torch.erf(torch.tensor([0., 1.]))\ntensor([0.0000, 0.8427])",
    .run = floating_unary<"erf">,
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {c.grad * exp(-self * self) * two_over_root_pi}; }),
});

const auto erfc_op = define<&erfc>({
    .schema = "erfc(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "special_erfc",
    .doc = "1 - erf(self), accurate for large elements.\n\n>>> torch.erfc(torch.tensor([0., 1.]))\ntensor([1.0000, 0.1573])",
    .run = floating_unary<"erfc">,
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {-c.grad * exp(-self * self) * two_over_root_pi}; }),
});

const auto erfinv_op = define<&erfinv>({
    .schema = "erfinv(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "special_erfinv",
    .doc = "The inverse of erf.\n\n>>> torch.erfinv(torch.tensor([0., 0.5]))\ntensor([0.0000, 0.4769])",
    .run = floating_unary<"erfinv">,
    .grad = vjp("out", [](Ctx& c, const Tensor&) -> Grads { return {c.grad * exp(c.out() * c.out()) / two_over_root_pi}; }),
});

const auto erfcx_op = define<&erfcx>({
    .schema = "special_erfcx(Tensor self) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "exp(self^2) * erfc(self).\n\n>>> torch.special.erfcx(torch.tensor([0., 1.]))\ntensor([1.0000, 0.4276])",
    .run = floating_unary<"erfcx">,
    .grad = vjp("self out", [](Ctx& c, const Tensor& self) -> Grads { return {c.grad * (2 * self * c.out() - two_over_root_pi)}; }),
});

const auto lgamma_op = define<&lgamma>({
    .schema = "lgamma(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "special_gammaln",
    .doc = "The logarithm of |gamma(self)|.\n\n>>> torch.lgamma(torch.tensor([1., 0.5]))\ntensor([0.0000, 0.5724])",
    .run = floating_unary<"lgamma">,
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {c.grad * digamma(self)}; }),
});

const auto digamma_op = define<&digamma>({
    .schema = "digamma(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "special_digamma special_psi",
    .doc = "The derivative of lgamma.\n\n>>> torch.digamma(torch.tensor([1., 0.5]))\ntensor([-0.5772, -1.9635])",
    .run = floating_unary<"digamma">,
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {c.grad * polygamma(1, self)}; }),
});

const auto ndtr_op = define<&ndtr>({
    .schema = "special_ndtr(Tensor self) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "The distribution function of the normal distribution.\n\n>>> torch.special.ndtr(torch.tensor([0., 1.]))\ntensor([0.5000, 0.8413])",
    .run = floating_unary<"ndtr">,
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {c.grad * exp(self * self * -0.5) / root_two_pi}; }),
});

const auto log_ndtr_op = define<&log_ndtr>({
    .schema = "special_log_ndtr(Tensor self) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "The logarithm of ndtr, accurate where it is tiny.\n\n>>> torch.special.log_ndtr(torch.tensor([0., -10.]))\ntensor([ -0.6931, -53.2313])",
    .run = floating_unary<"log_ndtr">,
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {c.grad * (2 / root_two_pi) / erfcx(self * -0.70710678118654752440)}; }),
});

const auto ndtri_op = define<&ndtri>({
    .schema = "special_ndtri(Tensor self) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "The inverse of ndtr.\n\n>>> torch.special.ndtri(torch.tensor([0.5, 0.9]))\ntensor([0.0000, 1.2816])",
    .run = floating_unary<"ndtri">,
    .grad = vjp("out", [](Ctx& c, const Tensor&) -> Grads { return {c.grad * exp(c.out() * c.out() * 0.5) * root_two_pi}; }),
});

const auto entr_op = define<&entr>({
    .schema = "special_entr(Tensor self) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "-self * log(self): 0 at 0, minus infinity below.\n\n>>> torch.special.entr(torch.tensor([0., 0.5]))\ntensor([0.0000, 0.3466])",
    .run = floating_unary<"entr">,
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads { return {where(isnan(self), self, where(self > 0, c.grad * (-log(self) - 1), wrapped_number(-std::numeric_limits<double>::infinity())))}; }),
});

const auto igamma_op = define<&igamma>({
    .schema = "igamma(Tensor self, Tensor other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "special_gammainc",
    .doc = "The regularised lower incomplete gamma function P(self, other).\n\n>>> torch.igamma(torch.tensor([1.]), torch.tensor([1.]))\ntensor([0.6321])",
    .run = promoting_binary<"igamma">,
    .grad = vjp("self other", [](Ctx& c, const Tensor& self, const Tensor& other) -> Grads {
      KG_CHECK_IMPLEMENTED(!c.needs(0), "the derivative for 'self' is not implemented: igamma");
      return {Tensor(), c.grad * exp((self - 1) * log(other) - other - lgamma(self))};
    }),
});

const auto igammac_op = define<&igammac>({
    .schema = "igammac(Tensor self, Tensor other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .aliases = "special_gammaincc",
    .doc = "The regularised upper incomplete gamma function Q(self, other).\n\n>>> torch.igammac(torch.tensor([1.]), torch.tensor([1.]))\ntensor([0.3679])",
    .run = promoting_binary<"igammac">,
    .grad = vjp("self other", [](Ctx& c, const Tensor& self, const Tensor& other) -> Grads {
      KG_CHECK_IMPLEMENTED(!c.needs(0), "the derivative for 'self' is not implemented: igammac");
      return {Tensor(), -c.grad * exp((self - 1) * log(other) - other - lgamma(self))};
    }),
});

const auto zeta_op = define<&zeta>({
    .schema = "special_zeta(Tensor|Scalar self, Tensor|Scalar other) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "Hurwitz' zeta function: the sum over k >= 0 of (k + other)^-self.\n\n>>> torch.special.zeta(torch.tensor([2.]), torch.tensor([1.]))\ntensor([1.6449])",
    .run = floating_binary<"zeta">,
    .grad = vjp("self other", [](Ctx& c, const Tensor& self, const Tensor& other) -> Grads {
      KG_CHECK_IMPLEMENTED(!c.needs(0), "the derivative for 'self' is not implemented: special_zeta");
      return {Tensor(), -c.grad * self * zeta(self + 1, other)};
    }),
});

const auto polygamma_op = define<&polygamma>({
    .schema = "polygamma(int n, Tensor self) -> Tensor",
    .in = kFunction | kOut,
    .aliases = "special_polygamma",
    .doc = "The n-th derivative of digamma.\n\n>>> torch.polygamma(1, torch.tensor([1., 0.5]))\ntensor([1.6449, 4.9348])",
    .run = [](Out& out, int64_t n, const Tensor& self) {
      KG_CHECK(n >= 0, "polygamma(n, x) does not support negative n.");
      if (n == 0) return floating_unary<"digamma">(out, self);
      cpu::LoopParams p;
      p.set(0, n);
      DType d = elementwise::floating(self.dtype());
      return elementwise::apply(out, elementwise::table<"polygamma">(), "polygamma", self, d, d, &p);
    },
    .grad = vjp("self", [](Ctx& c, int64_t n, const Tensor& self) -> Grads { return {c.grad * polygamma(n + 1, self)}; }),
});

Tensor polygamma_method(const Tensor& self, int64_t n) { return polygamma(n, self); }
const auto polygamma_method_op = define<&polygamma_method>({
    .schema = "polygamma.method(Tensor self, int n) -> Tensor",
    .in = kMethod | kInplace,
    .doc = "The n-th derivative of digamma.",
    .run = [](Out&, const Tensor& self, int64_t n) { return polygamma(n, self); },
    .grad = vjp("self", [](Ctx& c, const Tensor& self, int64_t n) -> Grads { return {c.grad * polygamma(n + 1, self)}; }),
    .node_name = "PolygammaBackward0",
});

const auto mvlgamma_op = define<&mvlgamma>({
    .schema = "mvlgamma(Tensor self, int p) -> Tensor",
    .in = everywhere,
    .aliases = "special_multigammaln",
    .doc = "The logarithm of the multivariate gamma function of dimension p.\n\n>>> torch.mvlgamma(torch.tensor([2.]), 2)\ntensor([0.4516])",
    .run = [](Out&, const Tensor& self, int64_t p) {
      KG_CHECK(p >= 1, "p has to be greater than or equal to 1");
      Tensor x = is_integral(self.dtype()) ? to(self, default_dtype()) : self;
      Tensor sum = lgamma(x);
      for (int64_t i = 1; i < p; ++i) sum = sum + lgamma(x - 0.5 * double(i));
      return p == 1 ? sum : sum + double(p * (p - 1)) * 0.25 * log_pi;
    },
    .grad = vjp("self", [](Ctx& c, const Tensor& self, int64_t p) -> Grads {
      Tensor slope = digamma(self);
      for (int64_t i = 1; i < p; ++i) slope = slope + digamma(self - 0.5 * double(i));
      return {c.grad * slope};
    }),
});

}  // namespace

Tensor erf(const Tensor& self) { return erf_op(self); }
Tensor erfc(const Tensor& self) { return erfc_op(self); }
Tensor erfinv(const Tensor& self) { return erfinv_op(self); }
Tensor erfcx(const Tensor& self) { return erfcx_op(self); }
Tensor lgamma(const Tensor& self) { return lgamma_op(self); }
Tensor digamma(const Tensor& self) { return digamma_op(self); }
Tensor ndtr(const Tensor& self) { return ndtr_op(self); }
Tensor log_ndtr(const Tensor& self) { return log_ndtr_op(self); }
Tensor ndtri(const Tensor& self) { return ndtri_op(self); }
Tensor entr(const Tensor& self) { return entr_op(self); }
Tensor igamma(const Tensor& self, const Tensor& other) { return igamma_op(self, other); }
Tensor igammac(const Tensor& self, const Tensor& other) { return igammac_op(self, other); }
Tensor zeta(const Tensor& self, const Tensor& other) { return zeta_op(self, other); }
Tensor polygamma(int64_t n, const Tensor& self) { return polygamma_op(n, self); }
Tensor mvlgamma(const Tensor& self, int64_t p) { return mvlgamma_op(self, p); }

}  // namespace kagari
