// Rules of operators that move entries: transposes, selections, joins. They hand on the gradient as whole tensors or by way of the values.
#include "kagari/op/sparse_rules.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/logic.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/sort.h"
#include "kagari/ops/sparse.h"
#include "kagari/ops/sparse_record.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

Tensor recording_distinct(const Tensor& t) { return grad_enabled() && t.requires_grad() ? coalesce(t) : t; }
const SparseParts& coo_only(const SparseCall& call, const Tensor& t) {
  KG_CHECK_IMPLEMENTED(is_sparse(t) && sparse_parts(t).is_coo(), call.op.schema().name, "(): tensors of layout ", python_name(layout_of(t)), " are not supported; convert with to_sparse() or to_dense()");
  return sparse_parts(t);
}
Tensor coo(IntList sizes, Tensor indices, const Tensor& values, bool coalesced = false) {
  return with_sparse_values(make_sparse(sizes, {Layout::Sparse, contiguous(indices), {}, detach(values), coalesced, false}), values);
}

// ---------------------------------------------------------------- order of dimensions
Tensor permuted(const SparseCall& call, const Tensor& self, IntList dims) {
  KG_CHECK(int64_t(dims.size()) == self.dim(), "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired ordering of dimensions i.e. input.dim() = ", self.dim(),
           " is not equal to len(dims) = ", dims.size());
  Ints order;
  for (int64_t d : dims) order.push_back(wrap_dim(d, self.dim()));
  Ints sorted = wrap_dims(order, self.dim());  // raises if one comes twice
  (void)sorted;
  SparseParts p = coo_only(call, self);
  int64_t split = p.sparse_dim();
  Ints sizes, rows, columns{0}, inverse(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    sizes.push_back(self.sizes()[size_t(order[i])]);
    inverse[size_t(order[i])] = int64_t(i);
    bool is_row = int64_t(i) < split;
    KG_CHECK(is_row == (order[i] < split), "transpose(", i, ", ", order[i], "): sparse and dense dimensions cannot be exchanged; sparse_dim is ", split);
    if (is_row) rows.push_back(order[i]);
    else columns.push_back(order[i] - split + 1);
  }
  {
    NoGrad no_record;
    std::vector<Tensor> picked;
    for (int64_t r : rows) picked.push_back(select(p.indices, 0, r));
    bool moved = IntList(rows) != IntList(wrap_dims(rows, split));
    if (moved) p.indices = stack(picked, 0), p.coalesced = p.coalesced && p.nnz() < 2;
    if (columns.size() > 1) p.values = permute(p.values, columns);
  }
  return record_sparse(make_sparse(sizes, std::move(p)), "TransposeBackward0", {self}, [inverse](const Tensor& g, const Node&) -> Grads { return {permute(g, inverse)}; });
}
Tensor transposed(const SparseCall& call, const Tensor& self, int64_t a, int64_t b) {
  a = wrap_dim(a, self.dim()), b = wrap_dim(b, self.dim());
  SparseParts p = sparse_parts(self);
  if (!p.is_coo()) {  // rows become columns: the same arrays under another layout
    KG_CHECK_IMPLEMENTED(a < 2 && b < 2, "transpose(): only the two sparse dimensions of a tensor of layout ", python_name(p.layout), " can be exchanged");
    if (a == b) return detach(self);
    static constexpr Layout flipped[] = {Layout::Strided, Layout::Sparse, Layout::SparseCsc, Layout::SparseCsr, Layout::SparseBsc, Layout::SparseBsr};
    p.layout = flipped[int(p.layout)];
    if (p.in_blocks()) p.values = transpose(p.values, 1, 2);
    Ints sizes(self.sizes());
    std::swap(sizes[0], sizes[1]);
    return record_sparse(make_sparse(sizes, std::move(p)), "TransposeBackward0", {self}, [](const Tensor& g, const Node&) -> Grads { return {transpose(g, 0, 1)}; });
  }
  Ints order;
  for (int64_t d = 0; d < self.dim(); ++d) order.push_back(d);
  if (self.dim()) std::swap(order[size_t(a)], order[size_t(b)]);
  return permuted(call, self, order);
}
Tensor t_rule(const SparseCall& call, const Tensor& self) {
  KG_CHECK(self.dim() <= 2, "t() expects a tensor with <= 2 dimensions, but self is ", self.dim(), "D");
  return self.dim() < 2 ? self : transposed(call, self, 0, 1);
}
Tensor reversed(const SparseCall& call, const Tensor& self) {
  if (!sparse_parts(self).is_coo()) return t_rule(call, self);
  Ints order;
  for (int64_t d = self.dim(); d-- > 0;) order.push_back(d);
  return permuted(call, self, order);
}
Tensor matrix_transposed(const SparseCall& call, const Tensor& self) { return transposed(call, self, -2, -1); }
const SparseRule permute_op("permute", permuted), transpose_op("transpose", transposed), swapaxes_op("swapaxes", transposed), swapdims_op("swapdims", transposed), t_op("t", t_rule), T_op("T", reversed),
    mT_op("mT", matrix_transposed);

