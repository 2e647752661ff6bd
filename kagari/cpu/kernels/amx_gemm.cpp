#include "kagari/cpu/kernels/amx_gemm.h"

#include <algorithm>
#include <utility>

#include "kagari/base/allocator.h"
#include "kagari/cpu/kernels/amx_split.h"

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

// Which two elements of the 32 of a step share a lane is free, as long as A and B agree: (j, j + 16) for split types, for which two vectors
// are combined without a shuffle, and neighbours for bfloat16, which then is copied.
template <class In>
struct Packer {
  static constexpr int P = parts<In>;
  Splitter<In> splitter;

  // Lanes of two elements of the sum, for 16 rows or columns.
  void lanes(const In* low, __mmask16 low_mask, const In* high, __mmask16 high_mask, char* target) {
    if constexpr (P == 1) {
      __m512i l = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(low_mask, low)), h = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(high_mask, high));
      _mm512_store_si512(target, _mm512_or_si512(l, _mm512_slli_epi32(h, 16)));
    } else {
      splitter.put(load_masked(low, low_mask), load_masked(high, high_mask), target, tile_bytes);
    }
  }

  // `count` rows (columns for B) of an operand and k elements of the sum. Each 16 of them become a sequence of tiles, step by step and part
  // by part, which are `group` bytes apart. `side`: distance of rows (columns), `sum`: of elements of the sum, one of the two is 1.
  // `pairs_down`: the pairs go down a tile's rows, as B wants them. Memory is read in the order in which it lies.
  void pack(const In* source, int64_t side, int64_t sum, int64_t count, int64_t k, bool pairs_down, char* target, int64_t group) {
    int64_t padded = ceil_div(count, 16) * 16, steps = ceil_div(k, step);
    if (P > 1 && sum == 1 && pairs_down) {
      for (int64_t j = 0; j < count; j += 16, target += group)
        for (int64_t s = 0; s < steps; ++s) columns(source + j * side + s * step, side, std::min<int64_t>(16, count - j), k - s * step, target + s * P * tile_bytes);
      return;
    }
    if (sum == 1) {
      for (int64_t r = 0; r < padded; ++r) {
        char* to = target + r / 16 * group + r % 16 * 64;
        if (r < count) row(source + r * side, k, to);
        else zero(to, steps);
      }
    } else {
      for (int64_t s = 0; s < steps; ++s)
        for (int64_t q = 0; q < 16; ++q) {
          int64_t l = s * step + (P == 1 ? 2 * q : q), h = l + (P == 1 ? 1 : 16);
          const In *low = source + (l < k ? l : 0) * sum, *high = source + (h < k ? h : 0) * sum;
          const __mmask16 low_all = l < k ? __mmask16(-1) : __mmask16(0), high_all = h < k ? __mmask16(-1) : __mmask16(0);
          char* to = target + s * P * tile_bytes + q * 64;
          int64_t j = 0;
          for (; j + 16 <= count; j += 16, to += group) lanes(low + j, low_all, high + j, high_all, to);
          if (j < count) lanes(low + j, low_all & lanes_below(count - j), high + j, high_all & lanes_below(count - j), to);
        }
    }
    if ((sum == 1) != pairs_down) return;
    for (int64_t g = 0; g < padded / 16; ++g)
      for (int64_t t = 0; t < steps * P; ++t) transpose16(target + g * group + t * tile_bytes, target + g * group + t * tile_bytes);
  }

  // One row of k contiguous elements.
  void row(const In* source, int64_t k, char* target) {
    for (; k >= step; k -= step, source += step, target += P * tile_bytes) {
      if constexpr (P == 1) _mm512_store_si512(target, _mm512_loadu_si512(source));
      else lanes(source, __mmask16(-1), source + 16, __mmask16(-1), target);
    }
    if (k <= 0) return;
    if constexpr (P == 1) _mm512_store_si512(target, _mm512_maskz_loadu_epi16(__mmask32((uint32_t(1) << k) - 1), source));
    else lanes(source, lanes_below(k), source + (k > 16 ? 16 : 0), lanes_below(k - 16), target);
  }

 private:
  // The tiles of one step for `count` <= 16 columns, in each of which k elements are contiguous.
  void columns(const In* source, int64_t column, int64_t count, int64_t k, char* target) {
    alignas(64) __m512i low[16];
    __m512i high[16];
    auto half = [&](const In* from, __mmask16 m, __m512i (&r)[16]) {
      if (count == 16) {
#pragma GCC unroll 16
        for (int64_t i = 0; i < 16; ++i) r[i] = _mm512_castps_si512(load_masked(from + i * column, m));
      } else {
        for (int64_t i = 0; i < 16; ++i) r[i] = i < count ? _mm512_castps_si512(load_masked(from + i * column, m)) : _mm512_setzero_si512();
      }
      transpose16(r);
    };
    half(source, lanes_below(k), low);
    half(source + (k > 16 ? 16 : 0), lanes_below(k - 16), high);
#pragma GCC unroll 16
    for (int q = 0; q < 16; ++q) splitter.put(_mm512_castsi512_ps(low[q]), _mm512_castsi512_ps(high[q]), target + q * 64, tile_bytes);
  }
  static void zero(char* target, int64_t steps) {
    for (int64_t t = 0; t < steps * P; ++t) _mm512_store_si512(target + t * tile_bytes, _mm512_setzero_si512());
  }
};

