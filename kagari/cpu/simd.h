// Vec<T>: a register full of T, written over GCC vector extensions.
//
// The width follows the instruction set of the translation unit: 64 bytes with AVX-512 (x86-64-v4), 32 with AVX2 (v3),
// 16 otherwise (v2). Everything lives in the inline namespace KAGARI_ISA, whose name depends on the instruction set, so
// the three compilations of one kernel file do not share a symbol.
//
// Code here and in the kernels is compiled with -ffp-contract=off: a product and a sum are fused only where fma() says so.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <utility>
#include <cstring>
#include <type_traits>

#ifndef KAGARI_ISA
#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512BW__) && defined(__AVX512VL__)
#define KAGARI_ISA isa_v4
#elif defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#define KAGARI_ISA isa_v3
#else
#define KAGARI_ISA isa_v2
#endif
#endif

#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512BW__) && defined(__AVX512VL__)
#define KAGARI_VEC_BYTES 64
#elif defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#define KAGARI_VEC_BYTES 32
#else
#define KAGARI_VEC_BYTES 16
#endif

namespace kagari::cpu {
inline namespace KAGARI_ISA {

#define KAGARI_INLINE inline __attribute__((always_inline))

namespace detail {
template <int Width>
struct IntOfWidth;
template <>
struct IntOfWidth<4> {
  using type = int32_t;
};
template <>
struct IntOfWidth<8> {
  using type = int64_t;
};
}  // namespace detail

template <class T>
struct Vec;

// One truth value per lane of `Width` bytes. A bit mask with AVX-512, a vector of 0 / -1 otherwise.
template <int Width>
struct Mask {
  static constexpr int size = KAGARI_VEC_BYTES / Width;
#if KAGARI_VEC_BYTES == 64
  using Native = std::conditional_t<Width == 4, __mmask16, __mmask8>;
#else
  typedef typename detail::IntOfWidth<Width>::type Native __attribute__((vector_size(KAGARI_VEC_BYTES)));
#endif
  Native m;

  friend KAGARI_INLINE Mask operator&(Mask a, Mask b) { return {Native(a.m & b.m)}; }
  friend KAGARI_INLINE Mask operator|(Mask a, Mask b) { return {Native(a.m | b.m)}; }
  friend KAGARI_INLINE Mask operator^(Mask a, Mask b) { return {Native(a.m ^ b.m)}; }
  friend KAGARI_INLINE Mask operator~(Mask a) { return {Native(~a.m)}; }
};

// Whether the mask holds in at least one lane.
template <int Width>
KAGARI_INLINE bool any(Mask<Width> mask) {
#if KAGARI_VEC_BYTES == 64
  return mask.m != 0;
#elif KAGARI_VEC_BYTES == 32
  return !_mm256_testz_si256((__m256i)mask.m, (__m256i)mask.m);
#else
  return _mm_movemask_epi8((__m128i)mask.m) != 0;
#endif
}

// Whether the mask holds in every lane.
template <int Width>
KAGARI_INLINE bool all(Mask<Width> mask) {
  return !any(~mask);
}

template <class T>
struct Vec {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double> || std::is_same_v<T, int32_t> ||
                std::is_same_v<T, int64_t>);
  using Element = T;
  using Int = typename detail::IntOfWidth<sizeof(T)>::type;
  using MaskType = Mask<sizeof(T)>;
  static constexpr int size = KAGARI_VEC_BYTES / int(sizeof(T));
  typedef T Native __attribute__((vector_size(KAGARI_VEC_BYTES)));
  typedef T Unaligned __attribute__((vector_size(KAGARI_VEC_BYTES), aligned(1), may_alias));

  Native v;

  Vec() = default;
  KAGARI_INLINE Vec(Native native) : v(native) {}
  // All lanes equal to `value`.
  template <class S, class = std::enable_if_t<std::is_arithmetic_v<S>>>
  KAGARI_INLINE Vec(S value) : v(Native{} + T(value)) {
    // -0.0 + 0.0 would lose the sign.
    if constexpr (std::is_floating_point_v<T>) v = broadcast_native(T(value));
  }

  static KAGARI_INLINE Native broadcast_native(T value) {
#if KAGARI_VEC_BYTES == 64
    if constexpr (std::is_same_v<T, float>) return (Native)_mm512_set1_ps(value);
    if constexpr (std::is_same_v<T, double>) return (Native)_mm512_set1_pd(value);
#elif KAGARI_VEC_BYTES == 32
    if constexpr (std::is_same_v<T, float>) return (Native)_mm256_set1_ps(value);
    if constexpr (std::is_same_v<T, double>) return (Native)_mm256_set1_pd(value);
#else
    if constexpr (std::is_same_v<T, float>) return (Native)_mm_set1_ps(value);
    if constexpr (std::is_same_v<T, double>) return (Native)_mm_set1_pd(value);
#endif
    return Native{} + value;
  }

  KAGARI_INLINE T operator[](int lane) const { return v[lane]; }

  // Loads `size` elements; no alignment is needed.
  static KAGARI_INLINE Vec load(const T* p) { return Vec(Native(*reinterpret_cast<const Unaligned*>(p))); }
  // Stores `size` elements; no alignment is needed.
  KAGARI_INLINE void store(T* p) const { *reinterpret_cast<Unaligned*>(p) = v; }

  // Loads the first n < size elements, the other lanes become `fill`.
  static KAGARI_INLINE Vec load_partial(const T* p, int n, T fill = T(0)) {
#if KAGARI_VEC_BYTES == 64
    if constexpr (sizeof(T) == 4) {
      return Vec((Native)_mm512_mask_loadu_epi32((__m512i)Vec(fill).v, __mmask16((1u << n) - 1), p));
    } else {
      return Vec((Native)_mm512_mask_loadu_epi64((__m512i)Vec(fill).v, __mmask8((1u << n) - 1), p));
    }
#else
    alignas(KAGARI_VEC_BYTES) T buffer[size];
    Vec(fill).store(buffer);
    for (int i = 0; i < n; ++i) buffer[i] = p[i];
    return load(buffer);
#endif
  }
  // Stores the first n < size elements.
  KAGARI_INLINE void store_partial(T* p, int n) const {
#if KAGARI_VEC_BYTES == 64
    if constexpr (sizeof(T) == 4) {
      _mm512_mask_storeu_epi32(p, __mmask16((1u << n) - 1), (__m512i)v);
    } else {
      _mm512_mask_storeu_epi64(p, __mmask8((1u << n) - 1), (__m512i)v);
    }
#else
    alignas(KAGARI_VEC_BYTES) T buffer[size];
    store(buffer);
    for (int i = 0; i < n; ++i) p[i] = buffer[i];
#endif
  }

  friend KAGARI_INLINE Vec operator+(Vec a, Vec b) { return Vec(Native(a.v + b.v)); }
  friend KAGARI_INLINE Vec operator-(Vec a, Vec b) { return Vec(Native(a.v - b.v)); }
  friend KAGARI_INLINE Vec operator*(Vec a, Vec b) { return Vec(Native(a.v * b.v)); }
  friend KAGARI_INLINE Vec operator/(Vec a, Vec b) { return Vec(Native(a.v / b.v)); }
  friend KAGARI_INLINE Vec operator-(Vec a) { return Vec(Native(-a.v)); }
  KAGARI_INLINE Vec& operator+=(Vec b) { return *this = *this + b; }
  KAGARI_INLINE Vec& operator-=(Vec b) { return *this = *this - b; }
  KAGARI_INLINE Vec& operator*=(Vec b) { return *this = *this * b; }

#if KAGARI_VEC_BYTES == 64
#define KAGARI_COMPARE(op, predicate_float, predicate_int)                                                       \
  friend KAGARI_INLINE MaskType operator op(Vec a, Vec b) {                                                      \
    if constexpr (std::is_same_v<T, float>)                                                                      \
      return {_mm512_cmp_ps_mask((__m512)a.v, (__m512)b.v, predicate_float)};                                    \
    else if constexpr (std::is_same_v<T, double>)                                                                \
      return {_mm512_cmp_pd_mask((__m512d)a.v, (__m512d)b.v, predicate_float)};                                  \
    else if constexpr (std::is_same_v<T, int32_t>)                                                               \
      return {_mm512_cmp_epi32_mask((__m512i)a.v, (__m512i)b.v, predicate_int)};                                 \
    else                                                                                                         \
      return {_mm512_cmp_epi64_mask((__m512i)a.v, (__m512i)b.v, predicate_int)};                                 \
  }
#else
#define KAGARI_COMPARE(op, predicate_float, predicate_int) \
  friend KAGARI_INLINE MaskType operator op(Vec a, Vec b) { return {(typename MaskType::Native)(a.v op b.v)}; }
#endif
  KAGARI_COMPARE(<, _CMP_LT_OQ, _MM_CMPINT_LT)
  KAGARI_COMPARE(<=, _CMP_LE_OQ, _MM_CMPINT_LE)
  KAGARI_COMPARE(>, _CMP_GT_OQ, _MM_CMPINT_NLE)
  KAGARI_COMPARE(>=, _CMP_GE_OQ, _MM_CMPINT_NLT)
  KAGARI_COMPARE(==, _CMP_EQ_OQ, _MM_CMPINT_EQ)
  KAGARI_COMPARE(!=, _CMP_NEQ_UQ, _MM_CMPINT_NE)
#undef KAGARI_COMPARE
};

using VecF = Vec<float>;
using VecD = Vec<double>;
using VecI = Vec<int32_t>;
using VecL = Vec<int64_t>;

template <class T>
struct IsVec : std::false_type {};
template <class T>
struct IsVec<Vec<T>> : std::true_type {};

// The type of one lane: T of Vec<T>, and a scalar itself.
template <class V>
struct LaneOf {
  using type = V;
};
template <class T>
struct LaneOf<Vec<T>> {
  using type = T;
};
template <class V>
using Lane = typename LaneOf<V>::type;

// The bits of a vector read as another element type of the same width.
template <class To, class From>
KAGARI_INLINE Vec<To> bits_as(Vec<From> a) {
  static_assert(sizeof(To) == sizeof(From));
  return Vec<To>((typename Vec<To>::Native)(a.v));
}

// Lane by lane: mask ? a : b.
template <class T>
KAGARI_INLINE Vec<T> select(Mask<sizeof(T)> mask, Vec<T> a, Vec<T> b) {
#if KAGARI_VEC_BYTES == 64
  using Native = typename Vec<T>::Native;
  if constexpr (std::is_same_v<T, float>) {
    return Vec<T>((Native)_mm512_mask_blend_ps(mask.m, (__m512)b.v, (__m512)a.v));
  } else if constexpr (std::is_same_v<T, double>) {
    return Vec<T>((Native)_mm512_mask_blend_pd(mask.m, (__m512d)b.v, (__m512d)a.v));
  } else if constexpr (sizeof(T) == 4) {
    return Vec<T>((Native)_mm512_mask_blend_epi32(mask.m, (__m512i)b.v, (__m512i)a.v));
  } else {
    return Vec<T>((Native)_mm512_mask_blend_epi64(mask.m, (__m512i)b.v, (__m512i)a.v));
  }
#else
  return Vec<T>(mask.m ? a.v : b.v);
#endif
}
template <class T, class S, class = std::enable_if_t<std::is_arithmetic_v<S>>>
KAGARI_INLINE Vec<T> select(Mask<sizeof(T)> mask, Vec<T> a, S b) {
  return select(mask, a, Vec<T>(b));
}
template <class T, class S, class = std::enable_if_t<std::is_arithmetic_v<S>>>
KAGARI_INLINE Vec<T> select(Mask<sizeof(T)> mask, S a, Vec<T> b) {
  return select(mask, Vec<T>(a), b);
}

// a * b + c, rounded once where the instruction set has FMA (v3, v4), twice otherwise.
template <class T>
KAGARI_INLINE Vec<T> fma(Vec<T> a, Vec<T> b, Vec<T> c) {
#if KAGARI_VEC_BYTES == 64
  if constexpr (sizeof(T) == 4) {
    return Vec<T>((typename Vec<T>::Native)_mm512_fmadd_ps((__m512)a.v, (__m512)b.v, (__m512)c.v));
  } else {
    return Vec<T>((typename Vec<T>::Native)_mm512_fmadd_pd((__m512d)a.v, (__m512d)b.v, (__m512d)c.v));
  }
#elif KAGARI_VEC_BYTES == 32
  if constexpr (sizeof(T) == 4) {
    return Vec<T>((typename Vec<T>::Native)_mm256_fmadd_ps((__m256)a.v, (__m256)b.v, (__m256)c.v));
  } else {
    return Vec<T>((typename Vec<T>::Native)_mm256_fmadd_pd((__m256d)a.v, (__m256d)b.v, (__m256d)c.v));
  }
#else
  return a * b + c;
#endif
}
template <class T, class B, class C>
KAGARI_INLINE Vec<T> fma(Vec<T> a, B b, C c) {
  return fma(a, Vec<T>(b), Vec<T>(c));
}

inline constexpr bool kHasFma = KAGARI_VEC_BYTES > 16;

#if KAGARI_VEC_BYTES == 64
#define KAGARI_ROUND(x, mode)                                                                       \
  if constexpr (sizeof(T) == 4)                                                                     \
    return Vec<T>((typename Vec<T>::Native)_mm512_roundscale_ps((__m512)x.v, (mode) | _MM_FROUND_NO_EXC));  \
  else                                                                                              \
    return Vec<T>((typename Vec<T>::Native)_mm512_roundscale_pd((__m512d)x.v, (mode) | _MM_FROUND_NO_EXC))
#elif KAGARI_VEC_BYTES == 32
#define KAGARI_ROUND(x, mode)                                                                       \
  if constexpr (sizeof(T) == 4)                                                                     \
    return Vec<T>((typename Vec<T>::Native)_mm256_round_ps((__m256)x.v, (mode) | _MM_FROUND_NO_EXC));  \
  else                                                                                              \
    return Vec<T>((typename Vec<T>::Native)_mm256_round_pd((__m256d)x.v, (mode) | _MM_FROUND_NO_EXC))
#else
#define KAGARI_ROUND(x, mode)                                                                       \
  if constexpr (sizeof(T) == 4)                                                                     \
    return Vec<T>((typename Vec<T>::Native)_mm_round_ps((__m128)x.v, (mode) | _MM_FROUND_NO_EXC));  \
  else                                                                                              \
    return Vec<T>((typename Vec<T>::Native)_mm_round_pd((__m128d)x.v, (mode) | _MM_FROUND_NO_EXC))
#endif
// Nearest integer, halves to even.
template <class T>
KAGARI_INLINE Vec<T> round_even(Vec<T> x) {
  KAGARI_ROUND(x, _MM_FROUND_TO_NEAREST_INT);
}
template <class T>
KAGARI_INLINE Vec<T> floor(Vec<T> x) {
  KAGARI_ROUND(x, _MM_FROUND_TO_NEG_INF);
}
template <class T>
KAGARI_INLINE Vec<T> ceil(Vec<T> x) {
  KAGARI_ROUND(x, _MM_FROUND_TO_POS_INF);
}
template <class T>
KAGARI_INLINE Vec<T> trunc(Vec<T> x) {
  KAGARI_ROUND(x, _MM_FROUND_TO_ZERO);
}
#undef KAGARI_ROUND

template <class T>
KAGARI_INLINE Vec<T> sqrt(Vec<T> x) {
#if KAGARI_VEC_BYTES == 64
  if constexpr (sizeof(T) == 4) {
    return Vec<T>((typename Vec<T>::Native)_mm512_sqrt_ps((__m512)x.v));
  } else {
    return Vec<T>((typename Vec<T>::Native)_mm512_sqrt_pd((__m512d)x.v));
  }
#elif KAGARI_VEC_BYTES == 32
  if constexpr (sizeof(T) == 4) {
    return Vec<T>((typename Vec<T>::Native)_mm256_sqrt_ps((__m256)x.v));
  } else {
    return Vec<T>((typename Vec<T>::Native)_mm256_sqrt_pd((__m256d)x.v));
  }
#else
  if constexpr (sizeof(T) == 4) {
    return Vec<T>((typename Vec<T>::Native)_mm_sqrt_ps((__m128)x.v));
  } else {
    return Vec<T>((typename Vec<T>::Native)_mm_sqrt_pd((__m128d)x.v));
  }
#endif
}

// 1 / b within 1.5 ULP, for b in [2^-100, 2^100].
template <class T>
KAGARI_INLINE Vec<T> reciprocal(Vec<T> b) {
#if KAGARI_VEC_BYTES == 64
  if constexpr (sizeof(T) == 4) {
    const __m512 d = (__m512)b.v;
    __m512 r = _mm512_rcp14_ps(d);
    r = _mm512_fmadd_ps(r, _mm512_fnmadd_ps(d, r, _mm512_set1_ps(1.0f)), r);
    return Vec<T>((typename Vec<T>::Native)r);
  }
#endif
  return Vec<T>(1) / b;
}

// Bitwise operations on the representation; for float types, too.
template <class T>
KAGARI_INLINE Vec<T> bit_and(Vec<T> a, Vec<T> b) {
  using I = typename Vec<T>::Int;
  return bits_as<T>(Vec<I>(bits_as<I>(a).v & bits_as<I>(b).v));
}
template <class T>
KAGARI_INLINE Vec<T> bit_or(Vec<T> a, Vec<T> b) {
  using I = typename Vec<T>::Int;
  return bits_as<T>(Vec<I>(bits_as<I>(a).v | bits_as<I>(b).v));
}
template <class T>
KAGARI_INLINE Vec<T> bit_xor(Vec<T> a, Vec<T> b) {
  using I = typename Vec<T>::Int;
  return bits_as<T>(Vec<I>(bits_as<I>(a).v ^ bits_as<I>(b).v));
}
// Arithmetic shift right and shift left of integer lanes by a constant.
template <class T>
KAGARI_INLINE Vec<T> shift_right(Vec<T> a, int count) {
  return Vec<T>(typename Vec<T>::Native(a.v >> count));
}
template <class T>
KAGARI_INLINE Vec<T> shift_left(Vec<T> a, int count) {
  return Vec<T>(typename Vec<T>::Native(a.v << count));
}

// A vector with only the sign bits of x.
template <class T>
KAGARI_INLINE Vec<T> sign_bits(Vec<T> x) {
  return bit_and(x, Vec<T>(T(-0.0)));
}
template <class T>
KAGARI_INLINE Vec<T> abs(Vec<T> x) {
  if constexpr (std::is_floating_point_v<T>) {
    using I = typename Vec<T>::Int;
    return bit_and(x, bits_as<T>(Vec<I>(I(~(I(1) << (sizeof(T) * 8 - 1))))));
  } else {
    return select(x < Vec<T>(0), -x, x);
  }
}
// The magnitude of x with the sign of s.
template <class T>
KAGARI_INLINE Vec<T> copysign(Vec<T> x, Vec<T> s) {
  return bit_or(abs(x), sign_bits(s));
}
template <class T>
KAGARI_INLINE Mask<sizeof(T)> isnan(Vec<T> x) {
  return x != x;
}
template <class T>
KAGARI_INLINE Mask<sizeof(T)> isinf(Vec<T> x) {
  return abs(x) == Vec<T>(T(__builtin_inf()));
}
template <class T>
KAGARI_INLINE Mask<sizeof(T)> isfinite(Vec<T> x) {
  return abs(x) < Vec<T>(T(__builtin_inf()));
}
template <class T>
KAGARI_INLINE Mask<sizeof(T)> signbit(Vec<T> x) {
  using I = typename Vec<T>::Int;
  return bits_as<I>(x) < Vec<I>(0);
}

// a < b ? a : b, that is b where either is NaN: min_second(Vec(limit), x) keeps a NaN of x. One instruction.
template <class T>
KAGARI_INLINE Vec<T> min_second(Vec<T> a, Vec<T> b) {
  return Vec<T>(a.v < b.v ? a.v : b.v);
}
template <class T>
KAGARI_INLINE Vec<T> max_second(Vec<T> a, Vec<T> b) {
  return Vec<T>(a.v > b.v ? a.v : b.v);
}
#if KAGARI_VEC_BYTES == 64
template <>
KAGARI_INLINE VecF min_second(VecF a, VecF b) {
  return VecF((VecF::Native)_mm512_min_ps((__m512)a.v, (__m512)b.v));
}
template <>
KAGARI_INLINE VecF max_second(VecF a, VecF b) {
  return VecF((VecF::Native)_mm512_max_ps((__m512)a.v, (__m512)b.v));
}
template <>
KAGARI_INLINE VecD min_second(VecD a, VecD b) {
  return VecD((VecD::Native)_mm512_min_pd((__m512d)a.v, (__m512d)b.v));
}
template <>
KAGARI_INLINE VecD max_second(VecD a, VecD b) {
  return VecD((VecD::Native)_mm512_max_pd((__m512d)a.v, (__m512d)b.v));
}
#elif KAGARI_VEC_BYTES == 32
template <>
KAGARI_INLINE VecF min_second(VecF a, VecF b) {
  return VecF((VecF::Native)_mm256_min_ps((__m256)a.v, (__m256)b.v));
}
template <>
KAGARI_INLINE VecF max_second(VecF a, VecF b) {
  return VecF((VecF::Native)_mm256_max_ps((__m256)a.v, (__m256)b.v));
}
template <>
KAGARI_INLINE VecD min_second(VecD a, VecD b) {
  return VecD((VecD::Native)_mm256_min_pd((__m256d)a.v, (__m256d)b.v));
}
template <>
KAGARI_INLINE VecD max_second(VecD a, VecD b) {
  return VecD((VecD::Native)_mm256_max_pd((__m256d)a.v, (__m256d)b.v));
}
#endif

// Minimum and maximum where a NaN in either operand wins.
template <class T>
KAGARI_INLINE Vec<T> minimum(Vec<T> a, Vec<T> b) {
  if constexpr (std::is_floating_point_v<T>) return select(isnan(a), a, min_second(a, b));
  return min_second(a, b);
}
template <class T>
KAGARI_INLINE Vec<T> maximum(Vec<T> a, Vec<T> b) {
  if constexpr (std::is_floating_point_v<T>) return select(isnan(a), a, max_second(a, b));
  return max_second(a, b);
}

// x limited to [low, high]; NaN stays NaN.
template <class T>
KAGARI_INLINE Vec<T> clamp(Vec<T> x, T low, T high) {
  return min_second(Vec<T>(high), max_second(Vec<T>(low), x));
}

// Integer lanes of a rounded (toward zero) float vector and back. Out of range gives the smallest integer.
KAGARI_INLINE VecI to_int(VecF x) {
#if KAGARI_VEC_BYTES == 64
  return VecI((VecI::Native)_mm512_cvttps_epi32((__m512)x.v));
#elif KAGARI_VEC_BYTES == 32
  return VecI((VecI::Native)_mm256_cvttps_epi32((__m256)x.v));
#else
  return VecI((VecI::Native)_mm_cvttps_epi32((__m128)x.v));
#endif
}
KAGARI_INLINE VecF to_float(VecI x) { return VecF(__builtin_convertvector(x.v, VecF::Native)); }
// For |x| < 2^51 only; rounds to nearest.
KAGARI_INLINE VecL to_int(VecD x) {
#if KAGARI_VEC_BYTES == 64
  return VecL((VecL::Native)_mm512_cvtpd_epi64((__m512d)x.v));
#else
  const VecD magic(6755399441055744.0);  // 1.5 * 2^52: the sum holds the integer in its low bits
  return bits_as<int64_t>(x + magic) - bits_as<int64_t>(magic);
#endif
}
KAGARI_INLINE VecD to_float(VecL x) {  // |x| < 2^51
#if KAGARI_VEC_BYTES == 64
  return VecD((VecD::Native)_mm512_cvtepi64_pd((__m512i)x.v));
#else
  const VecD magic(6755399441055744.0);
  return bits_as<double>(x + bits_as<int64_t>(magic)) - magic;
#endif
}

// The two halves of a float vector as double vectors, and back.
KAGARI_INLINE VecD widen_low(VecF x) {
#if KAGARI_VEC_BYTES == 64
  return VecD((VecD::Native)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)x.v)));
