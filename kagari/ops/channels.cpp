#include "kagari/ops/channels.h"

#include <algorithm>

#include "kagari/base/parallel.h"
#include "kagari/ops/copy.h"

namespace kagari {
namespace {

char* address(const Tensor& t) { return reinterpret_cast<char*>(t.bytes()); }

template <class F>
void with_lanes(DType t, F f) {
  if (t == DType::Float64) f(double());
  else f(float());
}

// Narrow rows (few channels, by column) are taken several at a time, as one row of that many copies of the channels.
constexpr int64_t kWide = 256, kPartElements = 65536;

/// f(part, sample, first row, rows, copies): rows of channels, in parts of a fixed size, each `rows` rows of copies * channels elements.
struct ColumnParts {
  int64_t copies, block, per_sample;
  explicit ColumnParts(const ChannelLayout& c) {
    copies = std::clamp<int64_t>(kWide / c.channels, 1, std::max<int64_t>(c.inner, 1));
    block = std::max<int64_t>(1, kPartElements / (c.channels * copies)) * copies;
    per_sample = (c.inner + block - 1) / block;
  }
  template <class F>
  void each(const ChannelLayout& c, F f) const {
    parallel_for(0, c.samples * per_sample, 1, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) {
        const int64_t sample = part / per_sample, first = part % per_sample * block, rows = std::min(block, c.inner - first);
        const int64_t at = (sample * c.inner + first) * c.channels, whole = rows / copies, rest = rows % copies;
        if (whole > 0) f(part, sample, at, whole, copies);
        if (rest > 0) f(part, sample, at + whole * copies * c.channels, 1, rest);
      }
    });
  }
};
/// f(first row, rows) over the rows [samples][channels] of a layout that is not by column.
template <class F>
void each_rows(const ChannelLayout& c, F f) {
  parallel_for(0, c.samples * c.channels, std::max<int64_t>(1, 16384 / std::max<int64_t>(c.inner, 1)), [&](int64_t begin, int64_t end) { f(begin, end - begin); });
}

}  // namespace

ChannelLayout::ChannelLayout(const Tensor& x) : samples(x.sizes()[0]), channels(x.sizes()[1]), inner(1), by_column(false), format(MemoryFormat::Contiguous) {
  for (size_t d = 2; d < x.sizes().size(); ++d) inner *= x.sizes()[d];
  MemoryFormat last = x.dim() == 5 ? MemoryFormat::ChannelsLast3d : MemoryFormat::ChannelsLast;
  by_column = (x.dim() == 4 || x.dim() == 5) && !x.is_contiguous() && x.is_contiguous(last);
  if (by_column) format = last;
  by_column |= inner == 1;
}
Tensor ChannelLayout::in_format(const Tensor& t) const { return contiguous(t, format); }
Tensor ChannelLayout::fresh(const Tensor& like) const {
  if (format == MemoryFormat::Contiguous) return empty_tensor(like.sizes(), like.dtype(), like.device());
  Ints strides(like.sizes().size());
  int64_t step = strides[1] = 1;
  step *= channels;
  for (size_t d = strides.size(); d-- > 2;) {
    strides[d] = step;
    step *= like.sizes()[d];
  }
  strides[0] = step;
  return empty_strided_tensor(like.sizes(), strides, like.dtype(), like.device());
}

/// The moments of each channel of each sample.
std::vector<Counted> channel_moments(const Tensor& x, const ChannelLayout& c) {
  static const cpu::KernelTable<cpu::ReduceKernelOf>& table = cpu::find_kernels<cpu::ReduceKernelOf>("moments");
  const cpu::ReduceKernel& kernel = table[x.dtype()]();
  std::vector<Counted> out(size_t(c.samples * c.channels));
  const int64_t size = x.itemsize();
  if (!c.by_column) {
    each_rows(c, [&](int64_t first, int64_t rows) {
      alignas(16) char state[32];
      for (int64_t row = first; row < first + rows; ++row) {
        kernel.block(state, address(x) + row * c.inner * size, c.inner, size, nullptr);
        out[size_t(row)].count = double(c.inner);
        kernel.finish(reinterpret_cast<char*>(&out[size_t(row)].moments), state, nullptr);
      }
    });
    return out;
  }
  const ColumnParts parts(c);
  std::vector<Counted> partial(size_t(c.samples * parts.per_sample * c.channels));
  parts.each(c, [&](int64_t part, int64_t, int64_t at, int64_t rows, int64_t copies) {
    std::vector<cpu::Moments> wide(size_t(copies * c.channels));
    kernel.columns(reinterpret_cast<char*>(wide.data()), address(x) + at * size, rows, copies * c.channels * size, copies * c.channels, nullptr);
    for (size_t i = 0; i < wide.size(); ++i) partial[size_t(part * c.channels) + i % size_t(c.channels)].add(double(rows), wide[i]);
  });
  for (int64_t sample = 0; sample < c.samples; ++sample)
    for (int64_t part = 0; part < parts.per_sample; ++part)
      for (int64_t k = 0; k < c.channels; ++k) {
        const Counted& own = partial[size_t((sample * parts.per_sample + part) * c.channels + k)];
        out[size_t(sample * c.channels + k)].add(own.count, own.moments);
      }
  return out;
}

