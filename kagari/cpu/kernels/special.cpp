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
struct Ndtr {
  template <class V>
  KAGARI_INLINE V operator()(V x) const {
    return V(0.5) * erfc(x * V(-0.70710678118654752440));
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
  add_one_argument<digamma>(r, "digamma");
  add_loop<Polygamma, kFloating>(r, "polygamma");
  add_two_arguments<zeta>(r, "zeta");
  add_two_arguments<igamma>(r, "igamma");
  add_two_arguments<igammac>(r, "igammac");
  add_one_argument<special::erfinv>(r, "erfinv");
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
