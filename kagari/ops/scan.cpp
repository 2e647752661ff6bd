#include "kagari/ops/scan.h"

#include "kagari/base/parallel.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/extremum.h"
#include "kagari/ops/number.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/reduction.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

using MaybeDType = std::optional<DType>;

Tensor run_scan(Out& out, std::string_view kernel, const Tensor& self, int64_t dim, MaybeDType dtype) {
  dim = wrap_dim(dim, self.dim());
  DType d = dtype.value_or(is_integral(self.dtype()) ? DType::Int64 : self.dtype());
  Tensor y = out.alloc(self.sizes(), d, self.device());
  scan_lines(kernel, kernel, y, {}, contiguous(elementwise::converted(self, d)), dim);
  return y;
}

/// Sums of each element and all behind it.
Tensor reverse_cumsum(const Tensor& x, int64_t dim) { return flip(cumsum(flip(x, Ints{dim}), dim), Ints{dim}); }

const auto cumsum_op = define<&cumsum>({
    .schema = "cumsum(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor",
    .in = kFunction | kMethod | kInplace | kOut,
    .doc = "Running sums along a dimension. Integers and bool give int64.\n\n>>> torch.cumsum(torch.tensor([1, 2, 3]), 0)\ntensor([1, 3, 6])",
    .run = [](Out& out, const Tensor& self, int64_t dim, MaybeDType dtype) { return run_scan(out, "cumsum", self, dim, dtype); },
    .grad = vjp("", [](Ctx& c, const Tensor&, int64_t dim, MaybeDType) -> Grads {
      if (c.grad.dim() == 0) return {c.grad};
      return {reverse_cumsum(c.grad, wrap_dim(dim, c.grad.dim()))};
    }),
});

/// Where x has zeros: for each i, the products without x[i].
Tensor cumprod_gradient_with_zeros(const Tensor& grad, const Tensor& x, int64_t dim) {
  std::vector<Tensor> parts;
  Tensor one = ones_like(narrow(x, dim, 0, 1));
  for (int64_t i = 0, n = x.size(dim); i < n; ++i) {
    Tensor before = i == 0 ? one : prod(narrow(x, dim, 0, i), dim, true);
    const Tensor chain[] = {before, narrow(x, dim, i + 1, n - i - 1)};
    parts.push_back(sum(narrow(grad, dim, i, n - i) * conj(cumprod(cat(TensorList(chain, 2), dim), dim)), IntList(Ints{dim}), true));
  }
  return cat(TensorList(parts.data(), parts.size()), dim);
}

const auto cumprod_op = define<&cumprod>({
    .schema = "cumprod(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor",
    .in = kFunction | kMethod | kInplace | kOut,
    .doc = "Running products along a dimension. Integers and bool give int64.\n\n>>> torch.cumprod(torch.tensor([1, 2, 3]), 0)\ntensor([1, 2, 6])",
    .run = [](Out& out, const Tensor& self, int64_t dim, MaybeDType dtype) { return run_scan(out, "cumprod", self, dim, dtype); },
    .grad = vjp("self out", [](Ctx& c, const Tensor& self, int64_t dim, MaybeDType dtype) -> Grads {
      if (self.dim() == 0 || self.numel() == 0) return {c.grad};
      dim = wrap_dim(dim, self.dim());
      Tensor x = dtype && *dtype != self.dtype() ? to(self, *dtype) : self;
      if (!x.is_meta() && any(all_values(eq(x, wrapped_number(0)))).item<bool>()) return {cumprod_gradient_with_zeros(c.grad, x, dim)};
      return {reverse_cumsum(c.grad * conj(c.out()), dim) / conj(x)};
    }),
});

/// The element with the larger real part keeps its imaginary part, so that the argument does not jump.
Tensor scan_complex(Out& out, const Tensor& self, int64_t dim) {
  Tensor y = out.alloc(self.sizes(), self.dtype(), self.device());
  if (self.is_meta() || self.numel() == 0) return y;
  Tensor x = contiguous(self);
  int64_t n = x.dim() == 0 ? 1 : x.sizes()[dim], inner = 1;
  for (int64_t d = dim + 1; d < x.dim(); ++d) inner *= x.sizes()[d];
  visit_floats_and_complex("logcumsumexp", x.dtype(), [&]<class T>(T) {
    if constexpr (!std::is_floating_point_v<T>) {
      using C = std::complex<double>;
      const T* from = x.data<T>();
      T* to = y.data<T>();
      for (int64_t line = 0; line < x.numel() / n; ++line) {
        int64_t at = line / inner * n * inner + line % inner;
        C total(from[at]);
        to[at] = T(total);
        for (int64_t i = 1; i < n; ++i) {
          at += inner;
          C next(from[at]), high = next.real() > total.real() ? next : total, low = next.real() > total.real() ? total : next;
          total = std::isinf(high.real()) && high.real() < 0 ? high : high + std::log(1.0 + std::exp(low - high));
          to[at] = T(total);
        }
      }
    }
  });
  return y;
}

