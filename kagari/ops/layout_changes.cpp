// In-place operators that change what a tensor is a window on, not the elements.
#include "kagari/autograd/variable.h"
#include "kagari/op/op.h"
#include "kagari/ops/handles.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

/// Makes self what `view`, a view of it, is: same bytes, other sizes and strides, history included.
Tensor become(const Tensor& self, const Tensor& view) {
  check_inplace(self, self.requires_grad());
  TensorImpl& impl = *self.impl();
  IntrusivePtr<Node> fn;
  if (view.impl()->has_grad_fn) fn = autograd_meta(view).grad_fn;
  uint32_t output_nr = fn ? autograd_meta(view).output_nr : 0;
  impl.set_layout(view.sizes(), view.strides());
  impl.offset = view.storage_offset();
  self.bump_version();
  if (fn) {
    AutogradMeta& meta = autograd_meta(self);
    meta.grad_fn = std::move(fn);
    meta.output_nr = output_nr;
    meta.view_version = self.version();
    impl.has_grad_fn = true;
  }
  return self;
}

Tensor squeeze_(const Tensor& self) { return become(self, squeeze(self)); }
Tensor squeeze_dim_(const Tensor& self, int64_t dim) { return become(self, squeeze_dim(self, dim)); }
Tensor squeeze_dims_(const Tensor& self, IntList dims) { return become(self, squeeze_dims(self, dims)); }
Tensor unsqueeze_(const Tensor& self, int64_t dim) { return become(self, unsqueeze(self, dim)); }
Tensor transpose_(const Tensor& self, int64_t dim0, int64_t dim1) { return become(self, transpose(self, dim0, dim1)); }
Tensor t_(const Tensor& self) { return become(self, t(self)); }
Tensor as_strided_(const Tensor& self, IntList size, IntList stride, std::optional<int64_t> offset) { return become(self, as_strided(self, size, stride, offset)); }

const auto squeeze_op = compose<&squeeze_>({.schema = "squeeze_(Tensor self) -> Tensor", .in = kMethod, .doc = "squeeze, in place.", .body = squeeze_});
const auto squeeze_dim_op = compose<&squeeze_dim_>({.schema = "squeeze_.dim(Tensor self, int dim) -> Tensor", .in = kMethod, .doc = "squeeze, in place.", .body = squeeze_dim_});
const auto squeeze_dims_op =
    compose<&squeeze_dims_>({.schema = "squeeze_.dims(Tensor self, int[] dim) -> Tensor", .in = kMethod, .doc = "squeeze, in place.", .body = squeeze_dims_});
const auto unsqueeze_op = compose<&unsqueeze_>({.schema = "unsqueeze_(Tensor self, int dim) -> Tensor", .in = kMethod, .doc = "unsqueeze, in place.", .body = unsqueeze_});
const auto transpose_op =
    compose<&transpose_>({.schema = "transpose_(Tensor self, int dim0, int dim1) -> Tensor", .in = kMethod, .doc = "transpose, in place.", .body = transpose_});
const auto swapdims_op =
    compose<&transpose_>({.schema = "swapdims_(Tensor self, int dim0, int dim1) -> Tensor", .in = kMethod, .doc = "transpose, in place.", .body = transpose_});
const auto swapaxes_op =
    compose<&transpose_>({.schema = "swapaxes_(Tensor self, int axis0, int axis1) -> Tensor", .in = kMethod, .doc = "transpose, in place.", .body = transpose_});
const auto t_op = compose<&t_>({.schema = "t_(Tensor self) -> Tensor", .in = kMethod, .doc = "t, in place.", .body = t_});
const auto as_strided_op = compose<&as_strided_>({
    .schema = "as_strided_(Tensor self, int[] size, int[] stride, int? storage_offset=None) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "as_strided, in place.",
    .body = as_strided_,
});

// ---------------------------------------------------------------- memory
void grow_storage(const Tensor& self, IntList sizes, IntList strides) {
  int64_t last = self.storage_offset();
  if (numel_of(sizes) == 0) return;
  for (size_t i = 0; i < sizes.size(); ++i) last += (sizes[i] - 1) * strides[i];
  int64_t bytes;
  KG_CHECK(!__builtin_mul_overflow(last + 1, self.itemsize(), &bytes), "Storage size calculation overflowed with sizes=", sizes);
  Storage& storage = *self.storage();
  if (bytes <= storage.nbytes()) return;
  KG_CHECK(storage.resizable(), "Trying to resize storage that is not resizable");
  storage.resize(bytes);
}

const auto resize_op = compose<&resize_>({
    .schema = "resize_(Tensor self, int[] size, *, MemoryFormat? memory_format=None) -> Tensor",
    .in = kMethod,
    .doc = "Gives self another shape and, if needed, more memory. Elements that fit stay, new ones have no defined value.",
    .body = [](const Tensor& self, IntList size, std::optional<MemoryFormat> format) {
      KG_CHECK(!self.requires_grad(), "cannot resize variables that require grad");
      MemoryFormat f = format.value_or(MemoryFormat::Contiguous);
      KG_CHECK(f != MemoryFormat::Preserve, "Unsupported memory format Preserve");
      numel_of(size);
      if (self.sizes() == size && !format) return self;
      Ints strides = strides_for(size, f);
      grow_storage(self, size, strides);
      self.impl()->set_layout(size, strides);
      return self;
    },
});
Tensor resize_as_(const Tensor& self, const Tensor& the_template, std::optional<MemoryFormat> format) {
  KG_CHECK(!self.requires_grad(), "cannot resize variables that require grad");
  if (format == MemoryFormat::Preserve) {
    Ints strides = strides_like(the_template, MemoryFormat::Preserve);
    grow_storage(self, the_template.sizes(), strides);
    self.impl()->set_layout(the_template.sizes(), strides);
    return self;
  }
  return resize_(self, the_template.sizes(), format);
}
const auto resize_as_op = compose<&resize_as_>({
    .schema = "resize_as_(Tensor self, Tensor the_template, *, MemoryFormat? memory_format=None) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "self.resize_(the_template.size()).",
    .body = resize_as_,
});

