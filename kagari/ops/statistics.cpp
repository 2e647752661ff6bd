#include "kagari/ops/statistics.h"

#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/bounds.h"
#include "kagari/ops/combination.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/logic.h"
#include "kagari/ops/matmul.h"
#include "kagari/ops/number.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/sort.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

using MaybeDim = std::optional<int64_t>;

void check_quantile(std::string_view name, const Tensor& self, const Tensor& q, std::string_view interpolation) {
  KG_CHECK(self.numel() > 0, name, "() input tensor must be non-empty");
  KG_CHECK(self.dtype() == DType::Float32 || self.dtype() == DType::Float64, name, "() input tensor must be either float or double dtype");
  KG_CHECK(q.dim() <= 1, name, "() q must be a scalar or 1D tensor");
  KG_CHECK(q.dtype() == self.dtype(), name, "() q tensor must be same dtype as the input tensor");
  KG_CHECK(interpolation == "linear" || interpolation == "lower" || interpolation == "higher" || interpolation == "midpoint" || interpolation == "nearest", name,
           "() interpolation must be one of linear, lower, higher, midpoint or nearest, but got ", interpolation);
  KG_CHECK(all(all_values(logical_and(q >= 0, q <= 1))).item<bool>(), name, "() q values must be in the range [0, 1]");
}

Tensor quantile_body(std::string_view name, const Tensor& self, const Tensor& q, MaybeDim dim, bool keepdim, std::string_view interpolation, bool ignore_nan) {
  check_quantile(name, self, q, interpolation);
  int64_t d = dim ? wrap_dim(*dim, self.dim()) : 0;
  Tensor rows = !dim ? reshape(self, Ints{-1}) : self.dim() == 0 ? reshape(self, Ints{1}) : movedim(self, Ints{d}, Ints{-1});
  Tensor sorted = std::get<0>(sort(rows, -1));
  int64_t n = sorted.size(-1);
  Tensor position, nan = isnan(sorted);
  if (ignore_nan) {
    Tensor numbers = sum(logical_not(nan), IntList(Ints{-1}), true);
    position = q * clamp_min(numbers - 1, 0);
  } else {
    position = where(any(nan, IntList(Ints{-1}), true), wrapped_number(double(n - 1)), q * double(n - 1));
  }
  position = to(position, self.dtype());
  if (interpolation == "lower") position = floor(position);
  else if (interpolation == "higher") position = ceil(position);
  else if (interpolation == "nearest") position = round(position);
  Ints shape(sorted.sizes().begin(), sorted.sizes().end());
  shape.back() = std::max<int64_t>(1, q.numel());
  if (q.dim() == 1) shape.back() = q.numel();
  position = expand(position, shape);
  Tensor below = floor(position);
  Tensor low = gather(sorted, -1, to(below, DType::Int64)), y = low;
  if (interpolation == "linear" || interpolation == "midpoint") {
    Tensor high = gather(sorted, -1, to(ceil(position), DType::Int64));
    y = interpolation == "linear" ? lerp(low, high, position - below) : lerp_scalar(low, high, 0.5);
  }
  if (keepdim) {  // [kept..., k] -> [k, all dimensions]
    Ints full(self.sizes().begin(), self.sizes().end());
    if (!dim)
      for (int64_t& s : full) s = 1;
    else if (self.dim() > 0) full[d] = 1;
    Tensor moved = movedim(y, Ints{-1}, Ints{0});
    Ints sizes{shape.back()};
    for (int64_t size : full) sizes.push_back(size);
    y = reshape(moved, sizes);
  } else {
    y = movedim(y, Ints{-1}, Ints{0});
  }
  return q.dim() == 0 ? squeeze_dim(y, 0) : y;
}

Tensor as_q(const Tensor& self, double q, std::string_view name) {
  KG_CHECK(q >= 0 && q <= 1, name, "() q must be in the range [0, 1] but got ", q);
  return scalar_tensor(q, self.dtype(), self.device());
}

const auto quantile_op = compose<&quantile>({
    .schema = "quantile(Tensor self, Tensor q, int? dim=None, bool keepdim=False, *, str interpolation='linear') -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The q-quantiles along a dimension.\n\n>>> torch.quantile(torch.tensor([1., 2., 4.]), torch.tensor([0.5, 0.75]))\ntensor([2., 3.])",
    .body = [](const Tensor& self, const Tensor& q, MaybeDim dim, bool keepdim, std::string_view interpolation) {
      return quantile_body("quantile", self, q, dim, keepdim, interpolation, false);
    },
});
const auto nanquantile_op = compose<&nanquantile>({
    .schema = "nanquantile(Tensor self, Tensor q, int? dim=None, bool keepdim=False, *, str interpolation='linear') -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The q-quantiles of the elements that are not NaN.\n\n>>> torch.nanquantile(torch.tensor([1., float('nan'), 4.]), torch.tensor([0.5]))\ntensor([2.5000])",
    .body = [](const Tensor& self, const Tensor& q, MaybeDim dim, bool keepdim, std::string_view interpolation) {
      return quantile_body("nanquantile", self, q, dim, keepdim, interpolation, true);
    },
});
Tensor quantile_number(const Tensor& self, double q, MaybeDim dim, bool keepdim, std::string_view interpolation) {
  return quantile(self, as_q(self, q, "quantile"), dim, keepdim, interpolation);
}
const auto quantile_number_op = compose<&quantile_number>({
    .schema = "quantile.scalar(Tensor self, float q, int? dim=None, bool keepdim=False, *, str interpolation='linear') -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "One quantile along a dimension.\n\n>>> torch.quantile(torch.tensor([1., 2., 4.]), 0.75)\ntensor(3.)",
    .body = quantile_number,
});
Tensor nanquantile_number(const Tensor& self, double q, MaybeDim dim, bool keepdim, std::string_view interpolation) {
  return nanquantile(self, as_q(self, q, "nanquantile"), dim, keepdim, interpolation);
}
const auto nanquantile_number_op = compose<&nanquantile_number>({
    .schema = "nanquantile.scalar(Tensor self, float q, int? dim=None, bool keepdim=False, *, str interpolation='linear') -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "One quantile of the elements that are not NaN.\n\n>>> torch.nanquantile(torch.tensor([1., float('nan'), 4.]), 0.5)\ntensor(2.5000)",
    .body = nanquantile_number,
});

