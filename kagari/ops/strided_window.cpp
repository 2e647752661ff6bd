// as_strided and its gradient.
//
// Note [Gradient of as_strided]: input and output are two windows on one storage. The gradient of the output is added into a zeroed
// stretch of storage by the output's geometry and read back by the input's. Where several elements of the input meet at one address,
// each gets its share: the sum divided by their number. The operator that does this is linear, and its own gradient is the same with
// the two geometries exchanged (the shares stay with the input's geometry).
#include "kagari/cpu/copy.h"
#include "kagari/cpu/strided.h"
#include "kagari/op/op.h"
#include "kagari/ops/strided_window.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

/// One past the last address that (sizes, strides, offset) reaches, in elements.
int64_t reach(IntList sizes, IntList strides, int64_t offset) {
  int64_t last = offset;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0) return offset;
    last += (sizes[i] - 1) * strides[i];
  }
  return last + 1;
}

bool may_meet(IntList sizes, IntList strides) {
  // sorted by stride, each dimension must step over all that the smaller ones reach
  SmallVector<std::pair<int64_t, int64_t>, 6> dims;
  for (size_t i = 0; i < sizes.size(); ++i)
    if (sizes[i] != 1) dims.push_back({strides[i], sizes[i]});
  std::sort(dims.begin(), dims.end());
  int64_t span = 0;
  for (auto [stride, size] : dims) {
    if (stride <= span) return true;
    span += stride * (size - 1);
  }
  return false;
}

struct Window {
  IntList sizes, strides;
  int64_t offset;
};

/// Adds t, a tensor of from.sizes, into zeroed storage and reads it as `to`; `input` is the geometry whose meeting elements share.
Tensor through_storage(const Tensor& t, Window from, Window to, Window input) {
  // a dense input and a plain window inside of it: the result itself is the storage
  int64_t count = numel_of(to.sizes);
  if (IntList(row_major_strides(to.sizes)) == to.strides && from.offset >= to.offset && reach(from.sizes, from.strides, from.offset) <= to.offset + count &&
      !may_meet(from.sizes, from.strides)) {
    Tensor y = empty_tensor(to.sizes, t.dtype(), t.device());
    if (t.is_meta()) return y;
    if (t.numel() < count) cpu::fill_elements(y, 0);
    cpu::copy_elements(alias(y, from.sizes, from.strides, from.offset - to.offset), t);
    return y;
  }
  int64_t base = std::min(from.offset, to.offset);
  from.offset -= base;
  to.offset -= base;
  input.offset -= base;
  int64_t size = std::max(reach(from.sizes, from.strides, from.offset), reach(to.sizes, to.strides, to.offset));
  if (t.is_meta()) return empty_tensor(to.sizes, t.dtype(), t.device());
  Tensor storage = empty_tensor({size}, t.dtype());
  cpu::fill_elements(storage, 0);
  if (t.numel()) {
    Tensor window = alias(storage, from.sizes, from.strides, from.offset);
    if (may_meet(from.sizes, from.strides)) cpu::accumulate_elements(window, t);
    else cpu::copy_elements(window, t);
  }
  if (may_meet(input.sizes, input.strides) && numel_of(input.sizes)) {
    Tensor count = empty_tensor({size}, t.dtype()), one = scalar_tensor(1, t.dtype());
    cpu::fill_elements(count, 0);
    cpu::accumulate_elements(alias(count, input.sizes, input.strides, input.offset), alias(one, input.sizes, Ints(input.sizes.size(), 0), 0));
    static const auto& div = cpu::find_kernels<cpu::LoopFn>("div");
    // addresses outside the input have no element: divide by one there
    Tensor ones = empty_tensor({size}, t.dtype());
    cpu::fill_elements(ones, 1);
    static const auto& where = cpu::find_kernels<cpu::LoopFn>("where");
    Tensor present = empty_tensor({size}, DType::Bool);
    cpu::copy_elements(present, count);
    const Tensor* choose[] = {&count, &present, &count, &ones};
    cpu::run_elementwise(where[t.dtype()], nullptr, choose);
    const Tensor* operands[] = {&storage, &storage, &count};
    cpu::run_elementwise(div[t.dtype()], nullptr, operands);
  }
  Tensor y = empty_tensor(to.sizes, t.dtype());
  cpu::copy_elements(y, alias(storage, to.sizes, to.strides, to.offset));
  return y;
}

Tensor as_strided_backward(const Tensor& grad, IntList from_size, IntList from_stride, int64_t from_offset, IntList to_size, IntList to_stride,
                           int64_t to_offset, bool to_is_input);