#elif KAGARI_VEC_BYTES == 32
  return VecD((VecD::Native)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)x.v)));
#else
  return VecD((VecD::Native)_mm_cvtps_pd((__m128)x.v));
#endif
}
KAGARI_INLINE VecD widen_high(VecF x) {
#if KAGARI_VEC_BYTES == 64
  return VecD((VecD::Native)_mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)x.v, 1)));
#elif KAGARI_VEC_BYTES == 32
  return VecD((VecD::Native)_mm256_cvtps_pd(_mm256_extractf128_ps((__m256)x.v, 1)));
#else
  return VecD((VecD::Native)_mm_cvtps_pd(_mm_movehl_ps((__m128)x.v, (__m128)x.v)));
#endif
}
KAGARI_INLINE VecF narrow(VecD low, VecD high) {
#if KAGARI_VEC_BYTES == 64
  return VecF((VecF::Native)_mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps((__m512d)low.v)),
                                               _mm512_cvtpd_ps((__m512d)high.v), 1));
#elif KAGARI_VEC_BYTES == 32
  return VecF((VecF::Native)_mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps((__m256d)low.v)),
                                                 _mm256_cvtpd_ps((__m256d)high.v), 1));
#else
  return VecF((VecF::Native)_mm_movelh_ps(_mm_cvtpd_ps((__m128d)low.v), _mm_cvtpd_ps((__m128d)high.v)));
