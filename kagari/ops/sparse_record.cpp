#include "kagari/ops/sparse_record.h"

namespace kagari {
namespace {

class SparseNode final : public Node {
 public:
  using Fn = std::function<Grads(const Tensor&, const Node&)>;
  SparseNode(std::string name, Fn fn) : name_(std::move(name)), fn_(std::move(fn)) {}
  Grads apply(Grads&& grads) override {
    KG_CHECK(fn_, "Trying to backward through the graph a second time (or directly access saved tensors after they have already been freed). Saved "
             "intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify retain_graph=True if you need to "
             "backward through the graph a second time or if you need to access saved tensors after calling backward.");
    return fn_(grads[0], *this);
  }
  std::string name() const override { return name_; }
  void release_saved() override { fn_ = {}; }

 private:
  std::string name_;
  Fn fn_;
};

}  // namespace

Tensor record_sparse(Tensor result, std::string name, TensorList inputs, std::function<Grads(const Tensor&, const Node&)> fn) {
  bool any = false;
  for (const Tensor& t : inputs) any = any || t.requires_grad();
  if (!any || !grad_enabled() || !is_differentiable(result.dtype())) return result;
  auto node = make_node<SparseNode>(std::move(name), std::move(fn));
  for (const Tensor& t : inputs) node->next_edges.push_back(gradient_edge(t));
  set_history(result, node);
  return result;
}
Tensor record_sparse(Tensor result, std::string name, std::initializer_list<Tensor> inputs, std::function<Grads(const Tensor&, const Node&)> fn) {
  return record_sparse(std::move(result), std::move(name), TensorList(inputs.begin(), inputs.size()), std::move(fn));
}

}  // namespace kagari
