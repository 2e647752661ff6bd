// Elementwise arithmetic of two arguments (comparisons and logic: compare.cpp).
#include <cmath>

#include "kagari/cpu/complex_math.h"
#include "kagari/cpu/elementwise.h"
#include "kagari/cpu/vector_math.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace {

#define KAGARI_BINARY(Name, ...)                     \
  struct Name {                                      \
    template <class V>                               \
    KAGARI_INLINE V operator()(V a, V b) const {     \
      return V(__VA_ARGS__);                         \
    }                                                \
  };
KAGARI_BINARY(Add, a + b)
KAGARI_BINARY(Sub, a - b)
KAGARI_BINARY(Mul, a* b)
KAGARI_BINARY(Div, a / b)
KAGARI_BINARY(Pow, pow(a, b))
KAGARI_BINARY(Atan2, atan2(a, b))
KAGARI_BINARY(Hypot, hypot(a, b))
KAGARI_BINARY(Fmod, fmod(a, b))
KAGARI_BINARY(Maximum, maximum(a, b))
KAGARI_BINARY(Minimum, minimum(a, b))
KAGARI_BINARY(IntegerMax, a > b ? a : b)
KAGARI_BINARY(IntegerMin, a < b ? a : b)
KAGARI_BINARY(DivTrunc, trunc(a / b))
KAGARI_BINARY(CopySign, copysign(a, b))
#undef KAGARI_BINARY

// Integer products and sums wrap around; computed in an unsigned type, because signed overflow is undefined.
template <class T>
using Wrapping = std::conditional_t<(sizeof(T) < 4), uint32_t, std::make_unsigned_t<T>>;
struct WrappingAdd {
  template <class T>
  T operator()(T a, T b) const {
    return T(Wrapping<T>(a) + Wrapping<T>(b));
  }
};
struct WrappingSub {
  template <class T>
  T operator()(T a, T b) const {
    return T(Wrapping<T>(a) - Wrapping<T>(b));
  }
};
struct WrappingMul {
  template <class T>
  T operator()(T a, T b) const {
    return T(Wrapping<T>(a) * Wrapping<T>(b));
  }
};
struct BoolOr {
  bool operator()(bool a, bool b) const { return a | b; }
};
struct BoolAnd {
  bool operator()(bool a, bool b) const { return a & b; }
};

struct AddAlpha {  // a + alpha b
  LoopParams p;
  explicit AddAlpha(const LoopParams& params) : p(params) {}
  template <class V>
  KAGARI_INLINE V operator()(V a, V b) const {
    if constexpr (IsVec<V>::value) return fma(b, V(p.real[0]), a);
    else if constexpr (std::is_same_v<V, bool>) return a | (b & bool(p.integer[0]));
    else if constexpr (std::is_integral_v<V>) return V(Wrapping<V>(a) + Wrapping<V>(b) * Wrapping<V>(p.integer[0]));
    else return a + scalar_param<V>(p, 0) * b;
  }
};
struct SubAlpha {  // a - alpha b
  LoopParams p;
  explicit SubAlpha(const LoopParams& params) : p(params) {}
  template <class V>
  KAGARI_INLINE V operator()(V a, V b) const {
    if constexpr (IsVec<V>::value) return fma(b, V(-p.real[0]), a);
    else if constexpr (std::is_integral_v<V>) return V(Wrapping<V>(a) - Wrapping<V>(b) * Wrapping<V>(p.integer[0]));
    else return a - scalar_param<V>(p, 0) * b;
  }
};

// Rounds the quotient down. The quotient is taken of a - fmod(a, b), so that it is exact; Python's rule for the signs.
struct DivFloor {
  template <class V>
  KAGARI_INLINE V operator()(V a, V b) const {
    V mod = fmod(a, b);
    V quotient = (a - mod) / b;
    auto adjust = (mod != V(0)) & (signbit(b) ^ signbit(mod));
    quotient = select(adjust, quotient - V(1), quotient);
    V down = floor(quotient);
    down = select(quotient - down > V(0.5), down + V(1), down);
    down = select(quotient != V(0), down, copysign(V(0), a / b));
    return select(b == V(0), a / b, down);
  }
};
struct Remainder {  // the sign of the divisor
  template <class V>
  KAGARI_INLINE V operator()(V a, V b) const {
    V mod = fmod(a, b);
    auto adjust = (mod != V(0)) & (signbit(b) ^ signbit(mod));
    return select(adjust, mod + b, mod);
  }
};

