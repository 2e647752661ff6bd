#include "kagari/cpu/kernels/amx_gemm.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "kagari/base/allocator.h"
#include "kagari/cpu/kernels/amx_tiles.h"

// Note [Blocks of tiles]: C is computed in blocks whose sums, kept as tiles, fit into the second cache together with the columns of B
// that they need for one block of the sum. A is packed 32 rows at a time. The order of additions for one element of C depends on
// k only.

namespace kagari::KAGARI_ISA {

extern const AmxKernels amx_kernels;

#if !defined(__AVX512F__)
const AmxKernels amx_kernels = {nullptr, nullptr};
#else
namespace {
using namespace amx;

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

inline __mmask16 first(int64_t n) { return n >= 16 ? __mmask16(-1) : n <= 0 ? __mmask16(0) : __mmask16((1u << n) - 1); }

// Up to n <= 16 elements as float32, zeros after them.
inline __m512 load16(const float* p, int64_t n) { return _mm512_maskz_loadu_ps(first(n), p); }
inline __m256i load16_bits(const void* p, int64_t n) { return _mm256_maskz_loadu_epi16(first(n), p); }
inline __m512 load16(const Half* p, int64_t n) { return _mm512_maskz_cvtph_ps(__mmask16(-1), load16_bits(p, n)); }
inline __m512 load16(const BFloat16* p, int64_t n) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(load16_bits(p, n)), 16));
}

// Exchanges rows and columns of 16 x 16 lanes of 32 bits.
inline void transpose16(char* tile) {
  __m512i r[16], t[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) r[i] = _mm512_load_si512(tile + i * 64);
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
  for (int i = 0; i < 16; ++i) _mm512_store_si512(tile + i * 64, t[i]);
}

// Which two elements of the 32 of a step share a lane is free, as long as A and B agree: (j, j + 16) for split types, for which two vectors
// are combined without a shuffle, and neighbours for bfloat16, which then is copied.
template <class In>
struct Packer {
  static constexpr int P = parts<In>;
  __m512i largest = _mm512_setzero_si512();

  void lanes(const In* low, int64_t n_low, const In* high, int64_t n_high, char* target) {
    __m512i out[P];
    split<P>(load16(low, n_low), load16(high, n_high), out, largest);
#pragma GCC unroll 3
    for (int p = 0; p < P; ++p) _mm512_store_si512(target + p * tile_bytes, out[p]);
  }
  static void pairs(const BFloat16* low, int64_t n_low, const BFloat16* high, int64_t n_high, char* target) {
    __m512i l = _mm512_cvtepu16_epi32(load16_bits(low, n_low)), h = _mm512_cvtepu16_epi32(load16_bits(high, n_high));
    _mm512_store_si512(target, _mm512_or_si512(l, _mm512_slli_epi32(h, 16)));
  }

  // `count` rows (columns for B) of an operand and k elements of the sum. Each 16 of them become a sequence of tiles, step by step and part
  // by part, which are `group` bytes apart. `side`: distance of rows (columns), `sum`: of elements of the sum, one of the two is 1.
  // `pairs_down`: the pairs go down a tile's rows, as B wants them. Memory is read in the order in which it lies.
  void pack(const In* source, int64_t side, int64_t sum, int64_t count, int64_t k, bool pairs_down, char* target, int64_t group) {
    int64_t padded = ceil_div(count, 16) * 16, steps = ceil_div(k, step);
    if (sum == 1) {
      for (int64_t r = 0; r < padded; ++r) {
        char* to = target + r / 16 * group + r % 16 * 64;
        const In* from = source + r * side;
        for (int64_t at = 0; at < k; at += step, to += P * tile_bytes) {
          if (r < count) row(from + at, k - at, to);
          else zero(to);
        }
      }
    } else {
      for (int64_t s = 0; s < steps; ++s)
        for (int64_t q = 0; q < 16; ++q) {
          int64_t l = s * step + (P == 1 ? 2 * q : q), h = l + (P == 1 ? 1 : 16);
          const In *low = source + (l < k ? l : 0) * sum, *high = source + (h < k ? h : 0) * sum;
          char* to = target + s * P * tile_bytes + q * 64;
          for (int64_t j = 0; j < count; j += 16, to += group) {
            int64_t n = std::min<int64_t>(16, count - j);
            if constexpr (P == 1) pairs(low + j, l < k ? n : 0, high + j, h < k ? n : 0, to);
            else lanes(low + j, l < k ? n : 0, high + j, h < k ? n : 0, to);
          }
        }
    }
    if ((sum == 1) != pairs_down) return;
    for (int64_t g = 0; g < padded / 16; ++g)
      for (int64_t t = 0; t < steps * P; ++t) transpose16(target + g * group + t * tile_bytes);
  }

