#include "kagari/ops/variance.h"

#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/reduction.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

using Two = std::tuple<Tensor, Tensor>;
using Correction = const std::optional<Scalar>&;

double correction_of(Correction c) { return c ? c->to_double() : 1.0; }

/// Variances (or their roots) and means.
Two run_moments(Out& out, const Tensor& self, MaybeDims dim, Correction correction, bool keepdim, bool root) {
  if (is_integer(self.dtype())) return run_moments(out, elementwise::converted(self, default_dtype()), dim, correction, keepdim, root);
  KG_CHECK(is_differentiable(self.dtype()), "std and var only support floating point and complex dtypes");
  Ints dims = reduction::dims_of(self, dim);
  Ints sizes = reduction::reduced_sizes(self.sizes(), dims, keepdim);
  if (self.is_complex()) {  // the variances of the two parts add up
    Out parts;
    Two re = run_moments(parts, real(self), dim, correction, keepdim, false), im = run_moments(parts, imag(self), dim, correction, keepdim, false);
    Tensor v = std::get<0>(re) + std::get<0>(im);
    return {root ? sqrt(v) : v, mean(self, dim, keepdim)};
  }
  reduction::Block b = reduction::block_of(self, dims, keepdim);
  Tensor first = b.result(out, self.dtype(), 0), second = b.result(out, self.dtype(), 1);
  if (self.is_meta() || first.numel() == 0) return {first, second};
  auto kernel_of = cpu::find_kernels<cpu::ReduceKernelOf>("moments")[self.dtype()];
  if (!kernel_of) [[unlikely]] fail_dtype("var", self.dtype());
  std::vector<cpu::Moments> moments(size_t(first.numel()));
  cpu::run_reduce(kernel_of(), reinterpret_cast<char*>(moments.data()), reinterpret_cast<const char*>(b.input.bytes()), b.slab, nullptr);
  double divisor = std::max(0.0, double(reduction::reduced_count(self.sizes(), dims)) - correction_of(correction));
  visit_floats_and_halfs("var", self.dtype(), [&]<class T>(T) {
    T* v = first.data<T>();
    T* m = second.data<T>();
    auto narrowed = [](double x) {
      if constexpr (std::is_same_v<T, double>) return x;
      else return T(float(x));
    };
    for (size_t i = 0; i < moments.size(); ++i) {
      double variance = moments[i].m2 / divisor;
      v[i] = narrowed(root ? std::sqrt(variance) : variance);
      m[i] = narrowed(moments[i].mean);
    }
  });
  return {first, second};
}

/// d var / d x = 2 (x - mean) / (n - correction).
Tensor variance_gradient(const Tensor& grad, const Tensor& self, MaybeDims dim, Correction correction, bool keepdim) {
  Ints dims = reduction::dims_of(self, dim);
  double divisor = std::max(0.0, double(reduction::reduced_count(self.sizes(), dims)) - correction_of(correction));
  return reduction::with_dims(grad, dims, keepdim) * (2 / divisor) * (self - mean(self, IntList(dims), true));
}
/// The gradient of a root from that of the square: 0 where the root is 0.
Tensor through_root(const Tensor& grad, const Tensor& root) { return where(eq(root, wrapped_number(0)), wrapped_number(0), grad / (root * 2)); }
Tensor mean_gradient(const Tensor& grad, const Tensor& self, MaybeDims dim, bool keepdim) {
  Ints dims = reduction::dims_of(self, dim);
  return expand(reduction::with_dims(grad / double(std::max<int64_t>(1, reduction::reduced_count(self.sizes(), dims))), dims, keepdim), self.sizes());
}

const auto var_op = define<&var>({
    .schema = "var.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The variance; the divisor is n - correction, by default n - 1.\n\n>>> torch.var(torch.tensor([1., 3.]))\ntensor(2.)",
    .run = [](Out& out, const Tensor& self, MaybeDims dim, Correction correction, bool keepdim) { return std::get<0>(run_moments(out, self, dim, correction, keepdim, false)); },
    .grad = vjp("self", [](Ctx& c, const Tensor& self, MaybeDims dim, Correction correction, bool keepdim) -> Grads {
      return {variance_gradient(c.grad, self, dim, correction, keepdim)};
    }),
});

const auto standard_deviation_op = define<&standard_deviation>({
    .schema = "std.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The standard deviation; the divisor is n - correction, by default n - 1.\n\n>>> torch.std(torch.tensor([1., 3.]))\ntensor(1.4142)",
    .run = [](Out& out, const Tensor& self, MaybeDims dim, Correction correction, bool keepdim) { return std::get<0>(run_moments(out, self, dim, correction, keepdim, true)); },
    .grad = vjp("self out", [](Ctx& c, const Tensor& self, MaybeDims dim, Correction correction, bool keepdim) -> Grads {
      return {variance_gradient(through_root(c.grad, c.out()), self, dim, correction, keepdim)};
    }),
});

const auto var_mean_op = define<&var_mean>({
    .schema = "var_mean.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> (Tensor, Tensor)",
    .in = kFunction,
    .doc = "The variance and the mean; the divisor is n - correction, by default n - 1.\n\n>>> torch.var_mean(torch.tensor([1., 3.]))\n(tensor(2.), tensor(2.))",
    .run = [](Out& out, const Tensor& self, MaybeDims dim, Correction correction, bool keepdim) { return run_moments(out, self, dim, correction, keepdim, false); },
    .grad = vjp("self", [](Ctx& c, const Tensor& self, MaybeDims dim, Correction correction, bool keepdim) -> Grads {
      return {variance_gradient(c.grad_or_zeros(0), self, dim, correction, keepdim) + mean_gradient(c.grad_or_zeros(1), self, dim, keepdim)};
    }),
});

