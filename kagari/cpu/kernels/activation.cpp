// Activation functions and their gradients, each one functor. Gradients take (grad, saved) with `saved` the input x, or the
// output y where the formula says y.
#include "kagari/cpu/elementwise.h"
#include "kagari/cpu/vector_math.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace {

constexpr double kSqrtHalf = 0.70710678118654752440;      // sqrt(1/2)
constexpr double kInvSqrt2Pi = 0.39894228040143267794;    // 1 / sqrt(2 pi)
constexpr double kSqrt2OverPi = 0.79788456080286535588;   // sqrt(2 / pi)
constexpr double kGeluCubic = 0.044715;

#define KAGARI_UNARY(Name, ...)                    \
  struct Name {                                    \
    template <class V>                             \
    KAGARI_INLINE V operator()(V x) const {        \
      return __VA_ARGS__;                          \
    }                                              \
  };
#define KAGARI_GRADIENT(Name, saved, ...)                  \
  struct Name {                                            \
    template <class V>                                     \
    KAGARI_INLINE V operator()(V grad, V saved) const {    \
      return __VA_ARGS__;                                  \
    }                                                      \
  };

KAGARI_UNARY(Relu, max_second(V(0), x))
KAGARI_UNARY(Silu, x* sigmoid(x))
KAGARI_UNARY(Gelu, V(0.5) * x * (V(1) + erf(x * V(kSqrtHalf))))
KAGARI_UNARY(Hardswish, x* clamp(x + V(3), Lane<V>(0), Lane<V>(6)) * V(1.0 / 6))
KAGARI_UNARY(Hardsigmoid, clamp(x + V(3), Lane<V>(0), Lane<V>(6)) * V(1.0 / 6))
KAGARI_UNARY(Softsign, x / (V(1) + abs(x)))
KAGARI_UNARY(Tanhshrink, x - tanh(x))
KAGARI_UNARY(LogSigmoid, min_second(V(0), x) - log1p(exp(-abs(x))))
KAGARI_UNARY(Relu6, clamp(x, Lane<V>(0), Lane<V>(6)))

KAGARI_GRADIENT(TanhBackward, y, grad*(V(1) - y * y))
KAGARI_GRADIENT(SigmoidBackward, y, grad*(V(1) - y) * y)
KAGARI_GRADIENT(HardsigmoidBackward, x, select((x > V(-3)) & (x < V(3)), grad * V(1.0 / 6), V(0)))
KAGARI_GRADIENT(LogSigmoidBackward, x, grad* sigmoid(-x))
KAGARI_GRADIENT(ReluBackward, y, select(y <= V(0), V(0), grad))

struct IntegerRelu {
  template <class T>
  T operator()(T x) const {
    return x < T(0) ? T(0) : x;
  }
};
struct GeluTanh {  // x (1 + tanh(u)) / 2 = x sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3)
  template <class V>
  KAGARI_INLINE V operator()(V x) const {
    return x * sigmoid(x * fma(x * x, V(2 * kSqrt2OverPi * kGeluCubic), V(2 * kSqrt2OverPi)));
  }
};
struct GeluBackward {
  template <class V>
  KAGARI_INLINE V operator()(V grad, V x) const {
    V cdf = V(0.5) * (V(1) + erf(x * V(kSqrtHalf)));
    V pdf = V(kInvSqrt2Pi) * exp(V(-0.5) * x * x);
    return grad * fma(x, pdf, cdf);
  }
};
struct GeluTanhBackward {
  template <class V>
  KAGARI_INLINE V operator()(V grad, V x) const {
    V square = x * x;
    V u2 = x * fma(square, V(2 * kSqrt2OverPi * kGeluCubic), V(2 * kSqrt2OverPi));
    V s = sigmoid(u2);
    V slope = fma(square, V(6 * kSqrt2OverPi * kGeluCubic), V(2 * kSqrt2OverPi));  // d(2u)/dx
    return grad * fma(x * slope, s * (V(1) - s), s);
  }
};
struct SiluBackward {
  template <class V>
  KAGARI_INLINE V operator()(V grad, V x) const {
    V s = sigmoid(x);
    return grad * s * fma(x, V(1) - s, V(1));
  }
};
struct Mish {  // x tanh(log(1 + e^x)) = x (w - 1) / (w + 1) with w = (1 + e^x)^2; it is x from 20 on
  template <class V>
  KAGARI_INLINE V operator()(V x) const {
    V e = exp(min_second(V(20), x));
    V t = e * (e + V(2));
    return x * (t / (t + V(2)));
  }
};
struct MishBackward {
  template <class V>
  KAGARI_INLINE V operator()(V grad, V x) const {
    V e = exp(min_second(V(20), x));
    V t = e * (e + V(2));
    V y = t / (t + V(2));
    V s = sigmoid(x);
    return grad * fma(x * s, V(1) - y * y, y);
  }
};
struct HardswishBackward {
  template <class V>
  KAGARI_INLINE V operator()(V grad, V x) const {
    V inner = grad * fma(x, V(1.0 / 3), V(0.5));
    return select(x <= V(-3), V(0), select(x < V(3), inner, grad));
  }
};

