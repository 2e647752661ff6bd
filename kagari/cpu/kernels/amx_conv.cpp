#include "kagari/cpu/kernels/amx_conv.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "kagari/base/allocator.h"
#include "kagari/cpu/kernels/amx_split.h"

// Note [Convolution on tiles]: nothing is unfolded. A strip of the image is split once into planes of bfloat16 with the channels of a
// position next to each other, padded, and sorted by the phase of rows and columns in the stride. Then the inputs of neighbouring
// outputs are neighbours for every tap of the kernel, so tiles of 16 positions are read from the planes at an offset that depends
// on the tap only, and each tap adds products of tiles with the weights. Positions are counted through the padded rows; what is
// computed at the end of a row is not stored. Where channels are few, a row of the kernel is one step: the elements of
// neighbouring pixels are neighbours, too. One output is a sum in one order, whatever the strips.

namespace kagari::KAGARI_ISA {

extern const AmxConvKernels amx_conv_kernels;

#if !defined(__AVX512F__)
const AmxConvKernels amx_conv_kernels = {nullptr, nullptr, nullptr, nullptr, nullptr};
#else
namespace {
using namespace amx;

// How a convolution is cut.
struct Shape {
  bool merged;                         // taps of a kernel's row and their channels in one step
  int64_t taps, chunks, steps;         // offsets into the planes, of 32 elements each, products of tiles
  int64_t phases_y, phases_x, reach_y, reach_x;
  int64_t plane_width;                 // positions of a row
  int64_t rows, images;                // of the output in one strip; several images if rows is the height
  int64_t segment;                     // positions of one image of a strip
  static constexpr int64_t position = 64;
  int64_t part, chunk, phase, bytes;   // distances in bytes, and all of the planes

