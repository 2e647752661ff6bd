// The optimizers' passes against their formulas in plain double arithmetic, for all lengths around a vector's.
#include <cmath>
#include <vector>

#include "check.h"
#include "kagari/optim/passes.h"

using namespace kagari;
using optim::Column;

static Tensor sequence(int64_t n, DType dtype, double a, double b) {
  Tensor t = empty_tensor({n}, dtype);
  for (int64_t i = 0; i < n; ++i) {
    const double value = std::sin(a * double(i) + b);
    switch (dtype) {
      case DType::Float64: t.data<double>()[i] = value; break;
      case DType::Float32: t.data<float>()[i] = float(value); break;
      case DType::BFloat16: t.data<BFloat16>()[i] = BFloat16(float(value)); break;
      default: t.data<Half>()[i] = Half(float(value)); break;
    }
  }
  return t;
}

static double at(const Tensor& t, int64_t i) {
  switch (t.dtype()) {
    case DType::Float64: return t.data<double>()[i];
    case DType::Float32: return double(t.data<float>()[i]);
    case DType::BFloat16: return double(float(t.data<BFloat16>()[i]));
    default: return double(float(t.data<Half>()[i]));
  }
}

static Tensor zero_step() {
  Tensor t = empty_tensor({}, DType::Float32);
  *t.data<float>() = 0;
  return t;
}

static double tolerance(DType dtype) {
  switch (dtype) {
    case DType::Float64: return 1e-14;
    case DType::Float32: return 2e-6;
    case DType::Float16: return 2e-3;
    default: return 2e-2;
  }
}

static void adam(DType dtype, int64_t n, bool amsgrad, bool decoupled) {
  const optim::AdamOptions o{0.01, 0.9, 0.99, 1e-8, 0.1, amsgrad, false, decoupled};
  Tensor p = sequence(n, dtype, 0.7, 0.1), g = sequence(n, dtype, 1.3, 0.2), m = sequence(n, dtype, 0, 0),
         v = sequence(n, dtype, 0, 0), w = sequence(n, dtype, 0, 0), step = zero_step();
  std::vector<double> rp, rm(size_t(n), 0.0), rv(size_t(n), 0.0), rw(size_t(n), 0.0);
  for (int64_t i = 0; i < n; ++i) rp.push_back(at(p, i));
  for (int t = 1; t <= 3; ++t) {
    EXPECT(optim::adam_pass({p}, {g}, {m}, {v}, amsgrad ? Column{w} : Column{}, {step}, o));
    EXPECT(step.item<double>() == t);
    for (size_t i = 0; i < size_t(n); ++i) {
      double gradient = at(g, int64_t(i));
      if (decoupled) rp[i] *= 1 - o.lr * o.weight_decay;
      else gradient += o.weight_decay * rp[i];
      rm[i] += (1 - o.beta1) * (gradient - rm[i]);
      rv[i] = o.beta2 * rv[i] + (1 - o.beta2) * gradient * gradient;
      rw[i] = std::fmax(rw[i], rv[i]);
      const double second = amsgrad ? rw[i] : rv[i];
      rp[i] -= o.lr / (1 - std::pow(o.beta1, t)) * rm[i] /
               (std::sqrt(second) / std::sqrt(1 - std::pow(o.beta2, t)) + o.eps);
      EXPECT(std::fabs(at(p, int64_t(i)) - rp[i]) <= tolerance(dtype));
    }
  }
}

static void sgd(DType dtype, int64_t n, bool nesterov) {
  Tensor p = sequence(n, dtype, 0.7, 0.1), g = sequence(n, dtype, 1.3, 0.2), b = sequence(n, dtype, 0.3, 0.3);
  std::vector<double> rp, rb(size_t(n), 0.0);
  for (int64_t i = 0; i < n; ++i) rp.push_back(at(p, i));
  for (int t = 0; t < 3; ++t) {
    EXPECT(optim::sgd_pass({p}, {g}, {b}, {0.1, 0.9, 0, 0.01, nesterov, true, t == 0}));
    for (size_t i = 0; i < size_t(n); ++i) {
      const double gradient = -at(g, int64_t(i)) + 0.01 * rp[i];
      rb[i] = t == 0 ? gradient : 0.9 * rb[i] + gradient;
      rp[i] -= 0.1 * (nesterov ? gradient + 0.9 * rb[i] : rb[i]);
      EXPECT(std::fabs(at(p, int64_t(i)) - rp[i]) <= tolerance(dtype));
    }
  }
}

static void unusual() {
  // Nothing may change when a tensor does not fit.
  Tensor p = sequence(6, DType::Float32, 1, 0), g = sequence(6, DType::Float64, 1, 0);
  EXPECT(!optim::sgd_pass({p}, {g}, {}, {0.1, 0, 0, 0, false, false, false}));
  EXPECT(!optim::sgd_pass({p}, {Tensor()}, {}, {0.1, 0, 0, 0, false, false, false}));
  EXPECT(!optim::sgd_pass({p}, {}, {}, {0.1, 0, 0, 0, false, false, false}));
  EXPECT(at(p, 1) == double(float(std::sin(1.0))));
  Tensor matrix = alias(sequence(6, DType::Float32, 1, 0), {2, 3}, {1, 2}, 0);
  Tensor gradient = alias(sequence(6, DType::Float32, 1, 0), {2, 3}, {3, 1}, 0);
  EXPECT(!optim::sgd_pass({matrix}, {gradient}, {}, {0.1, 0, 0, 0, false, false, false}));
  const uint32_t version = matrix.version();
  EXPECT(optim::sgd_pass({matrix}, {alias(matrix)}, {}, {0.5, 0, 0, 0, false, false, false}));
  EXPECT(std::fabs(at(matrix, 1) - 0.5 * std::sin(1.0)) < 1e-6);
  EXPECT(matrix.version() > version);
}

static void large() {
  // Cut into parts: the result is that of one loop.
  const int64_t n = 300001;
  Tensor p = sequence(n, DType::Float32, 0.7, 0.1), g = sequence(n, DType::Float32, 1.3, 0.2);
  EXPECT(optim::sgd_pass({p}, {g}, {}, {0.1, 0, 0, 0, false, false, false}));
  for (int64_t i = 0; i < n; i += 997)
    EXPECT(std::fabs(at(p, i) - (float(std::sin(0.7 * double(i) + 0.1)) - 0.1 * at(g, i))) < 1e-6);
}

int main() {
  for (DType dtype : {DType::Float32, DType::Float64, DType::Float16, DType::BFloat16})
    for (int64_t n : {0, 1, 7, 16, 17, 33, 70}) {
      adam(dtype, n, false, false);
      adam(dtype, n, true, true);
      sgd(dtype, n, false);
      sgd(dtype, n, true);
    }
  unusual();
  large();
  return finish();
}
