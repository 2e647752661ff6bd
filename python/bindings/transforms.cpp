// What torch.func, torch.vmap and torch.autograd.forward_ad are built on: levels, and tensors that belong to them.
#include <unordered_set>
#include <utility>

#include "kagari/autograd/accumulate.h"
#include "kagari/autograd/variable.h"
#include "kagari/ops/views.h"
#include "kagari/transforms/interpreter.h"
#include "tensor_object.h"

namespace kagari::python {

bool add_transforms(PyObject* module);

namespace {

using namespace transforms;

const Tensor& tensor_argument(PyObject* o) {
  KG_CHECK_TYPE(is_tensor(o), "expected a Tensor, but got ", Py_TYPE(o)->tp_name);
  return tensor_of(o);
}

PyObject* enter(PyObject*, PyObject* args) {
  const char *kind, *randomness = "error";
  long long size = 0;
  if (!PyArg_ParseTuple(args, "s|Ls", &kind, &size, &randomness)) return nullptr;
  return guarded([&]() -> PyObject* {
    std::string_view k = kind, r = randomness;
    Level::Kind what = k == "batch" ? Level::Kind::Batch : k == "tangent" ? Level::Kind::Tangent : Level::Kind::Dual;
    return PyLong_FromLongLong(enter_level(what, size, r == "same" ? Randomness::Same : r == "different" ? Randomness::Different : Randomness::Error));
  });
}
PyObject* leave(PyObject*, PyObject* id) {
  long long level = PyLong_AsLongLong(id);
  if (level == -1 && PyErr_Occurred()) return nullptr;
  return guarded([&]() -> PyObject* {
    exit_level(level);
    Py_RETURN_NONE;
  });
}
/// The number of the innermost open level [of a kind], or None.
PyObject* current(PyObject*, PyObject* args) {
  const char* kind = nullptr;
  if (!PyArg_ParseTuple(args, "|s", &kind)) return nullptr;
  std::string_view k = kind ? kind : "";
  const Level* level = k.empty() ? current_level() : current_level(k == "batch" ? Level::Kind::Batch : k == "tangent" ? Level::Kind::Tangent : Level::Kind::Dual);
  if (!level) Py_RETURN_NONE;
  return PyLong_FromLongLong(level->id);
}

PyObject* batch(PyObject*, PyObject* args) {
  PyObject* o;
  long long dim, level;
  if (!PyArg_ParseTuple(args, "OLL", &o, &dim, &level)) return nullptr;
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_argument(o);
    return wrap(make_batched(t, dim, level));
  });
}
/// (value, dimension that counts examples or None) of a tensor as a level sees it.
PyObject* unbatch(PyObject*, PyObject* args) {
  PyObject* o;
  long long level;
  if (!PyArg_ParseTuple(args, "OL", &o, &level)) return nullptr;
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_argument(o);
    const TransformedState* s = state_of(t);
    if (!s || s->level != level) return Py_BuildValue("(OO)", o, Py_None);
    Ref value = own(wrap(s->value));
    if (s->dim < 0) return Py_BuildValue("(OO)", value.get(), Py_None);
    return Py_BuildValue("(OL)", value.get(), (long long)s->dim);
  });
}
PyObject* dual(PyObject*, PyObject* args) {
  PyObject *primal, *tangent;
  long long level;
  if (!PyArg_ParseTuple(args, "OOL", &primal, &tangent, &level)) return nullptr;
  return guarded([&]() -> PyObject* {
    const Tensor& p = tensor_argument(primal);
    Tensor t = tangent == Py_None ? Tensor() : tensor_argument(tangent);
    return wrap(make_dual(p, t, level));
  });
}
/// Gives `o` itself a tangent, as an alias of what it is: the graph stays that of `o`.
PyObject* give_tangent(PyObject*, PyObject* args) {
  PyObject *o, *value, *tangent;
  long long level;
  if (!PyArg_ParseTuple(args, "OOOL", &o, &value, &tangent, &level)) return nullptr;
  return guarded([&]() -> PyObject* {
    Tensor made = make_dual(tensor_argument(value), tensor_argument(tangent), level);
    const Tensor& t = tensor_argument(o);
    t.impl()->transform = made.impl()->transform;
    t.impl()->special = true;
    return Py_NewRef(o);
  });
}
/// (primal, tangent or None) of a tensor as a level sees it.
PyObject* undual(PyObject*, PyObject* args) {
  PyObject* o;
  long long level;
  if (!PyArg_ParseTuple(args, "OL", &o, &level)) return nullptr;
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_argument(o);
    const TransformedState* s = state_of(t);
    if (!s || s->level != level) return Py_BuildValue("(OO)", o, Py_None);
    Ref value = own(wrap(s->value)), tangent = own(wrap(s->tangent));
    return Py_BuildValue("(OO)", value.get(), tangent.get());
  });
}
PyObject* lift(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* { return wrap(lifted(tensor_argument(o))); });
}
/// A new point of the graph of the innermost open level, connected to what `o` was there.
PyObject* track(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_argument(o);
    const Level *top = current_level(), *its = level_of(t);
    bool here = !top || top->kind == Level::Kind::Dual || (its && its->id == top->id);
    if (here && t.requires_grad()) return wrap(view_as(t, t));
    Tensor fresh = here ? detach(t) : lifted(t);
    set_requires_grad(fresh, true);
    return wrap(std::move(fresh));
  });
}
/// Out of the graph of its own level only.
PyObject* close(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* { return wrap(detach(tensor_argument(o))); });
}
PyObject* belongs(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* { return PyBool_FromLong(is_tensor(o) && belongs_to_graph(tensor_of(o))); });
}
/// None for a plain tensor; else (level, whether it is a batch, value, dimension or tangent).
PyObject* state(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_argument(o);
    const Level* level = level_of(t);
    if (!level) Py_RETURN_NONE;
    const TransformedState* s = state_of(t);
    Ref value = own(wrap(s->value)), other = s->batch ? own(PyLong_FromLongLong(s->dim)) : own(wrap(s->tangent));
    return Py_BuildValue("(LOOO)", (long long)s->level, s->batch ? Py_True : Py_False, value.get(), other.get());
  });
}

