// Loops of random numbers: the Mersenne Twister's block, and the conversion of its 32-bit words into numbers of a distribution.
#include <cstring>

#include "kagari/cpu/elementwise.h"
#include "kagari/cpu/vector_math.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace {

constexpr int kWords = 624, kShift = 397;

KAGARI_INLINE uint32_t twist(uint32_t a, uint32_t b) {
  uint32_t y = (a & 0x80000000u) | (b & 0x7fffffffu);
  return (y >> 1) ^ (-(b & 1u) & 0x9908b0dfu);
}

// Each loop reads words that it does not write, or writes later, so its iterations are independent within a vector.
void mt19937_block(uint32_t* state, uint32_t* tempered, bool advance) {
  uint32_t* __restrict__ s = state;
  if (advance) {
#pragma GCC ivdep
    for (int k = 0; k < kWords - kShift; ++k) s[k] = s[k + kShift] ^ twist(s[k], s[k + 1]);
    constexpr int kLag = kWords - kShift;
#pragma GCC ivdep
    for (int k = kLag; k < 2 * kLag; ++k) s[k] = s[k - kLag] ^ twist(s[k], s[k + 1]);
#pragma GCC ivdep
    for (int k = 2 * kLag; k < kWords - 1; ++k) s[k] = s[k - kLag] ^ twist(s[k], s[k + 1]);
    s[kWords - 1] = s[kShift - 1] ^ twist(s[kWords - 1], s[0]);
  }
  uint32_t* __restrict__ out = tempered;
  for (int k = 0; k < kWords; ++k) {
    uint32_t y = s[k];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    y ^= y >> 18;
    out[k] = y;
  }
}

// from + range * u, with u of 24 random bits. A result that rounding brought up to `to` becomes `from`.
void uniform_float(const uint32_t* words, float* out, int64_t n, double from, double to) {
  const float low = float(from), high = float(to), range = high - low;
  for (int64_t i = 0; i < n; ++i) {
    float u = float(int32_t(words[i] & 0xffffffu)) * 0x1p-24f;
    float x = u * range + low;
    out[i] = x == high ? low : x;
  }
}

// The 53 low bits of word pairs, the first word above the second.
KAGARI_INLINE double unit53(uint32_t first, uint32_t second) {
  double high = double(int32_t(first & 0x1fffffu));
  // second is unsigned, and only signed conversions are fast
  double low = double(int32_t(second ^ 0x80000000u)) + 0x1p31;
  return (high * 0x1p32 + low) * 0x1p-53;
}
void uniform_double(const uint32_t* words, double* out, int64_t n, double from, double to) {
  const double range = to - from;
  for (int64_t i = 0; i < n; ++i) {
    double x = unit53(words[2 * i], words[2 * i + 1]) * range + from;
    out[i] = x == to ? from : x;
  }
}

// Box and Muller's transformation of blocks of 16 uniform numbers, in place: the first eight of a block give radii, the others angles.
template <class T>
void normal_blocks(T* data, int64_t blocks, double mean, double std) {
  using V = Vec<T>;
  constexpr int kGroup = 16;  // blocks at a time
  alignas(64) T first[kGroup * 8], second[kGroup * 8];
  const V m = V(T(mean)), s = V(T(std)), two_pi = V(T(6.283185307179586476925));
  for (int64_t b = 0; b < blocks; b += kGroup) {
    int count = int(std::min<int64_t>(kGroup, blocks - b));
    T* base = data + b * 16;
    for (int k = 0; k < count; ++k) {
      std::memcpy(first + k * 8, base + k * 16, 8 * sizeof(T));
      std::memcpy(second + k * 8, base + k * 16 + 8, 8 * sizeof(T));
    }
    for (int k = count * 8; k < kGroup * 8 && k % V::size; ++k) first[k] = second[k] = 0;
    for (int k = 0; k < count * 8; k += V::size) {
      V radius = sqrt(V(T(-2)) * log(V(T(1)) - V::load(first + k)));
      V angle = two_pi * V::load(second + k);
      (radius * cos(angle) * s + m).store(first + k);
      (radius * sin(angle) * s + m).store(second + k);
    }
    for (int k = 0; k < count; ++k) {
      std::memcpy(base + k * 16, first + k * 8, 8 * sizeof(T));
      std::memcpy(base + k * 16 + 8, second + k * 8, 8 * sizeof(T));
    }
  }
}

// scale * log(1 - u) with the 53-bit number u of each word pair: exponential numbers for a scale of -1 / rate. 1 - u is exact.
void exponential_pairs(const uint32_t* words, double* out, int64_t n, double scale) {
  for (int64_t i = 0; i < n; ++i) out[i] = 1.0 - unit53(words[2 * i], words[2 * i + 1]);
  constexpr int kWidth = VecD::size;
  const VecD factor = VecD(scale);
  int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) (factor * log(VecD::load(out + i))).store(out + i);
  if (int rest = int(n - i); rest > 0) (factor * log(VecD::load_partial(out + i, rest, 1.0))).store_partial(out + i, rest);
}

// Whether the 53-bit number of each word pair is below `threshold`.
void bernoulli_pairs(const uint32_t* words, uint8_t* out, int64_t n, uint64_t threshold) {
  const int64_t limit = int64_t(threshold);
  for (int64_t i = 0; i < n; ++i) {
    uint64_t pair;
    std::memcpy(&pair, words + 2 * i, 8);  // little endian: the first word is the lower half
    int64_t bits = int64_t((pair << 32 | pair >> 32) & ((uint64_t(1) << 53) - 1));
    out[i] = bits < limit;
  }
}

// x * scale where the mask is 1, x * 0 elsewhere.
template <class T>
void masked_scale(const T* x, const uint8_t* mask, T* out, int64_t n, double scale) {
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
    const T s = T(scale);
    for (int64_t i = 0; i < n; ++i) out[i] = x[i] * (T(int(mask[i])) * s);
  } else {
    const float s = float(T(float(scale)));
    for (int64_t i = 0; i < n; ++i) out[i] = T(float(x[i]) * (float(int(mask[i])) * s));
  }
}

// out[i] = words[i] mod (first - i). The quotient of two 32-bit numbers is exact enough in float64 to be truncated.
void falling_remainders(const uint32_t* words, uint32_t* out, int64_t n, uint32_t first) {
  const double divisor = double(first);
  for (int32_t i = 0; i < int32_t(n); ++i) {
    double d = divisor - double(i);
    double w = double(int32_t(words[i] ^ 0x80000000u)) + 0x1p31;
    double q = w / d;
    q = (q + 0x1.8p52) - 0x1.8p52;  // to the nearest integer
    double r = w - q * d;
    r += r < 0 ? d : 0.0;
    out[i] = uint32_t(int32_t(r));
  }
}

}  // namespace

KAGARI_KERNELS(r) {
  r.add("mt19937_block", &mt19937_block);
  r.add("uniform_float32", &uniform_float);
  r.add("uniform_float64", &uniform_double);
  r.add("normal_float32", &normal_blocks<float>);
  r.add("normal_float64", &normal_blocks<double>);
  r.add("exponential_pairs", &exponential_pairs);
  r.add("bernoulli_pairs", &bernoulli_pairs);
  r.add("masked_scale_float32", &masked_scale<float>);
  r.add("masked_scale_float64", &masked_scale<double>);
  r.add("masked_scale_float16", &masked_scale<Half>);
  r.add("masked_scale_bfloat16", &masked_scale<BFloat16>);
  r.add("falling_remainders", &falling_remainders);
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
