#pragma once
#include <immintrin.h>

#include <cstdint>

#include "kagari/base/half.h"

// Note [Products on tiles]: AMX multiplies tiles of bfloat16 and adds up in float32, sixteen times as fast as vectors multiply float32.
// A float32 is the exact sum of three bfloat16 parts (8 bits of the significand each), a float16 of two. The products of parts
// that reach into the significand of the result are six of nine for float32 (what is left out is below 2^-24 of the product, like a
// rounding) and all four for float16; so both gain, and lose no accuracy. A part of an infinite or nearly infinite number is
// no number: whoever packs says whether that happened, and the caller computes with vectors instead.
// Numbers below 2^-126 count as zero, as AMX has it.

#if defined(__AVX512F__)
#define KG_AMX __attribute__((target("amx-tile,amx-bf16")))

namespace kagari::KAGARI_ISA::amx {

constexpr int64_t tile_bytes = 1024;  // 16 rows of 64 bytes: 16 x 32 bfloat16 or 16 x 16 float32
constexpr int64_t step = 32;           // elements of the sum that one tile holds

template <class T> constexpr int parts = 3;
template <> inline constexpr int parts<Half> = 2;
template <> inline constexpr int parts<BFloat16> = 1;

/// Tiles of 16 rows of 64 bytes while it lives.
class Tiles {
 public:
  KG_AMX Tiles() {
    alignas(64) struct {
      uint8_t palette = 1, start_row = 0, reserved[14] = {};
      uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
      uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
    } config;
    _tile_loadconfig(&config);
  }
  KG_AMX ~Tiles() { _tile_release(); }
};

/// Where the tiles of one operand lie: two neighbouring ones at `base` and `base + second`, in step s at offset `offsets[s]`, with
/// parts `part` bytes apart and rows `row` bytes apart.
struct Operand {
  const char* base;
  int64_t second, part, row;
  const int64_t* offsets;
};

// The names of tiles are parts of instructions: sums 0 to 3, rows 4 and 5, columns 6 and 7.
#define KG_LOAD_A(p)                                                                                        \
  do {                                                                                                      \
    _tile_loadd(4, a.base + (p) * a.part + at_a, size_t(a.row));                                            \
    if constexpr (R == 2) _tile_loadd(5, a.base + a.second + (p) * a.part + at_a, size_t(a.row));           \
  } while (0)
#define KG_LOAD_B(p)                                                                                        \
  do {                                                                                                      \
    _tile_loadd(6, b.base + (p) * b.part + at_b, size_t(b.row));                                            \
    if constexpr (C == 2) _tile_loadd(7, b.base + b.second + (p) * b.part + at_b, size_t(b.row));           \
  } while (0)
#define KG_MULTIPLY()                              \
  do {                                             \
    _tile_dpbf16ps(0, 4, 6);                       \
    if constexpr (C == 2) _tile_dpbf16ps(1, 4, 7); \
    if constexpr (R == 2) _tile_dpbf16ps(2, 5, 6); \
    if constexpr (R == 2 && C == 2) _tile_dpbf16ps(3, 5, 7); \
  } while (0)

/// R x C tiles of float32 at `sums` (row by row, 1 KiB each): the products of `steps` steps, added to what is there if `add`.
template <int Parts, int R, int C>
KG_AMX inline void multiply(int64_t steps, const Operand& a, const Operand& b, float* sums, bool add) {
  auto* out = reinterpret_cast<char*>(sums);
  asm volatile("" ::: "memory");  // the intrinsics do not say that they read
  if (add) {
    _tile_loadd(0, out, 64);
    if constexpr (C == 2) _tile_loadd(1, out + tile_bytes, 64);
    if constexpr (R == 2) _tile_loadd(2, out + C * tile_bytes, 64);
    if constexpr (R == 2 && C == 2) _tile_loadd(3, out + 3 * tile_bytes, 64);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  for (int64_t s = 0; s < steps; ++s) {
    int64_t at_a = a.offsets[s], at_b = b.offsets[s];
    if constexpr (Parts == 1) {
      KG_LOAD_A(0);
      KG_LOAD_B(0);
      KG_MULTIPLY();
    } else if constexpr (Parts == 2) {
      KG_LOAD_A(1);
      KG_LOAD_B(1);
      KG_MULTIPLY();
      KG_LOAD_B(0);
      KG_MULTIPLY();
      KG_LOAD_A(0);
      KG_MULTIPLY();
      KG_LOAD_B(1);
      KG_MULTIPLY();
    } else {
      KG_LOAD_A(0);
      KG_LOAD_B(2);
      KG_MULTIPLY();
      KG_LOAD_B(1);
      KG_MULTIPLY();
      KG_LOAD_B(0);
      KG_MULTIPLY();
      KG_LOAD_A(2);
      KG_MULTIPLY();
      KG_LOAD_A(1);
      KG_MULTIPLY();
      KG_LOAD_B(1);
      KG_MULTIPLY();
    }
  }
  _tile_stored(0, out, 64);
  if constexpr (C == 2) _tile_stored(1, out + tile_bytes, 64);
  if constexpr (R == 2) _tile_stored(2, out + C * tile_bytes, 64);
  if constexpr (R == 2 && C == 2) _tile_stored(3, out + 3 * tile_bytes, 64);
}
#undef KG_LOAD_A
#undef KG_LOAD_B
#undef KG_MULTIPLY

/// The same for numbers of tiles that are known when it runs.
template <int Parts>
KG_AMX inline void multiply(int rows, int columns, int64_t steps, const Operand& a, const Operand& b, float* sums, bool add) {
  if (rows == 2) columns == 2 ? multiply<Parts, 2, 2>(steps, a, b, sums, add) : multiply<Parts, 2, 1>(steps, a, b, sums, add);
  else columns == 2 ? multiply<Parts, 1, 2>(steps, a, b, sums, add) : multiply<Parts, 1, 1>(steps, a, b, sums, add);
}

/// Parts of two vectors of float32, `low` in the lower and `high` in the upper halves of 32 bit lanes. `largest` collects magnitudes.
template <int Parts>
inline void split(__m512 low, __m512 high, __m512i (&out)[Parts], __m512i& largest) {
  const __m512i half = _mm512_set1_epi32(0x8000), upper = _mm512_set1_epi32(int(0xffff0000)), magnitude = _mm512_set1_epi32(0x7fffffff);
  largest = _mm512_max_epu32(largest, _mm512_and_si512(_mm512_castps_si512(low), magnitude));
  largest = _mm512_max_epu32(largest, _mm512_and_si512(_mm512_castps_si512(high), magnitude));
#pragma GCC unroll 3
  for (int p = 0; p < Parts; ++p) {
    __m512i l = _mm512_castps_si512(low), h = _mm512_castps_si512(high);
    if (p + 1 < 3) l = _mm512_add_epi32(l, half), h = _mm512_add_epi32(h, half);
    if (p + 1 < Parts) {
      l = _mm512_and_si512(l, upper), h = _mm512_and_si512(h, upper);
      low = _mm512_sub_ps(low, _mm512_castsi512_ps(l)), high = _mm512_sub_ps(high, _mm512_castsi512_ps(h));
    }
    out[p] = _mm512_ternarylogic_epi32(_mm512_srli_epi32(l, 16), h, upper, 0xd8);
  }
}
/// Whether none of them was so large that its first part is infinite.
inline bool all_split(__m512i largest) { return _mm512_reduce_max_epu32(largest) < 0x7f7f8000u; }

}  // namespace kagari::KAGARI_ISA::amx
#endif
