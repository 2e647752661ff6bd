#include "kagari/ops/matrix_exponential.h"

#include <cmath>
#include <map>
#include <vector>

#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/extremum.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/matmul.h"
#include "kagari/ops/number.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

/// The Taylor polynomial of degree 18 in blocks of powers (Paterson and Stockmeyer 1973), for matrices of norm 3 (float32) or 1 at most.
Tensor polynomial(const Tensor& A) {
  constexpr int degree = 18, block = 6;
  int64_t n = A.sizes().back();
  Tensor one = eye(n, {}, {A.dtype(), {}, A.device()}), powers[block + 1];
  powers[1] = A;
  for (int k = 2; k <= block; ++k) powers[k] = matmul(powers[k / 2], powers[k - k / 2]);
  double factorial[degree + 1] = {1};
  for (int k = 1; k <= degree; ++k) factorial[k] = factorial[k - 1] * k;
  Tensor result;
  for (int first = degree - block; first >= 0; first -= block) {
    // the terms first .. first + block - 1, and on top of them what follows
    Tensor part = one * (1 / factorial[first]);
    for (int k = 1; k < block; ++k) part = part + powers[k] * (1 / factorial[first + k]);
    part = part + (result.defined() ? matmul(powers[block], result) : powers[block] * (1 / factorial[degree]));
    result = part;
  }
  return result;
}

/// exp of a batch (count, n, n); every matrix is halved as often as its own norm needs.
Tensor scaled_and_squared(const Tensor& A) {
  int64_t count = A.sizes()[0], rows_dim[] = {-2};
  Tensor norms = contiguous(to(amax(sum(abs(A), IntList(rows_dim, 1)), {-1}), DType::Float64));
  double limit = to_real(A.dtype()) == DType::Float64 ? 1.09 : 3.01;
  std::map<int, std::vector<int64_t>> groups;  // number of squarings -> matrices
  for (int64_t i = 0; i < count; ++i) {
    double norm = norms.data<double>()[i];
    groups[std::isfinite(norm) && norm > limit ? int(std::ceil(std::log2(norm / limit))) : 0].push_back(i);
  }
  Tensor result = empty_like(A);
  for (auto& [squarings, members] : groups) {
    Tensor which = empty_tensor({int64_t(members.size())}, DType::Int64);
    std::copy(members.begin(), members.end(), which.data<int64_t>());
    Tensor y = polynomial(index_select(A, 0, which) * std::ldexp(1.0, -squarings));
    for (int i = 0; i < squarings; ++i) y = matmul(y, y);
    for (size_t i = 0; i < members.size(); ++i) copy_(select(result, 0, members[i]), select(y, 0, int64_t(i)));
  }
  return result;
}

const auto matrix_exp_op = define<&matrix_exp>({
    .schema = "matrix_exp(Tensor self) -> Tensor",
    .in = kFunction | kMethod,
    .aliases = "linalg_matrix_exp",
    .doc = "The exponential of square matrices, by scaling, a Taylor polynomial, and squaring (Moler and Van Loan 2003).",
    .run = [](Out&, const Tensor& self) {
      KG_CHECK(self.dim() >= 2, "linalg.matrix_exp: The input tensor A must have at least 2 dimensions.");
      int64_t n = self.sizes().back();
      KG_CHECK(self.sizes()[size_t(self.dim() - 2)] == n, "linalg.matrix_exp: A must be batches of square matrices, but they are ", self.sizes()[size_t(self.dim() - 2)], " by ", n, " matrices");
      KG_CHECK(is_differentiable(self.dtype()), "linalg.matrix_exp: Expected a floating point or complex tensor as input. Got ", self.dtype());
      if (self.numel() == 0 || self.is_meta()) return clone(self);
      return reshape(scaled_and_squared(reshape(self, {self.numel() / (n * n), n, n})), self.sizes());
    },
    // the upper right block of exp([A^H G; 0 A^H]) is the derivative of exp at A^H in the direction G (Mathias 1996)
    .grad = vjp("self", [](Ctx& c, const Tensor& self) -> Grads {
      int64_t n = self.sizes().back();
      if (self.numel() == 0) return {zeros_like(self)};
      Tensor A = adjoint(self), zero = zeros_like(A);
      Tensor upper = cat(std::vector<Tensor>{A, c.grad}, -1), lower = cat(std::vector<Tensor>{zero, A}, -1);
      return {narrow(narrow(matrix_exp(cat(std::vector<Tensor>{upper, lower}, -2)), -1, n, n), -2, 0, n)};
    }),
});

}  // namespace

Tensor matrix_exp(const Tensor& self) { return matrix_exp_op(self); }

}  // namespace kagari
