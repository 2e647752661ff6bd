#include "kagari/ops/norms.h"

#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/linalg_spectral.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/power.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/reduction.h"

namespace kagari {
namespace {

using Dims = std::optional<IntList>;
using MaybeDType = std::optional<DType>;
constexpr double infinity = std::numeric_limits<double>::infinity();

Tensor run_norm(Out& out, const Tensor& self, const Scalar& ord, Dims dim, bool keepdim, MaybeDType dtype) {
  if (is_integer(self.dtype())) return run_norm(out, elementwise::converted(self, default_dtype()), ord, dim, keepdim, dtype);
  KG_CHECK(is_differentiable(self.dtype()), "linalg.vector_norm: Expected a floating point or complex tensor as input. Got ", legacy_name(self.dtype()));
  KG_CHECK(!dtype || is_differentiable(*dtype), "linalg.vector_norm: dtype should be floating point or complex, but got ", legacy_name(dtype.value_or(DType::Bool)));
  Ints dims = reduction::dims_of(self, dim);
  Tensor x = dtype ? elementwise::converted(self, *dtype) : self;
  DType result = to_real(x.dtype());
  double p = ord.to_double();
  if (p < 0 || p == infinity)
    for (int64_t d : dims)
      KG_CHECK(self.sizes()[d] != 0, "linalg.vector_norm cannot compute the ", ord.to_double(), " norm on the dimension ", d,
               " because this dimension is empty and the operation does not have an identity");
  if (p == 0) return elementwise::converted(sum(ne(x, wrapped_number(0)), IntList(dims), keepdim), result);
  cpu::LoopParams params;
  params.set(0, p);
  const char* kernel = p == 2 ? "norm2" : p == 1 ? "norm1" : p == infinity ? "norm_inf" : p == -infinity ? "norm_neg_inf" : "norm_p";
  // slot 0 of the plain sums would be read as a divisor
  return reduction::apply(out, kernel, "linalg_vector_norm", x, dims, keepdim, result, std::isinf(p) || p == 1 || p == 2 ? nullptr : &params);
}

Tensor norm_gradient(const Tensor& grad, const Tensor& self, const Tensor& norm, double p, const Ints& dims) {
  Tensor zero = wrapped_number(0);
  if (p == 0) return zeros_like(self);
  if (p == 1) return grad * sgn(self);
  Tensor at_zero = eq(norm, zero);
  if (p == 2) return where(at_zero, zero, self * (grad / norm));
  // the norm 0 is never divided by, not even where the quotient is not taken: its own derivative would be NaN
  Tensor divisor = where(at_zero, wrapped_number(1), norm);
  Tensor size = abs(self);
  if (std::isinf(p)) {
    Tensor chosen = eq(size, norm);
    return sgn(self) * where(chosen, grad / sum(chosen, IntList(dims), true), zero);
  }
  if (p < 1) return where(eq(self, zero), zero, sgn(self) * pow(size, wrapped_number(p - 1)) * (grad * pow(norm, wrapped_number(1 - p))));
  Tensor scale = grad / pow(divisor, wrapped_number(p - 1));
  Tensor slope = p < 2 ? where(eq(self, zero), zero, sgn(self) * pow(size, wrapped_number(p - 1))) : self * pow(size, wrapped_number(p - 2));
  return where(at_zero, zero, slope * scale);
}

const auto vector_norm_op = define<&vector_norm>({
    .schema = "linalg_vector_norm(Tensor self, Scalar ord=2, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    .in = kFunction | kOut,
    .doc = "The norm of vectors: (sum |x|^ord)^(1/ord) over the dimensions `dim`.\n\n>>> torch.linalg.vector_norm(torch.tensor([3., 4.]))\ntensor(5.)",
    .run = run_norm,
    .grad = vjp("self out", [](Ctx& c, const Tensor& self, const Scalar& ord, Dims dim, bool keepdim, MaybeDType dtype) -> Grads {
      Ints dims = reduction::dims_of(self, dim);
      Tensor x = dtype && *dtype != self.dtype() ? to(self, *dtype) : self;
      return {norm_gradient(reduction::with_dims(c.grad, dims, keepdim), x, reduction::with_dims(c.out(), dims, keepdim), ord.to_double(), dims)};
    }),
});

const auto norm_op = compose<&norm>({
    .schema = "norm(Tensor self, Scalar? p=None, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The p-norm of vectors, by default the Euclidean one.\n\n>>> torch.norm(torch.tensor([3., 4.]))\ntensor(5.)",
    .body = [](const Tensor& self, const std::optional<Scalar>& p, Dims dim, bool keepdim, MaybeDType dtype) {
      return vector_norm(self, p ? *p : Scalar(2), dim, keepdim, dtype);
    },
});

Tensor norm_named(const Tensor& self, std::string_view p, Dims dim, bool keepdim, MaybeDType dtype) {
  if (p == "nuc") {
    KG_CHECK(dim ? dim->size() == 2 : self.dim() == 2, "norm(): the order 'nuc' needs a matrix or two dimensions, but got shape ", self.sizes());
    int64_t both[] = {0, 1};
    return matrix_norm_named(self, p, dim ? *dim : IntList(both, 2), keepdim, dtype);
  }
  KG_CHECK(p == "fro" || p == "inf" || p == "-inf", "norm(): the order must be a number, 'fro', 'nuc' or 'inf', but got '", p, "'");
  return vector_norm(self, p == "fro" ? Scalar(2) : p == "inf" ? Scalar(infinity) : Scalar(-infinity), dim, keepdim, dtype);
}
const auto norm_named_op = compose<&norm_named>({
    .schema = "norm.name(Tensor self, str p, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The norm named 'fro' (Euclidean), 'nuc' (the sum of a matrix's singular values) or 'inf'.\n\n>>> torch.norm(torch.tensor([3., 4.]), 'fro')\ntensor(5.)",
    .body = norm_named,
});

const auto dist_op = compose<&dist>({
    .schema = "dist(Tensor self, Tensor other, Scalar p=2) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "The p-norm of self - other.\n\n>>> torch.dist(torch.tensor([3., 4.]), torch.tensor([0., 0.]))\ntensor(5.)",
    .body = [](const Tensor& self, const Tensor& other, const Scalar& p) { return vector_norm(self - other, p); },
});

const auto renorm_op = compose<&renorm>({
    .schema = "renorm(Tensor self, Scalar p, int dim, Scalar maxnorm) -> Tensor",
    .in = kFunction | kMethod | kInplace | kOut,
    .doc = "Every slice along `dim` scaled down to a p-norm of `maxnorm` at most.\n\n>>> torch.renorm(torch.tensor([[3., 4.]]), 2, 0, 1)\ntensor([[0.6000, 0.8000]])",
    .body = [](const Tensor& self, const Scalar& p, int64_t dim, const Scalar& maxnorm) {
      KG_CHECK(!p.is_complex() && p.to_double() > 0, "renorm: non-positive-norm not supported");
      KG_CHECK(maxnorm.to_double() >= 0, "renorm: expected maxnorm to be >= 0 but got ", maxnorm.to_double());
      KG_CHECK(self.dim() > 1, "renorm: input needs at least 2 dimensions, got ", self.dim(), " dimensions");
      dim = wrap_dim(dim, self.dim());
      Ints others;
      for (int64_t d = 0; d < self.dim(); ++d)
        if (d != dim) others.push_back(d);
      Tensor size = vector_norm(self, p, IntList(others), true);
      return self * where(size > maxnorm, maxnorm / (size + 1e-7), wrapped_number(1));
    },
});

}  // namespace

Tensor vector_norm(const Tensor& self, const Scalar& ord, Dims dim, bool keepdim, MaybeDType dtype) { return vector_norm_op(self, ord, dim, keepdim, dtype); }
Tensor norm(const Tensor& self, const std::optional<Scalar>& p, Dims dim, bool keepdim, MaybeDType dtype) { return norm_op(self, p, dim, keepdim, dtype); }
Tensor dist(const Tensor& self, const Tensor& other, const Scalar& p) { return dist_op(self, other, p); }
Tensor renorm(const Tensor& self, const Scalar& p, int64_t dim, const Scalar& maxnorm) { return renorm_op(self, p, dim, maxnorm); }

}  // namespace kagari
