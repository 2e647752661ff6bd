// Transposed copies: out[j][i] = in[i][j], in tiles that fit the L1 cache and, for elements of 2 and 4 bytes, 8x8 blocks in registers.
#include <algorithm>

#include "kagari/cpu/elementwise.h"
#include "kagari/cpu/transpose.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace {

constexpr int64_t kTile = 64;

template <class Bits>
void transpose_plain(char* out, int64_t out_stride, const char* in, int64_t in_stride, int64_t rows, int64_t columns) {
  for (int64_t j = 0; j < columns; ++j) {
    Bits* to = reinterpret_cast<Bits*>(out + j * out_stride);
    const char* from = in + j * int64_t(sizeof(Bits));
    for (int64_t i = 0; i < rows; ++i) to[i] = *reinterpret_cast<const Bits*>(from + i * in_stride);
  }
}

// Elements of two bytes: pairs, then fours, then eights of rows are interleaved.
KAGARI_INLINE void transpose_8x8_of_16_bits(char* out, int64_t out_stride, const char* in, int64_t in_stride) {
  __m128i r[8], t[8];
  for (int i = 0; i < 8; ++i) r[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i * in_stride));
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm_unpacklo_epi16(r[i], r[i + 4]);
    t[i + 4] = _mm_unpackhi_epi16(r[i], r[i + 4]);
  }
  for (int i = 0; i < 2; ++i) {  // t[i] and t[i + 2] hold the rows of one half, t[i + 4] and t[i + 6] those of the other
    r[2 * i] = _mm_unpacklo_epi16(t[i], t[i + 2]);
    r[2 * i + 1] = _mm_unpackhi_epi16(t[i], t[i + 2]);
    r[2 * i + 4] = _mm_unpacklo_epi16(t[i + 4], t[i + 6]);
    r[2 * i + 5] = _mm_unpackhi_epi16(t[i + 4], t[i + 6]);
  }
  const int from[4] = {0, 1, 4, 5};
  for (int c = 0; c < 4; ++c) {
    const __m128i a = r[from[c]], b = r[from[c] + 2];
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 2 * c * out_stride), _mm_unpacklo_epi16(a, b));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + (2 * c + 1) * out_stride), _mm_unpackhi_epi16(a, b));
  }
}

#if KAGARI_VEC_BYTES >= 32
KAGARI_INLINE void transpose_8x8(char* out, int64_t out_stride, const char* in, int64_t in_stride) {
  __m256 r[8], t[8];
  for (int i = 0; i < 8; ++i) r[i] = _mm256_loadu_ps(reinterpret_cast<const float*>(in + i * in_stride));
  for (int i = 0; i < 4; ++i) {
    t[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
  }
  for (int i = 0; i < 2; ++i) {
    r[4 * i] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0x44);
    r[4 * i + 1] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0xee);
    r[4 * i + 2] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0x44);
    r[4 * i + 3] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0xee);
  }
  for (int i = 0; i < 4; ++i) {
    _mm256_storeu_ps(reinterpret_cast<float*>(out + i * out_stride), _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
    _mm256_storeu_ps(reinterpret_cast<float*>(out + (i + 4) * out_stride), _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
  }
}
#endif

template <class Bits>
void transpose_tile(char* out, int64_t out_stride, const char* in, int64_t in_stride, int64_t rows, int64_t columns) {
  constexpr bool kBlocks = sizeof(Bits) == 2 || (sizeof(Bits) == 4 && KAGARI_VEC_BYTES >= 32);
  if constexpr (kBlocks) {
    constexpr int64_t kSize = sizeof(Bits);
    const int64_t whole_rows = rows / 8 * 8, whole_columns = columns / 8 * 8;
    // Along the output rows, so that whole cache lines are written one after the other.
    for (int64_t j = 0; j < whole_columns; j += 8)
      for (int64_t i = 0; i < whole_rows; i += 8) {
        char* to = out + j * out_stride + i * kSize;
        const char* from = in + i * in_stride + j * kSize;
        if constexpr (sizeof(Bits) == 2) transpose_8x8_of_16_bits(to, out_stride, from, in_stride);
#if KAGARI_VEC_BYTES >= 32
        else transpose_8x8(to, out_stride, from, in_stride);
#endif
      }
    if (whole_columns < columns)
      transpose_plain<Bits>(out + whole_columns * out_stride, out_stride, in + whole_columns * kSize, in_stride, rows,
                            columns - whole_columns);
    if (whole_rows < rows)
      transpose_plain<Bits>(out + whole_rows * kSize, out_stride, in + whole_rows * in_stride, in_stride, rows - whole_rows,
                            whole_columns);
    return;
  }
  transpose_plain<Bits>(out, out_stride, in, in_stride, rows, columns);
}

template <class Bits>
void transpose(char* out, int64_t out_stride, const char* in, int64_t in_stride, int64_t rows, int64_t columns) {
  constexpr int64_t kSize = sizeof(Bits);
  for (int64_t j = 0; j < columns; j += kTile)
    for (int64_t i = 0; i < rows; i += kTile)
      transpose_tile<Bits>(out + j * out_stride + i * kSize, out_stride, in + i * in_stride + j * kSize, in_stride,
                           std::min(kTile, rows - i), std::min(kTile, columns - j));
}

}  // namespace

KAGARI_KERNELS(r) {
  for (int t = 0; t < dtype_count; ++t) {
    const int64_t size = itemsize(DType(t));
    r.add<TransposeFn>("transpose", DType(t),
                       size == 1   ? &transpose<uint8_t>
                       : size == 2 ? &transpose<uint16_t>
                       : size == 4 ? &transpose<uint32_t>
                       : size == 8 ? &transpose<uint64_t>
                                   : &transpose<Bytes16>);
  }
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
