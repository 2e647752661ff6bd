// torch.autograd.Function: nodes of the backward graph whose gradient is a Python method.
#include "autograd_objects.h"

#include <structmember.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "kagari/autograd/engine.h"
#include "kagari/autograd/grad_mode.h"
#include "kagari/autograd/variable.h"
#include "kagari/transforms/level.h"

// Note [A context and its node]: the `ctx` of a call is also what `grad_fn` gives for its outputs. The node owns the context; the context
// points back without owning, so that a graph is freed as soon as nobody needs it. Only when Python asks for `grad_fn` does the context
// own the node, too (`base.node`); the garbage collector then sees the pair.

namespace kagari::python {

bool add_function_base(PyObject* module);

namespace {

class PythonNode;

struct ContextObject {
  NodeObject base;
  PythonNode* raw;  // cleared when the node dies
  PyObject* dict;
  PyObject* weakrefs;
};

PyTypeObject* context_type;
PyObject *str_apply, *str_forward, *str_setup_context, *str_backward_cls, *str_needs, *str_to_save, *str_dirty, *str_non_differentiable, *str_materialize;

ContextObject* context_of(PyObject* o) { return reinterpret_cast<ContextObject*>(o); }

const char* short_name(PyTypeObject* type) {
  const char* dot = std::strrchr(type->tp_name, '.');
  return dot ? dot + 1 : type->tp_name;
}

class PythonNode final : public Node {
 public:
  explicit PythonNode(PyObject* context) : context_(Py_NewRef(context)) {
    object = context;
    context_of(context)->raw = this;
  }
  ~PythonNode() override {
    if (!Py_IsInitialized()) return;
    WithGil gil;
    context_of(context_)->raw = nullptr;
    Py_DECREF(context_);
  }

  std::string name() const override { return short_name(Py_TYPE(context_)); }

  Grads apply(Grads&& grads) override {
    WithGil gil;
    Ref args(check(PyTuple_New(Py_ssize_t(grads.size()))));
    for (size_t i = 0; i < grads.size(); ++i) {
      Tensor g = grads[i];
      if (!g.defined() && materialize && is_tensor_output[i]) g = zeros(outputs[i]);
      PyTuple_SET_ITEM(args.get(), Py_ssize_t(i), check(wrap(std::move(g))));
    }
    Ref method(check(PyObject_GetAttr(context_, str_apply)));
    Ref result(check(PyObject_Call(method.get(), args.get(), nullptr)));
    if (!PyTuple_Check(result.get())) result = Ref(check(PyTuple_Pack(1, result.get())));
    return gradients(result.get());
  }

  void release_saved() override {
    for (SavedTensor& s : saved) s.reset();
    released_ = true;
  }

  PyObject* unpack_saved() const {
    KG_CHECK(!released_ || saved.empty(), "Trying to backward through the graph a second time (or directly access saved tensors after they have already been "
             "freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify retain_graph=True if you need to "
             "backward through the graph a second time or if you need to access saved tensors after calling backward.");
    Ref t(check(PyTuple_New(Py_ssize_t(saved.size()))));
    for (size_t i = 0; i < saved.size(); ++i) PyTuple_SET_ITEM(t.get(), Py_ssize_t(i), check(wrap(saved[i].defined() ? saved[i].unpack(*this) : Tensor())));
    return t.release();
  }

  PyObject* context() const { return context_; }

  std::vector<SavedTensor> saved;
  std::vector<bool> is_tensor_input;   // of all arguments of forward
  std::vector<bool> is_tensor_output;
  bool materialize = true;

 private:
  static Tensor zeros(const OutputInfo& info) {
    Tensor t = empty_tensor(info.sizes, info.dtype, info.device);
    autograd_arithmetic.copy_inplace(t, scalar_tensor(0, info.dtype, info.device));
    return t;
  }

  Grads gradients(PyObject* result) {
    Py_ssize_t given = PyTuple_GET_SIZE(result), wanted = Py_ssize_t(is_tensor_input.size());
    Py_ssize_t used = given;
    while (used > wanted && PyTuple_GET_ITEM(result, used - 1) == Py_None) --used;
    KG_CHECK(used == wanted, "function ", name(), " returned an incorrect number of gradients (expected ", wanted, ", got ", given, ")");
    Grads out;
    for (Py_ssize_t i = 0; i < wanted; ++i) {
      PyObject* g = PyTuple_GET_ITEM(result, i);
      if (!is_tensor_input[size_t(i)]) {
        KG_CHECK(g == Py_None, "function ", name(), " returned a gradient different from None at position ", i + 1,
                 ", but the corresponding forward input was not a Variable");
        continue;
      }
      KG_CHECK(g == Py_None || is_tensor(g), "expected Variable or None (got ", Py_TYPE(g)->tp_name, ")");
      out.push_back(g == Py_None || !needs(out.size()) ? Tensor() : tensor_of(g));
    }
    return out;
  }

