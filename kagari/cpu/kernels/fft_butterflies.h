// Butterflies: transforms of R complex vectors in registers, x[k] = sum over j of x[j] exp(-2 pi i j k / R), lane by lane.
#pragma once

#include <utility>

#include "kagari/cpu/simd.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {

template <class T>
struct Complexes {
  Vec<T> re, im;
  friend KAGARI_INLINE Complexes operator+(Complexes a, Complexes b) { return {a.re + b.re, a.im + b.im}; }
  friend KAGARI_INLINE Complexes operator-(Complexes a, Complexes b) { return {a.re - b.re, a.im - b.im}; }
};
template <class T>
KAGARI_INLINE Complexes<T> times(Complexes<T> a, Vec<T> c, Vec<T> s) {
  return {a.re * c - a.im * s, a.re * s + a.im * c};
}
/// -i a
template <class T>
KAGARI_INLINE Complexes<T> turned(Complexes<T> a) {
  return {a.im, -a.re};
}
/// a + (-i) b and a - (-i) b
template <class T>
KAGARI_INLINE Complexes<T> plus_turned(Complexes<T> a, Complexes<T> b) {
  return {a.re + b.im, a.im - b.re};
}
template <class T>
KAGARI_INLINE Complexes<T> minus_turned(Complexes<T> a, Complexes<T> b) {
  return {a.re - b.im, a.im + b.re};
}

template <class T>
KAGARI_INLINE void butterfly2(Complexes<T>& a, Complexes<T>& b) {
  const Complexes<T> d = a - b;
  a = a + b;
  b = d;
}
template <class T>
KAGARI_INLINE void butterfly4(Complexes<T>& a, Complexes<T>& b, Complexes<T>& c, Complexes<T>& d) {
  const Complexes<T> s = a + c, t = a - c, u = b + d, v = b - d;
  a = s + u;
  b = plus_turned(t, v);
  c = s - u;
  d = minus_turned(t, v);
}
template <class T>
KAGARI_INLINE void butterfly8(Complexes<T>* x) {
  // Four pairs, rotated by eighths of the circle, then two transforms of four.
  const Vec<T> h(T(0.70710678118654752440));
  Complexes<T> a = x[0] + x[4], b = x[1] + x[5], c = x[2] + x[6], d = x[3] + x[7];
  Complexes<T> e = x[0] - x[4], f = x[1] - x[5], g = x[2] - x[6], i = x[3] - x[7];
  f = {(f.re + f.im) * h, (f.im - f.re) * h};
  g = turned(g);
  i = {(i.im - i.re) * h, (i.re + i.im) * -h};
  butterfly4(a, b, c, d);
  butterfly4(e, f, g, i);
  x[0] = a, x[1] = e, x[2] = b, x[3] = f, x[4] = c, x[5] = g, x[6] = d, x[7] = i;
}
/// Four columns of four, rotated by sixteenths of the circle, then four rows of four.
template <class T>
KAGARI_INLINE void butterfly16(Complexes<T>* x) {
  const Vec<T> h(T(0.70710678118654752440)), c(T(0.92387953251128675613)), s(T(0.38268343236508977173));
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) butterfly4(x[j], x[j + 4], x[j + 8], x[j + 12]);
  auto eighth = [&](Complexes<T> z) { return Complexes<T>{(z.re + z.im) * h, (z.im - z.re) * h}; };
  x[5] = times(x[5], c, -s);
  x[6] = eighth(x[6]);
  x[7] = times(x[7], s, -c);
  x[9] = eighth(x[9]);
  x[10] = turned(x[10]);
  x[11] = turned(eighth(x[11]));
  x[13] = times(x[13], s, -c);
  x[14] = turned(eighth(x[14]));
  x[15] = times(x[15], -c, s);
#pragma GCC unroll 4
  for (int j = 0; j < 16; j += 4) butterfly4(x[j], x[j + 1], x[j + 2], x[j + 3]);
  // Result 4 k + j lies at 4 j + k.
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j)
    for (int k = 0; k < j; ++k) std::swap(x[4 * j + k], x[4 * k + j]);
}
/// An odd radix: the pairs j, R - j share their products. `roots` holds R cosines, then R sines of 2 pi k / R.
template <int R, class T>
KAGARI_INLINE void butterfly_odd(Complexes<T>* x, const T* roots, int radix) {
  const int r = R ? R : radix, half = (r - 1) / 2;
  constexpr int kRoom = R ? R : 48;
  Complexes<T> sum[kRoom / 2 + 1], difference[kRoom / 2 + 1];
  Complexes<T> total = x[0];
#pragma GCC unroll 8
  for (int j = 1; j <= half; ++j) {
    sum[j] = x[j] + x[r - j];
    difference[j] = x[j] - x[r - j];
    total = total + sum[j];
  }
#pragma GCC unroll 8
  for (int k = 1; k <= half; ++k) {
    Complexes<T> even = x[0], odd = {Vec<T>(T(0)), Vec<T>(T(0))};
    int e = 0;
#pragma GCC unroll 8
    for (int j = 1; j <= half; ++j) {
      e += k;
      if (e >= r) e -= r;
      const Vec<T> c(roots[e]), s(roots[r + e]);
      even = {even.re + sum[j].re * c, even.im + sum[j].im * c};
      odd = {odd.re + difference[j].re * s, odd.im + difference[j].im * s};
    }
    x[k] = plus_turned(even, odd);
    x[r - k] = minus_turned(even, odd);
  }
  x[0] = total;
}

/// R: 2, 4, 8, 16 or odd; 0 for an odd radix that is known when it runs.
template <int R, class T>
KAGARI_INLINE void butterfly(Complexes<T>* x, const T* roots, int radix) {
  if constexpr (R == 2) butterfly2(x[0], x[1]);
  else if constexpr (R == 4) butterfly4(x[0], x[1], x[2], x[3]);
  else if constexpr (R == 8) butterfly8(x);
  else if constexpr (R == 16) butterfly16(x);
  else butterfly_odd<R>(x, roots, radix);
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
