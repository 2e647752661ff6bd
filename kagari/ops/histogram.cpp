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

/// The limits of a histogram: those given, or those of the data; never empty. An empty range becomes 2 * `margin` wide.
std::pair<double, double> limits(std::string_view name, const Tensor& x, double low, double high, double margin) {
  if (low == high && x.numel() > 0) {
    low = min(x).item().to_double();
    high = max(x).item().to_double();
  }
  KG_CHECK(std::isfinite(low) && std::isfinite(high), name, ": range of [", low, ", ", high, "] is not finite");
  KG_CHECK(low <= high, name, name == "torch.histc" ? ": max must be larger than min" : ": min should not exceed max");
  return low == high ? std::pair(low - margin, high + margin) : std::pair(low, high);
}

enum class Search { Edges, Uniform, UniformExact };

/// The interval of v among the edges, or -1. The last interval is closed. In a uniform grid the number is computed; the division may round
/// across an edge, which UniformExact corrects.
template <class T>
int64_t interval(const std::vector<T>& edges, T v, Search search) {
  using A = std::conditional_t<std::is_same_v<T, double>, double, float>;
  int64_t bins = int64_t(edges.size()) - 1;
  A x = A(v), low = A(edges.front()), high = A(edges.back());
  if (!(x >= low && x <= high)) return -1;
  if (search == Search::Edges) return std::min<int64_t>(bins - 1, std::upper_bound(edges.begin(), edges.end(), x, [](A a, T b) { return a < A(b); }) - edges.begin() - 1);
  auto rounded = [](A a) { return A(T(a)); };  // halfs are rounded after each step, as PyTorch computes with them
  int64_t at = std::min(bins - 1, int64_t(rounded(rounded(rounded(x - low) * A(bins)) / rounded(high - low))));
  if (search == Search::Uniform) return at;
  if (x < A(edges[size_t(at)])) --at;
  else if (at + 1 < bins && x >= A(edges[size_t(at) + 1])) ++at;
  return at;
}

/// Adds the weight (1 without weights) of each row of x (points, edges.size()) to its cell.
template <class T>
void count(const Tensor& x, const Tensor& weight, const std::vector<std::vector<T>>& edges, Search search, T* hist, int64_t cells) {
  const T *p = x.data<T>(), *w = weight.defined() ? weight.data<T>() : nullptr;
  int64_t dims = int64_t(edges.size()), points = dims ? x.numel() / dims : 0;
  std::vector<double> totals(size_t(cells), 0.0);
  for (int64_t i = 0; i < points; ++i) {
    int64_t cell = 0;
    for (int64_t d = 0; d < dims && cell >= 0; ++d) {
      int64_t at = interval(edges[size_t(d)], p[i * dims + d], search);
      cell = at < 0 ? -1 : cell * (int64_t(edges[size_t(d)].size()) - 1) + at;
    }
    if (cell >= 0) totals[size_t(cell)] += w ? double(w[i]) : 1.0;
  }
  for (int64_t c = 0; c < cells; ++c) hist[c] = T(totals[size_t(c)]);
}

template <class T>
std::vector<T> uniform_edges(double low, double high, int64_t bins) {
  using A = std::conditional_t<std::is_same_v<T, double>, double, float>;
  std::vector<T> edges(size_t(bins) + 1, T(0));
  A step = (A(high) - A(low)) / A(bins);
  for (int64_t i = 0; i <= bins; ++i) edges[size_t(i)] = T(i <= bins / 2 ? A(low) + A(i) * step : A(high) - A(bins - i) * step);
  return edges;
}

const auto histc_op = define<&histc>({
    .schema = "histc(Tensor self, int bins=100, Scalar min=0, Scalar max=0) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .traits = kReadsValues,
    .doc = "Counts in `bins` equal intervals between min and max, or those of the data.\n\n>>> torch.histc(torch.tensor([1., 2., 1.]), bins=4, min=0, max=3)\ntensor([0., 2., 1., 0.])",
    .run = [](Out& out, const Tensor& self, int64_t bins, const Scalar& min, const Scalar& max) {
      if (!is_floating(self.dtype()) || is_float8(self.dtype())) fail_dtype("histogram_cpu", self.dtype());
      KG_CHECK(bins > 0, "torch.histogram(): bins must be > 0, but got ", bins, " for dimension 0");
      auto [low, high] = limits("torch.histc", self, min.to_double(), max.to_double(), 1);
      Tensor x = contiguous(self), y = out.alloc(Ints{bins}, self.dtype(), self.device());
      visit_floats_and_halfs("histc", self.dtype(), [&, low = low, high = high]<class T>(T) {
        count<T>(x, {}, {uniform_edges<T>(low, high, bins)}, Search::Uniform, y.data<T>(), bins);
      });
      return y;
    },
    .grad = no_derivative,
});

void check_histogram_dtype(const Tensor& self, std::string_view name) {
  if (self.dtype() != DType::Float32 && self.dtype() != DType::Float64) fail_dtype(name, self.dtype());
}

