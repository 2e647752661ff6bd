// Reductions over raw memory: what the kernels of kernels/reduce.cpp look like, and the driver that runs them on threads.
//
// The input is a slab [outer][n][inner] whose innermost dimension is contiguous; every output is the reduction of n elements.
// A caller brings other layouts into this form by merging, permuting or copying dimensions.
//
// Kernels that work row by row (softmax, argmax, variance, normalisation) have the simpler type RowsFn: contiguous rows of n
// elements, any number of them, in the calling thread; the caller splits the rows over threads.
#pragma once

#include <cstdint>

#include "kagari/cpu/dispatch.h"

namespace kagari::cpu {

/// Elements of a run that make one partial result. Fixed, so that a result does not depend on the number of threads.
inline constexpr int64_t kReduceBlock = 16384;

/// A reduction of elements of one type. `state` is a partial result of `state_size` bytes (at most 32). Parameters may be null
/// where the kernel has none.
struct ReduceKernel {
  int64_t state_size;
  int64_t input_size, output_size;  ///< bytes of an element
  /// The partial result of n elements that are `stride` bytes apart (n may be 0: the identity).
  void (*block)(void* state, const char* in, int64_t n, int64_t stride, const LoopParams* params);
  /// Adds a later partial result.
  void (*merge)(void* state, const void* later, const LoopParams* params);
  /// The result of one output.
  void (*finish)(char* out, const void* state, const LoopParams* params);
  /// out[j] = reduction over i < n of in[i * stride + j], j < columns: contiguous columns.
  void (*columns)(char* out, const char* in, int64_t n, int64_t stride, int64_t columns, const LoopParams* params);
};
/// The output of the kernel "moments": the mean and the sum of squared deviations from it. The variance is
/// m2 / max(0, n - correction).
struct Moments {
  double mean, m2;
};
/// What the tables hold: find_kernels<ReduceKernelOf>("sum")[dtype]().
using ReduceKernelOf = const ReduceKernel& (*)();

/// Where the slab lies, strides in bytes. The output is contiguous [outer][inner].
struct ReduceSlab {
  int64_t outer, n, inner;
  int64_t outer_stride, n_stride;
};

/// Runs a reduction, on several threads if it is large.
KAGARI_API void run_reduce(const ReduceKernel& kernel, char* out, const char* in, const ReduceSlab& slab, const LoopParams* params);

/// Parameters of the normalisation kernels.
struct NormParams {
  double eps;
  int64_t row_stride;   ///< layer_norm_backward_params: elements between rows (its n may be a range of the columns)
  int64_t channels;     ///< channel_*: row i belongs to channel (first_row + i) % channels,
  int64_t first_row;
  bool by_column;       ///<   or column j to channel j
};

/// Kernels over contiguous rows. data: the outputs, then the inputs, as the registration of each kernel says.
using RowsFn = void (*)(char* const* data, int64_t rows, int64_t n, const void* params);

}  // namespace kagari::cpu
