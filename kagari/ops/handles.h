#pragma once
#include "kagari/tensor/tensor.h"

namespace kagari {

/// A view of all of self that autograd follows: the same elements in another tensor.
KAGARI_API Tensor view_of_all(const Tensor& self);
/// The only element as a number, as an operator that modes see.
KAGARI_API Scalar local_scalar_dense(const Tensor& self);

}  // namespace kagari