const auto logcumsumexp_op = define<&logcumsumexp>({
    .schema = "logcumsumexp(Tensor self, int dim) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "Running log(sum(exp(self))) along a dimension, without overflow.\n\n>>> torch.logcumsumexp(torch.tensor([0., 0.]), 0)\ntensor([0.0000, 0.6931])",
    .run = [](Out& out, const Tensor& self, int64_t dim) {
      if (!is_differentiable(self.dtype())) fail_dtype("logcumsumexp", self.dtype());
      if (!self.is_complex()) return run_scan(out, "logcumsumexp", self, dim, {});
      return scan_complex(out, self, wrap_dim(dim, self.dim()));
    },
    .grad = vjp("self out", [](Ctx& c, const Tensor& self, int64_t dim) -> Grads {
      if (self.dim() == 0 || self.numel() == 0) return {c.grad};
      dim = wrap_dim(dim, self.dim());
      Tensor y = c.out(), minus_infinity = wrapped_number(-std::numeric_limits<double>::infinity());
      // sum over j >= i of grad[j] exp(x[i] - y[j])
      bool special = detail::any_special(self, c.grad);
      if (self.is_complex() && !grad_enabled() && !special) {
        Tensor logs = flip(logcumsumexp(flip(log(c.grad) - conj(y), Ints{dim}), dim), Ints{dim});
        return {exp(logs + conj(self))};
      }
      if (grad_enabled() || special) {
        Tensor top = amax(real(detach(self)), Ints{dim}, true);
        top = where(isinf(top), wrapped_number(0), top);
        return {conj(exp(self - top)) * reverse_cumsum(c.grad * conj(exp(top - y)), dim)};
      }
      // in logarithms, so that nothing overflows; positive and negative parts apart
      auto part = [&](const Tensor& g) {
        Tensor logs = where(g > 0, log(g) - y, minus_infinity);
        return exp(flip(logcumsumexp(flip(logs, Ints{dim}), dim), Ints{dim}) + self);
      };
      return {part(c.grad) - part(-c.grad)};
    }),
});

const auto diff_op = compose<&diff>({
    .schema = "diff(Tensor self, int n=1, int dim=-1, Tensor? prepend=None, Tensor? append=None) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The n-th differences of neighbours along a dimension.\n\n>>> torch.diff(torch.tensor([1, 3, 6]))\ntensor([2, 3])",
    .body = [](const Tensor& self, int64_t n, int64_t dim, const Tensor& prepend, const Tensor& append) {
      KG_CHECK(self.dim() > 0, "diff expects input to be at least one-dimensional");
      KG_CHECK(n >= 0, "order must be non-negative but got ", n);
      dim = wrap_dim(dim, self.dim());
      for (const Tensor* t : {&prepend, &append})
        if (t->defined()) {
          KG_CHECK(t->dim() == self.dim(), "diff expects prepend or append to be the same dimension as input");
        }
      Tensor x = self;
      if (n == 0) return clone(x);
      if (prepend.defined() || append.defined()) {
        std::vector<Tensor> parts;
        for (const Tensor* t : {&prepend, &self, &append})
          if (t->defined()) parts.push_back(*t);
        x = cat(TensorList(parts.data(), parts.size()), dim);
      }
      for (int64_t i = 0; i < n && x.size(dim) > 0; ++i) {
        int64_t size = x.size(dim);
        Tensor high = narrow(x, dim, 1, size - 1), low = narrow(x, dim, 0, size - 1);
        x = x.dtype() == DType::Bool ? ne(high, low) : high - low;
      }
      return x;
    },
});

/// The means of neighbours along a dimension, times two.
Tensor neighbour_sums(const Tensor& y, int64_t dim) {
  int64_t n = y.size(dim);
  return slice(y, dim, 1, n) + slice(y, dim, 0, std::max<int64_t>(n - 1, 0));
}
/// The widths between points, with the dimension at its place in y.
Tensor widths(const Tensor& y, const Tensor& x, int64_t dim) {
  if (x.dim() != 1) {
    Tensor full = x;
    while (full.dim() < y.dim()) full = unsqueeze(full, 0);
    return slice(full, dim, 1) - slice(full, dim, 0, full.size(dim) - 1);
  }
  KG_CHECK(x.size(0) == y.size(dim), "trapezoid: There must be one `x` value for each sample point");
  Ints sizes(size_t(y.dim()), 1);
  sizes[dim] = x.size(0) - 1;
  return reshape(slice(x, 0, 1) - slice(x, 0, 0, x.size(0) - 1), sizes);
}
void check_points(std::string_view name, const Tensor& y, const Tensor& x) {
  KG_CHECK(y.dtype() != DType::Bool && x.dtype() != DType::Bool, name, ": received a bool input for `x` or `y`, but bool is not supported");
}
Tensor sum_dim(const Tensor& t, int64_t dim) { return sum(t, IntList(Ints{dim})); }

