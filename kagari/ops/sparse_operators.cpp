// The operators that exist for the sake of sparse tensors, as Python sees them. They take tensors of any layout.
#include "kagari/op/sparse_rules.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/sparse.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

/// An operator whose one function deals with strided and with sparse tensors.
template <auto F, class Sig> struct AnyLayoutOf;
template <auto F, class R, class... A>
struct AnyLayoutOf<F, R(A...)> {
  AnyLayoutOf(const char* full_name, const Composition<R(A...)>& c) : op(c), rule(full_name, +[](const SparseCall&, A... args) -> R { return F(args...); }) {}
  Op<R(A...)> op;
  SparseRule rule;
};
template <auto F>
using AnyLayout = AnyLayoutOf<F, typename detail::SignatureOf<decltype(F)>::type>;

#define KG_ANY_LAYOUT(variable, function, full_name, schema_text, where, doc_text) \
  const AnyLayout<&function> variable(full_name, {.schema = schema_text, .in = where, .doc = doc_text, .body = &function})

const SparseParts& coo_parts(const Tensor& self, const char* what) {
  KG_CHECK(is_sparse(self) && sparse_parts(self).is_coo(), what, " expected sparse coordinate tensor layout but got ", name(layout_of(self)));
  return sparse_parts(self);
}
const SparseParts& raw_parts(const Tensor& self, const char* what) {
  KG_CHECK_IMPLEMENTED(is_sparse(self) && sparse_parts(self).is_coo(), "Could not run 'aten::", what, "' with arguments from the '", is_sparse(self) ? name(layout_of(self)) : std::string_view(), "CPU' backend: ",
                       what, "() needs a tensor of layout torch.sparse_coo");
  return sparse_parts(self);
}
const SparseParts& compressed_parts(const Tensor& self, const char* what, bool rows) {
  KG_CHECK(is_sparse(self) && !sparse_parts(self).is_coo() && sparse_parts(self).by_rows() == rows, what, " expected sparse ", rows ? "row" : "column", " compressed tensor layout but got ",
           name(layout_of(self)));
  return sparse_parts(self);
}
Tensor shown(const Tensor& indices, const SparseParts& p) { return p.narrow ? to(indices, DType::Int32) : alias(indices); }

// ---------------------------------------------------------------- construction
Tensor make_coo(const Tensor& indices, const Tensor& values, IntList size, std::optional<bool> coalesced) { return sparse_coo_tensor(indices, values, size, coalesced.value_or(false)); }
Tensor make_coo_sized(const Tensor& indices, const Tensor& values) { return sparse_coo_tensor(indices, values); }
Tensor make_compressed(const Tensor& compressed, const Tensor& plain, const Tensor& values, IntList size, Layout layout, bool strict) {
  return sparse_compressed_tensor(compressed, plain, values, size, layout, strict);
}
Tensor make_empty(IntList size, DType dtype, Layout layout, std::optional<IntList> blocksize) { return empty_sparse(size, dtype, layout, blocksize.value_or(IntList())); }
KG_ANY_LAYOUT(coo_op, make_coo, "_sparse_coo_tensor_unsafe", "_sparse_coo_tensor_unsafe(Tensor indices, Tensor values, int[] size, *, bool? is_coalesced=None) -> Tensor", kFunction,
              "A COO tensor of tensors: indices (sparse dimensions, nnz) and values (nnz, dense dimensions...).");
KG_ANY_LAYOUT(coo_sized_op, make_coo_sized, "_sparse_coo_tensor_unsafe.sized", "_sparse_coo_tensor_unsafe.sized(Tensor indices, Tensor values) -> Tensor", kFunction,
              "The same, of the smallest size that holds the indices.");
KG_ANY_LAYOUT(compressed_op, make_compressed, "_sparse_compressed_tensor_unsafe",
              "_sparse_compressed_tensor_unsafe(Tensor compressed_indices, Tensor plain_indices, Tensor values, int[] size, Layout layout, bool strict=False) -> Tensor", kFunction,
              "A matrix in a compressed layout. strict: indices of a row must be sorted and distinct.");
KG_ANY_LAYOUT(empty_op, make_empty, "_empty_sparse", "_empty_sparse(int[] size, ScalarType dtype, Layout layout, int[]? blocksize=None) -> Tensor", kFunction, "A sparse tensor without values.");

