#pragma once
#include "kagari/tensor/tensor.h"

namespace kagari {

/// The element of a one-element tensor that has no bytes of its own. Offered by a language binding.
KAGARI_API extern Scalar (*item_of_wrapper)(const Tensor& t);

}  // namespace kagari
