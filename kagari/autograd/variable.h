#pragma once
#include <memory>
#include <vector>

#include "kagari/autograd/node.h"

namespace kagari {

/// What autograd keeps for a tensor that requires a gradient.
struct KAGARI_API AutogradMeta final : AutogradState {
  ~AutogradMeta() override;
  Tensor grad;
  IntrusivePtr<Node> grad_fn;
  uint32_t output_nr = 0;
  uint32_t view_version = 0;       // of the storage when grad_fn was set: see Note [Views and in-place]
  bool retains_grad = false;
  Node* accumulator = nullptr;     // the living AccumulateGrad node of a leaf, if any; it clears this when it dies
  std::vector<std::shared_ptr<GradHook>> hooks;                  // of a leaf: move to each new accumulator
  std::vector<std::shared_ptr<PostHook>> accumulate_hooks;       // after the gradient was added
};

KAGARI_API AutogradMeta& autograd_meta(const Tensor& t);
inline AutogradMeta* autograd_meta_or_null(const Tensor& t) { return static_cast<AutogradMeta*>(t.impl()->autograd.get()); }

/// `t.requires_grad_(value)`: RuntimeError for dtypes without gradient and for non-leaves when value is false.
KAGARI_API void set_requires_grad(const Tensor& t, bool value);
KAGARI_API Tensor grad_of(const Tensor& t);
/// Checks shape, dtype and device of the new gradient.
KAGARI_API void set_grad(const Tensor& t, const Tensor& grad);
/// The recorded operator that made t (renewed for a view whose base was changed in place), or null for leaves.
KAGARI_API IntrusivePtr<Node> grad_fn_of(const Tensor& t);
/// The edge along which t's gradient flows; empty if t does not require one.
KAGARI_API Edge gradient_edge(const Tensor& t);
/// Marks t as output `output_nr` of `node`.
KAGARI_API void set_history(const Tensor& t, IntrusivePtr<Node> node);
/// t was changed in place by `node`. If t is a view, its base learns of it.
KAGARI_API void rebase_history(const Tensor& t, IntrusivePtr<Node> node);
/// Errors for an in-place change of t that autograd cannot follow (a leaf that requires grad, an inference tensor, ...).
KAGARI_API void check_inplace(const Tensor& t, bool records);
KAGARI_API void register_tensor_hook(const Tensor& t, std::shared_ptr<GradHook> hook);
KAGARI_API void remove_tensor_hook(const Tensor& t, const GradHook* hook);
KAGARI_API void retain_grad(const Tensor& t);
/// Shares bytes and version; takes no part in any graph.
KAGARI_API Tensor detach(const Tensor& t);

/// A tensor kept for the backward pass. Unpacking checks that nobody changed it in place since (RuntimeError).
class KAGARI_API SavedTensor {
 public:
  SavedTensor() = default;
  /// `is_output`: t is (about to be) an output of the node that saves it.
  SavedTensor(const Tensor& t, bool is_output, uint32_t output_nr = 0);
  // Not inline: each of hundreds of nodes has several.
  SavedTensor(SavedTensor&&) noexcept;
  SavedTensor& operator=(SavedTensor&&) noexcept;
  ~SavedTensor();
  /// `owner`: the node that saved it.
  Tensor unpack(const Node& owner) const;
  bool defined() const { return tensor_.defined() || packed_; }
  void reset();

 private:
  friend class SavedTensorAccess;
  Tensor tensor_;
  uint32_t version_ = 0, output_nr_ = 0;
  bool is_output_ = false, requires_grad_ = false;
  std::shared_ptr<void> packed_;  // what a pack hook returned
};

/// Hooks of `torch.autograd.graph.saved_tensors_hooks`, offered by a language binding. `pack` returns null when none is active.
struct SavedTensorHooks {
  std::shared_ptr<void> (*pack)(const Tensor&) = nullptr;
  Tensor (*unpack)(const std::shared_ptr<void>&) = nullptr;
};
KAGARI_API extern SavedTensorHooks saved_tensor_hooks;
KAGARI_API extern thread_local int saved_tensor_hooks_active;

/// Operators that the engine needs; ops/ fills them in, so that this layer knows no operator.
struct AutogradArithmetic {
  Tensor (*add)(const Tensor&, const Tensor&) = nullptr;
  void (*add_inplace)(const Tensor&, const Tensor&) = nullptr;
  Tensor (*clone)(const Tensor&) = nullptr;
  Tensor (*sum_to)(const Tensor&, IntList) = nullptr;
  Tensor (*cast)(const Tensor&, DType) = nullptr;
  Tensor (*ones_like)(const Tensor&) = nullptr;
  Tensor (*as_strided)(const Tensor&, IntList sizes, IntList strides, int64_t offset) = nullptr;
  IntrusivePtr<Node> (*as_strided_node)(const Tensor& base, const Tensor& view) = nullptr;
  void (*copy_inplace)(const Tensor& to, const Tensor& from) = nullptr;
  void (*copy_recorded)(const Tensor& to, const Tensor& from) = nullptr;  // the operator copy_, which autograd follows
  bool (*has_nan)(const Tensor&) = nullptr;
};
KAGARI_API extern AutogradArithmetic autograd_arithmetic;

}  // namespace kagari
