// The switches of torch.autocast. CPU is the only device that has it; the others remember what they are told.
#include "kagari/ops/autocast.h"

#include <string>

#include "tensor_object.h"

namespace kagari::python {

bool add_autocast(PyObject* module);

namespace {

PyObject* set_enabled(PyObject*, PyObject* on) {
  set_autocast_enabled(PyObject_IsTrue(on));
  Py_RETURN_NONE;
}
PyObject* enabled(PyObject*, PyObject*) { return PyBool_FromLong(autocast_state().enabled); }
PyObject* set_dtype(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* {
    KG_CHECK_TYPE(is_dtype(o), "set_autocast_dtype(): argument 'dtype' must be torch.dtype, not ", Py_TYPE(o)->tp_name);
    set_autocast_dtype(dtype_of_object(o));
    Py_RETURN_NONE;
  });
}
PyObject* get_dtype(PyObject*, PyObject*) { return wrap(autocast_state().dtype); }
PyObject* set_cache(PyObject*, PyObject* on) {
  set_autocast_cache_enabled(PyObject_IsTrue(on));
  Py_RETURN_NONE;
}
PyObject* cache_enabled(PyObject*, PyObject*) { return PyBool_FromLong(autocast_state().cache_enabled); }
PyObject* increment(PyObject*, PyObject*) { return PyLong_FromLong(change_autocast_nesting(1)); }
PyObject* decrement(PyObject*, PyObject*) { return PyLong_FromLong(change_autocast_nesting(-1)); }
PyObject* clear_cache(PyObject*, PyObject*) {
  clear_autocast_cache();
  Py_RETURN_NONE;
}

PyMethodDef functions[] = {
    {"_set_autocast_cpu_enabled", set_enabled, METH_O, nullptr},
    {"_is_autocast_cpu_enabled", enabled, METH_NOARGS, nullptr},
    {"_set_autocast_cpu_dtype", set_dtype, METH_O, nullptr},
    {"_get_autocast_cpu_dtype", get_dtype, METH_NOARGS, nullptr},
    {"set_autocast_cache_enabled", set_cache, METH_O, "set_autocast_cache_enabled(enabled): whether converted parameters are kept until the region ends."},
    {"is_autocast_cache_enabled", cache_enabled, METH_NOARGS, "Whether converted parameters are kept until the region ends."},
    {"autocast_increment_nesting", increment, METH_NOARGS, "Enters an autocast region; gives the depth."},
    {"autocast_decrement_nesting", decrement, METH_NOARGS, "Leaves an autocast region; gives the depth."},
    {"clear_autocast_cache", clear_cache, METH_NOARGS, "Forgets the converted parameters that autocast keeps."},
    {}};

}  // namespace

bool add_autocast(PyObject* module) { return PyModule_AddFunctions(module, functions) == 0; }

}  // namespace kagari::python
