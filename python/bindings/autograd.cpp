// Autograd as Python sees it: switches, nodes, hooks, the backward pass.
#include "autograd_objects.h"
#include "kagari/autograd/engine.h"

#include <map>
#include <string>

#include "kagari/autograd/accumulate.h"
#include "kagari/autograd/grad_mode.h"
#include "kagari/op/op.h"
#include "tensor_methods.h"

namespace kagari::python {

namespace {

// ---------------------------------------------------------------- hooks
/// A Python object, mostly a hook's callable; dies under the GIL.
struct Callable {
  explicit Callable(PyObject* f) : f_(Py_NewRef(f)) {}
  Callable(const Callable&) = delete;
  ~Callable() {
    if (!Py_IsInitialized()) return;
    WithGil gil;
    Py_DECREF(f_);
  }
  PyObject* f_;
};

Tensor gradient_from(PyObject* o, const char* what) {
  if (o == Py_None) return {};
  KG_CHECK_TYPE(is_tensor(o), "expected Variable, but ", what, " returned ", Py_TYPE(o)->tp_name);
  return tensor_of(o);
}

struct TensorHook final : GradHook {
  explicit TensorHook(PyObject* f) : f(f) {}
  Callable f;
  void operator()(Grads& grads) override {
    WithGil gil;
    Ref g(check(wrap(grads[0])));
    Ref r(check(PyObject_CallOneArg(f.f_, g.get())));
    if (r.get() == Py_None) return;
    Tensor replaced = gradient_from(r.get(), "hook");
    KG_CHECK(!grads[0].defined() || replaced.sizes() == grads[0].sizes(), "hook '", "hook", "' has changed the size of value");
    grads[0] = replaced;
  }
};

Ref tuple_of(const Grads& grads) {
  Ref t(check(PyTuple_New(Py_ssize_t(grads.size()))));
  for (size_t i = 0; i < grads.size(); ++i) PyTuple_SET_ITEM(t.get(), Py_ssize_t(i), check(wrap(grads[i])));
  return t;
}
void replace_from(Grads& grads, PyObject* r) {
  if (r == Py_None) return;
  if (is_tensor(r) && grads.size() == 1) {
    grads[0] = tensor_of(r);
    return;
  }
  KG_CHECK_TYPE(PyTuple_Check(r) && size_t(PyTuple_GET_SIZE(r)) == grads.size(), "hook has returned an incorrect number of values (got ",
                PyTuple_Check(r) ? PyTuple_GET_SIZE(r) : 1, ", but expected ", grads.size(), ")");
  for (size_t i = 0; i < grads.size(); ++i) grads[i] = gradient_from(PyTuple_GET_ITEM(r, Py_ssize_t(i)), "hook");
}
struct NodePreHook final : GradHook {
  explicit NodePreHook(PyObject* f) : f(f) {}
  Callable f;
  void operator()(Grads& grads) override {
    WithGil gil;
    Ref t = tuple_of(grads);
    Ref r(check(PyObject_CallOneArg(f.f_, t.get())));
    replace_from(grads, r.get());
  }
};
struct NodePostHook final : PostHook {
  explicit NodePostHook(PyObject* f) : f(f) {}
  Callable f;
  void operator()(Grads& results, const Grads& inputs) override {
    WithGil gil;
    Ref a = tuple_of(results), b = tuple_of(inputs);
    Ref r(check(PyObject_CallFunctionObjArgs(f.f_, a.get(), b.get(), nullptr)));
    replace_from(results, r.get());
  }
};
/// Does nothing; holds what users keep with a node.
struct Metadata final : PostHook {
  explicit Metadata(PyObject* d) : dict(d) {}
  Callable dict;
  void operator()(Grads&, const Grads&) override {}
};
struct AccumulateHook final : PostHook {
  explicit AccumulateHook(PyObject* f) : f(f) {}
  Callable f;
  void operator()(Grads& self, const Grads&) override {
    WithGil gil;
    Ref t(check(wrap(self[0])));
    Ref r(check(PyObject_CallOneArg(f.f_, t.get())));
  }
};
struct Callback final : GradHook {
  explicit Callback(PyObject* f) : f(f) {}
  Callable f;
  void operator()(Grads&) override {
    WithGil gil;
    Ref r(check(PyObject_CallNoArgs(f.f_)));
  }
};

// ---------------------------------------------------------------- removable handles
struct HandleObject {
  PyObject_HEAD
  std::shared_ptr<void> hook;
  void (*remove)(HandleObject*);
  PyObject* owner;  // the tensor or node object
};
PyTypeObject* handle_type;
void handle_dealloc(PyObject* o) {
  auto* self = reinterpret_cast<HandleObject*>(o);
  self->hook.~shared_ptr();
  Py_XDECREF(self->owner);
  PyTypeObject* type = Py_TYPE(o);
  PyObject_Free(o);
  Py_DECREF(type);
}
PyObject* handle_remove(PyObject* o, PyObject*) {
  auto* self = reinterpret_cast<HandleObject*>(o);
  return guarded([&]() -> PyObject* {
    if (self->owner) self->remove(self);
    Py_CLEAR(self->owner);
    self->hook.reset();
    Py_RETURN_NONE;
  });
}
PyObject* handle_exit(PyObject* o, PyObject*) { return handle_remove(o, nullptr); }
PyObject* handle_enter(PyObject* o, PyObject*) { return Py_NewRef(o); }
PyMethodDef handle_methods[] = {{"remove", handle_remove, METH_NOARGS, "The hook is not called any more."},
                                {"__enter__", handle_enter, METH_NOARGS, nullptr},
                                {"__exit__", handle_exit, METH_VARARGS, nullptr}, {}};
PyObject* make_handle(PyObject* owner, std::shared_ptr<void> hook, void (*remove)(HandleObject*)) {
  auto* h = PyObject_New(HandleObject, handle_type);
  if (!h) return nullptr;
  new (&h->hook) std::shared_ptr<void>(std::move(hook));
  h->remove = remove;
  h->owner = Py_NewRef(owner);
  return reinterpret_cast<PyObject*>(h);
}

// ---------------------------------------------------------------- nodes
PyTypeObject* node_type;  // torch.autograd.graph.Node's C part
std::map<std::string, PyTypeObject*>& node_types() {
  static std::map<std::string, PyTypeObject*> types;
  return types;
}

void node_dealloc(PyObject* o) {
  auto* self = reinterpret_cast<NodeObject*>(o);
  PyTypeObject* type = Py_TYPE(o);
  if (self->node && self->node->object == o) self->node->object = nullptr;
  self->node.~IntrusivePtr();
  PyObject_Free(o);
  Py_DECREF(type);
}
PyObject* node_name(PyObject* o, PyObject*) { return PyUnicode_FromString(node_of(o).name().c_str()); }
PyObject* node_repr(PyObject* o) { return PyUnicode_FromFormat("<%s object at %p>", node_of(o).name().c_str(), static_cast<void*>(o)); }
PyObject* node_next(PyObject* o, void*) {
  return guarded([&]() -> PyObject* {
    Node& n = node_of(o);
    Ref t(check(PyTuple_New(Py_ssize_t(n.next_edges.size()))));
    for (size_t i = 0; i < n.next_edges.size(); ++i) {
      Ref child(check(wrap_node(n.next_edges[i].node)));
      PyTuple_SET_ITEM(t.get(), Py_ssize_t(i), check(Py_BuildValue("(OI)", child.get(), n.next_edges[i].input_nr)));
    }
    return t.release();
  });
}
PyObject* node_metadata(PyObject* o, void*) {
  // kept with the node's hooks, because the node's Python object may come and go
  auto& hooks = node_of(o).hooks().post_hooks;
  for (auto& h : hooks)
    if (auto* m = dynamic_cast<Metadata*>(h.get())) return Py_NewRef(m->dict.f_);
  Ref made(PyDict_New());
  if (!made) return nullptr;
  hooks.push_back(std::make_shared<Metadata>(made.get()));
  return made.release();
}
PyObject* node_variable(PyObject* o, void*) {
  Node& n = node_of(o);
  if (!n.is_accumulate()) {
    PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute 'variable'", n.name().c_str());
    return nullptr;
  }
  return wrap(static_cast<AccumulateGrad&>(n).variable());
}
PyObject* node_sequence(PyObject* o, PyObject*) { return PyLong_FromUnsignedLongLong(node_of(o).sequence); }
PyObject* node_register_hook(PyObject* o, PyObject* f) {
  auto hook = std::make_shared<NodePostHook>(f);
  node_of(o).hooks().post_hooks.push_back(hook);
  return make_handle(o, hook, [](HandleObject* h) {
    std::erase_if(node_of(h->owner).hooks().post_hooks, [&](auto& x) { return x.get() == static_cast<PostHook*>(static_cast<NodePostHook*>(h->hook.get())); });
  });
}
PyObject* node_register_prehook(PyObject* o, PyObject* f) {
  auto hook = std::make_shared<NodePreHook>(f);
  node_of(o).hooks().pre_hooks.push_back(hook);
  return make_handle(o, hook, [](HandleObject* h) {
    std::erase_if(node_of(h->owner).hooks().pre_hooks, [&](auto& x) { return x.get() == static_cast<GradHook*>(static_cast<NodePreHook*>(h->hook.get())); });
  });
}
PyObject* node_compare(PyObject* a, PyObject* b, int op) {
  if ((op != Py_EQ && op != Py_NE) || !is_node(a) || !is_node(b)) Py_RETURN_NOTIMPLEMENTED;
  return PyBool_FromLong((&node_of(a) == &node_of(b)) == (op == Py_EQ));
}
Py_hash_t node_hash(PyObject* o) { return Py_hash_t(reinterpret_cast<uintptr_t>(&node_of(o)) >> 4); }
PyGetSetDef node_getset[] = {{"next_functions", node_next, nullptr, "Pairs (node, input number), one per gradient.", nullptr},
                             {"metadata", node_metadata, nullptr, nullptr, nullptr},
                             {"variable", node_variable, nullptr, "The leaf of an AccumulateGrad node.", nullptr}, {}};
PyMethodDef node_methods[] = {{"name", node_name, METH_NOARGS, nullptr},
                              {"register_hook", node_register_hook, METH_O, "hook(grad_inputs, grad_outputs) is called after the node ran."},
                              {"register_prehook", node_register_prehook, METH_O, "hook(grad_outputs) is called before the node runs."},
                              {"_sequence_nr", node_sequence, METH_NOARGS, nullptr}, {}};

PyTypeObject* make_node_type(const char* name, PyTypeObject* base) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(node_dealloc)}, {Py_tp_getset, node_getset}, {Py_tp_methods, node_methods},
                         {Py_tp_repr, reinterpret_cast<void*>(node_repr)}, {Py_tp_richcompare, reinterpret_cast<void*>(node_compare)},
                         {Py_tp_hash, reinterpret_cast<void*>(node_hash)}, {}};
  PyType_Spec spec{name, sizeof(NodeObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  Ref bases(base ? PyTuple_Pack(1, base) : nullptr);
  return reinterpret_cast<PyTypeObject*>(PyType_FromSpecWithBases(&spec, bases.get()));
}

// ---------------------------------------------------------------- saved-tensor hooks
struct HookPair {
  PyObject *pack, *unpack;
};
thread_local std::vector<HookPair> pack_hooks;
thread_local PyObject* hooks_disabled = nullptr;

struct Packed {
  PyObject *object, *unpack;
  ~Packed() {
    if (!Py_IsInitialized()) return;
    WithGil gil;
    Py_DECREF(object);
    Py_DECREF(unpack);
  }
};
std::shared_ptr<void> pack_tensor(const Tensor& t) {
  if (pack_hooks.empty()) return nullptr;
  WithGil gil;
  HookPair hooks = pack_hooks.back();
  Ref o(check(wrap(t)));
  PyObject* packed = check(PyObject_CallOneArg(hooks.pack, o.get()));
  return std::shared_ptr<void>(new Packed{packed, Py_NewRef(hooks.unpack)}, [](void* p) { delete static_cast<Packed*>(p); });
}
Tensor unpack_tensor(const std::shared_ptr<void>& p) {
  WithGil gil;
  auto* packed = static_cast<Packed*>(p.get());
  Ref o(check(PyObject_CallOneArg(packed->unpack, packed->object)));
  KG_CHECK_TYPE(is_tensor(o.get()), "Output of saved tensor unpack_hook expected to be a Tensor but got result of type ", Py_TYPE(o.get())->tp_name);
  return tensor_of(o.get());
}

PyObject* push_hooks(PyObject*, PyObject* args) {
  PyObject *pack, *unpack;
  if (!PyArg_ParseTuple(args, "OO", &pack, &unpack)) return nullptr;
  if (hooks_disabled) return PyErr_SetObject(PyExc_RuntimeError, hooks_disabled), nullptr;
  pack_hooks.push_back({Py_NewRef(pack), Py_NewRef(unpack)});
  ++saved_tensor_hooks_active;
  Py_RETURN_NONE;
}
PyObject* pop_hooks(PyObject*, PyObject*) {
  if (pack_hooks.empty()) return PyErr_SetString(PyExc_RuntimeError, "no saved-tensor hooks are active"), nullptr;
  HookPair top = pack_hooks.back();
  pack_hooks.pop_back();
  --saved_tensor_hooks_active;
  Py_DECREF(top.pack);
  Py_DECREF(top.unpack);
  Py_RETURN_NONE;
}
PyObject* disable_hooks(PyObject*, PyObject* text) {
  if (!pack_hooks.empty()) return PyErr_SetObject(PyExc_RuntimeError, text), nullptr;
  Py_XSETREF(hooks_disabled, Py_NewRef(text));
  Py_RETURN_NONE;
}
PyObject* enable_hooks(PyObject*, PyObject*) {
  Py_CLEAR(hooks_disabled);
  Py_RETURN_NONE;
}
PyObject* disabled_text(PyObject*, PyObject*) { return Py_NewRef(hooks_disabled ? hooks_disabled : Py_None); }
PyMethodDef saved_functions[] = {{"_push_saved_tensors_default_hooks", push_hooks, METH_VARARGS, nullptr},
                                 {"_pop_saved_tensors_default_hooks", pop_hooks, METH_NOARGS, nullptr},
                                 {"_saved_tensors_hooks_disable", disable_hooks, METH_O, nullptr},
                                 {"_saved_tensors_hooks_enable", enable_hooks, METH_NOARGS, nullptr},
                                 {"_saved_tensors_hooks_get_disabled_error_message", disabled_text, METH_NOARGS, nullptr}, {}};

// ---------------------------------------------------------------- the backward pass
/// A tensor, or a GradientEdge (node, output_nr).
Edge edge_of(PyObject* o) {
  if (is_tensor(o)) return gradient_edge(tensor_of(o));
  if (PyTuple_Check(o) && PyTuple_GET_SIZE(o) >= 2 && is_node(PyTuple_GET_ITEM(o, 0))) {
    long long n = PyLong_AsLongLong(PyTuple_GET_ITEM(o, 1));
    return {IntrusivePtr<Node>::share(&node_of(PyTuple_GET_ITEM(o, 0))), uint32_t(n)};
  }
  fail(ErrorKind::Type, str("expected a tensor or a GradientEdge, but got ", Py_TYPE(o)->tp_name));
}

PyObject* run_backward_python(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *tensors, *gradients, *inputs;
    int keep, create, allow_unused, accumulate;
    if (!PyArg_ParseTuple(args, "OOppOpp", &tensors, &gradients, &keep, &create, &inputs, &allow_unused, &accumulate)) return nullptr;
    Ref ts(check(PySequence_Tuple(tensors))), gs(check(PySequence_Tuple(gradients))), is(check(PySequence_Tuple(inputs)));
    std::vector<Edge> roots, wanted;
    std::vector<Tensor> grads;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(ts.get()); ++i) {
      PyObject* o = PyTuple_GET_ITEM(ts.get(), i);
      Edge e = edge_of(o);
      KG_CHECK(e, "element ", i, " of tensors does not require grad and does not have a grad_fn");
      PyObject* g = i < PyTuple_GET_SIZE(gs.get()) ? PyTuple_GET_ITEM(gs.get(), i) : Py_None;
      Tensor start = g == Py_None ? Tensor() : tensor_of(g);
      if (is_tensor(o)) start = initial_gradient(tensor_of(o), start, create);
      roots.push_back(std::move(e));
      grads.push_back(std::move(start));
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(is.get()); ++i) {
      PyObject* o = PyTuple_GET_ITEM(is.get(), i);
      KG_CHECK(!is_tensor(o) || tensor_of(o).requires_grad(), "One of the differentiated Tensors does not require grad");
      wanted.push_back(edge_of(o));
    }
    std::vector<Tensor> results;
    {
      PyThreadState* state = PyEval_SaveThread();
      struct Back {
        PyThreadState* s;
        ~Back() { PyEval_RestoreThread(s); }
      } back{state};
      results = run_backward(roots, std::move(grads), wanted, {bool(keep), bool(create), bool(accumulate), bool(allow_unused)});
    }
    if (accumulate) Py_RETURN_NONE;
    for (size_t i = 0; i < results.size(); ++i)
      KG_CHECK(results[i].defined() || allow_unused, "One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if "
               "this is the desired behavior.");
    Ref out(check(PyTuple_New(Py_ssize_t(results.size()))));
    for (size_t i = 0; i < results.size(); ++i) PyTuple_SET_ITEM(out.get(), Py_ssize_t(i), check(wrap(results[i])));
    return out.release();
  });
}

