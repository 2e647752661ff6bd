#pragma once
#include "kagari/tensor/tensor.h"

namespace kagari {

/// A view of all of self that autograd follows: the same elements in another tensor.
KAGARI_API Tensor view_of_all(const Tensor& self);
/// self, which was made from data outside of operators: so that modes see it.
KAGARI_API Tensor lift_fresh(const Tensor& self);
/// The only element as a number, as an operator that modes see.
KAGARI_API Scalar local_scalar_dense(const Tensor& self);

}  // namespace kagari
