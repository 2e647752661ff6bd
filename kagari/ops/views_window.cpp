// Views that take a part of a tensor, their gradients, and the *_scatter operators that write such a part.
#include <limits>

#include "kagari/cpu/copy.h"
#include "kagari/cpu/strided.h"
#include "kagari/op/op.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

constexpr unsigned both = kFunction | kMethod;

// ---------------------------------------------------------------- windows, without autograd
Tensor select_window(const Tensor& self, int64_t dim, int64_t index) {
  KG_CHECK_INDEX(self.dim() > 0, "select() cannot be applied to a 0-dim tensor.");
  dim = wrap_dim(dim, self.dim());
  int64_t size = self.sizes()[dim];
  KG_CHECK_INDEX(index >= -size && index < size, "select(): index ", index, " out of range for tensor of size ", self.sizes(), " at dimension ", dim);
  if (index < 0) index += size;
  Ints sizes(self.sizes()), strides(self.strides());
  int64_t offset = self.storage_offset() + index * strides[dim];
  sizes.erase(&sizes[dim]);
  strides.erase(&strides[dim]);
  return alias(self, sizes, strides, offset);
}

/// start and end as Python clamps them.
std::pair<int64_t, int64_t> slice_bounds(int64_t size, std::optional<int64_t> start, std::optional<int64_t> end) {
  int64_t a = start.value_or(0), b = end.value_or(size);
  if (a < 0) a += size;
  if (b < 0) b += size;
  a = std::clamp<int64_t>(a, 0, size);
  b = std::clamp<int64_t>(b, a, size);
  return {a, b};
}

Tensor slice_window(const Tensor& self, int64_t dim, std::optional<int64_t> start, std::optional<int64_t> end, int64_t step) {
  KG_CHECK(self.dim() > 0, "slice() cannot be applied to a 0-dim tensor.");
  dim = wrap_dim(dim, self.dim());
  KG_CHECK(step > 0, "slice step must be positive");
  Ints sizes(self.sizes()), strides(self.strides());
  auto [a, b] = slice_bounds(sizes[dim], start, end);
  int64_t offset = self.storage_offset() + a * strides[dim];
  sizes[dim] = (b - a) / step + ((b - a) % step != 0);
  strides[dim] = __builtin_mul_overflow(strides[dim], step, &step) ? strides[dim] : step;
  return alias(self, sizes, strides, offset);
}

Tensor diagonal_window(const Tensor& self, int64_t offset, int64_t dim1, int64_t dim2) {
  int64_t a = wrap_dim(dim1, self.dim()), b = wrap_dim(dim2, self.dim());
  KG_CHECK(a != b, "diagonal dimensions cannot be identical ", dim1, ", ", dim2);
  Ints sizes(self.sizes()), strides(self.strides());
  int64_t rows = sizes[a], cols = sizes[b], at = self.storage_offset();
  // beyond the matrix in either direction the diagonal is empty, however large the offset
  int64_t count = offset >= 0 ? (offset >= cols ? 0 : std::min(rows, cols - offset)) : (offset <= -rows ? 0 : std::min(rows + offset, cols));
  if (count > 0) at += offset >= 0 ? offset * strides[b] : -offset * strides[a];
  int64_t stride = strides[a] + strides[b];
  for (int64_t d : {std::max(a, b), std::min(a, b)}) {
    sizes.erase(&sizes[d]);
    strides.erase(&strides[d]);
  }
  sizes.push_back(count);
  strides.push_back(stride);
  return alias(self, sizes, strides, at);
}

Tensor unfold_window(const Tensor& self, int64_t dim, int64_t size, int64_t step) {
  dim = wrap_dim(dim, self.dim());
  int64_t available = self.dim() ? self.sizes()[dim] : 1;
  KG_CHECK(size >= 0, "size is ", size, " but must be >= 0");
  KG_CHECK(size <= available, "maximum size for tensor at dimension ", dim, " is ", available, " but size is ", size);
  KG_CHECK(step > 0, "step is ", step, " but must be > 0");
  Ints sizes(self.sizes()), strides(self.strides());
  int64_t stride = self.dim() ? strides[dim] : 1;
  sizes.push_back(size);
  strides.push_back(stride);
  if (self.dim()) {
    sizes[dim] = (available - size) / step + 1;
    strides[dim] = __builtin_mul_overflow(stride, step, &step) ? stride : step;
  }
  return alias(self, sizes, strides, self.storage_offset());
}