Tensor set_window(const Tensor& self, const Tensor& source, int64_t offset, IntList size, IntList stride) {
  check_inplace(self, self.requires_grad());
  KG_CHECK(self.dtype() == source.dtype(), "Could not set tensor of type ", name(source.dtype()), " to a tensor of type ", name(self.dtype()));
  KG_CHECK(self.device() == source.device(), "set_: expected both tensors on one device, but they are on ", self.device(), " and ", source.device());
  KG_CHECK(offset >= 0, "Tensor: invalid storage offset ", offset);
  KG_CHECK(stride.empty() || stride.size() == size.size(), "mismatch in length of strides and shape");
  TensorImpl& impl = *self.impl();
  Ints strides = stride.empty() ? row_major_strides(size) : Ints(stride);
  for (int64_t s : strides) KG_CHECK(s >= 0, "set_: negative strides are not supported, got ", strides);
  impl.storage = source.storage();
  impl.offset = offset;
  grow_storage(self, size, strides);
  impl.set_layout(size, strides);
  self.bump_version();
  return self;
}
const auto set_window_op = compose<&set_window>({
    .schema = "set_.source_Tensor_storage_offset(Tensor self, Tensor source, int storage_offset, int[] size, int[] stride=[]) -> Tensor",
    .in = kMethod,
    .doc = "Makes self a window on the storage of source.",
    .body = set_window,
});
const auto set_op = compose<&set_>({
    .schema = "set_.source_Tensor(Tensor self, Tensor source) -> Tensor",
    .in = kMethod,
    .doc = "Makes self the same window as source.",
    .body = [](const Tensor& self, const Tensor& source) { return set_window(self, source, source.storage_offset(), source.sizes(), source.strides()); },
});
Tensor set_empty(const Tensor& self) { return set_window(self, empty_tensor({0}, self.dtype(), self.device()), 0, {0}, {1}); }
const auto set_empty_op = compose<&set_empty>({
    .schema = "set_(Tensor self) -> Tensor",
    .in = kMethod,
    .doc = "Makes self an empty tensor with storage of its own.",
    .body = set_empty,
});

// ---------------------------------------------------------------- the same elements
const auto alias_op = define<&view_of_all>({
    .schema = "alias(Tensor self) -> Tensor",
    .in = 0,
    .traits = kView,
    .doc = "A view of all of self.",
    .run = [](Out&, const Tensor& self) { return alias(self); },
    .grad = vjp("", [](Ctx& c, const Tensor&) -> Grads { return {c.grad}; }),
});
const auto lift_fresh_op = define<&lift_fresh>({
    .schema = "lift_fresh(Tensor self) -> Tensor",
    .in = 0,
    .doc = "self, a tensor that was made from Python data: what modes see of torch.tensor.",
    .run = [](Out&, const Tensor& self) { return self; },
    .grad = vjp("", [](Ctx& c, const Tensor&) -> Grads { return {c.grad}; }),
});
Tensor unsafe_view(const Tensor& self, IntList size);
const auto unsafe_view_op = compose<&unsafe_view>({
    .schema = "_unsafe_view(Tensor self, int[] size) -> Tensor",
    .in = 0,
    .doc = "view() of a tensor that nobody else will use.",
    .body = [](const Tensor& self, IntList size) { return view(self, size); },
});
Tensor unsafe_view(const Tensor& self, IntList size) { return unsafe_view_op(self, size); }
const auto local_scalar_dense_op = define<&local_scalar_dense>({
    .schema = "_local_scalar_dense(Tensor self) -> Scalar",
    .in = 0,
    .traits = kReadsValues,
    .doc = "The only element as a number.",
    .run = [](Out&, const Tensor& self) {
      KG_CHECK(!self.is_meta(), "Tensor.item() cannot be called on meta tensors");
      return self.item();
    },
    .grad = no_grad("a number"),
});

// ---------------------------------------------------------------- outside of the graph
const auto detach_op = define<&detach>({
    .schema = "detach(Tensor self) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "The same elements outside of any graph. The result shares memory with self.",
    .run = [](Out&, const Tensor& self) {
      Tensor out = alias(self);
      out.impl()->wrapped_number = false;
      return out;
    },
    .grad = no_grad("it leaves the graph"),
});
Tensor detach_(const Tensor& self) {
  KG_CHECK(!self.impl()->base, "Can't detach views in-place. Use detach() instead.");
  TensorImpl& impl = *self.impl();
  if (impl.has_grad_fn) {
    AutogradMeta& meta = autograd_meta(self);
    meta.grad_fn = {};
    meta.output_nr = 0;
    impl.has_grad_fn = false;
  }
  impl.requires_grad = false;
  return self;
}
const auto detach_in_place_op = compose<&detach_>({
    .schema = "detach_(Tensor self) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "Takes self out of its graph and makes it a leaf.",
    .body = detach_,
});

}  // namespace

Tensor resize_(const Tensor& self, IntList size, std::optional<MemoryFormat> memory_format) { return resize_op(self, size, memory_format); }
Tensor set_(const Tensor& self, const Tensor& source) { return set_op(self, source); }

Tensor view_of_all(const Tensor& self) { return alias_op(self); }
Tensor lift_fresh(const Tensor& self) { return lift_fresh_op(self); }
Scalar local_scalar_dense(const Tensor& self) { return local_scalar_dense_op(self); }

}  // namespace kagari
