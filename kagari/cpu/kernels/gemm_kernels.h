#pragma once
#include <cstdint>

#include "kagari/tensor/dtype.h"

// What the per-instruction-set matrix multiplication offers to kagari/cpu/gemm.cpp. Everything here runs in the calling thread.

namespace kagari {

/// C = alpha A B + beta C (+ bias), element (i, j) of A at a[i * a_row + j * a_col] and so on; C's columns are contiguous.
/// When beta is 0, C is not read. `bias` has C's type: one element per column, or per row if bias_per_row, or is null.
struct GemmBlock {
  int64_t m, n, k;
  const void* a;
  int64_t a_row, a_col;
  const void* b;
  int64_t b_row, b_col;
  void* c;
  int64_t c_row;
  double alpha, beta;
  const void* bias;
  bool bias_per_row;
  bool relu;
};

/// y[i * y_stride] = alpha sum_r M[i * out_stride + r * red_stride] x[r] + beta y for i < outputs, r < length. One of the two
/// strides of M is 1, x is contiguous.
struct GemvBlock {
  int64_t outputs, length;
  const void* matrix;
  int64_t out_stride, red_stride;
  const void* x;
  void* y;
  int64_t y_stride;
  double alpha, beta;
};

struct GemmKernels {
  int row_tile, column_tile;  // C is best split at multiples of these (float32)
  // By the type of A and B; C has the type that they are accumulated in.
  void (*gemm_float32)(const GemmBlock&);
  void (*gemm_float64)(const GemmBlock&);
  void (*gemm_bfloat16)(const GemmBlock&);  // C: float32
  void (*gemm_float16)(const GemmBlock&);   // C: float32
  void (*gemm_int64)(const GemmBlock&);
  void (*gemm_int32)(const GemmBlock&);
  void (*gemm_int16)(const GemmBlock&);  // C: int32
  void (*gemm_int8)(const GemmBlock&);   // C: int32
  void (*gemm_uint8)(const GemmBlock&);  // C: int32
  void (*gemv_float32)(const GemvBlock&);
  void (*gemv_float64)(const GemvBlock&);
  void (*gemv_bfloat16)(const GemvBlock&);  // x and y: float32, alpha 1 and beta 0
  void (*gemv_float16)(const GemvBlock&);   // the same
  // For few rows of C when A and B are both contiguous along k (a_col == b_row == 1): dot products, nothing is packed.
  void (*dots_float32)(const GemmBlock&);
  void (*dots_float64)(const GemmBlock&);
  void (*dots_bfloat16)(const GemmBlock&);  // of B only; A, C and bias: float32
  void (*dots_float16)(const GemmBlock&);   // the same
  // n contiguous elements.
  void (*to_float32)(DType from, const void* source, float* target, int64_t n);    // from float16 or bfloat16
  void (*from_float32)(DType to, const float* source, void* target, int64_t n);  // rounds to nearest, ties to even
};

namespace isa_v2 { extern const GemmKernels gemm_kernels; }
namespace isa_v3 { extern const GemmKernels gemm_kernels; }
namespace isa_v4 { extern const GemmKernels gemm_kernels; }

/// Those for isa().
const GemmKernels& gemm_kernels_for_this_cpu();

}  // namespace kagari
