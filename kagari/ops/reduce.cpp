#include "kagari/ops/reduce.h"

#include "kagari/base/parallel.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/extremum.h"
#include "kagari/ops/logic.h"
#include "kagari/ops/number.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/reduction.h"
#include "kagari/ops/scan.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

using reduction::dims_of;
using Dims = std::optional<IntList>;
using MaybeDType = std::optional<DType>;

/// The argument as the dtype in which it is summed.
Tensor summand(const Tensor& self, MaybeDType dtype) { return dtype ? elementwise::converted(self, *dtype) : self; }
DType sum_dtype(DType t) { return is_integral(t) ? DType::Int64 : t; }
/// A kernel gives int64 for every integer; another dtype was asked for.
Tensor as_asked(const Tensor& t, MaybeDType dtype) { return dtype ? elementwise::converted(t, *dtype) : t; }

Tensor run_sum(Out& out, std::string_view kernel, const Tensor& self, Dims dim, bool keepdim, MaybeDType dtype) {
  Ints dims = dims_of(self, dim);
  Tensor x = summand(self, dtype);
  return as_asked(reduction::apply(out, kernel, kernel, x, dims, keepdim, sum_dtype(x.dtype())), dtype);
}

/// The gradient of a sum: the same for every element.
Tensor spread(Ctx& c, const Tensor& grad, Dims dim, bool keepdim) {
  IntList sizes = c.sizes(0);
  Ints dims;
  if (dim && !dim->empty())
    for (int64_t d : *dim) dims.push_back(wrap_dim(d, int64_t(sizes.size())));
  std::sort(dims.begin(), dims.end());
  return expand(reduction::with_dims(grad, dims, keepdim), sizes);
}

const auto sum_op = define<&sum>({
    .schema = "sum(Tensor self, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The sum of all elements, or over the dimensions `dim`. Integers and bool are summed as int64.\n\n"
           ">>> torch.sum(torch.tensor([[1., 2.], [3., 4.]]), dim=0)\ntensor([4., 6.])",
    .run = [](Out& out, const Tensor& self, Dims dim, bool keepdim, MaybeDType dtype) { return run_sum(out, "sum", self, dim, keepdim, dtype); },
    .grad = vjp("", [](Ctx& c, const Tensor&, Dims dim, bool keepdim, MaybeDType) -> Grads { return {spread(c, c.grad, dim, keepdim)}; }),
});

void check_nansum_out(const Out& out, const Tensor& self, MaybeDType dtype) {
  KG_CHECK(!self.is_complex(), "nansum on CPU does not support complex inputs");
  if (auto d = out.dest_dtype(); d && !dtype && is_integral(*d) && !is_integral(self.dtype())) fail_dtype("nansum_cpu", *d);
}
const auto nansum_op = define<&nansum>({
    .schema = "nansum(Tensor self, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The sum of the elements that are not NaN.\n\n>>> torch.nansum(torch.tensor([1., float('nan'), 2.]))\ntensor(3.)",
    .run = [](Out& out, const Tensor& self, Dims dim, bool keepdim, MaybeDType dtype) {
      check_nansum_out(out, self, dtype);
      return run_sum(out, is_floating(summand(self, dtype).dtype()) ? "nansum" : "sum", self, dim, keepdim, dtype);
    },
    .grad = vjp("self", [](Ctx& c, const Tensor& self, Dims dim, bool keepdim, MaybeDType) -> Grads {
      return {where(isnan(self), wrapped_number(0), spread(c, c.grad, dim, keepdim))};
    }),
});

void check_mean_dtype(const Tensor& self, MaybeDType dtype) {
  DType t = dtype.value_or(self.dtype());
  KG_CHECK(is_differentiable(t), "mean(): could not infer output dtype. ", dtype ? "Optional" : "Input",
           " dtype must be either a floating point or complex dtype. Got: ", legacy_name(t));
}

const auto mean_op = define<&mean>({
    .schema = "mean(Tensor self, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The mean of all elements, or over the dimensions `dim`. The dtype must be floating or complex.\n\n"
           ">>> torch.mean(torch.tensor([1., 2., 6.]))\ntensor(3.)",
    .run = [](Out& out, const Tensor& self, Dims dim, bool keepdim, MaybeDType dtype) {
      check_mean_dtype(self, dtype);
      Ints dims = dims_of(self, dim);
      cpu::LoopParams divisor;
      divisor.set(0, double(reduction::reduced_count(self.sizes(), dims)));
      Tensor x = summand(self, dtype);
      return reduction::apply(out, "sum", "mean", x, dims, keepdim, x.dtype(), &divisor);
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, Dims dim, bool keepdim, MaybeDType) -> Grads {
      int64_t n = std::max<int64_t>(1, numel_of(c.sizes(0)) / std::max<int64_t>(1, c.grad.numel()));
      return {spread(c, c.grad / Scalar(n), dim, keepdim)};
    }),
});

