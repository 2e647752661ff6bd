#include "kagari/ops/sort.h"

#include "kagari/cpu/sort.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/bounds.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/logic.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/quotient.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/reduction.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

using Two = std::tuple<Tensor, Tensor>;

/// A tensor with `dim` moved to the end, contiguous: rows for the kernels.
struct Rows {
  Tensor x;
  int64_t dim, n, count;
  bool last;
};
Rows rows_of(const Tensor& self, int64_t dim) {
  dim = wrap_dim(dim, self.dim());
  bool last = self.dim() == 0 || dim == self.dim() - 1;
  int64_t n = self.dim() == 0 ? 1 : self.size(dim);
  return {contiguous(last ? self : movedim(self, Ints{dim}, Ints{-1})), dim, n, n == 0 ? 0 : self.numel() / n, last};
}
/// Results with the dimension last, put back in its place.
Tensor in_place_of(const Rows& rows, Tensor t) { return rows.last ? t : contiguous(movedim(t, Ints{-1}, Ints{rows.dim})); }

Two run_sort(const Tensor& self, int64_t dim, bool descending) {
  KG_CHECK(!self.is_complex(), "Sort does not support complex dtypes on CPU");
  if (self.is_meta()) {
    wrap_dim(dim, self.dim());
    return {empty_tensor(self.sizes(), self.dtype(), self.device()), empty_tensor(self.sizes(), DType::Int64, self.device())};
  }
  Rows rows = rows_of(self, dim);
  Tensor values = empty_tensor(rows.x.sizes(), self.dtype()), indices = empty_tensor(rows.x.sizes(), DType::Int64);
  cpu::sort_rows(self.dtype(), rows.x.bytes(), values.bytes(), indices.data<int64_t>(), rows.count, rows.n, descending);
  return {in_place_of(rows, values), in_place_of(rows, indices)};
}

/// The gradient of elements picked along a dimension, from where they came.
Tensor picked_gradient(Ctx& c, int64_t dim, const Tensor& grad, const Tensor& indices) {
  IntList sizes = c.sizes(0);
  if (sizes.empty()) return reshape(grad, sizes);
  return scatter(new_zeros(grad, sizes), wrap_dim(dim, int64_t(sizes.size())), indices, grad);
}
Tensor picked_gradient(Ctx& c, int64_t dim, bool keepdim) {
  Tensor g = c.grad, indices = c.out(1);
  int64_t nd = int64_t(c.sizes(0).size());
  if (!keepdim && nd > 0) {
    g = unsqueeze(g, wrap_dim(dim, nd));
    indices = unsqueeze(indices, wrap_dim(dim, nd));
  }
  return picked_gradient(c, dim, g, indices);
}

const auto sort_op = define<&sort>({
    .schema = "sort(Tensor self, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)",
    .in = kFunction | kMethod | kOut,
    .doc = "Sorted along a dimension, and where the elements stood. The sort is stable.\n\n"
           ">>> torch.sort(torch.tensor([3, 1, 2]))\ntorch.return_types.sort(\nvalues=tensor([1, 2, 3]),\nindices=tensor([1, 2, 0]))",
    .run = [](Out&, const Tensor& self, int64_t dim, bool descending) { return run_sort(self, dim, descending); },
    .grad = vjp("out", [](Ctx& c, const Tensor&, int64_t dim, bool) -> Grads { return {picked_gradient(c, dim, c.grad, c.out(1))}; }),
});

Two sort_stable(const Tensor& self, std::optional<bool>, int64_t dim, bool descending) { return sort(self, dim, descending); }
const auto sort_stable_op = compose<&sort_stable>({
    .schema = "sort.stable(Tensor self, *, bool? stable, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)",
    .in = kFunction | kMethod | kOut,
    .doc = "sort, which is stable anyway.",
    .body = sort_stable,
});

