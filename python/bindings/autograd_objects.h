#pragma once
#include "kagari/autograd/node.h"
#include "tensor_object.h"

namespace kagari::python {

/// A node of the backward graph as Python sees it; its type is named after the node.
struct NodeObject {
  PyObject_HEAD
  IntrusivePtr<Node> node;
};
bool is_node(PyObject* o);
Node& node_of(PyObject* o);
/// The object of a node, the same one while it lives; None for null.
PyObject* wrap_node(const IntrusivePtr<Node>& node);

}  // namespace kagari::python
