// From one layout to another.
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/sparse.h"
#include "kagari/ops/sparse_record.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

/// Zeros with the values at their places.
Tensor dense_from_coo(const Tensor& x) {
  const SparseParts& p = sparse_parts(x);
  Tensor values = contiguous(p.values);
  if (p.sparse_dim() == 0) return reshape(sum(values, IntList{0}, false, values.dtype()), x.sizes());
  Tensor y = zeros(x.sizes(), {.dtype = x.dtype(), .layout = {}, .device = {}});
  if (p.nnz() == 0 || y.numel() == 0) return y;
  std::vector<Tensor> rows = unbind(p.indices, 0);
  bool add_up = !p.coalesced && x.dtype() != DType::Bool;
  index_put_(y, rows, x.dtype() == DType::Bool && !p.coalesced ? sparse_parts(coalesce(x)).values : values, add_up);
  return y;
}

/// COO of any layout without blocks; sorted if the rows of a compressed tensor are.
Tensor coo_from_compressed(const Tensor& x) {
  const SparseParts& p = sparse_parts(x);
  Tensor coo = make_sparse(x.sizes(), {Layout::Sparse, sparse_coordinates(x), {}, p.values, false, false});
  return coalesce(coo);
}

/// Rows (or columns) of a COO matrix compressed.
Tensor compressed_from_coo(const Tensor& x, Layout layout) {
  SparseParts parts;
  parts.layout = layout;
  const SparseParts& given = sparse_parts(x);
  Tensor sorted = x;
  if (!parts.by_rows()) {  // by columns: the order of the transposed matrix
    Tensor flipped = index_select(given.indices, 0, arange(1, -1, -1));
    Ints sizes{x.sizes()[1], x.sizes()[0]};
    sizes.append(x.sizes().begin() + 2, x.sizes().end());
    sorted = make_sparse(sizes, {Layout::Sparse, flipped, {}, given.values, false, false});
    if (!given.coalesced) sorted = coalesce(sorted);
  }
  sorted = coalesce(sorted);
  const SparseParts& p = sparse_parts(sorted);
  int64_t along = sorted.sizes()[0], nnz = p.nnz();
  parts.indices = zeros({along + 1}, {.dtype = DType::Int64, .layout = {}, .device = {}});
  int64_t* c = parts.indices.data<int64_t>();
  const int64_t* rows = p.indices.data<int64_t>();
  for (int64_t n = 0; n < nnz; ++n) ++c[rows[n] + 1];
  for (int64_t r = 0; r < along; ++r) c[r + 1] += c[r];
  parts.plain = contiguous(select(p.indices, 0, 1));
  parts.values = p.values;
  return make_sparse(x.sizes(), std::move(parts));
}

Tensor coo_from_dense(const Tensor& self, int64_t sparse_dim) {
  if (self.dim() == 0) {
    bool any = sum(ne(self, wrapped_number(0))).item<int64_t>() != 0;
    Tensor values = reshape(self, {1});
    return make_sparse({}, {Layout::Sparse, empty_tensor({0, any}, DType::Int64), {}, any ? clone(values) : empty_tensor({0}, self.dtype()), true, false});
  }
  Tensor mask = ne(self, wrapped_number(0));
  if (sparse_dim < self.dim()) {
    Ints dense;
    for (int64_t d = sparse_dim; d < self.dim(); ++d) dense.push_back(d);
    mask = any(mask, IntList(dense));
  }
  Tensor at = contiguous(transpose(nonzero(mask), 0, 1));
  Tensor values = index(self, unbind(at, 0));
  return make_sparse(self.sizes(), {Layout::Sparse, at, {}, values, true, false});
}

/// Blocks of a matrix, as a hybrid COO tensor over the grid of blocks, compressed.
Tensor blocks_from_dense(const Tensor& x, Layout layout, IntList blocksize) {
  KG_CHECK(x.dim() == 2, "to_sparse_bsr and to_sparse_bsc: expected a matrix, but got a tensor of shape ", x.sizes());
  KG_CHECK(blocksize.size() == 2 && blocksize[0] > 0 && blocksize[1] > 0, "blocksize needs to be a tuple of size 2 with positive numbers");
  KG_CHECK(x.sizes()[0] % blocksize[0] == 0 && x.sizes()[1] % blocksize[1] == 0, "tensor sparse size (", x.sizes()[0], ",", x.sizes()[1], ") should be divisible by given blocksize (", blocksize[0], ",",
           blocksize[1], ")");
  Tensor grid = permute(reshape(x, {x.sizes()[0] / blocksize[0], blocksize[0], x.sizes()[1] / blocksize[1], blocksize[1]}), {0, 2, 1, 3});
  Tensor compressed = compressed_from_coo(coo_from_dense(contiguous(grid), 2), layout == Layout::SparseBsr ? Layout::SparseCsr : Layout::SparseCsc);
  SparseParts parts = sparse_parts(compressed);
  parts.layout = layout;
  return make_sparse(x.sizes(), std::move(parts));
}