const auto trapezoid_x_op = compose<&trapezoid_x>({
    .schema = "trapezoid.x(Tensor y, Tensor x, *, int dim=-1) -> Tensor",
    .aliases = "trapz",
    .doc = "The integral of y over the points x by the trapezoidal rule.\n\n"
           ">>> torch.trapezoid(torch.tensor([1., 5., 10.]), torch.tensor([0., 1., 3.]))\ntensor(18.)",
    .body = [](const Tensor& y, const Tensor& x, int64_t dim) {
      dim = wrap_dim(dim, y.dim());
      check_points("trapezoid", y, x);
      if (y.size(dim) == 0) return sum_dim(y, dim) * 0;
      return sum_dim(neighbour_sums(y, dim) * widths(y, x, dim), dim) / 2.0;
    },
});
const auto trapezoid_op = compose<&trapezoid>({
    .schema = "trapezoid.dx(Tensor y, *, Scalar dx=1, int dim=-1) -> Tensor",
    .aliases = "trapz",
    .doc = "The integral of y over points `dx` apart by the trapezoidal rule.\n\n>>> torch.trapezoid(torch.tensor([1., 5., 10.]))\ntensor(10.5000)",
    .body = [](const Tensor& y, const Scalar& dx, int64_t dim) {
      dim = wrap_dim(dim, y.dim());
      KG_CHECK(y.dtype() != DType::Bool, "trapezoid: received a bool input for `y`, but bool is not supported");
      if (y.size(dim) == 0) return sum_dim(y, dim) * 0;
      return sum_dim(neighbour_sums(y, dim), dim) * dx / 2.0;
    },
});
const auto cumulative_trapezoid_x_op = compose<&cumulative_trapezoid_x>({
    .schema = "cumulative_trapezoid.x(Tensor y, Tensor x, *, int dim=-1) -> Tensor",
    .doc = "The running integral of y over the points x by the trapezoidal rule.\n\n"
           ">>> torch.cumulative_trapezoid(torch.tensor([1., 5., 10.]), torch.tensor([0., 1., 3.]))\ntensor([ 3., 18.])",
    .body = [](const Tensor& y, const Tensor& x, int64_t dim) {
      dim = wrap_dim(dim, y.dim());
      check_points("cumulative_trapezoid", y, x);
      return cumsum(neighbour_sums(y, dim) * widths(y, x, dim), dim) / 2.0;
    },
});
const auto cumulative_trapezoid_op = compose<&cumulative_trapezoid>({
    .schema = "cumulative_trapezoid.dx(Tensor y, *, Scalar dx=1, int dim=-1) -> Tensor",
    .doc = "The running integral of y over points `dx` apart by the trapezoidal rule.\n\n"
           ">>> torch.cumulative_trapezoid(torch.tensor([1., 5., 10.]))\ntensor([ 3.0000, 10.5000])",
    .body = [](const Tensor& y, const Scalar& dx, int64_t dim) {
      dim = wrap_dim(dim, y.dim());
      KG_CHECK(y.dtype() != DType::Bool, "cumulative_trapezoid: received a bool input for `y`, but bool is not supported");
      return cumsum(neighbour_sums(y, dim), dim) * dx / 2.0;
    },
});

}  // namespace

void scan_lines(std::string_view kernel, std::string_view name, const Tensor& y, const Tensor& indices, const Tensor& x, int64_t dim) {
  auto loop = cpu::find_kernels<cpu::RowsFn>(kernel)[x.dtype()];
  if (!loop) [[unlikely]] fail_dtype(name, x.dtype());
  if (x.numel() == 0 || x.is_meta()) return;
  int64_t n = x.dim() == 0 ? 1 : x.sizes()[dim], inner = 1;
  for (int64_t d = dim + 1; d < x.dim(); ++d) inner *= x.sizes()[d];
  int64_t block = n * inner;
  parallel_for(0, x.numel() / block, std::max<int64_t>(1, 32768 / block), [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      char* data[3];
      size_t k = 0;
      for (const Tensor* t : {&y, &indices, &x})
        if (t->defined()) data[k++] = reinterpret_cast<char*>(t->bytes()) + o * block * t->itemsize();
      loop(data, n, inner, nullptr);
    }
  });
}

Tensor cumsum(const Tensor& self, int64_t dim, MaybeDType dtype) { return cumsum_op(self, dim, dtype); }
Tensor cumprod(const Tensor& self, int64_t dim, MaybeDType dtype) { return cumprod_op(self, dim, dtype); }
Tensor logcumsumexp(const Tensor& self, int64_t dim) { return logcumsumexp_op(self, dim); }
Tensor diff(const Tensor& self, int64_t n, int64_t dim, const Tensor& prepend, const Tensor& append) { return diff_op(self, n, dim, prepend, append); }
Tensor trapezoid_x(const Tensor& y, const Tensor& x, int64_t dim) { return trapezoid_x_op(y, x, dim); }
Tensor trapezoid(const Tensor& y, const Scalar& dx, int64_t dim) { return trapezoid_op(y, dx, dim); }
Tensor cumulative_trapezoid_x(const Tensor& y, const Tensor& x, int64_t dim) { return cumulative_trapezoid_x_op(y, x, dim); }
Tensor cumulative_trapezoid(const Tensor& y, const Scalar& dx, int64_t dim) { return cumulative_trapezoid_op(y, dx, dim); }

}  // namespace kagari
