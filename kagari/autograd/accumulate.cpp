#include "kagari/autograd/accumulate.h"

#include <mutex>

#include "kagari/autograd/grad_mode.h"
#include "kagari/tensor/sparse.h"

namespace kagari {

namespace {
// Guards AutogradMeta::accumulator of all tensors: held for a few instructions.
std::mutex accumulators;
}  // namespace

AccumulateGrad::AccumulateGrad(const Tensor& variable) : variable_(variable) {
  sequence = UINT64_MAX;  // runs as soon as it is ready
  add_output(variable);
}

AccumulateGrad::~AccumulateGrad() {
  std::lock_guard lock(accumulators);
  AutogradMeta& meta = autograd_meta(variable_);
  if (meta.accumulator == this) meta.accumulator = nullptr;
}

IntrusivePtr<Node> grad_accumulator(const Tensor& leaf) {
  AutogradMeta& meta = autograd_meta(leaf);
  {
    std::lock_guard lock(accumulators);
    if (meta.accumulator && meta.accumulator->try_retain()) return IntrusivePtr<Node>::adopt(meta.accumulator);
  }
  auto node = make_node<AccumulateGrad>(leaf);
  std::lock_guard lock(accumulators);
  meta.accumulator = node.get();
  return node;
}

Grads AccumulateGrad::apply(Grads&& grads) {
  Tensor incoming = std::move(grads[0]);
  if (!incoming.defined() || !variable_.impl()->requires_grad) return {};
  AutogradMeta& meta = autograd_meta(variable_);
  for (size_t i = 0; i < meta.hooks.size(); ++i) {
    auto hook = meta.hooks[i];
    Grads one;
    one.push_back(incoming);
    (*hook)(one);
    incoming = std::move(one[0]);
  }
  if (!incoming.defined()) return {};
  if (!meta.grad.defined()) {
    // Take the gradient over if nobody else has it and its memory is laid out as the variable's; otherwise keep a copy of our own.
    bool ours = incoming.pointer()->use_count() == 1 && incoming.storage()->use_count() == 1;
    bool same_layout = incoming.strides() == variable_.strides() || (incoming.is_contiguous() && variable_.is_contiguous());
    if (grad_enabled()) meta.grad = incoming;
    else if (is_sparse(incoming)) meta.grad = ours ? incoming : autograd_arithmetic.clone(incoming);
    else if (ours && same_layout) meta.grad = incoming.impl()->has_grad_fn ? detach(incoming) : incoming;
    else if (variable_.is_non_overlapping_and_dense() && !incoming.impl()->special) {
      meta.grad = empty_strided_tensor(variable_.sizes(), variable_.strides(), incoming.dtype(), incoming.device());
      autograd_arithmetic.copy_inplace(meta.grad, incoming);
    } else meta.grad = autograd_arithmetic.clone(incoming);
  } else if (is_sparse(meta.grad) && !is_sparse(incoming)) {
    meta.grad = autograd_arithmetic.add(incoming, meta.grad);  // the sum with a dense gradient is dense
  } else if (grad_enabled()) {
    meta.grad = autograd_arithmetic.add(meta.grad, incoming);
  } else {
    autograd_arithmetic.add_inplace(meta.grad, incoming);
  }
  for (size_t i = 0; i < meta.accumulate_hooks.size(); ++i) {
    auto hook = meta.accumulate_hooks[i];
    Grads self;
    self.push_back(variable_);
    (*hook)(self, self);
  }
  return {};
}

}  // namespace kagari
