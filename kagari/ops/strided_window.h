#pragma once
#include "kagari/autograd/node.h"

namespace kagari {

/// A node of the backward graph as if `view` had just been taken from `base` by as_strided.
KAGARI_API IntrusivePtr<Node> strided_window_node(const Tensor& base, const Tensor& view);

}  // namespace kagari
