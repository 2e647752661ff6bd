// Tensors from Python data, NumPy arrays, buffers and DLPack, and back: the functions of torch and the methods of Tensor.
#include "kagari/autograd/grad_mode.h"
#include "kagari/autograd/variable.h"
#include "dispatch.h"
#include "kagari/tensor/sparse.h"
#include "dlpack.h"
#include "kagari/op/op.h"
#include "kagari/ops/handles.h"
#include "keywords.h"
#include "numpy_api.h"
#include "python_data.h"
#include "storage.h"

namespace kagari::python {
namespace {

Tensor ready(Tensor t, PyObject* requires_grad) {
  if (!truth(requires_grad)) return t;
  KG_CHECK(is_differentiable(t.dtype()), "Only Tensors of floating point and complex dtype can require gradients");
  set_requires_grad(t, true);
  return t;
}

// ---------------------------------------------------------------- torch.tensor and its kin
Tensor shown(Tensor t) { return active_mode ? lift_fresh(t) : t; }

PyObject* tensor(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&] {
    if (nargs == 1 && !kwnames && !is_tensor(args[0])) return wrap(shown(tensor_from_data(args[0], {}, {})));
    static constexpr const char* names[] = {"data", "dtype", "device", "pin_memory", "requires_grad", "names"};
    PyObject* a[6];
    parse_keywords("tensor", names, 1, 1, args, nargs, kwnames, a);
    if (is_tensor(a[0]) &&
        PyErr_WarnEx(PyExc_UserWarning, "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
                     "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor).", 1) < 0)
      throw PythonError();
    return wrap(ready(shown(tensor_from_data(a[0], dtype_argument("tensor", a[1]), device_argument(a[2]))), a[4]));
  });
}

/// The argument itself, or a tensor on its memory, where dtype and device allow it; a copy otherwise.
PyObject* as_tensor(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    static constexpr const char* names[] = {"data", "dtype", "device"};
    PyObject* a[3];
    parse_keywords("as_tensor", names, 3, 1, args, nargs, kwnames, a);
    auto dtype = dtype_argument("as_tensor", a[1]);
    auto device = device_argument(a[2]);
    if (is_tensor(a[0])) {
      const Tensor& t = tensor_of(a[0]);
      if ((!dtype || *dtype == t.dtype()) && (!device || *device == t.device())) return Py_NewRef(a[0]);
      return wrap(dtype && *dtype != t.dtype() ? converted_to(autograd_arithmetic.cast(t, *dtype), {}, device) : converted_to(t, {}, device));
    }
    if (is_ndarray(a[0])) return wrap(converted_to(tensor_from_ndarray(a[0], true), dtype, device));
    return wrap(tensor_from_data(a[0], dtype, device));
  });
}

/// A tensor on the memory of a Python buffer.
Tensor tensor_from_buffer(PyObject* buffer, DType dtype, int64_t count, int64_t offset) {
  KG_CHECK_VALUE(PyObject_CheckBuffer(buffer), "object does not implement Python buffer protocol.");
  struct Held {
    Py_buffer view;
  };
  auto held = std::make_unique<Held>();
  bool read_only = false;
  if (PyObject_GetBuffer(buffer, &held->view, PyBUF_WRITABLE) < 0) {
    PyErr_Clear();
    read_only = true;
    if (PyObject_GetBuffer(buffer, &held->view, PyBUF_SIMPLE) < 0) throw PythonError();
  }
  struct Release {
    Py_buffer* view;
    ~Release() {
      if (view) PyBuffer_Release(view);
    }
  } release{&held->view};
  if (read_only && PyErr_WarnEx(PyExc_UserWarning,
                                "The given buffer is not writable, and PyTorch does not support non-writable tensors. This means you can write to the underlying "
                                "(supposedly non-writable) buffer using the tensor. You may want to copy the buffer to protect its data or make it writable before "
                                "converting it to a tensor.", 1) < 0)
    throw PythonError();
  const int64_t length = held->view.len, size = itemsize(dtype);
  KG_CHECK_VALUE(length > 0 && count != 0, "both buffer length (", length, ") and count (", count, ") must not be 0");
  KG_CHECK_VALUE(offset >= 0 && offset < length, "offset (", offset, " bytes) must be non-negative and no greater than buffer length (", length, " bytes) minus 1");
  KG_CHECK_VALUE(count > 0 || (length - offset) % size == 0, "buffer length (", length - offset, " bytes) after offset (", offset, " bytes) must be a multiple of element size (", size, ")");
  if (count < 0) count = (length - offset) / size;
  KG_CHECK_VALUE(count <= (length - offset) / size, "requested buffer length (", count, " * ", size, " bytes) after offset (", offset,
                 " bytes) must not be greater than actual buffer length (", length, " bytes)");
  auto storage = Storage::borrow(static_cast<char*>(held->view.buf) + offset, count * size, [](void* p) {
    auto* h = static_cast<Held*>(p);
    if (Py_IsInitialized()) {
      WithGil gil;
      PyBuffer_Release(&h->view);
    }
    delete h;
  }, held.get());
  release.view = nullptr;
  held.release();
  auto impl = TensorImpl::create(std::move(storage), dtype);
  impl->set_shape({count});
  return Tensor(std::move(impl));
}

