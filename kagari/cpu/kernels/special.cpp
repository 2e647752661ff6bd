// Special functions, element by element in double (special_math.h).
#include <cmath>

#include "kagari/cpu/elementwise.h"
#include "kagari/cpu/special_math.h"
#include "kagari/cpu/vector_math.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace {

template <double (*Function)(double)>
struct OfOne {
  static constexpr bool scalar = true;
  template <class T>
  T operator()(T x) const {
    return T(Function(double(x)));
  }
};
template <double (*Function)(double, double)>
struct OfTwo {
  static constexpr bool scalar = true;
  template <class T>
  T operator()(T x, T y) const {
    return T(Function(double(x), double(y)));
  }
};
struct Polygamma {  // integer slot 0: the order
  static constexpr bool scalar = true;
  double order;
  explicit Polygamma(const LoopParams& p) : order(double(p.integer[0])) {}
  template <class T>
  T operator()(T x) const {
    if constexpr (std::is_floating_point_v<T>)
      if (order == 1) return special::trigamma(x);
    return T(special::polygamma(order, double(x)));
  }
};
struct Entr {  // -x log(x), 0 at 0, minus infinity below
  template <class V>
  KAGARI_INLINE V operator()(V x) const {
    V y = select(x > V(0), -x * log(x), V(-__builtin_inf()));
    y = select(x == V(0), V(0), y);
    return select(isnan(x), x, y);
  }
};
// The inverse of erf as y R(w), w = -log(1 - y^2): minimax polynomials in w - 2.5 below 5 and in sqrt(w) - 3.168 above, up to where float ends.
constexpr float kErfinvCentre[] = {1.5014094114303589f,     0.24664027988910675f,    -0.004177386872470379f, -0.0012527419021353126f, 0.00021834444487467408f,
                                   -4.963357696396997e-06f, -3.4627057630132185e-06f, 4.661728496557771e-07f, 2.3232734847056236e-08f, -8.791215755366011e-09f};
constexpr float kErfinvTail[] = {3.0015268325805664f,    1.0042970180511475f,    0.006405623164027929f,   -0.0046930499374866486f, 0.0032678977586328983f,
                                 -0.002206195378676057f, 0.0012216044124215841f, -0.00035195122472941875f, -0.00013588987349066883f, 0.00011364194506313652f};
struct Erfinv {
  template <class T>
  KAGARI_INLINE Vec<T> operator()(Vec<T> y) const {
    using V = Vec<T>;
    const V a = abs(y), rest = V(1) - a;
    V x;
    if constexpr (sizeof(T) == 4) {
      const V w = -log(rest * (V(1) + a));
      x = a * select(w < V(5), polynomial(w - V(2.5f), kErfinvCentre), polynomial(sqrt(w) - V(3.1680339888f), kErfinvTail));
    } else {  // a start within 1e-2, then two steps of Halley's method, each of which cubes the error
      const auto inner = a <= V(0.5);
      const V square = a * a;
      // Maclaurin's series; Abramowitz and Stegun 26.2.23 for the tail, where 1 - |y| is exact.
      const V near = a * V(0.886226925452758) * (V(1) + square * (V(0.261799387799149) + square * V(0.143931731084923)));
      const V t = sqrt(V(-2) * log(rest * V(0.5)));
      const V far = (t - (V(2.30753) + V(0.27061) * t) / (V(1) + t * (V(0.99229) + V(0.04481) * t))) * V(0.70710678118654752440);
      x = select(inner, near, far);
      for (int i = 0; i < 2; ++i) {
        const V error = select(inner, erf(x) - a, rest - erfc(x)) * exp(x * x) * V(0.88622692545275801365);
        x = x - error / (V(1) + x * error);
      }
    }
    x = select(a == V(1), V(T(__builtin_inf())), x);
    x = select(a > V(1), V(T(__builtin_nan(""))), x);
    return select(y < V(0), -x, select(y == V(0), y, x));
  }
};
struct Ndtr {
  template <class V>
  KAGARI_INLINE V operator()(V x) const {
    return V(0.5) * erfc(x * V(-0.70710678118654752440));
  }
};

