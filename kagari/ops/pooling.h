#pragma once
#include "kagari/tensor/tensor.h"

// Pooling over the last spatial dimensions of (N, C, size...) or (C, size...). Lists have one entry per spatial dimension, or one for all;
// an empty stride means the kernel size.
namespace kagari {

/// (maxima, their positions in the flattened spatial dimensions) of windows; for `dims` spatial dimensions.
KAGARI_API std::tuple<Tensor, Tensor> max_pool_windows(const Tensor& input, int64_t dims, IntList kernel_size, IntList stride, IntList padding, IntList dilation, bool ceil_mode);
/// Averages of windows; divisor_override replaces the number of elements.
KAGARI_API Tensor avg_pool_windows(const Tensor& input, int64_t dims, IntList kernel_size, IntList stride, IntList padding, bool ceil_mode, bool count_include_pad,
                                   std::optional<int64_t> divisor_override);
/// The average (maximum) of output_size windows that cover the input: window i is [floor(i n / m), ceil((i + 1) n / m)).
KAGARI_API Tensor adaptive_avg_pool(const Tensor& input, int64_t dims, IntList output_size);
KAGARI_API std::tuple<Tensor, Tensor> adaptive_max_pool(const Tensor& input, int64_t dims, IntList output_size);

/// The gradient of maxima goes to their positions in the flattened last `dims` dimensions of an input of these sizes.
KAGARI_API Tensor to_positions(const Tensor& grad, const Tensor& positions, IntList input_sizes, int64_t dims);

}  // namespace kagari