/// Runs a kernel whose operands are tensors of the layout, then parameters per channel (of all samples, or of each sample).
void map_channels(std::string_view name, const ChannelLayout& c, std::initializer_list<Tensor> tensors, std::initializer_list<std::vector<double>> parameters) {
  const Tensor& out = *tensors.begin();
  const cpu::RowsFn kernel = cpu::find_kernels<cpu::RowsFn>(name)[out.dtype()];
  with_lanes(statistics_dtype(out.dtype()), [&](auto tag) {
    using A = decltype(tag);
    const int64_t size = out.itemsize(), given = int64_t(parameters.begin()->size());
    if (!c.by_column) {
      std::vector<std::vector<A>> lanes;
      for (const auto& p : parameters) lanes.emplace_back(p.begin(), p.end());
      return each_rows(c, [&](int64_t first, int64_t rows) {
        char* own[8];
        size_t n = 0;
        for (const Tensor& t : tensors) own[n++] = address(t) + first * c.inner * size;
        for (auto& l : lanes) own[n++] = reinterpret_cast<char*>(l.data());
        const cpu::NormParams params{0, 0, given, first, false};
        kernel(own, rows, c.inner, &params);
      });
    }
    const ColumnParts parts(c);
    // Every sample's parameters, copied side by side as often as rows are taken together.
    std::vector<std::vector<A>> lanes;
    const int64_t width = parts.copies * c.channels;
    for (const auto& p : parameters) {
      auto& l = lanes.emplace_back();
      for (int64_t sample = 0; sample < given / c.channels; ++sample)
        for (int64_t copy = 0; copy < parts.copies; ++copy) l.insert(l.end(), p.begin() + sample * c.channels, p.begin() + (sample + 1) * c.channels);
    }
    parts.each(c, [&](int64_t, int64_t sample, int64_t at, int64_t rows, int64_t copies) {
      char* own[8];
      size_t n = 0;
      for (const Tensor& t : tensors) own[n++] = address(t) + at * size;
      for (auto& l : lanes) own[n++] = reinterpret_cast<char*>(l.data() + (given > c.channels ? sample * width : 0));
      const cpu::NormParams params{0, 0, 0, 0, true};
      kernel(own, rows, copies * c.channels, &params);
    });
  });
}

ChannelSums channel_sums(const Tensor& g, const Tensor& x, const ChannelLayout& c, const std::vector<double>& center) {
  const cpu::RowsFn kernel = cpu::find_kernels<cpu::RowsFn>("channel_sums")[x.dtype()];
  const int64_t size = x.itemsize(), given = int64_t(center.size());
  const size_t all = size_t(c.samples * c.channels);
  ChannelSums out{std::vector<double>(all), std::vector<double>(all)};
  with_lanes(statistics_dtype(x.dtype()), [&](auto tag) {
    using A = decltype(tag);
    if (!c.by_column) {
      std::vector<A> lanes(center.begin(), center.end());
      return each_rows(c, [&](int64_t first, int64_t rows) {
        char* data[] = {reinterpret_cast<char*>(out.g.data() + first), reinterpret_cast<char*>(out.products.data() + first), address(g) + first * c.inner * size,
                        address(x) + first * c.inner * size, reinterpret_cast<char*>(lanes.data())};
        const cpu::NormParams params{0, 0, given, first, false};
        kernel(data, rows, c.inner, &params);
      });
    }
    const ColumnParts parts(c);
    std::vector<double> partial(size_t(c.samples * parts.per_sample * c.channels) * 2);
    parts.each(c, [&](int64_t part, int64_t sample, int64_t at, int64_t rows, int64_t copies) {
      const size_t width = size_t(copies * c.channels), channels = size_t(c.channels);
      std::vector<double> wide(2 * width);
      std::vector<A> lanes(width);
      for (size_t i = 0; i < width; ++i) lanes[i] = A(center[(given > c.channels ? size_t(sample) * channels : 0) + i % channels]);
      char* data[] = {reinterpret_cast<char*>(wide.data()), reinterpret_cast<char*>(wide.data() + width), address(g) + at * size, address(x) + at * size, reinterpret_cast<char*>(lanes.data())};
      const cpu::NormParams params{0, 0, 0, 0, true};
      kernel(data, rows, int64_t(width), &params);
      double* own = partial.data() + size_t(part) * channels * 2;
      for (size_t i = 0; i < width; ++i) {
        own[i % channels] += wide[i];
        own[channels + i % channels] += wide[width + i];
      }
    });
    for (int64_t sample = 0; sample < c.samples; ++sample)
      for (int64_t part = 0; part < parts.per_sample; ++part)
        for (int64_t k = 0; k < c.channels; ++k) {
          const double* own = partial.data() + (sample * parts.per_sample + part) * c.channels * 2;
          out.g[size_t(sample * c.channels + k)] += own[k];
          out.products[size_t(sample * c.channels + k)] += own[c.channels + k];
        }
  });
  return out;
}

}  // namespace kagari