  // k elements (32 are used) that are contiguous.
  void row(const In* source, int64_t k, char* target) {
    if constexpr (P == 1) {
      __mmask32 m = k >= 32 ? __mmask32(-1) : __mmask32((uint32_t(1) << k) - 1);
      _mm512_store_si512(target, _mm512_maskz_loadu_epi16(m, source));
    } else {
      lanes(source, k, source + (k > 16 ? 16 : 0), k - 16, target);
    }
  }

 private:
  static void zero(char* target) {
    for (int p = 0; p < P; ++p) _mm512_store_si512(target + p * tile_bytes, _mm512_setzero_si512());
  }
};

inline void store16(float* p, __mmask16 m, __m512 v) { _mm512_mask_storeu_ps(p, m, v); }
inline void store16(Half* p, __mmask16 m, __m512 v) {
  _mm256_mask_storeu_epi16(p, m, _mm512_maskz_cvtps_ph(__mmask16(-1), v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
inline void store16(BFloat16* p, __mmask16 m, __m512 v) {
  __m512i u = _mm512_castps_si512(v);
  __m512i odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
  __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(u, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff))), 16);
  __m512i quiet = _mm512_or_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(0x40));
  rounded = _mm512_mask_mov_epi32(rounded, _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q), quiet);
  _mm256_mask_storeu_epi16(p, m, _mm512_cvtepi32_epi16(rounded));
}

// Finished sums of one 32 x 32 block to C.
template <class T>
void deliver(const GemmBlock& g, const float* sums, int columns_of_tiles, int64_t i, int64_t rows, int64_t j, int64_t width) {
  auto* bias = static_cast<const T*>(g.bias);
  const __m512 alpha = _mm512_set1_ps(float(g.alpha)), beta = _mm512_set1_ps(float(g.beta)), zero = _mm512_setzero_ps();
  __m512 column_bias[2] = {zero, zero};
  if (bias && !g.bias_per_row)
    for (int h = 0; h < columns_of_tiles; ++h) column_bias[h] = load16(bias + j + 16 * h, width - 16 * h);
  for (int64_t r = 0; r < rows; ++r) {
    auto* row = static_cast<T*>(g.c) + (i + r) * g.c_row + j;
    __m512 row_bias = bias && g.bias_per_row ? _mm512_set1_ps(float(bias[i + r])) : zero;
    for (int h = 0; h < columns_of_tiles; ++h) {
      __mmask16 m = first(width - 16 * h);
      __m512 v = _mm512_load_ps(sums + ((r / 16) * columns_of_tiles + h) * 256 + r % 16 * 16);
      v = _mm512_mul_ps(v, alpha);
      if (g.beta != 0) v = _mm512_add_ps(v, _mm512_mul_ps(beta, load16(row + 16 * h, width - 16 * h)));
      if (bias) v = _mm512_add_ps(v, g.bias_per_row ? row_bias : column_bias[h]);
      if (g.relu) v = _mm512_mask_mov_ps(v, _mm512_cmp_ps_mask(v, zero, _CMP_LT_OQ), zero);
      store16(row + 16 * h, m, v);
    }
  }
}

