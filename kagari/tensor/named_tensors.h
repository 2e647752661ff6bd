#pragma once
#include <string>
#include <utility>
#include <vector>

#include "kagari/tensor/tensor.h"

namespace kagari {

/// Tensors by name, in order: the state of a model, the contents of a file.
using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

}  // namespace kagari
