#pragma once
#include <cstdint>

#include "kagari/cpu/kernels/amx_tiles.h"
#include "kagari/tensor/dtype.h"

// Vectors of numbers and their parts (Note [Products on tiles]).

#if defined(__AVX512F__)
namespace kagari::KAGARI_ISA::amx {

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

inline __mmask16 lanes_below(int64_t n) { return n >= 16 ? __mmask16(-1) : n <= 0 ? __mmask16(0) : __mmask16((1u << n) - 1); }

inline __m512 load_masked(const float* p, __mmask16 m) { return _mm512_maskz_loadu_ps(m, p); }
inline __m512 load_masked(const Half* p, __mmask16 m) { return _mm512_maskz_cvtph_ps(__mmask16(-1), _mm256_maskz_loadu_epi16(m, p)); }
inline __m512 load_masked(const BFloat16* p, __mmask16 m) {
  return _mm512_castsi512_ps(_mm512_maskz_slli_epi32(__mmask16(-1), _mm512_maskz_cvtepu16_epi32(__mmask16(-1), _mm256_maskz_loadu_epi16(m, p)), 16));
}

inline void store_masked(float* p, __mmask16 m, __m512 v) { _mm512_mask_storeu_ps(p, m, v); }
inline void store_masked(Half* p, __mmask16 m, __m512 v) {
  _mm256_mask_storeu_epi16(p, m, _mm512_maskz_cvtps_ph(__mmask16(-1), v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
KG_AMX inline void store_masked(BFloat16* p, __mmask16 m, __m512 v) {  // rounds to nearest, ties to even; NaN stays NaN
  _mm256_mask_storeu_epi16(p, m, (__m256i)_mm512_cvtneps_pbh(v));
}

// Elements x, x + stride, ... of a row of n, zeros outside of it and for no row.
template <class T>
inline __m512 load_row(const T* row, int64_t x, int64_t stride, int64_t n) {
  if (!row) return _mm512_setzero_ps();
  auto at = [&](int64_t from) { return load_masked(row + from, __mmask16(lanes_below(n - from) & ~lanes_below(-from))); };
  if (stride == 1) return at(x);
  if (stride == 2) {
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    return _mm512_permutex2var_ps(at(x), even, at(x + 16));
  }
  alignas(64) float lanes[16];
  for (int i = 0; i < 16; ++i) {
    int64_t from = x + i * stride;
    lanes[i] = from >= 0 && from < n ? float(row[from]) : 0;
  }
  return _mm512_load_ps(lanes);
}

template <class T>
struct Splitter {
  static constexpr int P = parts<T>;
  __m512i largest = _mm512_setzero_si512();
  void put(__m512 low, __m512 high, char* target, int64_t part) {
    __m512i out[P];
    split<P>(low, high, out, largest);
#pragma GCC unroll 3
    for (int p = 0; p < P; ++p) _mm512_storeu_si512(target + p * part, out[p]);
  }
  void look(__m512 v) { note_magnitude(v, largest); }
  bool fine() const { return P == 1 || all_split(largest); }
};

template <class F>
auto visit_split(DType t, F f) {
  switch (t) {
    case DType::Float32: return f(float{});
    case DType::Float16: return f(Half{});
    default: return f(BFloat16{});
  }
}

}  // namespace kagari::KAGARI_ISA::amx
#endif
