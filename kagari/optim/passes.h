// One pass over all parameters of a group, for each optimizer.
#pragma once

#include <vector>

#include "kagari/tensor/tensor.h"

namespace kagari::optim {

/// Parameters, gradients, or one kind of state: one tensor per parameter.
using Column = std::vector<Tensor>;

// Every pass updates parameters and state in place and increments `steps`, which are 0-d tensors of float32 or float64. It
// returns false, with nothing changed, unless all tensors of a parameter are dense CPU tensors of one floating dtype, one shape
// and one layout. Autograd is not asked: the caller has gradients turned off. The formulas are those of the Python classes.

struct SgdOptions {
  double lr, momentum, dampening, weight_decay;
  bool nesterov, maximize, first;  // first: the buffers are uninitialised
};
/// `buffers` may be empty if there is no momentum.
KAGARI_API bool sgd_pass(const Column& params, const Column& grads, const Column& buffers, const SgdOptions& o);

struct AdamOptions {
  double lr, beta1, beta2, eps, weight_decay;
  bool amsgrad, maximize, decoupled;
};
/// `max_exp_avg_sqs` is read with amsgrad only.
KAGARI_API bool adam_pass(const Column& params, const Column& grads, const Column& exp_avgs, const Column& exp_avg_sqs,
                          const Column& max_exp_avg_sqs, const Column& steps, const AdamOptions& o);

struct AdamaxOptions {
  double lr, beta1, beta2, eps, weight_decay;
  bool maximize;
};
KAGARI_API bool adamax_pass(const Column& params, const Column& grads, const Column& exp_avgs, const Column& exp_infs,
                            const Column& steps, const AdamaxOptions& o);

struct NadamOptions {
  double lr, beta1, beta2, eps, weight_decay, momentum_decay;
  bool decoupled, maximize;
};
/// `mu_products` are 0-d, as the steps are.
KAGARI_API bool nadam_pass(const Column& params, const Column& grads, const Column& exp_avgs, const Column& exp_avg_sqs,
                           const Column& mu_products, const Column& steps, const NadamOptions& o);

struct RadamOptions {
  double lr, beta1, beta2, eps, weight_decay;
  bool decoupled, maximize;
};
KAGARI_API bool radam_pass(const Column& params, const Column& grads, const Column& exp_avgs, const Column& exp_avg_sqs,
                           const Column& steps, const RadamOptions& o);

struct AdagradOptions {
  double lr, lr_decay, weight_decay, eps;
  bool maximize;
};
KAGARI_API bool adagrad_pass(const Column& params, const Column& grads, const Column& sums, const Column& steps,
                             const AdagradOptions& o);

struct AdadeltaOptions {
  double lr, rho, eps, weight_decay;
  bool maximize;
};
KAGARI_API bool adadelta_pass(const Column& params, const Column& grads, const Column& square_avgs, const Column& acc_deltas,
                              const Column& steps, const AdadeltaOptions& o);

struct RmspropOptions {
  double lr, alpha, eps, weight_decay, momentum;
  bool centered, maximize;
};
/// `grad_avgs` are read if centered, `buffers` with momentum only.
KAGARI_API bool rmsprop_pass(const Column& params, const Column& grads, const Column& square_avgs, const Column& grad_avgs,
                             const Column& buffers, const Column& steps, const RmspropOptions& o);

struct RpropOptions {
  double step_size_min, step_size_max, etaminus, etaplus;
  bool maximize;
};
KAGARI_API bool rprop_pass(const Column& params, const Column& grads, const Column& prevs, const Column& step_sizes,
                           const Column& steps, const RpropOptions& o);

struct AsgdOptions {
  double lambd, lr, t0, alpha, weight_decay;
  bool maximize;
};
/// `mus` and `etas` are 0-d, as the steps are.
KAGARI_API bool asgd_pass(const Column& params, const Column& grads, const Column& axs, const Column& mus, const Column& etas,
                          const Column& steps, const AsgdOptions& o);

}  // namespace kagari::optim
