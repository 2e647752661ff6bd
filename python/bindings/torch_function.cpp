// __torch_function__: a type of an argument, or an active mode, may take over a call.
#include <vector>

#include "dispatch.h"
#include "op_function.h"

namespace kagari::python {

namespace {
thread_local int subclass_disabled = 0;  // inside DisableTorchFunctionSubclass
thread_local int all_disabled = 0;       // inside DisableTorchFunction
PyObject* protocol_name;                 // "__torch_function__"
PyObject* disabled_impl;                 // torch._C._disabled_torch_function_impl

/// Types that cannot have a __torch_function__, so that the common calls do not look it up.
bool is_plain(PyTypeObject* t) {
  return t == tensor_type || t == parameter_type || t == &PyLong_Type || t == &PyFloat_Type || t == &PyBool_Type || t == &PyUnicode_Type || t == Py_TYPE(Py_None) ||
         t == &PySlice_Type || t == &PyComplex_Type;
}

bool overrides(PyObject* o) {
  PyTypeObject* t = Py_TYPE(o);
  if (is_plain(t)) return false;
  PyObject* f = _PyType_Lookup(t, protocol_name);
  if (!f || f == disabled_impl) return false;
  // a class that answers operators below, and says nothing of functions, is left alone here
  return f != _PyType_Lookup(tensor_type, protocol_name) || !PyType_IsSubtype(t, tensor_type) || !dispatches(t);
}

void collect(PyObject* o, std::vector<PyObject*>& found) {
  PyTypeObject* t = Py_TYPE(o);
  if (is_plain(t)) return;
  if (t == &PyTuple_Type || t == &PyList_Type) {
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i) collect(PySequence_Fast_GET_ITEM(o, i), found);
    return;
  }
  if (!overrides(o)) return;
  for (PyObject* seen : found)
    if (Py_TYPE(seen) == t) return;
  // a subclass is asked before its base
  size_t at = found.size();
  for (size_t i = 0; i < found.size(); ++i)
    if (PyType_IsSubtype(t, Py_TYPE(found[i]))) {
      at = i;
      break;
    }
  found.insert(found.begin() + long(at), o);
}

PyObject* disabled_call(PyObject*, PyObject* args, PyObject* kwargs) {
  PyObject *cls_or_func, *types, *arguments = nullptr, *keywords = nullptr;
  static const char* names[] = {"func", "types", "args", "kwargs", nullptr};
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|OO", const_cast<char**>(names), &cls_or_func, &types, &arguments, &keywords)) return nullptr;
  Ref empty(PyTuple_New(0));
  ++subclass_disabled;
  PyObject* result = PyObject_Call(cls_or_func, arguments ? arguments : empty.get(), keywords && keywords != Py_None ? keywords : nullptr);
  --subclass_disabled;
  return result;
}

PyObject* count_up(PyObject*, PyObject* which) {
  (PyObject_IsTrue(which) ? all_disabled : subclass_disabled)++;
  Py_RETURN_NONE;
}
PyObject* count_down(PyObject*, PyObject* which) {
  (PyObject_IsTrue(which) ? all_disabled : subclass_disabled)--;
  Py_RETURN_NONE;
}
PyObject* is_enabled(PyObject*, PyObject*) { return PyBool_FromLong(!subclass_disabled && !all_disabled); }
PyObject* is_all_disabled(PyObject*, PyObject*) { return PyBool_FromLong(all_disabled); }
PyObject* modes_changed(PyObject*, PyObject* n) {
  torch_function_modes = int(PyLong_AsLong(n));
  Py_RETURN_NONE;
}
PyObject* has_torch_function(PyObject*, PyObject* args) {
  if (all_disabled) Py_RETURN_FALSE;
  if (torch_function_modes) Py_RETURN_TRUE;
  if (subclass_disabled) Py_RETURN_FALSE;
  std::vector<PyObject*> found;
  collect(args, found);
  return PyBool_FromLong(!found.empty());
}
PyObject* has_torch_function_variadic(PyObject*, PyObject* const* args, Py_ssize_t n) {
  if (all_disabled) Py_RETURN_FALSE;
  if (torch_function_modes) Py_RETURN_TRUE;
  if (subclass_disabled) Py_RETURN_FALSE;
  for (Py_ssize_t i = 0; i < n; ++i)
    if (overrides(args[i])) Py_RETURN_TRUE;
  Py_RETURN_FALSE;
}
PyMethodDef disabled_def = {"_disabled_torch_function_impl", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(disabled_call)), METH_VARARGS | METH_KEYWORDS,
                            "A __torch_function__ that does nothing special: results are plain tensors."};
