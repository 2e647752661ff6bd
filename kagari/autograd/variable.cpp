#include "kagari/autograd/variable.h"

#include <mutex>

#include "kagari/autograd/accumulate.h"
#include "kagari/autograd/grad_mode.h"
#include "kagari/autograd/special.h"
#include "kagari/tensor/quantized.h"
#include "kagari/tensor/sparse.h"

namespace kagari {

AutogradArithmetic autograd_arithmetic;
SavedTensorHooks saved_tensor_hooks;
thread_local int saved_tensor_hooks_active = 0;

constinit thread_local GradState thread_grad_state;

AutogradMeta::~AutogradMeta() = default;

AutogradMeta& autograd_meta(const Tensor& t) {
  auto& slot = t.impl()->autograd;
  if (!slot) slot = std::make_unique<AutogradMeta>();
  return static_cast<AutogradMeta&>(*slot);
}

void set_requires_grad(const Tensor& t, bool value) {
  TensorImpl& impl = *t.impl();
  if (impl.has_grad_fn) {
    KG_CHECK(value, "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a subgraph that "
             "doesn't require differentiation use var_no_grad = var.detach().");
    return;
  }
  KG_CHECK(!value || is_differentiable(impl.dtype), "only Tensors of floating point dtype can require gradients");
  KG_CHECK(!value || !impl.inference || grad_state().inference, "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.");
  impl.requires_grad = value;
}

Tensor grad_of(const Tensor& t) {
  auto* meta = autograd_meta_or_null(t);
  return meta ? meta->grad : Tensor();
}

void set_grad(const Tensor& t, const Tensor& grad) {
  if (!grad.defined()) {
    if (auto* meta = autograd_meta_or_null(t)) meta->grad = Tensor();
    return;
  }
  KG_CHECK(!grad.is_same(t), "can't assign Variable as its own grad");
  KG_CHECK(grad.dtype() == t.dtype(), "attempting to assign a gradient with dtype '", name(grad.dtype()), "' to a tensor with grad_dtype '",
           name(t.dtype()), "'. The gradient must match the tensor's grad_dtype (defaults to the tensor's dtype). You can set the tensor's "
           "grad_dtype attribute with a specific dtype, or None to allow any dtype. Set grad_dtype with caution. Diverging the dtypes of a "
           "tensor and its gradient may break downstream systems that assume they match.");
  KG_CHECK(grad.device() == t.device(), "attempting to assign a gradient located on device '", grad.device(), "' to a tensor on device '", t.device(), "'");
  KG_CHECK(grad.sizes() == t.sizes(), "attempting to assign a gradient of size '", grad.sizes(), "' to a tensor of size '", t.sizes(),
           "'. Please ensure that the gradient and the tensor are the same size");
  autograd_meta(t).grad = grad;
}

// Note [Views and in-place]: a differentiable view keeps its base. An in-place operator on the view records itself on the base (a
// CopySlices node), so that reading the base later sees it. A view that was made before such a change finds out by the version of its
// storage, and then gets a fresh grad_fn: as_strided of the base.
IntrusivePtr<Node> grad_fn_of(const Tensor& t) {
  TensorImpl& impl = *t.impl();
  if (impl.base && !impl.requires_grad) {
    Tensor base(impl.base);
    if (base.impl()->has_grad_fn) {
      AutogradMeta& meta = autograd_meta(t);
      if (meta.view_version != t.version() || !impl.has_grad_fn) {
        meta.view_version = t.version();
        meta.grad_fn = autograd_arithmetic.as_strided_node(base, t);
        meta.output_nr = 0;
        meta.grad_fn->outputs.clear();
        meta.grad_fn->add_output(t);
        impl.has_grad_fn = true;
      }
    }
  }
  return impl.has_grad_fn ? autograd_meta(t).grad_fn : IntrusivePtr<Node>();
}

Edge gradient_edge(const Tensor& t) {
  if (!t.defined()) return {};
  if (t.impl()->has_grad_fn || t.impl()->base)
    if (auto fn = grad_fn_of(t)) return {std::move(fn), autograd_meta(t).output_nr};
  if (!t.impl()->requires_grad) return {};
  return {grad_accumulator(t), 0};
}

void set_history(const Tensor& t, IntrusivePtr<Node> node) {
  AutogradMeta& meta = autograd_meta(t);
  meta.output_nr = node->add_output(t);
  meta.grad_fn = std::move(node);
  meta.view_version = t.version();
  t.impl()->has_grad_fn = true;
}

void check_inplace(const Tensor& t, bool records) {
  const TensorImpl& impl = *t.impl();
  KG_CHECK(!impl.inference || grad_state().inference, "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a "
           "clone to get a normal tensor before doing inplace update.See https://github.com/pytorch/rfcs/pull/17 for more details.");
  if (!grad_enabled()) return;
  KG_CHECK(!impl.requires_grad || impl.has_grad_fn, "a leaf Variable that requires grad is being used in an in-place operation.");
  if (impl.base && impl.base->requires_grad && !impl.base->has_grad_fn)
    fail(ErrorKind::Runtime, "a view of a leaf Variable that requires grad is being used in an in-place operation.");
  (void)records;
}

namespace {

/// The gradient of "write fn's result into a window of the base": passes the base's gradient with the window zeroed, and the window's
/// gradient through fn.
class CopySlices final : public Node {
 public:
  CopySlices(const Tensor& base, const Tensor& view, IntrusivePtr<Node> fn)
      : base_sizes_(base.sizes().begin(), base.sizes().end()), base_strides_(base.strides().begin(), base.strides().end()),
        view_sizes_(view.sizes().begin(), view.sizes().end()), view_strides_(view.strides().begin(), view.strides().end()),
        view_offset_(view.storage_offset() - base.storage_offset()), fn_(std::move(fn)) {}
  Grads apply(Grads&& grads) override {
    KG_CHECK(fn_, "Trying to backward through the graph a second time (or directly access saved tensors after they have already been freed). "
             "Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify retain_graph=True if you "
             "need to backward through the graph a second time or if you need to access saved tensors after calling backward.");
    Grads result;
    result.resize(next_edges.size());
    if (!grads[0].defined()) return result;
    if (grads[0].impl()->special) return apply_by_operators(grads[0], autograd_arithmetic.clone(grads[0]));
    Tensor whole = empty_strided_tensor(base_sizes_, base_strides_, grads[0].dtype(), grads[0].device());
    autograd_arithmetic.copy_inplace(whole, grads[0]);
    Tensor window = autograd_arithmetic.as_strided(whole, view_sizes_, view_strides_, view_offset_);
    Tensor window_grad = autograd_arithmetic.clone(window);
    Grads inner;
    inner.push_back(std::move(window_grad));
    Grads from_fn = fn_->apply(std::move(inner));
    if (from_fn.size() && from_fn[0].defined() && from_fn[0].impl()->special) return combined(whole, window, from_fn);
    for (size_t i = 0; i < from_fn.size() && i < next_edges.size(); ++i) {
      if (i > 0) result[i] = std::move(from_fn[i]);
      else if (from_fn[0].defined()) autograd_arithmetic.copy_inplace(window, from_fn[0]);
      else autograd_arithmetic.copy_inplace(window, scalar_tensor(0, window.dtype()));
    }
    result[0] = std::move(whole);
    return result;
  }
  std::string name() const override { return "CopySlices"; }
  void release_saved() override {
    if (fn_) fn_->release_saved();
    fn_ = {};
  }

