// Fourier transforms: chains of butterflies over rows of scratch (see the note in fft.h).
#include "kagari/cpu/fft.h"

#include "kagari/cpu/elementwise.h"
#include "kagari/cpu/kernels/fft_lanes.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace {

/// f.operator()<R>() for the butterfly of a radix.
template <class F>
KAGARI_INLINE void with_radix(int radix, F f) {
  switch (radix) {
    case 2: return f.template operator()<2>();
    case 3: return f.template operator()<3>();
    case 4: return f.template operator()<4>();
    case 5: return f.template operator()<5>();
    case 7: return f.template operator()<7>();
    case 8: return f.template operator()<8>();
    case 16: return f.template operator()<16>();
    default: return f.template operator()<0>();
  }
}

// A stage that is not the last one: blocks of r * m rows; result k of a butterfly is multiplied by a root and stays in its place.
template <int R, class T, class Load>
void inner_stage(int radix, int64_t blocks, int64_t m, const T* twiddles, const T* roots, Load from, Rows<T> rows) {
  const int r = R ? R : radix;
  Complexes<T> x[R ? R : 48];
  for (int64_t b = 0; b < blocks; ++b) {
    const T* w = twiddles;
    for (int64_t q = 0; q < m; ++q) {
      const int64_t first = b * r * m + q;
#pragma GCC unroll 16
      for (int j = 0; j < r; ++j) x[j] = from.load(first + j * m);
      butterfly<R>(x, roots, radix);
      rows.store(first, x[0]);
#pragma GCC unroll 16
      for (int k = 1; k < r; ++k, w += 2) rows.store(first + k * m, times(x[k], Vec<T>(w[0]), Vec<T>(w[1])));
    }
  }
}
// The last one: neighbouring rows, no roots.
template <int R, class T, class Store>
void last_stage(int radix, int64_t blocks, const int32_t* order, const T* roots, Rows<T> rows, Store store) {
  const int r = R ? R : radix;
  Complexes<T> x[R ? R : 48];
  for (int64_t b = 0; b < blocks; ++b) {
#pragma GCC unroll 16
    for (int j = 0; j < r; ++j) x[j] = rows.load(b * r + j);
    butterfly<R>(x, roots, radix);
#pragma GCC unroll 16
    for (int k = 0; k < r; ++k) store(b * r + k, order[b] + k * blocks, x[k]);
  }
}

/// The transform of n rows that `from` gives; `rows` is used on the way.
template <class T, class Load, class Store>
void transform(const FftPlan& p, Load from, Rows<T> rows, Store store) {
  const size_t stages = p.radices.size();
  int64_t blocks = 1, m = p.n;
  for (size_t s = 0; s + 1 < stages; ++s) {
    const int r = p.radices[s];
    m /= r;
    const T* twiddles = p.twiddles[s].as<T>();
    const T* roots = p.roots[s].as<T>();
    with_radix(r, [&]<int R>() {
      if (s == 0) inner_stage<R>(r, 1, m, twiddles, roots, from, rows);
      else inner_stage<R>(r, blocks, m, twiddles, roots, rows, rows);
    });
    blocks *= r;
  }
  if constexpr (!std::is_same_v<Load, Rows<T>>)
    if (stages == 1)
      for (int64_t i = 0; i < p.n; ++i) rows.store(i, from.load(i));
  with_radix(p.radices.back(), [&]<int R>() {
    last_stage<R>(p.radices.back(), blocks, p.order.data(), p.roots.back().as<T>(), rows, store);
  });
}

// ---------------------------------------------------------------- many lines
/// The results of a transform in scratch: result k lies in row(k).
template <class T>
struct Results {
  T* base;
  const int32_t* position;  // null: in order
  int64_t count;            // of the transform; a result beyond them lies behind them
  T* row(int64_t k) const { return base + (position && k < count ? position[k] : k) * Rows<T>::stride; }
  Complexes<T> load(int64_t k) const { return {Vec<T>::load(row(k)), Vec<T>::load(row(k) + kLanes<T>)}; }
};