#endif
}

// x * 2^n for integral n (as a float vector) of any size, correct into the denormals and to infinity.
template <class T>
KAGARI_INLINE Vec<T> scale2(Vec<T> x, Vec<T> n) {
#if KAGARI_VEC_BYTES == 64
  if constexpr (sizeof(T) == 4) {
    return Vec<T>((typename Vec<T>::Native)_mm512_scalef_ps((__m512)x.v, (__m512)n.v));
  } else {
    return Vec<T>((typename Vec<T>::Native)_mm512_scalef_pd((__m512d)x.v, (__m512d)n.v));
  }
#else
  // Two factors, because 2^n alone may overflow where x * 2^n does not.
  constexpr int kMantissa = sizeof(T) == 4 ? 23 : 52, kBias = sizeof(T) == 4 ? 127 : 1023;
  using I = typename Vec<T>::Int;
  n = min_second(Vec<T>(T(2 * kBias)), max_second(Vec<T>(T(-2 * kBias)), n));
  Vec<T> half = round_even(n * Vec<T>(T(0.5)));
  Vec<I> first = to_int(half) + Vec<I>(kBias);
  Vec<I> second = to_int(n - half) + Vec<I>(kBias);
  return x * bits_as<T>(shift_left(first, kMantissa)) * bits_as<T>(shift_left(second, kMantissa));
#endif
}

