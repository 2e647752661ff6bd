#pragma once
#include "kagari/tensor/tensor.h"

namespace kagari {

/// Adds pad[2 i] elements before and pad[2 i + 1] behind the i-th dimension from the back; negative numbers take elements away.
KAGARI_API Tensor constant_pad_nd(const Tensor& self, IntList pad, const Scalar& value = 0);
/// mode: "constant" (with value), "reflect", "replicate" or "circular".
KAGARI_API Tensor pad(const Tensor& input, IntList pad, std::string_view mode = "constant", std::optional<double> value = {});

}  // namespace kagari
