// Elementwise operators of one argument (activations: activation.cpp, special functions: special.cpp).
#include <cmath>
#include <limits>

#include "kagari/cpu/complex_math.h"
#include "kagari/cpu/elementwise.h"
#include "kagari/cpu/vector_math.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace {

template <class T>
constexpr bool kIsComplex = false;
template <class R>
constexpr bool kIsComplex<std::complex<R>> = true;

// For V = Vec the calls below find the functions of simd.h and vector_math.h, for complex numbers those of <complex>.
#define KAGARI_UNARY(Name, ...)                    \
  struct Name {                                    \
    template <class V>                             \
    KAGARI_INLINE V operator()(V x) const {        \
      return __VA_ARGS__;                          \
    }                                              \
  };
KAGARI_UNARY(Exp, exp(x))
KAGARI_UNARY(Exp2, exp2(x))
KAGARI_UNARY(Expm1, expm1(x))
KAGARI_UNARY(Log, log(x))
KAGARI_UNARY(Log2, log2(x))
KAGARI_UNARY(Log10, log10(x))
KAGARI_UNARY(Log1p, log1p(x))
KAGARI_UNARY(Sin, sin(x))
KAGARI_UNARY(Cos, cos(x))
KAGARI_UNARY(Tan, tan(x))
KAGARI_UNARY(Asin, asin(x))
KAGARI_UNARY(Acos, acos(x))
KAGARI_UNARY(Atan, atan(x))
KAGARI_UNARY(Sinh, sinh(x))
KAGARI_UNARY(Cosh, cosh(x))
KAGARI_UNARY(Tanh, tanh(x))
KAGARI_UNARY(Asinh, asinh(x))
KAGARI_UNARY(Acosh, acosh(x))
KAGARI_UNARY(Atanh, atanh(x))
KAGARI_UNARY(Sqrt, sqrt(x))
KAGARI_UNARY(Cbrt, cbrt(x))
KAGARI_UNARY(Erf, erf(x))
KAGARI_UNARY(Erfc, erfc(x))
KAGARI_UNARY(Lgamma, lgamma(x))
KAGARI_UNARY(Sigmoid, sigmoid(x))
KAGARI_UNARY(Rsqrt, V(1) / sqrt(x))
KAGARI_UNARY(Reciprocal, V(1) / x)
KAGARI_UNARY(Floor, floor(x))
KAGARI_UNARY(Ceil, ceil(x))
KAGARI_UNARY(Trunc, trunc(x))
KAGARI_UNARY(Round, round_even(x))
KAGARI_UNARY(Frac, x - trunc(x))
KAGARI_UNARY(Neg, V(-x))
KAGARI_UNARY(Square, V(x * x))
KAGARI_UNARY(AbsVec, abs(x))
KAGARI_UNARY(BitwiseNot, V(~x))
KAGARI_UNARY(Conj, std::conj(x))
KAGARI_UNARY(Deg2Rad, x* V(0.017453292519943295769))
KAGARI_UNARY(Rad2Deg, x* V(57.295779513082320877))
#undef KAGARI_UNARY

