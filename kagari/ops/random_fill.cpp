#include "kagari/ops/random_fill.h"

#include <cstring>
#include <numeric>

#include "kagari/cpu/strided.h"

namespace kagari::random_fill {
namespace {

/// Row-major strides over the dimensions in the order of t's strides.
Ints dense_strides(const Tensor& t) {
  size_t n = size_t(t.dim());
  SmallVector<size_t, 8> order(n);
  std::iota(order.begin(), order.end(), size_t(0));
  // outermost first; dimensions of one element, and those without a clear order, stay where they are
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return t.sizes()[a] > 1 && t.sizes()[b] > 1 && t.strides()[a] > t.strides()[b];
  });
  Ints strides(n);
  int64_t step = 1;
  for (size_t i = n; i-- > 0;) {
    strides[order[i]] = step;
    step *= std::max<int64_t>(t.sizes()[order[i]], 1);
  }
  return strides;
}

}  // namespace

Tensor fresh_like(const Tensor& self, DType dtype) {
  const Tensor* inputs[] = {&self};
  Ints strides = cpu::result_strides(self.sizes(), inputs);
  return strides.empty() ? empty_tensor(self.sizes(), dtype, self.device()) : empty_strided_tensor(self.sizes(), strides, dtype, self.device());
}

Tensor result_like(Out& out, const Tensor& self) {
  Tensor t = out.dest(self.sizes(), self.dtype());
  return t.defined() ? t : fresh_like(self, self.dtype());
}

void fill_in_memory_order(const Tensor& t, FillFn fill) {
  if (t.is_meta() || t.numel() == 0) return;
  if (t.is_contiguous() || t.is_non_overlapping_and_dense()) return fill(t.bytes(), t.numel());
  for (int64_t i = 0; i < t.dim(); ++i)
    KG_CHECK(t.sizes()[i] < 2 || t.strides()[i] != 0,
             "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
             "Please clone() the tensor before performing the operation.");
  Tensor dense = empty_strided_tensor(t.sizes(), dense_strides(t), t.dtype());
  fill(dense.bytes(), dense.numel());
  NoGrad no_record;
  autograd_arithmetic.copy_inplace(alias(t), dense);
}

Tensor in_order_of(const Tensor& t, const Tensor& source) {
  Ints strides = dense_strides(t);
  if (IntList(strides) == source.strides()) return source;
  Tensor dense = empty_strided_tensor(t.sizes(), strides, source.dtype());
  NoGrad no_record;
  autograd_arithmetic.copy_inplace(dense, source);
  return dense;
}

Tensor zeros_for(const Tensor& grad) {
  Tensor zero = empty_tensor(grad.sizes(), grad.dtype(), grad.device());
  if (!zero.is_meta()) std::memset(zero.bytes(), 0, size_t(zero.nbytes()));
  return zero;
}

}  // namespace kagari::random_fill