/// Points in the rows of self, one dimension after the other along the last.
Tensor cells_of(const Tensor& self, TensorList edges, const Tensor& weight, Search search, bool density) {
  DType d = self.dtype();
  KG_CHECK(!weight.defined() || weight.dtype() == d, "torch.histogramdd: if weight tensor is provided, input tensor and weight tensor should have the same dtype");
  Ints sizes;
  for (const Tensor& e : edges) sizes.push_back(e.numel() - 1);
  Tensor x = contiguous(self), w = weight.defined() ? contiguous(weight) : Tensor(), hist = empty_tensor(sizes, d);
  visit_floats("histogramdd", d, [&]<class T>(T) {
    std::vector<std::vector<T>> limits_of;
    for (const Tensor& given : edges) {
      Tensor e = contiguous(given);
      limits_of.emplace_back(e.data<T>(), e.data<T>() + e.numel());
    }
    count<T>(x, w, limits_of, search, hist.data<T>(), hist.numel());
  });
  if (!density) return hist;
  hist = hist / sum(hist);
  for (size_t i = 0; i < edges.size(); ++i) {
    Ints shape(sizes.size(), 1);
    shape[i] = sizes[i];
    hist = hist / reshape(diff(edges[i]), shape);
  }
  return hist;
}

Tensor grid(const Tensor& self, double low, double high, int64_t bins) {
  Tensor edges = empty_tensor(Ints{bins + 1}, self.dtype());
  visit_floats("histogramdd", self.dtype(), [&]<class T>(T) {
    std::vector<T> e = uniform_edges<T>(low, high, bins);
    std::copy(e.begin(), e.end(), edges.data<T>());
  });
  return edges;
}

const auto histogram_op = define<&histogram>({
    .schema = "histogram.bin_ct(Tensor self, int bins=100, *, float[]? range=None, Tensor? weight=None, bool density=False) -> (Tensor hist, Tensor bin_edges)",
    .in = kFunction | kMethod | kOut,
    .traits = kReadsValues,
    .doc = "Counts in equal intervals, and their edges.\n\n>>> torch.histogram(torch.tensor([1., 2., 1.]), 2, range=(0., 3.)).hist\ntensor([2., 1.])",
    .run = [](Out&, const Tensor& self, int64_t bins, Range range, const Tensor& weight, bool density) -> Two {
      check_histogram_dtype(self, "histogram_cpu");
      KG_CHECK(bins > 0, "torch.histogram(): bins must be > 0, but got ", bins, " for dimension 0");
      KG_CHECK(!range || range->size() == 2, "torch.histogramdd: for a 1-dimensional histogram range should have 2 elements, but got ", range ? range->size() : 0);
      KG_CHECK(!weight.defined() || weight.numel() == self.numel(), "torch.histogramdd: if weight tensor is provided it should have the same shape as the input tensor");
      auto [low, high] = self.numel() || range ? limits("torch.histogramdd", self, range ? (*range)[0] : 0, range ? (*range)[1] : 0, 0.5) : std::pair(0.0, 1.0);
      Tensor edges = grid(self, low, high, bins);
      return {cells_of(self, TensorList(&edges, 1), weight, Search::UniformExact, density), edges};
    },
    .grad = no_derivative,
});

const auto histogram_edges_op = define<&histogram_edges>({
    .schema = "histogram.bins_tensor(Tensor self, Tensor bins, *, Tensor? weight=None, bool density=False) -> (Tensor hist, Tensor bin_edges)",
    .in = kFunction | kMethod | kOut,
    .traits = kReadsValues,
    .doc = "Counts in the intervals between ascending edges.\n\n>>> torch.histogram(torch.tensor([1., 2., 1.]), torch.tensor([0., 1.5, 3.])).hist\ntensor([2., 1.])",
    .run = [](Out&, const Tensor& self, const Tensor& bins, const Tensor& weight, bool density) -> Two {
      check_histogram_dtype(self, "histogram_cpu");
      KG_CHECK(bins.dtype() == self.dtype(), "torch.histogramdd: input tensor and bins tensors should have the same dtype");
      KG_CHECK(bins.dim() == 1 && bins.numel() > 0, "torch.histogramdd: bins tensor should have one dimension and at least one element");
      KG_CHECK(bins.numel() > 1, "torch.histogram(): bins must be > 0, but got 0 for dimension 0");
      KG_CHECK(!weight.defined() || weight.numel() == self.numel(), "torch.histogramdd: if weight tensor is provided it should have the same shape as the input tensor");
      Tensor edges = clone(bins);
      return {cells_of(self, TensorList(&edges, 1), weight, Search::Edges, density), edges};
    },
    .grad = no_derivative,
});

// ---- histograms of points, behind torch.histogramdd