Tensor dense_from_blocks(const Tensor& x) {
  const SparseParts& p = sparse_parts(x);
  int64_t rows = p.values.sizes()[1], columns = p.values.sizes()[2];
  Ints grid{x.sizes()[0] / rows, x.sizes()[1] / columns, rows, columns};
  KG_CHECK_IMPLEMENTED(x.dim() == 2, "to_dense(): a block layout with dense dimensions is not supported");
  Tensor coo = make_sparse(grid, {Layout::Sparse, sparse_coordinates(x), {}, p.values, false, false});
  return reshape(permute(dense_from_coo(coo), {0, 2, 1, 3}), x.sizes());
}

Tensor to_any_layout(const Tensor& self, Layout layout, IntList blocksize) {
  Layout from = layout_of(self);
  SparseParts wanted;
  wanted.layout = layout;
  if (layout == Layout::Strided) return to_dense(self);
  if (layout == Layout::Sparse) {
    if (from == Layout::Strided) return coo_from_dense(self, self.dim());
    return sparse_parts(self).in_blocks() ? coo_from_dense(to_dense(self), 2) : coo_from_compressed(self);
  }
  KG_CHECK_IMPLEMENTED(self.dim() == 2 || (is_sparse(self) && sparse_parts(self).sparse_dim() == 2), "conversion to ", python_name(layout),
                       " is supported for matrices only (batches are not), but got a tensor of shape ", self.sizes());
  if (wanted.in_blocks()) return blocks_from_dense(is_sparse(self) ? to_dense(self) : self, layout, blocksize);
  Tensor coo = from == Layout::Sparse ? self : to_any_layout(self, Layout::Sparse, {});
  return compressed_from_coo(coo, layout);
}

/// The gradient of a conversion is itself, in the layout of the argument.
Tensor record_conversion(Tensor result, const char* node, const Tensor& self) {
  bool strided = !is_sparse(self);
  Layout layout = layout_of(self);
  return record_sparse(std::move(result), node, {self}, [strided, layout](const Tensor& g, const Node&) -> Grads {
    if (!is_sparse(g)) return {g};
    bool blocks = layout == Layout::SparseBsr || layout == Layout::SparseBsc;
    return {strided || blocks ? to_dense(g) : layout_of(g) == layout ? g : to_layout(g, layout)};
  });
}

}  // namespace

Tensor to_dense(const Tensor& self, bool masked_grad) {
  if (!is_sparse(self)) return self;
  Tensor y;
  {
    NoGrad no_record;
    const SparseParts& p = sparse_parts(self);
    y = p.is_coo() ? dense_from_coo(self) : p.in_blocks() ? dense_from_blocks(self) : dense_from_coo(make_sparse(self.sizes(), {Layout::Sparse, sparse_coordinates(self), {}, p.values, false, false}));
  }
  Tensor like = detach(self);
  return record_sparse(y, "ToDenseBackward0", {self}, [like, masked_grad](const Tensor& g, const Node&) -> Grads {
    if (!masked_grad) return {to_sparse(g, sparse_parts(like).sparse_dim())};
    Tensor pattern = sparse_parts(like).is_coo() ? coalesce(like) : like;
    return {with_sparse_values(pattern, sparse_values_at(g, pattern))};
  });
}

Tensor to_sparse(const Tensor& self, std::optional<int64_t> sparse_dim) {
  if (is_sparse(self)) {
    KG_CHECK(!sparse_dim || *sparse_dim == sparse_parts(self).sparse_dim(), "to_sparse: conversion from ", name(layout_of(self)), " to Sparse with sparse_dim argument !=self.sparse_dim() is not supported");
    return to_layout(self, Layout::Sparse);
  }
  KG_CHECK(self.is_cpu(), "to_sparse(): sparse tensors are on the CPU, but the tensor is on ", self.device());
  int64_t dims = sparse_dim.value_or(self.dim());
  KG_CHECK(dims >= 0 && dims <= self.dim(), "dense_to_sparse: sparse_dim argument must be in [0,", self.dim(), "] range, but ", dims, " is given");
  KG_CHECK(dims > 0 || self.dim() == 0, "dense_to_sparse: sparse_dim argument must be in >0 when self.dim()>0");
  Tensor y;
  {
    NoGrad no_record;
    y = coo_from_dense(self, dims);
  }
  return record_conversion(std::move(y), "ToSparseBackward1", self);
}

Tensor to_layout(const Tensor& self, Layout layout, IntList blocksize) {
  if (layout == layout_of(self)) return self;
  if (layout == Layout::Strided) return to_dense(self);
  KG_CHECK(layout <= Layout::SparseBsc, "to_sparse(): ", python_name(layout), " is not a sparse layout");
  KG_CHECK(self.is_cpu(), "to_sparse(): sparse tensors are on the CPU, but the tensor is on ", self.device());
  static constexpr const char* nodes[] = {"", "ToSparseBackward0", "ToSparseCsrBackward0", "ToSparseCscBackward0", "ToSparseBsrBackward0", "ToSparseBscBackward0"};
  Tensor y;
  {
    NoGrad no_record;
    y = to_any_layout(self, layout, blocksize);
    if (y.is_same(self)) y = detach(self);
  }
  return record_conversion(std::move(y), nodes[int(layout)], self);
}

}  // namespace kagari
