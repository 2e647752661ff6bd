#pragma once
#include "kagari/tensor/tensor.h"

namespace kagari {

/// Resizes the spatial dimensions of (N, C, size...) to output_size. kernel: "nearest", "nearest-exact", "linear", "cubic". scales, if given,
/// are the factors that positions are computed with. antialias widens the kernel when shrinking.
KAGARI_API Tensor resample(const Tensor& input, IntList output_size, std::string_view kernel, bool align_corners, std::optional<ArrayView<double>> scales, bool antialias);

}  // namespace kagari