// A block of up to 32 x 32 elements of C.
struct Block {
  int64_t i, rows, j, width;
};

// Finished sums to C.
template <class T>
KG_AMX void deliver(const GemmBlock& g, const float* sums, const Block& block) {
  auto* bias = static_cast<const T*>(g.bias);
  const __m512 alpha = _mm512_set1_ps(float(g.alpha)), beta = _mm512_set1_ps(float(g.beta)), zero = _mm512_setzero_ps();
  const bool plain = g.alpha == 1 && g.beta == 0 && !bias && !g.relu;
  __m512 column_bias[2] = {zero, zero};
  if (bias && !g.bias_per_row)
    for (int h = 0; h < 2; ++h) column_bias[h] = load_masked(bias + block.j + 16 * h, lanes_below(block.width - 16 * h));
  const __mmask16 masks[2] = {lanes_below(block.width), lanes_below(block.width - 16)};
  for (int64_t r = 0; r < block.rows; ++r) {
    auto* row = static_cast<T*>(g.c) + (block.i + r) * g.c_row + block.j;
    __m512 row_bias = bias && g.bias_per_row ? _mm512_set1_ps(float(bias[block.i + r])) : zero;
    for (int h = 0; h < (block.width > 16 ? 2 : 1); ++h) {
      __m512 v = _mm512_load_ps(sums + (r / 16 * 2 + h) * 256 + r % 16 * 16);
      if (!plain) {
        v = _mm512_mul_ps(v, alpha);
        if (g.beta != 0) v = _mm512_add_ps(v, _mm512_mul_ps(beta, load_masked(row + 16 * h, masks[h])));
        if (bias) v = _mm512_add_ps(v, g.bias_per_row ? row_bias : column_bias[h]);
        if (g.relu) v = _mm512_mask_mov_ps(v, _mm512_cmp_ps_mask(v, zero, _CMP_LT_OQ), zero);
      }
      store_masked(row + 16 * h, masks[h], v);
    }
  }
}

// Tiles of 16 rows or columns and `steps` steps. One cache line more, so that those of neighbours do not fall on the same cache sets.
template <class T>
constexpr int64_t group_bytes(int64_t steps) { return steps * parts<T> * tile_bytes + 64; }

template <class T>
KG_AMX bool gemm_of(const GemmBlock& g) {
  constexpr int P = parts<T>;
  // So much of the sum that 32 rows of A and 32 columns of B fit into the first cache. With one part the sums themselves, stored and loaded
  // for each block, would be a larger part of the traffic than that saves.
  constexpr int64_t k_block = P == 3 ? 128 : P == 2 ? 192 : 1024, most = 512;
  auto even = [](int64_t n, int64_t limit, int64_t unit) {  // blocks of equal size
    int64_t blocks = std::max<int64_t>(1, ceil_div(n, limit));
    return std::max(unit, ceil_div(ceil_div(n, blocks), unit) * unit);
  };
  int64_t k_step = g.k <= k_block * 5 / 4 ? even(g.k, k_block * 5 / 4, step) : even(g.k, k_block, step);
  int64_t m_step = even(g.m, most, 32), n_step = even(g.n, most, 32);
  int64_t blocks = std::max<int64_t>(1, ceil_div(g.k, k_step)), group = group_bytes<T>(k_step / step), n_blocks = n_step / 32;
  int64_t places = blocks > 1 ? m_step / 32 * n_blocks : 2, block_bytes = 4 * tile_bytes;
  Scratch memory(places * block_bytes + 2 * group * (1 + n_blocks));
  float* sums = memory.floats();
  char *packed_a = memory.data() + places * block_bytes, *packed_b = packed_a + 2 * group;
  int64_t offsets[k_block * 5 / 4 / step];
  for (int64_t s = 0; s < k_step / step; ++s) offsets[s] = s * P * tile_bytes;
  auto *a = static_cast<const T*>(g.a), *b = static_cast<const T*>(g.b);
  const bool far = (g.m * g.k + g.k * g.n + g.m * g.n) * int64_t(sizeof(T)) > (int64_t(4) << 20);  // more than the second cache holds
  Packer<T> packer;
  Tiles configured;
  auto to_c = [&](const float* from, const Block& block) { deliver<T>(g, from, block); };
  for (int64_t jc = 0; jc < g.n; jc += n_step) {
    int64_t nc = std::min(n_step, g.n - jc);
    for (int64_t ic = 0; ic < g.m; ic += m_step) {
      int64_t mc = std::min(m_step, g.m - ic);
      Products<P, Block, decltype(to_c)> products(sums, to_c);
      for (int64_t block = 0; block < blocks; ++block) {
        int64_t pc = block * k_step, kc = std::min(k_step, g.k - pc), used = ceil_div(kc, step);
        if (blocks > 1 || ic == 0) packer.pack(b + pc * g.b_row + jc * g.b_col, g.b_col, g.b_row, nc, kc, true, packed_b, group);
        for (int64_t i = 0; i < mc; i += 32) {
          int64_t rows = std::min<int64_t>(32, mc - i);
          packer.pack(a + (ic + i) * g.a_row + pc * g.a_col, g.a_row, g.a_col, rows, kc, false, packed_a, group);
          if (!packer.splitter.fine()) return false;
          Operand left{packed_a, group, tile_bytes, 64, offsets};
          // The next rows of A are on their way while these are multiplied.
          const T* next_row = a + (ic + i + 32) * g.a_row + pc * g.a_col;
          int64_t next_rows = far && g.a_col == 1 ? std::min<int64_t>(32, mc - i - 32) : 0, at_once = ceil_div(32, n_blocks);
          for (int64_t j = 0; j < nc; j += 32) {
            for (int64_t r = 0; r < at_once && next_rows > 0; ++r, --next_rows, next_row += g.a_row)
              for (int64_t p = 0; p < kc; p += 64 / int64_t(sizeof(T))) _mm_prefetch(reinterpret_cast<const char*>(next_row + p), _MM_HINT_T1);
            int64_t width = std::min<int64_t>(32, nc - j);
            Operand right{packed_b + j / 16 * group, group, tile_bytes, 64, offsets};
            if (far && block + 1 == blocks)
              for (int64_t r = 0; r < rows; ++r) {
                const char* line = reinterpret_cast<const char*>(static_cast<const T*>(g.c) + (ic + i + r) * g.c_row + jc + j);
                __builtin_prefetch(line, 1);
                if (sizeof(T) == 4) __builtin_prefetch(line + 64, 1);
              }
            float* place = blocks > 1 ? sums + (i / 32 * n_blocks + j / 32) * 1024 : nullptr;
            products.run(rows > 16 ? 2 : 1, width > 16 ? 2 : 1, used, left, right, place, block > 0, block + 1 == blocks, {ic + i, rows, jc + j, width});
          }
        }
      }
    }
  }
  return true;
}

