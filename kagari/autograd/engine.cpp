#include "kagari/autograd/engine.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "kagari/autograd/accumulate.h"
#include "kagari/autograd/grad_mode.h"
#include "kagari/tensor/sparse.h"

namespace kagari {
namespace {

thread_local Node* running_node = nullptr;
thread_local std::vector<std::shared_ptr<GradHook>>* callbacks = nullptr;

/// The state of one node during one backward pass.
struct Pending {
  Node* node = nullptr;
  IntrusivePtr<Node> keep;
  uint32_t waiting = 0;       // gradients still to come
  bool needed = true;         // on a path to a wanted input
  bool visited = false;
  Grads grads;
};

/// Node* -> Pending, open addressing; a backward pass over a small graph costs no allocation per node.
class PendingTable {
 public:
  PendingTable() : slots_(64, -1) {}
  Pending& operator[](Node* n) {
    size_t i = probe(n);
    if (slots_[i] < 0) {
      if (items_.size() * 2 >= slots_.size()) {
        grow();
        i = probe(n);
      }
      slots_[i] = int32_t(items_.size());
      items_.emplace_back().node = n;
    }
    return items_[size_t(slots_[i])];
  }
  Pending* find(Node* n) {
    size_t i = probe(n);
    return slots_[i] < 0 ? nullptr : &items_[size_t(slots_[i])];
  }

 private:
  size_t probe(Node* n) const {
    size_t mask = slots_.size() - 1, i = (reinterpret_cast<uintptr_t>(n) >> 4) * 0x9e3779b97f4a7c15u >> 20 & mask;
    while (slots_[i] >= 0 && items_[size_t(slots_[i])].node != n) i = (i + 1) & mask;
    return i;
  }
  void grow() {
    slots_.assign(slots_.size() * 2, -1);
    for (size_t k = 0; k < items_.size(); ++k) slots_[probe(items_[k].node)] = int32_t(k);
  }
  std::vector<int32_t> slots_;
  std::vector<Pending> items_;
};

struct LaterFirst {
  bool operator()(const Node* a, const Node* b) const { return a->sequence < b->sequence; }
};

/// Brings a gradient to the shape and dtype of the tensor that it belongs to. See Note [Shapes of gradients] in op/op.h.
void fit(Tensor& g, const OutputInfo& to, const Node& from, size_t edge) {
  if (!g.defined()) return;
  if (g.sizes() != IntList(to.sizes)) {
    KG_CHECK(is_expandable_to(to.sizes, g.sizes()), "Function ", from.name(), " returned an invalid gradient at index ", edge, " - got ", g.sizes(),
             " but expected shape compatible with ", to.sizes);
    g = autograd_arithmetic.sum_to(g, to.sizes);
  }
  if (g.dtype() != to.dtype) {
    KG_CHECK(is_differentiable(g.dtype()) || is_integral(g.dtype()), "Function ", from.name(), " returned a gradient of dtype ", g.dtype());
    g = autograd_arithmetic.cast(g, to.dtype);
  }
}

void add_to(Tensor& sum, Tensor&& g) {
  if (!g.defined()) return;
  if (!sum.defined()) sum = std::move(g);
  else if (is_sparse(sum) && !is_sparse(g)) sum = autograd_arithmetic.add(g, sum);
  else if (!grad_enabled() && sum.pointer()->use_count() == 1 && sum.storage()->use_count() == 1 && !sum.requires_grad() && sum.is_non_overlapping_and_dense())
    autograd_arithmetic.add_inplace(sum, g);
  else sum = autograd_arithmetic.add(sum, g);
}

void run_tensor_hooks(NodeHooks& hooks, Grads& grads) {
  for (int last = 0; last < 2; ++last)
    for (size_t i = 0; i < hooks.tensor_hooks.size(); ++i) {
      NodeHooks::OnTensor h = hooks.tensor_hooks[i];
      if (h.last != bool(last) || h.input_nr >= grads.size()) continue;
      Grads one;
      one.push_back(grads[h.input_nr]);
      (*h.hook)(one);
      grads[h.input_nr] = std::move(one[0]);
    }
}

class Pass {
 public:
  Pass(const std::vector<Edge>& inputs, const BackwardOptions& options)
      : inputs_(inputs), options_(options), results_(inputs.size()), outer_(std::exchange(current, this)), id_(count.fetch_add(1)) {}
  ~Pass() { current = outer_; }
  Pass(const Pass&) = delete;

