#include "kagari/cpu/kernels/level_kernels.h"

#include <cmath>
#include <limits>

namespace kagari {
namespace KAGARI_ISA {
namespace {

/// x * y + z, rounded once.
inline float fused(float x, float y, float z) {
#ifdef __FMA__
  return std::fma(x, y, z);
#else
  return float(double(x) * double(y) + double(z));
#endif
}
constexpr float magic = 0x1.8p23f;  // adding it rounds to an integer, ties to even

template <class T>
void quantize_to(const float* x, T* levels, int64_t n, float inverse, int32_t zero_point) {
  const float least = float(std::numeric_limits<T>::min()), most = float(std::numeric_limits<T>::max()), shift = float(zero_point);
  for (int64_t i = 0; i < n; ++i) {
    float v = fused(x[i], inverse, shift);
    v = v > least ? v : least;  // NaN becomes the least level
    v = v < most ? v : most;
    levels[i] = T(int32_t((v + magic) - magic));
  }
}
void quantize(const float* x, void* levels, bool is_signed, int64_t n, float inverse, int32_t zero_point) {
  if (is_signed) quantize_to(x, static_cast<int8_t*>(levels), n, inverse, zero_point);
  else quantize_to(x, static_cast<uint8_t*>(levels), n, inverse, zero_point);
}

template <class T>
void dequantize_from(const T* levels, float* x, int64_t n, int32_t zero_point, float scale) {
  for (int64_t i = 0; i < n; ++i) x[i] = float(int32_t(levels[i]) - zero_point) * scale;
}
void dequantize(const void* levels, bool is_signed, float* x, int64_t n, int32_t zero_point, float scale) {
  if (is_signed) dequantize_from(static_cast<const int8_t*>(levels), x, n, zero_point, scale);
  else dequantize_from(static_cast<const uint8_t*>(levels), x, n, zero_point, scale);
}

template <class T, class S>
inline T level(S sum, float shift, float factor, int32_t zero_point, float least, float most) {
  float v = (float(sum) + shift) * factor;
  v = v > least ? v : least;
  v = v < most ? v : most;
  return T(int32_t((v + magic) - magic) + zero_point);
}
template <class F>
void visit(const void* sums, bool integers, void* levels, bool is_signed, F&& f) {
  auto typed = [&](auto* from) { is_signed ? f(from, static_cast<int8_t*>(levels)) : f(from, static_cast<uint8_t*>(levels)); };
  integers ? typed(static_cast<const int32_t*>(sums)) : typed(static_cast<const float*>(sums));
}
void requantize_row(const void* sums, bool integers, void* levels, bool is_signed, int64_t columns, const float* shift, const float* factor, int32_t zero_point, float least, float most) {
  visit(sums, integers, levels, is_signed, [&]<class S, class T>(const S* from, T* into) {
    for (int64_t i = 0; i < columns; ++i) into[i] = level<T>(from[i], shift[i], factor[i], zero_point, least, most);
  });
}
void requantize_run(const void* sums, bool integers, void* levels, bool is_signed, int64_t n, float shift, float factor, int32_t zero_point, float least, float most) {
  visit(sums, integers, levels, is_signed, [&]<class S, class T>(const S* from, T* into) {
    for (int64_t i = 0; i < n; ++i) into[i] = level<T>(from[i], shift, factor, zero_point, least, most);
  });
}

void round(const float* x, float* out, bool* inside, int64_t n, float inverse, float scale, float least, float most) {
  const float below = least - 1, above = most + 1;
  for (int64_t i = 0; i < n; ++i) {
    float v = x[i] * inverse;
    v = v > below ? v : below;
    v = v < above ? v : above;
    v = (v + magic) - magic;
    inside[i] = (v >= least) & (v <= most);
    v = v > least ? v : least;
    out[i] = (v < most ? v : most) * scale;
  }
}

}  // namespace

extern const LevelKernels level_kernels;
const LevelKernels level_kernels{quantize, dequantize, requantize_row, requantize_run, round};

}  // namespace KAGARI_ISA
}  // namespace kagari
