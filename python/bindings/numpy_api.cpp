#include "numpy_api.h"
#include "kagari/tensor/quantized.h"
#include "kagari/tensor/sparse.h"

#include <cstring>
#include <string>

namespace kagari::python {
namespace {

// Positions in NumPy's table of functions and numbers of its types: both are part of NumPy's stable binary interface.
constexpr int array_type_slot = 2, new_array_slot = 93, set_base_slot = 282;
using NewArray = PyObject* (*)(PyTypeObject* type, int ndim, const Py_ssize_t* sizes, int type_number, const Py_ssize_t* strides, void* data, int itemsize, int flags, PyObject* obj);
using SetBase = int (*)(PyObject* array, PyObject* base);
constexpr int flag_aligned = 0x100, flag_writeable = 0x400;

/// NumPy's table, or null while NumPy is not imported and `import` is false.
void** table(bool import) {
  static void** found = nullptr;
  if (found) return found;
  if (!import) {
    static PyObject* name = PyUnicode_InternFromString("numpy");
    if (!PyDict_Contains(PyImport_GetModuleDict(), name)) return nullptr;
  }
  Ref core(PyImport_ImportModule("numpy._core._multiarray_umath"));
  if (!core) {
    PyErr_Clear();
    core = own(PyImport_ImportModule("numpy.core._multiarray_umath"));
  }
  Ref capsule = own(PyObject_GetAttrString(core.get(), "_ARRAY_API"));
  void* p = PyCapsule_GetPointer(capsule.get(), nullptr);
  if (!p) throw PythonError();
  return found = static_cast<void**>(p);
}

constexpr const char* supported = "float64, float32, float16, complex64, complex128, int64, int32, int16, int8, uint64, uint32, uint16, uint8, and bool";

/// From the letter of the buffer protocol.
std::optional<DType> dtype_of_format(const char* f, Py_ssize_t itemsize) {
  if (*f == '@' || *f == '=' || *f == '<') ++f;
  if (f[0] == 'Z') return f[1] == 'f' ? std::optional(DType::Complex64) : f[1] == 'd' ? std::optional(DType::Complex128) : std::nullopt;
  if (f[0] == 0 || f[1] != 0) return std::nullopt;
  auto integer = [&](bool is_signed) -> std::optional<DType> {
    switch (itemsize) {
      case 1: return is_signed ? DType::Int8 : DType::UInt8;
      case 2: return is_signed ? DType::Int16 : DType::UInt16;
      case 4: return is_signed ? DType::Int32 : DType::UInt32;
      default: return is_signed ? DType::Int64 : DType::UInt64;
    }
  };
  switch (f[0]) {
    case '?': return DType::Bool;
    case 'e': return DType::Float16;
    case 'f': return DType::Float32;
    case 'd': return DType::Float64;
    case 'b': case 'h': case 'i': case 'l': case 'q': return integer(true);
    case 'B': case 'H': case 'I': case 'L': case 'Q': return integer(false);
    default: return std::nullopt;
  }
}

int type_number(DType t) {
  switch (t) {
    case DType::Bool: return 0;
    case DType::Int8: return 1;
    case DType::UInt8: return 2;
    case DType::Int16: return 3;
    case DType::UInt16: return 4;
    case DType::Int32: return 5;
    case DType::UInt32: return 6;
    case DType::Int64: return 7;
    case DType::UInt64: return 8;
    case DType::Float32: return 11;
    case DType::Float64: return 12;
    case DType::Complex64: return 14;
    case DType::Complex128: return 15;
    case DType::Float16: return 23;
    default: fail(ErrorKind::Type, str("Got unsupported ScalarType ", legacy_name(t)));
  }
}

[[noreturn]] void refuse_dtype(PyObject* array) {
  Ref dtype = own(PyObject_GetAttrString(array, "dtype"));
  Ref order(PyObject_GetAttrString(dtype.get(), "isnative"));
  Ref kind(PyObject_GetAttrString(dtype.get(), "type"));
  if (order && kind && order.get() == Py_False && std::strncmp(reinterpret_cast<PyTypeObject*>(kind.get())->tp_name, "numpy.str", 9) != 0)
    fail(ErrorKind::Value, "given numpy array has byte order different from the native byte order. Conversion between byte orders is currently not supported.");
  PyErr_Clear();
  fail(ErrorKind::Type, str("can't convert np.ndarray of type ", kind ? reinterpret_cast<PyTypeObject*>(kind.get())->tp_name : "?", ". The only supported types are: ", supported, "."));
}

void release_array(void* array) {
  if (!Py_IsInitialized()) return;
  WithGil gil;
  Py_DECREF(static_cast<PyObject*>(array));
}

}  // namespace

bool is_ndarray(PyObject* o) {
  // only an object of a type from NumPy (or a subclass) can be an array
  PyTypeObject* t = Py_TYPE(o);
  if (t == &PyList_Type || t == &PyTuple_Type || t == &PyFloat_Type || t == &PyLong_Type || t == tensor_type) return false;
  void** api = table(false);
  return api && PyObject_TypeCheck(o, static_cast<PyTypeObject*>(api[array_type_slot]));
}

std::optional<DType> dtype_of_numpy_scalar(PyObject* o) {
  const char* full = Py_TYPE(o)->tp_name;
  if (std::strncmp(full, "numpy.", 6) != 0) return {};
  std::string_view n = full + 6;
  if (n == "bool" || n == "bool_") return DType::Bool;
  if (n == "longlong") return DType::Int64;
  if (n == "ulonglong") return DType::UInt64;
  if (n == "intc") return DType::Int32;
  if (n == "uintc") return DType::UInt32;
  auto d = dtype_from_name(n);
  return d && !is_float8(*d) && *d != DType::BFloat16 ? d : std::nullopt;
}

Tensor tensor_from_ndarray(PyObject* array, bool warn_if_read_only) {
  Py_buffer view;
  if (PyObject_GetBuffer(array, &view, PyBUF_STRIDED_RO | PyBUF_FORMAT) < 0) {
    PyErr_Clear();
    refuse_dtype(array);
  }
  struct Release {
    Py_buffer* view;
    ~Release() { PyBuffer_Release(view); }
  } release{&view};
  auto dtype = dtype_of_format(view.format ? view.format : "B", view.itemsize);
  if (!dtype) refuse_dtype(array);
  Ints sizes, strides;
  for (int i = 0; i < view.ndim; ++i) {
    KG_CHECK_VALUE(view.strides[i] >= 0 || view.shape[i] <= 1,
                   "At least one stride in the given numpy array is negative, and tensors with negative strides are not currently supported. "
                   "(You can probably work around this by making a copy of your array  with array.copy().) ");
    KG_CHECK_VALUE(view.strides[i] % view.itemsize == 0 || view.shape[i] <= 1,
                   "given numpy array strides not a multiple of the element byte size. Copy the numpy array to reallocate the memory.");
    sizes.push_back(view.shape[i]);
    strides.push_back(view.shape[i] <= 1 && (view.strides[i] < 0 || view.strides[i] % view.itemsize) ? 1 : view.strides[i] / view.itemsize);
  }
  if (view.readonly && warn_if_read_only) {
    static bool warned = false;
    if (!warned) {
      warned = true;
      if (PyErr_WarnEx(PyExc_UserWarning,
                       "The given NumPy array is not writable, and PyTorch does not support non-writable tensors. This means writing to this tensor will result in "
                       "undefined behavior. You may want to copy the array to protect its data or make it writable before converting it to a tensor.", 1) < 0)
        throw PythonError();
    }
  }
  int64_t last = view.itemsize;
  for (int i = 0; i < view.ndim; ++i) last += sizes[size_t(i)] ? (sizes[size_t(i)] - 1) * strides[size_t(i)] * view.itemsize : 0;
  if (numel_of(sizes) == 0) last = 0;
  auto impl = TensorImpl::create(Storage::borrow(view.buf, last, release_array, Py_NewRef(array)), *dtype);
  impl->set_layout(sizes, strides);
  return Tensor(std::move(impl));
}

PyObject* ndarray_from_tensor(PyObject* object) {
  const Tensor& t = tensor_of(object);
  KG_CHECK_TYPE(!is_sparse(t), "can't convert ", name(layout_of(t)), " layout tensor to numpy. Use Tensor.to_dense() first.");
  KG_CHECK_TYPE(!is_quantized(t), "can't convert a tensor of dtype torch.", quantized_name(t.dtype()), " to numpy. Use Tensor.dequantize() or Tensor.int_repr() first.");
  const int number = type_number(t.dtype());
  void** api = table(true);
  Py_ssize_t sizes[64], strides[64];
  const size_t n = size_t(t.dim());
  KG_CHECK(n <= 64, "numpy(): an array has at most 64 dimensions, the tensor has ", n);
  for (size_t i = 0; i < n; ++i) {
    sizes[i] = t.sizes()[i];
    strides[i] = t.strides()[i] * t.itemsize();
  }
  static std::byte nothing[16];
  void* data = t.numel() ? static_cast<void*>(t.bytes()) : nothing;
  auto make = reinterpret_cast<NewArray>(api[new_array_slot]);
  Ref array = own(make(static_cast<PyTypeObject*>(api[array_type_slot]), int(n), sizes, number, strides, data, int(t.itemsize()), flag_aligned | flag_writeable, nullptr));
  if (reinterpret_cast<SetBase>(api[set_base_slot])(array.get(), Py_NewRef(object)) < 0) throw PythonError();
  return array.release();
}

}  // namespace kagari::python