Tensor unsqueezed(const SparseCall& call, const Tensor& self, int64_t dim) {
  const SparseParts& p = coo_only(call, self);
  dim = wrap_dim(dim, self.dim() + 1);
  Ints sizes(self.sizes());
  sizes.insert(sizes.begin() + dim, 1);
  Tensor x = recording_distinct(self);
  const SparseParts& q = sparse_parts(x);
  if (dim > p.sparse_dim()) return coo(sizes, q.indices, unsqueeze(sparse_values(x), dim - p.sparse_dim() + 1), q.coalesced);
  std::vector<Tensor> rows = unbind(q.indices, 0);
  rows.insert(rows.begin() + dim, zeros({q.nnz()}, {.dtype = DType::Int64, .layout = {}, .device = {}}));
  return coo(sizes, stack(rows, 0), sparse_values(x), q.coalesced);
}
const SparseRule unsqueeze_op("unsqueeze", unsqueezed);

// ---------------------------------------------------------------- selection
/// The entries of x for which `kept` is set, with other indices in dimension `dim` (or without it).
Tensor entries(const Tensor& x, const Tensor& kept, int64_t dim, const Tensor& new_row, IntList sizes, bool coalesced) {
  std::vector<Tensor> rows = unbind(index_select(sparse_parts(x).indices, 1, kept), 0);
  if (new_row.defined()) rows[size_t(dim)] = new_row;
  else rows.erase(rows.begin() + dim);
  Tensor at = rows.empty() ? empty_tensor({0, kept.numel()}, DType::Int64) : stack(rows, 0);
  return coo(sizes, at, index_select(sparse_values(x), 0, kept), coalesced);
}

Tensor selected(const SparseCall& call, const Tensor& self, int64_t dim, int64_t index) {
  KG_CHECK_INDEX(self.dim() > 0, "select() cannot be applied to a 0-dim tensor.");
  if (!sparse_parts(self).is_coo() && !sparse_parts(self).in_blocks()) return selected(call, to_layout(self, Layout::Sparse), dim, index);
  const SparseParts& p = coo_only(call, self);
  dim = wrap_dim(dim, self.dim());
  int64_t size = self.sizes()[size_t(dim)];
  KG_CHECK_INDEX(index >= -size && index < size, "select(): index ", index, " out of range for tensor of size ", self.sizes(), " at dimension ", dim);
  if (index < 0) index += size;
  Ints sizes(self.sizes());
  sizes.erase(sizes.begin() + dim);
  Tensor x = recording_distinct(self);
  if (dim >= p.sparse_dim()) return coo(sizes, sparse_parts(x).indices, select(sparse_values(x), dim - p.sparse_dim() + 1, index), sparse_parts(x).coalesced);
  Tensor kept = reshape(nonzero(eq(select(sparse_parts(x).indices, 0, dim), wrapped_number(index))), {-1});
  if (p.sparse_dim() == 1) return sum(index_select(sparse_values(x), 0, kept), IntList{0}, false, self.dtype());  // nothing sparse is left
  return entries(x, kept, dim, {}, sizes, sparse_parts(x).coalesced);
}
const SparseRule select_op("select", selected);