template <class T>
KG_AMX bool gemm_of(const GemmBlock& g) {
  constexpr int P = parts<T>;
  constexpr int64_t k_block = P == 3 ? 256 : P == 2 ? 384 : 768, most = 512;
  auto even = [](int64_t n, int64_t limit, int64_t unit) {  // blocks of equal size
    int64_t blocks = std::max<int64_t>(1, ceil_div(n, limit));
    return std::max(unit, ceil_div(ceil_div(n, blocks), unit) * unit);
  };
  int64_t k_step = even(g.k, k_block, step), m_step = even(g.m, most, 32), n_step = even(g.n, most, 32);
  int64_t blocks = std::max<int64_t>(1, ceil_div(g.k, k_step)), steps = k_step / step, group = steps * P * tile_bytes;  // of 16 rows or columns
  int64_t n_tiles = n_step / 32;
  int64_t a_bytes = 2 * group, b_bytes = 2 * n_tiles * group, sum_bytes = 4 * tile_bytes * (blocks > 1 ? m_step / 32 * n_tiles : 1);
  Scratch memory(a_bytes + b_bytes + sum_bytes);
  char *packed_a = memory.data(), *packed_b = packed_a + a_bytes;
  auto* sums = reinterpret_cast<float*>(packed_b + b_bytes);
  int64_t offsets[k_block / step];
  for (int64_t s = 0; s < steps; ++s) offsets[s] = s * P * tile_bytes;
  auto *a = static_cast<const T*>(g.a), *b = static_cast<const T*>(g.b);
  Packer<T> packer;
  Tiles configured;
  for (int64_t jc = 0; jc < g.n; jc += n_step) {
    int64_t nc = std::min(n_step, g.n - jc);
    for (int64_t ic = 0; ic < g.m; ic += m_step) {
      int64_t mc = std::min(m_step, g.m - ic);
      for (int64_t block = 0; block < blocks; ++block) {
        int64_t pc = block * k_step, kc = std::min(k_step, g.k - pc), used = ceil_div(kc, step);
        if (blocks > 1 || ic == 0) packer.pack(b + pc * g.b_row + jc * g.b_col, g.b_col, g.b_row, nc, kc, true, packed_b, group);
        for (int64_t i = 0; i < mc; i += 32) {
          int64_t rows = std::min<int64_t>(32, mc - i);
          packer.pack(a + (ic + i) * g.a_row + pc * g.a_col, g.a_row, g.a_col, rows, kc, false, packed_a, group);
          if (P > 1 && !all_split(packer.largest)) return false;
          Operand left{packed_a, group, tile_bytes, 64, offsets};
          for (int64_t j = 0; j < nc; j += 32) {
            int64_t width = std::min<int64_t>(32, nc - j);
            int columns = width > 16 ? 2 : 1;
            Operand right{packed_b + j / 16 * group, group, tile_bytes, 64, offsets};
            float* tile_sums = sums + (blocks > 1 ? (i / 32 * n_tiles + j / 32) * 1024 : 0);
            multiply<P>(rows > 16 ? 2 : 1, columns, used, left, right, tile_sums, block > 0);
            if (block + 1 == blocks) deliver<T>(g, tile_sums, columns, ic + i, rows, jc + j, width);
          }
        }
      }
    }
  }
  return true;
}

bool gemm(DType t, const GemmBlock& g) {
  switch (t) {
    case DType::Float32: return gemm_of<float>(g);
    case DType::Float16: return gemm_of<Half>(g);
    default: return gemm_of<BFloat16>(g);
  }
}

template <class T>
bool rows_are_finite(const T* data, int64_t rows, int64_t columns, int64_t row_stride) {
  Packer<T> packer;
  alignas(64) char ignored[3 * tile_bytes];
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; j += step) packer.row(data + i * row_stride + j, columns - j, ignored);
  return all_split(packer.largest);
}

bool all_finite(DType t, const void* data, int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride) {
  if (column_stride != 1) std::swap(rows, columns), std::swap(row_stride, column_stride);
  if (t == DType::Float32) return rows_are_finite(static_cast<const float*>(data), rows, columns, row_stride);
  return t == DType::BFloat16 || rows_are_finite(static_cast<const Half*>(data), rows, columns, row_stride);
}

}  // namespace

const AmxKernels amx_kernels = {gemm, all_finite};
#endif

}  // namespace kagari::KAGARI_ISA
