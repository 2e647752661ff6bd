#pragma once
#include "kagari/tensor/tensor.h"

// Note [Sparse tensors]: the storage of a sparse tensor holds no bytes but the strided tensors that describe it, its SparseParts. So handles
// that share a storage (detach, .data, saved tensors) share the parts and the version counter, and a strided tensor pays nothing. A sparse
// tensor has strides of 0 and is marked `special`: an operator that meets one leaves the common path and asks the rules in
// op/sparse_rules.h, and an operator without a rule raises. That is the one door, so no kernel sees a sparse tensor.

namespace kagari {

/// What a sparse tensor is made of. Indices are int64, row-major and within bounds.
struct SparseParts {
  Layout layout = Layout::Sparse;
  Tensor indices;          // COO: (sparse dimensions, nnz); compressed layouts: where each row (column) begins, and the end
  Tensor plain;            // compressed layouts: the column (row) of each value
  Tensor values;           // (nnz, dense dimensions...); block layouts: (nnz, block rows, block columns, dense dimensions...)
  bool coalesced = false;  // COO: the indices are sorted and distinct
  bool narrow = false;     // compressed layouts: the indices were given, and are shown, as int32

  bool is_coo() const { return layout == Layout::Sparse; }
  /// Rows are compressed: CSR and BSR.
  bool by_rows() const { return layout == Layout::SparseCsr || layout == Layout::SparseBsr; }
  bool in_blocks() const { return layout == Layout::SparseBsr || layout == Layout::SparseBsc; }
  int64_t nnz() const { return is_coo() ? indices.sizes()[1] : plain.sizes()[0]; }
  int64_t sparse_dim() const { return is_coo() ? indices.sizes()[0] : 2; }
};

namespace detail {
KAGARI_API bool holds_sparse_parts(const Storage& s);
}
inline bool is_sparse(const Tensor& t) { return t.impl()->special && detail::holds_sparse_parts(*t.storage()); }
/// Of a sparse tensor.
KAGARI_API SparseParts& sparse_parts(const Tensor& t);
KAGARI_API Layout layout_of(const Tensor& t);
/// "Strided", "Sparse", "SparseCsr", ...: the names in messages.
KAGARI_API std::string_view name(Layout layout);
/// "torch.sparse_coo": the name in Python.
KAGARI_API std::string_view python_name(Layout layout);
/// A sparse tensor of these parts, which are trusted; no autograd.
KAGARI_API Tensor make_sparse(IntList sizes, SparseParts parts);
/// Gives a sparse tensor other sizes and parts.
KAGARI_API void replace_sparse(const Tensor& t, IntList sizes, SparseParts parts);
/// RuntimeError "... of a tensor of layout torch.sparse_coo ..." for what needs the bytes of a strided tensor.
KAGARI_API void require_strided(const Tensor& t, std::string_view what);

}  // namespace kagari