void check_points(const Tensor& self, int64_t bins, const Tensor& weight) {
  check_histogram_dtype(self, "histogramdd");
  KG_CHECK(self.dim() >= 2, "torch.histogramdd: input tensor should have at least 2 dimensions");
  KG_CHECK(bins == self.sizes().back(), "histogramdd: The size of bins must be equal to the innermost dimension of the input.");
  KG_CHECK(!weight.defined() || weight.sizes() == IntList(self.sizes().data(), self.sizes().size() - 1),
           "torch.histogramdd: if weight tensor is provided it should have the same shape as the input tensor excluding its innermost dimension, but got input with shape ",
           self.sizes(), " and weight with shape ", weight.defined() ? weight.sizes() : IntList());
}

std::vector<Tensor> run_edges(const Tensor& self, IntList bins, Range range, const Tensor& weight, bool) {
  check_points(self, int64_t(bins.size()), weight);
  size_t dims = bins.size();
  KG_CHECK(!range || range->size() == 2 * dims, "torch.histogramdd: for a ", dims, "-dimensional histogram range should have ", 2 * dims, " elements, but got ", range ? range->size() : 0);
  std::vector<Tensor> edges;
  for (size_t d = 0; d < dims; ++d) {
    KG_CHECK(bins[d] > 0, "torch.histogramdd(): bins must be > 0, but got ", bins[d], " for dimension ", d);
    Tensor column = select(self, -1, int64_t(d));
    auto [low, high] = range             ? limits("torch.histogramdd", column, (*range)[2 * d], (*range)[2 * d + 1], 0.5)
                       : column.numel() ? limits("torch.histogramdd", column, 0, 0, 0.5)
                                         : std::pair(0.0, 1.0);
    edges.push_back(grid(self, low, high, bins[d]));
  }
  return edges;
}
std::vector<Tensor> histogramdd_edges(const Tensor& self, IntList bins, Range range, const Tensor& weight, bool density);
const auto histogramdd_edges_op = define<&histogramdd_edges>({
    .schema = "_histogramdd_bin_edges(Tensor self, int[] bins, *, float[]? range=None, Tensor? weight=None, bool density=False) -> Tensor[]",
    .in = kFunction,
    .traits = kReadsValues,
    .doc = "The edges of equal intervals for each column of the points.",
    .run = [](Out&, const Tensor& self, IntList bins, Range range, const Tensor& weight, bool density) { return run_edges(self, bins, range, weight, density); },
    .grad = no_derivative,
});
std::vector<Tensor> histogramdd_edges(const Tensor& self, IntList bins, Range range, const Tensor& weight, bool density) {
  return histogramdd_edges_op(self, bins, range, weight, density);
}

Tensor histogramdd_counts(const Tensor& self, IntList bins, Range range, const Tensor& weight, bool density);
const auto histogramdd_counts_op = define<&histogramdd_counts>({
    .schema = "_histogramdd_from_bin_cts(Tensor self, int[] bins, *, float[]? range=None, Tensor? weight=None, bool density=False) -> Tensor",
    .in = kFunction,
    .traits = kReadsValues,
    .doc = "Counts of points in a grid of equal intervals.",
    .run = [](Out&, const Tensor& self, IntList bins, Range range, const Tensor& weight, bool density) {
      return cells_of(self, run_edges(self, bins, range, weight, density), weight, Search::UniformExact, density);
    },
    .grad = no_derivative,
});
Tensor histogramdd_counts(const Tensor& self, IntList bins, Range range, const Tensor& weight, bool density) { return histogramdd_counts_op(self, bins, range, weight, density); }

Tensor histogramdd_between(const Tensor& self, TensorList bins, const Tensor& weight, bool density);
const auto histogramdd_between_op = define<&histogramdd_between>({
    .schema = "_histogramdd_from_bin_tensors(Tensor self, Tensor[] bins, *, Tensor? weight=None, bool density=False) -> Tensor",
    .in = kFunction,
    .traits = kReadsValues,
    .doc = "Counts of points in a grid of ascending edges.",
    .run = [](Out&, const Tensor& self, TensorList bins, const Tensor& weight, bool density) {
      check_points(self, int64_t(bins.size()), weight);
      for (const Tensor& e : bins) {
        KG_CHECK(e.dtype() == self.dtype(), "torch.histogramdd: input tensor and bins tensors should have the same dtype");
        KG_CHECK(e.dim() == 1 && e.numel() > 1, "torch.histogramdd: bins tensor should have one dimension and at least two elements");
      }
      return cells_of(self, bins, weight, Search::Edges, density);
    },
    .grad = no_derivative,
});
Tensor histogramdd_between(const Tensor& self, TensorList bins, const Tensor& weight, bool density) { return histogramdd_between_op(self, bins, weight, density); }

}  // namespace

Tensor bincount(const Tensor& self, const Tensor& weights, int64_t minlength) { return bincount_op(self, weights, minlength); }
Tensor histc(const Tensor& self, int64_t bins, const Scalar& min, const Scalar& max) { return histc_op(self, bins, min, max); }
Two histogram(const Tensor& self, int64_t bins, Range range, const Tensor& weight, bool density) { return histogram_op(self, bins, range, weight, density); }
Two histogram_edges(const Tensor& self, const Tensor& bins, const Tensor& weight, bool density) { return histogram_edges_op(self, bins, weight, density); }

}  // namespace kagari