// ---------------------------------------------------------------- switches
PyObject* set_grad_enabled(PyObject*, PyObject* value) {
  int v = PyObject_IsTrue(value);
  if (v < 0) return nullptr;
  grad_state().enabled = v;
  Py_RETURN_NONE;
}
PyObject* is_grad_enabled(PyObject*, PyObject*) { return PyBool_FromLong(grad_enabled()); }
PyObject* is_inference_mode(PyObject*, PyObject*) { return PyBool_FromLong(grad_state().inference); }
PyObject* enter_inference(PyObject*, PyObject* value) {
  GradState& s = grad_state();
  PyObject* before = Py_BuildValue("(ii)", int(s.enabled), int(s.inference));
  bool on = PyObject_IsTrue(value);
  s.inference = on;
  s.enabled = !on;
  return before;
}
PyObject* exit_inference(PyObject*, PyObject* before) {
  int enabled, inference;
  if (!PyArg_ParseTuple(before, "ii", &enabled, &inference)) return nullptr;
  grad_state().enabled = enabled;
  grad_state().inference = inference;
  Py_RETURN_NONE;
}
PyObject* set_anomaly(PyObject*, PyObject* args) {
  int on, nan = 1;
  if (!PyArg_ParseTuple(args, "p|p", &on, &nan)) return nullptr;
  grad_state().anomaly = on;
  grad_state().anomaly_check_nan = nan;
  Py_RETURN_NONE;
}
PyObject* is_anomaly(PyObject*, PyObject*) { return PyBool_FromLong(grad_state().anomaly); }
PyObject* is_anomaly_nan(PyObject*, PyObject*) { return PyBool_FromLong(grad_state().anomaly_check_nan); }
PyObject* current_task(PyObject*, PyObject*) { return PyLong_FromLongLong(current_pass()); }
PyObject* current_autograd_node(PyObject*, PyObject*) { return wrap_node(IntrusivePtr<Node>::share(current_node())); }
PyObject* will_execute(PyObject*, PyObject* o) {
  if (!is_node(o)) return PyErr_Format(PyExc_TypeError, "_will_engine_execute_node expects a node, but got %s", Py_TYPE(o)->tp_name);
  return PyBool_FromLong(pass_reaches(&node_of(o)));
}
PyObject* increment_version(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* {
    Ref one(PyTuple_Pack(1, o));
    Ref all(check(is_tensor(o) ? Py_NewRef(one.get()) : PySequence_Tuple(o)));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(all.get()); ++i) tensor_of(PyTuple_GET_ITEM(all.get(), i)).bump_version();
    Py_RETURN_NONE;
  });
}
PyObject* queue_callback_python(PyObject*, PyObject* f) {
  return guarded([&]() -> PyObject* {
    queue_callback(std::make_shared<Callback>(f));
    Py_RETURN_NONE;
  });
}
PyObject* gradient_edge_python(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* {
    Edge e = edge_of(o);
    KG_CHECK(e, "Can't get gradient edge from a tensor that does not require grad");
    Ref n(check(wrap_node(e.node)));
    return Py_BuildValue("(OI)", n.get(), e.input_nr);
  });
}
PyMethodDef functions[] = {{"_set_grad_enabled", set_grad_enabled, METH_O, nullptr},
                           {"is_grad_enabled", is_grad_enabled, METH_NOARGS, "Whether operators are recorded on this thread."},
                           {"is_inference_mode_enabled", is_inference_mode, METH_NOARGS, nullptr},
                           {"_enter_inference_mode", enter_inference, METH_O, nullptr},
                           {"_exit_inference_mode", exit_inference, METH_O, nullptr},
                           {"set_anomaly_enabled", set_anomaly, METH_VARARGS, nullptr},
                           {"is_anomaly_enabled", is_anomaly, METH_NOARGS, nullptr},
                           {"is_anomaly_check_nan_enabled", is_anomaly_nan, METH_NOARGS, nullptr},
                           {"_run_backward", run_backward_python, METH_VARARGS, nullptr},
                           {"_current_graph_task_id", current_task, METH_NOARGS, nullptr},
                           {"_current_autograd_node", current_autograd_node, METH_NOARGS, nullptr},
                           {"_will_engine_execute_node", will_execute, METH_O, "Whether the running backward pass leads to the node."},
                           {"_increment_version", increment_version, METH_O, nullptr},
                           {"_queue_callback", queue_callback_python, METH_O, nullptr},
                           {"_gradient_edge", gradient_edge_python, METH_O, nullptr}, {}};

}  // namespace

