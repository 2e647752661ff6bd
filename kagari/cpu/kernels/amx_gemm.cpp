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
const AmxKernels amx_kernels = {nullptr, nullptr, nullptr, nullptr, nullptr};
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
      for (int64_t t = 0; t < steps * P; ++t) transpose16(target + g * group + t * tile_bytes, target + g * group + t * tile_bytes);
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
  _mm256_mask_storeu_epi16(p, m, round_to_bfloat16(v));
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
  constexpr int64_t k_block = P == 3 ? 256 : P == 2 ? 384 : 1024, most = 512;
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

// ---- B packed before: 16 columns after each other with all of the sum

template <class T>
int64_t column_group(int64_t k) { return std::max<int64_t>(1, ceil_div(k, step)) * parts<T> * tile_bytes; }

template <class T>
KG_AMX bool gemm_packed_of(const GemmBlock& g, const char* packed, int64_t first_column) {
  constexpr int P = parts<T>;
  int64_t group = column_group<T>(g.k), steps = ceil_div(g.k, step);
  Scratch memory(2 * group + 4 * tile_bytes + steps * 8);
  char* packed_a = memory.data();
  auto* sums = reinterpret_cast<float*>(packed_a + 2 * group);
  auto* offsets = reinterpret_cast<int64_t*>(sums + 1024);
  for (int64_t s = 0; s < steps; ++s) offsets[s] = s * P * tile_bytes;
  Packer<T> packer;
  Tiles configured;
  for (int64_t i = 0; i < g.m; i += 32) {
    int64_t rows = std::min<int64_t>(32, g.m - i);
    packer.pack(static_cast<const T*>(g.a) + i * g.a_row, g.a_row, g.a_col, rows, g.k, false, packed_a, group);
    if (P > 1 && !all_split(packer.largest)) return false;
    Operand left{packed_a, group, tile_bytes, 64, offsets};
    for (int64_t j = 0; j < g.n; j += 32) {
      int64_t width = std::min<int64_t>(32, g.n - j);
      int columns = width > 16 ? 2 : 1;
      Operand right{packed + (first_column + j) / 16 * group, group, tile_bytes, 64, offsets};
      multiply<P>(rows > 16 ? 2 : 1, columns, steps, left, right, sums, false);
      deliver<T>(g, sums, columns, i, rows, j, width);
    }
  }
  return true;
}

template <class F>
auto visit(DType t, F f) {
  switch (t) {
    case DType::Float32: return f(float{});
    case DType::Float16: return f(Half{});
    default: return f(BFloat16{});
  }
}

bool gemm(DType t, const GemmBlock& g) {
  return visit(t, [&]<class T>(T) { return gemm_of<T>(g); });
}
int64_t packed_bytes(DType t, int64_t k, int64_t n) {
  return visit(t, [&]<class T>(T) { return ceil_div(n, 32) * 2 * column_group<T>(k); });
}
bool pack(DType t, int64_t k, int64_t n, const void* b, int64_t row, int64_t col, char* packed) {
  return visit(t, [&]<class T>(T) {
    Packer<T> packer;
    packer.pack(static_cast<const T*>(b), col, row, n, k, true, packed, column_group<T>(k));
    return parts<T> == 1 || all_split(packer.largest);
  });
}
bool gemm_packed(DType t, const GemmBlock& g, const char* packed, int64_t first_column) {
  return visit(t, [&]<class T>(T) { return gemm_packed_of<T>(g, packed, first_column); });
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

const AmxKernels amx_kernels = {gemm, packed_bytes, pack, gemm_packed, all_finite};
#endif

}  // namespace kagari::KAGARI_ISA