template <class T>
Results<T> transform_rows(const FftPlan& p, T* a, T* b, bool inverse, T scale) {
  if (p.kind == FftPlan::Kind::Lanes) {
    const Rows<T> rows(a, inverse);
    transform(p, rows, rows, ToRows<T>{rows, scale});
    return {a, p.position.data(), p.n};
  }
  // A convolution with the chirp. What is exchanged for the direction of the whole is exchanged back for the second transform.
  const FftPlan& padded = *p.first;
  const Rows<T> rows(a, inverse), others(b, inverse);
  const T *chirp = p.rotation.as<T>(), *spectrum = p.spectrum.as<T>();
  for (int64_t j = 0; j < p.n; ++j) rows.store(j, times(rows.load(j), Vec<T>(chirp[2 * j]), Vec<T>(chirp[2 * j + 1])));
  for (int64_t j = p.n; j < padded.n; ++j) rows.store(j, {Vec<T>(T(0)), Vec<T>(T(0))});
  transform(padded, rows, rows, ToRows<T>{rows, T(1)});
  for (int64_t k = 0; k < padded.n; ++k)
    others.store(k, times(rows.load(padded.position[size_t(k)]), Vec<T>(spectrum[2 * k]), Vec<T>(spectrum[2 * k + 1])));
  const Rows<T> backward(b, !inverse);
  transform(padded, backward, backward, ToRows<T>{backward, T(1)});
  for (int64_t j = 0; j < p.n; ++j)
    rows.store(j, times(others.load(padded.position[size_t(j)]), Vec<T>(chirp[2 * j] * scale), Vec<T>(chirp[2 * j + 1] * scale)));
  return {a, nullptr, p.n};
}

// From Z, the transform of a real line read as m complex numbers, halved, to that of the line; w = exp(-pi i k / m). The second result
// belongs to m - k, and its imaginary part still has to change its sign.
template <class T>
KAGARI_INLINE void unpack_pair(Complexes<T>& z, Complexes<T>& mirror, Vec<T> c, Vec<T> s) {
  const Complexes<T> e{z.re + mirror.re, z.im - mirror.im}, o{z.re - mirror.re, z.im + mirror.im};
  const Complexes<T> t = times(o, c, s);
  z = plus_turned(e, t);
  mirror = minus_turned(e, t);
  mirror.im = -mirror.im;
}
// The reverse: from the transform of a real line to twice Z.
template <class T>
KAGARI_INLINE void pack_pair(Complexes<T>& x, Complexes<T>& mirror, Vec<T> c, Vec<T> s) {
  const Complexes<T> e{x.re + mirror.re, x.im - mirror.im}, o{x.re - mirror.re, x.im + mirror.im};
  const Complexes<T> t = times(o, c, -s);
  x = minus_turned(e, t);
  mirror = plus_turned(e, t);
  mirror.im = -mirror.im;
}

template <class T>
void unpack_rows(const FftPlan& real, const Results<T>& z) {
  const int64_t m = real.n / 2;
  const T* w = real.rotation.as<T>();
  auto store = [&](int64_t k, Vec<T> re, Vec<T> im) {
    re.store(z.row(k));
    im.store(z.row(k) + kLanes<T>);
  };
  const Complexes<T> first = z.load(0);
  const Vec<T> zero(T(0)), two(T(2));
  store(0, (first.re + first.im) * two, zero);
  store(m, (first.re - first.im) * two, zero);
  for (int64_t k = 1; 2 * k <= m; ++k) {
    Complexes<T> a = z.load(k), b = z.load(m - k);
    unpack_pair(a, b, Vec<T>(w[2 * k]), Vec<T>(w[2 * k + 1]));
    store(m - k, b.re, b.im);
    store(k, a.re, a.im);
  }
}
template <class T>
void pack_rows(const FftPlan& real, T* x) {
  const int64_t m = real.n / 2;
  const Rows<T> rows(x, false);
  const T* w = real.rotation.as<T>();
  const Vec<T> first = rows.load(0).re, last = rows.load(m).re;
  rows.store(0, {first + last, first - last});
  for (int64_t k = 1; 2 * k <= m; ++k) {
    Complexes<T> a = rows.load(k), b = rows.load(m - k);
    pack_pair(a, b, Vec<T>(w[2 * k]), Vec<T>(w[2 * k + 1]));
    rows.store(m - k, b);
    rows.store(k, a);
  }
}

/// Elements of the lines into scratch: `complex` ones, or real ones into the real parts (or, `paired`, in turn into both).
template <class T>
void load_elements(const FftLines& j, T* a, int64_t n, bool complex, bool paired) {
  constexpr int w = kLanes<T>;
  const T* in = static_cast<const T*>(j.in);
  const int64_t line = j.in_line / int64_t(sizeof(T)), row = j.in_row / int64_t(sizeof(T));
  if (j.in_row == (complex ? 2 : 1) * int64_t(sizeof(T))) {
    if (complex || paired) return load_lines(in, line, j.count, complex ? 2 * n : n, a, w);
    load_lines(in, line, j.count, n, a, 2 * w);
  } else if (complex) {
    for (int64_t i = 0; i < n; ++i) {
      const Complexes<T> z = load_pairs(in + i * row, j.count);
      Rows<T>(a, false).store(i, z);
    }
  } else {
    for (int64_t i = 0; i < n; ++i) load_upto(in + i * row, j.count).store(a + (paired ? i * w : i * 2 * w));
  }
  if (!complex && !paired)
    for (int64_t i = 0; i < n; ++i) Vec<T>(T(0)).store(a + (2 * i + 1) * w);
}
/// The reverse, for n elements.
template <class T>
void store_elements(const FftLines& j, Results<T> z, int64_t n, bool complex, bool paired) {
  constexpr int w = kLanes<T>;
  T* out = static_cast<T*>(j.out);
  const int64_t line = j.out_line / int64_t(sizeof(T)), row = j.out_row / int64_t(sizeof(T));
  auto part = [&](int64_t f) { return complex || paired ? z.row(f / 2) + (f % 2) * w : z.row(f); };
  if (j.out_row == (complex ? 2 : 1) * int64_t(sizeof(T))) return store_lines(out, line, j.count, complex ? 2 * n : n, part);
  for (int64_t i = 0; i < n; ++i) {
    if (complex) store_pairs(out + i * row, z.load(i), j.count);
    else store_upto(out + i * row, Vec<T>::load(part(i)), j.count);
  }
}