/// Zeros of `sizes`, with `src` in the window that `cut` finds in them.
template <class Cut>
Tensor zeros_with(const Tensor& src, IntList sizes, Cut&& cut) {
  Tensor y = empty_tensor(sizes, src.dtype(), src.device());
  Tensor window = cut(y);
  if (y.is_meta()) return y;
  if (window.numel() < y.numel()) cpu::fill_elements(y, 0);
  cpu::copy_elements(window, src);
  return y;
}

// ---------------------------------------------------------------- select, slice, narrow
const auto select_op = define<&select>({
    .schema = "select(Tensor self, int dim, int index) -> Tensor",
    .in = both,
    .traits = kView,
    .doc = "Entry index of dimension dim, which disappears. The result shares memory with self.\n\n>>> torch.tensor([[1, 2], [3, 4]]).select(1, 0)\ntensor([1, 3])",
    .run = [](Out&, const Tensor& self, int64_t dim, int64_t index) { return select_window(self, dim, index); },
    .grad = vjp("", [](Ctx& c, const Tensor&, int64_t dim, int64_t index) -> Grads { return {select_backward(c.grad, c.sizes(0), dim, index)}; }),
});
const auto select_backward_op = define<&select_backward>({
    .schema = "select_backward(Tensor grad_output, int[] input_sizes, int dim, int index) -> Tensor",
    .in = 0,
    .doc = "Zeros with grad_output in the place that select takes.",
    .run = [](Out&, const Tensor& grad, IntList sizes, int64_t dim, int64_t index) {
      return zeros_with(grad, sizes, [&](const Tensor& y) { return select_window(y, dim, index); });
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, IntList, int64_t dim, int64_t index) -> Grads { return {select(c.grad, dim, index)}; }),
});

const auto slice_op = define<&slice>({
    .schema = "slice(Tensor self, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor",
    .in = 0,
    .traits = kView,
    .doc = "Entries start, start + step, ... below end of a dimension.",
    .run = [](Out&, const Tensor& self, int64_t dim, std::optional<int64_t> start, std::optional<int64_t> end, int64_t step) {
      return slice_window(self, dim, start, end, step);
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, int64_t dim, std::optional<int64_t> start, std::optional<int64_t> end, int64_t step) -> Grads {
      auto [a, b] = slice_bounds(c.sizes(0)[wrap_dim(dim, int64_t(c.sizes(0).size()))], start, end);
      return {slice_backward(c.grad, c.sizes(0), dim, a, b, step)};
    }),
});
const auto slice_backward_op = define<&slice_backward>({
    .schema = "slice_backward(Tensor grad_output, int[] input_sizes, int dim, int start, int end, int step) -> Tensor",
    .in = 0,
    .doc = "Zeros with grad_output in the places that slice takes.",
    .run = [](Out&, const Tensor& grad, IntList sizes, int64_t dim, int64_t start, int64_t end, int64_t step) {
      return zeros_with(grad, sizes, [&](const Tensor& y) { return slice_window(y, dim, start, end, step); });
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, IntList, int64_t dim, int64_t start, int64_t end, int64_t step) -> Grads {
      return {slice(c.grad, dim, start, end, step)};
    }),
});

// before the other form, which would take a tensor of one element as a number
Tensor narrow_from(const Tensor& self, int64_t dim, const Tensor& start, int64_t length) {
  KG_CHECK(start.dim() == 0 && is_integer(start.dtype()), "start must be an 0-dim integral Tensor.");
  return narrow(self, dim, start.item<int64_t>(), length);
}
const auto narrow_from_op = compose<&narrow_from>({
    .schema = "narrow.Tensor(Tensor self, int dim, Tensor start, int length) -> Tensor",
    .in = both,
    .doc = "narrow, with the start in a tensor.",
    .body = narrow_from,
});
const auto narrow_op = compose<&narrow>({
    .schema = "narrow(Tensor self, int dim, int start, int length) -> Tensor",
    .in = both,
    .doc = "Entries start to start + length - 1 of a dimension.\n\n>>> torch.arange(5).narrow(0, 1, 2)\ntensor([1, 2])",
    .body = [](const Tensor& self, int64_t dim, int64_t start, int64_t length) {
      KG_CHECK(self.dim() > 0, "narrow() cannot be applied to a 0-dim tensor.");
      KG_CHECK(length >= 0, "narrow(): length must be non-negative.");
      int64_t size = self.size(dim);
      KG_CHECK_INDEX(start >= -size && start <= size, "start out of range (expected to be in range of [", -size, ", ", size, "], but got ", start, ")");
      if (start < 0) start += size;
      KG_CHECK(start <= size - length, "start (", start, ") + length (", length, ") exceeds dimension size (", size, ").");
      return slice(self, dim, start, start + length, 1);
    },
});
Tensor narrow_copy(const Tensor& self, int64_t dim, int64_t start, int64_t length) {
  KG_CHECK(self.dim() > 0, "narrow() cannot be applied to a 0-dim tensor.");
  KG_CHECK(dim < self.dim(), "Expected dim < static_cast<int64_t>(self_sizes.size()) to be true, but got false.");
  return clone(narrow(self, dim, start, length), MemoryFormat::Contiguous);
}
const auto narrow_copy_op = compose<&narrow_copy>({
    .schema = "narrow_copy(Tensor self, int dim, int start, int length) -> Tensor",
    .in = both | kOut,
    .doc = "A copy of narrow(...).",
    .body = narrow_copy,
});