// Complex functions that <complex> does not have, and those of the real list that need another formula.
struct ComplexExp2 {
  template <class C>
  C operator()(C x) const {
    return std::exp(x * typename C::value_type(0.693147180559945309417));
  }
};
struct ComplexLog2 {
  template <class C>
  C operator()(C x) const {
    return std::log(x) * typename C::value_type(1.44269504088896340736);
  }
};
struct ComplexExpm1 {  // exp(a) cos(b) - 1 without cancellation
  template <class C>
  C operator()(C x) const {
    auto a = x.real(), b = x.imag();
    auto half = std::sin(b / 2);
    auto e = std::expm1(a);
    return C(e - 2 * half * half * (e + 1), (e + 1) * std::sin(b));
  }
};
struct ComplexLog1p {
  template <class C>
  C operator()(C x) const {
    using R = typename C::value_type;
    auto a = x.real(), b = x.imag();
    if (std::abs(a) > R(0.5) || std::abs(b) > R(0.5)) return std::log(C(1) + x);
    return C(R(0.5) * std::log1p(a * (2 + a) + b * b), std::atan2(b, 1 + a));
  }
};
struct ComplexSigmoid {
  template <class C>
  C operator()(C x) const {
    return C(1) / (C(1) + std::exp(-x));
  }
};
struct ComplexRsqrt {
  template <class C>
  C operator()(C x) const {
    return C(1) / std::sqrt(x);
  }
};
struct ComplexAbs {
  template <class C>
  auto operator()(C x) const {
    return std::abs(x);
  }
};
struct ComplexAngle {
  template <class C>
  auto operator()(C x) const {
    return std::arg(x);
  }
};
struct ComplexReal {
  template <class C>
  auto operator()(C x) const {
    return x.real();
  }
};
struct ComplexImag {
  template <class C>
  auto operator()(C x) const {
    return x.imag();
  }
};
struct ComplexSgn {
  template <class C>
  C operator()(C x) const {
    auto size = std::sqrt(x.real() * x.real() + x.imag() * x.imag());
    if (!(size > std::numeric_limits<decltype(size)>::min() * 1e8 && size < std::numeric_limits<decltype(size)>::max())) size = std::abs(x);
    return size == 0 ? C(0) : x / size;
  }
};

struct IntegerAbs {
  template <class T>
  T operator()(T x) const {
    if constexpr (std::is_signed_v<T>) return x < 0 ? T(-x) : x;
    else return x;
  }
};
struct IntegerSign {
  template <class T>
  T operator()(T x) const {
    return T(T(x > T(0)) - T(x < T(0)));
  }
};
struct Sign {  // 0 for zeros and NaN
  template <class V>
  KAGARI_INLINE V operator()(V x) const {
    return select(x > V(0), V(1), select(x < V(0), V(-1), V(0)));
  }
};
struct SgnFloat {  // as Sign
  template <class V>
  KAGARI_INLINE V operator()(V x) const {
    return Sign()(x);
  }
};
struct Angle {  // pi for negative numbers, NaN stays NaN
  template <class V>
  KAGARI_INLINE V operator()(V x) const {
    return select(isnan(x), x, select(x < V(0), V(3.14159265358979323846), V(0)));
  }
};
struct IntegerAngle {
  static constexpr bool scalar = true;
  template <class T>
  float operator()(T x) const {
    return x < T(0) ? 3.14159274f : 0.0f;
  }
};
struct RoundDecimals {  // slot 0: decimals
  double scale;
  bool negative;
  explicit RoundDecimals(const LoopParams& p)
      : scale(std::pow(10.0, double(std::abs(p.integer[0])))), negative(p.integer[0] < 0) {}
  template <class V>
  KAGARI_INLINE V operator()(V x) const {
    if (negative) return round_even(x / V(scale)) * V(scale);
    return round_even(x * V(scale)) / V(scale);
  }
};
struct NanToNum {  // slots 0, 1, 2: what NaN, +inf and -inf become
  double nan, positive, negative;
  explicit NanToNum(const LoopParams& p) : nan(p.real[0]), positive(p.real[1]), negative(p.real[2]) {}
  template <class V>
  KAGARI_INLINE V operator()(V x) const {
    const V inf(__builtin_inf());
    V y = select(isnan(x), V(nan), x);
    y = select(x == inf, V(positive), y);
    return select(x == -inf, V(negative), y);
  }
};
struct Sinc {  // sin(pi x) / (pi x)
  template <class V>
  KAGARI_INLINE V operator()(V x) const {
    V t = x * V(3.14159265358979323846);
    return select(x == V(0), V(1), sin(t) / t);
  }
};
struct ComplexSinc {
  template <class C>
  C operator()(C x) const {
    C t = x * typename C::value_type(3.14159265358979323846);
    return x == C(0) ? C(1) : std::sin(t) / t;
  }
};
struct Logit {  // slot 0: eps; below 0 there is none
  double eps;
  explicit Logit(const LoopParams& p) : eps(p.real[0]) {}
  template <class V>
  KAGARI_INLINE V operator()(V x) const {
    using T = Lane<V>;
    if (eps >= 0) x = clamp(x, T(eps), T(1 - T(eps)));
    return log(x / (V(1) - x));
  }
};