  PyObject* context_;
  bool released_ = false;
};

// ---------------------------------------------------------------- the context
PyObject* context_new(PyTypeObject* type, PyObject*, PyObject*) {
  PyObject* o = type->tp_alloc(type, 0);
  if (o) new (&context_of(o)->base.node) IntrusivePtr<Node>();
  return o;
}

int context_traverse(PyObject* o, visitproc visit, void* arg) {
  ContextObject* self = context_of(o);
  Py_VISIT(Py_TYPE(o));
  Py_VISIT(self->dict);
  // the node's reference to the context, while nothing else keeps the node
  if (self->base.node && self->base.node->use_count() == 1) Py_VISIT(o);
  return 0;
}

int context_clear(PyObject* o) {
  ContextObject* self = context_of(o);
  Py_CLEAR(self->dict);
  IntrusivePtr<Node> node = std::move(self->base.node);
  return 0;
}

void context_dealloc(PyObject* o) {
  PyTypeObject* type = Py_TYPE(o);
  ContextObject* self = context_of(o);
  PyObject_GC_UnTrack(o);
  if (self->weakrefs) PyObject_ClearWeakRefs(o);
  Py_CLEAR(self->dict);
  self->base.node.~IntrusivePtr();
  type->tp_free(o);
  Py_DECREF(type);
}

/// Lets the context own its node, so that the node's attributes can be used. RuntimeError if there is none (any more).
void hold_node(PyObject* o, const char* attribute) {
  ContextObject* self = context_of(o);
  if (self->base.node) return;
  KG_CHECK(self->raw, "Attribute '", attribute, "' is invalid for this instance of ", Py_TYPE(o)->tp_name, ": the call was not recorded, or its graph is gone");
  self->base.node = IntrusivePtr<Node>::share(self->raw);
}

PyObject* get_saved_tensors(PyObject* o, void*) {
  return guarded([&]() -> PyObject* {
    if (context_of(o)->raw) return context_of(o)->raw->unpack_saved();
    Ref kept(PyObject_GetAttr(o, str_to_save));
    if (!kept) {
      PyErr_Clear();
      return PyTuple_New(0);
    }
    return kept.get() == Py_None ? PyTuple_New(0) : kept.release();
  });
}

/// An attribute or method of nodes in general, once the node is held.
PyObject* of_node(PyObject* o, const char* attribute) {
  return guarded([&]() -> PyObject* {
    hold_node(o, attribute);
    Ref descriptor(check(PyObject_GetAttrString(reinterpret_cast<PyObject*>(context_type->tp_base), attribute)));
    return check(PyObject_CallMethod(descriptor.get(), "__get__", "OO", o, reinterpret_cast<PyObject*>(Py_TYPE(o))));
  });
}
PyObject* node_attribute(PyObject* o, void* name) { return of_node(o, static_cast<const char*>(name)); }
PyObject* get_name(PyObject* o, PyObject*) { return PyUnicode_FromString(short_name(Py_TYPE(o))); }
PyObject* repr(PyObject* o) { return PyUnicode_FromFormat("<torch.autograd.function.%s object at %p>", short_name(Py_TYPE(o)), static_cast<void*>(o)); }
PyObject* compare(PyObject* a, PyObject* b, int op) {
  if (op != Py_EQ && op != Py_NE) Py_RETURN_NOTIMPLEMENTED;
  return PyBool_FromLong((a == b) == (op == Py_EQ));
}
Py_hash_t hash(PyObject* o) { return Py_hash_t(reinterpret_cast<uintptr_t>(o) >> 4); }
PyObject* get_dict(PyObject* o, void* closure) { return PyObject_GenericGetDict(o, closure); }

char name_next[] = "next_functions", name_hook[] = "register_hook", name_prehook[] = "register_prehook", name_sequence[] = "_sequence_nr", name_metadata[] = "metadata";
PyGetSetDef getset[] = {{"saved_tensors", get_saved_tensors, nullptr, "The tensors given to save_for_backward.", nullptr},
                        {"saved_variables", get_saved_tensors, nullptr, "Older name of saved_tensors.", nullptr},
                        {"next_functions", node_attribute, nullptr, "Pairs (node, input number), one per gradient.", name_next},
                        {"register_hook", node_attribute, nullptr, "hook(grad_inputs, grad_outputs) is called after the node ran.", name_hook},
                        {"register_prehook", node_attribute, nullptr, "hook(grad_outputs) is called before the node runs.", name_prehook},
                        {"_sequence_nr", node_attribute, nullptr, nullptr, name_sequence},
                        {"metadata", node_attribute, nullptr, nullptr, name_metadata},
                        {"__dict__", get_dict, PyObject_GenericSetDict, nullptr, nullptr},
                        {}};
PyMethodDef methods[] = {{"name", get_name, METH_NOARGS, "The class's name."}, {}};
PyMemberDef members[] = {{"__dictoffset__", T_PYSSIZET, offsetof(ContextObject, dict), READONLY, nullptr},
                         {"__weaklistoffset__", T_PYSSIZET, offsetof(ContextObject, weakrefs), READONLY, nullptr},
                         {}};

// ---------------------------------------------------------------- calls
/// Attribute of the context that forward may have set, as a tuple; empty if it did not.
std::vector<PyObject*> listed(PyObject* context, PyObject* attribute, Ref& keep) {
  std::vector<PyObject*> out;
  PyObject* dict = context_of(context)->dict;
  PyObject* value = dict ? PyDict_GetItemWithError(dict, attribute) : nullptr;
  if (!value || value == Py_None) return out;
  keep = Ref(check(PySequence_Tuple(value)));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(keep.get()); ++i) out.push_back(PyTuple_GET_ITEM(keep.get(), i));
  return out;
}

bool among(const std::vector<PyObject*>& items, const Tensor& t) {
  for (PyObject* o : items)
    if (is_tensor(o) && tensor_of(o).is_same(t)) return true;
  return false;
}

/// One output of forward becomes output `i` of the node; gives the tensor that the caller gets.
Tensor recorded(const IntrusivePtr<PythonNode>& node, const Tensor& made, bool is_input, bool dirty, bool differentiable) {
  Tensor t = made;
  if (!differentiable || !is_differentiable(t.dtype())) {
    if (is_input || t.requires_grad()) t = detach(t);
    node->add_output(t);
    return t;
  }
  if (dirty) {
    KG_CHECK(!t.impl()->requires_grad || t.impl()->has_grad_fn, "a leaf Variable that requires grad has been used in an in-place operation.");
    t.bump_version();
    rebase_history(t, node);
    return t;
  }
  if (is_input || t.requires_grad()) t = detach(t);
  set_history(t, node);
  return t;
}

/// The highest transform level among the tensors of a call, or null.
const transforms::Level* highest_level(PyObject* inputs) {
  const transforms::Level* top = nullptr;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(inputs); ++i) {
    PyObject* o = PyTuple_GET_ITEM(inputs, i);
    if (!is_tensor(o) || !tensor_of(o).impl()->transform) continue;
    const transforms::Level* level = transforms::level_of(tensor_of(o));
    if (level && (!top || level->id > top->id)) top = level;
  }
  return top;
}
/// Whether o's graph is that in which a call at the level is recorded. See Note [Transform levels].
bool belongs_here(PyObject* o, const transforms::Level* level) {
  if (!is_tensor(o) || !tensor_of(o).requires_grad()) return false;
  if (!level || level->kind == transforms::Level::Kind::Dual) return true;
  const transforms::TransformedState* s = transforms::state_of(tensor_of(o));
  return s && s->level == level->id;
}