// digamma in lanes of double: eight steps of the recurrence as one fraction, the asymptotic series, and the reflection formula on the left.
struct Digamma {
  static KAGARI_INLINE VecD of(VecD x) {
    const auto left = x < VecD(0.5);
    const VecD y = select(left, VecD(1) - x, x);
    const auto small = y < VecD(8);
    VecD above(0.0), below(1.0);  // the sum of 1 / (y + i)
    for (int i = 0; i < 8; ++i) {
      const VecD a = y + VecD(i);
      above = fma(above, a, below);
      below *= a;
    }
    const VecD t = select(small, y + VecD(8), y), z = VecD(1) / (t * t);
    VecD series(1.0 / 12);
    for (double b : {691.0 / 32760, 1.0 / 132, 1.0 / 240, 1.0 / 252, 1.0 / 120, 1.0 / 12}) series = VecD(b) - z * series;
    VecD r = log(t) - VecD(0.5) / t - z * series - select(small, above / below, VecD(0.0));
    if (!any(left)) return r;
    const VecD fraction = x - round_even(x), angle = VecD(3.14159265358979323846) * fraction;
    r = select(left, r - VecD(3.14159265358979323846) / tan(angle), r);
    r = select(left & (fraction == VecD(0.0)), VecD(__builtin_nan("")), r);  // poles
    return select(x == VecD(0.0), copysign(VecD(__builtin_inf()), -x), r);
  }
  template <class V>
  KAGARI_INLINE V operator()(V x) const {
    if constexpr (std::is_same_v<V, VecF>) return narrow(of(widen_low(x)), of(widen_high(x)));
    else return of(x);
  }
};

template <double (*Function)(double)>
void add_one_argument(KernelRegistry& r, std::string_view name) {
  add_loop<OfOne<Function>, kFloating>(r, name);
}
template <double (*Function)(double, double)>
void add_two_arguments(KernelRegistry& r, std::string_view name) {
  add_loop<OfTwo<Function>, kFloating>(r, name);
}

// PyTorch gives NaN at infinity.
double i0_of_finite(double x) { return std::isinf(x) ? __builtin_nan("") : special::bessel_i0(x); }
double i1_of_finite(double x) { return std::isinf(x) ? __builtin_nan("") : special::bessel_i1(x); }

// The shifted polynomials are the same ones of 2x - 1.
template <double (*Function)(double, double)>
double shifted(double x, double n) {
  return Function(2 * x - 1, n);
}

}  // namespace

KAGARI_KERNELS(r) {
  using namespace special;
  add_loop<Digamma, kFloating>(r, "digamma");
  add_loop<Polygamma, kFloating>(r, "polygamma");
  add_two_arguments<zeta>(r, "zeta");
  add_two_arguments<igamma>(r, "igamma");
  add_two_arguments<igammac>(r, "igammac");
  add_loop<Erfinv, kFloating>(r, "erfinv");
  add_one_argument<erfcx>(r, "erfcx");
  add_loop<Ndtr, kFloating>(r, "ndtr");
  add_one_argument<ndtri>(r, "ndtri");
  add_one_argument<log_ndtr>(r, "log_ndtr");
  add_loop<Entr, kFloating>(r, "entr");
  add_one_argument<bessel_j0>(r, "bessel_j0");
  add_one_argument<bessel_j1>(r, "bessel_j1");
  add_one_argument<bessel_y0>(r, "bessel_y0");
  add_one_argument<bessel_y1>(r, "bessel_y1");
  add_one_argument<i0_of_finite>(r, "i0");
  add_one_argument<i1_of_finite>(r, "i1");
  add_one_argument<bessel_i0e>(r, "i0e");
  add_one_argument<bessel_i1e>(r, "i1e");
  add_one_argument<bessel_k0>(r, "modified_bessel_k0");
  add_one_argument<bessel_k1>(r, "modified_bessel_k1");
  add_one_argument<bessel_k0e>(r, "scaled_modified_bessel_k0");
  add_one_argument<bessel_k1e>(r, "scaled_modified_bessel_k1");
  add_one_argument<spherical_bessel_j0>(r, "spherical_bessel_j0");
  add_one_argument<airy_ai>(r, "airy_ai");
  add_two_arguments<chebyshev_t>(r, "chebyshev_polynomial_t");
  add_two_arguments<chebyshev_u>(r, "chebyshev_polynomial_u");
  add_two_arguments<chebyshev_v>(r, "chebyshev_polynomial_v");
  add_two_arguments<chebyshev_w>(r, "chebyshev_polynomial_w");
  add_two_arguments<shifted<chebyshev_t>>(r, "shifted_chebyshev_polynomial_t");
  add_two_arguments<shifted<chebyshev_u>>(r, "shifted_chebyshev_polynomial_u");
  add_two_arguments<shifted<chebyshev_v>>(r, "shifted_chebyshev_polynomial_v");
  add_two_arguments<shifted<chebyshev_w>>(r, "shifted_chebyshev_polynomial_w");
  add_two_arguments<hermite_h>(r, "hermite_polynomial_h");
  add_two_arguments<hermite_he>(r, "hermite_polynomial_he");
  add_two_arguments<laguerre_l>(r, "laguerre_polynomial_l");
  add_two_arguments<legendre_p>(r, "legendre_polynomial_p");
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
