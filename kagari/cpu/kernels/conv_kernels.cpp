#include "kagari/cpu/kernels/conv_kernels.h"

#include <algorithm>
#include <cstring>
#include <vector>

// Note [Depthwise convolution]: the plane is copied once into a padded one whose columns are sorted by their phase, x mod stride.
// Then the inputs of neighbouring outputs are neighbours for every stride, no border needs a check, and each output vector
// is a sum in a register.

namespace kagari::KAGARI_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int lanes = 16;
#elif defined(__AVX2__)
constexpr int lanes = 8;
#else
constexpr int lanes = 4;
#endif
typedef float Vector __attribute__((vector_size(lanes * 4)));

inline Vector load(const float* p) {
  Vector v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

struct Padded {
  int64_t rows, phase_width, row_width;
};
Padded padded(const DepthwisePlane& p) {
  Padded s;
  s.rows = (p.output_height - 1) * p.stride_y + (p.kernel_height - 1) * p.dilation_y + 1;
  int64_t blocks = (p.output_width + lanes - 1) / lanes * lanes;
  s.phase_width = blocks + ((p.kernel_width - 1) * p.dilation_x) / p.stride_x;
  s.row_width = s.phase_width * p.stride_x;
  return s;
}

int64_t depthwise_scratch(const DepthwisePlane& p) {
  Padded s = padded(p);
  return s.rows * s.row_width + 2 * lanes;
}

// `Vectors` neighbouring vectors of one row of outputs, as independent sums. KW: the width of the kernel where it is known when compiled,
// otherwise 0.
template <int KW, int Vectors>
inline void vectors(const DepthwisePlane& p, const Padded& s, const int64_t* offsets, const float* base, float* out, int64_t left) {
  int64_t kw = KW ? KW : p.kernel_width;
  Vector sums[Vectors];
#pragma GCC unroll 4
  for (int v = 0; v < Vectors; ++v) sums[v] = p.bias - Vector{};
  for (int64_t y = 0; y < p.kernel_height; ++y) {
    const float *row = base + y * p.dilation_y * s.row_width, *weights = p.kernel + y * kw;
#pragma GCC unroll 8
    for (int64_t x = 0; x < kw; ++x) {
      const float* from = row + offsets[x];
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) sums[v] += weights[x] * load(from + v * lanes);
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < Vectors; ++v) {
    int64_t n = left - v * lanes;
    if (n >= lanes) __builtin_memcpy(out + v * lanes, &sums[v], sizeof sums[v]);
    else if (n > 0) std::memcpy(out + v * lanes, &sums[v], size_t(n) * 4);
  }
}

template <int KW>
void rows(const DepthwisePlane& p, const Padded& s) {
  std::vector<int64_t> offsets(static_cast<size_t>(p.kernel_width));
  for (int64_t x = 0; x < p.kernel_width; ++x) {
    int64_t at = x * p.dilation_x;
    offsets[size_t(x)] = at % p.stride_x * s.phase_width + at / p.stride_x;
  }
  for (int64_t oy = 0; oy < p.output_height; ++oy) {
    const float* base = p.scratch + oy * p.stride_y * s.row_width;
    float* out = p.output + oy * p.output_width;
    for (int64_t ox = 0; ox < p.output_width;) {
      int64_t left = p.output_width - ox, count = (left + lanes - 1) / lanes;
      auto step = [&]<int Vectors>() { vectors<KW, Vectors>(p, s, offsets.data(), base + ox, out + ox, left), ox += Vectors * lanes; };
      if (count >= 4) step.template operator()<4>();
      else if (count >= 2) step.template operator()<2>();
      else step.template operator()<1>();
    }
  }
}

void depthwise(const DepthwisePlane& p) {
  Padded s = padded(p);
  for (int64_t y = 0; y < s.rows; ++y) {
    float* to = p.scratch + y * s.row_width;
    std::memset(to, 0, size_t(s.row_width) * 4);
    int64_t from_y = y - p.padding_y;
    if (from_y < 0 || from_y >= p.height) continue;
    const float* from = p.input + from_y * p.width;
    for (int64_t phase = 0; phase < p.stride_x; ++phase) {
      float* part = to + phase * s.phase_width;
      // x = i * stride + phase - padding must lie in [0, width)
      int64_t first = p.padding_x > phase ? (p.padding_x - phase + p.stride_x - 1) / p.stride_x : 0;
      int64_t last = (p.width - 1 + p.padding_x - phase) / p.stride_x + 1;
      if (p.width + p.padding_x - phase <= 0) last = 0;
      last = std::min(last, s.phase_width);
      if (p.stride_x == 1) {
        if (last > first) std::memcpy(part + first, from + first - p.padding_x, size_t(last - first) * 4);
      } else {
        for (int64_t i = first; i < last; ++i) part[i] = from[i * p.stride_x + phase - p.padding_x];
      }
    }
  }
  switch (p.kernel_width) {
    case 3: return rows<3>(p, s);
    case 5: return rows<5>(p, s);
    case 7: return rows<7>(p, s);
    default: return rows<0>(p, s);
  }
}

}  // namespace

extern const ConvKernels conv_kernels;
const ConvKernels conv_kernels = {depthwise_scratch, depthwise};

}  // namespace kagari::KAGARI_ISA
