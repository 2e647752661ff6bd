// Memory of the Fourier kernels: loads and stores of complex vectors, and transposed blocks.
//
// A row of scratch is one complex element of W lines: W real parts, then W imaginary parts. Interleaved memory holds W complex numbers of
// neighbouring lines one after the other, as tensors do.
#pragma once

#include <algorithm>
#include <utility>

#include "kagari/cpu/kernels/fft_butterflies.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {

template <class T>
inline constexpr int kLanes = Vec<T>::size;

template <class T>
KAGARI_INLINE Vec<T> load_upto(const T* p, int n) {
  return n >= kLanes<T> ? Vec<T>::load(p) : n > 0 ? Vec<T>::load_partial(p, n) : Vec<T>(T(0));
}
template <class T>
KAGARI_INLINE void store_upto(T* p, Vec<T> x, int n) {
  if (n >= kLanes<T>) x.store(p);
  else if (n > 0) x.store_partial(p, n);
}

// a and b hold W complex numbers; and back.
template <class T, size_t... I>
KAGARI_INLINE Complexes<T> split_pairs(Vec<T> a, Vec<T> b, std::index_sequence<I...>) {
  using Index = typename Vec<typename Vec<T>::Int>::Native;
  return {Vec<T>(__builtin_shuffle(a.v, b.v, Index{int(2 * I)...})), Vec<T>(__builtin_shuffle(a.v, b.v, Index{int(2 * I + 1)...}))};
}
template <class T>
KAGARI_INLINE Complexes<T> split_pairs(Vec<T> a, Vec<T> b) {
  return split_pairs(a, b, std::make_index_sequence<kLanes<T>>());
}
template <class T, size_t... I>
KAGARI_INLINE void join_pairs(Complexes<T> z, Vec<T>& a, Vec<T>& b, std::index_sequence<I...>) {
  using Index = typename Vec<typename Vec<T>::Int>::Native;
  constexpr int w = kLanes<T>;
  a = Vec<T>(__builtin_shuffle(z.re.v, z.im.v, Index{int(I / 2 + (I % 2) * w)...}));
  b = Vec<T>(__builtin_shuffle(z.re.v, z.im.v, Index{int(w / 2 + I / 2 + (I % 2) * w)...}));
}
template <class T>
KAGARI_INLINE void join_pairs(Complexes<T> z, Vec<T>& a, Vec<T>& b) {
  join_pairs(z, a, b, std::make_index_sequence<kLanes<T>>());
}
template <class T>
KAGARI_INLINE Complexes<T> load_pairs(const T* p) {
  return split_pairs(Vec<T>::load(p), Vec<T>::load(p + kLanes<T>));
}
template <class T>
KAGARI_INLINE Complexes<T> load_pairs(const T* p, int count) {
  return split_pairs(load_upto(p, 2 * count), load_upto(p + kLanes<T>, 2 * count - kLanes<T>));
}
template <class T>
KAGARI_INLINE void store_pairs(T* p, Complexes<T> z) {
  Vec<T> a, b;
  join_pairs(z, a, b);
  a.store(p);
  b.store(p + kLanes<T>);
}
template <class T>
KAGARI_INLINE void store_pairs(T* p, Complexes<T> z, int count) {
  Vec<T> a, b;
  join_pairs(z, a, b);
  store_upto(p, a, 2 * count);
  store_upto(p + kLanes<T>, b, 2 * count - kLanes<T>);
}
template <class T>
KAGARI_INLINE Complexes<T> exchanged(Complexes<T> z, bool swap) {
  return swap ? Complexes<T>{z.im, z.re} : z;
}
// The lanes in the opposite order.
template <class T, size_t... I>
KAGARI_INLINE Vec<T> reversed(Vec<T> x, std::index_sequence<I...>) {
  using Index = typename Vec<typename Vec<T>::Int>::Native;
  return Vec<T>(__builtin_shuffle(x.v, Index{int(kLanes<T> - 1 - I)...}));
}
template <class T>
KAGARI_INLINE Complexes<T> reversed(Complexes<T> z) {
  constexpr auto all = std::make_index_sequence<kLanes<T>>();
  return {reversed(z.re, all), reversed(z.im, all)};
}

