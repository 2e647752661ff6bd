#include "kagari/cpu/kernels/gemm_kernels.h"

#include <immintrin.h>

#include <cstring>
#include <type_traits>
#include <utility>

#include "kagari/base/allocator.h"

// Note [Blocked GEMM]: C is computed in tiles of `tile_rows` x two vectors that stay in registers while k runs. A strip of B
// (k_block x two vectors) is packed so that the loop over k reads it in order; rows of A are copied to a fixed distance
// that is no multiple of a page, so that a tile's rows never fall on the same cache set, and so that their addresses are
// constants in the inner loop. k is cut into blocks of equal length, at most k_block; the order of additions for one element of
// C depends on k only, so that a result does not depend on how C is split among threads.

namespace kagari::KAGARI_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
constexpr int float_rows = 14;
#elif defined(__AVX2__)
constexpr int vector_bytes = 32;
constexpr int float_rows = 6;
#else
constexpr int vector_bytes = 16;
constexpr int float_rows = 6;
#endif
constexpr int64_t k_block = 256;
constexpr int64_t row_block = 18 * float_rows;
constexpr int64_t column_block = 2048;

template <class T> constexpr int lanes = vector_bytes / int(sizeof(T));
// Integer products are rare: few tiles, to keep the library small.
template <class T> constexpr int tile_rows = std::is_integral_v<T> ? 4 : float_rows;
template <class T> constexpr int tile_columns = 2 * lanes<T>;
// Distance between packed rows of A: k_block and one cache line.
template <class T> constexpr int64_t a_stride = k_block + 64 / int64_t(sizeof(T));

template <class T> struct VectorOf { typedef T type __attribute__((vector_size(vector_bytes))); };
template <class T> using Vector = typename VectorOf<T>::type;

template <class T> inline Vector<T> load(const T* p) {
  Vector<T> v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
template <class T> inline void store(T* p, Vector<T> v) { __builtin_memcpy(p, &v, sizeof v); }
template <class T> inline Vector<T> broadcast(T x) { return x - Vector<T>{}; }

template <class V, size_t... I>
inline V exchange(V v, int distance, std::index_sequence<I...>) {
  switch (distance) {
    case 8: return __builtin_shufflevector(v, v, int((I ^ 8) % sizeof...(I))...);
    case 4: return __builtin_shufflevector(v, v, int((I ^ 4) % sizeof...(I))...);
    case 2: return __builtin_shufflevector(v, v, int((I ^ 2) % sizeof...(I))...);
    default: return __builtin_shufflevector(v, v, int((I ^ 1) % sizeof...(I))...);
  }
}
template <class T> inline T horizontal_sum(Vector<T> v) {
#pragma GCC unroll 4
  for (int distance = lanes<T> / 2; distance >= 1; distance /= 2) v += exchange(v, distance, std::make_index_sequence<size_t(lanes<T>)>{});
  return v[0];
}

// ---- contiguous conversion to the type that sums are kept in

inline void widen(const float* s, float* d, int64_t n) { std::memcpy(d, s, size_t(n) * sizeof(float)); }
inline void widen(const double* s, double* d, int64_t n) { std::memcpy(d, s, size_t(n) * sizeof(double)); }
template <class In, class T>
  requires std::is_integral_v<In>
inline void widen(const In* s, T* d, int64_t n) {
  for (int64_t i = 0; i < n; ++i) d[i] = T(s[i]);
}
inline void widen(const BFloat16* s, float* d, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    uint32_t bits = uint32_t(s[i].bits) << 16;
    __builtin_memcpy(d + i, &bits, 4);
  }
}
inline void widen(const Half* s, float* d, int64_t n) {
  int64_t i = 0;
#if defined(__AVX512F__)
  for (; i + 16 <= n; i += 16) {
    __m256i h;
    __builtin_memcpy(&h, s + i, 32);
    _mm512_storeu_ps(d + i, _mm512_maskz_cvtph_ps(__mmask16(-1), h));
  }
#elif defined(__F16C__)
  for (; i + 8 <= n; i += 8) {
    __m128i h;
    __builtin_memcpy(&h, s + i, 16);
    _mm256_storeu_ps(d + i, _mm256_cvtph_ps(h));
  }
#endif
  for (; i < n; ++i) d[i] = s[i];
}
template <class T, class In> inline T widen_one(In x) {
  if constexpr (std::is_same_v<In, Half> || std::is_same_v<In, BFloat16>) return float(x);
  else return T(x);
}

