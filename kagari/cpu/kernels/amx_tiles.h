#pragma once
#include <immintrin.h>

#include <cstdint>
#include <utility>

#include "kagari/base/half.h"

// Note [Products on tiles]: AMX multiplies tiles of bfloat16 and adds up in float32, sixteen times as fast as vectors multiply float32.
// A float32 is the exact sum of three bfloat16 parts (8 bits of the significand each), a float16 of two. The products of parts
// that reach into the significand of the result are six of nine for float32 (what is left out is below 2^-24 of the product, like a
// rounding) and all four for float16; so both gain, and lose no accuracy. A part of an infinite or nearly infinite number is
// no number: whoever packs says whether that happened, and the caller computes with vectors instead.
// Numbers below 2^-126 count as zero, as AMX has it.

#if defined(__AVX512F__)
#define KG_AMX __attribute__((target("amx-tile,amx-bf16,avx512bf16")))

namespace kagari::KAGARI_ISA::amx {

constexpr int64_t tile_bytes = 1024;  // 16 rows of 64 bytes: 16 x 32 bfloat16 or 16 x 16 float32
constexpr int64_t step = 32;           // elements of the sum that one tile holds

template <class T> constexpr int parts = 3;
template <> inline constexpr int parts<Half> = 2;
template <> inline constexpr int parts<BFloat16> = 1;

struct TileConfiguration {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
// Static: the intrinsic tells the compiler of the first bytes only, which could leave out the others of a local object.
alignas(64) inline constexpr TileConfiguration full_tiles;

/// Tiles of 16 rows of 64 bytes while it lives.
class Tiles {
 public:
  KG_AMX Tiles() { _tile_loadconfig(&full_tiles); }
  KG_AMX ~Tiles() { _tile_release(); }
};

/// Where the tiles of one operand lie: two neighbouring ones at `base` and `base + second`, in step s at offset `offsets[s]`, with
/// parts `part` bytes apart and rows `row` bytes apart.
struct Operand {
  const char* base;
  int64_t second, part, row;
  const int64_t* offsets;
};

// The names of tiles are parts of instructions: sums 0 to 3 (2 x row + column), rows 4 and 5, columns 6 and 7.
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
// A tile of sums: what it held goes where it belongs, and it begins anew.
#define KG_RENEW(t)                                                      \
  do {                                                                   \
    if (pending) _tile_stored(t, reinterpret_cast<char*>(pending) + (t) * tile_bytes, 64); \
    if (add) _tile_loadd(t, reinterpret_cast<const char*>(add) + (t) * tile_bytes, 64);    \
    else _tile_zero(t);                                                  \
  } while (0)
#define KG_MULTIPLY_FIRST()                                      \
  do {                                                           \
    KG_RENEW(0);                                                 \
    _tile_dpbf16ps(0, 4, 6);                                     \
    KG_RENEW(1);                                                 \
    if constexpr (C == 2) _tile_dpbf16ps(1, 4, 7);               \
    KG_RENEW(2);                                                 \
    if constexpr (R == 2) _tile_dpbf16ps(2, 5, 6);               \
    KG_RENEW(3);                                                 \
    if constexpr (R == 2 && C == 2) _tile_dpbf16ps(3, 5, 7);     \
  } while (0)

/// R x C tiles of float32, the products of `steps` >= 1 steps, added to those at `add` unless that is null. They stay in the registers, and what
/// these held before goes to `pending` unless that is null (Note [Sums in registers]). Sums in memory are 2 x 2 tiles of 1 KiB each.
template <int Parts, int R, int C>
KG_AMX inline void multiply(int64_t steps, const Operand& a, const Operand& b, const float* add, float* pending) {
  asm volatile("" ::: "memory");  // the intrinsics do not say that they read
  for (int64_t s = 0; s < steps; ++s) {
    int64_t at_a = a.offsets[s], at_b = b.offsets[s];
    KG_LOAD_A(Parts == 2 ? 1 : 0);
    KG_LOAD_B(Parts - 1);
    if (s == 0) KG_MULTIPLY_FIRST();
    else KG_MULTIPLY();
    if constexpr (Parts == 2) {
      KG_LOAD_B(0);
      KG_MULTIPLY();
      KG_LOAD_A(0);
      KG_MULTIPLY();
      KG_LOAD_B(1);
      KG_MULTIPLY();
    } else if constexpr (Parts == 3) {
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
  asm volatile("" ::: "memory");
}
#undef KG_LOAD_A
#undef KG_LOAD_B
#undef KG_MULTIPLY
#undef KG_MULTIPLY_FIRST
#undef KG_RENEW

/// The same for numbers of tiles that are known when it runs.
template <int Parts>
KG_AMX inline void multiply(int rows, int columns, int64_t steps, const Operand& a, const Operand& b, const float* add, float* pending) {
  if (rows == 2) columns == 2 ? multiply<Parts, 2, 2>(steps, a, b, add, pending) : multiply<Parts, 2, 1>(steps, a, b, add, pending);
  else columns == 2 ? multiply<Parts, 1, 2>(steps, a, b, add, pending) : multiply<Parts, 1, 1>(steps, a, b, add, pending);
}

/// Stores what the registers hold.
KG_AMX inline void store_sums(float* to) {
  auto* out = reinterpret_cast<char*>(to);
  _tile_stored(0, out, 64);
  _tile_stored(1, out + tile_bytes, 64);
  _tile_stored(2, out + 2 * tile_bytes, 64);
  _tile_stored(3, out + 3 * tile_bytes, 64);
}

// Note [Sums in registers]: storing sums right after the last product waits for it, and then the next product waits for its operands: a tenth
// of the time for short sums. So a product's sums are stored when the operands of the next one have been asked for, and delivered after that.

/// Products one after the other. `deliver(sums, block)` gets each of them that asks for it, finished, in order, possibly later.
template <int Parts, class Block, class Deliver>
class Products {
 public:
  /// `buffers`: room for two blocks of sums, for those that have no place of their own.
  Products(float* buffers, Deliver deliver) : buffers_(buffers), deliver_(std::move(deliver)) {}
  KG_AMX ~Products() {
    if (!pending_) return;
    store_sums(pending_);
    if (wanted_) deliver_(pending_, block_);
  }
  Products(const Products&) = delete;
  Products& operator=(const Products&) = delete;

  /// `place`: where the sums of this block stay, null for none. `add`: to what is there. `wanted`: whether to deliver them.
  KG_AMX void run(int rows, int columns, int64_t steps, const Operand& a, const Operand& b, float* place, bool add, bool wanted, const Block& block) {
    multiply<Parts>(rows, columns, steps, a, b, add ? place : nullptr, pending_);
    if (pending_ && wanted_) deliver_(pending_, block_);
    if (!place) place = buffers_ + (second_ = !second_) * sums_per_block;
    pending_ = place, wanted_ = wanted, block_ = block;
  }
  static constexpr int64_t sums_per_block = 1024;

 private:
  float* buffers_;
  Deliver deliver_;
  float* pending_ = nullptr;
  bool second_ = false, wanted_ = false;
  Block block_{};
};

inline void note_magnitude(__m512 v, __m512i& largest) {
  largest = _mm512_max_epu32(largest, _mm512_and_si512(_mm512_castps_si512(v), _mm512_set1_epi32(0x7fffffff)));
}

/// Parts of two vectors of float32, `low` in the lower and `high` in the upper halves of 32 bit lanes. `largest` collects magnitudes.
template <int Parts>
inline void split(__m512 low, __m512 high, __m512i (&out)[Parts], __m512i& largest) {
  const __m512i half = _mm512_set1_epi32(0x8000), upper = _mm512_set1_epi32(int(0xffff0000));
  if constexpr (Parts > 1) note_magnitude(low, largest), note_magnitude(high, largest);
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

// Exchanges rows and columns of 16 x 16 lanes of 32 bits.
inline void transpose16(__m512i (&r)[16]) {
  __m512i t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]), t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]), r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]), r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    __m512i a = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88), b = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
    __m512i c = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88), d = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
    t[i] = _mm512_shuffle_i32x4(a, c, 0x88), t[i + 8] = _mm512_shuffle_i32x4(a, c, 0xdd);
    t[i + 4] = _mm512_shuffle_i32x4(b, d, 0x88), t[i + 12] = _mm512_shuffle_i32x4(b, d, 0xdd);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) r[i] = t[i];
}
/// The same from memory to memory, which may be the same.
inline void transpose16(const char* from, char* to) {
  __m512i r[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) r[i] = _mm512_load_si512(from + i * 64);
  transpose16(r);
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) _mm512_storeu_si512(to + i * 64, r[i]);
}

}  // namespace kagari::KAGARI_ISA::amx
#endif