const auto argsort_op = compose<&argsort>({
    .schema = "argsort(Tensor self, int dim=-1, bool descending=False) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "The indices that sort a tensor along a dimension.\n\n>>> torch.argsort(torch.tensor([3, 1, 2]))\ntensor([1, 2, 0])",
    .body = [](const Tensor& self, int64_t dim, bool descending) { return std::get<1>(sort(self, dim, descending)); },
});
Tensor argsort_stable(const Tensor& self, bool, int64_t dim, bool descending) { return argsort(self, dim, descending); }
const auto argsort_stable_op = compose<&argsort_stable>({
    .schema = "argsort.stable(Tensor self, *, bool stable, int dim=-1, bool descending=False) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "argsort, which is stable anyway.",
    .body = argsort_stable,
});

const auto msort_op = compose<&msort>({
    .schema = "msort(Tensor self) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "Sorted along the first dimension.\n\n>>> torch.msort(torch.tensor([3, 1, 2]))\ntensor([1, 2, 3])",
    .body = [](const Tensor& self) { return std::get<0>(sort(self, 0)); },
});

const auto topk_op = define<&topk>({
    .schema = "topk(Tensor self, int k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor values, Tensor indices)",
    .in = kFunction | kMethod | kOut,
    .doc = "The k largest (smallest) elements along a dimension, in order, and where they stood.\n\n"
           ">>> torch.topk(torch.tensor([1, 5, 3]), 2)\ntorch.return_types.topk(\nvalues=tensor([5, 3]),\nindices=tensor([1, 2]))",
    .run = [](Out&, const Tensor& self, int64_t k, int64_t dim, bool largest, bool sorted) -> Two {
      int64_t d = wrap_dim(dim, self.dim());
      KG_CHECK(k >= 0 && k <= (self.dim() ? self.size(d) : 1), "selected index k out of range");
      KG_CHECK(!self.is_complex(), "topk(): does not support complex dtypes on CPU");
      Ints sizes(self.sizes().begin(), self.sizes().end());
      if (self.dim()) sizes[d] = k;
      if (self.is_meta()) return {empty_tensor(sizes, self.dtype(), self.device()), empty_tensor(sizes, DType::Int64, self.device())};
      Rows rows = rows_of(self, dim);
      Ints ordered(rows.x.sizes().begin(), rows.x.sizes().end());
      if (self.dim()) ordered.back() = k;
      Tensor values = empty_tensor(ordered, self.dtype()), indices = empty_tensor(ordered, DType::Int64);
      if (values.numel() > 0) cpu::topk_rows(self.dtype(), rows.x.bytes(), values.bytes(), indices.data<int64_t>(), rows.count, rows.n, k, largest, sorted);
      return {in_place_of(rows, values), in_place_of(rows, indices)};
    },
    .grad = vjp("out", [](Ctx& c, const Tensor&, int64_t, int64_t dim, bool, bool) -> Grads { return {picked_gradient(c, dim, c.grad, c.out(1))}; }),
});

/// One element of each row: the one at position k of the sorted row.
Two run_select(std::string_view name, const Tensor& self, int64_t k, int64_t dim, bool keepdim) {
  Ints dims = reduction::dims_of(self, dim);
  reduction::check_not_empty(name, self, dims);
  Ints sizes = reduction::reduced_sizes(self.sizes(), dims, keepdim);
  Tensor values = empty_tensor(sizes, self.dtype(), self.device()), indices = empty_tensor(sizes, DType::Int64, self.device());
  if (self.is_meta() || values.numel() == 0) return {values, indices};
  Rows rows = rows_of(self, dim);
  cpu::select_rows(self.dtype(), rows.x.bytes(), values.bytes(), indices.data<int64_t>(), rows.count, rows.n, k);
  return {values, indices};
}

