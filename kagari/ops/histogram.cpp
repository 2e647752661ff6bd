// Counts of values.
#include <algorithm>
#include <cmath>

#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/extremum.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/scan.h"
#include "kagari/ops/statistics.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

using Two = std::tuple<Tensor, Tensor>;
using Range = std::optional<ArrayView<double>>;
constexpr auto no_derivative = no_grad("counts are piecewise constant");

const auto bincount_op = define<&bincount>({
    .schema = "bincount(Tensor self, Tensor? weights=None, int minlength=0) -> Tensor",
    .in = kFunction | kMethod,
    .traits = kReadsValues,
    .doc = "How often each nonnegative integer occurs, or the sum of its weights.\n\n>>> torch.bincount(torch.tensor([1, 3, 1]))\ntensor([0, 2, 0, 1])",
    .run = [](Out&, const Tensor& self, const Tensor& weights, int64_t minlength) {
      if (!is_integer(self.dtype())) fail_dtype("bincount", self.dtype());
      KG_CHECK(minlength >= 0, "minlength should be >= 0");
      KG_CHECK(self.dim() == 1, "bincount only supports 1-d non-negative integral inputs.");
      KG_CHECK(!weights.defined() || (weights.dim() == 1 && weights.numel() == self.numel()), "weights should be 1-d and have the same length as input");
      Tensor x = contiguous(elementwise::converted(self, DType::Int64));
      const int64_t* p = x.data<int64_t>();
      int64_t n = x.numel(), size = minlength;
      for (int64_t i = 0; i < n; ++i) {
        KG_CHECK(p[i] >= 0, "bincount only supports 1-d non-negative integral inputs.");
        size = std::max(size, p[i] + 1);
      }
      if (!weights.defined()) {
        Tensor y = zeros(Ints{size}, {.dtype = DType::Int64, .layout = {}, .device = {}});
        for (int64_t i = 0; i < n; ++i) ++y.data<int64_t>()[p[i]];
        return y;
      }
      Tensor w = contiguous(elementwise::converted(weights, DType::Float64)), y = zeros(Ints{size}, {.dtype = DType::Float64, .layout = {}, .device = {}});
      for (int64_t i = 0; i < n; ++i) y.data<double>()[p[i]] += w.data<double>()[i];
      return weights.dtype() == DType::Float32 ? elementwise::converted(y, DType::Float32) : y;
    },
    .grad = no_derivative,
});

/// The limits of a histogram: those given, or those of the data; never empty.
std::pair<double, double> limits(std::string_view name, const Tensor& x, double low, double high) {
  if (low == high && x.numel() > 0) {
    low = min(x).item().to_double();
    high = max(x).item().to_double();
  }
  KG_CHECK(std::isfinite(low) && std::isfinite(high), name, ": range of [", low, ", ", high, "] is not finite");
  KG_CHECK(low <= high, name, name == "torch.histc" ? ": max must be larger than min" : ": min should not exceed max");
  if (low == high) {
    low -= x.numel() > 0 || name == "torch.histc" ? 1 : 0;
    high += 1;
  }
  return {low, high};
}

/// Adds each element's weight (1 without weights) to its interval; the last interval is closed.
template <class T>
void count(const Tensor& x, const Tensor& weight, const std::vector<T>& edges, bool uniform, T* hist) {
  const T *p = x.data<T>(), *w = weight.defined() ? weight.data<T>() : nullptr;
  int64_t bins = int64_t(edges.size()) - 1;
  T low = edges.front(), high = edges.back();
  std::vector<double> totals(size_t(bins), 0.0);
  for (int64_t i = 0; i < x.numel(); ++i) {
    if (!(p[i] >= low && p[i] <= high)) continue;
    int64_t at;
    if (uniform) {
      at = std::min(bins - 1, int64_t((p[i] - low) / (high - low) * T(bins)));
      // the division may have rounded across an edge
      if (p[i] < edges[size_t(at)]) --at;
      else if (at + 1 < bins && p[i] >= edges[size_t(at) + 1]) ++at;
    } else {
      at = std::min<int64_t>(bins - 1, std::upper_bound(edges.begin(), edges.end(), p[i]) - edges.begin() - 1);
    }
    totals[size_t(at)] += w ? double(w[i]) : 1.0;
  }
  for (int64_t b = 0; b < bins; ++b) hist[b] = T(totals[size_t(b)]);
}

template <class T>
std::vector<T> uniform_edges(double low, double high, int64_t bins) {
  std::vector<T> edges(size_t(bins) + 1, T(0));
  T step = (T(high) - T(low)) / T(bins);
  for (int64_t i = 0; i <= bins; ++i) edges[size_t(i)] = i <= bins / 2 ? T(low) + T(i) * step : T(high) - T(bins - i) * step;
  return edges;
}

