#pragma once
#include <cstdint>

#include "kagari/cpu/conv.h"

// Products of integers of 8 bits, summed exactly in 32 bits. They need a processor with instructions for that (VNNI); without one the functions
// return false and write nothing.

namespace kagari {

/// c (m, n) = (a - zero) b^T, for row-major a (m, k), uint8 or int8 by `signed_a`, and b (n, k).
KAGARI_API bool integer_matmul(int64_t m, int64_t n, int64_t k, const void* a, bool signed_a, int32_t zero, const int8_t* b, int32_t* c);

/// output = convolution of input - zero, whose border stands for 0, and weight. c.dtype is that of the input, uint8 or int8; not transposed.
KAGARI_API bool integer_convolution(const Convolution& c, const void* input, int32_t zero, const int8_t* weight, int32_t* output);

}  // namespace kagari
