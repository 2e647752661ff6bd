#include <algorithm>
#include <cstring>
#include <vector>

#include "kagari/base/allocator.h"
#include "kagari/cpu/kernels/amx_conv.h"
#include "kagari/cpu/kernels/amx_split.h"

// Note [Gradient of weights on tiles]: the sum runs over positions, counted through the padded rows as in Note [Convolution on tiles]. A lane
// holds a position and the one that is 16 further, for every position of the input; then each tap reads whole cache lines, at its
// own offset. The gradient of the output is zero where positions are padding. The tiles of sums stay in memory from strip to
// strip, so that one element is a sum in one order, whoever computes it.

namespace kagari::KAGARI_ISA {

extern const AmxWeightGradientKernels amx_weight_gradient_kernels;

#if !defined(__AVX512F__)
const AmxWeightGradientKernels amx_weight_gradient_kernels = {nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};
#else
namespace {
using namespace amx;

struct Shape {
  int64_t phases_y, phases_x, reach_y, reach_x, plane_width;
  int64_t rows, images, segment;        // of the output in one strip; positions of one of its images
  int64_t steps, positions;             // of 32 positions; positions of the input's planes
  int64_t groups_in, groups_out, taps;  // of 16 channels
  int64_t input_group, output_group, inputs, outputs, sums, bytes;