void narrow(const float* s, BFloat16* d, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    uint32_t u;
    __builtin_memcpy(&u, s + i, 4);
    uint32_t rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16, quiet = u >> 16 | 0x40;
    d[i].bits = uint16_t((u & 0x7fffffff) > 0x7f800000 ? quiet : rounded);
  }
}
void narrow(const float* s, Half* d, int64_t n) {
  int64_t i = 0;
#if defined(__AVX512F__)
  for (; i + 16 <= n; i += 16) {
    __m256i h = _mm512_maskz_cvtps_ph(__mmask16(-1), _mm512_loadu_ps(s + i), _MM_FROUND_TO_NEAREST_INT);
    __builtin_memcpy(static_cast<void*>(d + i), &h, 32);
  }
#elif defined(__F16C__)
  for (; i + 8 <= n; i += 8) {
    __m128i h = _mm256_cvtps_ph(_mm256_loadu_ps(s + i), _MM_FROUND_TO_NEAREST_INT);
    __builtin_memcpy(static_cast<void*>(d + i), &h, 16);
  }
#endif
  for (; i < n; ++i) d[i] = Half(s[i]);
}

// ---- packing

template <class V, int N, size_t... I>
inline void interleave_pair(V& a, V& b, std::index_sequence<I...>) {
  // Exchanges the off-diagonal N x N blocks of two rows.
  constexpr int count = int(sizeof...(I));
  V low = __builtin_shufflevector(a, b, ((int(I) & N) ? int(I) - N + count : int(I))...);
  V high = __builtin_shufflevector(a, b, ((int(I) & N) ? int(I) + count : int(I) + N)...);
  a = low;
  b = high;
}

template <class T, int N = lanes<T> / 2>
inline void transpose_registers(Vector<T>* r) {
  if constexpr (N >= 1) {
#pragma GCC unroll 16
    for (int i = 0; i < lanes<T>; ++i)
      if (!(i & N)) interleave_pair<Vector<T>, N>(r[i], r[i + N], std::make_index_sequence<size_t(lanes<T>)>{});
    transpose_registers<T, N / 2>(r);
  }
}

// target[j * target_row + i] = source[i * source_row + j] for i < rows, j < columns.
template <class In, class T>
void transpose(const In* source, int64_t source_row, int64_t rows, int64_t columns, T* target, int64_t target_row) {
  constexpr int L = lanes<T>;
  int64_t i = 0;
  for (; i + L <= rows; i += L) {
    int64_t j = 0;
    for (; j + L <= columns; j += L) {
      Vector<T> r[L];
#pragma GCC unroll 16
      for (int u = 0; u < L; ++u) {
        const In* p = source + (i + u) * source_row + j;
        if constexpr (std::is_same_v<In, T>) {
          r[u] = load<T>(p);
        } else {
          T wide[L];
          widen(p, wide, L);
          r[u] = load<T>(wide);
        }
      }
      transpose_registers<T>(r);
#pragma GCC unroll 16
      for (int u = 0; u < L; ++u) store<T>(target + (j + u) * target_row + i, r[u]);
    }
    for (; j < columns; ++j)
      for (int u = 0; u < L; ++u) target[j * target_row + i + u] = widen_one<T>(source[(i + u) * source_row + j]);
  }
  for (; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) target[j * target_row + i] = widen_one<T>(source[i * source_row + j]);
}