struct IsNan {
  static constexpr bool scalar = true;
  template <class T>
  bool operator()(T x) const {
    if constexpr (kIsComplex<T>) return x.real() != x.real() || x.imag() != x.imag();
    else return x != x;
  }
};
struct IsInf {
  static constexpr bool scalar = true;
  template <class T>
  bool operator()(T x) const {
    if constexpr (kIsComplex<T>) return operator()(x.real()) || operator()(x.imag());
    else return std::abs(x) == T(__builtin_inf());
  }
};
struct IsPosInf {
  static constexpr bool scalar = true;
  template <class T>
  bool operator()(T x) const {
    return x == T(__builtin_inf());
  }
};
struct IsNegInf {
  static constexpr bool scalar = true;
  template <class T>
  bool operator()(T x) const {
    return x == -T(__builtin_inf());
  }
};
struct IsFinite {
  static constexpr bool scalar = true;
  template <class T>
  bool operator()(T x) const {
    if constexpr (kIsComplex<T>) return operator()(x.real()) && operator()(x.imag());
    else return std::abs(x) < T(__builtin_inf());
  }
};
struct SignBit {
  static constexpr bool scalar = true;
  template <class T>
  bool operator()(T x) const {
    if constexpr (std::is_floating_point_v<T>) return __builtin_signbit(x) != 0;
    else return x < T(0);
  }
};
struct LogicalNot {
  static constexpr bool scalar = true;
  template <class T>
  bool operator()(T x) const {
    return x == T(0);
  }
};
struct BoolNot {  // a bool is the byte 0 or 1
  uint8_t operator()(uint8_t x) const { return x ^ 1; }
};
struct Cube {
  template <class V>
  KAGARI_INLINE V operator()(V x) const {
    if constexpr (std::is_integral_v<V>) return V(uint64_t(x) * uint64_t(x) * uint64_t(x));
    else return x * x * x;
  }
};
// The products and quotients of <complex> look for NaN and call a function; these are plain arithmetic where that is the same.
struct ComplexCube {
  template <class C>
  C operator()(C x) const {
    return product(product(x, x), x);
  }
};
struct ComplexReciprocal {
  template <class C>
  C operator()(C x) const {
    return quotient(C(1), x);
  }
};

}  // namespace