PyObject* frombuffer(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&] {
    static constexpr const char* names[] = {"buffer", "dtype", "count", "offset", "requires_grad"};
    PyObject* a[5];
    parse_keywords("frombuffer", names, 1, 2, args, nargs, kwnames, a);
    auto dtype = dtype_argument("frombuffer", a[1]);
    KG_CHECK_TYPE(dtype, "frombuffer(): argument 'dtype' must be torch.dtype, not NoneType");
    return wrap(ready(tensor_from_buffer(a[0], *dtype, int_argument("frombuffer", "count", a[2], -1), int_argument("frombuffer", "offset", a[3], 0)), a[4]));
  });
}

PyObject* from_numpy(PyObject*, PyObject* array) {
  return guarded([&] {
    KG_CHECK_TYPE(is_ndarray(array), "expected np.ndarray (got ", Py_TYPE(array)->tp_name, ")");
    return wrap(tensor_from_ndarray(array, true));
  });
}

/// What an object's __dlpack__ gives; new protocols are asked first.
Tensor tensor_from_dlpack(PyObject* o) {
  if (PyCapsule_CheckExact(o)) return from_dlpack(o);
  Ref method(PyObject_GetAttrString(o, "__dlpack__"));
  if (!method) {
    PyErr_Clear();
    return from_dlpack(o);  // raises
  }
  Ref version = own(Py_BuildValue("(ii)", 1, 0)), names = own(Py_BuildValue("(s)", "max_version"));
  PyObject* values[] = {version.get()};
  Ref capsule(PyObject_Vectorcall(method.get(), values, 0, names.get()));
  if (!capsule && PyErr_ExceptionMatches(PyExc_TypeError)) {
    PyErr_Clear();
    capsule = Ref(PyObject_CallNoArgs(method.get()));
  }
  if (!capsule) throw PythonError();
  return from_dlpack(capsule.get());
}

PyObject* from_dlpack_python(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&] {
    static constexpr const char* names[] = {"ext_tensor", "device", "copy"};
    PyObject* a[3];
    parse_keywords("from_dlpack", names, 1, 1, args, nargs, kwnames, a);
    Tensor t = tensor_from_dlpack(a[0]);
    if (a[2] == Py_True) t = autograd_arithmetic.clone(t);
    return wrap(converted_to(t, {}, device_argument(a[1])));
  });
}
PyObject* to_dlpack_python(PyObject*, PyObject* t) {
  return guarded([&] {
    KG_CHECK_TYPE(is_tensor(t), "to_dlpack(): argument must be Tensor, not ", Py_TYPE(t)->tp_name);
    return to_dlpack(tensor_of(t), false, false);
  });
}

PyObject* asarray(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    static constexpr const char* names[] = {"obj", "dtype", "device", "copy", "requires_grad"};
    PyObject* a[5];
    parse_keywords("asarray", names, 1, 1, args, nargs, kwnames, a);
    auto dtype = dtype_argument("asarray", a[1]);
    auto device = device_argument(a[2]);
    const bool may_copy = !given(a[3]) || truth(a[3]), must_copy = given(a[3]) && truth(a[3]);
    PyObject* o = a[0];
    Tensor t;
    bool sequence = false;
    if (is_tensor(o)) t = tensor_of(o);
    else if (is_ndarray(o)) t = tensor_from_ndarray(o, !must_copy);
    else if (is_storage(o)) t = tensor_over_storage(o, dtype.value_or(DType::UInt8));
    else if (PyCapsule_CheckExact(o) || (!PyList_Check(o) && !PyTuple_Check(o) && !is_number(o) && PyObject_HasAttrString(o, "__dlpack__"))) t = tensor_from_dlpack(o);
    else if (!PyList_Check(o) && !PyTuple_Check(o) && !dtype_of_numpy_scalar(o) && PyObject_CheckBuffer(o)) t = tensor_from_buffer(o, dtype.value_or(default_dtype()), -1, 0);
    else sequence = true;
    if (sequence) {
      KG_CHECK_VALUE(may_copy, "can't alias arbitrary sequence into a tensor.");
      return wrap(ready(tensor_from_data(o, dtype, device), a[4]));
    }
    const bool other_dtype = dtype && *dtype != t.dtype(), other_device = device && *device != t.device();
    KG_CHECK_VALUE(may_copy || !other_device, "can't alias tensor from device '", t.device(), "' to '", device.value_or(Device()), "'.");
    KG_CHECK_VALUE(may_copy || !other_dtype, "can't alias tensor with dtype '", legacy_name(t.dtype()), "' into dtype '", legacy_name(dtype.value_or(t.dtype())), "'.");
    Tensor out = t;
    if (other_dtype) out = autograd_arithmetic.cast(out, *dtype);
    if (other_device) out = converted_to(out, {}, device);
    if (must_copy && out.storage() == t.storage()) out = autograd_arithmetic.clone(out);
    const bool wants_grad = truth(a[4]);
    if (!wants_grad && out.requires_grad() && a[4]) out = detach(out);
    if (wants_grad && !out.requires_grad()) {
      if (is_tensor(o) && out.is_same(t)) out = detach(out);
      set_requires_grad(out, true);
    }
    return wrap(std::move(out));
  });
}