// ---------------------------------------------------------------- diagonal, unfold
const auto diagonal_op = define<&diagonal>({
    .schema = "diagonal(Tensor self, int offset=0, int dim1=0, int dim2=1) -> Tensor",
    .in = both,
    .traits = kView,
    .doc = "The diagonal of the matrices in dimensions dim1 and dim2, as the last dimension. The result shares memory with self.\n\n"
           ">>> torch.tensor([[1, 2], [3, 4]]).diagonal()\ntensor([1, 4])",
    .run = [](Out&, const Tensor& self, int64_t offset, int64_t dim1, int64_t dim2) { return diagonal_window(self, offset, dim1, dim2); },
    .grad = vjp("", [](Ctx& c, const Tensor&, int64_t offset, int64_t dim1, int64_t dim2) -> Grads {
      return {diagonal_backward(c.grad, c.sizes(0), offset, dim1, dim2)};
    }),
});
const auto diagonal_backward_op = define<&diagonal_backward>({
    .schema = "diagonal_backward(Tensor grad_output, int[] input_sizes, int offset, int dim1, int dim2) -> Tensor",
    .in = 0,
    .doc = "Zeros with grad_output on the diagonal.",
    .run = [](Out&, const Tensor& grad, IntList sizes, int64_t offset, int64_t dim1, int64_t dim2) {
      return zeros_with(grad, sizes, [&](const Tensor& y) { return diagonal_window(y, offset, dim1, dim2); });
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, IntList, int64_t offset, int64_t dim1, int64_t dim2) -> Grads { return {diagonal(c.grad, offset, dim1, dim2)}; }),
});
Tensor linalg_diagonal(const Tensor& A, int64_t offset, int64_t dim1, int64_t dim2) { return diagonal(A, offset, dim1, dim2); }
const auto linalg_diagonal_op = compose<&linalg_diagonal>({
    .schema = "linalg_diagonal(Tensor A, *, int offset=0, int dim1=-2, int dim2=-1) -> Tensor",
    .in = kFunction,
    .doc = "torch.diagonal with the last two dimensions as defaults.",
    .body = linalg_diagonal,
});

const auto unfold_op = define<&unfold>({
    .schema = "unfold(Tensor self, int dimension, int size, int step) -> Tensor",
    .in = kMethod,
    .traits = kView,
    .doc = "All windows of size entries along a dimension, step apart; the window becomes the last dimension.\n\n>>> torch.arange(4).unfold(0, 2, 1)\n"
           "tensor([[0, 1],\n        [1, 2],\n        [2, 3]])",
    .run = [](Out&, const Tensor& self, int64_t dim, int64_t size, int64_t step) { return unfold_window(self, dim, size, step); },
    .grad = vjp("", [](Ctx& c, const Tensor&, int64_t dim, int64_t size, int64_t step) -> Grads { return {unfold_backward(c.grad, c.sizes(0), dim, size, step)}; }),
});
const auto unfold_backward_op = define<&unfold_backward>({
    .schema = "unfold_backward(Tensor grad_in, int[] input_sizes, int dim, int size, int step) -> Tensor",
    .in = 0,
    .doc = "Zeros with grad_in added in the places that unfold takes.",
    .run = [](Out&, const Tensor& grad, IntList sizes, int64_t dim, int64_t size, int64_t step) {
      Tensor y = empty_tensor(sizes, grad.dtype(), grad.device());
      Tensor windows = unfold_window(y, dim, size, step);
      KG_CHECK(grad.sizes() == windows.sizes(), "unfold_backward: expected a gradient of shape ", windows.sizes(), ", but got ", grad.sizes());
      if (y.is_meta()) return y;
      cpu::fill_elements(y, 0);
      static const auto& add = cpu::find_kernels<cpu::LoopFn>("add");
      if (!add[y.dtype()]) fail_dtype("unfold_backward", y.dtype());
      // one position of all windows at a time: these never meet
      for (int64_t k = 0; k < size; ++k) {
        Tensor to = select_window(windows, -1, k), from = select_window(grad, -1, k);
        const Tensor* operands[] = {&to, &to, &from};
        cpu::run_elementwise(add[y.dtype()], nullptr, operands);
      }
      return y;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, IntList, int64_t dim, int64_t size, int64_t step) -> Grads { return {unfold(c.grad, dim, size, step)}; }),
});