Tensor count_numbers(const Tensor& self, Dims dim, bool keepdim) { return sum(logical_not(isnan(self)), dim, keepdim); }
const auto nanmean_op = define<&nanmean>({
    .schema = "nanmean(Tensor self, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The mean of the elements that are not NaN.\n\n>>> torch.nanmean(torch.tensor([1., float('nan'), 3.]))\ntensor(2.)",
    .run = [](Out& out, const Tensor& self, Dims dim, bool keepdim, MaybeDType dtype) {
      KG_CHECK(is_differentiable(self.dtype()), "nanmean(): expected input to have floating point or complex dtype but got ", legacy_name(self.dtype()));
      check_nansum_out(out, self, dtype);
      return div(nansum(self, dim, keepdim, dtype), count_numbers(self, dim, keepdim));
    },
    .grad = vjp("self", [](Ctx& c, const Tensor& self, Dims dim, bool keepdim, MaybeDType) -> Grads {
      return {where(isnan(self), wrapped_number(0), spread(c, div(c.grad, count_numbers(self, dim, keepdim)), dim, keepdim))};
    }),
});

/// The product of all other elements along a dimension.
Tensor product_of_others(const Tensor& x, int64_t dim) {
  int64_t n = x.size(dim);
  Ints sizes(x.sizes().begin(), x.sizes().end());
  sizes[dim] = 1;
  Tensor one = expand(scalar_tensor(1, x.dtype(), x.device()), sizes);
  const Tensor before[] = {one, slice(x, dim, 0, n - 1)};
  const Tensor after[] = {one, flip(slice(x, dim, 1, n), Ints{dim})};
  return cumprod(cat(TensorList(before, 2), dim), dim) * flip(cumprod(cat(TensorList(after, 2), dim), dim), Ints{dim});
}

const auto prod_op = define<&prod>({
    .schema = "prod(Tensor self, int? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The product of all elements, or over dimension `dim`. Integers and bool are multiplied as int64.\n\n"
           ">>> torch.prod(torch.tensor([2., 3., 4.]))\ntensor(24.)",
    .run = [](Out& out, const Tensor& self, std::optional<int64_t> dim, bool keepdim, MaybeDType dtype) {
      Ints dims = dim ? dims_of(self, *dim) : dims_of(self, Dims());
      Tensor x = summand(self, dtype);
      return as_asked(reduction::apply(out, "prod", "prod", x, dims, keepdim, sum_dtype(x.dtype())), dtype);
    },
    .grad = vjp("self out", [](Ctx& c, const Tensor& self, std::optional<int64_t> dim, bool keepdim, MaybeDType dtype) -> Grads {
      if (self.dim() == 0) return {c.grad};
      Tensor x = dtype && *dtype != self.dtype() ? to(self, *dtype) : self;
      if (x.is_meta() || !any(all_values(eq(x, wrapped_number(0)))).item<bool>()) {
        Ints dims = dim ? Ints{wrap_dim(*dim, self.dim())} : Ints();
        Tensor g = reduction::with_dims(c.grad, dims, keepdim), y = reduction::with_dims(c.out(), dims, keepdim);
        return {g * conj(y / x)};
      }
      if (!dim) return {c.grad * conj(reshape(product_of_others(reshape(x, Ints{-1}), 0), x.sizes()))};
      int64_t d = wrap_dim(*dim, self.dim());
      return {reduction::with_dims(c.grad, {d}, keepdim) * conj(product_of_others(x, d))};
    }),
});

Tensor run_truth(Out& out, std::string_view kernel, const Tensor& self, Dims dim, bool keepdim) {
  // here, and only here, an empty list of dimensions reduces nothing
  Ints dims = dim && dim->empty() ? Ints() : dims_of(self, dim);
  Tensor y = reduction::apply(out, kernel, kernel, self, dims, keepdim, DType::Bool);
  return self.dtype() == DType::UInt8 ? elementwise::converted(y, DType::UInt8) : y;
}

const auto all_op = define<&all>({
    .schema = "all(Tensor self, int[1]? dim=None, bool keepdim=False) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "Whether all elements are nonzero.\n\n>>> torch.all(torch.tensor([[True, False], [True, True]]), dim=1)\ntensor([False,  True])",
    .run = [](Out& out, const Tensor& self, Dims dim, bool keepdim) { return run_truth(out, "all", self, dim, keepdim); },
    .grad = no_grad("the result is bool"),
});

const auto any_op = define<&any>({
    .schema = "any(Tensor self, int[1]? dim=None, bool keepdim=False) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "Whether any element is nonzero.\n\n>>> torch.any(torch.tensor([[True, False], [False, False]]), dim=1)\ntensor([ True, False])",
    .run = [](Out& out, const Tensor& self, Dims dim, bool keepdim) { return run_truth(out, "any", self, dim, keepdim); },
    .grad = no_grad("the result is bool"),
});