// ---------------------------------------------------------------- parts
Tensor indices(const Tensor& self) {
  const SparseParts& p = coo_parts(self, "indices");
  KG_CHECK(p.coalesced, "Cannot get indices on an uncoalesced tensor, please call .coalesce() first");
  return alias(p.indices);
}
Tensor values(const Tensor& self) {
  KG_CHECK(is_sparse(self), "values expected sparse tensor layout but got Strided");
  KG_CHECK(!sparse_parts(self).is_coo() || sparse_parts(self).coalesced, "Cannot get values on an uncoalesced tensor, please call .coalesce() first");
  return sparse_values(self);
}
Tensor raw_indices(const Tensor& self) { return alias(raw_parts(self, "_indices").indices); }
Tensor raw_values(const Tensor& self) { return alias(raw_parts(self, "_values").values); }
int64_t nnz(const Tensor& self) {
  if (!is_sparse(self)) raw_parts(self, "_nnz");
  return sparse_parts(self).nnz();
}
int64_t sparse_dim(const Tensor& self) { return is_sparse(self) ? sparse_parts(self).sparse_dim() : 0; }
int64_t dense_dim(const Tensor& self) { return self.dim() - sparse_dim(self); }
bool is_coalesced(const Tensor& self) { return coo_parts(self, "is_coalesced").coalesced; }
Tensor set_coalesced(const Tensor& self, bool coalesced) {
  raw_parts(self, "_coalesced_");
  sparse_parts(self).coalesced = coalesced;
  self.bump_version();
  return self;
}
Tensor coalesced(const Tensor& self) { return coalesce(self); }
Tensor crow_indices(const Tensor& self) { const auto& p = compressed_parts(self, "crow_indices", true); return shown(p.indices, p); }
Tensor col_indices(const Tensor& self) { const auto& p = compressed_parts(self, "col_indices", true); return shown(p.plain, p); }
Tensor ccol_indices(const Tensor& self) { const auto& p = compressed_parts(self, "ccol_indices", false); return shown(p.indices, p); }
Tensor row_indices(const Tensor& self) { const auto& p = compressed_parts(self, "row_indices", false); return shown(p.plain, p); }
KG_ANY_LAYOUT(indices_op, indices, "indices", "indices(Tensor self) -> Tensor", kMethod, "The indices of a coalesced COO tensor: (sparse dimensions, nnz), int64.");
KG_ANY_LAYOUT(values_op, values, "values", "values(Tensor self) -> Tensor", kMethod, "The values of a coalesced COO tensor or of a compressed one: (nnz, dense dimensions...).");
KG_ANY_LAYOUT(raw_indices_op, raw_indices, "_indices", "_indices(Tensor self) -> Tensor", kMethod, "The indices of a COO tensor, coalesced or not.");
KG_ANY_LAYOUT(raw_values_op, raw_values, "_values", "_values(Tensor self) -> Tensor", kMethod, "The values of a COO tensor, coalesced or not, without autograd.");
KG_ANY_LAYOUT(nnz_op, nnz, "_nnz", "_nnz(Tensor self) -> int", kMethod, "The number of stored values.");
const AnyLayout<&sparse_dim> sparse_dim_op("sparse_dim", {.schema = "sparse_dim(Tensor self) -> int", .in = kMethod, .aliases = "_dimI", .doc = "The number of sparse dimensions; 0 for a strided tensor.", .body = &sparse_dim});
const AnyLayout<&dense_dim> dense_dim_op("dense_dim", {.schema = "dense_dim(Tensor self) -> int", .in = kMethod, .aliases = "_dimV", .doc = "The number of dense dimensions.", .body = &dense_dim});
KG_ANY_LAYOUT(is_coalesced_op, is_coalesced, "is_coalesced", "is_coalesced(Tensor self) -> bool", kMethod, "Whether the indices of a COO tensor are known to be sorted and distinct.");
KG_ANY_LAYOUT(set_coalesced_op, set_coalesced, "_coalesced_", "_coalesced_(Tensor self, bool coalesced) -> Tensor", kMethod, "Says whether the indices are sorted and distinct.");
KG_ANY_LAYOUT(coalesce_op, coalesced, "coalesce", "coalesce(Tensor self) -> Tensor", kMethod,
              "The COO tensor with sorted, distinct indices; values of one place are added.\n\n>>> torch.sparse_coo_tensor([[1, 1]], [2., 3.], (3,)).coalesce().values()\ntensor([5.])");