  bool reaches(const Node* node) {
    Pending* p = table_.find(const_cast<Node*>(node));
    return p && p->needed;
  }
  int64_t id() const { return id_; }
  static thread_local Pass* current;  // the innermost one on this thread
  static std::atomic<int64_t> count;

  std::vector<Tensor> run(const std::vector<Edge>& roots, std::vector<Tensor>& grads) {
    count_dependencies(roots);
    if (!inputs_.empty()) mark_needed();
    for (size_t i = 0; i < roots.size(); ++i) {
      Pending& p = table_[roots[i].node.get()];
      p.grads.resize(std::max<size_t>(p.grads.size(), roots[i].node->outputs.size()));
      add_to(p.grads[roots[i].input_nr], std::move(grads[i]));
    }
    for (const Edge& r : roots) {
      Pending& p = table_[r.node.get()];
      if (p.waiting == 0 && !p.visited) {
        p.visited = true;
        push(r.node);
      }
    }
    while (!ready_.empty()) {
      std::pop_heap(ready_.begin(), ready_.end(), [](auto& a, auto& b) { return LaterFirst()(a.get(), b.get()); });
      IntrusivePtr<Node> node = std::move(ready_.back());
      ready_.pop_back();
      process(*node);
    }
    return std::move(results_);
  }

 private:
  void push(IntrusivePtr<Node> n) {
    ready_.push_back(std::move(n));
    std::push_heap(ready_.begin(), ready_.end(), [](auto& a, auto& b) { return LaterFirst()(a.get(), b.get()); });
  }

  void count_dependencies(const std::vector<Edge>& roots) {
    std::vector<Node*> stack;
    for (const Edge& r : roots)
      if (Pending& p = table_[r.node.get()]; !p.visited) {
        p.visited = true;
        stack.push_back(r.node.get());
      }
    while (!stack.empty()) {
      Node* n = stack.back();
      stack.pop_back();
      order_.push_back(n);
      for (const Edge& e : n->next_edges) {
        if (!e) continue;
        Pending& p = table_[e.node.get()];
        ++p.waiting;
        if (!p.visited) {
          p.visited = true;
          stack.push_back(e.node.get());
        }
      }
    }
    for (Node* n : order_) table_[n].visited = false;
  }

  // A node is needed if an input is among its descendants. Later nodes have larger numbers, so that ascending order sees
  // descendants first; accumulators are leaves of the graph and come first of all.
  void mark_needed() {
    for (Node* n : order_) table_[n].needed = false;
    wanted_.reserve(inputs_.size());
    for (size_t i = 0; i < inputs_.size(); ++i)
      if (inputs_[i])
        if (Pending* p = table_.find(inputs_[i].node.get())) {
          p->needed = true;
          wanted_.push_back(i);
        }
    // reverse of a topological order: repeat Kahn's walk over the counted graph
    std::vector<Node*> topological;
    std::vector<uint32_t> left;
    PendingTable counts;
    for (Node* n : order_) counts[n].waiting = table_[n].waiting;
    std::vector<Node*> free;
    for (Node* n : order_)
      if (counts[n].waiting == 0) free.push_back(n);
    while (!free.empty()) {
      Node* n = free.back();
      free.pop_back();
      topological.push_back(n);
      for (const Edge& e : n->next_edges)
        if (e && --counts[e.node.get()].waiting == 0) free.push_back(e.node.get());
    }
    for (size_t i = topological.size(); i-- > 0;) {
      Pending& p = table_[topological[i]];
      for (const Edge& e : topological[i]->next_edges)
        if (e && table_[e.node.get()].needed) p.needed = true;
    }
  }

