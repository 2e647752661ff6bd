#pragma once
#include <initializer_list>
#include <string_view>
#include <vector>

#include "kagari/cpu/reduce.h"
#include "kagari/tensor/tensor.h"

// What batch_norm and group_norm are made of: moments and sums per channel of each sample, and maps with one factor per channel, over the
// kernels channel_*. The dtype of statistics is float32, float64 for float64; between kernels they are doubles. Not for users.
namespace kagari {

inline DType statistics_dtype(DType t) { return t == DType::Float64 ? DType::Float64 : DType::Float32; }

/// How channels lie in memory: [samples][channels][inner], or, by column, [samples][inner][channels].
struct ChannelLayout {
  int64_t samples, channels, inner;
  bool by_column;
  MemoryFormat format;  // of the tensor

  /// Of x, which has at least two dimensions.
  explicit ChannelLayout(const Tensor& x);
  /// The same where all samples share their statistics.
  ChannelLayout merged() const {
    ChannelLayout all = *this;
    if (by_column) all.inner *= samples, all.samples = 1;
    return all;
  }
  /// t, or a copy in this layout.
  Tensor in_format(const Tensor& t) const;
  /// An uninitialised tensor of this layout.
  Tensor fresh(const Tensor& like) const;
};

struct Counted {
  double count = 0;
  cpu::Moments moments{0, 0};
  /// Adds the moments of other elements (Chan, Golub and LeVeque).
  void add(double other, const cpu::Moments& m) {
    if (other == 0) return;
    const double all = count + other, delta = m.mean - moments.mean;
    moments.mean += delta * (other / all);
    moments.m2 += m.m2 + delta * delta * (count * other / all);
    count = all;
  }
};
/// The moments of each channel of each sample.
std::vector<Counted> channel_moments(const Tensor& x, const ChannelLayout& c);

/// The sums of g, and of g (x - center), of each channel of each sample; center per channel, of all samples or of each.
struct ChannelSums {
  std::vector<double> g, products;
};
ChannelSums channel_sums(const Tensor& g, const Tensor& x, const ChannelLayout& c, const std::vector<double>& center);

/// Runs a kernel whose operands are tensors of the layout, the result first, then parameters per channel (of all samples, or of each).
void map_channels(std::string_view name, const ChannelLayout& c, std::initializer_list<Tensor> tensors, std::initializer_list<std::vector<double>> parameters);

}  // namespace kagari