/// (number of examples, randomness) of a batch level.
PyObject* batch_of(PyObject*, PyObject* id) {
  long long number = PyLong_AsLongLong(id);
  if (number == -1 && PyErr_Occurred()) return nullptr;
  return guarded([&]() -> PyObject* {
    const Level* level = find_level(number);
    KG_CHECK(level, "the level has ended");
    return Py_BuildValue("(Ls)", (long long)level->batch_size,
                         level->randomness == Randomness::Same ? "same" : level->randomness == Randomness::Different ? "different" : "error");
  });
}

/// `with _transform_below(level)`: operators run one level down.
struct BelowObject {
  PyObject_HEAD
  long long level;
  Below* below;
};
PyObject* below_new(PyTypeObject* type, PyObject* args, PyObject*) {
  long long level;
  if (!PyArg_ParseTuple(args, "L", &level)) return nullptr;
  PyObject* o = type->tp_alloc(type, 0);
  if (o) reinterpret_cast<BelowObject*>(o)->level = level;
  return o;
}
PyObject* below_enter(PyObject* o, PyObject*) {
  auto* self = reinterpret_cast<BelowObject*>(o);
  if (!self->below) self->below = new Below(self->level);
  return Py_NewRef(o);
}
PyObject* below_exit(PyObject* o, PyObject*) {
  auto* self = reinterpret_cast<BelowObject*>(o);
  delete std::exchange(self->below, nullptr);
  Py_RETURN_NONE;
}
void below_dealloc(PyObject* o) {
  PyTypeObject* type = Py_TYPE(o);
  delete reinterpret_cast<BelowObject*>(o)->below;
  type->tp_free(o);
  Py_DECREF(type);
}
PyMethodDef below_methods[] = {{"__enter__", below_enter, METH_NOARGS, nullptr}, {"__exit__", below_exit, METH_VARARGS, nullptr}, {}};
PyType_Slot below_slots[] = {{Py_tp_new, reinterpret_cast<void*>(below_new)}, {Py_tp_dealloc, reinterpret_cast<void*>(below_dealloc)}, {Py_tp_methods, below_methods}, {}};
PyType_Spec below_spec = {"torch._C._transform_below", sizeof(BelowObject), 0, Py_TPFLAGS_DEFAULT, below_slots};