bool not_negative(const Tensor& weights) { return all(all_values(weights >= 0)).item<bool>(); }

const auto cov_op = compose<&cov>({
    .schema = "cov(Tensor self, *, int correction=1, Tensor? fweights=None, Tensor? aweights=None) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "The covariance matrix of variables in rows and observations in columns.\n\n"
           ">>> torch.cov(torch.tensor([[0., 2.], [3., 1.]]))\ntensor([[ 2., -2.],\n        [-2.,  2.]])",
    .body = [](const Tensor& self, int64_t correction, const Tensor& fweights, const Tensor& aweights) {
      KG_CHECK(self.dim() <= 2, "cov(): expected input to have two or fewer dimensions but got an input with ", self.dim(), " dimensions");
      KG_CHECK(self.dtype() != DType::Bool, "cov(): bool dtype is not supported for input");
      Tensor x = self.dim() < 2 ? reshape(self, Ints{1, -1}) : self;
      if (is_integral(x.dtype())) x = to(x, default_dtype());
      int64_t n = x.size(1);
      Tensor w;
      if (fweights.defined()) {
        KG_CHECK(fweights.dim() <= 1, "cov(): expected fweights to have one or fewer dimensions but got fweights with ", fweights.dim(), " dimensions");
        KG_CHECK(is_integer(fweights.dtype()), "cov(): expected fweights to have integral dtype but got fweights with ", legacy_name(fweights.dtype()), " dtype");
        KG_CHECK(fweights.numel() == n, "cov(): expected fweights to have the same numel as there are observations in the input but got ", fweights.numel(), " != ", n);
        KG_CHECK(n == 0 || not_negative(fweights), "cov(): fweights cannot be negative");
        w = fweights;
      }
      if (aweights.defined()) {
        KG_CHECK(aweights.dim() <= 1, "cov(): expected aweights to have one or fewer dimensions but got aweights with ", aweights.dim(), " dimensions");
        KG_CHECK(is_floating(aweights.dtype()), "cov(): expected aweights to have floating point dtype but got aweights with ", legacy_name(aweights.dtype()), " dtype");
        KG_CHECK(aweights.numel() == n, "cov(): expected aweights to have the same numel as there are observations in the input but got ", aweights.numel(), " != ", n);
        KG_CHECK(n == 0 || not_negative(aweights), "cov(): aweights cannot be negative");
        w = w.defined() ? w * aweights : aweights;
      }
      Tensor total = w.defined() ? sum(w) : scalar_tensor(n, to_real(x.dtype()));
      Tensor center = w.defined() ? sum(x * w, IntList(Ints{1}), true) / total : mean(x, IntList(Ints{1}), true);
      Tensor divisor = total - Scalar(correction);
      if (w.defined() && aweights.defined() && correction != 0) divisor = total - sum(w * aweights) / total * Scalar(correction);
      divisor = clamp_min(divisor, 0);
      Tensor deviation = x - center;
      Tensor y = matmul(w.defined() ? deviation * w : deviation, conj(transpose(deviation, 0, 1))) / divisor;
      return x.size(0) == 1 ? reshape(y, Ints()) : y;
    },
});

const auto corrcoef_op = compose<&corrcoef>({
    .schema = "corrcoef(Tensor self) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "The correlation coefficients of variables in rows.\n\n>>> torch.corrcoef(torch.tensor([[0., 2.], [3., 1.]]))\ntensor([[ 1., -1.],\n        [-1.,  1.]])",
    .body = [](const Tensor& self) {
      KG_CHECK(self.dim() <= 2, "corrcoef(): expected input to have two or fewer dimensions but got an input with ", self.dim(), " dimensions");
      Tensor c = cov(self);
      if (c.dim() == 0) return c / c;
      Tensor size = sqrt(real(diagonal(c)));
      c = c / reshape(size, Ints{-1, 1}) / reshape(size, Ints{1, -1});
      return c.is_complex() ? c : clamp(c, Scalar(-1), Scalar(1));
    },
});

}  // namespace

Tensor quantile(const Tensor& self, const Tensor& q, MaybeDim dim, bool keepdim, std::string_view interpolation) {
  return quantile_op(self, q, dim, keepdim, interpolation);
}
Tensor nanquantile(const Tensor& self, const Tensor& q, MaybeDim dim, bool keepdim, std::string_view interpolation) {
  return nanquantile_op(self, q, dim, keepdim, interpolation);
}
Tensor cov(const Tensor& self, int64_t correction, const Tensor& fweights, const Tensor& aweights) { return cov_op(self, correction, fweights, aweights); }
Tensor corrcoef(const Tensor& self) { return corrcoef_op(self); }

}  // namespace kagari
