#include "kagari/ops/reduction.h"

#include "kagari/base/parallel.h"
#include "kagari/cpu/strided.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/views.h"

namespace kagari::reduction {

Ints dims_of(const Tensor& self, const std::optional<IntList>& dims) {
  int64_t n = self.dim();
  Ints out;
  if (!dims || dims->empty()) {
    for (int64_t d = 0; d < n; ++d) out.push_back(d);
    return out;
  }
  for (int64_t d : *dims) {
    d = wrap_dim(d, n);
    for (int64_t other : out) KG_CHECK(d != other, "dim ", d, " appears multiple times in the list of dims");
    out.push_back(d);
  }
  if (n == 0) return {};
  std::sort(out.begin(), out.end());
  return out;
}

static bool contains(const Ints& dims, int64_t d) { return std::find(dims.begin(), dims.end(), d) != dims.end(); }

Ints reduced_sizes(IntList sizes, const Ints& dims, bool keepdim) {
  Ints out;
  for (size_t d = 0; d < sizes.size(); ++d) {
    if (!contains(dims, int64_t(d))) out.push_back(sizes[d]);
    else if (keepdim) out.push_back(1);
  }
  return out;
}

int64_t reduced_count(IntList sizes, const Ints& dims) {
  int64_t n = 1;
  for (int64_t d : dims) n *= sizes[d];
  return n;
}

void check_not_empty(std::string_view name, const Tensor& self, const Ints& dims) {
  if (self.numel() > 0) return;
  for (int64_t d : dims) KG_CHECK_INDEX(self.sizes()[d] != 0, name, "(): Expected reduction dim ", d, " to have non-zero size.");
}

Tensor Block::result(Out& out, DType dtype, size_t i) const {
  if (row_major) return out.alloc(sizes, dtype, input.device(), i);
  return empty_strided_tensor(sizes, strides, dtype, input.device());
}

namespace {

struct Group {  // neighbouring dimensions of one kind
  bool reduced;
  int64_t size, stride;
};
using Groups = SmallVector<Group, 6>;

Groups groups_of(const Tensor& t, const SmallVector<int64_t, 6>& order, const Ints& dims) {
  Groups out;
  for (int64_t d : order) {
    bool reduced = contains(dims, d);
    int64_t size = t.sizes()[d], stride = t.strides()[d];
    if (!out.empty() && out.back().reduced == reduced && out.back().stride == size * stride) {
      out.back().size *= size;
      out.back().stride = stride;
    } else {
      out.push_back({reduced, size, stride});
    }
  }
  return out;
}

/// Whether the groups are (outer?, n?, inner?), as the kernels want them.
bool fits(const Groups& groups, int64_t itemsize, cpu::ReduceSlab& slab) {
  slab = {1, 1, 1, 0, itemsize};
  size_t i = 0;
  if (i < groups.size() && !groups[i].reduced) {
    slab.outer = groups[i].size;
    slab.outer_stride = groups[i++].stride * itemsize;
  }
  if (i < groups.size() && groups[i].reduced) {
    slab.n = groups[i].size;
    slab.n_stride = groups[i++].stride * itemsize;
  }
  if (i < groups.size() && !groups[i].reduced && groups[i].stride == 1) slab.inner = groups[i++].size;
  return i == groups.size();
}

}  // namespace

Block block_of(const Tensor& self, const Ints& dims, bool keepdim, bool in_order) {
  Block b;
  b.sizes = reduced_sizes(self.sizes(), dims, keepdim);
  b.input = self;
  if (self.is_meta()) return b;
  int64_t nd = self.dim();
  SmallVector<int64_t, 6> order;  // outermost first, without dimensions of size 1
  for (int64_t d = 0; d < nd; ++d)
    if (self.sizes()[d] != 1) order.push_back(d);
  if (!self.is_contiguous()) {
    for (size_t i = 1; i < order.size(); ++i)
      for (size_t j = i; j > 0 && self.strides()[order[j]] > self.strides()[order[j - 1]]; --j) std::swap(order[j], order[j - 1]);
  }
  bool usable = true;
  if (in_order) {  // indices count in row-major order: the reduced dimensions must be in it
    int64_t last = -1;
    for (int64_t d : order)
      if (contains(dims, d)) {
        usable = usable && d > last;
        last = d;
      }
  }
  if (!usable || self.numel() == 0 || !fits(groups_of(self, order, dims), self.itemsize(), b.slab)) {
    Ints permuted, sizes, strides;
    for (int64_t d = 0; d < nd; ++d)
      if (!contains(dims, d)) permuted.push_back(d);
    for (int64_t d : dims) permuted.push_back(d);
    order.clear();
    for (int64_t d : permuted) {
      sizes.push_back(self.sizes()[d]);
      strides.push_back(self.strides()[d]);
      if (self.sizes()[d] != 1) order.push_back(d);
    }
    Tensor from = alias(self, sizes, strides, self.storage_offset());
    b.input = empty_tensor(sizes, self.dtype(), self.device());
    const Tensor* operands[] = {&b.input, &from};
    cpu::run_elementwise(cpu::cast_loop(self.dtype(), self.dtype()), nullptr, operands);
    int64_t n = reduced_count(self.sizes(), dims);
    b.slab = {numel_of(b.sizes), n, 1, n * self.itemsize(), self.itemsize()};
  }
  Ints kept;
  for (int64_t d : order)
    if (!contains(dims, d)) kept.push_back(d);
  for (size_t i = 1; i < kept.size(); ++i) b.row_major = b.row_major && kept[i] > kept[i - 1];
  if (b.row_major) return b;
  b.strides = Ints(b.sizes.size());
  for (int64_t& s : b.strides) s = 1;
  int64_t step = 1;
  for (size_t i = kept.size(); i-- > 0;) {
    int64_t position = kept[i];
    if (!keepdim)
      for (int64_t d : dims) position -= d < kept[i];
    b.strides[position] = step;
    step *= self.sizes()[kept[i]];
  }
  return b;
}

Tensor with_dims(const Tensor& reduced, const Ints& dims, bool keepdim) {
  if (keepdim || dims.empty()) return reduced;
  if (reduced.dim() == 0) return reduced;
  Tensor out = reduced;
  for (int64_t d : dims) out = unsqueeze(out, d);
  return out;
}

Tensor at_indices(const Tensor& grad, int64_t dim, const Tensor& indices, int64_t size) {
  Ints sizes(indices.sizes().size());
  for (int64_t& s : sizes) s = 1;
  sizes[dim] = size;
  Tensor positions = reshape(arange(0, size, 1, {.dtype = DType::Int64, .layout = {}, .device = indices.device()}), sizes);
  return where(eq(indices, positions), grad, wrapped_number(0));
}

void run_rows(cpu::RowsFn loop, std::byte* const* data, size_t count, int64_t rows, int64_t n, int64_t itemsize, const void* params) {
  parallel_for(0, rows, std::max<int64_t>(1, 16384 / std::max<int64_t>(1, n)), [&](int64_t begin, int64_t end) {
    char* part[4];
    for (size_t k = 0; k < count; ++k) part[k] = reinterpret_cast<char*>(data[k]) + begin * n * itemsize;
    loop(part, end - begin, n, params);
  });
}

Tensor apply(Out& out, std::string_view kernel, std::string_view name, const Tensor& self, const Ints& dims, bool keepdim, DType result,
             const cpu::LoopParams* params) {
  if (self.is_meta()) return out.alloc(reduced_sizes(self.sizes(), dims, keepdim), result, self.device());
  auto kernel_of = cpu::find_kernels<cpu::ReduceKernelOf>(kernel)[self.dtype()];
  if (!kernel_of && self.dtype() == DType::Complex32) [[unlikely]] {  // pairs of halves are for memory: computed as complex64
    Out fresh;
    DType wide = result == DType::Complex32 ? DType::Complex64 : result == DType::Float16 ? DType::Float32 : result;
    return elementwise::converted(apply(fresh, kernel, name, elementwise::converted(self, DType::Complex64), dims, keepdim, wide, params), result);
  }
  if (!kernel_of) [[unlikely]] fail_dtype(name, self.dtype());
  Block b = block_of(self, dims, keepdim);
  Tensor y = b.result(out, result);
  if (y.numel() > 0) cpu::run_reduce(kernel_of(), reinterpret_cast<char*>(y.bytes()), reinterpret_cast<const char*>(b.input.bytes()), b.slab, params);
  return y;
}

}  // namespace kagari::reduction