// A's rows [0, m) and columns [0, k) to rows of distance a_stride.
template <class In, class T>
void pack_a(const In* a, int64_t row, int64_t col, int64_t m, int64_t k, T* target) {
  if (col == 1) {
    for (int64_t i = 0; i < m; ++i) widen(a + i * row, target + i * a_stride<T>, k);
  } else if (row == 1) {
    transpose<In, T>(a, col, k, m, target, a_stride<T>);
  } else {
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < k; ++j) target[i * a_stride<T> + j] = widen_one<T>(a[i * row + j * col]);
  }
}

// B's rows [0, k) and columns [0, n) to strips of tile_columns columns, the last one filled up with zeros.
template <class In, class T>
void pack_b(const In* b, int64_t row, int64_t col, int64_t k, int64_t n, T* target) {
  constexpr int64_t W = tile_columns<T>;
  for (int64_t j = 0; j < n; j += W, target += k * W) {
    int64_t width = n - j < W ? n - j : W;
    const In* strip = b + j * col;
    if (width < W) std::memset(static_cast<void*>(target), 0, size_t(k * W) * sizeof(T));
    if (col == 1 && width == W) {
      for (int64_t p = 0; p < k; ++p) widen(strip + p * row, target + p * W, W);
    } else if (col == 1) {
      for (int64_t p = 0; p < k; ++p)
        for (int64_t c = 0; c < width; ++c) target[p * W + c] = widen_one<T>(strip[p * row + c]);
    } else if (row == 1) {
      transpose<In, T>(strip, col, width, k, target, W);
    } else {
      for (int64_t p = 0; p < k; ++p)
        for (int64_t c = 0; c < width; ++c) target[p * W + c] = widen_one<T>(strip[p * row + c * col]);
    }
  }
}

// ---- the tile

// How a finished tile goes to C.
template <class T> struct Output {
  T alpha, beta;
  bool first, last;  // block of k
  const T* bias;      // per column, from the tile's first one on, or null
  const T* row_bias;  // per row, or null
  bool relu;
};

template <class T, int Rows>
void tile(int64_t k, const T* a, const T* b, T* c, int64_t c_row, int64_t width, const Output<T>& out) {
  constexpr int L = lanes<T>, W = tile_columns<T>;
  Vector<T> sum0[Rows], sum1[Rows];
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
    sum0[i] = sum1[i] = Vector<T>{};
    __builtin_prefetch(c + i * c_row, 1);  // arrives while k runs
    __builtin_prefetch(c + i * c_row + L, 1);
  }
#pragma GCC unroll 2
  for (int64_t p = 0; p < k; ++p) {
    Vector<T> b0 = load<T>(b), b1 = load<T>(b + L);
    b += W;
    __builtin_prefetch(b + 8 * W);
    __builtin_prefetch(b + 8 * W + L);
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      Vector<T> x = broadcast<T>(a[i * a_stride<T>]);
      sum0[i] += x * b0;
      sum1[i] += x * b1;
    }
    ++a;
  }
  Vector<T> bias0{}, bias1{};
  bool add_bias = out.last && out.bias;
  T buffer[W];
  if (add_bias) {
    for (int64_t j = 0; j < W; ++j) buffer[j] = j < width ? out.bias[j] : T(0);
    bias0 = load<T>(buffer);
    bias1 = load<T>(buffer + L);
  }
  Vector<T> alpha = broadcast<T>(out.alpha), beta = broadcast<T>(out.first ? out.beta : T(1));
  bool read = !out.first || out.beta != T(0), relu = out.last && out.relu;
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
    T* row = c + i * c_row;
    Vector<T> v0 = sum0[i] * alpha, v1 = sum1[i] * alpha;
    if (width == W) [[likely]] {
      if (read) v0 += beta * load<T>(row), v1 += beta * load<T>(row + L);
    } else if (read) {
      std::memset(buffer, 0, sizeof buffer);
      std::memcpy(buffer, row, size_t(width) * sizeof(T));
      v0 += beta * load<T>(buffer), v1 += beta * load<T>(buffer + L);
    }
    if (add_bias) v0 += bias0, v1 += bias1;
    if (out.last && out.row_bias) v0 += out.row_bias[i], v1 += out.row_bias[i];
    if (relu) v0 = v0 < T(0) ? Vector<T>{} : v0, v1 = v1 < T(0) ? Vector<T>{} : v1;
    if (width == W) [[likely]] {
      store<T>(row, v0), store<T>(row + L, v1);
    } else {
      store<T>(buffer, v0), store<T>(buffer + L, v1);
      std::memcpy(row, buffer, size_t(width) * sizeof(T));
    }
  }
}