KAGARI_KERNELS(r) {
  add_loop<Exp, kFloating | kComplex>(r, "exp");
  add_loop<Exp2, kFloating>(r, "exp2");
  add_loop<ComplexExp2, kComplex>(r, "exp2");
  add_loop<Expm1, kFloating>(r, "expm1");
  add_loop<ComplexExpm1, kComplex>(r, "expm1");
  add_loop<Log, kFloating | kComplex>(r, "log");
  add_loop<Log2, kFloating>(r, "log2");
  add_loop<ComplexLog2, kComplex>(r, "log2");
  add_loop<Log10, kFloating | kComplex>(r, "log10");
  add_loop<Log1p, kFloating>(r, "log1p");
  add_loop<ComplexLog1p, kComplex>(r, "log1p");
  add_loop<Sin, kFloating | kComplex>(r, "sin");
  add_loop<Cos, kFloating | kComplex>(r, "cos");
  add_loop<Tan, kFloating | kComplex>(r, "tan");
  add_loop<Asin, kFloating | kComplex>(r, "asin");
  add_loop<Acos, kFloating | kComplex>(r, "acos");
  add_loop<Atan, kFloating | kComplex>(r, "atan");
  add_loop<Sinh, kFloating | kComplex>(r, "sinh");
  add_loop<Cosh, kFloating | kComplex>(r, "cosh");
  add_loop<Tanh, kFloating | kComplex>(r, "tanh");
  add_loop<Asinh, kFloating | kComplex>(r, "asinh");
  add_loop<Acosh, kFloating | kComplex>(r, "acosh");
  add_loop<Atanh, kFloating | kComplex>(r, "atanh");
  add_loop<Sqrt, kFloating | kComplex>(r, "sqrt");
  add_loop<Cbrt, kFloating>(r, "cbrt");
  add_loop<Erf, kFloating>(r, "erf");
  add_loop<Erfc, kFloating>(r, "erfc");
  add_loop<Lgamma, kFloating>(r, "lgamma");
  add_loop<Sigmoid, kFloating>(r, "sigmoid");
  add_loop<ComplexSigmoid, kComplex>(r, "sigmoid");
  add_loop<Rsqrt, kFloating>(r, "rsqrt");
  add_loop<ComplexRsqrt, kComplex>(r, "rsqrt");
  add_loop<Reciprocal, kFloating>(r, "reciprocal");
  add_loop<ComplexReciprocal, kComplex>(r, "reciprocal");
  add_loop<Sinc, kFloating>(r, "sinc");
  add_loop<ComplexSinc, kComplex>(r, "sinc");
  add_loop<Logit, kFloating>(r, "logit");
  add_loop<Floor, kFloating>(r, "floor");
  add_loop<Ceil, kFloating>(r, "ceil");
  add_loop<Trunc, kFloating>(r, "trunc");
  add_loop<Round, kFloating>(r, "round");
  add_loop<RoundDecimals, kFloating>(r, "round_decimals");
  add_loop<Frac, kFloating>(r, "frac");
  add_loop<Neg, kInteger | kFloating | kComplex>(r, "neg");
  add_loop<Square, kInteger | kFloating | kComplex>(r, "square");
  add_loop<Cube, kFloating>(r, "cube");
  add_widened_loop<Cube, kInteger>(r, "cube");
  add_loop<ComplexCube, kComplex>(r, "cube");
  add_loop<AbsVec, kFloating>(r, "abs");
  add_loop<IntegerAbs, kInteger>(r, "abs");
  add_loop<ComplexAbs, kComplex>(r, "abs");
  add_loop<Sign, kFloating>(r, "sign");
  add_loop<IntegerSign, kIntegral>(r, "sign");
  add_loop<SgnFloat, kFloating>(r, "sgn");
  add_loop<IntegerSign, kIntegral>(r, "sgn");
  add_loop<ComplexSgn, kComplex>(r, "sgn");
  add_loop<Angle, kFloating>(r, "angle");
  add_loop<IntegerAngle, kIntegral>(r, "angle");
  add_loop<ComplexAngle, kComplex>(r, "angle");
  add_loop<ComplexReal, kComplex>(r, "real");
  add_loop<ComplexImag, kComplex>(r, "imag");
  add_loop<Conj, kComplex>(r, "conj");
  add_loop<Deg2Rad, kFloating>(r, "deg2rad");
  add_loop<Rad2Deg, kFloating>(r, "rad2deg");
  add_loop<NanToNum, kFloating>(r, "nan_to_num");
  add_loop<BitwiseNot, kInteger>(r, "bitwise_not");
  for (const char* name : {"bitwise_not", "logical_not"}) r.add<LoopFn>(name, DType::Bool, &detail::loop<BoolNot, uint8_t, 1>);
  add_loop<LogicalNot, kNumber & ~kBool>(r, "logical_not");
  add_loop<IsNan, kFloating | kComplex>(r, "isnan");
  add_loop<IsInf, kFloating | kComplex>(r, "isinf");
  add_loop<IsPosInf, kFloating>(r, "isposinf");
  add_loop<IsNegInf, kFloating>(r, "isneginf");
  add_loop<IsFinite, kFloating | kComplex>(r, "isfinite");
  add_loop<SignBit, kReal>(r, "signbit");
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