// ---------------------------------------------------------------- writing a window
void check_source(const Tensor& src, const Tensor& window) {
  KG_CHECK(src.sizes() == window.sizes(), "expected src to have a size equal to the slice of self. src size = ", src.sizes(), ", slice size = ", window.sizes());
}
template <class Cut>
Tensor with_window(const Tensor& self, const Tensor& src, Cut&& cut) {
  Tensor y = empty_strided_tensor(self.sizes(), strides_like(self, MemoryFormat::Preserve), self.dtype(), self.device());
  Tensor window = cut(y);
  check_source(src, window);
  if (y.is_meta()) return y;
  cpu::copy_elements(y, self);
  cpu::copy_elements(window, src);
  return y;
}
Tensor zeros_for(const Tensor& window) { return new_zeros(window, window.sizes()); }

const auto select_scatter_op = define<&select_scatter>({
    .schema = "select_scatter(Tensor self, Tensor src, int dim, int index) -> Tensor",
    .in = both | kOut,
    .doc = "A copy of self with src as entry index of dimension dim.",
    .run = [](Out&, const Tensor& self, const Tensor& src, int64_t dim, int64_t index) {
      return with_window(self, src, [&](const Tensor& y) { return select_window(y, dim, index); });
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, const Tensor&, int64_t dim, int64_t index) -> Grads {
      Tensor window = select(c.grad, dim, index);
      return {c.needs(0) ? select_scatter(c.grad, zeros_for(window), dim, index) : Tensor(), window};
    }),
});
const auto slice_scatter_op = define<&slice_scatter>({
    .schema = "slice_scatter(Tensor self, Tensor src, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor",
    .in = both | kOut,
    .doc = "A copy of self with src in the places start, start + step, ... of dimension dim.",
    .run = [](Out&, const Tensor& self, const Tensor& src, int64_t dim, std::optional<int64_t> start, std::optional<int64_t> end, int64_t step) {
      return with_window(self, src, [&](const Tensor& y) { return slice_window(y, dim, start, end, step); });
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, const Tensor&, int64_t dim, std::optional<int64_t> start, std::optional<int64_t> end, int64_t step) -> Grads {
      Tensor window = slice(c.grad, dim, start, end, step);
      return {c.needs(0) ? slice_scatter(c.grad, zeros_for(window), dim, start, end, step) : Tensor(), window};
    }),
});
const auto diagonal_scatter_op = define<&diagonal_scatter>({
    .schema = "diagonal_scatter(Tensor self, Tensor src, int offset=0, int dim1=0, int dim2=1) -> Tensor",
    .in = both | kOut,
    .doc = "A copy of self with src on a diagonal.",
    .run = [](Out&, const Tensor& self, const Tensor& src, int64_t offset, int64_t dim1, int64_t dim2) {
      return with_window(self, src, [&](const Tensor& y) { return diagonal_window(y, offset, dim1, dim2); });
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, const Tensor&, int64_t offset, int64_t dim1, int64_t dim2) -> Grads {
      Tensor window = diagonal(c.grad, offset, dim1, dim2);
      return {c.needs(0) ? diagonal_scatter(c.grad, zeros_for(window), offset, dim1, dim2) : Tensor(), window};
    }),
});
/// One more than the largest position in the storage that these sizes and strides address.
int64_t reach(IntList sizes, IntList strides, int64_t offset) {
  KG_CHECK(sizes.size() == strides.size(), "mismatch in length of strides and shape");
  int64_t last = offset;
  for (size_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] == 0) return offset;
    KG_CHECK(sizes[d] > 0 && strides[d] >= 0, "as_strided: sizes and strides must not be negative, but got ", sizes, " and ", strides);
    int64_t step = 0;
    KG_CHECK(!__builtin_mul_overflow(sizes[d] - 1, strides[d], &step) && !__builtin_add_overflow(last, step, &last), "as_strided: sizes and strides are too large");
  }
  KG_CHECK(last < std::numeric_limits<int64_t>::max() / 32, "as_strided: the storage offset ", offset, " is too large");  // so that bytes can be counted
  return last + 1;
}
/// No two elements at one address: each stride steps over all that the smaller ones reach.
bool has_distinct_elements(const Tensor& t) {
  std::vector<std::pair<int64_t, int64_t>> axes;
  for (int64_t d = 0; d < t.dim(); ++d)
    if (t.sizes()[size_t(d)] != 1) axes.push_back({t.strides()[size_t(d)], t.sizes()[size_t(d)]});
  std::sort(axes.begin(), axes.end());
  int64_t extent = 1;
  for (auto [stride, size] : axes) {
    if (stride < extent) return false;
    extent = stride * (size - 1) + extent;
  }
  return true;
}