KG_ANY_LAYOUT(crow_op, crow_indices, "crow_indices", "crow_indices(Tensor self) -> Tensor", kMethod, "Where each row of a CSR or BSR tensor begins, and the end.");
KG_ANY_LAYOUT(col_op, col_indices, "col_indices", "col_indices(Tensor self) -> Tensor", kMethod, "The columns of the values of a CSR or BSR tensor.");
KG_ANY_LAYOUT(ccol_op, ccol_indices, "ccol_indices", "ccol_indices(Tensor self) -> Tensor", kMethod, "Where each column of a CSC or BSC tensor begins, and the end.");
KG_ANY_LAYOUT(row_op, row_indices, "row_indices", "row_indices(Tensor self) -> Tensor", kMethod, "The rows of the values of a CSC or BSC tensor.");

// ---------------------------------------------------------------- conversion
Tensor densify(const Tensor& self, std::optional<DType> dtype, std::optional<bool> masked_grad) {
  KG_CHECK(!is_sparse(self) || !dtype || *dtype == self.dtype(), "dtype argument is not supported by sparse_to_dense");
  Tensor y = to_dense(self, masked_grad.value_or(true));
  return dtype ? to(y, *dtype) : y;
}
Tensor sparsify_dim(const Tensor& self, int64_t sparse_dim) { return to_sparse(self, sparse_dim); }
Tensor sparsify(const Tensor& self, std::optional<Layout> layout, std::optional<IntList> blocksize, std::optional<int64_t> dense_dim) {
  if (layout.value_or(Layout::Sparse) == Layout::Sparse) {
    KG_CHECK(!blocksize, "to_sparse: conversion to Sparse does not use the specified blocksize");
    return is_sparse(self) ? to_sparse(self) : to_sparse(self, self.dim() - dense_dim.value_or(0));
  }
  KG_CHECK_IMPLEMENTED(dense_dim.value_or(0) == 0, "to_sparse(): dense dimensions in a compressed layout are not supported");
  return to_layout(self, *layout, blocksize.value_or(IntList()));
}
template <Layout layout>
Tensor compress(const Tensor& self, std::optional<int64_t> dense_dim) { return sparsify(self, layout, {}, dense_dim); }
template <Layout layout>
Tensor compress_blocks(const Tensor& self, IntList blocksize, std::optional<int64_t> dense_dim) { return sparsify(self, layout, blocksize, dense_dim); }
KG_ANY_LAYOUT(to_dense_op, densify, "to_dense", "to_dense(Tensor self, ScalarType? dtype=None, *, bool? masked_grad=None) -> Tensor", kMethod,
              "The strided tensor with the same elements; a strided one itself. masked_grad (the default): the gradient of a sparse tensor has its places only.");
KG_ANY_LAYOUT(to_sparse_dim_op, sparsify_dim, "to_sparse.sparse_dim", "to_sparse.sparse_dim(Tensor self, int sparse_dim) -> Tensor", kMethod,
              "The COO tensor with the elements of self that are not zero. The dimensions behind the first sparse_dim stay dense.");
KG_ANY_LAYOUT(to_sparse_op, sparsify, "to_sparse", "to_sparse(Tensor self, *, Layout? layout=None, int[2]? blocksize=None, int? dense_dim=None) -> Tensor", kMethod,
              "The elements of self that are not zero, in the given layout (COO).\n\n>>> torch.tensor([0., 2.]).to_sparse().indices()\ntensor([[1]])");
KG_ANY_LAYOUT(to_csr_op, compress<Layout::SparseCsr>, "to_sparse_csr", "to_sparse_csr(Tensor self, int? dense_dim=None) -> Tensor", kMethod, "The matrix with compressed rows.");
KG_ANY_LAYOUT(to_csc_op, compress<Layout::SparseCsc>, "to_sparse_csc", "to_sparse_csc(Tensor self, int? dense_dim=None) -> Tensor", kMethod, "The matrix with compressed columns.");
KG_ANY_LAYOUT(to_bsr_op, compress_blocks<Layout::SparseBsr>, "to_sparse_bsr", "to_sparse_bsr(Tensor self, int[2] blocksize, int? dense_dim=None) -> Tensor", kMethod,
              "The matrix as compressed rows of blocks.");
