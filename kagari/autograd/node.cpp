#include "kagari/autograd/node.h"

#include "kagari/autograd/grad_mode.h"
#include "kagari/base/allocator.h"

namespace kagari {

namespace {
thread_local uint64_t next_sequence = 0;
// Note [Long graphs]: a chain of 100,000 nodes must not be destroyed by recursion. The first destroy() on a thread works through a
// list; those that it causes only append to it.
thread_local std::vector<Node*>* dying = nullptr;
}  // namespace

NodeCreated node_created = nullptr;

Node::Node() : sequence(next_sequence++) {
  if (anomaly_mode() && node_created) node_created(*this);
}
Node::~Node() = default;
void* Node::operator new(size_t size) { return allocate(size); }
void Node::operator delete(void* p, size_t size) { deallocate(p, size); }

void Node::destroy(Node* n) {
  if (dying) return dying->push_back(n);
  std::vector<Node*> list{n};
  dying = &list;
  while (!list.empty()) {
    Node* last = list.back();
    list.pop_back();
    delete last;
  }
  dying = nullptr;
}

uint32_t Node::add_output(const Tensor& t) {
  if (t.defined()) outputs.push_back({Ints(t.sizes().begin(), t.sizes().end()), t.dtype(), t.device()});
  else outputs.push_back({{}, DType::Float32, {}});
  return uint32_t(outputs.size() - 1);
}

}  // namespace kagari