PyMethodDef functions[] = {{"_torch_function_disable_push", count_up, METH_O, nullptr},
                           {"_torch_function_disable_pop", count_down, METH_O, nullptr},
                           {"_is_torch_function_enabled", is_enabled, METH_NOARGS, nullptr},
                           {"_is_torch_function_all_disabled", is_all_disabled, METH_NOARGS, nullptr},
                           {"_set_torch_function_modes", modes_changed, METH_O, "How many TorchFunctionModes are active on this thread."},
                           {"_has_torch_function", has_torch_function, METH_O, nullptr},
                           {"_has_torch_function_unary", has_torch_function, METH_O, nullptr},
                           {"_has_torch_function_variadic", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(has_torch_function_variadic)), METH_FASTCALL, nullptr},
                           {}};
}  // namespace

bool torch_function_handled(PyObject* function, PyObject* const* args, size_t nargs, PyObject* kwnames, PyObject** result) {
  size_t total = nargs + (kwnames ? size_t(PyTuple_GET_SIZE(kwnames)) : 0);
  if (!torch_function_modes) [[likely]] {
    bool plain = true;
    for (size_t i = 0; i < total && plain; ++i) {
      PyTypeObject* t = Py_TYPE(args[i]);
      if (is_plain(t)) continue;
      if (t == &PyTuple_Type || t == &PyList_Type) {
        for (Py_ssize_t k = 0; k < PySequence_Fast_GET_SIZE(args[i]); ++k) plain = plain && is_plain(Py_TYPE(PySequence_Fast_GET_ITEM(args[i], k)));
        continue;
      }
      plain = false;
    }
    if (plain || subclass_disabled) return false;
  }
  if (all_disabled) return false;
  std::vector<PyObject*> found;
  if (!subclass_disabled)
    for (size_t i = 0; i < total; ++i) collect(args[i], found);
  if (found.empty() && !torch_function_modes) return false;

  Ref positional(check(PyTuple_New(Py_ssize_t(nargs)))), keywords(check(PyDict_New())), types(check(PyTuple_New(Py_ssize_t(found.size()))));
  for (size_t i = 0; i < nargs; ++i) PyTuple_SET_ITEM(positional.get(), Py_ssize_t(i), Py_NewRef(args[i]));
  for (size_t i = nargs; i < total; ++i)
    if (PyDict_SetItem(keywords.get(), PyTuple_GET_ITEM(kwnames, Py_ssize_t(i - nargs)), args[i]) < 0) throw PythonError();
  for (size_t i = 0; i < found.size(); ++i) PyTuple_SET_ITEM(types.get(), Py_ssize_t(i), Py_NewRef(reinterpret_cast<PyObject*>(Py_TYPE(found[i]))));
  if (torch_function_modes) {
    Ref module(check(PyImport_ImportModule("kagari.overrides")));
    Ref answer(check(PyObject_CallMethod(module.get(), "_call_top_mode", "OOOO", function, types.get(), positional.get(), keywords.get())));
    if (answer.get() != Py_NotImplemented) return *result = answer.release(), true;
  }
  for (PyObject* o : found) {
    Ref handler(check(PyObject_GetAttr(reinterpret_cast<PyObject*>(Py_TYPE(o)), protocol_name)));
    Ref answer(check(PyObject_CallFunctionObjArgs(handler.get(), function, types.get(), positional.get(), keywords.get(), nullptr)));
    if (answer.get() != Py_NotImplemented) return *result = answer.release(), true;
  }
  Ref name(PyObject_GetAttrString(function, "__name__"));
  PyErr_Format(PyExc_TypeError, "Multiple dispatch failed for 'torch.%U'; all __torch_function__ handlers returned NotImplemented:\n\n%R", name.get(), types.get());
  throw PythonError();
}

bool add_torch_function(PyObject* module) {
  protocol_name = PyUnicode_InternFromString("__torch_function__");
  disabled_impl = PyCFunction_New(&disabled_def, nullptr);
  if (!disabled_impl || PyModule_AddObjectRef(module, "_disabled_torch_function_impl", disabled_impl) < 0) return false;
  return PyModule_AddFunctions(module, functions) == 0;
}

}  // namespace kagari::python
