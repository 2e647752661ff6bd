// Orthogonal polynomials of integer degree.
#include "kagari/ops/elementwise.h"
#include "kagari/ops/special_functions.h"

namespace kagari {
namespace {

constexpr auto no_derivative = no_grad("its derivative is not implemented");

const auto chebyshev_polynomial_t_op = define<&chebyshev_polynomial_t>({
    .schema = "special_chebyshev_polynomial_t(Tensor|Scalar x, Tensor|Scalar n) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "The Chebyshev polynomial of the first kind of degree n at x.",
    .run = floating_binary<"chebyshev_polynomial_t">,
    .grad = no_derivative,
});

const auto chebyshev_polynomial_u_op = define<&chebyshev_polynomial_u>({
    .schema = "special_chebyshev_polynomial_u(Tensor|Scalar x, Tensor|Scalar n) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "The Chebyshev polynomial of the second kind of degree n at x.",
    .run = floating_binary<"chebyshev_polynomial_u">,
    .grad = no_derivative,
});

const auto chebyshev_polynomial_v_op = define<&chebyshev_polynomial_v>({
    .schema = "special_chebyshev_polynomial_v(Tensor|Scalar x, Tensor|Scalar n) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "The Chebyshev polynomial of the third kind of degree n at x.",
    .run = floating_binary<"chebyshev_polynomial_v">,
    .grad = no_derivative,
});

const auto chebyshev_polynomial_w_op = define<&chebyshev_polynomial_w>({
    .schema = "special_chebyshev_polynomial_w(Tensor|Scalar x, Tensor|Scalar n) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "The Chebyshev polynomial of the fourth kind of degree n at x.",
    .run = floating_binary<"chebyshev_polynomial_w">,
    .grad = no_derivative,
});

const auto shifted_chebyshev_polynomial_t_op = define<&shifted_chebyshev_polynomial_t>({
    .schema = "special_shifted_chebyshev_polynomial_t(Tensor|Scalar x, Tensor|Scalar n) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "The shifted Chebyshev polynomial of the first kind of degree n at x.",
    .run = floating_binary<"shifted_chebyshev_polynomial_t">,
    .grad = no_derivative,
});

const auto shifted_chebyshev_polynomial_u_op = define<&shifted_chebyshev_polynomial_u>({
    .schema = "special_shifted_chebyshev_polynomial_u(Tensor|Scalar x, Tensor|Scalar n) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "The shifted Chebyshev polynomial of the second kind of degree n at x.",
    .run = floating_binary<"shifted_chebyshev_polynomial_u">,
    .grad = no_derivative,
});

const auto shifted_chebyshev_polynomial_v_op = define<&shifted_chebyshev_polynomial_v>({
    .schema = "special_shifted_chebyshev_polynomial_v(Tensor|Scalar x, Tensor|Scalar n) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "The shifted Chebyshev polynomial of the third kind of degree n at x.",
    .run = floating_binary<"shifted_chebyshev_polynomial_v">,
    .grad = no_derivative,
});

const auto shifted_chebyshev_polynomial_w_op = define<&shifted_chebyshev_polynomial_w>({
    .schema = "special_shifted_chebyshev_polynomial_w(Tensor|Scalar x, Tensor|Scalar n) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "The shifted Chebyshev polynomial of the fourth kind of degree n at x.",
    .run = floating_binary<"shifted_chebyshev_polynomial_w">,
    .grad = no_derivative,
});

const auto hermite_polynomial_h_op = define<&hermite_polynomial_h>({
    .schema = "special_hermite_polynomial_h(Tensor|Scalar x, Tensor|Scalar n) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "The physicist's Hermite polynomial of degree n at x.",
    .run = floating_binary<"hermite_polynomial_h">,
    .grad = no_derivative,
});

const auto hermite_polynomial_he_op = define<&hermite_polynomial_he>({
    .schema = "special_hermite_polynomial_he(Tensor|Scalar x, Tensor|Scalar n) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "The probabilist's Hermite polynomial of degree n at x.",
    .run = floating_binary<"hermite_polynomial_he">,
    .grad = no_derivative,
});

const auto laguerre_polynomial_l_op = define<&laguerre_polynomial_l>({
    .schema = "special_laguerre_polynomial_l(Tensor|Scalar x, Tensor|Scalar n) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "The Laguerre polynomial of degree n at x.",
    .run = floating_binary<"laguerre_polynomial_l">,
    .grad = no_derivative,
});

const auto legendre_polynomial_p_op = define<&legendre_polynomial_p>({
    .schema = "special_legendre_polynomial_p(Tensor|Scalar x, Tensor|Scalar n) -> Tensor",
    .in = kFunction | kOut,
    .traits = kElementwise,
    .doc = "The Legendre polynomial of degree n at x.",
    .run = floating_binary<"legendre_polynomial_p">,
    .grad = no_derivative,
});

}  // namespace

Tensor chebyshev_polynomial_t(const Tensor& x, const Tensor& n) { return chebyshev_polynomial_t_op(x, n); }
Tensor chebyshev_polynomial_u(const Tensor& x, const Tensor& n) { return chebyshev_polynomial_u_op(x, n); }
Tensor chebyshev_polynomial_v(const Tensor& x, const Tensor& n) { return chebyshev_polynomial_v_op(x, n); }
Tensor chebyshev_polynomial_w(const Tensor& x, const Tensor& n) { return chebyshev_polynomial_w_op(x, n); }
Tensor shifted_chebyshev_polynomial_t(const Tensor& x, const Tensor& n) { return shifted_chebyshev_polynomial_t_op(x, n); }
Tensor shifted_chebyshev_polynomial_u(const Tensor& x, const Tensor& n) { return shifted_chebyshev_polynomial_u_op(x, n); }
Tensor shifted_chebyshev_polynomial_v(const Tensor& x, const Tensor& n) { return shifted_chebyshev_polynomial_v_op(x, n); }
Tensor shifted_chebyshev_polynomial_w(const Tensor& x, const Tensor& n) { return shifted_chebyshev_polynomial_w_op(x, n); }
Tensor hermite_polynomial_h(const Tensor& x, const Tensor& n) { return hermite_polynomial_h_op(x, n); }
Tensor hermite_polynomial_he(const Tensor& x, const Tensor& n) { return hermite_polynomial_he_op(x, n); }
Tensor laguerre_polynomial_l(const Tensor& x, const Tensor& n) { return laguerre_polynomial_l_op(x, n); }
Tensor legendre_polynomial_p(const Tensor& x, const Tensor& n) { return legendre_polynomial_p_op(x, n); }

}  // namespace kagari