const auto as_strided_backward_op = define<&as_strided_backward>({
    .schema = "as_strided_backward(Tensor grad, int[] from_size, int[] from_stride, int from_offset, int[] to_size, int[] to_stride, int to_offset, "
              "bool to_is_input) -> Tensor",
    .in = 0,
    .doc = "The gradient of as_strided, see Note [Gradient of as_strided].",
    .run = [](Out&, const Tensor& t, IntList from_size, IntList from_stride, int64_t from_offset, IntList to_size, IntList to_stride, int64_t to_offset,
              bool to_is_input) {
      Window from{from_size, from_stride, from_offset}, to{to_size, to_stride, to_offset};
      for (const Window* w : {&from, &to}) {
        KG_CHECK(w->sizes.size() == w->strides.size() && w->offset >= 0, "as_strided_backward: sizes ", w->sizes, ", strides ", w->strides, " and offset ", w->offset, " do not describe a window");
        int64_t last = w->offset, step = 0;
        for (size_t d = 0; d < w->sizes.size(); ++d)
          KG_CHECK(w->sizes[d] >= 0 && w->strides[d] >= 0 && !__builtin_mul_overflow(w->sizes[d], w->strides[d], &step) && !__builtin_add_overflow(last, step, &last) && last < int64_t(1) << 48,
                   "as_strided_backward: sizes ", w->sizes, " and strides ", w->strides, " are out of range");
      }
      KG_CHECK(t.sizes() == from.sizes, "as_strided_backward: expected a gradient of shape ", from.sizes, ", but got ", t.sizes());
      return through_storage(t, from, to, to_is_input ? to : from);
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, IntList from_size, IntList from_stride, int64_t from_offset, IntList to_size, IntList to_stride,
                       int64_t to_offset, bool to_is_input) -> Grads {
      return {as_strided_backward(c.grad, to_size, to_stride, to_offset, from_size, from_stride, from_offset, !to_is_input)};
    }),
});
Tensor as_strided_backward(const Tensor& grad, IntList from_size, IntList from_stride, int64_t from_offset, IntList to_size, IntList to_stride,
                           int64_t to_offset, bool to_is_input) {
  return as_strided_backward_op(grad, from_size, from_stride, from_offset, to_size, to_stride, to_offset, to_is_input);
}

void check_window(const Tensor& self, IntList size, IntList stride, int64_t offset) {
  KG_CHECK(size.size() == stride.size(), "mismatch in length of strides and shape");
  for (int64_t s : stride) KG_CHECK(s >= 0, "as_strided: Negative strides are not supported at the moment, got strides: ", stride);
  KG_CHECK(offset >= 0, "Tensor: invalid storage offset ", offset);
  int64_t last = offset, bytes = 0;
  bool overflow = false;
  int64_t count = numel_of(size);
  for (size_t i = 0; i < size.size() && count; ++i) {
    int64_t step;
    overflow = overflow || __builtin_mul_overflow(size[i] - 1, stride[i], &step) || __builtin_add_overflow(last, step, &last);
  }
  overflow = overflow || __builtin_add_overflow(last, 1, &last) || __builtin_mul_overflow(last, self.itemsize(), &bytes);
  KG_CHECK(count == 0 || (!overflow && bytes <= self.storage()->nbytes()), "setStorage: sizes ", size, ", strides ", stride, ", storage offset ", offset, ", and itemsize ",
           self.itemsize(), " requiring a storage size of ", bytes, " are out of bounds for storage of size ", self.storage()->nbytes());
}

/// The recorded form, which knows the geometry of its argument.
Tensor as_strided_of(const Tensor& self, IntList size, IntList stride, int64_t offset, IntList self_size, IntList self_stride, int64_t self_offset);
const auto as_strided_of_op = define<&as_strided_of>({
    .schema = "_as_strided(Tensor self, int[] size, int[] stride, int storage_offset, int[] self_size, int[] self_stride, int self_offset) -> Tensor",
    .in = 0,
    .traits = kView,
    .doc = "as_strided, with the geometry of self.",
    .run = [](Out&, const Tensor& self, IntList size, IntList stride, int64_t offset, IntList, IntList, int64_t) {
      check_window(self, size, stride, offset);
      return alias(self, size, stride, offset);
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, IntList size, IntList stride, int64_t offset, IntList self_size, IntList self_stride, int64_t self_offset) -> Grads {
      return {as_strided_backward(c.grad, size, stride, offset, self_size, self_stride, self_offset, true)};
    }),
    .node_name = "AsStridedBackward0",
});
Tensor as_strided_of(const Tensor& self, IntList size, IntList stride, int64_t offset, IntList self_size, IntList self_stride, int64_t self_offset) {
  return as_strided_of_op(self, size, stride, offset, self_size, self_stride, self_offset);
}

const auto as_strided_op = compose<&as_strided>({
    .schema = "as_strided(Tensor self, int[] size, int[] stride, int? storage_offset=None) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "A view of any sizes and strides over the storage of self. The offset defaults to that of self.",
    .body = [](const Tensor& self, IntList size, IntList stride, std::optional<int64_t> offset) {
      return as_strided_of(self, size, stride, offset.value_or(self.storage_offset()), self.sizes(), self.strides(), self.storage_offset());
    },
});

}  // namespace

Tensor as_strided(const Tensor& self, IntList size, IntList stride, std::optional<int64_t> storage_offset) {
  return as_strided_op(self, size, stride, storage_offset);
}

Tensor strided_window(const Tensor& self, IntList size, IntList stride, int64_t offset) {
  return as_strided_of(self, size, stride, offset, self.sizes(), self.strides(), self.storage_offset());
}

IntrusivePtr<Node> strided_window_node(const Tensor& base, const Tensor& view) {
  using Sig = detail::SignatureOf<decltype(&as_strided_of)>::type;
  auto node = make_node<detail::OpNode<Sig>>(as_strided_of_op, 0u, base, view.sizes(), view.strides(), view.storage_offset(), base.sizes(), base.strides(),
                                             base.storage_offset());
  node->next_edges.clear();
  node->next_edges.push_back(gradient_edge(base));
  return node;
}

}  // namespace kagari
