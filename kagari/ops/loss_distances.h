#pragma once
#include "kagari/tensor/tensor.h"

// Distances of two tensors that broadcast, element by element and in one pass: what mse_loss, huber_loss and smooth_l1_loss average.
namespace kagari {

/// (input - target)^2
Tensor squared_difference(const Tensor& input, const Tensor& target);
/// factor * (0.5 d^2 where |d| < delta, else delta (|d| - delta / 2)), d = input - target
Tensor huber(const Tensor& input, const Tensor& target, double delta, double factor);

}  // namespace kagari
