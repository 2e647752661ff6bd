#include "kagari/ops/copy.h"

#include "kagari/cpu/copy.h"
#include "kagari/cpu/strided.h"
#include "kagari/op/op.h"
#include "kagari/ops/number.h"

namespace kagari {

Ints strides_like(const Tensor& like, MemoryFormat format) {
  if (format != MemoryFormat::Preserve) return strides_for(like.sizes(), format);
  if (like.is_contiguous()) return row_major_strides(like.sizes());
  if (like.is_non_overlapping_and_dense()) return Ints(like.strides().begin(), like.strides().end());
  const Tensor* one[] = {&like};
  Ints strides = cpu::result_strides(like.sizes(), one);
  return strides.empty() ? row_major_strides(like.sizes()) : strides;
}

namespace {

Dest onto(const Tensor& self) { return {Dest::Kind::Inplace, &self, 1}; }

Tensor fresh_like(const Tensor& self, DType dtype, Device device, MemoryFormat format) {
  return format == MemoryFormat::Preserve && self.is_contiguous() ? empty_tensor(self.sizes(), dtype, device)
                                                                  : empty_strided_tensor(self.sizes(), strides_like(self, format), dtype, device);
}

void move(const Tensor& to, const Tensor& from) {
  if (to.is_meta()) return;
  KG_CHECK_IMPLEMENTED(!from.is_meta(), "Cannot copy out of meta tensor; no data!");
  cpu::copy_elements(to, from);
}

/// Two dense windows of one storage that share some bytes, but not element by element.
bool partly_overlap(const Tensor& a, const Tensor& b) {
  if (a.storage() != b.storage() || a.numel() == 0 || b.numel() == 0) return false;
  if (!a.is_non_overlapping_and_dense() || !b.is_non_overlapping_and_dense()) return false;
  const std::byte *a0 = a.bytes(), *a1 = a0 + a.nbytes(), *b0 = b.bytes(), *b1 = b0 + b.nbytes();
  if (a0 == b0 && a1 == b1) return a.sizes() != b.sizes() || a.strides() != b.strides();
  return a0 < b1 && b0 < a1;
}

const auto copy_op = define<&copy_>({
    .schema = "copy(Tensor self, Tensor|Scalar src, bool non_blocking=False) -> Tensor",
    .in = kInplace,
    .traits = kElementwise,
    .doc = "Writes the elements of src, broadcast and converted, over self. non_blocking has no meaning on the CPU.\n\n"
           ">>> torch.zeros(2).copy_(torch.tensor([1, 2]))\ntensor([1., 2.])",
    .run = [](Out& out, const Tensor& self, const Tensor& src, bool) {
      if (self.sizes() != src.sizes()) {
        Ints both = broadcast_sizes(self.sizes(), src.sizes());
        KG_CHECK(self.sizes() == IntList(both), "output with shape ", self.sizes(), " doesn't match the broadcast shape ", both);
      }
      Tensor to = out.dest(self.sizes(), self.dtype());
      if (!to.defined()) to = fresh_like(self, self.dtype(), self.device(), MemoryFormat::Preserve);
      detail::check_no_internal_overlap(to);
      KG_CHECK(!partly_overlap(to, src), "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory "
               "location. Please clone() the tensor before performing the operation.");
      move(to, src);
      return to;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, const Tensor&, bool) -> Grads { return {Tensor(), c.grad}; }),
    .node_name = "CopyBackwards",
});

const auto clone_op = define<&clone>({
    .schema = "clone(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "A copy in fresh memory. By default the strides of a dense tensor are kept.\n\n>>> torch.tensor([1, 2]).clone()\ntensor([1, 2])",
    .run = [](Out&, const Tensor& self, std::optional<MemoryFormat> format) {
      Tensor y = fresh_like(self, self.dtype(), self.device(), format.value_or(MemoryFormat::Preserve));
      if (!self.is_meta()) cpu::copy_elements(y, self);
      return y;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, std::optional<MemoryFormat>) -> Grads { return {c.grad}; }),
});

Tensor to_copy(const Tensor& self, std::optional<DType> dtype, std::optional<Device> device, bool non_blocking, std::optional<MemoryFormat> memory_format);
const auto to_copy_op = define<&to_copy>({
    .schema = "_to_copy(Tensor self, *, ScalarType? dtype=None, Device? device=None, bool non_blocking=False, MemoryFormat? memory_format=None) -> Tensor",
    .doc = "A copy with another dtype or on another device.",
    .run = [](Out&, const Tensor& self, std::optional<DType> dtype, std::optional<Device> device, bool, std::optional<MemoryFormat> format) {
      Tensor y = fresh_like(self, dtype.value_or(self.dtype()), device.value_or(self.device()), format.value_or(MemoryFormat::Preserve));
      move(y, self);
      return y;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, std::optional<DType>, std::optional<Device>, bool, std::optional<MemoryFormat>) -> Grads { return {c.grad}; }),
    .node_name = "ToCopyBackward0",
});
Tensor to_copy(const Tensor& self, std::optional<DType> dtype, std::optional<Device> device, bool non_blocking, std::optional<MemoryFormat> memory_format) {
  return to_copy_op(self, dtype, device, non_blocking, memory_format);
}

const auto contiguous_op = compose<&contiguous>({
    .schema = "contiguous(Tensor self, *, MemoryFormat memory_format=contiguous_format) -> Tensor",
    .in = kMethod,
    .doc = "self if it is dense in the given memory format, otherwise a copy that is.",
    .body = [](const Tensor& self, MemoryFormat format) {
      KG_CHECK(format != MemoryFormat::Preserve, "preserve memory format is unsupported by the contiguous operator");
      return self.is_contiguous(format) ? self : clone(self, format);
    },
});

