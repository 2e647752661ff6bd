#pragma once
#include "kagari/random/generator.h"

// One random number of a distribution that needs more than a formula. Which draws they take, and in which order, is PyTorch's.
namespace kagari {

/// Poisson number with rate >= 0. Under 10 by multiplying uniform numbers (Knuth), else Hoermann's PTRS,
/// "The transformed rejection method for generating Poisson random variables" (1993).
double sample_poisson(Generator& g, double rate);
/// Successes in `count` trials. Few successes by geometric waiting times, many by Hoermann's BTRS,
/// "The generation of binomial random variates" (1993).
double sample_binomial(Generator& g, double count, double p);
/// Gamma number with shape alpha, rate 1. Marsaglia and Tsang, "A simple method for generating gamma variables" (2000).
double sample_gamma(Generator& g, double alpha);
/// d(sample)/d(alpha) of a gamma number x at a fixed quantile: -(dP(alpha, x)/d alpha) / p(x; alpha).
double gamma_sample_derivative(double alpha, double x);
/// The same of a Beta(alpha, beta) number x, divided by 1 - x.
double beta_sample_derivative(double alpha, double beta, double x);

}  // namespace kagari