struct LeakyRelu {  // slot 0: slope
  double slope;
  explicit LeakyRelu(const LoopParams& p) : slope(p.real[0]) {}
  template <class V>
  KAGARI_INLINE V operator()(V x) const {
    return select(x > V(0), x, x * V(slope));
  }
};
struct LeakyReluBackward {
  double slope;
  explicit LeakyReluBackward(const LoopParams& p) : slope(p.real[0]) {}
  template <class V>
  KAGARI_INLINE V operator()(V grad, V x) const {
    return select(x > V(0), grad, grad * V(slope));
  }
};
struct Prelu {  // a learned slope
  template <class V>
  KAGARI_INLINE V operator()(V x, V slope) const {
    return select(x > V(0), x, x * slope);
  }
};
struct Elu {  // slots: 0 alpha, 1 scale, 2 input scale
  double negative, positive, input;
  explicit Elu(const LoopParams& p) : negative(p.real[0] * p.real[1]), positive(p.real[1]), input(p.real[2]) {}
  template <class V>
  KAGARI_INLINE V operator()(V x) const {
    return select(x > V(0), x * V(positive), V(negative) * expm1(min_second(V(0), x * V(input))));
  }
};
struct EluBackward {  // integer slot 3: whether the saved value is the output
  double negative, positive, input;
  bool of_output;
  explicit EluBackward(const LoopParams& p)
      : negative(p.real[0] * p.real[1]), positive(p.real[1]), input(p.real[2]), of_output(p.integer[3] != 0) {}
  template <class V>
  KAGARI_INLINE V operator()(V grad, V saved) const {
    V below = of_output ? V(input) * (saved + V(negative)) : V(input * negative) * exp(min_second(V(0), saved * V(input)));
    return grad * select(saved > V(0), V(positive), below);
  }
};
struct Celu {  // slot 0: alpha
  double alpha;
  explicit Celu(const LoopParams& p) : alpha(p.real[0]) {}
  template <class V>
  KAGARI_INLINE V operator()(V x) const {
    return select(x > V(0), x, V(alpha) * expm1(min_second(V(0), x * V(1 / alpha))));
  }
};
struct Softplus {  // slots: 0 beta, 1 threshold
  double beta, threshold;
  explicit Softplus(const LoopParams& p) : beta(p.real[0]), threshold(p.real[1]) {}
  template <class V>
  KAGARI_INLINE V operator()(V x) const {
    V scaled = x * V(beta);
    return select(scaled > V(threshold), x, log1p(exp(scaled)) / V(beta));
  }
};
struct SoftplusBackward {
  double beta, threshold;
  explicit SoftplusBackward(const LoopParams& p) : beta(p.real[0]), threshold(p.real[1]) {}
  template <class V>
  KAGARI_INLINE V operator()(V grad, V x) const {
    V scaled = x * V(beta);
    return select(scaled > V(threshold), grad, grad * sigmoid(scaled));
  }
};
struct Hardtanh {  // slots 0 and 1: limits
  double low, high;
  explicit Hardtanh(const LoopParams& p) : low(p.real[0]), high(p.real[1]) {}
  template <class V>
  KAGARI_INLINE V operator()(V x) const {
    return clamp(x, Lane<V>(low), Lane<V>(high));
  }
};
struct HardtanhBackward {
  double low, high;
  explicit HardtanhBackward(const LoopParams& p) : low(p.real[0]), high(p.real[1]) {}
  template <class V>
  KAGARI_INLINE V operator()(V grad, V x) const {
    return select((x <= V(low)) | (x >= V(high)), V(0), grad);
  }
};
struct Softshrink {  // slot 0: lambda
  double lambda;
  explicit Softshrink(const LoopParams& p) : lambda(p.real[0]) {}
  template <class V>
  KAGARI_INLINE V operator()(V x) const {
    return select(x > V(lambda), x - V(lambda), select(x < V(-lambda), x + V(lambda), x * V(0)));
  }
};
struct Hardshrink {
  double lambda;
  explicit Hardshrink(const LoopParams& p) : lambda(p.real[0]) {}
  template <class V>
  KAGARI_INLINE V operator()(V x) const {
    return select((x >= V(-lambda)) & (x <= V(lambda)), V(0), x);
  }
};
struct ShrinkBackward {  // of both shrinks
  double lambda;
  explicit ShrinkBackward(const LoopParams& p) : lambda(p.real[0]) {}
  template <class V>
  KAGARI_INLINE V operator()(V grad, V x) const {
    return select((x >= V(-lambda)) & (x <= V(lambda)), V(0), grad);
  }
};
struct Threshold {  // slots: 0 threshold, 1 value
  LoopParams p;
  explicit Threshold(const LoopParams& params) : p(params) {}
  template <class V>
  KAGARI_INLINE V operator()(V x) const {
    if constexpr (IsVec<V>::value) return select(x <= V(p.real[0]), V(p.real[1]), x);
    else return x <= scalar_param<V>(p, 0) ? scalar_param<V>(p, 1) : x;
  }
};
struct ThresholdBackward {
  LoopParams p;
  explicit ThresholdBackward(const LoopParams& params) : p(params) {}
  template <class V>
  KAGARI_INLINE V operator()(V grad, V x) const {
    if constexpr (IsVec<V>::value) return select(x <= V(p.real[0]), V(0), grad);
    else return x <= scalar_param<V>(p, 0) ? V(0) : grad;
  }
};
struct LogitBackward {  // slot 0: eps, below 0 there is none
  double eps;
  explicit LogitBackward(const LoopParams& p) : eps(p.real[0]) {}
  template <class V>
  KAGARI_INLINE V operator()(V grad, V x) const {
    V inner = grad / (x * (V(1) - x));
    if (eps < 0) return select((x < V(0)) | (x > V(1)), V(__builtin_nan("")), inner);
    return select((x < V(eps)) | (x > V(1 - eps)), V(0), inner);
  }
};
#undef KAGARI_UNARY
#undef KAGARI_GRADIENT

}  // namespace