const auto count_nonzero_op = define<&count_nonzero>({
    .schema = "count_nonzero(Tensor self, int[1]? dim=None) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The number of nonzero elements.\n\n>>> torch.count_nonzero(torch.tensor([0, 3, 4]))\ntensor(2)",
    .run = [](Out& out, const Tensor& self, Dims dim) { return reduction::apply(out, "count_nonzero", "count_nonzero", self, dims_of(self, dim), false, DType::Int64); },
    .grad = no_grad("the result is an integer"),
});

const auto logsumexp_op = define<&logsumexp>({
    .schema = "logsumexp(Tensor self, int[1] dim, bool keepdim=False) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .aliases = "special_logsumexp",
    .doc = "log(sum(exp(self))) over the dimensions `dim`, without overflow.\n\n>>> torch.logsumexp(torch.tensor([[0., 0.]]), 1)\ntensor([0.6931])",
    .run = [](Out& out, const Tensor& self, IntList dim, bool keepdim) {
      Tensor x = elementwise::converted(self, elementwise::floating(self.dtype()));
      Ints dims = dims_of(x, dim);
      if (x.numel() == 0) return log(sum(exp(x), IntList(dims), keepdim));
      if (x.is_complex()) {
        Tensor top = amax(real(x), dims, true);
        top = where(isinf(top), wrapped_number(0), top);
        Tensor y = log(sum(exp(x - top), IntList(dims), keepdim));
        return y + (keepdim ? top : view(top, y.sizes()));
      }
      if (dims.size() == 1 && dims[0] == x.dim() - 1) {
        Tensor rows = contiguous(x), y = out.alloc(reduction::reduced_sizes(x.sizes(), dims, keepdim), x.dtype(), x.device());
        if (x.is_meta()) return y;
        auto loop = cpu::find_kernels<cpu::RowsFn>("logsumexp_rows")[x.dtype()];
        if (!loop) fail_dtype("logsumexp", x.dtype());
        int64_t n = x.size(-1);
        parallel_for(0, y.numel(), std::max<int64_t>(1, 16384 / n), [&](int64_t begin, int64_t end) {
          char* data[] = {reinterpret_cast<char*>(y.bytes()) + begin * y.itemsize(), reinterpret_cast<char*>(rows.bytes()) + begin * n * y.itemsize()};
          loop(data, end - begin, n, nullptr);
        });
        return y;
      }
      Tensor top = amax(x, dims, true);
      top = where(isinf(top), wrapped_number(0), top);
      Tensor y = log(sum(exp(x - top), IntList(dims), keepdim));
      return y + reshape(top, y.sizes());
    },
    .grad = vjp("self out", [](Ctx& c, const Tensor& self, IntList dim, bool keepdim) -> Grads {
      Ints dims = dims_of(self, dim);
      Tensor y = reduction::with_dims(c.out(), dims, keepdim);
      return {reduction::with_dims(c.grad, dims, keepdim) * conj(exp(self - y))};
    }),
});

const auto trace_op = compose<&trace>({
    .schema = "trace(Tensor self) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "The sum of the diagonal of a matrix.\n\n>>> torch.trace(torch.tensor([[1., 2.], [3., 4.]]))\ntensor(5.)",
    .body = [](const Tensor& self) {
      KG_CHECK(self.dim() == 2, "trace: expected a matrix, but got tensor with dim ", self.dim());
      if (self.dtype() == DType::Bool) fail_dtype("trace", self.dtype());
      return sum(diagonal(self));
    },
});

}  // namespace

Tensor sum(const Tensor& self, Dims dim, bool keepdim, MaybeDType dtype) { return sum_op(self, dim, keepdim, dtype); }
Tensor nansum(const Tensor& self, Dims dim, bool keepdim, MaybeDType dtype) { return nansum_op(self, dim, keepdim, dtype); }
Tensor mean(const Tensor& self, Dims dim, bool keepdim, MaybeDType dtype) { return mean_op(self, dim, keepdim, dtype); }
Tensor nanmean(const Tensor& self, Dims dim, bool keepdim, MaybeDType dtype) { return nanmean_op(self, dim, keepdim, dtype); }
Tensor prod(const Tensor& self, std::optional<int64_t> dim, bool keepdim, MaybeDType dtype) { return prod_op(self, dim, keepdim, dtype); }
Tensor all(const Tensor& self, Dims dim, bool keepdim) { return all_op(self, dim, keepdim); }
Tensor any(const Tensor& self, Dims dim, bool keepdim) { return any_op(self, dim, keepdim); }
Tensor count_nonzero(const Tensor& self, Dims dim) { return count_nonzero_op(self, dim); }
Tensor logsumexp(const Tensor& self, IntList dim, bool keepdim) { return logsumexp_op(self, dim, keepdim); }
Tensor trace(const Tensor& self) { return trace_op(self); }

}  // namespace kagari