  Shape(const AmxConvolution& c, int64_t parts) {
    phases_y = std::min(c.stride_y, (c.kernel_y - 1) * c.dilation_y + 1), phases_x = std::min(c.stride_x, (c.kernel_x - 1) * c.dilation_x + 1);
    reach_y = (c.kernel_y - 1) * c.dilation_y / c.stride_y, reach_x = (c.kernel_x - 1) * c.dilation_x / c.stride_x;
    plane_width = c.out_width + reach_x;
    constexpr int64_t wanted = 2048;
    rows = std::clamp<int64_t>(wanted / plane_width - reach_y, 1, c.out_height);
    rows = ceil_div(c.out_height, ceil_div(c.out_height, rows));
    segment = (rows + reach_y) * plane_width;
    images = rows < c.out_height ? 1 : std::clamp<int64_t>(wanted / segment, 1, c.batch);
    steps = ceil_div(images * segment, step);
    positions = (steps + 1) * step + reach_y * plane_width + reach_x;
    groups_in = ceil_div(c.channels, 16), groups_out = ceil_div(c.out_channels, 16), taps = c.kernel_y * c.kernel_x;
    input_group = parts * positions * 64, output_group = steps * parts * tile_bytes;
    inputs = phases_y * phases_x * groups_in * input_group, outputs = groups_out * output_group;
    sums = ceil_div(groups_in, 2) * ceil_div(groups_out, 2) * taps * 4 * tile_bytes;
    bytes = inputs + outputs + sums;
  }
  int64_t strips_of_image(const AmxConvolution& c) const { return ceil_div(c.out_height, rows); }
};

struct Strip {
  int64_t y, rows, first_image, images;
  Strip(const AmxConvolution& c, const Shape& s, int64_t strip) {
    y = strip % s.strips_of_image(c) * s.rows, first_image = strip / s.strips_of_image(c) * s.images;
    rows = std::min(s.rows, c.out_height - y), images = std::min(s.images, c.batch - first_image);
  }
};

// 16 channels of an image's rows to `buffer`: for channels-first 16 planes of `length` positions, for channels-last 16 numbers for each position.
template <class T>
void gather(bool channels_last, int64_t channel_stride, int64_t pixel_stride, int64_t channels, const T* row, int64_t x, int64_t stride, int64_t width, int64_t n,
            float* buffer, int64_t position, int64_t length) {
  if (channels_last) {
    for (int64_t i = 0; i < n; ++i) {
      int64_t from = x + i * stride;
      bool inside = row && from >= 0 && from < width;
      _mm512_storeu_ps(buffer + (position + i) * 16, load_row(inside ? row + from * pixel_stride : static_cast<const T*>(nullptr), 0, 1, channels));
    }
    return;
  }
  for (int64_t k = 0; k < 16; ++k)
    for (int64_t i = 0; i < n; i += 16)
      _mm512_mask_storeu_ps(buffer + k * length + position + i, lanes_below(n - i),
                            load_row(row && k < channels ? row + k * channel_stride : nullptr, x + i * stride, stride, width));
}

// The planes of one group of the input in one phase.
template <class T>
void pack_input(const AmxConvolution& c, const Shape& s, const Strip& strip, int64_t group, int64_t py, int64_t px, float* buffer, int64_t length, char* target, Splitter<T>& splitter) {
  constexpr int P = parts<T>;
  std::memset(buffer, 0, size_t(16 * length) * 4);
  for (int64_t n = 0; n < strip.images; ++n)
    for (int64_t r = 0; r < strip.rows + s.reach_y; ++r) {
      int64_t from_y = (strip.y + r) * c.stride_y + py - c.padding_y;
      const T* image = static_cast<const T*>(c.input) + (strip.first_image + n) * c.input_batch + group * 16 * c.input_channel;
      const T* row = from_y >= 0 && from_y < c.height ? image + from_y * c.input_row : nullptr;
      gather(c.channels_last, c.input_channel, c.input_pixel, std::min<int64_t>(16, c.channels - group * 16), row, px - c.padding_x, c.stride_x, c.width, s.plane_width,
             buffer, n * s.segment + r * s.plane_width, length);
    }
  alignas(64) char pairs[P * tile_bytes];
  for (int64_t p = 0; p < s.positions; p += 16) {
    if (c.channels_last) {
      for (int64_t i = p; i < std::min(p + 16, s.positions); ++i)
        splitter.put(_mm512_loadu_ps(buffer + i * 16), _mm512_loadu_ps(buffer + (i + 16) * 16), target + i * 64, s.positions * 64);
      continue;
    }
    for (int64_t k = 0; k < 16; ++k)
      splitter.put(_mm512_loadu_ps(buffer + k * length + p), _mm512_loadu_ps(buffer + k * length + p + 16), pairs + k * 64, tile_bytes);
    for (int part = 0; part < P; ++part) {
      transpose16(pairs + part * tile_bytes, pairs + part * tile_bytes);
      std::memcpy(target + (part * s.positions + p) * 64, pairs + part * tile_bytes, size_t(std::min<int64_t>(16, s.positions - p)) * 64);
    }
  }
}

// The tiles of one group of the output's gradient.
template <class T>
void pack_output(const AmxConvolution& c, const Shape& s, const Strip& strip, int64_t group, float* buffer, int64_t length, char* target, Splitter<T>& splitter) {
  constexpr int P = parts<T>;
  std::memset(buffer, 0, size_t(16 * length) * 4);
  for (int64_t n = 0; n < strip.images; ++n)
    for (int64_t r = 0; r < strip.rows; ++r) {
      const T* image = static_cast<const T*>(c.output) + (strip.first_image + n) * c.output_batch + group * 16 * c.output_channel;
      gather(c.channels_last, c.output_channel, c.output_pixel, std::min<int64_t>(16, c.out_channels - group * 16), image + (strip.y + r) * c.output_row, 0, 1, c.out_width,
             c.out_width, buffer, n * s.segment + r * s.plane_width, length);
    }
  for (int64_t i = 0; i < s.steps; ++i, target += P * tile_bytes) {
    for (int64_t k = 0; k < 16; ++k) {
      const float* low = c.channels_last ? buffer + (i * step + k) * 16 : buffer + k * length + i * step;
      splitter.put(_mm512_loadu_ps(low), _mm512_loadu_ps(low + (c.channels_last ? 256 : 16)), target + k * 64, tile_bytes);
    }
    if (c.channels_last)
      for (int part = 0; part < P; ++part) transpose16(target + part * tile_bytes, target + part * tile_bytes);
  }
}

template <class T>
bool pack_tasks_of(const AmxConvolution& c, char* memory, int64_t index, int64_t first, int64_t last) {
  Shape s(c, parts<T>);
  Strip strip(c, s, index);
  int64_t length = s.positions + 64, phases = s.phases_y * s.phases_x;
  Scratch buffer(16 * length * 4);
  Splitter<T> splitter;
  for (int64_t task = first; task < last; ++task) {
    if (task < phases * s.groups_in) {
      int64_t phase = task / s.groups_in, group = task % s.groups_in;
      pack_input(c, s, strip, group, phase / s.phases_x, phase % s.phases_x, buffer.floats(), length, memory + task * s.input_group, splitter);
    } else {
      int64_t group = task - phases * s.groups_in;
      pack_output(c, s, strip, group, buffer.floats(), length, memory + s.inputs + group * s.output_group, splitter);
    }
  }
  return splitter.fine();
}

template <class T>
KG_AMX void multiply_tasks_of(const AmxConvolution& c, char* memory, int64_t index, int64_t first, int64_t last) {
  constexpr int P = parts<T>;
  Shape s(c, P);
  std::vector<int64_t> offsets(size_t(2 * s.steps));
  for (int64_t i = 0; i < s.steps; ++i) offsets[size_t(i)] = i * P * tile_bytes, offsets[size_t(s.steps + i)] = i * step * 64;
  Tiles configured;
  auto stays = [](float*, int) {};
  Products<P, int, decltype(stays)> products(nullptr, stays);
  int64_t blocks_out = ceil_div(s.groups_out, 2);
  for (int64_t task = first; task < last; ++task) {
    int64_t in = task / blocks_out * 2, out = task % blocks_out * 2;
    int rows = s.groups_out - out > 1 ? 2 : 1, columns = s.groups_in - in > 1 ? 2 : 1;
    Operand left{memory + s.inputs + out * s.output_group, s.output_group, tile_bytes, 64, offsets.data()};
    for (int64_t tap = 0; tap < s.taps; ++tap) {
      int64_t dy = tap / c.kernel_x * c.dilation_y, dx = tap % c.kernel_x * c.dilation_x;
      int64_t phase = dy % c.stride_y * s.phases_x + dx % c.stride_x, at = dy / c.stride_y * s.plane_width + dx / c.stride_x;
      Operand right{memory + (phase * s.groups_in + in) * s.input_group + at * 64, s.input_group, s.positions * 64, 64, offsets.data() + s.steps};
      auto* sums = reinterpret_cast<float*>(memory + s.inputs + s.outputs) + (task * s.taps + tap) * 1024;
      products.run(rows, columns, s.steps, left, right, sums, index > 0, false, 0);
    }
  }
}

template <class T>
void deliver_tasks_of(const AmxConvolution& c, char* memory, int64_t first, int64_t last) {
  Shape s(c, parts<T>);
  int64_t blocks_out = ceil_div(s.groups_out, 2);
  auto* all = reinterpret_cast<const float*>(memory + s.inputs + s.outputs);
  auto* weight = static_cast<T*>(const_cast<void*>(c.weight));
  for (int64_t task = first; task < last; ++task) {
    int64_t in = task / blocks_out * 32, out = task % blocks_out * 32;
    for (int64_t o = 0; o < std::min<int64_t>(32, c.out_channels - out); ++o)
      for (int64_t k = 0; k < std::min<int64_t>(32, c.channels - in); ++k) {
        const float* from = all + task * s.taps * 1024 + (o / 16 * 2 + k / 16) * 256 + o % 16 * 16 + k % 16;
        T* to = weight + (out + o) * c.weight_out + (in + k) * c.weight_in;
        for (int64_t y = 0; y < c.kernel_y; ++y)
          for (int64_t x = 0; x < c.kernel_x; ++x) to[y * c.weight_y + x * c.weight_x] = T(from[(y * c.kernel_x + x) * 1024]);
      }
  }
}

Shape shape(const AmxConvolution& c) {
  return visit_split(c.dtype, [&]<class T>(T) { return Shape(c, parts<T>); });
}
int64_t bytes(const AmxConvolution& c) { return shape(c).bytes; }
int64_t strips(const AmxConvolution& c) {
  Shape s = shape(c);
  return s.strips_of_image(c) * ceil_div(c.batch, s.images);
}
int64_t pack_tasks(const AmxConvolution& c) {
  Shape s = shape(c);
  return s.phases_y * s.phases_x * s.groups_in + s.groups_out;
}
int64_t multiply_tasks(const AmxConvolution& c) {
  Shape s = shape(c);
  return ceil_div(s.groups_in, 2) * ceil_div(s.groups_out, 2);
}
bool pack(const AmxConvolution& c, char* memory, int64_t strip, int64_t first, int64_t last) {
  return visit_split(c.dtype, [&]<class T>(T) { return pack_tasks_of<T>(c, memory, strip, first, last); });
}
void multiply(const AmxConvolution& c, char* memory, int64_t strip, int64_t first, int64_t last) {
  visit_split(c.dtype, [&]<class T>(T) { multiply_tasks_of<T>(c, memory, strip, first, last); });
}
void deliver(const AmxConvolution& c, char* memory, int64_t first, int64_t last) {
  visit_split(c.dtype, [&]<class T>(T) { deliver_tasks_of<T>(c, memory, first, last); });
}

}  // namespace

const AmxWeightGradientKernels amx_weight_gradient_kernels = {bytes, strips, pack_tasks, multiply_tasks, pack, multiply, deliver};
#endif

}  // namespace kagari::KAGARI_ISA