const auto as_strided_scatter_op = compose<&as_strided_scatter>({
    .schema = "as_strided_scatter(Tensor self, Tensor src, int[] size, int[] stride, int? storage_offset=None) -> Tensor",
    .in = both | kOut,
    .doc = "A copy of self with src in the places of as_strided(size, stride, storage_offset).",
    .body = [](const Tensor& self, const Tensor& src, IntList size, IntList stride, std::optional<int64_t> storage_offset) {
      if (!has_distinct_elements(self)) {
        Tensor y = clone(self), window = as_strided(y, size, stride, storage_offset);
        check_source(src, window);
        copy_(window, src);
        return y;
      }
      // the window counts along self's storage: the copy has the same strides and the same offset
      int64_t offset = storage_offset.value_or(self.storage_offset()), length = std::max(reach(self.sizes(), self.strides(), self.storage_offset()), reach(size, stride, offset));
      KG_CHECK(offset >= 0 && reach(size, stride, offset) * self.itemsize() <= self.storage()->nbytes(), "as_strided_scatter: sizes ", size, ", strides ", stride, ", storage offset ", offset, ", and itemsize ", self.itemsize(),
               " requiring a storage size of ", reach(size, stride, offset) * self.itemsize(), " are out of bounds for storage of size ", self.storage()->nbytes());
      Tensor memory = new_zeros(self, {length});
      copy_(as_strided(memory, self.sizes(), self.strides(), self.storage_offset()), self);
      Tensor window = as_strided(memory, size, stride, offset);
      check_source(src, window);
      copy_(window, src);
      return as_strided(memory, self.sizes(), self.strides(), self.storage_offset());
    },
});

// ---------------------------------------------------------------- complex numbers as pairs
Tensor seen_as(const Tensor& t, DType dtype, IntList sizes, IntList strides, int64_t offset) {
  Tensor y = alias(t, sizes, strides, offset);
  y.impl()->dtype = dtype;
  return y;
}

