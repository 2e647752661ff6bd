// The numbers that the update kernels of the optimizers take, one struct per family.
//
// find_kernels<OptimKernel>("optim_adam")[dtype] updates n elements in place. tensors[0] is the parameter, tensors[1] the
// gradient (only read), the others are state in the order named below; all of the same dtype, dense, in the same layout.
// float16 and bfloat16 are computed in float32.
#pragma once

#include <cstdint>

namespace kagari::cpu {

/// `numbers` points to the struct of the kernel's family.
using OptimKernel = void (*)(void* const* tensors, int64_t n, const void* numbers);

/// What all optimizers do to the gradient first: g = sign * g + decay * p; with keep != 1 the parameter is scaled by it.
struct OptimGradient {
  double sign = 1;   // -1 to maximize
  double decay = 0;  // weight decay that is added to the gradient
  double keep = 1;   // factor of decoupled weight decay
};

/// "optim_sgd": no state. "optim_sgd_momentum": momentum buffer.
struct SgdNumbers : OptimGradient {
  double lr, momentum, one_minus_dampening;
  bool nesterov, first;
};

/// "optim_adam": averages of g and of g^2. "optim_amsgrad": also the largest average of g^2.
struct AdamNumbers : OptimGradient {
  double one_minus_beta1, beta2, eps;
  double step_size;         // lr / (1 - beta1^t)
  double root_correction2;  // sqrt(1 - beta2^t)
};

/// "optim_adamax": average of g, maximum norm.
struct AdamaxNumbers : OptimGradient {
  double one_minus_beta1, beta2, eps, step_size;
};

/// "optim_nadam": averages of g and of g^2.
struct NadamNumbers : OptimGradient {
  double one_minus_beta1, beta2, eps, correction2;
  double grad_size, average_size;  // factors of g and of its average
};

/// "optim_radam": averages of g and of g^2.
struct RadamNumbers : OptimGradient {
  double one_minus_beta1, beta2, eps, correction1, lr;
  double factor;  // rectification * sqrt(1 - beta2^t)
  bool adaptive;
};

/// "optim_adagrad": sum of g^2.
struct AdagradNumbers : OptimGradient {
  double step_size, eps;
};

/// "optim_adadelta": averages of g^2 and of the squared update.
struct AdadeltaNumbers : OptimGradient {
  double lr, rho, eps;
};

/// "optim_rmsprop": average of g^2; "_centered": then average of g; "_momentum": then momentum buffer.
struct RmspropNumbers : OptimGradient {
  double lr, alpha, eps, momentum;
};

/// "optim_rprop": previous gradient, step size.
struct RpropNumbers : OptimGradient {
  double smallest, largest, shrink, grow;
};

/// "optim_asgd": averaged parameter.
struct AsgdNumbers : OptimGradient {
  double eta, mu;
};

}  // namespace kagari::cpu
