// The extension module kagari._C.
#include "kagari/base/allocator.h"
#include "kagari/base/cpu_features.h"
#include "kagari/base/parallel.h"
#include "tensor_methods.h"
#include "tensor_object.h"
#include "return_types.h"

namespace kagari::python {

bool add_torch_function(PyObject* module);
bool add_interop(PyObject* module);
bool add_printing(PyObject* module);
bool add_mapped_files(PyObject* module);
bool add_conversion(PyObject* module);
bool add_storage_type(PyObject* module);
bool add_generator_type(PyObject* module);
bool add_function_base(PyObject* module);
bool add_optimizer_passes(PyObject* module);
bool add_module_calls(PyObject* module);
bool add_transforms(PyObject* module);
bool add_autocast(PyObject* module);
bool add_dispatch(PyObject* module);
bool add_profiler(PyObject* module);

namespace {

PyObject* set_default_dtype_python(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* {
    KG_CHECK_TYPE(is_dtype(o), "invalid dtype object: only floating-point types are supported as the default type");
    set_default_dtype(dtype_of_object(o));
    Py_RETURN_NONE;
  });
}
PyObject* get_default_dtype_python(PyObject*, PyObject*) { return wrap(default_dtype()); }
PyObject* promote_types(PyObject*, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    static const char* names[] = {"type1", "type2", nullptr};
    PyObject *a, *b;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO", const_cast<char**>(names), &a, &b)) return nullptr;
    KG_CHECK_TYPE(is_dtype(a) && is_dtype(b), "promote_types(): expected two torch.dtype");
    return wrap(promote(dtype_of_object(a), dtype_of_object(b)));
  });
}
PyObject* can_cast_python(PyObject*, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    static const char* names[] = {"from_", "to", nullptr};
    PyObject *a, *b;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO", const_cast<char**>(names), &a, &b)) return nullptr;
    KG_CHECK_TYPE(is_dtype(a) && is_dtype(b), "can_cast(): expected two torch.dtype");
    return PyBool_FromLong(can_cast(dtype_of_object(a), dtype_of_object(b)));
  });
}
PyObject* result_type(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    KG_CHECK_TYPE(n == 2, "result_type() takes 2 positional arguments but ", n, " were given");
    Tensor both[2];
    for (int i = 0; i < 2; ++i) {
      KG_CHECK_TYPE(is_tensor(args[i]) || is_number(args[i]), "result_type(): argument must be Tensor or Number, not ", Py_TYPE(args[i])->tp_name);
      both[i] = is_tensor(args[i]) ? tensor_of(args[i]) : wrapped_number(scalar_of(args[i]));
    }
    return wrap(result_dtype(TensorList(both, 2)));
  });
}
PyObject* set_num_threads_python(PyObject*, PyObject* n) {
  return guarded([&]() -> PyObject* {
    long v = PyLong_AsLong(n);
    if (v == -1 && PyErr_Occurred()) return PyErr_Clear(), PyErr_Format(PyExc_TypeError, "set_num_threads expects an int, but got %s", Py_TYPE(n)->tp_name), nullptr;
    KG_CHECK(v > 0, "set_num_threads expects a positive integer");
    set_num_threads(int(v));
    Py_RETURN_NONE;
  });
}
PyObject* get_num_threads(PyObject*, PyObject*) { return PyLong_FromLong(num_threads()); }
PyObject* empty_cache_python(PyObject*, PyObject*) {
  empty_cache();
  Py_RETURN_NONE;
}
PyObject* cpu_capability(PyObject*, PyObject*) { return PyUnicode_FromString(isa() == Isa::V4 ? "AVX512" : isa() == Isa::V3 ? "AVX2" : "DEFAULT"); }
PyObject* set_parameter_type(PyObject*, PyObject* type) {
  parameter_type = reinterpret_cast<PyTypeObject*>(Py_NewRef(type));
  Py_RETURN_NONE;
}
PyObject* add_tensor_attribute(PyObject*, PyObject* args) {
  PyObject *name, *value;
  if (!PyArg_ParseTuple(args, "OO", &name, &value)) return nullptr;
  return PyObject_SetAttr(reinterpret_cast<PyObject*>(tensor_type), name, value) < 0 ? nullptr : Py_NewRef(Py_None);
}

PyMethodDef functions[] = {
    {"set_default_dtype", set_default_dtype_python, METH_O, "What a Python float becomes."},
    {"get_default_dtype", get_default_dtype_python, METH_NOARGS, "What a Python float becomes."},
    {"promote_types", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(promote_types)), METH_VARARGS | METH_KEYWORDS, "The smallest dtype that holds both."},
    {"can_cast", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(can_cast_python)), METH_VARARGS | METH_KEYWORDS, "Whether a result of one dtype may be stored in another."},
    {"result_type", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(result_type)), METH_FASTCALL, "The dtype of an arithmetic result of two tensors or numbers."},
    {"set_num_threads", set_num_threads_python, METH_O, "The number of threads that operators use."},
    {"get_num_threads", get_num_threads, METH_NOARGS, "The number of threads that operators use."},
    {"_empty_cache", empty_cache_python, METH_NOARGS, "Returns cached memory to the system."},
    {"_cpu_capability", cpu_capability, METH_NOARGS, "The instruction set of the kernels in use."},
    {"_set_parameter_type", set_parameter_type, METH_O, "Tells the core the class nn.Parameter."},
    {"_set_tensor_attribute", add_tensor_attribute, METH_VARARGS, nullptr},
    {}};

PyModuleDef definition = {PyModuleDef_HEAD_INIT, "kagari._C", "kagari's core.", -1, functions, nullptr, nullptr, nullptr, nullptr};

/// What the module is made of, in this order.
using Part = bool (*)(PyObject* module);
constexpr Part parts[] = {
    add_small_types,
    add_tensor_type,
    add_operators,
    add_torch_function,
    add_autograd,
    add_storage_type,
    add_generator_type,
    add_interop,
    add_printing,
    add_mapped_files,
    add_conversion,
    add_function_base,
    add_transforms,
    add_optimizer_passes,
    add_module_calls,
    add_return_types,
    add_autocast,
    add_dispatch,
    add_profiler,
    add_capture,
};

}  // namespace
}  // namespace kagari::python

PyMODINIT_FUNC PyInit__C() {
  using namespace kagari::python;
  Ref module(PyModule_Create(&definition));
  if (!module) return nullptr;
  bool ok = false;
  try {
    PyObject* m = module.get();
    ok = true;
    for (Part add : parts)
      if (!(ok = add(m))) break;
  } catch (...) {
    set_python_error();
  }
  return ok ? module.release() : nullptr;
}