// ---------------------------------------------------------------- torch._C._functorch
PyObject* is_batched(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* { return PyBool_FromLong(is_tensor(o) && level_of(tensor_of(o)) && state_of(tensor_of(o))->batch); });
}
/// Inside jvp; or inside grad, where a tensor is plain or of a level of vmap with a graph of its own.
PyObject* is_grad_tracking(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* { return PyBool_FromLong(is_tensor(o) && level_of(tensor_of(o)) && !state_of(tensor_of(o))->batch); });
}
PyObject* is_wrapped(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* { return PyBool_FromLong(is_tensor(o) && level_of(tensor_of(o))); });
}
PyObject* unwrapped(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_argument(o);
    KG_CHECK(level_of(t), "No wrappers present!");
    return wrap(state_of(t)->value);
  });
}
PyObject* level_number(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* {
    const Level* level = level_of(tensor_argument(o));
    return PyLong_FromLongLong(level ? level->id : -1);
  });
}
PyObject* batch_dim(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_argument(o);
    return PyLong_FromLongLong(level_of(t) && state_of(t)->batch ? state_of(t)->dim : -1);
  });
}
PyObject* open_batch(PyObject*, PyObject* args) {
  long long size;
  const char* randomness;
  if (!PyArg_ParseTuple(args, "Ls", &size, &randomness)) return nullptr;
  Ref given(Py_BuildValue("(sLs)", "batch", size, randomness));
  return given ? enter(nullptr, given.get()) : nullptr;
}
PyObject* close_batch(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    const Level* level = current_level();
    KG_CHECK(level && level->kind == Level::Kind::Batch, "the innermost transform is not vmap");
    exit_level(level->id);
    return PyLong_FromLongLong(current_level() ? current_level()->id : 0);
  });
}
PyObject* transforms_active(PyObject*, PyObject*) { return PyBool_FromLong(current_level() != nullptr); }

PyMethodDef functorch_functions[] = {
    {"is_batchedtensor", is_batched, METH_O, "Whether the tensor stands for examples of vmap."},
    {"is_gradtrackingtensor", is_grad_tracking, METH_O, "Whether the tensor carries a tangent's level."},
    {"is_functorch_wrapped_tensor", is_wrapped, METH_O, "Whether the tensor belongs to a transform."},
    {"get_unwrapped", unwrapped, METH_O, "The value, one level down."},
    {"maybe_get_level", level_number, METH_O, "The number of the level, or -1."},
    {"maybe_get_bdim", batch_dim, METH_O, "Which dimension of the value counts examples, or -1."},
    {"_add_batch_dim", batch, METH_VARARGS, "_add_batch_dim(value, dim, level)"},
    {"_vmap_increment_nesting", open_batch, METH_VARARGS, "_vmap_increment_nesting(batch_size, randomness): opens a level of vmap."},
    {"_vmap_decrement_nesting", close_batch, METH_NOARGS, "Closes it."},
    {}};
PyModuleDef functorch_module = {PyModuleDef_HEAD_INIT, "kagari._C._functorch", "Tensors of transforms, as PyTorch's core names them.", -1, functorch_functions,
                                nullptr, nullptr, nullptr, nullptr};

