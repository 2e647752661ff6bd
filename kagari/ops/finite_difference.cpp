#include "kagari/ops/finite_difference.h"

#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/reduction.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

using Dims = std::optional<IntList>;

/// The derivative along a dimension from the widths of its intervals, which broadcast against self along `dim`.
Tensor derivative(const Tensor& f, const Tensor& widths, int64_t dim, int64_t edge_order) {
  int64_t n = f.size(dim);
  auto at = [&](int64_t i) { return narrow(f, dim, i < 0 ? n + i : i, 1); };
  auto width = [&](int64_t i) { return widths.dim() == 0 ? widths : narrow(widths, dim, i < 0 ? n - 1 + i : i, 1); };
  Tensor a = widths.dim() == 0 ? widths : narrow(widths, dim, 0, n - 2), b = widths.dim() == 0 ? widths : narrow(widths, dim, 1, n - 2);
  Tensor before = narrow(f, dim, 0, n - 2), here = narrow(f, dim, 1, n - 2), after = narrow(f, dim, 2, n - 2);
  Tensor inside = widths.dim() == 0 ? (after - before) / (2.0 * widths) : before * (-b / (a * (a + b))) + here * ((b - a) / (a * b)) + after * (a / (b * (a + b)));
  Tensor first, last;
  if (edge_order == 1) {
    first = (at(1) - at(0)) / width(0);
    last = (at(-1) - at(-2)) / width(-1);
  } else {
    Tensor p = width(0), q = width(1), r = width(-2), s = width(-1);
    first = at(0) * (-(2.0 * p + q) / (p * (p + q))) + at(1) * ((p + q) / (p * q)) - at(2) * (p / (q * (p + q)));
    last = at(-3) * (s / (r * (r + s))) - at(-2) * ((r + s) / (r * s)) + at(-1) * ((2.0 * s + r) / (s * (r + s)));
  }
  const Tensor parts[] = {first, inside, last};
  return cat(TensorList(parts, 3), dim);
}

struct Plan {
  Tensor f;
  Ints dims;
};
Plan plan(const Tensor& self, Dims dim, int64_t edge_order) {
  KG_CHECK(edge_order == 1 || edge_order == 2, "torch.gradient only supports edge_order=1 and edge_order=2.");
  Plan p{self, {}};
  KG_CHECK(self.dtype() != DType::Bool && self.dtype() != DType::UInt8, "torch.gradient does not support ", legacy_name(self.dtype()), " input.");
  if (is_integral(self.dtype())) p.f = to(self, default_dtype());
  if (dim) {
    for (int64_t d : *dim) p.dims.push_back(wrap_dim(d, self.dim()));
    for (size_t i = 0; i < p.dims.size(); ++i)
      for (size_t j = 0; j < i; ++j) KG_CHECK(p.dims[i] != p.dims[j], "dim ", p.dims[i], " appears multiple times in the list of dims");
  } else {
    for (int64_t d = 0; d < self.dim(); ++d) p.dims.push_back(d);
  }
  for (int64_t d : p.dims)
    KG_CHECK(self.size(d) >= edge_order + 1, "torch.gradient expected each dimension size to be at least edge_order+1");
  return p;
}
void check_spacings(const Plan& p, size_t count) {
  KG_CHECK(count == p.dims.size(), "torch.gradient expected spacing to be unspecified, a scalar or it's spacing and dim arguments to have the same length, but got a spacing argument of length ",
           count, " and a dim argument of length ", p.dims.size(), ".");
}
Tensor number(const Tensor& f, double width) { return scalar_tensor(width, to_real(f.dtype()), f.device()); }

const auto gradient_op = compose<&gradient>({
    .schema = "gradient.scalarint(Tensor self, *, Scalar? spacing=None, int[1]? dim=None, int edge_order=1) -> Tensor[]",
    .doc = "The derivatives of a sampled function along its dimensions.\n\n>>> torch.gradient(torch.tensor([1., 2., 4.]))\n(tensor([1.0000, 1.5000, 2.0000]),)",
    .body = [](const Tensor& self, const std::optional<Scalar>& spacing, Dims dim, int64_t edge_order) {
      Plan p = plan(self, dim, edge_order);
      std::vector<Tensor> out;
      for (int64_t d : p.dims) out.push_back(derivative(p.f, number(p.f, spacing ? spacing->to_double() : 1), d, edge_order));
      return out;
    },
});
const auto gradient_spacings_op = compose<&gradient_spacings>({
    .schema = "gradient.scalararray(Tensor self, *, float[] spacing, int[1]? dim=None, int edge_order=1) -> Tensor[]",
    .doc = "The derivatives of a sampled function, with a spacing per dimension.",
    .body = [](const Tensor& self, ArrayView<double> spacing, Dims dim, int64_t edge_order) {
      Plan p = plan(self, dim, edge_order);
      check_spacings(p, spacing.size());
      std::vector<Tensor> out;
      for (size_t i = 0; i < p.dims.size(); ++i) out.push_back(derivative(p.f, number(p.f, spacing[i]), p.dims[i], edge_order));
      return out;
    },
});
const auto gradient_coordinates_op = compose<&gradient_coordinates>({
    .schema = "gradient.tensorarray(Tensor self, *, Tensor[] spacing, int[1]? dim=None, int edge_order=1) -> Tensor[]",
    .doc = "The derivatives of a sampled function, with coordinates per dimension.",
    .body = [](const Tensor& self, TensorList spacing, Dims dim, int64_t edge_order) {
      Plan p = plan(self, dim, edge_order);
      check_spacings(p, spacing.size());
      std::vector<Tensor> out;
      for (size_t i = 0; i < p.dims.size(); ++i) {
        int64_t d = p.dims[i], n = p.f.size(d);
        Tensor x = spacing[i];
        KG_CHECK(x.dim() == 1 && x.size(0) == n, "torch.gradient expected each element of spacing to have one coordinate per sample along its dimension");
        Ints sizes(size_t(p.f.dim()), 1);
        sizes[d] = n - 1;
        Tensor widths = reshape(slice(x, 0, 1) - slice(x, 0, 0, n - 1), sizes);
        out.push_back(derivative(p.f, is_integral(widths.dtype()) ? to(widths, p.f.dtype()) : widths, d, edge_order));
      }
      return out;
    },
});

}  // namespace

std::vector<Tensor> gradient(const Tensor& self, const std::optional<Scalar>& spacing, Dims dim, int64_t edge_order) { return gradient_op(self, spacing, dim, edge_order); }
std::vector<Tensor> gradient_spacings(const Tensor& self, ArrayView<double> spacing, Dims dim, int64_t edge_order) {
  return gradient_spacings_op(self, spacing, dim, edge_order);
}
std::vector<Tensor> gradient_coordinates(const Tensor& self, TensorList spacing, Dims dim, int64_t edge_order) {
  return gradient_coordinates_op(self, spacing, dim, edge_order);
}

}  // namespace kagari