const auto view_as_real_op = define<&view_as_real>({
    .schema = "view_as_real(Tensor self) -> Tensor",
    .in = kFunction,
    .traits = kView,
    .doc = "Complex numbers as a last dimension of size 2, which shares memory with self.",
    .run = [](Out&, const Tensor& self) {
      KG_CHECK(self.is_complex(), "view_as_real is only supported for complex tensors");
      Ints sizes(self.sizes()), strides(self.strides());
      for (int64_t& s : strides) s *= 2;
      sizes.push_back(2);
      strides.push_back(1);
      return seen_as(self, to_real(self.dtype()), sizes, strides, self.storage_offset() * 2);
    },
    .grad = vjp("", [](Ctx& c, const Tensor&) -> Grads { return {view_as_complex(contiguous(c.grad))}; }),
});
const auto view_as_complex_op = define<&view_as_complex>({
    .schema = "view_as_complex(Tensor self) -> Tensor",
    .in = kFunction,
    .traits = kView,
    .doc = "Pairs of numbers in the last dimension as complex numbers, which share memory with self.",
    .run = [](Out&, const Tensor& self) {
      KG_CHECK(self.dtype() == DType::Float32 || self.dtype() == DType::Float64 || self.dtype() == DType::Float16,
               "view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar type: ", legacy_name(self.dtype()));
      KG_CHECK(self.dim() > 0, "Input tensor must have one or more dimensions");
      Ints sizes(self.sizes()), strides(self.strides());
      KG_CHECK(sizes.back() == 2, "Tensor must have a last dimension of size 2");
      KG_CHECK(strides.back() == 1, "Tensor must have a last dimension with stride 1");
      KG_CHECK(self.storage_offset() % 2 == 0, "Tensor must have a storage_offset divisible by 2");
      sizes.pop_back();
      strides.pop_back();
      for (size_t i = 0; i < strides.size(); ++i) {
        KG_CHECK(strides[i] % 2 == 0 || sizes[i] < 2, "Tensor must have a stride divisible by 2 for all but last dimension");
        strides[i] /= 2;
      }
      return seen_as(self, to_complex(self.dtype()), sizes, strides, self.storage_offset() / 2);
    },
    .grad = vjp("", [](Ctx& c, const Tensor&) -> Grads { return {view_as_real(c.grad)}; }),
});
const auto real_op = compose<&real>({
    .schema = "real(Tensor self) -> Tensor",
    .in = kFunction | kProperty,
    .doc = "The real parts, which share memory with self; a real tensor itself.",
    .body = [](const Tensor& self) { return self.is_complex() ? select(view_as_real(self), -1, 0) : self; },
});
const auto imag_op = compose<&imag>({
    .schema = "imag(Tensor self) -> Tensor",
    .in = kFunction | kProperty,
    .doc = "The imaginary parts, which share memory with self.",
    .body = [](const Tensor& self) {
      KG_CHECK(self.is_complex(), "imag is not implemented for tensors with non-complex dtypes.");
      return select(view_as_real(self), -1, 1);
    },
});

}  // namespace

Tensor select(const Tensor& self, int64_t dim, int64_t index) { return select_op(self, dim, index); }
Tensor slice(const Tensor& self, int64_t dim, std::optional<int64_t> start, std::optional<int64_t> end, int64_t step) {
  return slice_op(self, dim, start, end, step);
}
Tensor narrow(const Tensor& self, int64_t dim, int64_t start, int64_t length) { return narrow_op(self, dim, start, length); }
Tensor diagonal(const Tensor& self, int64_t offset, int64_t dim1, int64_t dim2) { return diagonal_op(self, offset, dim1, dim2); }
Tensor unfold(const Tensor& self, int64_t dimension, int64_t size, int64_t step) { return unfold_op(self, dimension, size, step); }
Tensor select_backward(const Tensor& grad, IntList sizes, int64_t dim, int64_t index) { return select_backward_op(grad, sizes, dim, index); }
Tensor slice_backward(const Tensor& grad, IntList sizes, int64_t dim, int64_t start, int64_t end, int64_t step) {
  return slice_backward_op(grad, sizes, dim, start, end, step);
}
Tensor diagonal_backward(const Tensor& grad, IntList sizes, int64_t offset, int64_t dim1, int64_t dim2) {
  return diagonal_backward_op(grad, sizes, offset, dim1, dim2);
}
Tensor unfold_backward(const Tensor& grad, IntList sizes, int64_t dim, int64_t size, int64_t step) { return unfold_backward_op(grad, sizes, dim, size, step); }
Tensor select_scatter(const Tensor& self, const Tensor& src, int64_t dim, int64_t index) { return select_scatter_op(self, src, dim, index); }
Tensor slice_scatter(const Tensor& self, const Tensor& src, int64_t dim, std::optional<int64_t> start, std::optional<int64_t> end, int64_t step) {
  return slice_scatter_op(self, src, dim, start, end, step);
}
Tensor diagonal_scatter(const Tensor& self, const Tensor& src, int64_t offset, int64_t dim1, int64_t dim2) {
  return diagonal_scatter_op(self, src, offset, dim1, dim2);
}
Tensor as_strided_scatter(const Tensor& self, const Tensor& src, IntList size, IntList stride, std::optional<int64_t> storage_offset) {
  return as_strided_scatter_op(self, src, size, stride, storage_offset);
}
Tensor view_as_real(const Tensor& self) { return view_as_real_op(self); }
Tensor view_as_complex(const Tensor& self) { return view_as_complex_op(self); }
Tensor real(const Tensor& self) { return real_op(self); }
Tensor imag(const Tensor& self) { return imag_op(self); }

}  // namespace kagari