/// Whether the graph behind `outputs` also leads to something else than the leaves `own`: to another derivative's inputs, to parameters, to a
/// graph below the level.
PyObject* leads_elsewhere(PyObject*, PyObject* args) {
  PyObject *outputs, *leaves;
  if (!PyArg_ParseTuple(args, "O!O!", &PyList_Type, &outputs, &PyList_Type, &leaves)) return nullptr;
  return guarded([&]() -> PyObject* {
    std::unordered_set<const TensorImpl*> own_leaves;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(leaves); ++i) {
      const Tensor& t = tensor_argument(PyList_GET_ITEM(leaves, i));
      own_leaves.insert(t.impl());
      const TransformedState* s = state_of(t);
      if (s && (belongs_to_graph(s->value) || belongs_to_graph(s->tangent))) Py_RETURN_TRUE;
    }
    std::unordered_set<Node*> seen;
    std::vector<Node*> waiting;
    std::vector<Edge> roots;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(outputs); ++i) {
      const Edge& e = roots.emplace_back(gradient_edge(tensor_argument(PyList_GET_ITEM(outputs, i))));
      if (e && seen.insert(e.node.get()).second) waiting.push_back(e.node.get());
    }
    while (!waiting.empty()) {
      Node* n = waiting.back();
      waiting.pop_back();
      if (n->recorded_below) Py_RETURN_TRUE;
      if (n->is_accumulate() && !own_leaves.count(static_cast<AccumulateGrad*>(n)->variable().impl())) Py_RETURN_TRUE;
      for (const Edge& e : n->next_edges)
        if (e && seen.insert(e.node.get()).second) waiting.push_back(e.node.get());
    }
    Py_RETURN_FALSE;
  });
}

PyMethodDef functions[] = {
    {"_transform_enter", enter, METH_VARARGS, "_transform_enter(kind, batch_size=0, randomness='error'): opens a level, gives its number."},
    {"_transform_exit", leave, METH_O, "Closes a level."},
    {"_transform_level", current, METH_VARARGS, "The innermost open level [of a kind], or None."},
    {"_transform_batch", batch, METH_VARARGS, "_transform_batch(value, dim, level): one example of a batch; dim -1: the same for all."},
    {"_transform_unbatch", unbatch, METH_VARARGS, "_transform_unbatch(tensor, level): (value, dim or None)."},
    {"_transform_dual", dual, METH_VARARGS, "_transform_dual(primal, tangent, level)"},
    {"_transform_give_tangent", give_tangent, METH_VARARGS, nullptr},
    {"_transform_undual", undual, METH_VARARGS, "_transform_undual(tensor, level): (primal, tangent or None)."},
    {"_transform_lift", lift, METH_O, "The tensor at the innermost open level, with a graph of its own there."},
    {"_transform_track", track, METH_O, "The tensor as a new point of the graph."},
    {"_transform_close", close, METH_O, "The tensor outside of the graph of its own level."},
    {"_transform_belongs_to_graph", belongs, METH_O, "Whether the tensor or what it stands for requires a gradient."},
    {"_transform_batch_of", batch_of, METH_O, "(number of examples, randomness) of a batch level."},
    {"_are_functorch_transforms_active", transforms_active, METH_NOARGS, "Whether vmap, jvp or a dual level is open on this thread."},
    {"_transform_state", state, METH_O, "(level, is a batch, value, dim or tangent), or None for a plain tensor."},
    {"_transform_leads_elsewhere", leads_elsewhere, METH_VARARGS, nullptr},
    {}};

}  // namespace

bool add_transforms(PyObject* module) {
  Ref below(PyType_FromSpec(&below_spec)), functorch(PyModule_Create(&functorch_module)), path(PyList_New(0));
  // `import torch._C._functorch` works for a module inside of one that has a path
  if (!functorch || !path || PyModule_AddObjectRef(module, "_functorch", functorch.get()) < 0 || PyModule_AddObjectRef(module, "__path__", path.get()) < 0 ||
      PyDict_SetItemString(PyImport_GetModuleDict(), "kagari._C._functorch", functorch.get()) < 0)
    return false;
  return below && PyModule_AddObjectRef(module, "_transform_below", below.get()) == 0 && PyModule_AddFunctions(module, functions) == 0;
}

}  // namespace kagari::python