PyObject* apply_function(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  return guarded([&]() -> PyObject* {
    KG_CHECK_TYPE((nargs == 3 || nargs == 4) && PyTuple_Check(args[2]), "_apply_function(cls, with_setup_context, arguments, compute=None)");
    PyObject *cls = args[0], *inputs = args[2];
    bool with_setup = args[1] == Py_True;
    PyObject* compute = nargs == 4 ? args[3] : nullptr;
    Py_ssize_t count = PyTuple_GET_SIZE(inputs);
    const transforms::Level* level = highest_level(inputs);
    if (level && !compute) {
      Ref module(check(PyImport_ImportModule("kagari._functorch.autograd_function")));
      return check(PyObject_CallMethod(module.get(), "apply", "OOO", cls, args[1], inputs));
    }

    Ref context_class(check(PyObject_GetAttr(cls, str_backward_cls)));
    Ref context(check(PyObject_CallNoArgs(context_class.get())));
    KG_CHECK_TYPE(PyObject_TypeCheck(context.get(), context_type), "_backward_cls must derive from BackwardCFunction");
    bool any = false;
    Ref needs(check(PyTuple_New(count)));
    for (Py_ssize_t i = 0; i < count; ++i) {
      PyObject* o = PyTuple_GET_ITEM(inputs, i);
      bool need = belongs_here(o, level);
      any = any || need;
      PyTuple_SET_ITEM(needs.get(), i, Py_NewRef(need ? Py_True : Py_False));
    }
    if (PyObject_SetAttr(context.get(), str_needs, needs.get()) < 0) throw PythonError();

    IntrusivePtr<PythonNode> node;
    if (any && grad_enabled()) {
      node = make_node<PythonNode>(context.get());
      for (Py_ssize_t i = 0; i < count; ++i) {
        PyObject* o = PyTuple_GET_ITEM(inputs, i);
        node->is_tensor_input.push_back(is_tensor(o));
        if (is_tensor(o)) node->next_edges.push_back(belongs_here(o, level) ? gradient_edge(tensor_of(o)) : Edge{});
        if (level && is_tensor(o)) node->recorded_below |= !belongs_here(o, level) && transforms::belongs_to_graph(tensor_of(o));
      }
    }

    Ref output;
    if (compute) output = Ref(check(PyObject_Call(compute, inputs, nullptr)));
    {
      NoGrad off;
      Ref forward(check(PyObject_GetAttr(cls, str_forward)));
      if (with_setup) {
        if (!compute) output = Ref(check(PyObject_Call(forward.get(), inputs, nullptr)));
        Ref setup(check(PyObject_GetAttr(cls, str_setup_context)));
        Ref done(check(PyObject_CallFunctionObjArgs(setup.get(), context.get(), inputs, output.get(), nullptr)));
      } else if (!compute || node) {
        Ref with_context(check(PyTuple_New(count + 1)));
        PyTuple_SET_ITEM(with_context.get(), 0, Py_NewRef(context.get()));
        for (Py_ssize_t i = 0; i < count; ++i) PyTuple_SET_ITEM(with_context.get(), i + 1, Py_NewRef(PyTuple_GET_ITEM(inputs, i)));
        Ref made(check(PyObject_Call(forward.get(), with_context.get(), nullptr)));
        if (!compute) output = made;  // else only for what it leaves in the context
      }
    }

    Ref keep_dirty, keep_plain, keep_saved;
    std::vector<PyObject*> dirty = listed(context.get(), str_dirty, keep_dirty), plain = listed(context.get(), str_non_differentiable, keep_plain);
    std::vector<PyObject*> saved = listed(context.get(), str_to_save, keep_saved);
    for (size_t i = 0; i < dirty.size(); ++i)
      KG_CHECK_TYPE(is_tensor(dirty[i]), "mark_dirty can only accept variables, but argument ", i, " is of type ", Py_TYPE(dirty[i])->tp_name);
    for (size_t i = 0; i < plain.size(); ++i)
      KG_CHECK_TYPE(is_tensor(plain[i]), "mark_non_differentiable only accepts variable arguments, but got ", Py_TYPE(plain[i])->tp_name);
    for (size_t i = 0; i < saved.size(); ++i)
      KG_CHECK_TYPE(saved[i] == Py_None || is_tensor(saved[i]), "save_for_backward can only save variables, but argument ", i, " is of type ", Py_TYPE(saved[i])->tp_name);
    if (!node) return output.release();

    bool single = !PyTuple_Check(output.get());
    Ref raw = single ? Ref(check(PyTuple_Pack(1, output.get()))) : output;
    Py_ssize_t outputs = PyTuple_GET_SIZE(raw.get());
    std::vector<PyObject*> given(PySequence_Fast_ITEMS(inputs), PySequence_Fast_ITEMS(inputs) + count);
    for (PyObject* o : dirty) {
      bool returned = false;
      for (Py_ssize_t i = 0; i < outputs; ++i)
        if (PyObject* r = PyTuple_GET_ITEM(raw.get(), i); is_tensor(r) && tensor_of(r).is_same(tensor_of(o))) returned = true;
      KG_CHECK(returned, "Some elements marked as dirty during the forward method were not returned as output. The inputs that are modified inplace must all "
               "be outputs of the Function.");
    }

    if (PyObject* m = context_of(context.get())->dict ? PyDict_GetItemWithError(context_of(context.get())->dict, str_materialize) : nullptr)
      node->materialize = PyObject_IsTrue(m);
    Ref result(check(PyTuple_New(outputs)));
    std::vector<std::pair<Tensor, Tensor>> known;  // what forward made, and what the caller gets
    for (Py_ssize_t i = 0; i < outputs; ++i) {
      PyObject* o = PyTuple_GET_ITEM(raw.get(), i);
      node->is_tensor_output.push_back(is_tensor(o));
      if (!is_tensor(o)) {
        node->outputs.push_back(OutputInfo{});
        PyTuple_SET_ITEM(result.get(), i, Py_NewRef(o));
        continue;
      }
      Tensor made = tensor_of(o);
      Tensor t = recorded(node, made, among(given, made), among(dirty, made), !among(plain, made));
      known.emplace_back(made, t);
      bool same = t.is_same(made);
      PyTuple_SET_ITEM(result.get(), i, same ? Py_NewRef(o) : check(Py_TYPE(o) == parameter_type ? wrap(t) : wrap_as(Py_TYPE(o), t)));
    }
    for (PyObject* o : saved) {
      if (o == Py_None) {
        node->saved.emplace_back();
        continue;
      }
      Tensor t = tensor_of(o);
      uint32_t nr = 0;
      bool is_output = false;
      for (auto& [made, final] : known)
        if (made.is_same(t) && final.impl()->has_grad_fn && autograd_meta(final).grad_fn.get() == node.get()) {
          t = final;
          nr = autograd_meta(final).output_nr;
          is_output = true;
        }
      node->saved.emplace_back(t, is_output, nr);
    }
    if (!saved.empty() && PyDict_DelItem(context_of(context.get())->dict, str_to_save) < 0) PyErr_Clear();
    if (single) return Py_NewRef(PyTuple_GET_ITEM(result.get(), 0));
    return result.release();
  });
}

