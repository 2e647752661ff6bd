#pragma once
#include <cstdint>

#include "kagari/base/export.h"
#include "kagari/tensor/dtype.h"

// softmax(scale Q K^T + mask) V without a matrix of scores for all heads at once, and its gradient, on raw memory.

namespace kagari {

/// One operand: address and strides in elements by batch, head and row; rows are contiguous.
struct AttentionOperand {
  void* data = nullptr;
  int64_t batch_stride = 0, head_stride = 0, row_stride = 0;
};

struct Attention {
  DType dtype = DType::Float32;  // float32, float64, float16, bfloat16
  int64_t batch = 0, heads = 0, kv_heads = 0;  // heads is a multiple of kv_heads
  int64_t queries = 0, keys = 0, width = 0, value_width = 0;
  double scale = 1;
  bool causal = false;  // query i sees keys 0 to i
  AttentionOperand q, k, v, out;
  // Added to the scores, or false where a key is not seen; null if there is none. A query that sees no key has the result 0.
  AttentionOperand mask;
  DType mask_dtype = DType::Bool;  // or dtype
  int64_t mask_column_stride = 1;
};

/// Writes `out`. The result does not depend on the number of threads.
KAGARI_API void attention_forward(const Attention& a);

/// Writes the gradients of Q, K and V from that of the output; `out` is not used.
KAGARI_API void attention_backward(const Attention& a, const AttentionOperand& grad, const AttentionOperand& grad_q, const AttentionOperand& grad_k,
                                   const AttentionOperand& grad_v);

}  // namespace kagari
