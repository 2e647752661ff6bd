// Sums, norms and softmax of sparse tensors.
#include <algorithm>

#include "kagari/op/sparse_rules.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/norms.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/softmax.h"
#include "kagari/ops/sparse.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

Tensor recording_distinct(const Tensor& t) { return grad_enabled() && t.requires_grad() && sparse_parts(t).is_coo() ? coalesce(t) : t; }

Tensor sum_over(const Tensor& self, const Ints& dims, bool keepdim, std::optional<DType> dtype) {
  const SparseParts& p = sparse_parts(self);
  int64_t split = p.sparse_dim();
  auto gone = [&](int64_t d) { return std::find(dims.begin(), dims.end(), d) != dims.end(); };
  Ints rows, value_dims, sizes;
  for (int64_t d = 0; d < self.dim(); ++d) {
    if (!gone(d)) sizes.push_back(self.sizes()[size_t(d)]);
    else if (keepdim) sizes.push_back(1);
    if (d < split && !gone(d)) rows.push_back(d);
    if (d >= split && gone(d)) value_dims.push_back(d - split + 1);
  }
  Tensor x = recording_distinct(self), values = sparse_values(x);
  const SparseParts& q = sparse_parts(x);
  if (rows.empty()) {  // nothing sparse is left
    value_dims.insert(value_dims.begin(), 0);
    Tensor y = sum(values, IntList(value_dims), false, dtype);
    return y.sizes() == IntList(sizes) ? y : reshape(y, sizes);
  }
  if (!value_dims.empty()) values = sum(values, IntList(value_dims), keepdim, dtype);
  else if (DType type = dtype.value_or(is_integral(values.dtype()) ? DType::Int64 : values.dtype()); type != values.dtype()) values = to(values, type);
  std::vector<Tensor> kept;
  for (int64_t d = 0; d < split; ++d) {
    if (!gone(d)) kept.push_back(select(q.indices, 0, d));
    else if (keepdim) kept.push_back(zeros({q.nnz()}, {.dtype = DType::Int64, .layout = {}, .device = {}}));
  }
  Tensor pattern = make_sparse(sizes, {Layout::Sparse, stack(kept, 0), {}, detach(values), false, false});
  return coalesce(with_sparse_values(pattern, values));
}

Tensor sum_rule(const SparseCall&, const Tensor& self, std::optional<IntList> dim, bool keepdim, std::optional<DType> dtype) {
  const SparseParts& p = sparse_parts(self);
  if (!dim || dim->empty()) {
    Tensor y = sum(sparse_values(recording_distinct(self)), {}, false, dtype);
    return keepdim ? reshape(y, Ints(size_t(self.dim()), 1)) : y;
  }
  Ints dims = wrap_dims(*dim, self.dim());
  if (p.is_coo()) return sum_over(self, dims, keepdim, dtype);
  KG_CHECK(keepdim, "reduction operations on CSR tensors with keepdim=False is unsupported");
  Tensor y = sum_over(to_layout(self, Layout::Sparse), dims, true, dtype);
  return to_layout(is_sparse(y) ? y : to_sparse(y), Layout::SparseCsr);
}
const SparseRule sum_op("sum", sum_rule);

Tensor norm_of_values(const Tensor& self, const Scalar& p, std::optional<IntList> dim, bool keepdim, std::optional<DType> dtype) {
  KG_CHECK_IMPLEMENTED(!dim || int64_t(wrap_dims(*dim, self.dim()).size()) == self.dim(), "norm_sparse currently only supports full reductions, so 'dim' must either be empty or contain all dimensions of the input");
  KG_CHECK_IMPLEMENTED(p.to_double() > 0, "norm(): a sparse tensor has a norm of positive order only, but the order is ", p.to_double());
  Tensor y = vector_norm(sparse_values(sparse_parts(self).is_coo() ? coalesce(self) : self), p, {}, false, dtype);
  return keepdim ? reshape(y, Ints(size_t(self.dim()), 1)) : y;
}
Tensor norm_rule(const SparseCall&, const Tensor& self, const std::optional<Scalar>& p, std::optional<IntList> dim, bool keepdim, std::optional<DType> dtype) {
  return norm_of_values(self, p.value_or(Scalar(2)), dim, keepdim, dtype);
}
Tensor norm_name_rule(const SparseCall&, const Tensor& self, std::string_view p, std::optional<IntList> dim, bool keepdim, std::optional<DType> dtype) {
  KG_CHECK_IMPLEMENTED(p == "fro", "norm(): a sparse tensor has no norm '", p, "'");
  return norm_of_values(self, 2, dim, keepdim, dtype);
}
Tensor vector_norm_rule(const SparseCall&, const Tensor& self, const Scalar& ord, std::optional<IntList> dim, bool keepdim, std::optional<DType> dtype) {
  return norm_of_values(self, ord, dim, keepdim, dtype);
}
Tensor any_rule(const SparseCall&, const Tensor& self, std::optional<IntList> dim, bool keepdim) {
  KG_CHECK_IMPLEMENTED(!dim || dim->empty(), "any(): a sparse tensor can be reduced as a whole only");
  Tensor y = any(sparse_parts(sparse_parts(self).is_coo() ? coalesce(self) : self).values);
  return keepdim ? reshape(y, Ints(size_t(self.dim()), 1)) : y;
}
const SparseRule norm_op("norm", norm_rule), norm_name_op("norm.name", norm_name_rule), vector_norm_op("linalg_vector_norm", vector_norm_rule), any_op("any", any_rule);