const auto histc_op = define<&histc>({
    .schema = "histc(Tensor self, int bins=100, Scalar min=0, Scalar max=0) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .traits = kReadsValues,
    .doc = "Counts in `bins` equal intervals between min and max, or those of the data.\n\n>>> torch.histc(torch.tensor([1., 2., 1.]), bins=4, min=0, max=3)\ntensor([0., 2., 1., 0.])",
    .run = [](Out& out, const Tensor& self, int64_t bins, const Scalar& min, const Scalar& max) {
      if (self.dtype() != DType::Float32 && self.dtype() != DType::Float64) fail_dtype("histc", self.dtype());
      KG_CHECK(bins > 0, "torch.histogram(): bins must be > 0, but got ", bins, " for dimension 0");
      auto [low, high] = limits("torch.histc", self, min.to_double(), max.to_double());
      Tensor x = contiguous(self), y = out.alloc(Ints{bins}, self.dtype(), self.device());
      visit_floats("histc", self.dtype(), [&]<class T>(T) { count<T>(x, {}, uniform_edges<T>(low, high, bins), true, y.data<T>()); });
      return y;
    },
    .grad = no_derivative,
});

Two run_histogram(const Tensor& self, const Tensor& edges, const Tensor& weight, bool uniform, bool density) {
  DType d = self.dtype();
  KG_CHECK(!weight.defined() || weight.dtype() == d, "torch.histogramdd: if weight tensor is provided, input tensor and weight tensor should have the same dtype");
  KG_CHECK(!weight.defined() || weight.numel() == self.numel(), "torch.histogramdd: if weight tensor is provided it should have the same shape as the input tensor");
  Tensor x = contiguous(self), w = weight.defined() ? contiguous(weight) : Tensor(), e = contiguous(edges);
  Tensor hist = empty_tensor(Ints{edges.numel() - 1}, d);
  visit_floats("histogram", d, [&]<class T>(T) { count<T>(x, w, std::vector<T>(e.data<T>(), e.data<T>() + e.numel()), uniform, hist.data<T>()); });
  if (density) hist = hist / sum(hist) / diff(e);
  return {hist, edges};
}

const auto histogram_op = define<&histogram>({
    .schema = "histogram.bin_ct(Tensor self, int bins, *, float[]? range=None, Tensor? weight=None, bool density=False) -> (Tensor hist, Tensor bin_edges)",
    .in = kFunction | kMethod | kOut,
    .traits = kReadsValues,
    .doc = "Counts in equal intervals, and their edges.\n\n>>> torch.histogram(torch.tensor([1., 2., 1.]), 2, range=(0., 3.)).hist\ntensor([2., 1.])",
    .run = [](Out&, const Tensor& self, int64_t bins, Range range, const Tensor& weight, bool density) {
      if (self.dtype() != DType::Float32 && self.dtype() != DType::Float64) fail_dtype("histogram", self.dtype());
      KG_CHECK(bins > 0, "torch.histogram(): bins must be > 0, but got ", bins, " for dimension 0");
      KG_CHECK(!range || range->size() == 2, "torch.histogramdd: for a 1-dimensional histogram range should have 2 elements, but got ", range ? range->size() : 0);
      auto [low, high] = limits("torch.histogramdd", self, range ? (*range)[0] : 0, range ? (*range)[1] : 0);
      Tensor edges = empty_tensor(Ints{bins + 1}, self.dtype());
      visit_floats("histogram", self.dtype(), [&]<class T>(T) {
        std::vector<T> e = uniform_edges<T>(low, high, bins);
        std::copy(e.begin(), e.end(), edges.data<T>());
      });
      return run_histogram(self, edges, weight, true, density);
    },
    .grad = no_derivative,
});

const auto histogram_edges_op = define<&histogram_edges>({
    .schema = "histogram.bins_tensor(Tensor self, Tensor bins, *, Tensor? weight=None, bool density=False) -> (Tensor hist, Tensor bin_edges)",
    .in = kFunction | kMethod | kOut,
    .traits = kReadsValues,
    .doc = "Counts in the intervals between ascending edges.\n\n>>> torch.histogram(torch.tensor([1., 2., 1.]), torch.tensor([0., 1.5, 3.])).hist\ntensor([2., 1.])",
    .run = [](Out&, const Tensor& self, const Tensor& bins, const Tensor& weight, bool density) {
      if (self.dtype() != DType::Float32 && self.dtype() != DType::Float64) fail_dtype("histogram", self.dtype());
      KG_CHECK(bins.dtype() == self.dtype(), "torch.histogramdd: input tensor and bins tensors should have the same dtype");
      KG_CHECK(bins.dim() == 1 && bins.numel() > 0, "torch.histogramdd: bins tensor should have one dimension and at least one element");
      return run_histogram(self, clone(bins), weight, false, density);
    },
    .grad = no_derivative,
});

}  // namespace

Tensor bincount(const Tensor& self, const Tensor& weights, int64_t minlength) { return bincount_op(self, weights, minlength); }
Tensor histc(const Tensor& self, int64_t bins, const Scalar& min, const Scalar& max) { return histc_op(self, bins, min, max); }
Two histogram(const Tensor& self, int64_t bins, Range range, const Tensor& weight, bool density) { return histogram_op(self, bins, range, weight, density); }
Two histogram_edges(const Tensor& self, const Tensor& bins, const Tensor& weight, bool density) { return histogram_edges_op(self, bins, weight, density); }

}  // namespace kagari
