// Loads and stores of float vectors with conversion from and to Half and BFloat16. Included by simd.h.
#pragma once

#include <cstring>
#include <type_traits>

#include "kagari/base/half.h"
#include "kagari/cpu/simd.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {

// Half and bfloat16: loads to float lanes, stores with round to nearest even; NaN stays NaN.
KAGARI_INLINE VecF load_float(const float* p) { return VecF::load(p); }
KAGARI_INLINE VecF load_float(const Half* p) {
#if KAGARI_VEC_BYTES == 64
  return VecF((VecF::Native)_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
#elif KAGARI_VEC_BYTES == 32
  return VecF((VecF::Native)_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
#else
  // Shift exponent and mantissa into place and rescale by 2^112; infinities and NaN get the full exponent.
  __m128i h = _mm_cvtepu16_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  __m128i sign = _mm_slli_epi32(_mm_and_si128(h, _mm_set1_epi32(0x8000)), 16);
  __m128i magnitude = _mm_and_si128(h, _mm_set1_epi32(0x7fff));
  __m128 value = _mm_mul_ps(_mm_castsi128_ps(_mm_slli_epi32(magnitude, 13)), _mm_set1_ps(5.192296858534828e33f));
  __m128i special = _mm_cmpgt_epi32(magnitude, _mm_set1_epi32(0x7bff));
  __m128i bits = _mm_or_si128(_mm_castps_si128(value), _mm_and_si128(special, _mm_set1_epi32(0x7f800000)));
  return VecF((VecF::Native)_mm_or_si128(bits, sign));
#endif
}
KAGARI_INLINE VecF load_float(const BFloat16* p) {
#if KAGARI_VEC_BYTES == 64
  __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  return VecF((VecF::Native)_mm512_slli_epi32(wide, 16));
#elif KAGARI_VEC_BYTES == 32
  __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  return VecF((VecF::Native)_mm256_slli_epi32(wide, 16));
#else
  __m128i wide = _mm_cvtepu16_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  return VecF((VecF::Native)_mm_slli_epi32(wide, 16));
#endif
}

// Integer constants of the conversions. They are read from memory, which the load ports do beside the arithmetic: the compiler would
// otherwise move them from general registers in every iteration, through the port that shuffles need.
enum class HalfConstant { BelowHalf, LastBit, One, NanTable, UpperHalf };
KAGARI_INLINE VecI half_constant(HalfConstant which) {
  static constexpr int32_t values[] = {0x7fff, 0x10000, 1, 0x22, int32_t(0xffff0000)};
  const int32_t* p = values;
  asm("" : "+r"(p));
  return VecI(p[int(which)]);
}

// The upper 16 bits of each lane are the nearest bfloat16.
KAGARI_INLINE VecI rounded_to_bfloat16(VecF x) {
#if KAGARI_VEC_BYTES == 64
  const __m512i bits = _mm512_castps_si512((__m512)x.v);
  // Half of the last kept bit, less one unless that bit is set: ties go to even.
  __m512i up = _mm512_add_epi32(bits, (__m512i)half_constant(HalfConstant::BelowHalf).v);
  const __mmask16 odd = _mm512_test_epi32_mask(bits, (__m512i)half_constant(HalfConstant::LastBit).v);
  up = _mm512_mask_add_epi32(up, odd, up, (__m512i)half_constant(HalfConstant::One).v);
  // NaN (the first two classes of the table) becomes a quiet NaN, all else stays.
  const __m512i table = (__m512i)half_constant(HalfConstant::NanTable).v;
  return VecI((VecI::Native)_mm512_fixupimm_ps(_mm512_castsi512_ps(up), (__m512)x.v, table, 0));
#else
  const VecI bits = bits_as<int32_t>(x);
  const VecI up = bits + VecI(0x7fff) + bit_and(shift_right(bits, 16), VecI(1));
  return select(isnan(x), VecI(0x7fc00000), up);
#endif
}
KAGARI_INLINE void store_float(float* p, VecF x) { x.store(p); }
KAGARI_INLINE void store_float(Half* p, VecF x) {
#if KAGARI_VEC_BYTES == 64
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph((__m512)x.v, _MM_FROUND_TO_NEAREST_INT));
#elif KAGARI_VEC_BYTES == 32
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph((__m256)x.v, _MM_FROUND_TO_NEAREST_INT));
#else
  for (int i = 0; i < VecF::size; ++i) p[i] = Half(x[i]);
#endif
}
KAGARI_INLINE void store_float(BFloat16* p, VecF x) {
  const VecI rounded = rounded_to_bfloat16(x);
#if KAGARI_VEC_BYTES == 64
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(_mm512_srli_epi32((__m512i)rounded.v, 16)));
#elif KAGARI_VEC_BYTES == 32
  __m256i high = _mm256_srli_epi32((__m256i)rounded.v, 16);
  __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(high, high), 0x08);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_castsi256_si128(packed));
#else
  __m128i high = _mm_srli_epi32((__m128i)rounded.v, 16);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi32(high, high));
#endif
}

// Two vectors at a time, for loops that do not care which element is in which lane: of bfloat16 numbers the even ones and the odd ones,
// which a shift and a mask convert.
KAGARI_INLINE void load_two(const Half* p, VecF& a, VecF& b) {
  a = load_float(p);
  b = load_float(p + VecF::size);
}
KAGARI_INLINE void store_two(Half* p, VecF a, VecF b) {
  store_float(p, a);
  store_float(p + VecF::size, b);
}
KAGARI_INLINE void load_two(const BFloat16* p, VecF& even, VecF& odd) {
  const VecI both = VecI::load(reinterpret_cast<const int32_t*>(p));
  even = bits_as<float>(shift_left(both, 16));
  odd = bits_as<float>(bit_and(both, half_constant(HalfConstant::UpperHalf)));
}
KAGARI_INLINE void store_two(BFloat16* p, VecF even, VecF odd) {
  typedef uint32_t Bits __attribute__((vector_size(KAGARI_VEC_BYTES)));
  const VecI low(VecI::Native(Bits(rounded_to_bfloat16(even).v) >> 16));
  bit_or(low, bit_and(rounded_to_bfloat16(odd), half_constant(HalfConstant::UpperHalf))).store(reinterpret_cast<int32_t*>(p));
}

// Element types that are computed in a Vec: what a lane holds, and loads and stores of n elements (n == size if omitted).
template <class T>
struct Packed {
  using Lane = std::conditional_t<std::is_same_v<T, double>, double, float>;
  using V = Vec<Lane>;
  static constexpr bool converts = !std::is_same_v<T, Lane>;

  static KAGARI_INLINE V load(const T* p) {
    if constexpr (converts) return load_float(p);
    else return V::load(p);
  }
  static KAGARI_INLINE void store(T* p, V x) {
    if constexpr (converts) store_float(p, x);
    else x.store(p);
  }
  // The lanes from n on are `fill`.
  static KAGARI_INLINE V load_partial(const T* p, int n, Lane fill = Lane(0)) {
    if constexpr (converts) {
      Lane lanes[V::size];
      for (int i = 0; i < V::size; ++i) lanes[i] = i < n ? Lane(p[i]) : fill;
      return V::load(lanes);
    } else {
      return V::load_partial(p, n, fill);
    }
  }
  static KAGARI_INLINE void store_partial(T* p, V x, int n) {
    if constexpr (converts) {
      T buffer[V::size];
      store_float(buffer, x);
      std::memcpy(static_cast<void*>(p), buffer, size_t(n) * sizeof(T));
    } else {
      x.store_partial(p, n);
    }
  }
};

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