template <class T> using Tile = void (*)(int64_t, const T*, const T*, T*, int64_t, int64_t, const Output<T>&);

template <class T, size_t... I>
constexpr Tile<T> tile_for(int64_t rows, std::index_sequence<I...>) {
  constexpr Tile<T> table[] = {tile<T, int(I) + 1>...};
  return table[rows - 1];
}

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

template <class In, class T>
void gemm(const GemmBlock& g) {
  constexpr int64_t W = tile_columns<T>;
  auto* a = static_cast<const In*>(g.a);
  auto* b = static_cast<const In*>(g.b);
  auto* c = static_cast<T*>(g.c);
  int64_t k_blocks = ceil_div(g.k, k_block), k_step = k_blocks ? ceil_div(g.k, k_blocks) : 0;
  int64_t m_block = g.m < row_block ? g.m : row_block, n_block = g.n < column_block ? g.n : column_block;
  size_t a_bytes = (size_t(m_block * a_stride<T>) * sizeof(T) + 63) & ~size_t(63);
  size_t b_bytes = size_t(ceil_div(n_block, W) * W * (k_step ? k_step : 1)) * sizeof(T) + 4096;  // and what the loop prefetches
  auto* memory = static_cast<char*>(allocate(a_bytes + b_bytes));
  T* packed_a = reinterpret_cast<T*>(memory);
  T* packed_b = reinterpret_cast<T*>(memory + a_bytes);
  for (int64_t jc = 0; jc < g.n; jc += n_block) {
    int64_t nc = g.n - jc < n_block ? g.n - jc : n_block;
    int64_t pc = 0;
    do {
      int64_t kc = g.k - pc < k_step ? g.k - pc : k_step;
      pack_b<In, T>(b + pc * g.b_row + jc * g.b_col, g.b_row, g.b_col, kc, nc, packed_b);
      for (int64_t ic = 0; ic < g.m; ic += m_block) {
        int64_t mc = g.m - ic < m_block ? g.m - ic : m_block;
        pack_a<In, T>(a + ic * g.a_row + pc * g.a_col, g.a_row, g.a_col, mc, kc, packed_a);
        int64_t tiles = ceil_div(mc, tile_rows<T>);
        for (int64_t j = 0; j < nc; j += W) {
          int64_t width = nc - j < W ? nc - j : W;
          auto* bias = static_cast<const T*>(g.bias);
          Output<T> out{T(g.alpha), T(g.beta), pc == 0, pc + kc >= g.k,
                        bias && !g.bias_per_row ? bias + jc + j : nullptr, nullptr, g.relu};
          for (int64_t t = 0; t < tiles; ++t) {
            int64_t from = mc * t / tiles, rows = mc * (t + 1) / tiles - from;
            T* target = c + (ic + from) * g.c_row + jc + j;
            if (bias && g.bias_per_row) out.row_bias = bias + ic + from;
            tile_for<T>(rows, std::make_index_sequence<tile_rows<T>>{})(kc, packed_a + from * a_stride<T>, packed_b + j * kc, target,
                                                                     g.c_row, width, out);
          }
        }
      }
      pc += k_step;
    } while (pc < g.k);
  }
  deallocate(memory, a_bytes + b_bytes);
}

// ---- few rows

// A vector of half types as float32.
template <class In> inline Vector<float> load_wide(const In* p) {
#if defined(__AVX512F__)
  __m256i bits;
  __builtin_memcpy(&bits, p, 32);
  if constexpr (std::is_same_v<In, Half>) return (Vector<float>)_mm512_maskz_cvtph_ps(__mmask16(-1), bits);
  else return (Vector<float>)_mm512_maskz_slli_epi32(__mmask16(-1), _mm512_maskz_cvtepu16_epi32(__mmask16(-1), bits), 16);
#else
  float wide[lanes<float>];
  widen(p, wide, lanes<float>);
  return load<float>(wide);
#endif
}

