#include "kagari/ops/distance.h"

#include <cmath>

#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/bounds.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/matmul.h"
#include "kagari/ops/norms.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

const auto cosine_similarity_op = compose<&cosine_similarity>({
    .schema = "cosine_similarity(Tensor x1, Tensor x2, int dim=1, float eps=1e-08) -> Tensor",
    .in = kFunction | kFunctional,
    .doc = "The dot product of x1 and x2 along dim over the product of their norms, each at least eps. Shapes broadcast.",
    .body = [](const Tensor& x1, const Tensor& x2, int64_t dim, double eps) {
      DType type = elementwise::promoted(x1, x2);
      KG_CHECK(is_floating(type), "expected common dtype to be floating point, yet common dtype is ", type);
      Tensor pair[] = {to(x1, type), to(x2, type)};
      std::vector<Tensor> xs = broadcast_tensors(TensorList(pair, 2));
      int64_t dims[] = {dim};
      // the bound of a norm is a constant for the gradient
      auto unit = [&](const Tensor& x) {
        Tensor length = vector_norm(x, Scalar(2), IntList(dims, 1), true);
        Tensor bounded;
        {
          NoGrad no_record;
          bounded = clamp_min(length, Scalar(eps)) - length;
        }
        return x / (length + bounded);
      };
      return sum(unit(xs[0]) * unit(xs[1]), IntList(dims, 1));
    },
});

const auto pairwise_distance_op = compose<&pairwise_distance>({
    .schema = "pairwise_distance(Tensor x1, Tensor x2, float p=2.0, float eps=1e-06, bool keepdim=False) -> Tensor",
    .in = kFunction | kFunctional,
    .doc = "The p-norm of x1 - x2 + eps along the last dimension.",
    .body = [](const Tensor& x1, const Tensor& x2, double p, double eps, bool keepdim) {
      int64_t last[] = {std::max(x1.dim(), x2.dim()) - 1};
      return vector_norm(x1 - x2 + Scalar(eps), Scalar(p), IntList(last, 1), keepdim);
    },
});

/// Distances as sqrt(|a|^2 + |b|^2 - 2 a b): a matrix product instead of all differences. Small distances between long rows lose digits.
Tensor euclidean_distances(const Tensor& x1, const Tensor& x2);
const auto euclidean_distances_op = define<&euclidean_distances>({
    .schema = "_euclidean_dist(Tensor x1, Tensor x2) -> Tensor",
    .in = kFunction | kPrivate,
    .doc = "The Euclidean distance of each row of x1 (..., P, M) to each of x2 (..., R, M), by a matrix product: (..., P, R).",
    .run = [](Out&, const Tensor& x1, const Tensor& x2) {
      const DType type = elementwise::promoted(x1, x2), wide = is_half(type) ? DType::Float32 : type;
      Tensor a = to(x1, wide), b = to(x2, wide);
      int64_t last[] = {-1};
      Tensor squares = sum(square(a), IntList(last, 1), true) + unsqueeze(sum(square(b), IntList(last, 1)), -2);
      return to(sqrt(clamp_min(squares - 2 * matmul(a, transpose(b, -1, -2)), Scalar(0))), type);
    },
    .grad = vjp("x1 x2 out", [](Ctx& c, const Tensor& x1, const Tensor& x2) -> Grads {
      Tensor y = c.out(), zero = eq(y, wrapped_number(0));
      Tensor w = where(zero, wrapped_number(0), c.grad / where(zero, wrapped_number(1), y));
      int64_t last[] = {-1}, rows[] = {-2};
      return {c.needs(0) ? sum(w, IntList(last, 1), true) * x1 - matmul(w, x2) : Tensor(),
              c.needs(1) ? transpose(sum(w, IntList(rows, 1), true), -1, -2) * x2 - matmul(transpose(w, -1, -2), x1) : Tensor()};
    }),
    .node_name = "CdistBackward0",
});
Tensor euclidean_distances(const Tensor& x1, const Tensor& x2) { return euclidean_distances_op(x1, x2); }