const auto std_mean_op = define<&std_mean>({
    .schema = "std_mean.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> (Tensor, Tensor)",
    .in = kFunction,
    .doc = "The standard deviation and the mean; the divisor is n - correction, by default n - 1.\n\n>>> torch.std_mean(torch.tensor([1., 3.]))\n(tensor(1.4142), tensor(2.))",
    .run = [](Out& out, const Tensor& self, MaybeDims dim, Correction correction, bool keepdim) { return run_moments(out, self, dim, correction, keepdim, true); },
    .grad = vjp("self out", [](Ctx& c, const Tensor& self, MaybeDims dim, Correction correction, bool keepdim) -> Grads {
      return {variance_gradient(through_root(c.grad_or_zeros(0), c.out(0)), self, dim, correction, keepdim) + mean_gradient(c.grad_or_zeros(1), self, dim, keepdim)};
    }),
});

/// The older spellings: `unbiased` instead of the correction.
std::optional<Scalar> corrected(bool unbiased) { return Scalar(unbiased ? 1 : 0); }

Tensor var_unbiased(const Tensor& self, bool unbiased) { return var(self, {}, corrected(unbiased)); }
const auto var_unbiased_op = compose<&var_unbiased>({
    .schema = "var.unbiased(Tensor self, bool unbiased) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The variance, divided by n - 1 or, if not unbiased, by n.",
    .body = var_unbiased,
});
Tensor var_dim(const Tensor& self, MaybeDims dim, bool unbiased, bool keepdim) { return var(self, dim, corrected(unbiased), keepdim); }
const auto var_dim_op = compose<&var_dim>({
    .schema = "var.dim(Tensor self, int[1]? dim, bool unbiased, bool keepdim=False) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The variance over dimensions, divided by n - 1 or, if not unbiased, by n.",
    .body = var_dim,
});

Tensor standard_deviation_unbiased(const Tensor& self, bool unbiased) { return standard_deviation(self, {}, corrected(unbiased)); }
const auto standard_deviation_unbiased_op = compose<&standard_deviation_unbiased>({
    .schema = "std.unbiased(Tensor self, bool unbiased) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The standard deviation, divided by n - 1 or, if not unbiased, by n.",
    .body = standard_deviation_unbiased,
});
Tensor standard_deviation_dim(const Tensor& self, MaybeDims dim, bool unbiased, bool keepdim) { return standard_deviation(self, dim, corrected(unbiased), keepdim); }
const auto standard_deviation_dim_op = compose<&standard_deviation_dim>({
    .schema = "std.dim(Tensor self, int[1]? dim, bool unbiased, bool keepdim=False) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The standard deviation over dimensions, divided by n - 1 or, if not unbiased, by n.",
    .body = standard_deviation_dim,
});

Two var_mean_unbiased(const Tensor& self, bool unbiased) { return var_mean(self, {}, corrected(unbiased)); }
const auto var_mean_unbiased_op = compose<&var_mean_unbiased>({
    .schema = "var_mean.unbiased(Tensor self, bool unbiased) -> (Tensor, Tensor)",
    .in = kFunction,
    .doc = "The variance and the mean, divided by n - 1 or, if not unbiased, by n.",
    .body = var_mean_unbiased,
});
Two var_mean_dim(const Tensor& self, MaybeDims dim, bool unbiased, bool keepdim) { return var_mean(self, dim, corrected(unbiased), keepdim); }
const auto var_mean_dim_op = compose<&var_mean_dim>({
    .schema = "var_mean.dim(Tensor self, int[1]? dim, bool unbiased, bool keepdim=False) -> (Tensor, Tensor)",
    .in = kFunction,
    .doc = "The variance and the mean over dimensions, divided by n - 1 or, if not unbiased, by n.",
    .body = var_mean_dim,
});

Two std_mean_unbiased(const Tensor& self, bool unbiased) { return std_mean(self, {}, corrected(unbiased)); }
const auto std_mean_unbiased_op = compose<&std_mean_unbiased>({
    .schema = "std_mean.unbiased(Tensor self, bool unbiased) -> (Tensor, Tensor)",
    .in = kFunction,
    .doc = "The standard deviation and the mean, divided by n - 1 or, if not unbiased, by n.",
    .body = std_mean_unbiased,
});
Two std_mean_dim(const Tensor& self, MaybeDims dim, bool unbiased, bool keepdim) { return std_mean(self, dim, corrected(unbiased), keepdim); }
const auto std_mean_dim_op = compose<&std_mean_dim>({
    .schema = "std_mean.dim(Tensor self, int[1]? dim, bool unbiased, bool keepdim=False) -> (Tensor, Tensor)",
    .in = kFunction,
    .doc = "The standard deviation and the mean over dimensions, divided by n - 1 or, if not unbiased, by n.",
    .body = std_mean_dim,
});

}  // namespace

Tensor var(const Tensor& self, MaybeDims dim, Correction correction, bool keepdim) { return var_op(self, dim, correction, keepdim); }
Tensor standard_deviation(const Tensor& self, MaybeDims dim, Correction correction, bool keepdim) { return standard_deviation_op(self, dim, correction, keepdim); }
Two var_mean(const Tensor& self, MaybeDims dim, Correction correction, bool keepdim) { return var_mean_op(self, dim, correction, keepdim); }
Two std_mean(const Tensor& self, MaybeDims dim, Correction correction, bool keepdim) { return std_mean_op(self, dim, correction, keepdim); }

}  // namespace kagari
