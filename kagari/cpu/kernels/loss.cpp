// Losses of two tensors, element by element.
#include "kagari/cpu/elementwise.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace {

struct SquaredDifference {
  template <class V>
  KAGARI_INLINE V operator()(V x, V y) const {
    const V d = x - y;
    return d * d;
  }
};
struct SquaredDifferenceBackward {
  template <class V>
  KAGARI_INLINE V operator()(V grad, V x, V y) const {
    return grad * (V(2) * (x - y));
  }
};
struct Huber {  // slots 0 and 1: delta, a factor
  double delta, factor;
  explicit Huber(const LoopParams& p) : delta(p.real[0]), factor(p.real[1]) {}
  template <class V>
  KAGARI_INLINE V operator()(V x, V y) const {
    const V d = abs(x - y);
    return V(factor) * select(d < V(delta), V(0.5) * d * d, V(delta) * (d - V(0.5 * delta)));
  }
};
struct HuberBackward {
  double delta, factor;
  explicit HuberBackward(const LoopParams& p) : delta(p.real[0]), factor(p.real[1]) {}
  template <class V>
  KAGARI_INLINE V operator()(V grad, V x, V y) const {
    return grad * (V(factor) * clamp(x - y, Lane<V>(-delta), Lane<V>(delta)));
  }
};

}  // namespace

KAGARI_KERNELS(r) {
  add_loop<SquaredDifference, kFloating>(r, "squared_difference");
  add_loop<SquaredDifferenceBackward, kFloating>(r, "squared_difference_backward");
  add_loop<Huber, kFloating>(r, "huber");
  add_loop<HuberBackward, kFloating>(r, "huber_backward");
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