KG_ANY_LAYOUT(to_bsc_op, compress_blocks<Layout::SparseBsc>, "to_sparse_bsc", "to_sparse_bsc(Tensor self, int[2] blocksize, int? dense_dim=None) -> Tensor", kMethod,
              "The matrix as compressed columns of blocks.");
Tensor masked(const Tensor& self, const Tensor& mask) { return sparse_mask(self, mask); }
KG_ANY_LAYOUT(mask_op, masked, "sparse_mask", "sparse_mask(Tensor self, Tensor mask) -> Tensor", kMethod, "The elements of self at the places of the sparse tensor mask.");

// ---------------------------------------------------------------- other sizes, in place
SparseParts without_values(IntList size, int64_t sparse_dim, int64_t dense_dim, DType dtype) {
  KG_CHECK(sparse_dim >= 0 && dense_dim >= 0 && int64_t(size.size()) == sparse_dim + dense_dim, "'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = ", size.size(), ", sparse_dim = ", sparse_dim,
           ", dense_dim = ", dense_dim);
  Ints values{0};
  values.append(size.begin() + sparse_dim, size.end());
  return {Layout::Sparse, empty_tensor({sparse_dim, 0}, DType::Int64), {}, empty_tensor(values, dtype), false, false};
}
Tensor sparse_resize_(const Tensor& self, IntList size, int64_t sparse_dim, int64_t dense_dim) {
  SparseParts p = coo_parts(self, "sparse_resize_");
  int64_t before = p.sparse_dim();
  if (p.nnz() == 0) return replace_sparse(self, size, without_values(size, sparse_dim, dense_dim, self.dtype())), self;
  KG_CHECK(sparse_dim == before, "changing the number of sparse dimensions (from ", before, " to ", sparse_dim, ") on a non-empty sparse tensor is not supported.");
  KG_CHECK(dense_dim == self.dim() - before, "changing the number of dense dimensions (from ", self.dim() - before, " to ", dense_dim, ") on a non-empty sparse tensor is not supported.");
  KG_CHECK(int64_t(size.size()) == sparse_dim + dense_dim, "'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = ", size.size(), ", sparse_dim = ", sparse_dim, ", dense_dim = ", dense_dim);
  auto front = [&](IntList s) { return IntList(s.data(), size_t(sparse_dim)); };
  auto back = [&](IntList s) { return IntList(s.data() + sparse_dim, s.size() - size_t(sparse_dim)); };
  for (int64_t d = 0; d < sparse_dim; ++d)
    KG_CHECK(size[size_t(d)] >= self.sizes()[size_t(d)], "shrinking the size of sparse dimensions (from ", front(self.sizes()), " to ", front(size), ") on a non-empty sparse tensor is not supported.");
  KG_CHECK(back(size) == back(self.sizes()), "changing the size of dense dimensions (from ", back(self.sizes()), " to ", back(size), ") on a non-empty sparse tensor is not supported.");
  replace_sparse(self, size, p);
  return self;
}
Tensor sparse_resize_and_clear_(const Tensor& self, IntList size, int64_t sparse_dim, int64_t dense_dim) {
  coo_parts(self, "sparse_resize_and_clear_");
  replace_sparse(self, size, without_values(size, sparse_dim, dense_dim, self.dtype()));
  return self;
}
KG_ANY_LAYOUT(resize_op, sparse_resize_, "sparse_resize_", "sparse_resize_(Tensor self, int[] size, int sparse_dim, int dense_dim) -> Tensor", kMethod,
              "Gives a COO tensor a larger size, in place.");
KG_ANY_LAYOUT(resize_clear_op, sparse_resize_and_clear_, "sparse_resize_and_clear_", "sparse_resize_and_clear_(Tensor self, int[] size, int sparse_dim, int dense_dim) -> Tensor", kMethod,
              "Gives a COO tensor another size and removes its values, in place.");
#undef KG_ANY_LAYOUT

}  // namespace
}  // namespace kagari