const auto kthvalue_op = define<&kthvalue>({
    .schema = "kthvalue(Tensor self, int k, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)",
    .in = kFunction | kMethod | kOut,
    .traits = kOutApart,
    .doc = "The k-th smallest element along a dimension, counted from 1, and where it stood.\n\n>>> torch.kthvalue(torch.tensor([3, 1, 2]), 2).values\ntensor(2)",
    .run = [](Out&, const Tensor& self, int64_t k, int64_t dim, bool keepdim) -> Two {
      int64_t d = wrap_dim(dim, self.dim()), n = self.dim() ? self.size(d) : 1;
      reduction::check_not_empty("kthvalue", self, reduction::dims_of(self, dim));
      KG_CHECK(k >= 1 && k <= n, "kthvalue(): selected number k out of range for dimension ", d);
      return run_select("kthvalue", self, k - 1, dim, keepdim);
    },
    .grad = vjp("out", [](Ctx& c, const Tensor&, int64_t, int64_t dim, bool keepdim) -> Grads { return {picked_gradient(c, dim, keepdim)}; }),
});

/// Values and indices of medians: the first NaN if there is one, unless they are ignored.
Two run_median(std::string_view name, const Tensor& self, int64_t dim, bool keepdim, bool ignore_nan) {
  if (self.dtype() == DType::Bool || self.is_complex()) fail_dtype(name, self.dtype());
  int64_t d = wrap_dim(dim, self.dim()), n = self.dim() ? self.size(d) : 1;
  Two y = run_select(name, self, n > 0 ? (n - 1) / 2 : 0, dim, keepdim);
  if (!is_floating(self.dtype()) || self.is_meta() || self.numel() == 0) return y;
  if (self.dim() == 0 || !any(isnan(self)).item<bool>()) return y;
  // NaNs are sorted behind the numbers, the first of them first
  Two sorted = run_sort(self, dim, false);
  Tensor numbers = sum(logical_not(isnan(self)), IntList(Ints{d}), true);
  Tensor middle = clamp_min(floor_divide(numbers - 1, wrapped_number(2)), 0);
  Tensor position = ignore_nan ? middle : where(eq(numbers, wrapped_number(n)), middle, numbers);
  Tensor values = gather(std::get<0>(sorted), d, position), indices = gather(std::get<1>(sorted), d, position);
  if (keepdim) return {values, indices};
  return {squeeze_dim(values, d), squeeze_dim(indices, d)};
}

const auto median_dim_op = define<&median_dim>({
    .schema = "median.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
    .in = kFunction | kMethod | kOut,
    .doc = "The median along a dimension (the lower of two), and where it stood.\n\n>>> torch.median(torch.tensor([3, 1, 2]), 0).values\ntensor(2)",
    .run = [](Out&, const Tensor& self, int64_t dim, bool keepdim) { return run_median("median", self, dim, keepdim, false); },
    .grad = vjp("out", [](Ctx& c, const Tensor&, int64_t dim, bool keepdim) -> Grads { return {picked_gradient(c, dim, keepdim)}; }),
});
const auto nanmedian_dim_op = define<&nanmedian_dim>({
    .schema = "nanmedian.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
    .in = kFunction | kMethod | kOut,
    .doc = "The median of the elements that are not NaN along a dimension.\n\n>>> torch.nanmedian(torch.tensor([3., float('nan')]), 0).values\ntensor(3.)",
    .run = [](Out&, const Tensor& self, int64_t dim, bool keepdim) { return run_median("nanmedian", self, dim, keepdim, true); },
    .grad = vjp("out", [](Ctx& c, const Tensor&, int64_t dim, bool keepdim) -> Grads { return {picked_gradient(c, dim, keepdim)}; }),
});

