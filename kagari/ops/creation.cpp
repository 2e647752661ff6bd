#include "kagari/ops/creation.h"

#include "kagari/autograd/variable.h"
#include "kagari/cpu/copy.h"
#include "kagari/op/op.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/number.h"
#include "kagari/ops/sparse.h"

namespace kagari {

NewTensor resolve(const TensorOptions& options, DType default_dtype, Device default_device) {
  KG_CHECK(!options.pin_memory, "pin_memory=True requires a CUDA or other accelerator backend; no pinned memory allocator is available on this system.");
  KG_CHECK_IMPLEMENTED(!options.layout || *options.layout == Layout::Strided, "a tensor of layout ", python_name(options.layout.value_or(Layout::Strided)), " cannot be filled: make a strided one and convert it with to_sparse()");
  return {options.dtype.value_or(default_dtype), options.device.value_or(default_device)};
}

Tensor finish_new(Tensor t, const TensorOptions& options) {
  if (options.requires_grad) set_requires_grad(t, true);
  return t;
}

namespace {

/// Fresh memory, or that of out=.
Tensor allocate_new(Out& out, IntList size, const TensorOptions& options, DType default_dtype) {
  NewTensor made = resolve(options, out.dest_dtype().value_or(default_dtype));
  Tensor y = out.dest(size, made.dtype);
  return y.defined() ? y : empty_tensor(size, made.dtype, made.device);
}
Tensor filled(Out& out, IntList size, const Scalar& value, const TensorOptions& options, DType default_dtype) {
  Tensor y = allocate_new(out, size, options, default_dtype);
  check_convertible(value, y.dtype());
  if (!y.is_meta()) cpu::fill_elements(y, value);
  return finish_new(std::move(y), options);
}

bool wants_sparse(const TensorOptions& o) { return o.layout && *o.layout != Layout::Strided; }
/// Zeros in a sparse layout.
Tensor without_values(IntList size, const TensorOptions& o) { return finish_new(empty_sparse(size, o.dtype.value_or(default_dtype()), *o.layout), o); }

const NoGradient from_numbers = no_grad("made from numbers");

const auto empty_op = define<&empty>({
    .schema = "empty(int[] size, *, Options options, MemoryFormat? memory_format=None) -> Tensor",
    .in = kFunction | kOut,
    .doc = "A tensor whose elements have no defined values.",
    .run = [](Out& out, IntList size, const TensorOptions& options, std::optional<MemoryFormat> format) {
      if (wants_sparse(options)) return without_values(size, options);
      MemoryFormat f = format.value_or(MemoryFormat::Contiguous);
      KG_CHECK(f != MemoryFormat::Preserve, "empty(): preserve_format needs a tensor to preserve the format of");
      if (f == MemoryFormat::Contiguous) return finish_new(allocate_new(out, size, options, default_dtype()), options);
      NewTensor made = resolve(options, default_dtype());
      return finish_new(empty_strided_tensor(size, strides_for(size, f), made.dtype, made.device), options);
    },
    .grad = from_numbers,
});
const auto empty_strided_op = define<&empty_strided>({
    .schema = "empty_strided(int[] size, int[] stride, *, Options options) -> Tensor",
    .in = kFunction,
    .doc = "A tensor of the given sizes and strides whose elements have no defined values.",
    .run = [](Out&, IntList size, IntList stride, const TensorOptions& options) {
      NewTensor made = resolve(options, default_dtype());
      return finish_new(empty_strided_tensor(size, stride, made.dtype, made.device), options);
    },
    .grad = from_numbers,
});
Tensor empty_permuted(IntList size, IntList physical_layout, const TensorOptions& options) {
  KG_CHECK(size.size() == physical_layout.size(), "Number of dimensions in size does not match the length of the physical_layout; i.e. len(size) = ", size.size(),
           " is not equal to len(physical_layout) = ", physical_layout.size());
  Ints strides(size.size(), -1);
  int64_t step = 1;
  for (size_t i = size.size(); i-- > 0;) {
    int64_t d = physical_layout[i];
    KG_CHECK(d >= 0 && d < int64_t(size.size()), "Dimension out of range (expected to be between 0 and ", int64_t(size.size()) - 1, ", but got ", d, " at index ", i, ").");
    KG_CHECK(strides[d] < 0, "Duplicate dim not allowed");
    strides[d] = step;
    step *= std::max<int64_t>(size[d], 1);
  }
  return empty_strided(size, strides, options);
}
const auto empty_permuted_op = compose<&empty_permuted>({
    .schema = "empty_permuted(int[] size, int[] physical_layout, *, Options options) -> Tensor",
    .in = kFunction,
    .doc = "A dense tensor without defined values whose dimensions lie in memory in the given order.",
    .body = empty_permuted,
});

const auto zeros_op = define<&zeros>({
    .schema = "zeros(int[] size, *, Options options) -> Tensor",
    .in = kFunction | kOut,
    .doc = "A tensor of zeros.\n\n>>> torch.zeros(2)\ntensor([0., 0.])",
    .run = [](Out& out, IntList size, const TensorOptions& options) { return wants_sparse(options) ? without_values(size, options) : filled(out, size, 0, options, default_dtype()); },
    .grad = from_numbers,
});
const auto ones_op = define<&ones>({
    .schema = "ones(int[] size, *, Options options) -> Tensor",
    .in = kFunction | kOut,
    .doc = "A tensor of ones.\n\n>>> torch.ones(2)\ntensor([1., 1.])",
    .run = [](Out& out, IntList size, const TensorOptions& options) { return filled(out, size, 1, options, default_dtype()); },
    .grad = from_numbers,
});
const auto full_op = define<&full>({
    .schema = "full(int[] size, Scalar fill_value, *, Options options) -> Tensor",
    .in = kFunction | kOut,
    .doc = "A tensor with one value everywhere; the dtype defaults to that of the number.\n\n>>> torch.full((2,), 3)\ntensor([3, 3])",
    .run = [](Out& out, IntList size, const Scalar& value, const TensorOptions& options) { return filled(out, size, value, options, value.dtype()); },
    .grad = from_numbers,
});
Tensor scalar_tensor_of(const Scalar& s, const TensorOptions& options) { return full({}, s, {options.dtype.value_or(default_dtype()), options.layout, options.device, options.pin_memory, options.requires_grad}); }
const auto scalar_tensor_op = compose<&scalar_tensor_of>({
    .schema = "scalar_tensor(Scalar s, *, Options options) -> Tensor",
    .in = kFunction,
    .doc = "A 0-d tensor of the default dtype.",
    .body = scalar_tensor_of,
});

// ---------------------------------------------------------------- like another tensor
TensorOptions options_like(const Tensor& self, const TensorOptions& options) {
  return {options.dtype.value_or(self.dtype()), options.layout, options.device.value_or(self.device()), options.pin_memory, options.requires_grad};
}
Tensor full_as(const Tensor& self, const Scalar& value, const TensorOptions& options, std::optional<MemoryFormat> format) {
  resolve(options, self.dtype(), self.device());
  Tensor y = empty_like(self, options, format);
  check_convertible(value, y.dtype());
  if (!y.is_meta()) cpu::fill_elements(y, value);
  return y;
}

const auto empty_like_op = define<&empty_like>({
    .schema = "empty_like(Tensor self, *, Options options, MemoryFormat? memory_format=None) -> Tensor",
    .in = kFunction,
    .doc = "empty, with the sizes of self, and its dtype, device and order of dimensions unless others are given.",
    .run = [](Out&, const Tensor& self, const TensorOptions& options, std::optional<MemoryFormat> format) {
      if (wants_sparse(options)) return without_values(self.sizes(), options_like(self, options));
      NewTensor made = resolve(options, self.dtype(), self.device());
      MemoryFormat f = format.value_or(MemoryFormat::Preserve);
      if (f == MemoryFormat::Contiguous || (f == MemoryFormat::Preserve && self.is_contiguous())) return finish_new(empty_tensor(self.sizes(), made.dtype, made.device), options);
      return finish_new(empty_strided_tensor(self.sizes(), strides_like(self, f), made.dtype, made.device), options);
    },
    .grad = from_numbers,
});
const auto zeros_like_op = define<&zeros_like>({
    .schema = "zeros_like(Tensor self, *, Options options, MemoryFormat? memory_format=None) -> Tensor",
    .in = kFunction,
    .doc = "Zeros in the sizes, dtype, device and order of dimensions of self.",
    .run = [](Out&, const Tensor& self, const TensorOptions& options, std::optional<MemoryFormat> format) { return wants_sparse(options) ? without_values(self.sizes(), options_like(self, options)) : full_as(self, 0, options, format); },
    .grad = from_numbers,
});
const auto ones_like_op = define<&ones_like>({
    .schema = "ones_like(Tensor self, *, Options options, MemoryFormat? memory_format=None) -> Tensor",
    .in = kFunction,
    .doc = "Ones in the sizes, dtype, device and order of dimensions of self.",
    .run = [](Out&, const Tensor& self, const TensorOptions& options, std::optional<MemoryFormat> format) { return full_as(self, 1, options, format); },
    .grad = from_numbers,
});
const auto full_like_op = define<&full_like>({
    .schema = "full_like(Tensor self, Scalar fill_value, *, Options options, MemoryFormat? memory_format=None) -> Tensor",
    .in = kFunction,
    .doc = "One value in the sizes, dtype, device and order of dimensions of self.",
    .run = [](Out&, const Tensor& self, const Scalar& value, const TensorOptions& options, std::optional<MemoryFormat> format) { return full_as(self, value, options, format); },
    .grad = from_numbers,
});

const auto new_empty_op = compose<&new_empty>({
    .schema = "new_empty(Tensor self, int[] size, *, Options options) -> Tensor",
    .in = kMethod,
    .doc = "empty, with the dtype and device of self.",
    .body = [](const Tensor& self, IntList size, const TensorOptions& options) { return empty(size, options_like(self, options)); },
});
const auto new_zeros_op = compose<&new_zeros>({
    .schema = "new_zeros(Tensor self, int[] size, *, Options options) -> Tensor",
    .in = kMethod,
    .doc = "zeros, with the dtype and device of self.",
    .body = [](const Tensor& self, IntList size, const TensorOptions& options) { return zeros(size, options_like(self, options)); },
});
const auto new_ones_op = compose<&new_ones>({
    .schema = "new_ones(Tensor self, int[] size, *, Options options) -> Tensor",
    .in = kMethod,
    .doc = "ones, with the dtype and device of self.",
    .body = [](const Tensor& self, IntList size, const TensorOptions& options) { return ones(size, options_like(self, options)); },
});
const auto new_full_op = compose<&new_full>({
    .schema = "new_full(Tensor self, int[] size, Scalar fill_value, *, Options options) -> Tensor",
    .in = kMethod,
    .doc = "full, with the dtype and device of self.",
    .body = [](const Tensor& self, IntList size, const Scalar& value, const TensorOptions& options) { return full(size, value, options_like(self, options)); },
});
Tensor new_empty_strided(const Tensor& self, IntList size, IntList stride, const TensorOptions& options) { return empty_strided(size, stride, options_like(self, options)); }
const auto new_empty_strided_op = compose<&new_empty_strided>({
    .schema = "new_empty_strided(Tensor self, int[] size, int[] stride, *, Options options) -> Tensor",
    .in = kMethod,
    .doc = "empty_strided, with the dtype and device of self.",
    .body = new_empty_strided,
});

}  // namespace

Tensor empty(IntList size, const TensorOptions& options, std::optional<MemoryFormat> memory_format) { return empty_op(size, options, memory_format); }
Tensor empty_strided(IntList size, IntList stride, const TensorOptions& options) { return empty_strided_op(size, stride, options); }
Tensor empty_like(const Tensor& self, const TensorOptions& options, std::optional<MemoryFormat> format) { return empty_like_op(self, options, format); }
Tensor new_empty(const Tensor& self, IntList size, const TensorOptions& options) { return new_empty_op(self, size, options); }
Tensor zeros(IntList size, const TensorOptions& options) { return zeros_op(size, options); }
Tensor zeros_like(const Tensor& self, const TensorOptions& options, std::optional<MemoryFormat> format) { return zeros_like_op(self, options, format); }
Tensor new_zeros(const Tensor& self, IntList size, const TensorOptions& options) { return new_zeros_op(self, size, options); }
Tensor ones(IntList size, const TensorOptions& options) { return ones_op(size, options); }
Tensor ones_like(const Tensor& self, const TensorOptions& options, std::optional<MemoryFormat> format) { return ones_like_op(self, options, format); }
Tensor new_ones(const Tensor& self, IntList size, const TensorOptions& options) { return new_ones_op(self, size, options); }
Tensor full(IntList size, const Scalar& fill_value, const TensorOptions& options) { return full_op(size, fill_value, options); }
Tensor full_like(const Tensor& self, const Scalar& fill_value, const TensorOptions& options, std::optional<MemoryFormat> format) {
  return full_like_op(self, fill_value, options, format);
}
Tensor new_full(const Tensor& self, IntList size, const Scalar& fill_value, const TensorOptions& options) { return new_full_op(self, size, fill_value, options); }

}  // namespace kagari