template <class T>
void lines(const FftLines& j) {
  const FftPlan& p = *j.plan;
  T* a = static_cast<T*>(j.scratch);
  T* b = a + fft_scratch_rows(p, j.n) / 2 * Rows<T>::stride;
  const T scale = T(j.scale);
  const int64_t half = j.n / 2 + 1;
  if (j.kind == FftKind::Complex) {
    const bool columns = j.in_row != 2 * int64_t(sizeof(T)) && j.out_row != 2 * int64_t(sizeof(T));
    if (columns && j.count == kLanes<T> && p.kind == FftPlan::Kind::Lanes) {
      const Interleaved<T> from{static_cast<const T*>(j.in), j.in_row / int64_t(sizeof(T)), j.inverse};
      return transform(p, from, Rows<T>(a, false), ToInterleaved<T>{static_cast<T*>(j.out), j.out_row / int64_t(sizeof(T)), j.inverse, scale});
    }
    load_elements(j, a, j.n, true, false);
    return store_elements(j, transform_rows(p, a, b, j.inverse, scale), j.n, true, false);
  }
  if (j.kind == FftKind::RealToComplex) {
    load_elements(j, a, j.n, false, j.unpack != nullptr);
    if (!j.unpack) return store_elements(j, transform_rows(p, a, b, false, scale), half, true, false);
    const Results<T> z = transform_rows(p, a, b, false, scale / 2);
    unpack_rows(*j.unpack, z);
    return store_elements(j, z, half, true, false);
  }
  load_elements(j, a, half, true, false);
  if (j.unpack) {
    pack_rows(*j.unpack, a);
  } else {
    const Rows<T> rows(a, false);
    rows.store(0, {rows.load(0).re, Vec<T>(T(0))});
    for (int64_t k = 1; k < half; ++k) rows.store(j.n - k, {rows.load(k).re, -rows.load(k).im});
  }
  store_elements(j, transform_rows(p, a, b, true, scale), j.n, false, j.unpack != nullptr);
}

// ---------------------------------------------------------------- one long line
template <class T>
void long_columns(const FftLong& j, int64_t begin, int64_t end, void* scratch) {
  constexpr int w = kLanes<T>;
  const FftPlan& p = *j.plan->first;
  const int64_t n1 = p.n, n2 = j.plan->second->n;
  const Rows<T> rows(static_cast<T*>(scratch), j.inverse);
  const ToRows<T> store{rows, T(1)};
  for (int64_t block = begin; block < end; ++block) {
    const int64_t column = block * w;
    const int count = int(std::min<int64_t>(w, n2 - column));
    const Interleaved<T> from{static_cast<const T*>(j.in) + 2 * column, 2 * n2, j.inverse};
    if (count == w) {
      transform(p, from, rows, store);
    } else {
      for (int64_t i = 0; i < n1; ++i) rows.store(i, exchanged(load_pairs(from.p + i * from.stride, count), j.inverse));
      transform(p, rows, rows, store);
    }
    // Result k of column c becomes lane k % w of row c of block k / w.
    for (int64_t k = 0; k < n1; k += w) {
      const T *re[w], *im[w];
      for (int i = 0; i < w; ++i) {
        const int64_t at = p.position[size_t(std::min(k + i, n1 - 1))] * Rows<T>::stride;
        re[i] = rows.re + at;
        im[i] = rows.im + at;
      }
      T* to = static_cast<T*>(j.middle) + (k / w * n2 + column) * Rows<T>::stride;
      if (count == w) {
        transpose_block(re, 0, to, Rows<T>::stride);
        transpose_block(im, 0, to + w, Rows<T>::stride);
        continue;
      }
      alignas(64) T pieces[2][w * w];
      transpose_block(re, 0, pieces[0], w);
      transpose_block(im, 0, pieces[1], w);
      for (int i = 0; i < count; ++i)
        for (int part = 0; part < 2; ++part) std::copy_n(pieces[part] + i * w, w, to + (2 * i + part) * w);
    }
  }
}