Tensor median_of_all(const Tensor& self, bool ignore_nan) {
  if (self.dtype() == DType::Bool || self.is_complex()) fail_dtype("median", self.dtype());
  if (self.numel() == 0) return new_full(self, Ints(), is_floating(self.dtype()) ? Scalar(std::numeric_limits<double>::quiet_NaN()) : Scalar(std::numeric_limits<int64_t>::min()));
  Tensor flat = reshape(self, Ints{-1});
  return std::get<0>(ignore_nan ? nanmedian_dim(flat, 0) : median_dim(flat, 0));
}
const auto median_op = compose<&median>({
    .schema = "median(Tensor self) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The median of all elements: the lower of the two in the middle.\n\n>>> torch.median(torch.tensor([3, 1, 2]))\ntensor(2)",
    .body = [](const Tensor& self) { return median_of_all(self, false); },
});
const auto nanmedian_op = compose<&nanmedian>({
    .schema = "nanmedian(Tensor self) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The median of all elements that are not NaN.\n\n>>> torch.nanmedian(torch.tensor([3., float('nan')]))\ntensor(3.)",
    .body = [](const Tensor& self) { return median_of_all(self, true); },
});

template <class T>
void find_modes(const T* values, const int64_t* indices, int64_t rows, int64_t n, T* mode_values, int64_t* mode_indices) {
  for (int64_t r = 0; r < rows; ++r, values += n, indices += n) {
    int64_t best = 0, best_count = 0;
    for (int64_t i = 0; i < n;) {
      int64_t j = i + 1;
      while (j < n && values[j] == values[i]) ++j;
      if (j - i > best_count) {
        best_count = j - i;
        best = j - 1;
      }
      i = j;
    }
    mode_values[r] = values[best];
    mode_indices[r] = indices[best];
  }
}

const auto mode_op = define<&mode>({
    .schema = "mode(Tensor self, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)",
    .in = kFunction | kMethod | kOut,
    .doc = "The most frequent element along a dimension (the smallest of several), and where it stands.\n\n>>> torch.mode(torch.tensor([3, 1, 3])).values\ntensor(3)",
    .run = [](Out&, const Tensor& self, int64_t dim, bool keepdim) -> Two {
      Ints dims = reduction::dims_of(self, dim);
      reduction::check_not_empty("mode", self, dims);
      Ints sizes = reduction::reduced_sizes(self.sizes(), dims, keepdim);
      Tensor values = empty_tensor(sizes, self.dtype(), self.device()), indices = empty_tensor(sizes, DType::Int64, self.device());
      if (self.is_meta() || values.numel() == 0) return {values, indices};
      Rows rows = rows_of(self, dim);
      Two sorted = run_sort(rows.x, -1, false);
      visit_reals("mode", self.dtype(), [&]<class T>(T) {
        find_modes(std::get<0>(sorted).data<T>(), std::get<1>(sorted).data<int64_t>(), rows.count, rows.n, values.data<T>(), indices.data<int64_t>());
      });
      return {values, indices};
    },
    .grad = vjp("out", [](Ctx& c, const Tensor&, int64_t dim, bool keepdim) -> Grads { return {picked_gradient(c, dim, keepdim)}; }),
});

}  // namespace

Two sort(const Tensor& self, int64_t dim, bool descending) { return sort_op(self, dim, descending); }
Tensor argsort(const Tensor& self, int64_t dim, bool descending) { return argsort_op(self, dim, descending); }
Tensor msort(const Tensor& self) { return msort_op(self); }
Two topk(const Tensor& self, int64_t k, int64_t dim, bool largest, bool sorted) { return topk_op(self, k, dim, largest, sorted); }
Two kthvalue(const Tensor& self, int64_t k, int64_t dim, bool keepdim) { return kthvalue_op(self, k, dim, keepdim); }
Tensor median(const Tensor& self) { return median_op(self); }
Two median_dim(const Tensor& self, int64_t dim, bool keepdim) { return median_dim_op(self, dim, keepdim); }
Tensor nanmedian(const Tensor& self) { return nanmedian_op(self); }
Two nanmedian_dim(const Tensor& self, int64_t dim, bool keepdim) { return nanmedian_dim_op(self, dim, keepdim); }
Two mode(const Tensor& self, int64_t dim, bool keepdim) { return mode_op(self, dim, keepdim); }

}  // namespace kagari