  Shape(const AmxConvolution& c, int64_t parts) {
    merged = c.channels < 16 && c.kernel_x > 1;
    taps = merged ? c.kernel_y : c.kernel_y * c.kernel_x;
    chunks = ceil_div(merged ? c.kernel_x * c.channels : c.channels, step);
    steps = taps * chunks;
    phases_y = std::min(c.stride_y, (c.kernel_y - 1) * c.dilation_y + 1), phases_x = merged ? 1 : std::min(c.stride_x, (c.kernel_x - 1) * c.dilation_x + 1);
    reach_y = (c.kernel_y - 1) * c.dilation_y / c.stride_y, reach_x = merged ? 0 : (c.kernel_x - 1) * c.dilation_x / c.stride_x;
    plane_width = c.out_width + reach_x;
    int64_t row_bytes = phases_y * phases_x * parts * plane_width * position * chunks;
    constexpr int64_t wanted = 768 << 10;
    rows = std::clamp<int64_t>(wanted / row_bytes - reach_y, 1, c.out_height);
    rows = ceil_div(c.out_height, ceil_div(c.out_height, rows));
    images = rows < c.out_height ? 1 : std::clamp<int64_t>(wanted / (row_bytes * (rows + reach_y)), 1, c.batch);
    images = ceil_div(c.batch, ceil_div(c.batch, images));
    segment = (rows + reach_y) * plane_width;
    part = (images * segment + reach_x + 64) * position;
    chunk = parts * part;
    phase = chunks * chunk;
    bytes = phases_y * phases_x * phase + 4096;
  }
  int64_t strips_of_image(const AmxConvolution& c) const { return ceil_div(c.out_height, rows); }
  int64_t strips(const AmxConvolution& c) const { return strips_of_image(c) * ceil_div(c.batch, images); }
};

// One image's rows of the planes. `y`: the first row of outputs.
template <class T>
void split_channels_first(const AmxConvolution& c, const Shape& s, const T* image, int64_t y, int64_t rows, char* target, Splitter<T>& splitter) {
  constexpr int P = parts<T>;
  alignas(64) char pairs[P * tile_bytes];
  for (int64_t py = 0; py < s.phases_y; ++py)
    for (int64_t px = 0; px < s.phases_x; ++px)
      for (int64_t r = 0; r < rows; ++r) {
        int64_t from_y = (y + r) * c.stride_y + py - c.padding_y, from_x = px - c.padding_x;
        const T* row = from_y >= 0 && from_y < c.height ? image + from_y * c.input_row : nullptr;
        for (int64_t chunk = 0; chunk < s.chunks; ++chunk) {
          char* to = target + (py * s.phases_x + px) * s.phase + chunk * s.chunk + r * s.plane_width * 64;
          for (int64_t x = 0; x < s.plane_width; x += 16, to += 16 * 64) {
            for (int64_t q = 0; q < 16; ++q) {
              int64_t low = chunk * step + q, high = low + 16;
              splitter.put(load_row(row && low < c.channels ? row + low * c.input_channel : nullptr, from_x + x * c.stride_x, c.stride_x, c.width),
                           load_row(row && high < c.channels ? row + high * c.input_channel : nullptr, from_x + x * c.stride_x, c.stride_x, c.width),
                           pairs + q * 64, tile_bytes);
            }
            for (int p = 0; p < P; ++p) transpose16(pairs + p * tile_bytes, to + p * s.part);
          }
        }
      }
}

template <class T>
void split_channels_last(const AmxConvolution& c, const Shape& s, const T* image, int64_t y, int64_t rows, char* target, Splitter<T>& splitter) {
  for (int64_t py = 0; py < s.phases_y; ++py)
    for (int64_t px = 0; px < s.phases_x; ++px)
      for (int64_t r = 0; r < rows; ++r) {
        char* to = target + (py * s.phases_x + px) * s.phase + r * s.plane_width * 64;
        for (int64_t x = 0; x < s.plane_width; ++x, to += 64) {
          int64_t from_y = (y + r) * c.stride_y + py - c.padding_y, from_x = x * c.stride_x + px - c.padding_x;
          bool inside = from_y >= 0 && from_y < c.height && from_x >= 0 && from_x < c.width;
          const T* pixel = inside ? image + from_y * c.input_row + from_x * c.input_pixel : nullptr;
          for (int64_t chunk = 0; chunk < s.chunks; ++chunk)
            splitter.put(load_row(pixel, chunk * step, 1, c.channels), load_row(pixel, chunk * step + 16, 1, c.channels), to + chunk * s.chunk, s.part);
        }
      }
}

// Merged: what the taps of a row of the kernel see is contiguous in a row of pixels.
template <class T>
void split_merged(const AmxConvolution& c, const Shape& s, const T* image, int64_t y, int64_t rows, char* target, Splitter<T>& splitter) {
  int64_t pixels = (s.plane_width - 1) * c.stride_x + ceil_div(s.chunks * step, c.channels) + 1;
  std::vector<float> row(size_t(pixels * c.channels), 0.0f);
  int64_t first = std::max<int64_t>(0, -c.padding_x), last = std::min(c.width, pixels - c.padding_x);
  for (int64_t py = 0; py < s.phases_y; ++py)
    for (int64_t r = 0; r < rows; ++r) {
      int64_t from_y = (y + r) * c.stride_y + py - c.padding_y;
      if (from_y < 0 || from_y >= c.height) {
        std::fill(row.begin(), row.end(), 0.0f);
      } else {
        for (int64_t k = 0; k < c.channels; ++k) {
          const T* from = image + from_y * c.input_row + k * c.input_channel;
          float* to = row.data() + c.padding_x * c.channels + k;
          for (int64_t x = first; x < last; ++x) to[x * c.channels] = float(from[x * c.input_pixel]);
        }
      }
      char* to = target + py * s.phase + r * s.plane_width * 64;
      for (int64_t x = 0; x < s.plane_width; ++x, to += 64)
        for (int64_t chunk = 0; chunk < s.chunks; ++chunk) {
          const float* from = row.data() + x * c.stride_x * c.channels + chunk * step;
          splitter.put(_mm512_loadu_ps(from), _mm512_loadu_ps(from + 16), to + chunk * s.chunk, s.part);
        }
    }
}

// ---- weights: for each 16 outputs the tiles of all steps, parts next to each other

template <class T>
int64_t weight_group(const Shape& s) { return s.steps * parts<T> * tile_bytes; }

// The weights of one output as a row for each tap, `depth` channels long; what is not there is zero already.
template <class T>
void order_weights(const AmxConvolution& c, const Shape& s, const T* w, int64_t depth, float* row) {
  int64_t taps = c.kernel_y * c.kernel_x;
  bool forward = c.weight_x == 1 && c.weight_y == c.kernel_x, turned = c.weight_x == -1 && c.weight_y == -c.kernel_x;
  if (taps <= 16 && (forward || turned) && !s.merged) {
    // 16 channels at once: their taps are neighbours.
    alignas(64) char block[tile_bytes];
    const T* first = turned ? w - (taps - 1) : w;
    for (int64_t k = 0; k < c.channels; k += 16) {
      int64_t n = std::min<int64_t>(16, c.channels - k);
      if (taps == 1 && c.weight_in == 1) {
        _mm512_storeu_ps(row + k, load_masked(w + k, lanes_below(n)));
        continue;
      }
      for (int64_t i = 0; i < 16; ++i) _mm512_store_ps(block + i * 64, i < n ? load_masked(first + (k + i) * c.weight_in, lanes_below(taps)) : _mm512_setzero_ps());
      transpose16(block, block);
      for (int64_t t = 0; t < taps; ++t) _mm512_storeu_ps(row + (turned ? taps - 1 - t : t) * depth + k, _mm512_load_ps(block + t * 64));
    }
    return;
  }
  for (int64_t k = 0; k < c.channels; ++k)
    for (int64_t y = 0; y < c.kernel_y; ++y)
      for (int64_t x = 0; x < c.kernel_x; ++x)
        row[s.merged ? y * depth + x * c.channels + k : (y * c.kernel_x + x) * depth + k] = float(w[k * c.weight_in + y * c.weight_y + x * c.weight_x]);
}

template <class T>
bool pack_weights_of(const AmxConvolution& c, char* packed, int64_t first_group, int64_t last_group) {
  constexpr int P = parts<T>;
  Shape s(c, P);
  Splitter<T> splitter;
  int64_t depth = s.chunks * step;
  std::vector<float> row(size_t(s.taps * depth), 0.0f);
  for (int64_t o = first_group * 16; o < last_group * 16; ++o) {
    char* to = packed + o / 16 * weight_group<T>(s) + o % 16 * 64;
    if (o == c.out_channels) std::fill(row.begin(), row.end(), 0.0f);
    if (o < c.out_channels) order_weights(c, s, static_cast<const T*>(c.weight) + o * c.weight_out, depth, row.data());
    for (int64_t i = 0; i < s.steps; ++i, to += P * tile_bytes) {
      const float* from = row.data() + i * step;
      splitter.put(_mm512_loadu_ps(from), _mm512_loadu_ps(from + 16), to, tile_bytes);
    }
  }
  for (int64_t t = first_group * s.steps * P; t < last_group * s.steps * P; ++t) transpose16(packed + t * tile_bytes, packed + t * tile_bytes);
  return splitter.fine();
}

// ---- results

// Up to 32 positions of a strip and up to 32 outputs; how many tiles of 16 these are.
struct Block {
  int64_t image, position, output;
  int positions, columns;
};

// The tiles of a block. Positions from `position` of a strip whose first row is y.
template <class T>
KG_AMX void store(const AmxConvolution& c, const Shape& s, float* sums, int rows, int columns, T* image, int64_t y, int64_t strip_rows, int64_t position, int64_t first_output) {
  auto* bias = static_cast<const T*>(c.bias);
  int64_t outputs = std::min<int64_t>(32, c.out_channels - first_output);
  int64_t end = std::min<int64_t>(position + 32, strip_rows * s.plane_width);
  if (c.channels_last) {
    __m512 added[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    if (bias)
      for (int h = 0; h < 2; ++h) added[h] = load_masked(bias + first_output + 16 * h, lanes_below(outputs - 16 * h));
    for (int64_t p = position; p < end; ++p) {
      int64_t x = p % s.plane_width, i = p - position;
      if (x >= c.out_width) continue;
      T* to = image + (y + p / s.plane_width) * c.output_row + x * c.output_pixel + first_output;
      for (int h = 0; h < columns; ++h)
        store_masked(to + 16 * h, lanes_below(outputs - 16 * h), _mm512_add_ps(_mm512_load_ps(sums + (i / 16 * 2 + h) * 256 + i % 16 * 16), added[h]));
    }
    return;
  }
  for (int r = 0; r < rows; ++r)
    for (int h = 0; h < columns; ++h) transpose16(reinterpret_cast<char*>(sums + (2 * r + h) * 256), reinterpret_cast<char*>(sums + (2 * r + h) * 256));
  for (int64_t p = position; p < end;) {
    int64_t x = p % s.plane_width, i = p - position;
    int64_t n = std::min({s.plane_width - x, end - p, 16 - i % 16}), stored = std::min(n, c.out_width - x);
    if (stored > 0) {
      __mmask16 m = lanes_below(stored);
      T* to = image + (y + p / s.plane_width) * c.output_row + x + first_output * c.output_channel;
      const float* from = sums + i / 16 * 512 + i % 16;
      for (int64_t o = 0; o < outputs; ++o, to += c.output_channel) {
        __m512 v = _mm512_maskz_loadu_ps(m, from + o * 16);
        if (bias) v = _mm512_add_ps(v, _mm512_set1_ps(float(bias[first_output + o])));
        store_masked(to, m, v);
      }
    }
    p += n;
  }
}

template <class T>
KG_AMX bool run_strips(const AmxConvolution& c, const char* packed, int64_t first_strip, int64_t last_strip) {
  constexpr int P = parts<T>;
  Shape s(c, P);
  Scratch memory(s.bytes + 2 * 4 * tile_bytes);
  char* planes = memory.data() + 2 * 4 * tile_bytes;
  float* sums = memory.floats();
  std::vector<int64_t> offsets(size_t(2 * s.steps));
  int64_t *weight_offsets = offsets.data(), *plane_offsets = weight_offsets + s.steps;
  for (int64_t i = 0; i < s.steps; ++i) {
    int64_t tap = i / s.chunks, dy = (s.merged ? tap : tap / c.kernel_x) * c.dilation_y, dx = s.merged ? 0 : tap % c.kernel_x * c.dilation_x;
    weight_offsets[i] = i * P * tile_bytes;
    plane_offsets[i] = (dy % c.stride_y * s.phases_x + dx % c.stride_x) * s.phase + i % s.chunks * s.chunk +
                       (dy / c.stride_y * s.plane_width + dx / c.stride_x) * s.position;
  }
  auto split_image = s.merged ? split_merged<T> : c.channels_last ? split_channels_last<T> : split_channels_first<T>;
  Splitter<T> splitter;
  Tiles configured;
  for (int64_t strip = first_strip; strip < last_strip; ++strip) {
    int64_t y = strip % s.strips_of_image(c) * s.rows, first_image = strip / s.strips_of_image(c) * s.images;
    int64_t rows = std::min(s.rows, c.out_height - y), images = std::min(s.images, c.batch - first_image);
    for (int64_t n = 0; n < images; ++n)
      split_image(c, s, static_cast<const T*>(c.input) + (first_image + n) * c.input_batch, y, rows + s.reach_y, planes + n * s.segment * s.position, splitter);
    if (!splitter.fine()) return false;
    auto to_output = [&](float* from, const Block& b) {
      store<T>(c, s, from, b.positions, b.columns, static_cast<T*>(c.output) + b.image * c.output_batch, y, rows, b.position, b.output);
    };
    Products<P, Block, decltype(to_output)> products(sums, to_output);
    for (int64_t o = 0; o < c.out_channels; o += 32) {
      int columns = c.out_channels - o > 16 ? 2 : 1;
      Operand weights{packed + o / 16 * weight_group<T>(s), weight_group<T>(s), tile_bytes, 64, weight_offsets};
      for (int64_t n = 0; n < images; ++n)
        for (int64_t p = 0; p < rows * s.plane_width; p += 32) {
          int positions = rows * s.plane_width - p > 16 ? 2 : 1;
          Operand pixels{planes + (n * s.segment + p) * s.position, 16 * s.position, s.part, s.position, plane_offsets};
          products.run(positions, columns, s.steps, pixels, weights, nullptr, false, true, {first_image + n, p, o, positions, columns});
        }
    }
  }
  return true;
}

int64_t weight_bytes(const AmxConvolution& c) {
  return visit_split(c.dtype, [&]<class T>(T) { return ceil_div(c.out_channels, 16) * weight_group<T>(Shape(c, parts<T>)); });
}
int64_t strips(const AmxConvolution& c) {
  return visit_split(c.dtype, [&]<class T>(T) { return Shape(c, parts<T>).strips(c); });
}
int64_t weight_groups(const AmxConvolution& c) { return ceil_div(c.out_channels, 16); }
bool pack_weights(const AmxConvolution& c, char* packed, int64_t first_group, int64_t last_group) {
  return visit_split(c.dtype, [&]<class T>(T) { return pack_weights_of<T>(c, packed, first_group, last_group); });
}
bool run(const AmxConvolution& c, const char* packed, int64_t first_strip, int64_t last_strip) {
  return visit_split(c.dtype, [&]<class T>(T) { return run_strips<T>(c, packed, first_strip, last_strip); });
}

}  // namespace

const AmxConvKernels amx_conv_kernels = {weight_bytes, weight_groups, strips, pack_weights, run};
#endif

}  // namespace kagari::KAGARI_ISA
