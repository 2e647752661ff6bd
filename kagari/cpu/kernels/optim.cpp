// Update steps of the optimizers: one loop over the elements of a parameter, its gradient and its state.
#include "kagari/cpu/optim_kernels.h"

#include "kagari/cpu/elementwise.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace {

// The gradient that the formulas use, after the parameter's own decay.
template <class V>
KAGARI_INLINE V prepare(V& p, V g, const OptimGradient& k) {
  if (k.sign < 0) g = -g;
  if (k.keep != 1) p = p * V(k.keep);
  if (k.decay != 0) g = fma(p, V(k.decay), g);
  return g;
}

// a moved towards b: exact at both ends, as lerp is.
template <class V>
KAGARI_INLINE V towards(V a, V b, double weight) {
  if (weight < 0.5) return fma(b - a, V(weight), a);
  return b - (b - a) * V(1 - weight);
}

template <class V>
KAGARI_INLINE V square_average(V average, V g, double decay) {
  return fma(V(1 - decay) * g, g, average * V(decay));
}

// x holds the parameter, the gradient and the state; everything but the gradient is written back.

struct Sgd : SgdNumbers {
  static constexpr int operands = 2;
  template <class V>
  KAGARI_INLINE void operator()(V* x) const {
    V g = prepare(x[0], x[1], *this);
    x[0] = fma(g, V(-lr), x[0]);
  }
};

struct SgdMomentum : SgdNumbers {
  static constexpr int operands = 3;
  template <class V>
  KAGARI_INLINE void operator()(V* x) const {
    V g = prepare(x[0], x[1], *this);
    x[2] = first ? g : fma(g, V(one_minus_dampening), x[2] * V(momentum));
    V update = nesterov ? fma(x[2], V(momentum), g) : x[2];
    x[0] = fma(update, V(-lr), x[0]);
  }
};

template <bool Amsgrad>
struct Adam : AdamNumbers {
  static constexpr int operands = Amsgrad ? 5 : 4;
  template <class V>
  KAGARI_INLINE void operator()(V* x) const {
    V g = prepare(x[0], x[1], *this);
    x[2] = towards(x[2], g, one_minus_beta1);
    x[3] = square_average(x[3], g, beta2);
    V second = x[3];
    if constexpr (Amsgrad) second = x[4] = maximum(x[4], x[3]);
    V denominator = sqrt(second) / V(root_correction2) + V(eps);
    x[0] = x[0] - V(step_size) * x[2] / denominator;
  }
};

struct Adamax : AdamaxNumbers {
  static constexpr int operands = 4;
  template <class V>
  KAGARI_INLINE void operator()(V* x) const {
    V g = prepare(x[0], x[1], *this);
    x[2] = towards(x[2], g, one_minus_beta1);
    x[3] = maximum(x[3] * V(beta2), abs(g) + V(eps));
    x[0] = x[0] - V(step_size) * x[2] / x[3];
  }
};

struct Nadam : NadamNumbers {
  static constexpr int operands = 4;
  template <class V>
  KAGARI_INLINE void operator()(V* x) const {
    V g = prepare(x[0], x[1], *this);
    x[2] = towards(x[2], g, one_minus_beta1);
    x[3] = square_average(x[3], g, beta2);
    V denominator = sqrt(x[3] / V(correction2)) + V(eps);
    x[0] = x[0] - (V(grad_size) * g + V(average_size) * x[2]) / denominator;
  }
};

struct Radam : RadamNumbers {
  static constexpr int operands = 4;
  template <class V>
  KAGARI_INLINE void operator()(V* x) const {
    V g = prepare(x[0], x[1], *this);
    x[2] = towards(x[2], g, one_minus_beta1);
    x[3] = square_average(x[3], g, beta2);
    V update = x[2] / V(correction1) * V(lr);
    if (adaptive) update = update * (V(factor) / (sqrt(x[3]) + V(eps)));
    x[0] = x[0] - update;
  }
};

struct Adagrad : AdagradNumbers {
  static constexpr int operands = 3;
  template <class V>
  KAGARI_INLINE void operator()(V* x) const {
    V g = prepare(x[0], x[1], *this);
    x[2] = fma(g, g, x[2]);
    x[0] = x[0] - V(step_size) * g / (sqrt(x[2]) + V(eps));
  }
};

struct Adadelta : AdadeltaNumbers {
  static constexpr int operands = 4;
  template <class V>
  KAGARI_INLINE void operator()(V* x) const {
    V g = prepare(x[0], x[1], *this);
    x[2] = square_average(x[2], g, rho);
    V delta = sqrt(x[3] + V(eps)) / sqrt(x[2] + V(eps)) * g;
    x[3] = square_average(x[3], delta, rho);
    x[0] = fma(delta, V(-lr), x[0]);
  }
};

