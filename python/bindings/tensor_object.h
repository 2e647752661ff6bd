#pragma once
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <optional>
#include <utility>

#include "kagari/tensor/tensor.h"

namespace kagari::python {

/// An owned reference to a Python object.
class Ref {
 public:
  Ref() = default;
  explicit Ref(PyObject* owned) : p_(owned) {}
  static Ref share(PyObject* p) { return Ref(Py_XNewRef(p)); }
  Ref(const Ref& o) : p_(Py_XNewRef(o.p_)) {}
  Ref(Ref&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  Ref& operator=(Ref o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  ~Ref() { Py_XDECREF(p_); }
  PyObject* get() const { return p_; }
  PyObject* release() { return std::exchange(p_, nullptr); }
  explicit operator bool() const { return p_ != nullptr; }

 private:
  PyObject* p_ = nullptr;
};

/// A failed call of the C API whose exception is set; becomes itself again at the border to Python.
struct PythonError {};
/// Throws PythonError if p is null.
inline PyObject* check(PyObject* p) {
  if (!p) throw PythonError();
  return p;
}
inline Ref own(PyObject* p) { return Ref(check(p)); }

/// Holds the GIL while alive, from any thread.
class WithGil {
 public:
  WithGil() : state_(PyGILState_Ensure()) {}
  ~WithGil() { PyGILState_Release(state_); }
  WithGil(const WithGil&) = delete;

 private:
  PyGILState_STATE state_;
};

/// Sets the Python exception for the C++ exception that is being handled.
void set_python_error() noexcept;
/// Raises (C++) the pending Python exception, so that it can travel through kagari's code.
[[noreturn]] void throw_python_error();

/// Runs f at the border: C++ exceptions become Python's, and the result null (or -1).
template <class F>
auto guarded(F&& f) noexcept -> decltype(f()) {
  try {
    return f();
  } catch (...) {
    set_python_error();
    if constexpr (std::is_pointer_v<decltype(f())>) return nullptr;
    else return decltype(f())(-1);
  }
}

/// `torch.Tensor`.
struct TensorObject {
  PyObject_HEAD
  Tensor tensor;
  PyObject* dict;
  PyObject* weakrefs;
  PyObject* backward_hooks;
};
extern PyTypeObject* tensor_type;
extern PyTypeObject* parameter_type;  // nn.Parameter, once it was imported

inline bool is_tensor(PyObject* o) {
  return Py_TYPE(o) == tensor_type || Py_TYPE(o) == parameter_type || PyType_IsSubtype(Py_TYPE(o), tensor_type);
}
/// Only for objects for which is_tensor() holds.
inline Tensor& tensor_of(PyObject* o) { return reinterpret_cast<TensorObject*>(o)->tensor; }
/// The Python object of a tensor: always the same one while it lives. None for an undefined tensor.
PyObject* wrap(Tensor t);
/// A new object of a subclass around t.
PyObject* wrap_as(PyTypeObject* type, Tensor t);

// Objects of the small types.
PyObject* wrap(DType t);          // torch.float32
PyObject* wrap(Device d);
PyObject* wrap(Layout l);
PyObject* wrap(MemoryFormat m);
PyObject* wrap_size(IntList sizes);  // torch.Size
PyObject* wrap(const Scalar& s);     // bool, int, float or complex
bool is_dtype(PyObject* o);
bool is_device(PyObject* o);
bool is_layout(PyObject* o);
bool is_memory_format(PyObject* o);
DType dtype_of_object(PyObject* o);
/// torch.quint8 for uint8: the dtype of quantized tensors with such levels.
PyObject* wrap_quantized(DType levels);
/// The reverse; nothing for other objects.
std::optional<DType> levels_of_object(PyObject* o);
/// From torch.device, str or int (an index of the accelerator, which kagari lacks). Throws.
Device device_of_object(PyObject* o);
/// The same for where a tensor shall be: there is one CPU, so that cpu:0 is cpu.
Device tensor_device_of(PyObject* o);
Layout layout_of_object(PyObject* o);
MemoryFormat memory_format_of_object(PyObject* o);
/// A Python or NumPy number, not a tensor.
bool is_number(PyObject* o);
Scalar scalar_of(PyObject* o);
/// The device that `with torch.device(...)` or set_default_device chose for new tensors.
Device default_device();

bool add_small_types(PyObject* module);
bool add_tensor_type(PyObject* module);
bool add_operators(PyObject* module);
bool add_autograd(PyObject* module);
bool add_optimizer_passes(PyObject* module);
bool add_capture(PyObject* module);

/// The callable of an operator, e.g. for slots of Tensor. Borrowed; null if there is none.
PyObject* method_of_tensor(const char* name);

}  // namespace kagari::python
