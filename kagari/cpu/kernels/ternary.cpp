// Elementwise operators of three or more arguments: addcmul, addcdiv, lerp, clamp, where.
#include "kagari/cpu/elementwise.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace {

struct AddCMul {  // a + value * b * c
  LoopParams p;
  explicit AddCMul(const LoopParams& params) : p(params) {}
  template <class V>
  KAGARI_INLINE V operator()(V a, V b, V c) const {
    if constexpr (IsVec<V>::value) return a + V(p.real[0]) * b * c;
    else if constexpr (std::is_integral_v<V>) return V(uint64_t(a) + uint64_t(p.integer[0]) * uint64_t(b) * uint64_t(c));
    else return a + scalar_param<V>(p, 0) * b * c;
  }
};
struct AddCDiv {  // a + value * b / c
  LoopParams p;
  explicit AddCDiv(const LoopParams& params) : p(params) {}
  template <class V>
  KAGARI_INLINE V operator()(V a, V b, V c) const {
    if constexpr (IsVec<V>::value) return a + V(p.real[0]) * b / c;
    else return a + scalar_param<V>(p, 0) * b / c;
  }
};
// From the nearer end, so that weight 1 gives b exactly.
struct Lerp {
  template <class V>
  KAGARI_INLINE V operator()(V a, V b, V weight) const {
    if constexpr (IsVec<V>::value) {
      V difference = b - a;
      return select(abs(weight) < V(0.5), a + weight * difference, b - difference * (V(1) - weight));
    } else {
      return std::abs(weight) < 0.5 ? a + weight * (b - a) : b - (b - a) * (V(1) - weight);
    }
  }
};
struct LerpScalar {  // slot 0: weight
  LoopParams p;
  explicit LerpScalar(const LoopParams& params) : p(params) {}
  template <class V>
  KAGARI_INLINE V operator()(V a, V b) const {
    if constexpr (IsVec<V>::value) return Lerp()(a, b, V(p.real[0]));
    else return Lerp()(a, b, scalar_param<V>(p, 0));
  }
};
// The lower limit first: where the limits cross, the result is the upper one. NaN in any argument wins.
struct Clamp {
  template <class V>
  KAGARI_INLINE V operator()(V x, V low, V high) const {
    if constexpr (IsVec<V>::value) {
      return minimum(maximum(x, low), high);
    } else {
      V y = x < low ? low : x;
      return y > high ? high : y;
    }
  }
};
struct ClampScalar {  // slots 0 and 1: limits; integer slots 2 and 3: whether each is there
  LoopParams p;
  explicit ClampScalar(const LoopParams& params) : p(params) {}
  template <class V>
  KAGARI_INLINE V operator()(V x) const {
    const bool has_low = p.integer[2] != 0, has_high = p.integer[3] != 0;
    if constexpr (IsVec<V>::value) {
      // A limit that is NaN makes everything NaN.
      if (has_low) x = p.real[0] != p.real[0] ? V(p.real[0]) : max_second(V(p.real[0]), x);
      if (has_high) x = p.real[1] != p.real[1] ? V(p.real[1]) : min_second(V(p.real[1]), x);
      return x;
    } else {
      const V low = scalar_param<V>(p, 0), high = scalar_param<V>(p, 1);
      if (has_low) x = x < low ? low : x;
      if (has_high) x = x > high ? high : x;
      return x;
    }
  }
};

// where: the condition is bool, the values are moved as bits of their size.
template <class Bits>
void where_loop(char* const* data, const int64_t* strides, int64_t n, const void*) {
  constexpr int64_t kSize = sizeof(Bits);
  if (strides[0] == kSize && strides[1] == 1 && n > 1) {
    Bits* out = reinterpret_cast<Bits*>(data[0]);
    const uint8_t* condition = reinterpret_cast<const uint8_t*>(data[1]);
    const Bits* a = reinterpret_cast<const Bits*>(data[2]);
    const Bits* b = reinterpret_cast<const Bits*>(data[3]);
    if (strides[2] == kSize && strides[3] == kSize) {
      for (int64_t i = 0; i < n; ++i) {
        const Bits x = a[i], y = b[i];
        out[i] = condition[i] ? x : y;
      }
      return;
    }
    if (strides[2] == 0 && strides[3] == kSize) {
      const Bits x = *a;
      for (int64_t i = 0; i < n; ++i) {
        const Bits y = b[i];
        out[i] = condition[i] ? x : y;
      }
      return;
    }
    if (strides[2] == kSize && strides[3] == 0) {
      const Bits y = *b;
      for (int64_t i = 0; i < n; ++i) {
        const Bits x = a[i];
        out[i] = condition[i] ? x : y;
      }
      return;
    }
  }
  for (int64_t i = 0; i < n; ++i) {
    const Bits* chosen = reinterpret_cast<const Bits*>(data[1][i * strides[1]] != 0 ? data[2] + i * strides[2]
                                                                                    : data[3] + i * strides[3]);
    *reinterpret_cast<Bits*>(data[0] + i * strides[0]) = *chosen;
  }
}

LoopFn where_of_size(int64_t size) {
  switch (size) {
    case 1:
      return &where_loop<uint8_t>;
    case 2:
      return &where_loop<uint16_t>;
    case 4:
      return &where_loop<uint32_t>;
    case 8:
      return &where_loop<uint64_t>;
    default:
      return &where_loop<Bytes16>;
  }
}

}  // namespace

KAGARI_KERNELS(r) {
  add_loop<AddCMul, kFloating | kComplex>(r, "addcmul");
  add_widened_loop<AddCMul, kInteger>(r, "addcmul");
  add_loop<AddCDiv, kFloating | kComplex>(r, "addcdiv");
  add_loop<Lerp, kFloating | kComplex>(r, "lerp");
  add_loop<LerpScalar, kFloating | kComplex>(r, "lerp_scalar");
  add_loop<Clamp, kIntegral | kFloating>(r, "clamp");
  add_loop<ClampScalar, kIntegral | kFloating>(r, "clamp_scalar");
  // Operands: output, condition (bool), value where true, value where false. The index is the dtype of the values.
  for (int t = 0; t < dtype_count; ++t) r.add("where", DType(t), where_of_size(itemsize(DType(t))));
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