  void process(Node& node) {
    Pending& p = table_[&node];
    Grads grads = std::move(p.grads);
    grads.resize(std::max(grads.size(), node.outputs.size()));
    bool needed = p.needed;
    NodeHooks* hooks = node.hooks_or_null();
    if (hooks && needed) run_tensor_hooks(*hooks, grads);
    bool captured = false;
    for (size_t i : wanted_)
      if (inputs_[i].node.get() == &node) {
        captured = true;
        if (!options_.accumulate) {
          results_[i] = grads[inputs_[i].input_nr];
          if (node.is_accumulate() && results_[i].defined()) capture_leaf(node, results_[i]);
        }
      }
    bool runs = needed && !(node.is_accumulate() && !options_.accumulate);
    if (runs && captured) {  // a wanted inner tensor: goes on only if something behind it is wanted, too
      runs = node.is_accumulate();
      for (const Edge& e : node.next_edges)
        if (e && table_[e.node.get()].needed) runs = true;
    }
    Grads out;
    bool any = false;
    for (const Tensor& g : grads) any = any || g.defined();
    if (runs && any) out = call(node, std::move(grads), hooks);
    spread(node, out, runs && any);
  }

  void capture_leaf(Node& node, Tensor& g) {
    AutogradMeta& meta = autograd_meta(static_cast<AccumulateGrad&>(node).variable());
    for (size_t i = 0; i < meta.hooks.size(); ++i) {
      Grads one;
      one.push_back(g);
      auto hook = meta.hooks[i];
      (*hook)(one);
      g = std::move(one[0]);
    }
  }

  Grads call(Node& node, Grads&& grads, NodeHooks* hooks) {
    if (hooks)
      for (size_t i = 0; i < hooks->pre_hooks.size(); ++i) {
        auto hook = hooks->pre_hooks[i];
        (*hook)(grads);
      }
    Grads given;
    if (hooks && !hooks->post_hooks.empty()) given = grads;
    Node* outer = running_node;
    running_node = &node;
    struct Restore {
      Node* outer;
      ~Restore() { running_node = outer; }
    } restore{outer};
    struct Watch {
      Node& node;
      NodeObserver* observer = node_observer;
      explicit Watch(Node& n) : node(n) {
        if (observer) observer->begin(node);
      }
      ~Watch() {
        if (observer) observer->end(node);
      }
    };
    Grads out;
    {
      Watch watch(node);
      out = node.apply(std::move(grads));
    }
    if (!options_.keep_graph) node.release_saved();
    KG_CHECK(out.size() >= node.next_edges.size() || node.is_accumulate(), "Function ", node.name(), " returned an incorrect number of gradients (expected ",
             node.next_edges.size(), ", got ", out.size(), ")");
    if (anomaly_mode() && grad_state().anomaly_check_nan)
      for (size_t i = 0; i < out.size(); ++i)
        KG_CHECK(!out[i].defined() || !autograd_arithmetic.has_nan(out[i]), "Function '", node.name(), "' returned nan values in its ", i, "th output.");
    if (hooks)
      for (size_t i = 0; i < hooks->post_hooks.size(); ++i) {
        auto hook = hooks->post_hooks[i];
        (*hook)(out, given);
      }
    return out;
  }

  void spread(Node& node, Grads& out, bool ran) {
    for (size_t i = 0; i < node.next_edges.size(); ++i) {
      const Edge& e = node.next_edges[i];
      if (!e) continue;
      Node* to = e.node.get();
      if (ran && i < out.size() && out[i].defined()) {
        fit(out[i], to->outputs[e.input_nr], node, i);
        Pending& q = table_[to];
        q.grads.resize(std::max<size_t>(q.grads.size(), to->outputs.size()));
        add_to(q.grads[e.input_nr], std::move(out[i]));
      }
      Pending& q = table_[to];
      if (--q.waiting == 0 && !q.visited) {
        q.visited = true;
        push(e.node);
      }
    }
  }