// ---------------------------------------------------------------- softmax
/// For each entry the number of its line along `dim`, and the number of lines that have entries.
std::pair<Tensor, int64_t> lines_along(const Tensor& x, int64_t dim) {
  const SparseParts& p = sparse_parts(x);
  std::vector<Tensor> others;
  Ints sizes;
  for (int64_t d = 0; d < p.sparse_dim(); ++d)
    if (d != dim) others.push_back(select(p.indices, 0, d)), sizes.push_back(x.sizes()[size_t(d)]);
  if (others.empty()) return {zeros({p.nnz()}, {.dtype = DType::Int64, .layout = {}, .device = {}}), p.nnz() > 0};
  // a line's number is the place of its coordinates among those that occur
  Tensor at = stack(others, 0), ones_there = ones({p.nnz()}, {.dtype = DType::Int64, .layout = {}, .device = {}});
  Tensor lines = coalesce(make_sparse(sizes, {Layout::Sparse, at, {}, ones_there, false, false}));
  int64_t count = sparse_parts(lines).nnz();
  Tensor numbered = make_sparse(sizes, {Layout::Sparse, sparse_parts(lines).indices, {}, arange(0, count), true, false});
  return {sparse_values_at(numbered, make_sparse(sizes, {Layout::Sparse, at, {}, ones_there, false, false})), count};
}

Tensor softmax_values(const Tensor& self, int64_t dim, std::optional<DType> dtype, bool logarithm) {
  KG_CHECK(is_sparse(self) && sparse_parts(self).is_coo(), logarithm ? "log_softmax" : "softmax", "(): expected a tensor of layout torch.sparse_coo, but got ", python_name(layout_of(self)));
  dim = wrap_dim(dim, self.dim());
  Tensor x = coalesce(dtype ? to(self, *dtype) : self);
  const SparseParts& p = sparse_parts(x);
  Tensor v = sparse_values(x);
  if (dim >= p.sparse_dim()) {
    int64_t d = dim - p.sparse_dim() + 1;
    return with_sparse_values(x, logarithm ? log_softmax(v, d) : softmax(v, d));
  }
  if (p.nnz() == 0) return x;
  auto [line, count] = lines_along(x, dim);
  Ints sizes(v.sizes());
  sizes[0] = count;
  Ints column(size_t(v.dim()), 1);
  column[0] = p.nnz();
  Tensor spread = expand(reshape(line, column), v.sizes()), most;
  {
    NoGrad no_record;
    most = scatter_reduce(zeros(sizes, {.dtype = v.dtype(), .layout = {}, .device = {}}), 0, spread, detach(v), "amax", false);
  }
  Tensor shifted = v - index_select(most, 0, line), power = exp(shifted);
  Tensor total = index_add(zeros(sizes, {.dtype = v.dtype(), .layout = {}, .device = {}}), 0, line, power);
  return with_sparse_values(x, logarithm ? shifted - index_select(log(total), 0, line) : power / index_select(total, 0, line));
}
Tensor sparse_softmax(const Tensor& self, int64_t dim, std::optional<DType> dtype) { return softmax_values(self, dim, dtype, false); }
Tensor sparse_log_softmax(const Tensor& self, int64_t dim, std::optional<DType> dtype) { return softmax_values(self, dim, dtype, true); }
const auto softmax_op = compose<&sparse_softmax>({
    .schema = "_sparse_softmax(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",
    .in = kFunction,
    .doc = "The softmax of a COO tensor along dim, where places without a value count as minus infinity.",
    .body = &sparse_softmax,
});
const auto log_softmax_op = compose<&sparse_log_softmax>({
    .schema = "_sparse_log_softmax(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",
    .in = kFunction,
    .doc = "The logarithm of the softmax of a COO tensor.",
    .body = &sparse_log_softmax,
});
Tensor softmax_rule(const SparseCall&, const Tensor& self, int64_t dim, std::optional<DType> dtype) { return sparse_softmax(self, dim, dtype); }
Tensor log_softmax_rule(const SparseCall&, const Tensor& self, int64_t dim, std::optional<DType> dtype) { return sparse_log_softmax(self, dim, dtype); }
const SparseRule softmax_of("_sparse_softmax", softmax_rule), log_softmax_of("_sparse_log_softmax", log_softmax_rule);

}  // namespace
}  // namespace kagari