// Splits a positive finite x into m in [sqrt(1/2), sqrt(2)) and an integral exponent: x = m * 2^exponent. Denormals are
// handled; zero, negative values, infinities and NaN give garbage that the caller overrides.
template <class T>
KAGARI_INLINE Vec<T> split_exponent(Vec<T> x, Vec<T>& exponent) {
#if KAGARI_VEC_BYTES == 64
  // getmant in [0.75, 1.5) chooses the interval for us, the exponent follows from it.
  if constexpr (sizeof(T) == 4) {
    __m512 m = _mm512_getmant_ps((__m512)x.v, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_src);
    exponent = Vec<T>((typename Vec<T>::Native)_mm512_getexp_ps((__m512)x.v)) -
               Vec<T>((typename Vec<T>::Native)_mm512_getexp_ps(m));
    return Vec<T>((typename Vec<T>::Native)m);
  } else {
    __m512d m = _mm512_getmant_pd((__m512d)x.v, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_src);
    exponent = Vec<T>((typename Vec<T>::Native)_mm512_getexp_pd((__m512d)x.v)) -
               Vec<T>((typename Vec<T>::Native)_mm512_getexp_pd(m));
    return Vec<T>((typename Vec<T>::Native)m);
  }
#else
  constexpr int kMantissa = sizeof(T) == 4 ? 23 : 52;
  using I = typename Vec<T>::Int;
  constexpr T kSmallest = sizeof(T) == 4 ? T(1.17549435e-38) : T(2.2250738585072014e-308);
  constexpr T kScale = T(I(1) << kMantissa);
  auto denormal = x < Vec<T>(kSmallest);
  x = select(denormal, x * Vec<T>(kScale), x);
  // Offset by the bits of 0.75, so that the mantissa falls into [0.75, 1.5).
  const Vec<I> base = bits_as<I>(Vec<T>(T(0.75)));
  Vec<I> biased = bits_as<I>(x) - base;
  Vec<I> e = Vec<I>(typename Vec<I>::Native(biased.v >> kMantissa));
  Vec<T> m = bits_as<T>(bits_as<I>(x) - shift_left(e, kMantissa));
  exponent = to_float(e) - select(denormal, Vec<T>(T(kMantissa)), Vec<T>(T(0)));
  return m;
#endif
}

