#pragma once
#include "kagari/autograd/node.h"

namespace kagari {

struct BackwardOptions {
  bool keep_graph = false;
  bool create_graph = false;
  bool accumulate = true;     // into the .grad of leaves; false: autograd.grad
  bool allow_unused = false;
};

/// Runs the backward graph from `roots` with `grads` (undefined: ones, for one-element roots). With `inputs`, only paths to them run, and
/// their gradients are returned when `accumulate` is off. Iterative: graphs of any depth.
KAGARI_API std::vector<Tensor> run_backward(const std::vector<Edge>& roots, std::vector<Tensor> grads, const std::vector<Edge>& inputs,
                                            const BackwardOptions& options);

/// d(roots)/d(leaves), added to `.grad`. `torch.autograd.backward`.
KAGARI_API void backward(const Tensor& root, const Tensor& grad = {}, bool keep_graph = false, bool create_graph = false);
/// `torch.autograd.grad`; undefined where `allow_unused` and there is no path.
KAGARI_API std::vector<Tensor> grad(TensorList outputs, TensorList inputs, TensorList grad_outputs = {}, bool keep_graph = false,
                                    bool create_graph = false, bool allow_unused = false);
/// The gradient that starts a backward pass from `root`: checked `grad`, or ones for a one-element root.
KAGARI_API Tensor initial_gradient(const Tensor& root, const Tensor& grad, bool create_graph);

/// Is told of every node that a backward pass runs on its thread, while it is set.
struct KAGARI_API NodeObserver {
  virtual ~NodeObserver() = default;
  virtual void begin(const Node& node) = 0;
  virtual void end(const Node& node) = 0;
};
KAGARI_API extern constinit thread_local NodeObserver* node_observer;

/// A backward pass calls these when it ends (`queue_callback`).
KAGARI_API void queue_callback(std::shared_ptr<GradHook> callback);
/// The node whose apply() runs on this thread, or null.
KAGARI_API Node* current_node();
/// Number of the backward pass that runs on this thread, or -1.
KAGARI_API int64_t current_pass();
/// Whether the backward pass that runs on this thread leads to the node.
KAGARI_API bool pass_reaches(const Node* node);

}  // namespace kagari
