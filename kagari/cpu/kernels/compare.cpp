// Comparisons, logic and bit operations of two arguments.
#include "kagari/cpu/elementwise.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace {

#define KAGARI_PREDICATE(Name, ...)                \
  struct Name {                                    \
    static constexpr bool scalar = true;           \
    template <class T>                             \
    bool operator()(T a, T b) const {              \
      return __VA_ARGS__;                          \
    }                                              \
  };
KAGARI_PREDICATE(Equal, a == b)
KAGARI_PREDICATE(NotEqual, a != b)
KAGARI_PREDICATE(Less, a < b)
KAGARI_PREDICATE(LessEqual, a <= b)
KAGARI_PREDICATE(Greater, a > b)
KAGARI_PREDICATE(GreaterEqual, a >= b)
KAGARI_PREDICATE(LogicalAnd, (a != T(0)) & (b != T(0)))
KAGARI_PREDICATE(LogicalOr, (a != T(0)) | (b != T(0)))
KAGARI_PREDICATE(LogicalXor, (a != T(0)) ^ (b != T(0)))
#undef KAGARI_PREDICATE

#define KAGARI_BITS(Name, op)           \
  struct Name {                         \
    template <class T>                  \
    T operator()(T a, T b) const {      \
      return T(a op b);                 \
    }                                   \
  };
KAGARI_BITS(BitwiseAnd, &)
KAGARI_BITS(BitwiseOr, |)
KAGARI_BITS(BitwiseXor, ^)
#undef KAGARI_BITS

// Counts outside of [0, bits) shift everything out.
struct ShiftLeft {
  template <class T>
  T operator()(T a, T b) const {
    using U = std::make_unsigned_t<T>;
    return U(b) < sizeof(T) * 8 ? T(U(a) << U(b)) : T(0);
  }
};
struct ShiftRight {
  template <class T>
  T operator()(T a, T b) const {
    using U = std::make_unsigned_t<T>;
    constexpr U kLast = sizeof(T) * 8 - 1;
    if constexpr (std::is_signed_v<T>) return T(a >> (U(b) <= kLast ? U(b) : kLast));
    else return U(b) <= kLast ? T(a >> b) : T(0);
  }
};

// |a - b| <= atol + rtol |b|, equal infinities are close. Slots: 0 rtol, 1 atol; integer slot 2: NaN equals NaN.
struct IsClose {
  static constexpr bool scalar = true;
  double rtol, atol;
  bool equal_nan;
  explicit IsClose(const LoopParams& p) : rtol(p.real[0]), atol(p.real[1]), equal_nan(p.integer[2] != 0) {}
  template <class T>
  bool operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      double difference = a > b ? double(a) - double(b) : double(b) - double(a);
      return a == b || difference <= atol + rtol * (b < T(0) ? -double(b) : double(b));
    } else {
      if (a == b) return true;
      if (a != a || b != b) return equal_nan && a != a && b != b;
      auto difference = std::abs(a - b), size = std::abs(b);
      using R = decltype(size);
      const R inf = R(__builtin_inf());
      return std::abs(a) < inf && size < inf && difference <= R(atol) + R(rtol) * size;
    }
  }
};

}  // namespace

KAGARI_KERNELS(r) {
  add_loop<Equal, kNumber>(r, "eq");
  add_loop<NotEqual, kNumber>(r, "ne");
  add_loop<Less, kReal>(r, "lt");
  add_loop<LessEqual, kReal>(r, "le");
  add_loop<Greater, kReal>(r, "gt");
  add_loop<GreaterEqual, kReal>(r, "ge");
  add_loop<LogicalAnd, kNumber>(r, "logical_and");
  add_loop<LogicalOr, kNumber>(r, "logical_or");
  add_loop<LogicalXor, kNumber>(r, "logical_xor");
  add_loop<BitwiseAnd, kIntegral>(r, "bitwise_and");
  add_loop<BitwiseOr, kIntegral>(r, "bitwise_or");
  add_loop<BitwiseXor, kIntegral>(r, "bitwise_xor");
  add_loop<ShiftLeft, kInteger>(r, "bitwise_left_shift");
  add_loop<ShiftRight, kInteger>(r, "bitwise_right_shift");
  add_loop<IsClose, kFloating | kComplex>(r, "isclose");
  add_widened_loop<IsClose, kInteger>(r, "isclose");
  add_loop<Equal, kBool>(r, "isclose");
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