/// Rows of scratch. Exchanging re and im turns a forward transform into a backward one.
template <class T>
struct Rows {
  T *re, *im;
  static constexpr int64_t stride = 2 * kLanes<T>;
  Rows(T* base, bool swap) : re(base + (swap ? kLanes<T> : 0)), im(base + (swap ? 0 : kLanes<T>)) {}
  KAGARI_INLINE Complexes<T> load(int64_t row) const { return {Vec<T>::load(re + row * stride), Vec<T>::load(im + row * stride)}; }
  KAGARI_INLINE void store(int64_t row, Complexes<T> z) const {
    z.re.store(re + row * stride);
    z.im.store(im + row * stride);
  }
};
/// Rows times the rotation of Bailey's third step, which lies in the same layout.
template <class T>
struct RotatedRows {
  Rows<T> rows;
  const T* rotation;
  KAGARI_INLINE Complexes<T> load(int64_t row) const {
    const T* w = rotation + row * Rows<T>::stride;
    return times(rows.load(row), Vec<T>::load(w), Vec<T>::load(w + kLanes<T>));
  }
};
/// Interleaved memory, `stride` elements of T between rows.
template <class T>
struct Interleaved {
  const T* p;
  int64_t stride;
  bool swap;
  KAGARI_INLINE Complexes<T> load(int64_t row) const { return exchanged(load_pairs(p + row * stride), swap); }
};

// Where the last stage puts its results: result number `frequency`, which is row `row` in place.
template <class T>
struct ToRows {
  Rows<T> rows;
  T scale;
  KAGARI_INLINE void operator()(int64_t row, int64_t, Complexes<T> z) const {
    const Vec<T> s(scale);
    rows.store(row, {z.re * s, z.im * s});
  }
};
template <class T>
struct ToInterleaved {
  T* p;
  int64_t stride;
  bool swap;
  T scale;
  KAGARI_INLINE void operator()(int64_t, int64_t frequency, Complexes<T> z) const {
    const Vec<T> s(scale);
    store_pairs(p + frequency * stride, exchanged(Complexes<T>{z.re * s, z.im * s}, swap));
  }
};

