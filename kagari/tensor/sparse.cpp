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

}  // namespace

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
  set_sizes(*t.impl(), kept);
  t.bump_version();
}

void require_strided(const Tensor& t, std::string_view what) {
  KG_CHECK(!is_sparse(t), what, " of a tensor of layout ", python_name(layout_of(t)), ", which has no memory of its own; use its values() or to_dense()");
}

}  // namespace kagari