bool is_node(PyObject* o) { return PyObject_TypeCheck(o, node_type); }
Node& node_of(PyObject* o) { return *reinterpret_cast<NodeObject*>(o)->node; }

PyObject* wrap_node(const IntrusivePtr<Node>& node) {
  if (!node) Py_RETURN_NONE;
  if (node->object) {
    auto* o = static_cast<NodeObject*>(node->object);
    if (!o->node) o->node = node;  // the context of an autograd.Function; see Note [A context and its node] in function.cpp
    return Py_NewRef(reinterpret_cast<PyObject*>(o));
  }
  std::string name = node->name();
  PyTypeObject*& type = node_types()[name];
  if (!type) type = make_node_type((new std::string("builtins." + name))->c_str(), node_type);
  if (!type) return nullptr;
  auto* o = PyObject_New(NodeObject, type);
  if (!o) return nullptr;
  new (&o->node) IntrusivePtr<Node>(node);
  node->object = o;
  return reinterpret_cast<PyObject*>(o);
}

PyObject* get_grad(PyObject* self, void*) { return wrap(grad_of(tensor_of(self))); }
int set_grad_attribute(PyObject* self, PyObject* value, void*) {
  return guarded([&]() -> int {
    KG_CHECK_TYPE(!value || value == Py_None || is_tensor(value), "assigned grad expected to be a Tensor or None but got grad of type ", Py_TYPE(value)->tp_name);
    set_grad(tensor_of(self), !value || value == Py_None ? Tensor() : tensor_of(value));
    return 0;
  });
}
PyObject* get_grad_fn(PyObject* self, void*) {
  return guarded([&]() -> PyObject* { return wrap_node(grad_fn_of(tensor_of(self))); });
}
PyObject* register_hook(PyObject* self, PyObject* f) {
  return guarded([&]() -> PyObject* {
    auto hook = std::make_shared<TensorHook>(f);
    register_tensor_hook(tensor_of(self), hook);
    return make_handle(self, hook, [](HandleObject* h) { remove_tensor_hook(tensor_of(h->owner), static_cast<TensorHook*>(h->hook.get())); });
  });
}
PyObject* register_post_accumulate_grad_hook(PyObject* self, PyObject* f) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_of(self);
    KG_CHECK(t.requires_grad(), "cannot register a hook on a tensor that doesn't require gradient");
    KG_CHECK(!grad_fn_of(t), "post accumulate grad hooks cannot be registered on non-leaf tensors");
    auto hook = std::make_shared<AccumulateHook>(f);
    autograd_meta(t).accumulate_hooks.push_back(hook);
    return make_handle(self, hook, [](HandleObject* h) {
      std::erase_if(autograd_meta(tensor_of(h->owner)).accumulate_hooks, [&](auto& x) { return x.get() == static_cast<PostHook*>(static_cast<AccumulateHook*>(h->hook.get())); });
    });
  });
}

bool add_autograd(PyObject* module) {
  saved_tensor_hooks = {pack_tensor, unpack_tensor};
  PyType_Slot handle_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(handle_dealloc)}, {Py_tp_methods, handle_methods}, {}};
  PyType_Spec handle_spec{"torch.utils.hooks.RemovableHandle", sizeof(HandleObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, handle_slots};
  handle_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&handle_spec));
  node_type = make_node_type("torch._C._Node", nullptr);
  if (!handle_type || !node_type || PyModule_AddObjectRef(module, "_Node", reinterpret_cast<PyObject*>(node_type)) < 0) return false;
  static PyModuleDef saved_def = {PyModuleDef_HEAD_INIT, "kagari._C._autograd", nullptr, -1, saved_functions, nullptr, nullptr, nullptr, nullptr};
  Ref saved(PyModule_Create(&saved_def));
  return saved && PyModule_AddObjectRef(module, "_autograd", saved.get()) == 0 && PyModule_AddFunctions(module, functions) == 0;
}

}  // namespace kagari::python
