#include "kagari/ops/unique.h"

#include <cstring>

#include "kagari/cpu/sort.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/logic.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

constexpr auto no_derivative = no_grad("the result is a choice of elements");

/// Integers of a small range: one pass marks or counts them.
template <class T>
ThreeTensors unique_by_counting(const Tensor& x, T lowest, int64_t range, bool inverse, bool counts) {
  const T* p = x.data<T>();
  int64_t n = x.numel(), found = 0;
  std::vector<int64_t> count(size_t(range), 0);
  auto slot = [&](T v) { return size_t(uint64_t(v) - uint64_t(lowest)); };
  for (int64_t i = 0; i < n; ++i) ++count[slot(p[i])];
  for (int64_t c : count) found += c != 0;
  Tensor values = empty_tensor(Ints{found}, x.dtype()), places = empty_tensor(inverse ? x.sizes() : IntList(Ints{0}), DType::Int64),
         counted = empty_tensor(Ints{counts ? found : 0}, DType::Int64);
  std::vector<int64_t> rank(inverse ? count.size() : 0);
  for (size_t s = 0, k = 0; s < count.size(); ++s) {
    if (count[s] == 0) continue;
    values.data<T>()[k] = T(uint64_t(lowest) + s);
    if (counts) counted.data<int64_t>()[k] = count[s];
    if (inverse) rank[s] = int64_t(k);
    ++k;
  }
  if (inverse)
    for (int64_t i = 0; i < n; ++i) places.data<int64_t>()[i] = rank[slot(p[i])];
  return {values, places, counted};
}

template <class T>
bool same(T a, T b) {
  return a == b;
}

/// Runs of equal elements; `order` says where in the original the i-th one stands (null: there).
template <class T>
ThreeTensors unique_runs(const Tensor& x, const int64_t* order, IntList shape, bool inverse, bool counts) {
  const T* p = x.data<T>();
  int64_t n = x.numel();
  std::vector<int64_t> starts;
  Tensor places = empty_tensor(inverse ? shape : IntList(Ints{0}), DType::Int64);
  for (int64_t i = 0; i < n; ++i) {
    if (i == 0 || !same(p[i], p[i - 1])) starts.push_back(i);
    if (inverse) places.data<int64_t>()[order ? order[i] : i] = int64_t(starts.size()) - 1;
  }
  int64_t found = int64_t(starts.size());
  Tensor values = empty_tensor(Ints{found}, x.dtype()), counted = empty_tensor(Ints{counts ? found : 0}, DType::Int64);
  for (int64_t k = 0; k < found; ++k) {
    values.data<T>()[k] = p[starts[size_t(k)]];
    if (counts) counted.data<int64_t>()[k] = (k + 1 < found ? starts[size_t(k) + 1] : n) - starts[size_t(k)];
  }
  return {values, places, counted};
}

ThreeTensors run_unique(const Tensor& self, bool inverse, bool counts) {
  Tensor x = contiguous(self);
  int64_t n = x.numel();
  return visit_reals("unique", x.dtype(), [&]<class T>(T) -> ThreeTensors {
    if constexpr (std::is_integral_v<T>) {
      if (n > 0) {
        const T* p = x.data<T>();
        T low = p[0], high = p[0];
        for (int64_t i = 1; i < n; ++i) {
          low = std::min(low, p[i]);
          high = std::max(high, p[i]);
        }
        uint64_t range = uint64_t(high) - uint64_t(low);
        if (range < uint64_t(4 * n + 256) && range < (uint64_t(1) << 26)) return unique_by_counting<T>(x, low, int64_t(range) + 1, inverse, counts);
      }
    }
    Tensor sorted = empty_tensor(Ints{n}, x.dtype()), order = empty_tensor(Ints{inverse ? n : 0}, DType::Int64);
    cpu::sort_rows(x.dtype(), x.bytes(), sorted.bytes(), inverse ? order.data<int64_t>() : nullptr, 1, n, false);
    return unique_runs<T>(sorted, inverse ? order.data<int64_t>() : nullptr, x.sizes(), inverse, counts);
  });
}

const auto unique_all_op = define<&unique_all>({
    .schema = "_unique2(Tensor self, bool sorted=True, bool return_inverse=False, bool return_counts=False) -> (Tensor, Tensor, Tensor)",
    .in = kFunction,
    .traits = kReadsValues,
    .doc = "The distinct elements in ascending order, the place of each element among them, and how often each occurs.",
    .run = [](Out&, const Tensor& self, bool, bool inverse, bool counts) { return run_unique(self, inverse, counts); },
    .grad = no_derivative,
});

/// Slices along a dimension as rows of bytes.
template <class T>
ThreeTensors unique_slices(const Tensor& rows, const Tensor& self, int64_t dim, std::vector<int64_t> order, bool inverse, bool counts) {
  const T* p = rows.data<T>();
  int64_t n = rows.size(0), width = rows.size(1);
  std::vector<int64_t> chosen, sizes;
  Tensor places = empty_tensor(Ints{inverse ? n : 0}, DType::Int64);
  for (int64_t i = 0; i < n; ++i) {
    const T* row = p + order[size_t(i)] * width;
    bool fresh = i == 0 || !std::equal(row, row + width, p + order[size_t(i) - 1] * width, [](T a, T b) { return same(a, b); });
    if (fresh) {
      chosen.push_back(order[size_t(i)]);
      sizes.push_back(0);
    }
    ++sizes.back();
    if (inverse) places.data<int64_t>()[order[size_t(i)]] = int64_t(chosen.size()) - 1;
  }
  int64_t found = int64_t(chosen.size());
  Tensor picked = empty_tensor(Ints{found}, DType::Int64), counted = empty_tensor(Ints{counts ? found : 0}, DType::Int64);
  std::copy(chosen.begin(), chosen.end(), picked.data<int64_t>());
  if (counts) std::copy(sizes.begin(), sizes.end(), counted.data<int64_t>());
  return {index_select(self, dim, picked), places, counted};
}

