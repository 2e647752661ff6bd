#include "kagari/ops/extremum.h"

#include "kagari/base/parallel.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/logic.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/reduction.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

using reduction::dims_of;
using Two = std::tuple<Tensor, Tensor>;
using MaybeDim = std::optional<int64_t>;

void check_some(std::string_view name, const Tensor& self) {
  KG_CHECK(self.numel() > 0, name, "(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.");
}

Tensor run_extremum(Out& out, std::string_view kernel, const Tensor& self, IntList dim, bool keepdim) {
  if (dim.empty()) check_some(kernel, self);
  Ints dims = dims_of(self, dim);
  reduction::check_not_empty(kernel, self, dims);
  return reduction::apply(out, kernel, kernel, self, dims, keepdim, self.dtype());
}

/// The gradient of an extremum: in equal parts to all elements that have its value.
Tensor to_equal_elements(const Tensor& grad, const Tensor& self, const Tensor& value, const Ints& dims, bool keepdim) {
  Tensor y = reduction::with_dims(value, dims, keepdim);
  Tensor mask = logical_or(eq(self, y), logical_and(ne(self, self), ne(y, y)));
  return where(mask, reduction::with_dims(grad, dims, keepdim) / sum(mask, IntList(dims), true), wrapped_number(0));
}

/// The first best element of each run along `dims`, and its position in row-major order. `values` may be null.
void find_best(const Tensor& self, const Ints& dims, bool largest, Tensor* values, const Tensor& indices) {
  if (indices.numel() == 0) return;
  auto loop = cpu::find_kernels<cpu::RowsFn>(largest ? "max_rows" : "min_rows")[self.dtype()];
  if (!loop) [[unlikely]] fail_dtype(largest ? "max" : "min", self.dtype());
  Ints order;  // the reduced dimensions last
  for (int64_t d = 0; d < self.dim(); ++d)
    if (std::find(dims.begin(), dims.end(), d) == dims.end()) order.push_back(d);
  for (int64_t d : dims) order.push_back(d);
  Tensor x = contiguous(permute(self, order));
  int64_t n = reduction::reduced_count(self.sizes(), dims);
  parallel_for(0, indices.numel(), std::max<int64_t>(1, 32768 / n), [&](int64_t begin, int64_t end) {
    char* data[] = {reinterpret_cast<char*>(indices.data<int64_t>() + begin),
                    values ? reinterpret_cast<char*>(values->bytes()) + begin * self.itemsize() : nullptr,
                    reinterpret_cast<char*>(x.bytes()) + begin * n * self.itemsize()};
    loop(data, end - begin, n, nullptr);
  });
}

/// Values and indices along one dimension.
Two run_with_index(Out& out, bool largest, const Tensor& self, int64_t dim, bool keepdim) {
  std::string_view name = largest ? "max" : "min";
  Ints dims = dims_of(self, dim);
  reduction::check_not_empty(name, self, dims);
  Ints sizes = reduction::reduced_sizes(self.sizes(), dims, keepdim);
  if (self.is_complex()) fail_dtype(name, self.dtype());
  Two y{out.alloc(sizes, self.dtype(), self.device()), out.alloc(sizes, DType::Int64, self.device(), 1)};
  if (!self.is_meta()) find_best(self, dims, largest, &std::get<0>(y), std::get<1>(y));
  return y;
}

Tensor run_index(Out& out, bool largest, const Tensor& self, MaybeDim dim, bool keepdim) {
  std::string_view name = largest ? "argmax" : "argmin";
  KG_CHECK(!self.is_complex(), name, "(): does not support complex input");
  KG_CHECK(self.dtype() != DType::Bool, name, "(): does not support bool input");
  if (!dim) KG_CHECK_INDEX(self.numel() > 0, name, "(): Expected reduction dim to be specified for input.numel() == 0.");
  Ints dims = dim ? dims_of(self, *dim) : dims_of(self, std::optional<IntList>());
  reduction::check_not_empty(name, self, dims);
  Tensor indices = out.alloc(reduction::reduced_sizes(self.sizes(), dims, keepdim), DType::Int64, self.device());
  if (!self.is_meta()) find_best(self, dims, largest, nullptr, indices);
  return indices;
}

