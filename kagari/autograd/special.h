#pragma once
#include "kagari/tensor/tensor.h"

namespace kagari {

/// How a `special` tensor is detached: through whoever answers for it, so that it stays what it is. Offered by a language binding.
KAGARI_API extern Tensor (*detach_special)(const Tensor& t);
/// What autograd keeps of a tensor: a second handle on the same bytes, without history.
KAGARI_API Tensor handle_for_saving(const Tensor& t);

}  // namespace kagari
