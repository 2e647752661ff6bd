// What sparse tensors are made of: construction with its checks, values and their gradients, coalescing.
#include <algorithm>

#include "kagari/cpu/sort.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/sparse.h"
#include "kagari/ops/sparse_record.h"
#include "kagari/ops/views.h"
#include "kagari/ops/comparison.h"

namespace kagari {
namespace {

Tensor index_memory(const Tensor& t) { return contiguous(to(detach(t), DType::Int64)); }

/// The position of each entry in the row-major order of the sparse dimensions.
Tensor flat_keys(const Tensor& indices, IntList sizes) {
  int64_t dims = indices.sizes()[0], nnz = indices.sizes()[1], count = 1;
  for (int64_t d = 0; d < dims; ++d)
    KG_CHECK(!__builtin_mul_overflow(count, sizes[size_t(d)], &count), "the sparse dimensions of a tensor of shape ", sizes, " have more places than an int64 can count");
  Tensor keys = empty_tensor({nnz}, DType::Int64);
  int64_t* k = keys.data<int64_t>();
  const int64_t* i = indices.data<int64_t>();
  std::fill_n(k, nnz, 0);
  for (int64_t d = 0; d < dims; ++d)
    for (int64_t n = 0; n < nnz; ++n) k[n] = k[n] * sizes[size_t(d)] + i[d * nnz + n];
  return keys;
}

void check_coordinates(const Tensor& indices, IntList size) {
  const int64_t* i = indices.data<int64_t>();
  int64_t nnz = indices.sizes()[1];
  for (int64_t d = 0; d < indices.sizes()[0]; ++d)
    for (int64_t n = 0; n < nnz; ++n) {
      int64_t v = i[d * nnz + n];
      KG_CHECK(v >= 0, "found negative index ", v, " for dim ", d);
      KG_CHECK(v < size[size_t(d)], "size is inconsistent with indices: for dim ", d, ", size is ", size[size_t(d)], " but found index ", v);
    }
}

bool strictly_increasing(const Tensor& keys) {
  const int64_t* k = keys.data<int64_t>();
  for (int64_t n = 1; n < keys.numel(); ++n)
    if (k[n] <= k[n - 1]) return false;
  return true;
}

Tensor checked_indices(const Tensor& indices) {
  KG_CHECK(!is_sparse(indices), "expected indices to be a dense tensor, but got indices of layout ", name(layout_of(indices)));
  KG_CHECK(indices.is_cpu(), "sparse tensors are on the CPU, but indices are on ", indices.device());
  KG_CHECK(indices.dim() == 2, "indices must be sparse_dim x nnz, but got: ", indices.sizes());
  KG_CHECK(!indices.is_complex(), "indices must be an int64 tensor");
  return index_memory(indices);
}
void check_values(const Tensor& values) {
  KG_CHECK(!is_sparse(values), "expected values to be a dense tensor, but got values of layout ", name(layout_of(values)));
  KG_CHECK(values.is_cpu(), "sparse tensors are on the CPU, but values are on ", values.device());
  KG_CHECK(values.dim() > 0, "values must have a first dimension, the number of entries, but got a 0-dimensional tensor");
}

/// Where the entries of `wanted` stand among the sorted keys `have`; -1 if they do not.
Tensor positions_of(const Tensor& wanted, const Tensor& have) {
  Tensor out = empty_tensor({wanted.numel()}, DType::Int64);
  const int64_t *w = wanted.data<int64_t>(), *h = have.data<int64_t>(), *end = h + have.numel();
  int64_t* o = out.data<int64_t>();
  for (int64_t n = 0; n < wanted.numel(); ++n) {
    const int64_t* at = std::lower_bound(h, end, w[n]);
    o[n] = at != end && *at == w[n] ? at - h : -1;
  }
  return out;
}

std::vector<Tensor> rows_of(const Tensor& indices) {
  std::vector<Tensor> rows;
  for (int64_t d = 0; d < indices.sizes()[0]; ++d) rows.push_back(alias(indices, {indices.sizes()[1]}, {1}, indices.storage_offset() + d * indices.sizes()[1]));
  return rows;
}

/// The row (column) of each entry of a compressed tensor.
Tensor expanded_pointers(const Tensor& compressed, int64_t nnz) {
  Tensor out = empty_tensor({nnz}, DType::Int64);
  const int64_t* c = compressed.data<int64_t>();
  for (int64_t r = 0; r + 1 < compressed.numel(); ++r) std::fill(out.data<int64_t>() + c[r], out.data<int64_t>() + c[r + 1], r);
  return out;
}

bool same_pattern(const SparseParts& a, const SparseParts& b) {
  auto same = [](const Tensor& x, const Tensor& y) { return x.defined() == y.defined() && (!x.defined() || (x.storage() == y.storage() && x.sizes() == y.sizes())); };
  return a.layout == b.layout && same(a.indices, b.indices) && same(a.plain, b.plain);
}

Tensor elements_at(const Tensor& strided, const Tensor& coordinates) {
  if (coordinates.sizes()[0] == 0) {
    Ints sizes{coordinates.sizes()[1]};
    sizes.append(strided.sizes().begin(), strided.sizes().end());
    return expand(unsqueeze(strided, 0), sizes);
  }
  auto rows = rows_of(coordinates);
  return rows.size() == 1 ? index_select(strided, 0, rows[0]) : index(strided, rows);
}

}  // namespace

Tensor sparse_coordinates(const Tensor& self) {
  const SparseParts& p = sparse_parts(self);
  if (p.is_coo()) return p.indices;
  Tensor out = empty_tensor({2, p.nnz()}, DType::Int64), rows = expanded_pointers(p.indices, p.nnz());
  int64_t *o = out.data<int64_t>(), n = p.nnz();
  std::copy_n(rows.data<int64_t>(), n, o + (p.by_rows() ? 0 : n));
  std::copy_n(p.plain.data<int64_t>(), n, o + (p.by_rows() ? n : 0));
  return out;
}

// ---------------------------------------------------------------- values and their gradients
Tensor with_sparse_values(const Tensor& pattern, const Tensor& values, std::string node) {
  SparseParts parts = sparse_parts(pattern);
  KG_CHECK(values.dim() > 0 && values.sizes()[0] == parts.nnz(), "expected ", parts.nnz(), " values, but got values of shape ", values.sizes());
  KG_CHECK_IMPLEMENTED(values.is_cpu(), "sparse tensors are on the CPU, but the values are on ", values.device());
  parts.values = detach(values);
  Tensor like = detach(pattern);
  return record_sparse(make_sparse(pattern.sizes(), std::move(parts)), std::move(node), {values},
                       [like](const Tensor& g, const Node&) -> Grads { return {sparse_values_at(g, like)}; });
}

Tensor sparse_values(const Tensor& self) {
  KG_CHECK(is_sparse(self), "values expected sparse tensor layout but got ", name(layout_of(self)));
  Tensor like = detach(self);
  return record_sparse(alias(sparse_parts(self).values), "ValuesBackward0", {self}, [like](const Tensor& g, const Node&) -> Grads { return {with_sparse_values(like, g)}; });
}

Tensor sparse_values_at(const Tensor& self, const Tensor& pattern) {
  const SparseParts& p = sparse_parts(pattern);
  KG_CHECK(self.sizes() == pattern.sizes(), "sparse_mask(): operands have incompatible sizes; self has size ", self.sizes(), " but mask has size ", pattern.sizes());
  if (is_sparse(self) && same_pattern(sparse_parts(self), p) && (!p.is_coo() || sparse_parts(self).coalesced)) return sparse_values(self);
  if (p.in_blocks()) {  // blocks of the strided tensor, by block row and block column
    int64_t rows = p.values.sizes()[1], columns = p.values.sizes()[2];
    Tensor x = is_sparse(self) ? to_dense(self) : self;
    Tensor blocks = permute(reshape(x, {x.sizes()[0] / rows, rows, x.sizes()[1] / columns, columns}), {0, 2, 1, 3});
    return elements_at(blocks, sparse_coordinates(pattern));
  }
  Tensor at = sparse_coordinates(pattern);
  if (!is_sparse(self)) return elements_at(self, at);
  Tensor x = coalesce(to_layout(self, Layout::Sparse));
  KG_CHECK(sparse_parts(x).sparse_dim() == at.sizes()[0], "expected ", at.sizes()[0], " sparse dimensions, but got a tensor with ", sparse_parts(x).sparse_dim());
  Tensor place = positions_of(flat_keys(at, self.sizes()), flat_keys(sparse_parts(x).indices, self.sizes()));
  Tensor values = sparse_values(x);
  bool missing = false, any = values.sizes()[0] > 0;
  for (int64_t n = 0; n < place.numel(); ++n) missing = missing || place.data<int64_t>()[n] < 0;
  if (!any) return zeros(p.values.sizes(), {.dtype = self.dtype(), .layout = {}, .device = {}});
  if (!missing) return index_select(values, 0, place);
  Tensor absent = lt(place, wrapped_number(0));
  Tensor picked = index_select(values, 0, masked_fill(place, absent, 0));
  Ints column(size_t(picked.dim()), 1);
  column[0] = place.numel();
  return masked_fill(picked, reshape(absent, column), 0);
}

// ---------------------------------------------------------------- construction
Tensor sparse_coo_tensor(const Tensor& indices, const Tensor& values, IntList size, bool coalesced) {
  check_values(values);
  Tensor at = checked_indices(indices);
  int64_t sparse_dim = at.sizes()[0], dense_dim = values.dim() - 1;
  KG_CHECK(int64_t(size.size()) == sparse_dim + dense_dim, "'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = ", size.size(), ", sparse_dim = ", sparse_dim,
           ", dense_dim = ", dense_dim);
  KG_CHECK(at.sizes()[1] == values.sizes()[0], "indices and values must have same nnz, but got nnz from indices: ", at.sizes()[1], ", nnz from values: ", values.sizes()[0]);
  Ints expected{at.sizes()[1]};
  expected.append(size.begin() + sparse_dim, size.end());
  KG_CHECK(values.sizes() == IntList(expected), "values has incorrect size, expected ", expected, ", got ", values.sizes());
  for (int64_t s : size) KG_CHECK(s >= 0, "Trying to create tensor with negative dimension ", s, ": ", size);
  check_coordinates(at, size);
  KG_CHECK(!coalesced || strictly_increasing(flat_keys(at, size)), "cannot set is_coalesced to true if indices correspond to uncoalesced COO tensor");
  Tensor v = detach(values);
  SparseParts parts{Layout::Sparse, at, {}, v, coalesced, false};
  Tensor like = make_sparse(size, parts);
  return with_sparse_values(like, values);
}

Tensor sparse_coo_tensor(const Tensor& indices, const Tensor& values) {
  check_values(values);
  Tensor at = checked_indices(indices);
  Ints size;
  int64_t nnz = at.sizes()[1];
  for (int64_t d = 0; d < at.sizes()[0]; ++d) {
    const int64_t *row = at.data<int64_t>() + d * nnz, most = nnz ? *std::max_element(row, row + nnz) : -1;
    for (int64_t n = 0; n < nnz; ++n) KG_CHECK(row[n] >= 0, "found negative index ", row[n], " for dim ", d);
    size.push_back(most + 1);
  }
  size.append(values.sizes().begin() + 1, values.sizes().end());
  return sparse_coo_tensor(at, values, size);
}

Tensor sparse_compressed_tensor(const Tensor& compressed, const Tensor& plain, const Tensor& values, IntList size, Layout layout, bool strict) {
  SparseParts parts;
  parts.layout = layout;
  bool rows = parts.by_rows(), blocks = parts.in_blocks();
  KG_CHECK(layout != Layout::Strided && layout != Layout::Sparse && layout <= Layout::SparseBsc, "expected compressed sparse layout but got ", name(layout));
  const char *c_name = rows ? "crow_indices" : "ccol_indices", *p_name = rows ? "col_indices" : "row_indices", *compressed_word = rows ? "row" : "column", *plain_word = rows ? "col" : "row";
  check_values(values);
  for (const Tensor* t : {&compressed, &plain}) {
    KG_CHECK(!is_sparse(*t) && t->is_cpu(), "expected ", c_name, " and ", p_name, " to be strided tensors on the CPU");
    KG_CHECK(t->dtype() == DType::Int64 || t->dtype() == DType::Int32, c_name, " and ", p_name, " must be an int32 or int64 type, but got: ", t->dtype());
  }
  KG_CHECK_IMPLEMENTED(compressed.dim() == 1 || plain.dim() != compressed.dim(), "batches of matrices in a compressed layout are not supported: ", c_name, " must have one dimension, but has shape ",
                       compressed.sizes());
  KG_CHECK(compressed.dim() == 1 && plain.dim() == 1, c_name, " and ", p_name, " must have one dimension, but have shapes ", compressed.sizes(), " and ", plain.sizes());
  int64_t block_dims = blocks ? 2 : 0;
  KG_CHECK(values.dim() >= 1 + block_dims, "values must have dimensionality >= ", 1 + block_dims, ", but got ", values.dim());
  KG_CHECK(int64_t(size.size()) == 2 + values.dim() - 1 - block_dims, "tensor dimensionality must be sum of batch, base, and dense dimensionalities (=0 + 2 + ", values.dim() - 1 - block_dims, ") but got ",
           size.size());
  for (int64_t s : size) KG_CHECK(s >= 0, "Trying to create tensor with negative dimension ", s, ": ", size);
  int64_t along = size[rows ? 0 : 1], across = size[rows ? 1 : 0];
  if (blocks) {
    int64_t block[2] = {values.sizes()[1], values.sizes()[2]};
    for (int d = 0; d < 2; ++d)
      KG_CHECK(block[d] > 0 && size[size_t(d)] % block[d] == 0, "tensor shape[", d, "] (=", size[size_t(d)], ") must be divisible with blocksize[", d, "] (=", block[d], ") as defined by values shape");
    along /= block[rows ? 0 : 1];
    across /= block[rows ? 1 : 0];
  }
  KG_CHECK(compressed.sizes()[0] == along + 1, c_name, ".shape[-1] must be equal to the number of ", compressed_word, "s + 1 (=", along + 1, "), but got ", compressed.sizes()[0]);
  int64_t nnz = values.sizes()[0];
  KG_CHECK(plain.sizes()[0] == nnz, p_name, ".shape[-1] must be equal to nnz (=", nnz, ") as defined by values.shape[0], but got ", plain.sizes()[0]);
  for (int64_t d = 0; d + 1 + block_dims < values.dim(); ++d)
    KG_CHECK(values.sizes()[size_t(d + 1 + block_dims)] == size[size_t(2 + d)], "values.shape[", d + 1 + block_dims, "] must be equal to shape[", 2 + d, "] (=", size[size_t(2 + d)], "), but got ",
             values.sizes()[size_t(d + 1 + block_dims)]);
  parts.indices = index_memory(compressed);
  parts.plain = index_memory(plain);
  const int64_t *c = parts.indices.data<int64_t>(), *p = parts.plain.data<int64_t>();
  KG_CHECK(c[0] == 0, "`", c_name, "[..., 0] == 0` is not satisfied.");
  KG_CHECK(c[along] == nnz, "`", c_name, "[..., -1] == nnz` is not satisfied.");
  for (int64_t r = 0; r < along; ++r) {
    KG_CHECK(c[r] <= c[r + 1] && c[r + 1] - c[r] <= (strict ? across : nnz), "`0 <= ", c_name, "[..., 1:] - ", c_name, "[..., :-1] <= n", plain_word, "s` is not satisfied.");
    KG_CHECK(c[r + 1] <= nnz, "`", c_name, "[..., -1] == nnz` is not satisfied.");
  }
  for (int64_t n = 0; n < nnz; ++n) KG_CHECK(p[n] >= 0 && p[n] < across, "`0 <= ", p_name, " < n", plain_word, "s` is not satisfied.");
  if (strict)
    for (int64_t r = 0; r < along; ++r)
      for (int64_t n = c[r] + 1; n < c[r + 1]; ++n)
        KG_CHECK(p[n - 1] < p[n], "`", p_name, "[..., ", c_name, "[..., i - 1]:", c_name, "[..., i]] for all i = 1, ..., n", rows ? "row" : "col",
                 "s are sorted and distinct along the last dimension values` is not satisfied.");
  parts.narrow = compressed.dtype() == DType::Int32;
  parts.values = detach(values);
  return with_sparse_values(make_sparse(size, parts), values);
}

Tensor empty_sparse(IntList size, DType dtype, Layout layout, IntList blocksize) {
  for (int64_t s : size) KG_CHECK(s >= 0, "Trying to create tensor with negative dimension ", s, ": ", size);
  SparseParts parts;
  parts.layout = layout;
  if (parts.is_coo()) {
    parts.indices = empty_tensor({int64_t(size.size()), 0}, DType::Int64);
    parts.values = empty_tensor({0}, dtype);
    return make_sparse(size, parts);
  }
  KG_CHECK(size.size() >= 2, "torch.empty: Only batched sparse compressed (non-block) tensors are supported, but got size ", size);
  int64_t along = size[parts.by_rows() ? 0 : 1];
  Ints values{0};
  if (parts.in_blocks()) {
    KG_CHECK(blocksize.size() == 2 && blocksize[0] > 0 && blocksize[1] > 0, "a block layout needs a blocksize of two numbers");
    values.append(blocksize.begin(), blocksize.end());
    along /= blocksize[parts.by_rows() ? 0 : 1];
  }
  values.append(size.begin() + 2, size.end());
  parts.indices = zeros({along + 1}, {.dtype = DType::Int64, .layout = {}, .device = {}});
  parts.plain = empty_tensor({0}, DType::Int64);
  parts.values = empty_tensor(values, dtype);
  return make_sparse(size, parts);
}

// ---------------------------------------------------------------- coalescing
namespace {

/// Sorts the entries by their keys and adds the values of equal ones, in the order in which they stood.
void add_duplicates(SparseParts& parts, const Tensor& keys) {
  NoGrad no_record;
  int64_t nnz = parts.nnz(), dims = parts.sparse_dim();
  Tensor order = empty_tensor({nnz}, DType::Int64), place = empty_tensor({nnz}, DType::Int64);
  cpu::sort_rows(DType::Int64, keys.bytes(), nullptr, order.data<int64_t>(), 1, nnz, false);
  const int64_t *k = keys.data<int64_t>(), *o = order.data<int64_t>(), *old = parts.indices.data<int64_t>();
  int64_t* to_place = place.data<int64_t>();
  std::vector<int64_t> first;  // of each distinct key, the first entry
  for (int64_t n = 0; n < nnz; ++n) {
    if (n == 0 || k[o[n]] != k[o[n - 1]]) first.push_back(o[n]);
    to_place[o[n]] = int64_t(first.size()) - 1;
  }
  int64_t count = int64_t(first.size());
  Tensor indices = empty_tensor({dims, count}, DType::Int64);
  for (int64_t d = 0; d < dims; ++d)
    for (int64_t n = 0; n < count; ++n) indices.data<int64_t>()[d * count + n] = old[d * nnz + first[size_t(n)]];
  Ints sizes(parts.values.sizes());
  sizes[0] = count;
  DType type = parts.values.dtype(), sum_type = type == DType::Bool ? DType::Int64 : type;  // the sum of truth values is their "or"
  Tensor sums = index_add(zeros(sizes, {.dtype = sum_type, .layout = {}, .device = {}}), 0, place, to(parts.values, sum_type));
  parts.values = to(sums, type);
  parts.indices = indices;
}

}  // namespace

Tensor coalesce(const Tensor& self) {
  KG_CHECK(is_sparse(self) && sparse_parts(self).is_coo(), "coalesce expected sparse coordinate tensor layout but got ", name(layout_of(self)));
  const SparseParts& p = sparse_parts(self);
  if (p.coalesced) return self;
  SparseParts parts = p;
  parts.coalesced = true;
  Tensor keys = flat_keys(p.indices, self.sizes());
  if (!strictly_increasing(keys)) add_duplicates(parts, keys);
  return record_sparse(make_sparse(self.sizes(), std::move(parts)), "CoalesceBackward0", {self}, [](const Tensor& g, const Node&) -> Grads { return {g}; });
}

Tensor sparse_mask(const Tensor& self, const Tensor& mask) {
  KG_CHECK(is_sparse(mask), "sparse_mask(): expected the mask to have a sparse layout, but it is strided");
  return with_sparse_values(detach(mask), sparse_values_at(self, detach(mask)));
}

Tensor sparse_rows(const Tensor& grad, const Tensor& indices, int64_t rows, int64_t skipped) {
  int64_t width = grad.size(-1);
  Tensor at = reshape(to(indices, DType::Int64), {1, -1}), values = reshape(grad, {-1, width});
  if (skipped >= 0) {
    Tensor kept = reshape(nonzero(ne(select(at, 0, 0), wrapped_number(skipped))), {-1});
    if (kept.numel() < at.numel()) {
      at = index_select(at, 1, kept);
      values = index_select(values, 0, kept);
    }
  }
  return sparse_coo_tensor(at, values, {rows, width});
}

}  // namespace kagari
