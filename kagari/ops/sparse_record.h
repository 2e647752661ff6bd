#pragma once
#include <functional>

#include "kagari/op/op.h"

namespace kagari {

/// Records `result`, which has no history, as the output of a node over `inputs`, if one of them requires a gradient. `fn` turns the gradient
/// of the result into those of the inputs. For operators whose arguments or results are sparse.
Tensor record_sparse(Tensor result, std::string name, std::initializer_list<Tensor> inputs, std::function<Grads(const Tensor& grad, const Node& node)> fn);
Tensor record_sparse(Tensor result, std::string name, TensorList inputs, std::function<Grads(const Tensor& grad, const Node& node)> fn);

}  // namespace kagari
