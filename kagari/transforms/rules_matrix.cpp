// vmap over products of matrices and linear algebra.
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/matmul.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"
#include "kagari/transforms/batching.h"

namespace kagari::transforms {
namespace {

void check_rank(const Call& c, size_t i, int64_t rank) {
  KG_CHECK(c.rank(i) == rank, c.op.schema().name, "(): argument '", c.op.schema().arguments[i].name, "' must be a ", rank, "-D tensor, but it has shape ", c.seen(i).sizes());
}

void rule_mm(Call& c) {
  int64_t rank = c.op.schema().name == "bmm" ? 3 : 2;
  check_rank(c, 0, rank), check_rank(c, 1, rank);
  c.give(matmul(c.front(0), c.front(1)));
}

void rule_mv(Call& c) {
  check_rank(c, 0, 2), check_rank(c, 1, 1);
  if (!c.batched(size_t(0))) return c.give(matmul(c.front(1), transpose(c.front(0), 0, 1)));
  c.give(squeeze_dim(matmul(c.front(0), unsqueeze(c.front(1), -1)), -1));
}

void rule_dot(Call& c) {
  check_rank(c, 0, 1), check_rank(c, 1, 1);
  Tensor product = matmul(unsqueeze(c.front(0), -2), unsqueeze(c.front(1), -1));
  c.give(reshape(product, Ints{c.count()}));
}

/// beta * self + alpha * (a @ b)
void rule_addmm(Call& c) {
  int64_t rank = c.op.schema().name == "baddbmm" ? 3 : 2;
  check_rank(c, 1, rank), check_rank(c, 2, rank);
  Scalar beta = *c.value(c.find("beta")).scalar, alpha = *c.value(c.find("alpha")).scalar;
  Tensor product = matmul(c.front(1), c.front(2));
  auto times = [](const Tensor& t, const Scalar& s) { return s.to_double() == 1 && !s.is_complex() ? t : mul(t, wrapped_number(s)); };
  product = times(product, alpha);
  bool product_batched = c.batched(size_t(1)) || c.batched(size_t(2));
  if (!product_batched) product = unsqueeze(product, 0);
  if (beta.to_double() == 0 && !beta.is_complex()) return c.give(product_batched ? product : expand(product, behind(c.count(), IntList(product.sizes()).subspan(1))));
  Tensor base = c.batched(size_t(0)) ? with_rank(c.front(0), rank) : c.front(0);
  c.give(add(times(base, beta), product));
}

/// One product for all examples, whichever of the three differ between them.
void rule_linear(Call& c) {
  bool bias = c.is_tensor(2), bias_batched = bias && c.batched(size_t(2));
  Tensor y;
  int64_t dim = 0, rank = c.rank(0);
  if (!c.batched(size_t(1))) {
    if (bias && !bias_batched) return c.run();
    if (!c.batched(size_t(0))) {  // only the bias differs
      y = unsqueeze(linear(c.front(0), c.front(1)), 0);
    } else {
      y = linear(c.front(0), c.front(1));
    }
    if (!bias) return c.give(y);
    return c.give(add(y, c.rank(1) == 1 ? with_rank(c.front(2), rank - 1) : with_rank(c.front(2), rank)));
  }
  if (c.rank(1) != 2 || rank == 0) return c.loop();
  Tensor w = c.front(1);
  int64_t outputs = w.sizes()[1], inputs = w.sizes()[2];
  if (!c.batched(size_t(0))) {
    // the weights of all examples side by side
    y = linear(c.front(0), reshape(w, Ints{c.count() * outputs, inputs}));
    Ints sizes(c.seen(0).sizes());
    sizes.back() = c.count();
    sizes.push_back(outputs);
    y = reshape(y, sizes);
    dim = rank - 1;
    if (!bias) return c.give(y, dim);
    return c.give(add(y, bias_batched ? c.front(2) : c.front(2)), dim);
  }
  Tensor x = c.front(0);
  KG_CHECK(x.sizes().back() == inputs, "linear(): input and weight.T shapes cannot be multiplied (", c.seen(0).sizes(), " and ", c.seen(1).sizes(), ")");
  Ints sizes(x.sizes());
  sizes.back() = outputs;
  Tensor flat = reshape(x, Ints{c.count(), -1, inputs});
  if (bias_batched) y = baddbmm(unsqueeze(c.front(2), 1), flat, transpose(w, 1, 2));
  else y = bmm(flat, transpose(w, 1, 2));
  y = reshape(y, sizes);
  if (bias && !bias_batched) y = add(y, c.front(2));
  c.give(y);
}

/// An example that is no matrix would become one with its neighbours. Running one alone raises the operator's own error.
bool are_matrices(const Call& c) {
  for (size_t i = 0; i < c.arguments(); ++i)
    if (c.is_tensor(i) && c.rank(i) < 2) return false;
  return true;
}
void rule_matrices(Call& c) { are_matrices(c) ? rule_leading(c) : c.loop(); }
void rule_matrix_pairs(Call& c) { are_matrices(c) ? rule_spread(c) : c.loop(); }

/// Matrices and vectors with one set of leading dimensions.
void rule_together(Call& c) {
  if (c.rank(0) < 2 || c.rank(1) + 1 != c.rank(0)) return c.loop();
  for (size_t i = 0; i < c.arguments(); ++i)
    if (c.is_tensor(i)) c.set(i, c.spread(i));
  c.run();
}

const BatchRuleEntry table[] = {
    {"mm", rule_mm}, {"bmm", rule_mm}, {"mv", rule_mv}, {"dot", rule_dot}, {"addmm", rule_addmm}, {"baddbmm", rule_addmm}, {"linear", rule_linear},
    {"matrix_exp", rule_matrices}, {"linalg_cholesky_ex", rule_matrices}, {"linalg_qr", rule_matrices}, {"linalg_lu_factor_ex", rule_matrices}, {"lu_unpack", rule_together},
    {"linalg_eig", rule_matrices}, {"linalg_eigh", rule_matrices}, {"linalg_svd", rule_matrices}, {"linalg_inv_ex", rule_matrices},
    {"linalg_det", rule_matrices}, {"cholesky_inverse", rule_matrices}, {"cholesky_solve", rule_matrix_pairs}, {"linalg_slogdet", rule_matrices}, {"tril", rule_matrices}, {"triu", rule_matrices}, {"linalg_solve_triangular", rule_matrix_pairs}, {"_linalg_solve_matrix", rule_matrix_pairs},
};

}  // namespace

std::span<const BatchRuleEntry> matrix_rules() { return table; }

}  // namespace kagari::transforms