template <bool Centered, bool Momentum>
struct Rmsprop : RmspropNumbers {
  static constexpr int operands = 3 + Centered + Momentum;
  template <class V>
  KAGARI_INLINE void operator()(V* x) const {
    V g = prepare(x[0], x[1], *this);
    x[2] = square_average(x[2], g, alpha);
    V second = x[2];
    if constexpr (Centered) {
      x[3] = towards(x[3], g, 1 - alpha);
      second = x[2] - x[3] * x[3];
    }
    V update = g / (sqrt(second) + V(eps));
    if constexpr (Momentum) update = x[3 + Centered] = fma(x[3 + Centered], V(momentum), update);
    x[0] = fma(update, V(-lr), x[0]);
  }
};

struct Rprop : RpropNumbers {
  static constexpr int operands = 4;
  template <class V>
  KAGARI_INLINE void operator()(V* x) const {
    V g = prepare(x[0], x[1], *this);
    const V zero(0);
    V agreement = g * x[2];
    auto turned = agreement < zero;
    V factor = select(agreement > zero, V(grow), select(turned, V(shrink), V(1)));
    V size = x[3] * factor;
    x[3] = select(size < V(smallest), V(smallest), select(size > V(largest), V(largest), size));
    g = select(turned, zero, g);
    V step = select(g > zero, x[3], select(g < zero, -x[3], zero));
    x[0] = x[0] - step;
    x[2] = g;
  }
};

struct Asgd : AsgdNumbers {
  static constexpr int operands = 3;
  template <class V>
  KAGARI_INLINE void operator()(V* x) const {
    // Here the gradient's decay sees the parameter before it is scaled.
    V g = x[1];
    if (sign < 0) g = -g;
    if (decay != 0) g = fma(x[0], V(decay), g);
    x[0] = fma(g, V(-eta), x[0] * V(keep));
    x[2] = mu == 1 ? x[0] : fma(x[0] - x[2], V(mu), x[2]);
  }
};

template <class Step, class T>
void run(void* const* tensors, int64_t n, const void* numbers) {
  using P = Packed<T>;
  using V = typename P::V;
  constexpr int kOperands = Step::operands;
  Step step;
  using Numbers = decltype(step);
  std::memcpy(static_cast<void*>(&step), numbers, sizeof(Numbers));
  T* at[kOperands];
  for (int k = 0; k < kOperands; ++k) at[k] = static_cast<T*>(tensors[k]);
  V x[kOperands];
  int64_t i = 0;
  for (; i + V::size <= n; i += V::size) {
    for (int k = 0; k < kOperands; ++k) x[k] = P::load(at[k] + i);
    step(x);
    for (int k = 0; k < kOperands; ++k)
      if (k != 1) P::store(at[k] + i, x[k]);
  }
  if (int rest = int(n - i); rest > 0) {
    for (int k = 0; k < kOperands; ++k) x[k] = P::load_partial(at[k] + i, rest, 1);
    step(x);
    for (int k = 0; k < kOperands; ++k)
      if (k != 1) P::store_partial(at[k] + i, x[k], rest);
  }
}

template <class Step>
void add_optim(KernelRegistry& r, std::string_view name) {
  r.add<OptimKernel>(name, DType::Float32, &run<Step, float>);
  r.add<OptimKernel>(name, DType::Float64, &run<Step, double>);
  r.add<OptimKernel>(name, DType::Float16, &run<Step, Half>);
  r.add<OptimKernel>(name, DType::BFloat16, &run<Step, BFloat16>);
}

}  // namespace

KAGARI_KERNELS(r) {
  add_optim<Sgd>(r, "optim_sgd");
  add_optim<SgdMomentum>(r, "optim_sgd_momentum");
  add_optim<Adam<false>>(r, "optim_adam");
  add_optim<Adam<true>>(r, "optim_amsgrad");
  add_optim<Adamax>(r, "optim_adamax");
  add_optim<Nadam>(r, "optim_nadam");
  add_optim<Radam>(r, "optim_radam");
  add_optim<Adagrad>(r, "optim_adagrad");
  add_optim<Adadelta>(r, "optim_adadelta");
  add_optim<Rmsprop<false, false>>(r, "optim_rmsprop");
  add_optim<Rmsprop<true, false>>(r, "optim_rmsprop_centered");
  add_optim<Rmsprop<false, true>>(r, "optim_rmsprop_momentum");
  add_optim<Rmsprop<true, true>>(r, "optim_rmsprop_centered_momentum");
  add_optim<Rprop>(r, "optim_rprop");
  add_optim<Asgd>(r, "optim_asgd");
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