Tensor index_selected(const SparseCall& call, const Tensor& self, int64_t dim, const Tensor& index) {
  const SparseParts& p = coo_only(call, self);
  dim = wrap_dim(dim, self.dim());
  KG_CHECK_INDEX(index.dim() <= 1, "index_select() argument index must be 1-D long-tensor.");
  KG_CHECK(!is_sparse(index), "index_select(): index must be strided");
  Tensor wanted = contiguous(to(reshape(index, {-1}), DType::Int64));
  int64_t size = self.sizes()[size_t(dim)], count = wanted.numel();
  for (int64_t i = 0; i < count; ++i) {
    int64_t& v = wanted.data<int64_t>()[i];
    KG_CHECK_INDEX(v >= -size && v < size, "index_select(): index contains ", v, " that is out of range for tensor of size ", self.sizes(), " at dimension ", dim);
  }
  Ints sizes(self.sizes());
  sizes[size_t(dim)] = count;
  Tensor x = recording_distinct(self);
  if (dim >= p.sparse_dim()) return coo(sizes, sparse_parts(x).indices, index_select(sparse_values(x), dim - p.sparse_dim() + 1, wanted), sparse_parts(x).coalesced);
  // entries by their index in dim, then for each wanted index those that have it
  Tensor row = contiguous(select(sparse_parts(x).indices, 0, dim)), order = argsort(row);
  std::vector<int64_t> begin(size_t(size) + 1, 0);
  for (int64_t n = 0; n < row.numel(); ++n) ++begin[size_t(row.data<int64_t>()[n]) + 1];
  for (int64_t s = 0; s < size; ++s) begin[size_t(s) + 1] += begin[size_t(s)];
  std::vector<int64_t> kept, place;
  for (int64_t i = 0; i < count; ++i) {
    int64_t v = wanted.data<int64_t>()[i];
    if (v < 0) v += size;
    for (int64_t k = begin[size_t(v)]; k < begin[size_t(v) + 1]; ++k) {
      kept.push_back(order.data<int64_t>()[k]);
      place.push_back(i);
    }
  }
  auto as_tensor = [](const std::vector<int64_t>& v) {
    Tensor t = empty_tensor({int64_t(v.size())}, DType::Int64);
    std::copy(v.begin(), v.end(), t.data<int64_t>());
    return t;
  };
  return entries(x, as_tensor(kept), dim, as_tensor(place), sizes, sparse_parts(x).coalesced && dim == 0);
}
const SparseRule index_select_op("index_select", index_selected);

Tensor narrow_copied(const SparseCall& call, const Tensor& self, int64_t dim, int64_t start, int64_t length) {
  const SparseParts& p = coo_only(call, self);
  dim = wrap_dim(dim, self.dim());
  int64_t size = self.sizes()[size_t(dim)];
  if (start < 0) start += size;
  KG_CHECK(start >= 0 && length >= 0 && start + length <= size, "Invalid range to narrow. range(start, start+length) must be a subset of range(0, ", size, ").");
  Ints sizes(self.sizes());
  sizes[size_t(dim)] = length;
  Tensor x = recording_distinct(self);
  if (dim >= p.sparse_dim()) return coo(sizes, sparse_parts(x).indices, narrow(sparse_values(x), dim - p.sparse_dim() + 1, start, length), sparse_parts(x).coalesced);
  Tensor row = select(sparse_parts(x).indices, 0, dim);
  Tensor inside = logical_and(ge(row, wrapped_number(start)), lt(row, wrapped_number(start + length)));
  Tensor kept = reshape(nonzero(inside), {-1});
  return entries(x, kept, dim, sub(index_select(row, 0, kept), wrapped_number(start)), sizes, sparse_parts(x).coalesced);
}
const SparseRule narrow_copy_op("narrow_copy", narrow_copied);

std::vector<Tensor> unbound(const SparseCall&, const Tensor& self, int64_t dim) {
  std::vector<Tensor> out;
  for (int64_t i = 0; i < self.size(dim); ++i) out.push_back(select(self, dim, i));
  return out;
}
const SparseRule unbind_op("unbind", unbound);

