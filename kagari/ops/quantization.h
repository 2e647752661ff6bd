#pragma once
#include "kagari/tensor/tensor.h"

// Layers with integer weights.
namespace kagari {

/// input (..., in) times scale * weight (out, in; int8) transposed, plus bias (out), in float32; the input is rounded to 7 bits first.
KAGARI_API Tensor int8_linear(const Tensor& input, const Tensor& weight, double scale, const Tensor& bias = {});

}  // namespace kagari