template <class T, class In> inline Vector<T> load_as(const In* p) {
  if constexpr (std::is_same_v<T, In>) return load<T>(p);
  else return load_wide(p);
}

template <class In, class T, int Rows, int Columns>
inline void dot_tile(int64_t k, const T* a, int64_t a_row, const In* b, int64_t b_col, T (&out)[4][4]) {
  constexpr int L = lanes<T>;
  Vector<T> sum[Rows][Columns];
#pragma GCC unroll 4
  for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < Columns; ++j) sum[i][j] = Vector<T>{};
  int64_t p = 0;
  for (; p + L <= k; p += L) {
    Vector<T> x[Rows];
#pragma GCC unroll 4
    for (int i = 0; i < Rows; ++i) x[i] = load<T>(a + i * a_row + p);
#pragma GCC unroll 4
    for (int j = 0; j < Columns; ++j) {
      Vector<T> y = load_as<T>(b + j * b_col + p);
#pragma GCC unroll 4
      for (int i = 0; i < Rows; ++i) sum[i][j] += x[i] * y;
    }
  }
  for (int i = 0; i < Rows; ++i)
    for (int j = 0; j < Columns; ++j) {
      T total = horizontal_sum<T>(sum[i][j]);
      for (int64_t q = p; q < k; ++q) total += a[i * a_row + q] * T(b[j * b_col + q]);
      out[i][j] = total;
    }
}

// B may be of a half type; then all others are float32.
template <class In, class T>
void dots(const GemmBlock& g) {
  auto* a = static_cast<const T*>(g.a);
  auto* b = static_cast<const In*>(g.b);
  auto* c = static_cast<T*>(g.c);
  auto* bias = static_cast<const T*>(g.bias);
  constexpr int R = float_rows > 6 ? 4 : 2;  // rows at once: what the registers hold
  for (int64_t j = 0; j < g.n; j += 4) {
    int64_t columns = g.n - j < 4 ? g.n - j : 4;
    for (int64_t i = 0; i < g.m;) {
      T sums[4][4];
      const T* ai = a + i * g.a_row;
      const In* bj = b + j * g.b_col;
      int64_t rows = g.m - i >= R ? R : g.m - i >= 2 ? 2 : 1;
      if (columns == 4 && rows == R) dot_tile<In, T, R, 4>(g.k, ai, g.a_row, bj, g.b_col, sums);
      else if (columns == 4 && rows == 2) dot_tile<In, T, 2, 4>(g.k, ai, g.a_row, bj, g.b_col, sums);
      else if (columns == 4) dot_tile<In, T, 1, 4>(g.k, ai, g.a_row, bj, g.b_col, sums);
      else
        for (int64_t r = 0; r < rows; ++r)
          for (int64_t s = 0; s < columns; ++s) {
            T one[4][4];
            dot_tile<In, T, 1, 1>(g.k, ai + r * g.a_row, 0, bj + s * g.b_col, 0, one);
            sums[r][s] = one[0][0];
          }
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t s = 0; s < columns; ++s) {
          T* target = c + (i + r) * g.c_row + j + s;
          T value = T(g.alpha) * sums[r][s];
          if (g.beta != 0) value += T(g.beta) * *target;
          if (bias) value += bias[g.bias_per_row ? i + r : j + s];
          if (g.relu && value < T(0)) value = T(0);
          *target = value;
        }
      i += rows;
    }
  }
}

// ---- matrix times vector

template <class T>
void put(const GemvBlock& g, int64_t i, T sum) {
  T* y = static_cast<T*>(g.y) + i * g.y_stride;
  *y = g.beta == 0 ? T(g.alpha) * sum : T(g.alpha) * sum + T(g.beta) * *y;
}

