#pragma once
#include "kagari/cpu/kernels/gemm_kernels.h"

// Matrix products on AMX tiles (Note [Products on tiles]).

namespace kagari {

struct AmxKernels {
  /// A, B, C and bias of dtype `t`: float32, float16 or bfloat16. For each of A and B one of the two strides is 1. False if an
  /// element was not finite (float32 and float16 only); then C holds nothing.
  bool (*gemm)(DType t, const GemmBlock& g);
  /// B in tiles, for many products with it: the bytes that takes, the packing (false as above), and the product (false as above) with columns
  /// [first_column, first_column + g.n) of its first g.k rows, where first_column is a multiple of 16; g.b is not read.
  int64_t (*packed_bytes)(DType t, int64_t k, int64_t n);
  bool (*pack)(DType t, int64_t k, int64_t n, const void* b, int64_t row, int64_t col, char* packed);
  bool (*gemm_packed)(DType t, const GemmBlock& g, const char* packed, int64_t packed_k, int64_t first_column);
  /// Whether all elements are finite, and no float32 is so large that its first part is not.
  bool (*all_finite)(DType t, const void* data, int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride);
};

namespace isa_v2 { extern const AmxKernels amx_kernels; }
namespace isa_v3 { extern const AmxKernels amx_kernels; }
namespace isa_v4 { extern const AmxKernels amx_kernels; }

/// Null where the processor has no tiles for bfloat16.
const AmxKernels* amx_kernels_for_this_cpu();

}  // namespace kagari
