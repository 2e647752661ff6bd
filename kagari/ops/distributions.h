#pragma once
#include "kagari/op/value.h"

// Random numbers of named distributions, with PyTorch's numbers for the same seed. `generator` null means the default one. The functions
// that take only parameters as numbers return tensors of self's shape and dtype; Python has them as in-place methods (exponential_).
namespace kagari {

/// 1 with the probability that each element of self says, else 0; self's shape and dtype. RuntimeError outside [0, 1].
KAGARI_API Tensor bernoulli(const Tensor& self, Generator* generator = nullptr);
/// 1 with probability p.
KAGARI_API Tensor bernoulli_p(const Tensor& self, double p, Generator* generator = nullptr);
KAGARI_API Tensor bernoulli_fill(const Tensor& self, double p = 0.5, Generator* generator = nullptr);
KAGARI_API Tensor bernoulli_fill_tensor(const Tensor& self, const Tensor& p, Generator* generator = nullptr);
/// Fills self in place.
KAGARI_API const Tensor& bernoulli_(const Tensor& self, double p, Generator* generator = nullptr);

/// Density lambd * exp(-lambd x) for x >= 0.
KAGARI_API Tensor exponential(const Tensor& self, double lambd = 1, Generator* generator = nullptr);
/// Number of trials up to the first success, which has probability p.
KAGARI_API Tensor geometric(const Tensor& self, double p, Generator* generator = nullptr);
KAGARI_API Tensor cauchy(const Tensor& self, double median = 0, double sigma = 1, Generator* generator = nullptr);
/// exp of a normal number.
KAGARI_API Tensor log_normal(const Tensor& self, double mean = 1, double std = 2, Generator* generator = nullptr);

/// Poisson numbers with the rate of each element.
KAGARI_API Tensor poisson(const Tensor& self, Generator* generator = nullptr);
/// Successes among `count` trials with probability `prob`, element by element; the two broadcast.
KAGARI_API Tensor binomial(const Tensor& count, const Tensor& prob, Generator* generator = nullptr);
/// Gamma numbers with the shape parameter of each element and rate 1.
KAGARI_API Tensor standard_gamma(const Tensor& self, Generator* generator = nullptr);
/// The derivative of a gamma number with respect to its shape parameter `self`, at a given quantile.
KAGARI_API Tensor standard_gamma_grad(const Tensor& self, const Tensor& output);
/// Points of the simplex: the last dimension of self has the concentrations.
KAGARI_API Tensor sample_dirichlet(const Tensor& self, Generator* generator = nullptr);
/// The derivative of Beta(alpha, total - alpha) numbers x with respect to alpha at a fixed quantile, divided by 1 - x.
KAGARI_API Tensor dirichlet_grad(const Tensor& x, const Tensor& alpha, const Tensor& total);

/// Indices drawn with probabilities proportional to the rows of a 1-D or 2-D tensor of weights. int64, (rows,) num_samples.
KAGARI_API Tensor multinomial(const Tensor& self, int64_t num_samples, bool replacement = false, Generator* generator = nullptr);

}  // namespace kagari
