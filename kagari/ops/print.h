#pragma once
#include <optional>
#include <string>

#include "kagari/tensor/tensor.h"

namespace kagari {

/// How tensors are written. `torch.set_printoptions`.
struct PrintOptions {
  int64_t precision = 4;          // digits behind the point
  double threshold = 1000;        // tensors of more elements are abbreviated
  int64_t edgeitems = 3;          // then this many are shown at both ends of each dimension
  int64_t linewidth = 80;
  std::optional<bool> sci_mode;   // scientific notation; chosen by the values if absent
};
/// The options in force for repr().
KAGARI_API PrintOptions& print_options();

/// repr() of a tensor, as PyTorch writes it: "tensor([[1., 2.]], dtype=torch.float64, grad_fn=<AddBackward0>)".
/// `prefix` is what stands before the numbers; further lines are indented by its length.
KAGARI_API std::string to_text(const Tensor& t, const PrintOptions& options = print_options(), std::string_view prefix = "tensor(");

}  // namespace kagari
