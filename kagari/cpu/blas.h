#pragma once
#include <cstdint>

#include "kagari/base/export.h"
#include "kagari/tensor/dtype.h"

// OpenBLAS, opened on first use from the directory of libkagari.so. It runs in the calling thread: loops over threads are ours.

namespace kagari {

/// Address of one of OpenBLAS's functions, for example "cgemm_" or "cblas_cgemm" (without the prefix that the bundled library
/// gives its symbols). Raises Error of kind Runtime when the library cannot be opened or has no such function.
KAGARI_API void* openblas_symbol(const char* name);

/// C = alpha A B + beta C for complex64 or complex128, row-major. Element (i, j) of A lies at a[i * a_row + j * a_col]; one of the
/// two strides of A must be 1, the same for B; C's columns are contiguous. Runs in the calling thread.
struct ComplexGemm {
  DType dtype;
  int64_t m, n, k;
  std::complex<double> alpha, beta;
  const void* a;
  int64_t a_row, a_col;
  const void* b;
  int64_t b_row, b_col;
  void* c;
  int64_t c_row;
};
KAGARI_API void complex_gemm(const ComplexGemm& g);

}  // namespace kagari