template <class T>
T dot(const T* a, const T* b, int64_t n) {
  constexpr int L = lanes<T>;
  Vector<T> s0{}, s1{}, s2{}, s3{};
  int64_t p = 0;
  for (; p + 4 * L <= n; p += 4 * L) {
    s0 += load<T>(a + p) * load<T>(b + p);
    s1 += load<T>(a + p + L) * load<T>(b + p + L);
    s2 += load<T>(a + p + 2 * L) * load<T>(b + p + 2 * L);
    s3 += load<T>(a + p + 3 * L) * load<T>(b + p + 3 * L);
  }
  T sum = horizontal_sum<T>((s0 + s1) + (s2 + s3));
  for (; p < n; ++p) sum += a[p] * b[p];
  return sum;
}

// Rows are contiguous: dot products, four rows at a time with two sums each.
template <class T>
void gemv_rows(const GemvBlock& g) {
  constexpr int L = lanes<T>;
  auto* x = static_cast<const T*>(g.x);
  for (int64_t i = 0; i < g.outputs; i += 4) {
    int64_t rows = g.outputs - i < 4 ? g.outputs - i : 4;
    if (rows < 4) {
      for (int64_t u = 0; u < rows; ++u) put<T>(g, i + u, dot<T>(static_cast<const T*>(g.matrix) + (i + u) * g.out_stride, x, g.length));
      break;
    }
    const T* r[4];
    for (int u = 0; u < 4; ++u) r[u] = static_cast<const T*>(g.matrix) + (i + u) * g.out_stride;
    Vector<T> s[4][2] = {};
    int64_t p = 0;
    for (; p + 2 * L <= g.length; p += 2 * L) {
      Vector<T> x0 = load<T>(x + p), x1 = load<T>(x + p + L);
#pragma GCC unroll 4
      for (int u = 0; u < 4; ++u) {
        s[u][0] += load<T>(r[u] + p) * x0;
        s[u][1] += load<T>(r[u] + p + L) * x1;
      }
    }
    for (int u = 0; u < 4; ++u) {
      T sum = horizontal_sum<T>(s[u][0] + s[u][1]);
      for (int64_t q = p; q < g.length; ++q) sum += r[u][q] * x[q];
      put<T>(g, i + u, sum);
    }
  }
}

// Columns are contiguous: sums of scaled columns, in pieces that stay in the first cache.
template <class T>
void gemv_columns(const GemvBlock& g) {
  constexpr int L = lanes<T>;
  constexpr int64_t piece = 2048;
  alignas(64) T sums[piece];
  auto* x = static_cast<const T*>(g.x);
  for (int64_t i = 0; i < g.outputs; i += piece) {
    int64_t n = g.outputs - i < piece ? g.outputs - i : piece;
    auto* matrix = static_cast<const T*>(g.matrix) + i;
    std::memset(sums, 0, size_t(n) * sizeof(T));
    int64_t r = 0;
    for (; r + 4 <= g.length; r += 4) {
      const T *c0 = matrix + r * g.red_stride, *c1 = c0 + g.red_stride, *c2 = c1 + g.red_stride, *c3 = c2 + g.red_stride;
      Vector<T> x0 = broadcast<T>(x[r]), x1 = broadcast<T>(x[r + 1]), x2 = broadcast<T>(x[r + 2]), x3 = broadcast<T>(x[r + 3]);
      int64_t j = 0;
      for (; j + L <= n; j += L)
        store<T>(sums + j, load<T>(sums + j) + x0 * load<T>(c0 + j) + x1 * load<T>(c1 + j) + x2 * load<T>(c2 + j) +
                               x3 * load<T>(c3 + j));
      for (; j < n; ++j) sums[j] += x[r] * c0[j] + x[r + 1] * c1[j] + x[r + 2] * c2[j] + x[r + 3] * c3[j];
    }
    for (; r < g.length; ++r) {
      const T* column = matrix + r * g.red_stride;
      for (int64_t j = 0; j < n; ++j) sums[j] += x[r] * column[j];
    }
    for (int64_t j = 0; j < n; ++j) put<T>(g, i + j, sums[j]);
  }
}