/// A gradient of the picked elements, at their places.
Tensor picked(Ctx& c, const Tensor& grad, const Tensor& indices, int64_t dim, bool keepdim) {
  Ints sizes(c.sizes(0).begin(), c.sizes(0).end());
  if (sizes.empty()) return grad;
  Ints dims{wrap_dim(dim, int64_t(sizes.size()))};
  return reduction::at_indices(reduction::with_dims(grad, dims, keepdim), dims[0], reduction::with_dims(indices, dims, keepdim), sizes[dims[0]]);
}

const auto amax_op = define<&amax>({
    .schema = "amax(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The largest element over the dimensions `dim`. Equal elements share the gradient.\n\n"
           ">>> torch.amax(torch.tensor([[1., 5.], [4., 2.]]), 1)\ntensor([5., 4.])",
    .run = [](Out& out, const Tensor& self, IntList dim, bool keepdim) { return run_extremum(out, "amax", self, dim, keepdim); },
    .grad = vjp("self out", [](Ctx& c, const Tensor& self, IntList dim, bool keepdim) -> Grads {
      return {to_equal_elements(c.grad, self, c.out(), dims_of(self, dim), keepdim)};
    }),
});

const auto amin_op = define<&amin>({
    .schema = "amin(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The smallest element over the dimensions `dim`. Equal elements share the gradient.\n\n"
           ">>> torch.amin(torch.tensor([[1., 5.], [4., 2.]]), 1)\ntensor([1., 2.])",
    .run = [](Out& out, const Tensor& self, IntList dim, bool keepdim) { return run_extremum(out, "amin", self, dim, keepdim); },
    .grad = vjp("self out", [](Ctx& c, const Tensor& self, IntList dim, bool keepdim) -> Grads {
      return {to_equal_elements(c.grad, self, c.out(), dims_of(self, dim), keepdim)};
    }),
});

const auto aminmax_op = define<&aminmax>({
    .schema = "aminmax(Tensor self, *, int? dim=None, bool keepdim=False) -> (Tensor min, Tensor max)",
    .in = kFunction | kMethod | kOut,
    .doc = "The smallest and the largest element.\n\n>>> torch.aminmax(torch.tensor([3., 1., 2.]))\n"
           "torch.return_types.aminmax(\nmin=tensor(1.),\nmax=tensor(3.))",
    .run = [](Out& out, const Tensor& self, MaybeDim dim, bool keepdim) -> Two {
      Ints dims = dim ? dims_of(self, *dim) : dims_of(self, std::optional<IntList>());
      KG_CHECK(self.numel() > 0 || (dim && reduction::reduced_count(self.sizes(), dims) > 0),
               "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity.");
      Out second;
      return {reduction::apply(out, "amin", "aminmax", self, dims, keepdim, self.dtype()), reduction::apply(second, "amax", "aminmax", self, dims, keepdim, self.dtype())};
    },
    .grad = vjp("self out", [](Ctx& c, const Tensor& self, MaybeDim dim, bool keepdim) -> Grads {
      Ints dims = dim ? dims_of(self, *dim) : dims_of(self, std::optional<IntList>());
      return {to_equal_elements(c.grad_or_zeros(0), self, c.out(0), dims, keepdim) + to_equal_elements(c.grad_or_zeros(1), self, c.out(1), dims, keepdim)};
    }),
});

const auto max_op = define<&max>({
    .schema = "max(Tensor self) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The largest of all elements.\n\n>>> torch.max(torch.tensor([1., 3., 2.]))\ntensor(3.)",
    .run = [](Out& out, const Tensor& self) {
      check_some("max", self);
      return reduction::apply(out, "amax", "max", self, dims_of(self, std::optional<IntList>()), false, self.dtype());
    },
    .grad = vjp("self out", [](Ctx& c, const Tensor& self) -> Grads { return {to_equal_elements(c.grad, self, c.out(), {}, false)}; }),
});

