#pragma once
#include <complex>
#include <cstdint>
#include <memory>

#include "kagari/base/allocator.h"
#include "kagari/base/export.h"
#include "kagari/tensor/dtype.h"

// Matrix products on raw memory: what mm, bmm, addmm, linear, dot, mv and einsum are made of.
//
//   C[b] = alpha A[b] B[b] + beta C[b] (+ bias), then optionally relu, for b < batch
//
// A is m x k, B is k x n, C is m x n. Every operand has a pointer, a stride from one matrix of the batch to the next, one from
// row to row and one from column to column, all in elements, of any sign and value: transposed, sliced and expanded (stride 0)
// operands need no copy. C must not overlap A or B, and no two elements of C may share memory.
//
// All dtypes but bool and float8; float16, bfloat16 and the small integers are accumulated in float32 or int32, rounded or wrapped
// once at the end. Where beta is 0, C is not read. The result does not depend on the number of threads.

namespace kagari {

struct GemmOperand {
  const void* data = nullptr;
  int64_t batch_stride = 0, row_stride = 0, column_stride = 0;
};

/// B of many products: packed once where that pays, for as long as the object lives and B does not change. The products may use its first rows
/// and columns only.
class KAGARI_API PackedOperand {
 public:
  PackedOperand(DType dtype, int64_t k, int64_t n, const GemmOperand& b);
  /// Null where products with few rows gain nothing from it.
  const char* tiles() const { return tiles_ ? tiles_->data() : nullptr; }
  int64_t k() const { return k_; }

 private:
  int64_t k_;
  std::unique_ptr<Scratch> tiles_;
};

struct Gemm {
  DType dtype = DType::Float32;  // of A, B, C and bias
  int64_t batch = 1, m = 0, n = 0, k = 0;
  GemmOperand a, b;
  void* c = nullptr;
  int64_t c_batch_stride = 0, c_row_stride = 0, c_column_stride = 1;
  std::complex<double> alpha = 1, beta = 0;
  const void* bias = nullptr;  // contiguous, n elements that are added to every row of C, or null. Real dtypes only
  bool bias_per_row = false;   // bias has m elements that are added to every column
  bool relu = false;           // real floating dtypes only
  const PackedOperand* packed_b = nullptr;  // of b or of a matrix that begins with b, if there is one
};

/// Computes it, with num_threads() threads where that pays. Raises Error of kind NotImplemented for other dtypes.
KAGARI_API void gemm(const Gemm& g);

}  // namespace kagari