// Sum, maximum and minimum over the lanes, by halves (a fixed order), in registers.
template <int Half, class T, size_t... I>
KAGARI_INLINE Vec<T> exchange_halves(Vec<T> x, std::index_sequence<I...>) {
  return Vec<T>(typename Vec<T>::Native(__builtin_shufflevector(x.v, x.v, int(I ^ size_t(Half))...)));
}
template <int Half, class T, class F>
KAGARI_INLINE T reduce_lanes(Vec<T> x, F combine) {
  if constexpr (Half == 0) {
    return x.v[0];
  } else {
    return reduce_lanes<Half / 2>(combine(x, exchange_halves<Half>(x, std::make_index_sequence<size_t(Vec<T>::size)>())), combine);
  }
}
template <class T>
KAGARI_INLINE T sum_lanes(Vec<T> x) {
  return reduce_lanes<Vec<T>::size / 2>(x, [](Vec<T> a, Vec<T> b) { return a + b; });
}
template <class T>
KAGARI_INLINE T max_lanes(Vec<T> x) {  // NaN wins
  return reduce_lanes<Vec<T>::size / 2>(x, [](Vec<T> a, Vec<T> b) { return maximum(a, b); });
}
template <class T>
KAGARI_INLINE T min_lanes(Vec<T> x) {  // NaN wins
  return reduce_lanes<Vec<T>::size / 2>(x, [](Vec<T> a, Vec<T> b) { return minimum(a, b); });
}

// f applied to each lane by an ordinary call: for functions that are not worth a vector version.
template <class T, class F>
KAGARI_INLINE Vec<T> map_lanes(Vec<T> x, F f) {
  alignas(KAGARI_VEC_BYTES) T lanes[Vec<T>::size];
  x.store(lanes);
  for (int i = 0; i < Vec<T>::size; ++i) lanes[i] = T(f(lanes[i]));
  return Vec<T>::load(lanes);
}
template <class T, class F>
KAGARI_INLINE Vec<T> map_lanes(Vec<T> x, Vec<T> y, F f) {
  alignas(KAGARI_VEC_BYTES) T lanes[Vec<T>::size];
  alignas(KAGARI_VEC_BYTES) T others[Vec<T>::size];
  x.store(lanes);
  y.store(others);
  for (int i = 0; i < Vec<T>::size; ++i) lanes[i] = T(f(lanes[i], others[i]));
  return Vec<T>::load(lanes);
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu

#include "kagari/cpu/simd_half.h"
