#pragma once
#include <memory>
#include <string>
#include <vector>

#include "kagari/tensor/tensor.h"

namespace kagari {

class Node;

/// Where a gradient flows: input `input_nr` of a node of the backward graph. Without a node: nowhere.
struct Edge {
  IntrusivePtr<Node> node;
  uint32_t input_nr = 0;
  explicit operator bool() const { return bool(node); }
};

/// What is known of one output of a recorded operator; its gradient is brought to this shape and dtype.
struct OutputInfo {
  Ints sizes;
  DType dtype;
  Device device;
};

using Grads = SmallVector<Tensor, 3>;

/// Called with the gradients on their way; may replace them.
struct GradHook {
  virtual ~GradHook() = default;
  virtual void operator()(Grads& grads) = 0;
};
/// Called after a node ran, with what it returned and what it was given.
struct PostHook {
  virtual ~PostHook() = default;
  virtual void operator()(Grads& results, const Grads& inputs) = 0;
};

/// Hooks, in their own block because few nodes have any.
struct NodeHooks {
  struct OnTensor {
    uint32_t input_nr;
    std::shared_ptr<GradHook> hook;  // sees one gradient
    bool last;                       // retain_grad: after all other hooks
  };
  std::vector<OnTensor> tensor_hooks;
  std::vector<std::shared_ptr<GradHook>> pre_hooks;  // see all gradients
  std::vector<std::shared_ptr<PostHook>> post_hooks;
};

/// A recorded operator: turns the gradients of its outputs into those of its inputs.
class KAGARI_API Node : public RefCounted {
 public:
  Node();
  virtual ~Node();
  static void destroy(Node* n);
  static void* operator new(size_t size);
  static void operator delete(void* p, size_t size);

  /// One gradient per output of the forward operator in, one per edge out; either may be undefined (zero).
  virtual Grads apply(Grads&& grads) = 0;
  virtual std::string name() const = 0;
  /// Frees what was saved for the backward pass.
  virtual void release_saved() {}
  virtual bool is_accumulate() const { return false; }

  bool needs(size_t edge) const { return edge < next_edges.size() && next_edges[edge]; }
  uint32_t add_output(const Tensor& t);
  NodeHooks& hooks() {
    if (!hooks_) hooks_ = std::make_unique<NodeHooks>();
    return *hooks_;
  }
  NodeHooks* hooks_or_null() const { return hooks_.get(); }

  SmallVector<Edge, 2> next_edges;
  SmallVector<OutputInfo, 1> outputs;
  uint64_t sequence;       // later operators have larger numbers
  void* object = nullptr;  // the Python wrapper, borrowed
  std::shared_ptr<void> anomaly;  // where the operator was called, in anomaly mode
  bool recorded_below = false;    // an argument also belongs to a graph of a lower transform level

 private:
  std::unique_ptr<NodeHooks> hooks_;
};

template <class T, class... A>
IntrusivePtr<T> make_node(A&&... args) {
  return IntrusivePtr<T>::adopt(new T(std::forward<A>(args)...));
}

}  // namespace kagari