template <class T>
void long_rows(const FftLong& j, int64_t begin, int64_t end) {
  constexpr int w = kLanes<T>;
  const FftPlan& p = *j.plan->second;
  const int64_t n1 = j.plan->first->n;
  for (int64_t block = begin; block < end; ++block) {
    const int64_t offset = block * p.n * Rows<T>::stride;
    const Rows<T> rows(static_cast<T*>(j.middle) + offset, false);  // the first step has exchanged the parts
    const RotatedRows<T> from{rows, j.plan->rotation.as<T>() + offset};
    T* out = static_cast<T*>(j.out) + 2 * block * w;
    const int count = int(std::min<int64_t>(w, n1 - block * w));
    if (count == w) {
      transform(p, from, rows, ToInterleaved<T>{out, 2 * n1, j.inverse, T(j.scale)});
      continue;
    }
    transform(p, from, rows, ToRows<T>{rows, T(j.scale)});
    for (int64_t k = 0; k < p.n; ++k) store_pairs(out + 2 * k * n1, exchanged(rows.load(p.position[size_t(k)]), j.inverse), count);
  }
}

/// pair(z, mirror, c, s) for all k and m - k of m complex numbers, 0 < k < m; in place if in == out.
template <class T, class Pair>
KAGARI_INLINE void for_each_mirrored(const FftPlan& real, const T* in, T* out, Pair pair) {
  constexpr int w = kLanes<T>;
  const int64_t m = real.n / 2;
  const T* table = real.rotation.as<T>();
  int64_t k = 1;
  for (; k + w <= m - k - w + 1; k += w) {
    Complexes<T> a = load_pairs(in + 2 * k), b = reversed(load_pairs(in + 2 * (m - k - w + 1)));
    const Complexes<T> root = load_pairs(table + 2 * k);
    pair(a, b, root.re, root.im);
    store_pairs(out + 2 * k, a);
    store_pairs(out + 2 * (m - k - w + 1), reversed(b));
  }
  for (; 2 * k <= m; ++k) {
    Complexes<T> a{Vec<T>(in[2 * k]), Vec<T>(in[2 * k + 1])}, b{Vec<T>(in[2 * (m - k)]), Vec<T>(in[2 * (m - k) + 1])};
    pair(a, b, Vec<T>(table[2 * k]), Vec<T>(table[2 * k + 1]));
    out[2 * (m - k)] = b.re[0];
    out[2 * (m - k) + 1] = b.im[0];
    out[2 * k] = a.re[0];
    out[2 * k + 1] = a.im[0];
  }
}

template <class T>
void unpack(const FftPlan& real, void* line) {
  T* z = static_cast<T*>(line);
  const int64_t m = real.n / 2;
  const T re = z[0], im = z[1];
  for_each_mirrored(real, z, z, [](Complexes<T>& a, Complexes<T>& b, Vec<T> c, Vec<T> s) { unpack_pair(a, b, c, s); });
  z[0] = 2 * (re + im);
  z[1] = z[2 * m + 1] = 0;
  z[2 * m] = 2 * (re - im);
}
template <class T>
void pack(const FftPlan& real, const void* in, void* out) {
  const T* x = static_cast<const T*>(in);
  T* z = static_cast<T*>(out);
  const int64_t m = real.n / 2;
  for_each_mirrored(real, x, z, [](Complexes<T>& a, Complexes<T>& b, Vec<T> c, Vec<T> s) { pack_pair(a, b, c, s); });
  z[0] = x[0] + x[2 * m];
  z[1] = x[0] - x[2 * m];
}

template <class T>
void multiply(void* out, const void* in, const void* table, int64_t n, double scale, bool swap_in, bool swap_out) {
  const Vec<T> s{T(scale)};
  for (int64_t i = 0; i < n; i += kLanes<T>) {
    const int count = int(std::min<int64_t>(kLanes<T>, n - i));
    const Complexes<T> a = exchanged(load_pairs(static_cast<const T*>(in) + 2 * i, count), swap_in);
    const Complexes<T> b = load_pairs(static_cast<const T*>(table) + 2 * i, count);
    store_pairs(static_cast<T*>(out) + 2 * i, exchanged(times(a, b.re * s, b.im * s), swap_out), count);
  }
}

template <class T>
const FftKernels& kernels() {
  static constexpr FftKernels all{kLanes<T>, lines<T>, long_columns<T>, long_rows<T>, unpack<T>, pack<T>, multiply<T>};
  return all;
}

}  // namespace

KAGARI_KERNELS(r) {
  r.add<FftKernelsOf>("fft", DType::Float32, &kernels<float>);
  r.add<FftKernelsOf>("fft", DType::Float64, &kernels<double>);
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