const auto type_as_op = compose<&type_as>({
    .schema = "type_as(Tensor self, Tensor other) -> Tensor",
    .in = kMethod,
    .doc = "self with the dtype and device of other.",
    .body = [](const Tensor& self, const Tensor& other) { return to(self, other.dtype(), other.device()); },
});

// ---------------------------------------------------------------- conversions by name
template <DType target>
Tensor convert(const Tensor& self, std::optional<MemoryFormat> format) {
  return to(self, target, {}, false, false, format);
}
#define KG_CONVERSION(method, dtype)                                                          \
  const auto to_##dtype = compose<&convert<DType::dtype>>({                                   \
      .schema = #method "(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor",       \
      .in = kMethod,                                                                          \
      .doc = "self converted to " #dtype "; self itself if it has this dtype.",               \
      .body = &convert<DType::dtype>,                                                         \
  })
KG_CONVERSION(bool, Bool);
KG_CONVERSION(byte, UInt8);
KG_CONVERSION(char, Int8);
KG_CONVERSION(short, Int16);
KG_CONVERSION(int, Int32);
KG_CONVERSION(long, Int64);
KG_CONVERSION(half, Float16);
KG_CONVERSION(bfloat16, BFloat16);
KG_CONVERSION(float, Float32);
KG_CONVERSION(double, Float64);
KG_CONVERSION(cfloat, Complex64);
KG_CONVERSION(cdouble, Complex128);
KG_CONVERSION(chalf, Complex32);
#undef KG_CONVERSION

Tensor to_cpu(const Tensor& self, std::optional<MemoryFormat> format) { return to(self, {}, Device{}, false, false, format); }
const auto cpu_op = compose<&to_cpu>({
    .schema = "cpu(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor",
    .in = kMethod,
    .doc = "self in the memory of the CPU.",
    .body = to_cpu,
});

// ---------------------------------------------------------------- filling
Tensor run_fill(Out& out, const Tensor& self, const Scalar& value) {
  check_convertible(value, self.dtype());
  Tensor y = out.dest(self.sizes(), self.dtype());
  if (!y.defined()) y = fresh_like(self, self.dtype(), self.device(), MemoryFormat::Preserve);
  if (!y.is_meta()) cpu::fill_elements(y, value);
  return y;
}

const auto fill_op = define<&fill>({
    .schema = "fill.Scalar(Tensor self, Scalar value) -> Tensor",
    .in = kFunction | kInplace,
    .traits = kElementwise,
    .doc = "A tensor like self with one value everywhere.",
    .run = run_fill,
    .grad = vjp("", [](Ctx&, const Tensor&, const Scalar&) -> Grads { return {Tensor()}; }),
});

Tensor fill_with(const Tensor& self, const Tensor& value);
const auto fill_tensor_op = define<&fill_with>({
    .schema = "fill.Tensor(Tensor self, Tensor value) -> Tensor",
    .in = kFunction | kInplace,
    .traits = kElementwise,
    .doc = "A tensor like self with the value of a 0-d tensor everywhere.",
    .run = [](Out& out, const Tensor& self, const Tensor& value) {
      KG_CHECK(value.dim() == 0, "fill_ only supports 0-dimension value tensor but got tensor with ", value.dim(), " dimensions.");
      if (!self.is_meta()) return run_fill(out, self, value.item());
      Tensor y = out.dest(self.sizes(), self.dtype());
      return y.defined() ? y : fresh_like(self, self.dtype(), self.device(), MemoryFormat::Preserve);
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, const Tensor&) -> Grads { return {Tensor(), c.grad}; }),
});
Tensor fill_with(const Tensor& self, const Tensor& value) { return fill_tensor_op(self, value); }

const auto zero_op = define<&zero_>({
    .schema = "zero(Tensor self) -> Tensor",
    .in = kInplace,
    .traits = kElementwise,
    .doc = "Sets all elements to zero.",
    .run = [](Out& out, const Tensor& self) { return run_fill(out, self, 0); },
    .grad = vjp("", [](Ctx&, const Tensor&) -> Grads { return {Tensor()}; }),
});

}  // namespace

Tensor copy_(const Tensor& self, const Tensor& src, bool non_blocking) { return copy_op.into(onto(self), self, src, non_blocking); }
Tensor clone(const Tensor& self, std::optional<MemoryFormat> memory_format) { return clone_op(self, memory_format); }
Tensor to(const Tensor& self, std::optional<DType> dtype, std::optional<Device> device, bool non_blocking, bool copy,
          std::optional<MemoryFormat> memory_format) {
  if (device && device->is_cpu()) device->index = -1;
  bool same = (!dtype || *dtype == self.dtype()) && (!device || *device == self.device()) &&
              (!memory_format || *memory_format == MemoryFormat::Preserve || self.is_contiguous(*memory_format));
  return same && !copy ? self : to_copy(self, dtype, device, non_blocking, memory_format);
}
Tensor contiguous(const Tensor& self, MemoryFormat memory_format) { return contiguous_op(self, memory_format); }
Tensor type_as(const Tensor& self, const Tensor& other) { return type_as_op(self, other); }
Tensor fill(const Tensor& self, const Scalar& value) { return fill_op(self, value); }
Tensor fill_(const Tensor& self, const Scalar& value) { return fill_op.into(onto(self), self, value); }
Tensor zero_(const Tensor& self) { return zero_op.into(onto(self), self); }

}  // namespace kagari