// Integer division. The caller has excluded zero divisors; the smallest integer over -1 wraps around.
struct IntegerDivTrunc {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_signed_v<T>)
      if (b == T(-1)) return T(Wrapping<T>(0) - Wrapping<T>(a));
    return T(a / b);
  }
};
struct IntegerDivFloor {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_signed_v<T>) {
      if (b == T(-1)) return T(Wrapping<T>(0) - Wrapping<T>(a));
      T quotient = T(a / b);
      return T(quotient - ((a % b != 0) && ((a < 0) != (b < 0))));
    } else {
      return T(a / b);
    }
  }
};
struct IntegerFmod {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_signed_v<T>)
      if (b == T(-1)) return T(0);
    return T(a % b);
  }
};
struct IntegerRemainder {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_signed_v<T>) {
      if (b == T(-1)) return T(0);
      T mod = T(a % b);
      return (mod != 0 && ((mod < 0) != (b < 0))) ? T(mod + b) : mod;
    } else {
      return T(a % b);
    }
  }
};
// The same for integers of at most 32 bits, in double: their quotients are either whole or at least 2^-32 away from the next whole number,
// which double tells apart. One vector loop for all of them.
struct WholeDivTrunc {
  template <class V>
  KAGARI_INLINE V operator()(V a, V b) const {
    return trunc(a / b);
  }
};
struct WholeDivFloor {
  template <class V>
  KAGARI_INLINE V operator()(V a, V b) const {
    return floor(a / b);
  }
};
struct WholeFmod {
  template <class V>
  KAGARI_INLINE V operator()(V a, V b) const {
    return a - trunc(a / b) * b;
  }
};
struct WholeRemainder {
  template <class V>
  KAGARI_INLINE V operator()(V a, V b) const {
    return a - floor(a / b) * b;
  }
};
template <class Whole, class Wide>
void add_whole_loop(KernelRegistry& r, std::string_view name) {
  detail::add_converted<Whole, kInteger, uint8_t, double>(r, name);
  detail::add_converted<Whole, kInteger, int8_t, double>(r, name);
  detail::add_converted<Whole, kInteger, int16_t, double>(r, name);
  detail::add_converted<Whole, kInteger, int32_t, double>(r, name);
  detail::add_converted<Whole, kInteger, uint16_t, double>(r, name);
  detail::add_converted<Whole, kInteger, uint32_t, double>(r, name);
  detail::add_one<Wide, kInteger, int64_t>(r, name);
  detail::add_one<Wide, kInteger, uint64_t>(r, name);
}

struct IntegerPow {  // wraps around; negative exponents give 0, or +-1 for a base of +-1
  template <class T>
  T operator()(T base, T exponent) const {
    if constexpr (std::is_signed_v<T>) {
      if (exponent < 0) {
        if (base == 1) return 1;
        if (base == -1) return exponent % 2 != 0 ? T(-1) : T(1);
        return 0;
      }
    }
    using U = Wrapping<T>;
    U result = 1, square = U(base), left = U(exponent);
    for (; left != 0; left >>= 1, square *= square)
      if (left & 1) result *= square;
    return T(result);
  }
};

struct Fmax {  // the other operand where one is NaN
  template <class V>
  KAGARI_INLINE V operator()(V a, V b) const {
    return select(isnan(a), b, select((a > b) | isnan(b), a, b));
  }
};
struct Fmin {
  template <class V>
  KAGARI_INLINE V operator()(V a, V b) const {
    return select(isnan(a), b, select((a < b) | isnan(b), a, b));
  }
};
struct HalfNextAfter {  // the neighbours of a half value are those of its bits, read as an ordered integer
  template <class H>
  H operator()(H a, H b) const {
    const float x = a, y = b;
    if (x != x || y != y) return H(x + y);
    if (x == y) return b;
    if (x == 0) return H::from_bits(uint16_t(y > 0 ? 0x0001 : 0x8001));
    return H::from_bits(uint16_t((x < y) == (x > 0) ? a.bits + 1 : a.bits - 1));
  }
};
struct NextAfter {
  static constexpr bool scalar = true;
  template <class T>
  T operator()(T a, T b) const {
    return std::nextafter(a, b);
  }
};
struct Heaviside {
  template <class V>
  KAGARI_INLINE V operator()(V a, V b) const {
    return select(a == V(0), b, select(a > V(0), V(1), V(0)));
  }
};
struct IntegerHeaviside {
  template <class T>
  T operator()(T a, T b) const {
    return a == T(0) ? b : T(a > T(0));
  }
};
struct Xlogy {  // 0 where a is 0, unless b is NaN
  template <class V>
  KAGARI_INLINE V operator()(V a, V b) const {
    return select(isnan(b), b, select(a == V(0), V(0), a * log(b)));
  }
};
struct Xlog1py {
  template <class V>
  KAGARI_INLINE V operator()(V a, V b) const {
    return select(isnan(b), b, select(a == V(0), V(0), a * log1p(b)));
  }
};
struct LogAddExp {
  template <class V>
  KAGARI_INLINE V operator()(V a, V b) const {
    V top = maximum(a, b);
    V sum = top + log1p(exp(-abs(a - b)));
    return select(isinf(a) & (a == b), a, sum);
  }
};
struct LogAddExp2 {
  template <class V>
  KAGARI_INLINE V operator()(V a, V b) const {
    V top = maximum(a, b);
    V sum = top + log1p(exp2(-abs(a - b))) * V(1.44269504088896340736);
    return select(isinf(a) & (a == b), a, sum);
  }
};
struct Ldexp {  // a * 2^b for integral b
  template <class V>
  KAGARI_INLINE V operator()(V a, V b) const {
    return a * exp2(b);
  }
};
struct Gcd {
  template <class T>
  T operator()(T a, T b) const {
    using U = std::make_unsigned_t<T>;
    U x = a < 0 ? U(0) - U(a) : U(a), y = b < 0 ? U(0) - U(b) : U(b);
    while (y != 0) {
      U rest = x % y;
      x = y;
      y = rest;
    }
    return T(x);
  }
};
struct Lcm {
  template <class T>
  T operator()(T a, T b) const {
    T divisor = Gcd()(a, b);
    if (divisor == 0) return 0;
    T product = T(Wrapping<T>(a / divisor) * Wrapping<T>(b));
    return product < 0 ? T(Wrapping<T>(0) - Wrapping<T>(product)) : product;
  }
};
struct ComplexMul {
  template <class C>
  C operator()(C a, C b) const {
    return product(a, b);
  }
};
struct ComplexDiv {
  template <class C>
  C operator()(C a, C b) const {
    return quotient(a, b);
  }
};
struct ComplexPow {
  template <class C>
  C operator()(C a, C b) const {
    if (b == C(0)) return C(1);
    return std::pow(a, b);
  }
};

}  // namespace