// ---------------------------------------------------------------- joins
Tensor joined(const SparseCall& call, TensorList tensors, int64_t dim) {
  const Tensor& first = tensors[0];
  for (const Tensor& t : tensors) KG_CHECK(is_sparse(t), "Concatenating sparse tensors, but a dense tensor was found at position ", &t - tensors.data(), ".");
  int64_t split = coo_only(call, first).sparse_dim();
  dim = wrap_dim(dim, first.dim());
  Ints sizes(first.sizes());
  sizes[size_t(dim)] = 0;
  std::vector<Tensor> indices, values;
  bool across_values = dim >= split;
  for (const Tensor& t : tensors) {
    Tensor x = recording_distinct(t);
    const SparseParts& p = coo_only(call, x);
    KG_CHECK(p.sparse_dim() == split && t.dim() == first.dim(), "All tensors must have the same: sparse_dim ", split, " and dim ", first.dim(), ", but tensor at position ", &t - tensors.data(), " has ",
             p.sparse_dim(), " and ", t.dim());
    for (int64_t d = 0; d < t.dim(); ++d)
      KG_CHECK(d == dim || t.sizes()[size_t(d)] == first.sizes()[size_t(d)], "All tensors must have the same shape: ", first.sizes(), " (except in the concatenating dimension), but found shape: ", t.sizes());
    Tensor at = p.indices, v = sparse_values(x);
    if (!across_values) {
      if (sizes[size_t(dim)]) {
        at = clone(at);
        add_(select(at, 0, dim), wrapped_number(sizes[size_t(dim)]));
      }
    } else {  // zeros stand where the other tensors have their part of the values
      std::vector<Tensor> parts;
      for (const Tensor& o : tensors) {
        Ints shape(v.sizes());
        shape[size_t(dim - split + 1)] = o.sizes()[size_t(dim)];
        parts.push_back(&o == &t ? v : zeros(shape, {.dtype = v.dtype(), .layout = {}, .device = {}}));
      }
      v = cat(parts, dim - split + 1);
    }
    sizes[size_t(dim)] += t.sizes()[size_t(dim)];
    indices.push_back(at);
    values.push_back(v);
  }
  return coo(sizes, cat(indices, 1), cat(values, 0));
}
Tensor stacked(const SparseCall&, TensorList tensors, int64_t dim) {
  std::vector<Tensor> wide;
  for (const Tensor& t : tensors) {
    KG_CHECK(t.sizes() == tensors[0].sizes(), "stack expects each tensor to be equal size, but got ", tensors[0].sizes(), " at entry 0 and ", t.sizes(), " at entry ", &t - tensors.data());
    wide.push_back(unsqueeze(t, dim));
  }
  return cat(wide, dim < 0 ? dim + tensors[0].dim() + 1 : dim);
}
const SparseRule cat_op("cat", joined), stack_op("stack", stacked);

Tensor no_reshape(const SparseCall&, const Tensor&, IntList) { fail(ErrorKind::Runtime, "reshape is not implemented for sparse tensors"); }
Tensor no_flatten(const SparseCall&, const Tensor&, int64_t, int64_t) { fail(ErrorKind::Runtime, "reshape is not implemented for sparse tensors"); }
Tensor no_expand(const SparseCall&, const Tensor&, IntList, bool) { fail(ErrorKind::Runtime, "expand is unsupported for Sparse tensors"); }
Tensor no_broadcast(const SparseCall&, const Tensor&, IntList) { fail(ErrorKind::Runtime, "expand is unsupported for Sparse tensors"); }
Tensor no_contiguous(const SparseCall&, const Tensor&, MemoryFormat) { fail(ErrorKind::Runtime, "unsupported memory format option Contiguous: a sparse tensor has none; use coalesce() or to_dense()"); }
const SparseRule reshape_op("reshape", no_reshape), flatten_op("flatten", no_flatten), expand_op("expand", no_expand), broadcast_op("broadcast_to", no_broadcast), contiguous_op("contiguous", no_contiguous);

}  // namespace
}  // namespace kagari
