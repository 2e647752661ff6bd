#include "kagari/ops/elementwise.h"

#include "kagari/cpu/copy.h"

namespace kagari::elementwise {

Tensor converted(const Tensor& t, DType dtype) {
  if (t.dtype() == dtype) return t;
  if (t.is_meta()) return empty_tensor(t.sizes(), dtype, t.device());
  Tensor out;
  if (t.is_non_overlapping_and_dense()) out = empty_strided_tensor(t.sizes(), t.strides(), dtype, t.device());
  else out = empty_tensor(t.sizes(), dtype, t.device());
  const Tensor* operands[] = {&out, &t};
  cpu::run_elementwise(cpu::cast_loop(dtype, t.dtype()), nullptr, operands);
  return out;
}

cpu::LoopParams numbers(std::initializer_list<Scalar> values) {
  cpu::LoopParams p;
  int slot = 0;
  for (const Scalar& v : values) {
    if (v.is_integral()) p.set(slot++, v.to_int());
    else p.set(slot++, v.to_double());
  }
  return p;
}

DType promoted(const Tensor& a, const Tensor& b) {
  if (a.dtype() == b.dtype() && a.is_wrapped_number() == b.is_wrapped_number()) return a.dtype();
  const Tensor both[] = {a, b};
  return result_dtype(TensorList(both, 2));
}

namespace {

Device common_device(std::string_view name, std::span<const Tensor* const> inputs) {
  const Tensor* chosen = nullptr;
  for (const Tensor* t : inputs)
    if (!chosen || (chosen->dim() == 0 && t->dim() > 0) || (chosen->dim() == 0 && t->is_meta())) chosen = t;
  for (const Tensor* t : inputs)
    KG_CHECK(!(t->is_meta() || chosen->is_meta()) || t->device() == chosen->device() || (t->dim() == 0 && t->is_cpu()), "Tensor on device ", t->device(),
             " is not on the expected device ", chosen->device(), "!");
  for (const Tensor* t : inputs)
    KG_CHECK(t->device() == chosen->device() || t->dim() == 0, "Expected all tensors to be on the same device, but found at least two devices, ",
             inputs[0]->device(), " and ", t->device(), "! (when checking arguments of ", name, ")");
  return chosen->device();
}

}  // namespace

Tensor apply(Out& out, const Table& table, std::string_view name, std::span<const Tensor* const> inputs, DType compute, DType result,
             const cpu::LoopParams* params) {
  cpu::LoopFn loop = table[compute];
  if (!loop) [[unlikely]] fail_dtype(name, compute);
  const Tensor& a = *inputs[0];
  // shape
  Ints broadcast;
  IntList sizes = a.sizes();
  bool plain = true;  // every input dense, of this shape or a single number
  for (const Tensor* t : inputs) plain = plain && t->is_contiguous() && t->device() == a.device() && (t->sizes() == sizes || t->dim() == 0);
  if (!plain || a.device().is_meta()) {
    broadcast = Ints(sizes.begin(), sizes.end());
    for (const Tensor* t : inputs.subspan(1)) broadcast = broadcast_sizes(broadcast, t->sizes());
    sizes = broadcast;
  }
  Device device = plain ? a.device() : common_device(name, inputs);
  // memory
  Tensor y = out.dest(sizes, result);
  if (!y.defined()) {
    Ints strides;
    if (!plain) strides = cpu::result_strides(sizes, inputs);
    y = strides.empty() ? empty_tensor(sizes, result, device) : empty_strided_tensor(sizes, strides, result, device);
  }
  if (device.is_meta()) return y;
  // Inputs of another dtype are converted first; one that overlaps the destination in another layout is copied.
  Tensor converted_inputs[6];
  const Tensor* operands[7] = {&y};
  size_t n = 1;
  for (const Tensor* t : inputs) {
    if (t->dtype() != compute) {
      converted_inputs[n - 1] = converted(*t, compute);
      t = &converted_inputs[n - 1];
    } else if (t->storage() == y.storage() && !(t->storage_offset() == y.storage_offset() && t->sizes() == y.sizes() && t->strides() == y.strides())) {
      Tensor copy = empty_tensor(t->sizes(), compute, device);
      const Tensor* pair[] = {&copy, t};
      cpu::run_elementwise(cpu::cast_loop(compute, compute), nullptr, pair);
      converted_inputs[n - 1] = copy;
      t = &converted_inputs[n - 1];
    } else if (!plain && inputs.size() > 1 && t->numel() >= 4096 && t->sizes() == y.sizes() && t->strides() != y.strides() && y.is_non_overlapping_and_dense() &&
               t->is_non_overlapping_and_dense()) {
      // Lies across the result (transposed): copied by tiles first, so that the loop runs along all operands.
      Tensor along = empty_strided_tensor(t->sizes(), y.strides(), compute, device);
      cpu::copy_elements(along, *t);
      converted_inputs[n - 1] = along;
      t = &converted_inputs[n - 1];
    }
    operands[n++] = t;
  }
  cpu::run_elementwise(loop, params, {operands, n});
  return y;
}

}  // namespace kagari::elementwise