// ---------------------------------------------------------------- methods of Tensor
PyObject* item(PyObject* o, PyObject*) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_of(o);
    KG_CHECK(!t.is_meta(), "Tensor.item() cannot be called on meta tensors");
    KG_CHECK(t.numel() == 1, "a Tensor with ", t.numel(), " elements cannot be converted to Scalar");
    if (t.impl()->transform) t.impl()->transform->check_readable("item()");
    if (is_sparse(t)) return wrap(t.item());
    if (t.impl()->special || active_mode) return wrap(local_scalar_dense(t));
    return number_at(t.bytes(), t.dtype());
  });
}
PyObject* tolist(PyObject* o, PyObject*) {
  return guarded([&] {
    const Tensor& t = tensor_of(o);
    if (t.impl()->transform) t.impl()->transform->check_readable("tolist()");
    check_has_bytes(t);
    return list_of(t);
  });
}

PyObject* array_of(PyObject* o, bool force) {
  const Tensor& t = tensor_of(o);
  if (t.impl()->transform) t.impl()->transform->check_readable("numpy()");
  KG_CHECK(!is_hollow(t), ".numpy() is not supported for tensor subclasses.");
  KG_CHECK_TYPE(!t.is_meta() || force, "can't convert ", t.device(), " device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first.");
  KG_CHECK_IMPLEMENTED(!t.is_meta(), "Cannot copy out of meta tensor; no data!");
  if (!t.requires_grad() || !grad_enabled()) return ndarray_from_tensor(o);
  KG_CHECK(force, "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.");
  Ref plain = own(wrap(detach(t)));
  return ndarray_from_tensor(plain.get());
}
PyObject* numpy(PyObject* o, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&] {
    static constexpr const char* names[] = {"force"};
    PyObject* a[1];
    parse_keywords("numpy", names, 0, 0, args, nargs, kwnames, a);
    return array_of(o, truth(a[0]));
  });
}
PyObject* array(PyObject* o, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    static constexpr const char* names[] = {"dtype", "copy"};
    PyObject* a[2];
    parse_keywords("__array__", names, 1, 0, args, nargs, kwnames, a);
    Ref made = own(array_of(o, false));
    if (given(a[0])) {
      Ref method = own(PyObject_GetAttrString(made.get(), "astype")), words = own(Py_BuildValue("(s)", "copy"));
      PyObject* values[] = {a[0], Py_False};
      made = own(PyObject_Vectorcall(method.get(), values, 1, words.get()));
    }
    if (given(a[1]) && truth(a[1])) made = own(PyObject_CallMethod(made.get(), "copy", nullptr));
    return made.release();
  });
}
/// Results of NumPy's functions on tensors become tensors.
PyObject* array_wrap(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject*) {
  return guarded([&]() -> PyObject* {
    KG_CHECK_TYPE(nargs >= 1, "__array_wrap__() missing 1 required positional arguments: \"array\"");
    if (!is_ndarray(args[0])) return wrap(shown(tensor_from_data(args[0], {}, {})));
    Tensor t = tensor_from_ndarray(args[0], false);
    return wrap(t.dtype() == DType::Bool ? converted_to(t, DType::UInt8, {}) : t);
  });
}

PyObject* new_tensor(PyObject* o, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&] {
    static constexpr const char* names[] = {"data", "dtype", "device", "requires_grad", "layout", "pin_memory"};
    PyObject* a[6];
    parse_keywords("new_tensor", names, 1, 1, args, nargs, kwnames, a);
    const Tensor& t = tensor_of(o);
    Tensor made = tensor_from_data(a[0], dtype_argument("new_tensor", a[1]).value_or(t.dtype()), device_argument(a[2]).value_or(t.device()));
    return wrap(ready(std::move(made), a[3]));
  });
}