PyMethodDef functions[] = {{"_apply_function", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(apply_function)), METH_FASTCALL,
                            "_apply_function(cls, with_setup_context, arguments): runs forward of an autograd.Function and records it."},
                           {}};

}  // namespace

bool add_function_base(PyObject* module) {
  str_apply = PyUnicode_InternFromString("apply");
  str_forward = PyUnicode_InternFromString("forward");
  str_setup_context = PyUnicode_InternFromString("setup_context");
  str_backward_cls = PyUnicode_InternFromString("_backward_cls");
  str_needs = PyUnicode_InternFromString("needs_input_grad");
  str_to_save = PyUnicode_InternFromString("to_save");
  str_dirty = PyUnicode_InternFromString("dirty_tensors");
  str_non_differentiable = PyUnicode_InternFromString("non_differentiable");
  str_materialize = PyUnicode_InternFromString("materialize_grads");
  PyType_Slot slots[] = {{Py_tp_new, reinterpret_cast<void*>(context_new)},
                         {Py_tp_dealloc, reinterpret_cast<void*>(context_dealloc)},
                         {Py_tp_traverse, reinterpret_cast<void*>(context_traverse)},
                         {Py_tp_clear, reinterpret_cast<void*>(context_clear)},
                         {Py_tp_getset, getset},
                         {Py_tp_methods, methods},
                         {Py_tp_members, members},
                         {Py_tp_repr, reinterpret_cast<void*>(repr)},
                         {Py_tp_richcompare, reinterpret_cast<void*>(compare)},
                         {Py_tp_hash, reinterpret_cast<void*>(hash)},
                         {}};
  PyType_Spec spec{"torch._C._FunctionBase", sizeof(ContextObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};
  Ref node(PyObject_GetAttrString(module, "_Node"));
  Ref bases(node ? PyTuple_Pack(1, node.get()) : nullptr);
  if (!bases) return false;
  context_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpecWithBases(&spec, bases.get()));
  return context_type && PyModule_AddObjectRef(module, "_FunctionBase", reinterpret_cast<PyObject*>(context_type)) == 0 &&
         PyModule_AddFunctions(module, functions) == 0;
}

}  // namespace kagari::python