 private:
  /// The same for a gradient that is more than its bytes (of a transform). `whole`: a copy of it.
  Grads apply_by_operators(const Tensor& grad, const Tensor& whole) {
    KG_CHECK_IMPLEMENTED(IntList(base_strides_) == IntList(row_major_strides(base_sizes_)), "the gradient, inside vmap, of writing into a view of a tensor that is not "
                         "contiguous (sizes ", grad.sizes(), ") is not supported; use an out-of-place operator");
    Tensor window = autograd_arithmetic.as_strided(whole, view_sizes_, view_strides_, view_offset_ + whole.storage_offset());
    Grads inner;
    inner.push_back(autograd_arithmetic.clone(window));
    Grads from_fn = fn_->apply(std::move(inner));
    return combined(whole, window, from_fn);
  }
  /// `whole` with the window replaced by what fn gave. That may stand for more values than `whole` does, so that it cannot be written into it.
  Grads combined(const Tensor& whole, const Tensor& window, Grads& from_fn) {
    autograd_arithmetic.copy_inplace(window, scalar_tensor(0, window.dtype()));
    Grads result;
    result.resize(next_edges.size());
    result[0] = whole;
    if (from_fn.size() && from_fn[0].defined()) {
      Tensor base = empty_strided_tensor(base_sizes_, base_strides_, whole.dtype(), Device{DeviceType::Meta});
      auto placing = autograd_arithmetic.as_strided_node(base, alias(base, view_sizes_, view_strides_, view_offset_));
      Grads given;
      given.push_back(from_fn[0]);
      result[0] = autograd_arithmetic.add(whole, placing->apply(std::move(given))[0]);
    }
    for (size_t i = 1; i < from_fn.size() && i < next_edges.size(); ++i) result[i] = std::move(from_fn[i]);
    return result;
  }