PyObject* dlpack(PyObject* o, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    static constexpr const char* names[] = {"stream", "max_version", "dl_device", "copy"};
    PyObject* a[4];
    parse_keywords("__dlpack__", names, 0, 0, args, nargs, kwnames, a);
    if (given(a[0])) return PyErr_SetString(PyExc_AssertionError, "stream should be None on cpu."), nullptr;
    bool versioned = false;
    if (given(a[1])) {
      Ref major = own(PySequence_GetItem(a[1], 0));
      versioned = PyLong_AsLong(major.get()) >= 1;
    }
    if (given(a[2])) {
      Ref type = own(PySequence_GetItem(a[2], 0));
      long number = PyLong_AsLong(type.get());
      if (number == -1 && PyErr_Occurred()) throw PythonError();
      if (number != 1) return PyErr_Format(PyExc_BufferError, "__dlpack__(): a tensor of the CPU cannot be exported to device type %ld", number), nullptr;
    }
    const Tensor& t = tensor_of(o);
    const bool copy = given(a[3]) && truth(a[3]);
    return to_dlpack(copy ? autograd_arithmetic.clone(t) : t, versioned, copy);
  });
}
PyObject* dlpack_device(PyObject* o, PyObject*) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_of(o);
    KG_CHECK_VALUE(t.is_cpu(), "Unknown device type ", t.device(), " for Dlpack");
    return Py_BuildValue("(ii)", 1, 0);
  });
}

#define KG_FAST(name, f, doc) {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(f)), METH_FASTCALL | METH_KEYWORDS, doc}
PyMethodDef methods_of_tensor[] = {
    {"item", item, METH_NOARGS, "The only element as a Python number."},
    {"tolist", tolist, METH_NOARGS, "The elements as nested lists of Python numbers; a number for 0-d."},
    KG_FAST("numpy", numpy, "numpy(*, force=False): a NumPy array on the same memory. `force` allows tensors that require a gradient."),
    KG_FAST("__array__", array, "__array__(dtype=None, copy=None): a NumPy array on the same memory where possible."),
    KG_FAST("__array_wrap__", array_wrap, "The tensor of a NumPy function's result."),
    KG_FAST("new_tensor", new_tensor, "new_tensor(data, *, dtype=None, device=None, requires_grad=False): torch.tensor() with self's dtype and device."),
    KG_FAST("__dlpack__", dlpack, "__dlpack__(*, stream=None, max_version=None, dl_device=None, copy=None): a DLPack capsule."),
    {"__dlpack_device__", dlpack_device, METH_NOARGS, "The (type, index) of the device for DLPack: (1, 0)."},
    {}};
PyMethodDef functions[] = {
    KG_FAST("tensor", tensor, "tensor(data, *, dtype=None, device=None, requires_grad=False): a new tensor with a copy of numbers, nested sequences or an array.\n\n"
            ">>> torch.tensor([[1, 2], [3, 4]])\ntensor([[1, 2],\n        [3, 4]])"),
    KG_FAST("as_tensor", as_tensor, "as_tensor(data, dtype=None, device=None): data itself or a tensor on its memory if possible, else a copy."),
    KG_FAST("asarray", asarray, "asarray(obj, *, dtype=None, device=None, copy=None, requires_grad=False): a tensor on the memory of an array, a buffer, a DLPack "
            "exporter; a copy of a sequence."),
    {"from_numpy", from_numpy, METH_O, "from_numpy(array): a tensor on the memory of a NumPy array."},
    KG_FAST("frombuffer", frombuffer, "frombuffer(buffer, *, dtype, count=-1, offset=0, requires_grad=False): a 1-D tensor on the memory of a Python buffer."),
    KG_FAST("from_dlpack", from_dlpack_python, "from_dlpack(ext_tensor, *, device=None, copy=None): a tensor on the memory of another library's."),
    {"to_dlpack", to_dlpack_python, METH_O, "to_dlpack(tensor): a DLPack capsule of the old form."},
    {}};
#undef KG_FAST

}  // namespace

bool add_interop(PyObject* module) {
  auto* type = reinterpret_cast<PyObject*>(tensor_type);
  for (PyMethodDef* m = methods_of_tensor; m->ml_name; ++m) {
    Ref method(PyDescr_NewMethod(tensor_type, m));
    if (!method || PyObject_SetAttrString(type, m->ml_name, method.get()) < 0) return false;
  }
  Ref priority(PyLong_FromLong(1000));  // NumPy leaves operators between arrays and tensors to the tensor
  return priority && PyObject_SetAttrString(type, "__array_priority__", priority.get()) == 0 && PyModule_AddFunctions(module, functions) == 0;
}

}  // namespace kagari::python
