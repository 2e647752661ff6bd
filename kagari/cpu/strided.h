#pragma once
#include <span>

#include "kagari/cpu/dispatch.h"
#include "kagari/tensor/tensor.h"

namespace kagari::cpu {

/// Runs an elementwise loop over operands of any strides. operands[0] is written and has the full shape; the others broadcast to it.
/// Dimensions are merged and ordered by stride, and large work is split over threads; every element is computed once, so the result
/// does not depend on the number of threads.
KAGARI_API void run_elementwise(LoopFn loop, const void* params, std::span<const Tensor* const> operands);

/// Strides for a fresh result of elementwise operators over `inputs`, whose broadcast shape is `sizes`: the order of dimensions in memory
/// follows the inputs, as PyTorch's does. Empty for row-major.
KAGARI_API Ints result_strides(IntList sizes, std::span<const Tensor* const> inputs);

/// Elements under which a loop is not worth a second thread.
inline constexpr int64_t parallel_grain = 32768;

}  // namespace kagari::cpu
