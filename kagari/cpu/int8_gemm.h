#pragma once
#include <cstdint>

namespace kagari {

/// c (m, n) = (a (m, k) - zero) times the transpose of b (n, k): all row-major, sums exact in 32 bits.
void int8_gemm(int64_t m, int64_t n, int64_t k, const uint8_t* a, uint8_t zero, const int8_t* b, int32_t* c);

}  // namespace kagari