template <class T>
void gemv(const GemvBlock& g) {
  g.red_stride == 1 ? gemv_rows<T>(g) : gemv_columns<T>(g);
}

// ---- half types against x and y of float32

template <class In>
void gemv_rows_wide(const GemvBlock& g) {
  constexpr int L = lanes<float>;
  auto *x = static_cast<const float*>(g.x);
  auto *y = static_cast<float*>(g.y);
  for (int64_t i = 0; i < g.outputs; i += 4) {
    int64_t rows = g.outputs - i < 4 ? g.outputs - i : 4;
    const In* r[4];
    for (int64_t u = 0; u < 4; ++u) r[u] = static_cast<const In*>(g.matrix) + (i + (u < rows ? u : 0)) * g.out_stride;
    Vector<float> s[4] = {}, t[4] = {};
    int64_t p = 0;
    for (; p + 2 * L <= g.length; p += 2 * L) {
      Vector<float> x0 = load<float>(x + p), x1 = load<float>(x + p + L);
#pragma GCC unroll 4
      for (int u = 0; u < 4; ++u) {
        __builtin_prefetch(r[u] + p + 512);
        s[u] += load_wide(r[u] + p) * x0;
        t[u] += load_wide(r[u] + p + L) * x1;
      }
    }
    for (int64_t u = 0; u < rows; ++u) {
      float sum = horizontal_sum<float>(s[u] + t[u]);
      for (int64_t q = p; q < g.length; ++q) sum += float(r[u][q]) * x[q];
      y[(i + u) * g.y_stride] = sum;
    }
  }
}

template <class In>
void gemv_columns_wide(const GemvBlock& g) {
  constexpr int L = lanes<float>;
  auto *x = static_cast<const float*>(g.x);
  auto *y = static_cast<float*>(g.y);
  constexpr int64_t piece = 2048;
  alignas(64) float sums[piece];
  for (int64_t i = 0; i < g.outputs; i += piece) {
    int64_t n = g.outputs - i < piece ? g.outputs - i : piece;
    std::memset(sums, 0, size_t(n) * sizeof(float));
    for (int64_t r = 0; r < g.length; ++r) {
      const In* row = static_cast<const In*>(g.matrix) + i + r * g.red_stride;
      Vector<float> scale = broadcast<float>(x[r]);
      int64_t j = 0;
      for (; j + L <= n; j += L) store<float>(sums + j, load<float>(sums + j) + scale * load_wide(row + j));
      for (; j < n; ++j) sums[j] += x[r] * float(row[j]);
    }
    for (int64_t j = 0; j < n; ++j) y[(i + j) * g.y_stride] = sums[j];
  }
}

template <class In>
void gemv_wide(const GemvBlock& g) {
  g.red_stride == 1 ? gemv_rows_wide<In>(g) : gemv_columns_wide<In>(g);
}

void to_float32(DType from, const void* source, float* target, int64_t n) {
  if (from == DType::BFloat16) widen(static_cast<const BFloat16*>(source), target, n);
  else widen(static_cast<const Half*>(source), target, n);
}

void from_float32(DType to, const float* source, void* target, int64_t n) {
  if (to == DType::BFloat16) narrow(source, static_cast<BFloat16*>(target), n);
  else narrow(source, static_cast<Half*>(target), n);
}

}  // namespace

extern const GemmKernels gemm_kernels;
const GemmKernels gemm_kernels = {
    float_rows, tile_columns<float>,
    gemm<float, float>, gemm<double, double>, gemm<BFloat16, float>, gemm<Half, float>,
    gemm<int64_t, int64_t>, gemm<int32_t, int32_t>, gemm<int16_t, int32_t>, gemm<int8_t, int32_t>, gemm<uint8_t, int32_t>,
    gemv<float>, gemv<double>, gemv_wide<BFloat16>, gemv_wide<Half>, dots<float, float>, dots<double, double>, dots<BFloat16, float>, dots<Half, float>, to_float32, from_float32,
};

}  // namespace kagari::KAGARI_ISA