const auto min_op = define<&min>({
    .schema = "min(Tensor self) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The smallest of all elements.\n\n>>> torch.min(torch.tensor([1., 3., 2.]))\ntensor(1.)",
    .run = [](Out& out, const Tensor& self) {
      check_some("min", self);
      return reduction::apply(out, "amin", "min", self, dims_of(self, std::optional<IntList>()), false, self.dtype());
    },
    .grad = vjp("self out", [](Ctx& c, const Tensor& self) -> Grads { return {to_equal_elements(c.grad, self, c.out(), {}, false)}; }),
});

const auto max_dim_op = define<&max_dim>({
    .schema = "max.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
    .in = kFunction | kMethod | kOut,
    .doc = "The largest element along a dimension, and its index.\n\n>>> torch.max(torch.tensor([[1., 5.], [4., 2.]]), 1)\n"
           "torch.return_types.max(\nvalues=tensor([5., 4.]),\nindices=tensor([1, 0]))",
    .run = [](Out& out, const Tensor& self, int64_t dim, bool keepdim) { return run_with_index(out, true, self, dim, keepdim); },
    .grad = vjp("out", [](Ctx& c, const Tensor&, int64_t dim, bool keepdim) -> Grads { return {picked(c, c.grad, c.out(1), dim, keepdim)}; }),
});

const auto min_dim_op = define<&min_dim>({
    .schema = "min.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
    .in = kFunction | kMethod | kOut,
    .doc = "The smallest element along a dimension, and its index.\n\n>>> torch.min(torch.tensor([[1., 5.], [4., 2.]]), 1)\n"
           "torch.return_types.min(\nvalues=tensor([1., 2.]),\nindices=tensor([0, 1]))",
    .run = [](Out& out, const Tensor& self, int64_t dim, bool keepdim) { return run_with_index(out, false, self, dim, keepdim); },
    .grad = vjp("out", [](Ctx& c, const Tensor&, int64_t dim, bool keepdim) -> Grads { return {picked(c, c.grad, c.out(1), dim, keepdim)}; }),
});

const auto argmax_op = define<&argmax>({
    .schema = "argmax(Tensor self, int? dim=None, bool keepdim=False) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The index of the first largest element, along `dim` or in the flattened tensor.\n\n>>> torch.argmax(torch.tensor([1., 3., 2.]))\ntensor(1)",
    .run = [](Out& out, const Tensor& self, MaybeDim dim, bool keepdim) { return run_index(out, true, self, dim, keepdim); },
    .grad = no_grad("the result is an index"),
});

const auto argmin_op = define<&argmin>({
    .schema = "argmin(Tensor self, int? dim=None, bool keepdim=False) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The index of the first smallest element, along `dim` or in the flattened tensor.\n\n>>> torch.argmin(torch.tensor([1., 3., 2.]))\ntensor(0)",
    .run = [](Out& out, const Tensor& self, MaybeDim dim, bool keepdim) { return run_index(out, false, self, dim, keepdim); },
    .grad = no_grad("the result is an index"),
});

}  // namespace

Tensor amax(const Tensor& self, IntList dim, bool keepdim) { return amax_op(self, dim, keepdim); }
Tensor amin(const Tensor& self, IntList dim, bool keepdim) { return amin_op(self, dim, keepdim); }
Two aminmax(const Tensor& self, MaybeDim dim, bool keepdim) { return aminmax_op(self, dim, keepdim); }
Tensor max(const Tensor& self) { return max_op(self); }
Tensor min(const Tensor& self) { return min_op(self); }
Two max_dim(const Tensor& self, int64_t dim, bool keepdim) { return max_dim_op(self, dim, keepdim); }
Two min_dim(const Tensor& self, int64_t dim, bool keepdim) { return min_dim_op(self, dim, keepdim); }
Tensor argmax(const Tensor& self, MaybeDim dim, bool keepdim) { return argmax_op(self, dim, keepdim); }
Tensor argmin(const Tensor& self, MaybeDim dim, bool keepdim) { return argmin_op(self, dim, keepdim); }

}  // namespace kagari
