#include "kagari/tensor/sparse.h"

#include <limits>

namespace kagari {
namespace {

void release_parts(void* parts) { delete static_cast<SparseParts*>(parts); }

void set_sizes(TensorImpl& impl, IntList sizes) {
  impl.sizes.assign(sizes.begin(), sizes.end());
  impl.strides.clear();
  impl.strides.resize(sizes.size());
  impl.contiguous = false;
  // the shape of a sparse tensor may have more places than an int64 can count
  impl.numel = 1;
  for (int64_t s : sizes)
    if (__builtin_mul_overflow(impl.numel, s, &impl.numel)) impl.numel = std::numeric_limits<int64_t>::max();
  for (int64_t s : sizes)
    if (s == 0) impl.numel = 0;
}

uint64_t versions(const SparseParts& p) { return uint64_t(p.indices.version()) << 32 | (p.plain.defined() ? p.plain.version() : 0); }

bool all_within(const int64_t* x, int64_t n, int64_t size) {
  for (int64_t i = 0; i < n; ++i)
    if (x[i] < 0 || x[i] >= size) return false;
  return true;
}

bool within_bounds(const Tensor& t, const SparseParts& p) {
  const int64_t* x = p.indices.data<int64_t>();
  if (p.is_coo()) {
    for (int64_t d = 0; d < p.sparse_dim(); ++d)
      if (!all_within(x + d * p.nnz(), p.nnz(), t.sizes()[size_t(d)])) return false;
    return true;
  }
  int64_t along = p.indices.numel() - 1, across = t.sizes()[p.by_rows() ? 1 : 0];
  if (p.in_blocks()) across /= p.values.sizes()[p.by_rows() ? 2 : 1];
  if (x[0] != 0 || x[along] != p.nnz()) return false;
  for (int64_t r = 0; r < along; ++r)
    if (x[r] > x[r + 1]) return false;
  return all_within(p.plain.data<int64_t>(), p.nnz(), across);
}

}  // namespace

void check_sparse_indices(const Tensor& t) {
  SparseParts& p = sparse_parts(t);
  for (const Tensor* part : {&p.indices, &p.plain, &p.values})
    KG_CHECK(!part->defined() || part->numel() == 0 || !part->is_contiguous() || part->storage()->nbytes() >= (part->storage_offset() + part->numel()) * part->itemsize(),
             "the memory of a part of a sparse tensor was made smaller than the part");
  uint64_t now = versions(p);
  if (p.checked == now) return;
  KG_CHECK(within_bounds(t, p), "the indices of a sparse tensor are out of range: they were changed after it was made");
  p.checked = now;
  p.coalesced = false;
}

bool detail::holds_sparse_parts(const Storage& s) { return s.deleter() == &release_parts; }

SparseParts& sparse_parts(const Tensor& t) {
  KG_ASSERT(is_sparse(t));
  return *static_cast<SparseParts*>(t.storage()->context());
}

Layout layout_of(const Tensor& t) { return is_sparse(t) ? sparse_parts(t).layout : Layout::Strided; }

std::string_view name(Layout layout) {
  static constexpr std::string_view names[] = {"Strided", "Sparse", "SparseCsr", "SparseCsc", "SparseBsr", "SparseBsc", "Mkldnn", "Jagged"};
  return names[int(layout)];
}
std::string_view python_name(Layout layout) {
  static constexpr std::string_view names[] = {"torch.strided",    "torch.sparse_coo", "torch.sparse_csr", "torch.sparse_csc",
                                               "torch.sparse_bsr", "torch.sparse_bsc", "torch._mkldnn",    "torch.jagged"};
  return names[int(layout)];
}

Tensor make_sparse(IntList sizes, SparseParts parts) {
  DType dtype = parts.values.dtype();
  parts.checked = versions(parts);
  auto storage = Storage::borrow(nullptr, 0, release_parts, new SparseParts(std::move(parts)));
  auto impl = TensorImpl::create(std::move(storage), dtype);
  impl->special = true;
  set_sizes(*impl, sizes);
  return Tensor(std::move(impl));
}

void replace_sparse(const Tensor& t, IntList sizes, SparseParts parts) {
  SparseParts& own = sparse_parts(t);
  Ints kept(sizes);
  t.impl()->dtype = parts.values.dtype();
  own = std::move(parts);
  own.checked = versions(own);
  set_sizes(*t.impl(), kept);
  t.bump_version();
}

void require_strided(const Tensor& t, std::string_view what) {
  KG_CHECK(!is_sparse(t), what, " of a tensor of layout ", python_name(layout_of(t)), ", which has no memory of its own; use its values() or to_dense()");
}

}  // namespace kagari