  Ints base_sizes_, base_strides_, view_sizes_, view_strides_;
  int64_t view_offset_;
  IntrusivePtr<Node> fn_;
};

}  // namespace

void rebase_history(const Tensor& t, IntrusivePtr<Node> node) {
  if (!t.impl()->base) return set_history(t, std::move(node));
  Tensor base(t.impl()->base);
  // the node's own first edge led to the view's old history; through CopySlices it leads to the base's
  node->add_output(t);
  auto copy = make_node<CopySlices>(base, t, node);
  copy->next_edges = node->next_edges;
  if (copy->next_edges.empty()) copy->next_edges.push_back({});
  copy->next_edges[0] = gradient_edge(base);
  set_history(base, std::move(copy));
  AutogradMeta& meta = autograd_meta(t);
  meta.grad_fn = {};
  meta.view_version = t.version() - 1;  // differs: the next look makes a fresh one
  t.impl()->has_grad_fn = true;
  grad_fn_of(t);
}

void register_tensor_hook(const Tensor& t, std::shared_ptr<GradHook> hook) {
  KG_CHECK(t.requires_grad(), "cannot register a hook on a tensor that doesn't require gradient");
  if (auto fn = grad_fn_of(t)) {
    fn->hooks().tensor_hooks.push_back({autograd_meta(t).output_nr, std::move(hook), false});
    return;
  }
  autograd_meta(t).hooks.push_back(std::move(hook));
}

void remove_tensor_hook(const Tensor& t, const GradHook* hook) {
  AutogradMeta& meta = autograd_meta(t);
  std::erase_if(meta.hooks, [&](auto& h) { return h.get() == hook; });
  if (meta.grad_fn && meta.grad_fn->hooks_or_null())
    std::erase_if(meta.grad_fn->hooks().tensor_hooks, [&](auto& h) { return h.hook.get() == hook; });
}

void retain_grad(const Tensor& t) {
  KG_CHECK(t.requires_grad(), "can't retain_grad on Tensor that has requires_grad=False");
  auto fn = grad_fn_of(t);
  AutogradMeta& meta = autograd_meta(t);
  if (!fn || meta.retains_grad) return;
  meta.retains_grad = true;
  // The hook must not keep the tensor alive: the tensor keeps the node, and the node the hook.
  struct Retain final : GradHook {
    TensorImpl* target;
    std::weak_ptr<int> alive;
    void operator()(Grads& grads) override {
      if (alive.expired() || !grads[0].defined()) return;
      Tensor t(IntrusivePtr<TensorImpl>::share(target));
      AutogradMeta& meta = autograd_meta(t);
      Tensor g = grads[0];
      if (meta.grad.defined()) meta.grad = autograd_arithmetic.add(meta.grad, g);
      else meta.grad = grad_enabled() ? g : autograd_arithmetic.clone(g);
    }
  };
  struct Life final : GradHook {  // lives in the tensor's meta; its end ends the hook
    std::shared_ptr<int> token = std::make_shared<int>();
    void operator()(Grads&) override {}
  };
  auto life = std::make_shared<Life>();
  auto retain = std::make_shared<Retain>();
  retain->target = t.impl();
  retain->alive = life->token;
  meta.hooks.push_back(std::move(life));
  fn->hooks().tensor_hooks.push_back({meta.output_nr, std::move(retain), true});
}

Tensor (*detach_special)(const Tensor& t) = nullptr;

namespace {
/// Of a tensor with __torch_dispatch__, detach is a call that it answers itself.
bool answers_detach(const Tensor& t) { return t.impl()->special && !t.impl()->transform && detach_special && !is_sparse(t) && !is_quantized(t); }
}  // namespace

Tensor detach(const Tensor& t) {
  if (answers_detach(t)) [[unlikely]] return detach_special(t);
  Tensor out = alias(t);
  out.impl()->wrapped_number = false;
  return out;
}

// ---------------------------------------------------------------- saved tensors
Tensor handle_for_saving(const Tensor& t) { return answers_detach(t) ? detach_special(t) : alias(t); }

SavedTensor::SavedTensor(SavedTensor&&) noexcept = default;
SavedTensor& SavedTensor::operator=(SavedTensor&&) noexcept = default;
SavedTensor::~SavedTensor() = default;

SavedTensor::SavedTensor(const Tensor& t, bool is_output, uint32_t output_nr) : output_nr_(output_nr) {
  if (!t.defined()) return;
  version_ = t.version();
  is_output_ = is_output;
  requires_grad_ = is_output || t.requires_grad();
  if (saved_tensor_hooks_active) [[unlikely]] {
    if (is_output) tensor_ = detach(t);
    packed_ = saved_tensor_hooks.pack(is_output ? tensor_ : t);
    if (packed_) {
      tensor_ = Tensor();
      return;
    }
  }
  // An output is kept without its history, which the node itself is: otherwise the two would keep each other alive.
  tensor_ = is_output ? handle_for_saving(t) : t;
  if (is_output) tensor_.impl()->untracked_version = false;
}

Tensor SavedTensor::unpack(const Node& owner) const {
  Tensor t = tensor_;
  if (packed_) {
    t = saved_tensor_hooks.unpack(packed_);
  } else if (!t.defined()) {
    return t;
  } else if (t.version() != version_) [[unlikely]] {
    std::string made_by = is_output_ ? owner.name() : t.impl()->has_grad_fn && autograd_meta(t).grad_fn ? autograd_meta(t).grad_fn->name() : "";
    std::string text = str("one of the variables needed for gradient computation has been modified by an inplace operation: [torch.",
                           legacy_name(t.dtype()), "Tensor ", shape_text(t.sizes()), "]");
    if (!made_by.empty()) text += str(", which is output ", is_output_ ? output_nr_ : autograd_meta(t).output_nr, " of ", made_by, ",");
    text += str(" is at version ", t.version(), "; expected version ", version_, " instead.");
    text += anomaly_mode() ? " Hint: the backtrace further above shows the operation that failed to compute its gradient. The variable in "
                             "question was changed in there or anywhere later. Good luck!"
                           : " Hint: enable anomaly detection to find the operation that failed to compute its gradient, with "
                             "torch.autograd.set_detect_anomaly(True).";
    fail(ErrorKind::Runtime, text);
  }
  if (!is_output_) return t;
  Tensor out = handle_for_saving(t);
  AutogradMeta& meta = autograd_meta(out);
  meta.grad_fn = IntrusivePtr<Node>::share(const_cast<Node*>(&owner));
  meta.output_nr = output_nr_;
  meta.view_version = out.version();
  out.impl()->has_grad_fn = true;
  return out;
}

void SavedTensor::reset() {
  tensor_ = Tensor();
  packed_.reset();
}

}  // namespace kagari
