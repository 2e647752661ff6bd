#include "kagari/cpu/copy.h"

#include <cstring>

#include "kagari/base/parallel.h"
#include "kagari/cpu/strided.h"
#include "kagari/cpu/transpose.h"

namespace kagari::cpu {
namespace {

/// The bytes between the first and the last element.
std::pair<const std::byte*, const std::byte*> extent(const Tensor& t) {
  int64_t low = 0, high = 0;
  for (int64_t d = 0; d < t.dim(); ++d) (t.strides()[d] < 0 ? low : high) += (t.sizes()[d] - 1) * t.strides()[d];
  return {t.bytes() + low * t.itemsize(), t.bytes() + (high + 1) * t.itemsize()};
}

bool may_overlap(const Tensor& a, const Tensor& b) {
  if (a.storage() != b.storage()) return false;
  auto [a0, a1] = extent(a);
  auto [b0, b1] = extent(b);
  return a0 < b1 && b0 < a1;
}

/// Copies that exchange a dense dimension of `to` with a dense dimension of `from`. False if this is none.
bool copy_transposed(const Tensor& to, const Tensor& from) {
  if (to.dtype() != from.dtype() || to.numel() < 4096) return false;
  struct Dim {
    int64_t size, to, from;
  };
  SmallVector<Dim, 6> dims;
  Ints in = broadcast_strides(from.sizes(), from.strides(), to.sizes());
  for (int64_t d = 0; d < to.dim(); ++d)
    if (to.sizes()[d] != 1) dims.push_back({to.sizes()[d], to.strides()[d], in[d]});
  std::sort(dims.begin(), dims.end(), [](const Dim& a, const Dim& b) { return a.to > b.to; });
  for (size_t i = dims.size() - 1; i > 0; --i)
    if (dims[i - 1].to == dims[i].to * dims[i].size && dims[i - 1].from == dims[i].from * dims[i].size) {
      dims[i].size *= dims[i - 1].size;
      dims.erase(&dims[i - 1]);
    }
  if (dims.size() < 2 || dims.back().to != 1 || dims.back().from == 1 || dims.back().size < 8) return false;
  size_t r = 0;
  while (r < dims.size() && dims[r].from != 1) ++r;
  if (r >= dims.size() - 1 || dims[r].size < 8) return false;
  Dim rows = dims[r], cols = dims.back();
  dims.pop_back();
  dims.erase(&dims[r]);
  int64_t outer = 1;
  for (const Dim& d : dims) outer *= d.size;
  static const KernelTable<TransposeFn>& kernels = find_kernels<TransposeFn>("transpose");
  TransposeFn kernel = kernels[to.dtype()];
  int64_t size = to.itemsize();
  // bands of rows of one matrix at a time; 64 rows keep the kernel's tiles whole
  int64_t band = 64, bands = (rows.size + band - 1) / band;
  parallel_for(0, outer * bands, std::max<int64_t>(1, parallel_grain / (std::min(band, rows.size) * cols.size)), [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      int64_t at = task / bands, first = task % bands * band, count = std::min(band, rows.size - first);
      int64_t out = first * rows.to, src = first;
      for (size_t d = dims.size(); d-- > 0;) {
        int64_t k = at % dims[d].size;
        at /= dims[d].size;
        out += k * dims[d].to;
        src += k * dims[d].from;
      }
      kernel(reinterpret_cast<char*>(to.bytes()) + out * size, rows.to * size, reinterpret_cast<const char*>(from.bytes()) + src * size, cols.from * size, cols.size, count);
    }
  });
  return true;
}

}  // namespace

void copy_elements(const Tensor& to, const Tensor& from) {
  if (to.numel() == 0) return;
  if (may_overlap(to, from)) {
    if (to.dtype() == from.dtype() && to.storage_offset() == from.storage_offset() && to.sizes() == from.sizes() && to.strides() == from.strides()) return;
    Tensor apart = empty_tensor(from.sizes(), from.dtype());
    copy_elements(apart, from);
    return copy_elements(to, apart);
  }
  if (!(to.is_contiguous() && from.is_contiguous()) && copy_transposed(to, from)) return;
  const Tensor* operands[] = {&to, &from};
  run_elementwise(cast_loop(to.dtype(), from.dtype()), nullptr, operands);
}

void fill_elements(const Tensor& to, const Scalar& value) {
  if (to.numel() == 0) return;
  if (to.is_contiguous() && value.is_integral() && !value.to_bool() && to.dtype() != DType::Float8_e8m0fnu) {
    std::byte* bytes = to.bytes();
    return parallel_for(0, to.nbytes(), parallel_grain * 8, [=](int64_t begin, int64_t end) { std::memset(bytes + begin, 0, size_t(end - begin)); });
  }
  Tensor one = scalar_tensor(value, to.dtype());
  static const KernelTable<LoopFn>& fill = find_kernels<LoopFn>("fill");
  const Tensor* operands[] = {&to};
  run_elementwise(fill[to.dtype()], one.bytes(), operands);
}

void accumulate_elements(const Tensor& window, const Tensor& source) {
  if (window.numel() == 0) return;
  visit_all("add", window.dtype(), [&](auto tag) {
    using T = decltype(tag);
    size_t n = size_t(window.dim());
    Ints at(n, 0);
    T* to = window.data<T>();
    const T* from = source.data<T>();
    for (int64_t left = window.numel(); left > 0; --left) {
      if constexpr (std::is_same_v<T, bool>) *to = *to || *from;
      else *to = T(*to + *from);
      for (size_t d = n; d-- > 0;) {
        to += window.strides()[d];
        from += source.strides()[d];
        if (++at[d] < window.sizes()[d]) break;
        to -= window.sizes()[d] * window.strides()[d];
        from -= source.sizes()[d] * source.strides()[d];
        at[d] = 0;
      }
    }
  });
}

}  // namespace kagari::cpu
