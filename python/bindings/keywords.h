#pragma once
#include <cstring>

#include "tensor_object.h"

namespace kagari::python {

/// The arguments of a vectorcall by the names of the parameters; absent ones are null. The first `positional` may be given by
/// position, the first `required` must be given. Throws TypeError.
template <size_t N>
void parse_keywords(const char* function, const char* const (&names)[N], size_t positional, size_t required, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames,
                    PyObject* (&out)[N]) {
  for (PyObject*& o : out) o = nullptr;
  KG_CHECK_TYPE(size_t(nargs) <= positional, function, "() takes ", positional, " positional argument", positional == 1 ? "" : "s", " but ", nargs, " were given");
  for (Py_ssize_t i = 0; i < nargs; ++i) out[i] = args[i];
  for (Py_ssize_t k = 0; kwnames && k < PyTuple_GET_SIZE(kwnames); ++k) {
    const char* word = PyUnicode_AsUTF8(PyTuple_GET_ITEM(kwnames, k));
    size_t i = 0;
    while (i < N && std::strcmp(word, names[i]) != 0) ++i;
    KG_CHECK_TYPE(i < N, function, "() got an unexpected keyword argument '", word, "'");
    KG_CHECK_TYPE(!out[i], function, "() got multiple values for argument '", word, "'");
    out[i] = args[nargs + k];
  }
  for (size_t i = 0; i < required; ++i) KG_CHECK_TYPE(out[i], function, "() missing 1 required positional arguments: \"", names[i], "\"");
}

/// Optional arguments that may be None.
inline bool given(PyObject* o) { return o && o != Py_None; }
inline bool truth(PyObject* o, bool standard = false) {
  if (!o) return standard;
  int t = PyObject_IsTrue(o);
  if (t < 0) throw PythonError();
  return t != 0;
}
/// A torch.dtype, or Python's float, int, bool, complex.
inline std::optional<DType> dtype_argument(const char* function, PyObject* o) {
  if (!given(o)) return {};
  if (is_dtype(o)) return dtype_of_object(o);
  if (o == reinterpret_cast<PyObject*>(&PyFloat_Type)) return DType::Float64;
  if (o == reinterpret_cast<PyObject*>(&PyLong_Type)) return DType::Int64;
  if (o == reinterpret_cast<PyObject*>(&PyBool_Type)) return DType::Bool;
  if (o == reinterpret_cast<PyObject*>(&PyComplex_Type)) return DType::Complex128;
  fail(ErrorKind::Type, str(function, "(): argument 'dtype' must be torch.dtype, not ", Py_TYPE(o)->tp_name));
}
/// AssertionError for a device that there is none of, as in a PyTorch without it.
inline void check_device(Device d) {
  if (d.is_cpu() || d.is_meta()) return;
  std::string upper(name(d.type));
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c;
  PyErr_Format(PyExc_AssertionError, "Torch not compiled with %s enabled", upper.c_str());
  throw PythonError();
}
inline std::optional<Device> device_argument(PyObject* o) {
  if (!given(o)) return {};
  Device d = tensor_device_of(o);
  check_device(d);
  return d;
}
inline int64_t int_argument(const char* function, const char* name, PyObject* o, int64_t standard) {
  if (!o) return standard;
  KG_CHECK_TYPE(PyLong_Check(o) || PyIndex_Check(o), function, "(): argument '", name, "' must be int, not ", Py_TYPE(o)->tp_name);
  long long v = PyNumber_AsSsize_t(o, PyExc_OverflowError);
  if (v == -1 && PyErr_Occurred()) throw PythonError();
  return v;
}

}  // namespace kagari::python