  const std::vector<Edge>& inputs_;
  const BackwardOptions& options_;
  std::vector<Tensor> results_;
  std::vector<size_t> wanted_;
  PendingTable table_;
  std::vector<Node*> order_;
  std::vector<IntrusivePtr<Node>> ready_;
  Pass* outer_;
  int64_t id_;
};
thread_local Pass* Pass::current = nullptr;
std::atomic<int64_t> Pass::count{0};

}  // namespace

constinit thread_local NodeObserver* node_observer = nullptr;
Node* current_node() { return running_node; }
int64_t current_pass() { return Pass::current ? Pass::current->id() : -1; }
bool pass_reaches(const Node* node) { return Pass::current && Pass::current->reaches(node); }

void queue_callback(std::shared_ptr<GradHook> callback) {
  KG_CHECK(callbacks, "Final callbacks can only be installed during backward pass.");
  callbacks->push_back(std::move(callback));
}

std::vector<Tensor> run_backward(const std::vector<Edge>& roots, std::vector<Tensor> grads, const std::vector<Edge>& inputs,
                                 const BackwardOptions& options) {
  NoGrad mode(options.create_graph);
  std::vector<std::shared_ptr<GradHook>> mine, *outer = callbacks;
  callbacks = &mine;
  struct Restore {
    std::vector<std::shared_ptr<GradHook>>* outer;
    ~Restore() { callbacks = outer; }
  } restore{outer};
  BackwardOptions effective = options;
  effective.keep_graph = options.keep_graph || options.create_graph;
  std::vector<Tensor> results = Pass(inputs, effective).run(roots, grads);
  for (size_t i = 0; i < mine.size(); ++i) {
    Grads none;
    (*mine[i])(none);
  }
  return results;
}

Tensor initial_gradient(const Tensor& root, const Tensor& grad, bool create_graph) {
  if (!grad.defined()) {
    KG_CHECK(root.numel() == 1, "grad can be implicitly created only for scalar outputs");
    KG_CHECK(!root.is_complex(), "grad can be implicitly created only for real scalar outputs but got ", name(root.dtype()));
    return autograd_arithmetic.ones_like(root);
  }
  KG_CHECK(grad.sizes() == root.sizes(), "Mismatch in shape: grad_output[0] has a shape of torch.Size(", grad.sizes(),
           ") and output[0] has a shape of torch.Size(", root.sizes(), ").");
  KG_CHECK(grad.is_complex() == root.is_complex(), "For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in "
           "dtype: grad_output[0] has a dtype of torch.", name(grad.dtype()), " and output[0] has a dtype of torch.", name(root.dtype()), ".");
  return create_graph ? grad : detach(grad);
}

namespace {
Edge root_edge(const Tensor& t, size_t i) {
  Edge e = gradient_edge(t);
  KG_CHECK(e, "element ", i, " of tensors does not require grad and does not have a grad_fn");
  return e;
}
}  // namespace

void backward(const Tensor& root, const Tensor& grad, bool keep_graph, bool create_graph) {
  std::vector<Edge> roots{root_edge(root, 0)};
  std::vector<Tensor> grads{initial_gradient(root, grad, create_graph)};
  run_backward(roots, std::move(grads), {}, {keep_graph, create_graph, true, true});
}

std::vector<Tensor> grad(TensorList outputs, TensorList inputs, TensorList grad_outputs, bool keep_graph, bool create_graph, bool allow_unused) {
  std::vector<Edge> roots, wanted;
  std::vector<Tensor> grads;
  for (size_t i = 0; i < outputs.size(); ++i) {
    roots.push_back(root_edge(outputs[i], i));
    grads.push_back(initial_gradient(outputs[i], i < grad_outputs.size() ? grad_outputs[i] : Tensor(), create_graph));
  }
  for (const Tensor& t : inputs) {
    KG_CHECK(t.requires_grad(), "One of the differentiated Tensors does not require grad");
    wanted.push_back(gradient_edge(t));
  }
  auto results = run_backward(roots, std::move(grads), wanted, {keep_graph, create_graph, false, allow_unused});
  for (const Tensor& r : results)
    KG_CHECK(r.defined() || allow_unused, "One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if this "
             "is the desired behavior.");
  return results;
}

}  // namespace kagari
