// The hot parts of nn.Module in C: looking up parameters, buffers and children, and the call when there is no hook.
//
// The class itself is Python. A subclass whose `__getattr__`, `__getattribute__` or `__call__` are still those of Module gets the functions
// below as its slots; assigning one of those attributes to a class later resets the slots to Python's own, as always.
#include "tensor_object.h"

namespace kagari::python {
namespace {

// What nn.modules.module hands over.
PyObject* python_call;      // Module.__call__
PyObject* python_getattr;   // Module.__getattr__
PyObject* note_error;       // add_module_path(error, module)
PyObject* global_hooks[4];  // dictionaries

PyObject* interned(const char* s) { return PyUnicode_InternFromString(s); }
struct Names {
  PyObject* registries[3] = {interned("_parameters"), interned("_buffers"), interned("_modules")};
  PyObject* hooks[4] = {interned("_forward_hooks"), interned("_forward_pre_hooks"), interned("_backward_hooks"), interned("_backward_pre_hooks")};
  PyObject *compiled = interned("_compiled_call_impl"), *forward = interned("forward");
  PyObject *call = interned("__call__"), *getattr = interned("__getattr__"), *getattribute = interned("__getattribute__");
};
const Names& names() {
  static const Names one;
  return one;
}

PyObject* module_getattr(PyObject* self, PyObject* name) {
  if (_PyType_Lookup(Py_TYPE(self), name)) {
    PyObject* found = PyObject_GenericGetAttr(self, name);
    if (found || !PyErr_ExceptionMatches(PyExc_AttributeError)) return found;
    PyErr_Clear();  // a property that raised: Module.__getattr__ has the next word
    return PyObject_CallFunctionObjArgs(python_getattr, self, name, nullptr);
  }
  Ref state(PyObject_GenericGetDict(self, nullptr));
  if (!state) return nullptr;
  PyObject* found = PyDict_GetItemWithError(state.get(), name);
  for (int i = 0; i < 3 && !found && !PyErr_Occurred(); ++i) {
    PyObject* registry = PyDict_GetItemWithError(state.get(), names().registries[i]);
    if (registry && PyDict_Check(registry)) found = PyDict_GetItemWithError(registry, name);
  }
  if (found) return Py_NewRef(found);
  if (PyErr_Occurred()) return nullptr;
  return PyObject_CallFunctionObjArgs(python_getattr, self, name, nullptr);  // raises, with its text
}

bool without_hooks(PyObject* state) {
  for (PyObject* hooks : global_hooks)
    if (PyDict_GET_SIZE(hooks)) return false;
  for (PyObject* name : names().hooks) {
    PyObject* hooks = PyDict_GetItemWithError(state, name);
    if (!hooks || !PyDict_Check(hooks) || PyDict_GET_SIZE(hooks)) return false;
  }
  return !PyDict_GetItemWithError(state, names().compiled);
}

// f(self, *args, **kwargs)
PyObject* call_with_self(PyObject* f, PyObject* self, PyObject* args, PyObject* kwargs) {
  constexpr Py_ssize_t most = 8;
  Py_ssize_t n = PyTuple_GET_SIZE(args);
  if (n > most) {
    Ref all(PyTuple_New(n + 1));
    if (!all) return nullptr;
    PyTuple_SET_ITEM(all.get(), 0, Py_NewRef(self));
    for (Py_ssize_t i = 0; i < n; ++i) PyTuple_SET_ITEM(all.get(), i + 1, Py_NewRef(PyTuple_GET_ITEM(args, i)));
    return PyObject_Call(f, all.get(), kwargs);
  }
  PyObject* stack[most + 1] = {self};
  for (Py_ssize_t i = 0; i < n; ++i) stack[i + 1] = PyTuple_GET_ITEM(args, i);
  return PyObject_VectorcallDict(f, stack, size_t(n + 1), kwargs);
}

PyObject* module_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  Ref state(PyObject_GenericGetDict(self, nullptr));
  if (!state) return nullptr;
  if (!without_hooks(state.get())) return PyErr_Occurred() ? nullptr : call_with_self(python_call, self, args, kwargs);
  PyObject *forward = _PyType_Lookup(Py_TYPE(self), names().forward), *result;
  if (forward && PyFunction_Check(forward) && !PyDict_GetItemWithError(state.get(), names().forward)) {
    Ref held(Py_NewRef(forward));
    result = call_with_self(forward, self, args, kwargs);
  } else {
    Ref bound(PyErr_Occurred() ? nullptr : PyObject_GetAttr(self, names().forward));
    result = bound ? PyObject_Call(bound.get(), args, kwargs) : nullptr;
  }
  if (!result && PyErr_ExceptionMatches(PyExc_Exception)) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    Ref done(PyObject_CallFunctionObjArgs(note_error, value, self, nullptr));
    PyErr_Clear();
    PyErr_Restore(type, value, traceback);
  }
  return result;
}

PyObject* set_module_functions(PyObject*, PyObject* args) {
  PyObject *call, *getattr, *note, *hooks[4];
  if (!PyArg_ParseTuple(args, "OOOO!O!O!O!", &call, &getattr, &note, &PyDict_Type, &hooks[0], &PyDict_Type, &hooks[1], &PyDict_Type, &hooks[2], &PyDict_Type, &hooks[3])) return nullptr;
  python_call = Py_NewRef(call), python_getattr = Py_NewRef(getattr), note_error = Py_NewRef(note);
  for (int i = 0; i < 4; ++i) global_hooks[i] = Py_NewRef(hooks[i]);
  Py_RETURN_NONE;
}

PyObject* speed_up_module(PyObject*, PyObject* object) {
  if (!PyType_Check(object)) return PyErr_Format(PyExc_TypeError, "expected a class, got %s", Py_TYPE(object)->tp_name), nullptr;
  auto* type = reinterpret_cast<PyTypeObject*>(object);
  const Names& n = names();
  if (_PyType_Lookup(type, n.call) == python_call) type->tp_call = module_call;
  if (_PyType_Lookup(type, n.getattr) == python_getattr && _PyType_Lookup(type, n.getattribute) == _PyType_Lookup(&PyBaseObject_Type, n.getattribute))
    type->tp_getattro = module_getattr;
  Py_RETURN_NONE;
}

PyMethodDef functions[] = {
    {"_set_module_functions", set_module_functions, METH_VARARGS, "Module.__call__, Module.__getattr__, add_module_path and the dictionaries of global hooks."},
    {"_speed_up_module", speed_up_module, METH_O, "Gives a subclass of Module the fast slots, where it has not replaced what they do."},
    {}};

}  // namespace

bool add_module_calls(PyObject* module) { return PyModule_AddFunctions(module, functions) == 0; }

}  // namespace kagari::python