KAGARI_KERNELS(r) {
  add_loop<Relu, kFloating>(r, "relu");
  add_loop<IntegerRelu, kInteger>(r, "relu");
  add_loop<Relu6, kFloating>(r, "relu6");
  add_loop<Silu, kFloating>(r, "silu");
  add_loop<Gelu, kFloating>(r, "gelu");
  add_loop<GeluTanh, kFloating>(r, "gelu_tanh");
  add_loop<Mish, kFloating>(r, "mish");
  add_loop<Hardswish, kFloating>(r, "hardswish");
  add_loop<Hardsigmoid, kFloating>(r, "hardsigmoid");
  add_loop<Hardtanh, kFloating>(r, "hardtanh");
  add_loop<LeakyRelu, kFloating>(r, "leaky_relu");
  add_loop<Prelu, kFloating>(r, "prelu");
  add_loop<Elu, kFloating>(r, "elu");
  add_loop<Celu, kFloating>(r, "celu");
  add_loop<Softplus, kFloating>(r, "softplus");
  add_loop<Softsign, kFloating>(r, "softsign");
  add_loop<Tanhshrink, kFloating>(r, "tanhshrink");
  add_loop<Softshrink, kFloating>(r, "softshrink");
  add_loop<Hardshrink, kFloating>(r, "hardshrink");
  add_loop<LogSigmoid, kFloating>(r, "log_sigmoid");
  add_loop<Threshold, kInteger | kFloating>(r, "threshold");
  add_loop<TanhBackward, kFloating>(r, "tanh_backward");
  add_loop<SigmoidBackward, kFloating>(r, "sigmoid_backward");
  add_loop<ReluBackward, kFloating>(r, "relu_backward");
  add_loop<GeluBackward, kFloating>(r, "gelu_backward");
  add_loop<GeluTanhBackward, kFloating>(r, "gelu_tanh_backward");
  add_loop<SiluBackward, kFloating>(r, "silu_backward");
  add_loop<MishBackward, kFloating>(r, "mish_backward");
  add_loop<HardswishBackward, kFloating>(r, "hardswish_backward");
  add_loop<HardsigmoidBackward, kFloating>(r, "hardsigmoid_backward");
  add_loop<HardtanhBackward, kFloating>(r, "hardtanh_backward");
  add_loop<LeakyReluBackward, kFloating>(r, "leaky_relu_backward");
  add_loop<EluBackward, kFloating>(r, "elu_backward");
  add_loop<SoftplusBackward, kFloating>(r, "softplus_backward");
  add_loop<ShrinkBackward, kFloating>(r, "shrink_backward");
  add_loop<LogSigmoidBackward, kFloating>(r, "log_sigmoid_backward");
  add_loop<ThresholdBackward, kInteger | kFloating>(r, "threshold_backward");
  add_loop<LogitBackward, kFloating>(r, "logit_backward");
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
