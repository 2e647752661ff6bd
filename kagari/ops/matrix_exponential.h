#pragma once
#include "kagari/tensor/tensor.h"

namespace kagari {

/// e^A of square matrices (..., n, n), floating or complex.
KAGARI_API Tensor matrix_exp(const Tensor& self);

}  // namespace kagari