// ---- B packed before: 16 columns after each other with all of the sum

template <class T>
KG_AMX bool gemm_packed_of(const GemmBlock& g, const char* packed, int64_t packed_k, int64_t first_column) {
  constexpr int P = parts<T>;
  int64_t steps = ceil_div(g.k, step), group = group_bytes<T>(steps), packed_group = group_bytes<T>(ceil_div(packed_k, step));
  Scratch memory(2 * 4 * tile_bytes + 2 * group + steps * 8);
  char* packed_a = memory.data() + 2 * 4 * tile_bytes;
  auto* offsets = reinterpret_cast<int64_t*>(packed_a + 2 * group);
  for (int64_t s = 0; s < steps; ++s) offsets[s] = s * P * tile_bytes;
  Packer<T> packer;
  Tiles configured;
  auto to_c = [&](const float* from, const Block& block) { deliver<T>(g, from, block); };
  Products<P, Block, decltype(to_c)> products(memory.floats(), to_c);
  for (int64_t i = 0; i < g.m; i += 32) {
    int64_t rows = std::min<int64_t>(32, g.m - i);
    packer.pack(static_cast<const T*>(g.a) + i * g.a_row, g.a_row, g.a_col, rows, g.k, false, packed_a, group);
    if (!packer.splitter.fine()) return false;
    Operand left{packed_a, group, tile_bytes, 64, offsets};
    for (int64_t j = 0; j < g.n; j += 32) {
      int64_t width = std::min<int64_t>(32, g.n - j);
      Operand right{packed + (first_column + j) / 16 * packed_group, packed_group, tile_bytes, 64, offsets};
      products.run(rows > 16 ? 2 : 1, width > 16 ? 2 : 1, steps, left, right, nullptr, false, true, {i, rows, j, width});
    }
  }
  return true;
}

bool gemm(DType t, const GemmBlock& g) {
  return visit_split(t, [&]<class T>(T) { return gemm_of<T>(g); });
}
int64_t packed_bytes(DType t, int64_t k, int64_t n) {
  return visit_split(t, [&]<class T>(T) { return ceil_div(n, 32) * 2 * group_bytes<T>(ceil_div(k, step)); });
}
bool pack(DType t, int64_t k, int64_t n, const void* b, int64_t row, int64_t col, char* packed) {
  return visit_split(t, [&]<class T>(T) {
    Packer<T> packer;
    packer.pack(static_cast<const T*>(b), col, row, n, k, true, packed, group_bytes<T>(ceil_div(k, step)));
    return packer.splitter.fine();
  });
}
bool gemm_packed(DType t, const GemmBlock& g, const char* packed, int64_t packed_k, int64_t first_column) {
  return visit_split(t, [&]<class T>(T) { return gemm_packed_of<T>(g, packed, packed_k, first_column); });
}

template <class T>
bool rows_are_finite(const T* data, int64_t rows, int64_t columns, int64_t row_stride) {
  Splitter<T> splitter;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; j += 16) splitter.look(load_masked(data + i * row_stride + j, lanes_below(columns - j)));
  return splitter.fine();
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