const auto cdist_op = compose<&cdist>({
    .schema = "cdist(Tensor x1, Tensor x2, float p=2.0, str? compute_mode=None) -> Tensor",
    .in = kFunction,
    .doc = "The p-norm distance of each row of x1 (..., P, M) to each of x2 (..., R, M): (..., P, R). Euclidean distances\n"
           "of more than 25 rows come from a matrix product, unless compute_mode is 'donot_use_mm_for_euclid_dist', and always if it is\n"
           "'use_mm_for_euclid_dist'.",
    .body = [](const Tensor& x1, const Tensor& x2, double p, std::optional<std::string_view> compute_mode) {
      KG_CHECK(x1.dim() >= 2, "X1 must be at least 2D, got: ", x1.dim(), "D");
      KG_CHECK(x2.dim() >= 2, "X2 must be at least 2D, got: ", x2.dim(), "D");
      KG_CHECK(x1.sizes().back() == x2.sizes().back(), "X1 and X2 must have the same number of columns. X1: ", x1.sizes().back(), " X2: ", x2.sizes().back());
      KG_CHECK(is_floating(x1.dtype()), "cdist only supports floating-point dtypes, X1 got: ", x1.dtype());
      KG_CHECK(is_floating(x2.dtype()), "cdist only supports floating-point dtypes, X2 got: ", x2.dtype());
      KG_CHECK(p >= 0, "cdist only supports non-negative p values");
      KG_CHECK_VALUE(!compute_mode || *compute_mode == "use_mm_for_euclid_dist_if_necessary" || *compute_mode == "use_mm_for_euclid_dist" || *compute_mode == "donot_use_mm_for_euclid_dist",
                     compute_mode.value_or(""), " is not a valid value for compute_mode");
      const int64_t rows = std::max(x1.sizes()[size_t(x1.dim() - 2)], x2.sizes()[size_t(x2.dim() - 2)]);
      const bool product = compute_mode == "use_mm_for_euclid_dist" || (compute_mode != "donot_use_mm_for_euclid_dist" && rows > 25);
      if (p == 2 && product && x1.numel() > 0 && x2.numel() > 0 && !detail::any_special(x1, x2)) return euclidean_distances(x1, x2);
      Tensor difference = unsqueeze(x1, -2) - unsqueeze(x2, -3);
      int64_t last[] = {-1};
      if (difference.sizes().back() == 0) return sum(difference, IntList(last, 1));
      return vector_norm(difference, Scalar(p), IntList(last, 1));
    },
});

const auto pdist_op = compose<&pdist>({
    .schema = "pdist(Tensor self, float p=2.0) -> Tensor",
    .in = kFunction | kFunctional,
    .doc = "The p-norm distances of the rows of (N, M), each pair once, in the order of the upper triangle: (N (N - 1) / 2).",
    .body = [](const Tensor& self, double p) {
      KG_CHECK(self.dim() == 2, "pdist only supports 2D tensors, got: ", self.dim(), "D");
      KG_CHECK(is_floating(self.dtype()), "pdist only supports floating-point dtypes");
      KG_CHECK(p >= 0, "pdist only supports non-negative p values");
      int64_t n = self.sizes()[0], last[] = {-1};
      Tensor pairs = triu_indices(n, n, 1, {.dtype = {}, .layout = {}, .device = self.device()});
      Tensor difference = index_select(self, 0, select(pairs, 0, 0)) - index_select(self, 0, select(pairs, 0, 1));
      if (difference.numel() == 0) return sum(difference, IntList(last, 1));
      return vector_norm(difference, Scalar(p), IntList(last, 1));
    },
});

}  // namespace

Tensor cosine_similarity(const Tensor& a, const Tensor& b, int64_t dim, double eps) { return cosine_similarity_op(a, b, dim, eps); }
Tensor pairwise_distance(const Tensor& a, const Tensor& b, double p, double eps, bool keepdim) { return pairwise_distance_op(a, b, p, eps, keepdim); }
Tensor cdist(const Tensor& a, const Tensor& b, double p, std::optional<std::string_view> mode) { return cdist_op(a, b, p, mode); }
Tensor pdist(const Tensor& self, double p) { return pdist_op(self, p); }

}  // namespace kagari
