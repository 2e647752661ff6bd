#include <new>

#include "kagari/base/error.h"
#include "tensor_object.h"

namespace kagari::python {

namespace {
PyObject* class_in(const char* module, const char* name) {
  Ref m(PyImport_ImportModule(module));
  if (!m) return nullptr;
  return PyObject_GetAttrString(m.get(), name);
}

PyObject* exception_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::Type: return PyExc_TypeError;
    case ErrorKind::Value: return PyExc_ValueError;
    case ErrorKind::Index: return PyExc_IndexError;
    case ErrorKind::NotImplemented: return PyExc_NotImplementedError;
    case ErrorKind::Key: return PyExc_KeyError;
    case ErrorKind::Attribute: return PyExc_AttributeError;
    case ErrorKind::Overflow: return PyExc_OverflowError;
    default: return PyExc_RuntimeError;
  }
}
}  // namespace

// Note [Python exceptions in C++]: an exception that Python code raised (a hook, a mode, a custom Function) crosses kagari's C++ as an
// Error of kind Python; the exception itself stays pending on the thread that holds the GIL.
void throw_python_error() {
  if (!PyErr_Occurred()) PyErr_SetString(PyExc_SystemError, "a Python call failed without an exception");
  throw PythonError();
}

void set_python_error() noexcept {
  try {
    throw;
  } catch (const PythonError&) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_SystemError, "a Python call failed without an exception");
  } catch (const Error& e) {
    if (e.kind() == ErrorKind::LinAlg) {
      Ref type(class_in("kagari._errors", "LinAlgError"));
      if (type) PyErr_SetString(type.get(), e.what());
    } else {
      PyErr_SetString(exception_of(e.kind()), e.what());
    }
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& e) {
    PyErr_SetString(PyExc_RuntimeError, e.what());
  } catch (...) {
    PyErr_SetString(PyExc_RuntimeError, "unknown C++ exception");
  }
}

}  // namespace kagari::python