KAGARI_KERNELS(r) {
  add_loop<Add, kFloating | kComplex>(r, "add");
  add_loop<WrappingAdd, kInteger>(r, "add");
  add_loop<BoolOr, kBool>(r, "add");
  add_loop<AddAlpha, kNumber>(r, "add_alpha");
  add_loop<Sub, kFloating | kComplex>(r, "sub");
  add_loop<WrappingSub, kInteger>(r, "sub");
  add_loop<SubAlpha, kInteger | kFloating | kComplex>(r, "sub_alpha");
  add_loop<Mul, kFloating>(r, "mul");
  add_loop<ComplexMul, kComplex>(r, "mul");
  add_loop<WrappingMul, kInteger>(r, "mul");
  add_loop<BoolAnd, kBool>(r, "mul");
  add_loop<Div, kFloating>(r, "div");
  add_loop<ComplexDiv, kComplex>(r, "div");
  add_loop<DivTrunc, kFloating>(r, "div_trunc");
  add_whole_loop<WholeDivTrunc, IntegerDivTrunc>(r, "div_trunc");
  add_loop<DivFloor, kFloating>(r, "div_floor");
  add_whole_loop<WholeDivFloor, IntegerDivFloor>(r, "div_floor");
  add_loop<Fmod, kFloating>(r, "fmod");
  add_whole_loop<WholeFmod, IntegerFmod>(r, "fmod");
  add_loop<Remainder, kFloating>(r, "remainder");
  add_whole_loop<WholeRemainder, IntegerRemainder>(r, "remainder");
  add_loop<Pow, kFloating>(r, "pow");
  add_loop<ComplexPow, kComplex>(r, "pow");
  add_widened_loop<IntegerPow, kInteger>(r, "pow");
  add_loop<Atan2, kFloating>(r, "atan2");
  add_loop<Hypot, kFloating>(r, "hypot");
  add_loop<Maximum, kFloating>(r, "maximum");
  add_loop<IntegerMax, kIntegral>(r, "maximum");
  add_loop<Minimum, kFloating>(r, "minimum");
  add_loop<IntegerMin, kIntegral>(r, "minimum");
  add_loop<Fmax, kFloating>(r, "fmax");
  add_loop<IntegerMax, kIntegral>(r, "fmax");
  add_loop<Fmin, kFloating>(r, "fmin");
  add_loop<IntegerMin, kIntegral>(r, "fmin");
  add_loop<CopySign, kFloating>(r, "copysign");
  add_loop<NextAfter, kFloat>(r, "nextafter");
  r.add<LoopFn>("nextafter", DType::Float16, &detail::loop<HalfNextAfter, Half, 2>);
  r.add<LoopFn>("nextafter", DType::BFloat16, &detail::loop<HalfNextAfter, BFloat16, 2>);
  add_loop<Heaviside, kFloating>(r, "heaviside");
  add_loop<IntegerHeaviside, kIntegral>(r, "heaviside");
  add_loop<Xlogy, kFloating>(r, "xlogy");
  add_loop<Xlog1py, kFloating>(r, "xlog1py");
  add_loop<LogAddExp, kFloating>(r, "logaddexp");
  add_loop<LogAddExp2, kFloating>(r, "logaddexp2");
  add_loop<Ldexp, kFloating>(r, "ldexp");
  add_widened_loop<Gcd, kInteger>(r, "gcd");
  add_widened_loop<Lcm, kInteger>(r, "lcm");
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