ThreeTensors run_unique_dim(const Tensor& self, int64_t dim, bool consecutive, bool inverse, bool counts) {
  dim = wrap_dim(dim, self.dim());
  int64_t n = self.dim() ? self.size(dim) : 1;
  KG_CHECK(self.numel() > 0 || n == 0, "There are 0 sized dimensions, and they aren't selected, so unique cannot be applied");
  Tensor rows = self.dim() ? contiguous(reshape(movedim(self, Ints{dim}, Ints{0}), Ints{n, n == 0 ? 0 : self.numel() / n})) : reshape(self, Ints{1, 1});
  std::vector<int64_t> order(size_t(n), 0);
  for (int64_t i = 0; i < n; ++i) order[size_t(i)] = i;
  return visit_reals("unique_dim", self.dtype(), [&]<class T>(T) -> ThreeTensors {
    const T* p = rows.data<T>();
    int64_t width = rows.size(1);
    if (!consecutive)
      std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return std::lexicographical_compare(p + a * width, p + (a + 1) * width, p + b * width, p + (b + 1) * width); });
    return unique_slices<T>(rows, self, dim, order, inverse, counts);
  });
}

const auto unique_dim_op = define<&unique_dim>({
    .schema = "unique_dim(Tensor self, int dim, bool sorted=True, bool return_inverse=False, bool return_counts=False) -> (Tensor, Tensor, Tensor)",
    .in = kPrivate,
    .traits = kReadsValues,
    .doc = "The distinct slices along a dimension in ascending order, the place of each slice among them, and how often each occurs.",
    .run = [](Out&, const Tensor& self, int64_t dim, bool, bool inverse, bool counts) { return run_unique_dim(self, dim, false, inverse, counts); },
    .grad = no_derivative,
});

const auto unique_consecutive_op = define<&unique_consecutive>({
    .schema = "_unique_consecutive(Tensor self, bool return_inverse=False, bool return_counts=False, int? dim=None) -> (Tensor, Tensor, Tensor)",
    .in = kPrivate,
    .traits = kReadsValues,
    .doc = "The first of each run of equal elements (slices), the run of each element, and the lengths of the runs.",
    .run = [](Out&, const Tensor& self, bool inverse, bool counts, std::optional<int64_t> dim) {
      if (dim) return run_unique_dim(self, *dim, true, inverse, counts);
      Tensor x = contiguous(self);
      return visit_reals("unique_consecutive", x.dtype(), [&]<class T>(T) { return unique_runs<T>(x, nullptr, x.sizes(), inverse, counts); });
    },
    .grad = no_derivative,
});

const auto isin_op = define<&isin>({
    .schema = "isin(Tensor|Scalar elements, Tensor|Scalar test_elements, *, bool assume_unique=False, bool invert=False) -> Tensor",
    .in = kFunction | kOut,
    .doc = "Which elements are among `test_elements`.\n\n>>> torch.isin(torch.tensor([1, 2, 3]), torch.tensor([2, 5]))\ntensor([False,  True, False])",
    .run = [](Out& out, const Tensor& elements, const Tensor& test_elements, bool, bool invert) {
      KG_CHECK(!elements.is_complex() && !test_elements.is_complex(), "Unsupported input type encountered for isin(): ComplexFloat");
      DType d = elementwise::promoted(elements, test_elements);
      Tensor y = out.alloc(elements.sizes(), DType::Bool, elements.device());
      if (y.is_meta()) return y;
      Tensor x = contiguous(elementwise::converted(elements, d)), tests = contiguous(elementwise::converted(test_elements, d));
      Tensor sorted = empty_tensor(Ints{tests.numel()}, d);
      cpu::sort_rows(d, tests.bytes(), sorted.bytes(), nullptr, 1, tests.numel(), false);
      visit_reals("isin", d, [&]<class T>(T) {
        const T *begin = sorted.data<T>(), *end = begin + sorted.numel(), *p = x.data<T>();
        while (end > begin && end[-1] != end[-1]) --end;  // NaN equals nothing
        for (int64_t i = 0; i < x.numel(); ++i) y.data<bool>()[i] = (p[i] == p[i] && std::binary_search(begin, end, p[i])) != invert;
      });
      return y;
    },
    .grad = no_derivative,
});

}  // namespace

ThreeTensors unique_all(const Tensor& self, bool sorted, bool return_inverse, bool return_counts) { return unique_all_op(self, sorted, return_inverse, return_counts); }
ThreeTensors unique_dim(const Tensor& self, int64_t dim, bool sorted, bool return_inverse, bool return_counts) {
  return unique_dim_op(self, dim, sorted, return_inverse, return_counts);
}
ThreeTensors unique_consecutive(const Tensor& self, bool return_inverse, bool return_counts, std::optional<int64_t> dim) {
  return unique_consecutive_op(self, return_inverse, return_counts, dim);
}
Tensor isin(const Tensor& elements, const Tensor& test_elements, bool assume_unique, bool invert) { return isin_op(elements, test_elements, assume_unique, invert); }

}  // namespace kagari