// ---- transposed blocks of W x W
KAGARI_INLINE VecF unpack_low(VecF a, VecF b) {
#if KAGARI_VEC_BYTES == 64
  return VecF((VecF::Native)_mm512_unpacklo_ps((__m512)a.v, (__m512)b.v));
#elif KAGARI_VEC_BYTES == 32
  return VecF((VecF::Native)_mm256_unpacklo_ps((__m256)a.v, (__m256)b.v));
#else
  return VecF((VecF::Native)_mm_unpacklo_ps((__m128)a.v, (__m128)b.v));
#endif
}
KAGARI_INLINE VecF unpack_high(VecF a, VecF b) {
#if KAGARI_VEC_BYTES == 64
  return VecF((VecF::Native)_mm512_unpackhi_ps((__m512)a.v, (__m512)b.v));
#elif KAGARI_VEC_BYTES == 32
  return VecF((VecF::Native)_mm256_unpackhi_ps((__m256)a.v, (__m256)b.v));
#else
  return VecF((VecF::Native)_mm_unpackhi_ps((__m128)a.v, (__m128)b.v));
#endif
}
KAGARI_INLINE VecD unpack_low(VecD a, VecD b) {
#if KAGARI_VEC_BYTES == 64
  return VecD((VecD::Native)_mm512_unpacklo_pd((__m512d)a.v, (__m512d)b.v));
#elif KAGARI_VEC_BYTES == 32
  return VecD((VecD::Native)_mm256_unpacklo_pd((__m256d)a.v, (__m256d)b.v));
#else
  return VecD((VecD::Native)_mm_unpacklo_pd((__m128d)a.v, (__m128d)b.v));
#endif
}
KAGARI_INLINE VecD unpack_high(VecD a, VecD b) {
#if KAGARI_VEC_BYTES == 64
  return VecD((VecD::Native)_mm512_unpackhi_pd((__m512d)a.v, (__m512d)b.v));
#elif KAGARI_VEC_BYTES == 32
  return VecD((VecD::Native)_mm256_unpackhi_pd((__m256d)a.v, (__m256d)b.v));
#else
  return VecD((VecD::Native)_mm_unpackhi_pd((__m128d)a.v, (__m128d)b.v));
#endif
}
KAGARI_INLINE VecD as_doubles(VecF x) { return VecD((VecD::Native)x.v); }
KAGARI_INLINE VecF as_floats(VecD x) { return VecF((VecF::Native)x.v); }
// 16 bytes from each of rows[0], rows[step], rows[2 step], ..., at element `at`.
template <class T>
KAGARI_INLINE Vec<T> gather_quarters(const T* const* rows, int step, int64_t at) {
  auto piece = [&](int i) { return _mm_loadu_ps(reinterpret_cast<const float*>(rows[i * step] + at)); };
#if KAGARI_VEC_BYTES == 64
  __m512 v = _mm512_castps128_ps512(piece(0));
  v = _mm512_mask_broadcast_f32x4(v, 0x00f0, piece(1));
  v = _mm512_mask_broadcast_f32x4(v, 0x0f00, piece(2));
  v = _mm512_mask_broadcast_f32x4(v, 0xf000, piece(3));
  return Vec<T>((typename Vec<T>::Native)v);
#elif KAGARI_VEC_BYTES == 32
  return Vec<T>((typename Vec<T>::Native)_mm256_insertf128_ps(_mm256_castps128_ps256(piece(0)), piece(1), 1));
#else
  return Vec<T>((typename Vec<T>::Native)piece(0));
#endif
}
/// out[i * out_stride + j] = rows[j][at + i], i and j below W.
template <class T>
KAGARI_INLINE void transpose_block(const T* const* rows, int64_t at, T* out, int64_t out_stride) {
  constexpr int kPiece = 16 / int(sizeof(T));
#pragma GCC unroll 8
  for (int c = 0; c < kLanes<T>; c += kPiece) {
    T* to = out + c * out_stride;
    if constexpr (sizeof(T) == 4) {
      const VecF a = gather_quarters(rows, 4, at + c), b = gather_quarters(rows + 1, 4, at + c);
      const VecF d = gather_quarters(rows + 2, 4, at + c), e = gather_quarters(rows + 3, 4, at + c);
      const VecD p = as_doubles(unpack_low(a, b)), q = as_doubles(unpack_high(a, b));
      const VecD r = as_doubles(unpack_low(d, e)), s = as_doubles(unpack_high(d, e));
      as_floats(unpack_low(p, r)).store(to);
      as_floats(unpack_high(p, r)).store(to + out_stride);
      as_floats(unpack_low(q, s)).store(to + 2 * out_stride);
      as_floats(unpack_high(q, s)).store(to + 3 * out_stride);
    } else {
      const VecD a = gather_quarters(rows, 2, at + c), b = gather_quarters(rows + 1, 2, at + c);
      unpack_low(a, b).store(to);
      unpack_high(a, b).store(to + out_stride);
    }
  }
}

/// `columns` elements of each of `count` lines into rows of W lanes: to[f * to_stride + line] = line[f]. Other lanes get copies of a line.
template <class T>
void load_lines(const T* in, int64_t line_stride, int count, int64_t columns, T* to, int64_t to_stride) {
  constexpr int w = kLanes<T>;
  const T* lines[w];
  for (int i = 0; i < w; ++i) lines[i] = in + std::min(i, count - 1) * line_stride;
  if (columns < w) {
    for (int64_t f = 0; f < columns; ++f)
      for (int i = 0; i < w; ++i) to[f * to_stride + i] = lines[i][f];
    return;
  }
  int64_t f = 0;
  for (; f + w <= columns; f += w) transpose_block(lines, f, to + f * to_stride, to_stride);
  if (f < columns) transpose_block(lines, columns - w, to + (columns - w) * to_stride, to_stride);
}
/// The reverse; row(f) points to the W lanes of element f.
template <class T, class Row>
KAGARI_INLINE void store_lines(T* out, int64_t line_stride, int count, int64_t columns, Row row) {
  constexpr int w = kLanes<T>;
  if (columns < w) {
    for (int64_t f = 0; f < columns; ++f)
      for (int i = 0; i < count; ++i) out[i * line_stride + f] = row(f)[i];
    return;
  }
  const T* rows[w];
  for (int64_t f = 0; f < columns; f += w) {
    f = std::min(f, columns - w);
    for (int i = 0; i < w; ++i) rows[i] = row(f + i);
    if (count == w) {
      transpose_block(rows, 0, out + f, line_stride);
      continue;
    }
    alignas(64) T block[w * w];
    transpose_block(rows, 0, block, w);
    for (int i = 0; i < count; ++i) std::copy_n(block + i * w, w, out + i * line_stride + f);
  }
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
