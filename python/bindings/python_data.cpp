#include "python_data.h"

#include <cstring>

#include "kagari/autograd/grad_mode.h"
#include "kagari/autograd/variable.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/quantization.h"
#include "kagari/tensor/sparse.h"
#include "numpy_api.h"

namespace kagari::python {
namespace {

constexpr size_t max_dims = 128;

/// Something to index: a list, a tuple, or what behaves like one. Strings count, too: they nest without end, which is an error.
bool is_sequence(PyObject* o) {
  if (PyList_Check(o) || PyTuple_Check(o)) return true;
  if (PyFloat_Check(o) || PyLong_Check(o)) return false;
  return PySequence_Check(o) && !is_ndarray(o) && !is_tensor(o);
}

struct Items {
  explicit Items(PyObject* o) {
    if (PyList_CheckExact(o) || PyTuple_CheckExact(o)) {
      owner = Ref::share(o);
    } else {
      owner = Ref(PySequence_Fast(o, "not a sequence"));
      if (!owner) throw PythonError();
    }
    data = PySequence_Fast_ITEMS(owner.get());
    size = PySequence_Fast_GET_SIZE(owner.get());
  }
  Ref owner;
  PyObject** data;
  Py_ssize_t size;
};

Tensor tensor_of_array_item(PyObject* o) { return is_tensor(o) ? tensor_of(o) : tensor_from_ndarray(o, false); }

/// The sizes that the first items have.
Ints shape_of(PyObject* data) {
  Ints sizes;
  Ref at = Ref::share(data);
  for (;;) {
    PyObject* o = at.get();
    if (is_tensor(o) || is_ndarray(o)) {
      Tensor t = tensor_of_array_item(o);
      sizes.append(t.sizes().begin(), t.sizes().end());
      return sizes;
    }
    if (!is_sequence(o)) return sizes;
    Py_ssize_t n = PySequence_Length(o);
    if (n < 0) {
      PyErr_Clear();
      fail(ErrorKind::Type, str("could not determine the shape of object type '", Py_TYPE(o)->tp_name, "'"));
    }
    sizes.push_back(n);
    KG_CHECK_VALUE(sizes.size() <= max_dims, "too many dimensions '", Py_TYPE(o)->tp_name, "'");
    if (n == 0) return sizes;
    at = own(PySequence_GetItem(o, 0));
  }
}

/// The dtype that holds `so_far` and all numbers in o.
std::optional<DType> infer(PyObject* o, std::optional<DType> so_far, int depth = 0) {
  auto join = [&](DType t) { return so_far ? promote(*so_far, t) : t; };
  if (PyFloat_CheckExact(o)) return join(default_dtype());
  if (PyBool_Check(o)) return join(DType::Bool);
  if (PyLong_CheckExact(o)) return join(DType::Int64);
  if (auto d = dtype_of_numpy_scalar(o)) return join(*d);
  if (PyFloat_Check(o)) return join(default_dtype());
  if (PyLong_Check(o)) return join(DType::Int64);
  if (PyComplex_Check(o)) return join(to_complex(default_dtype()));
  if (is_tensor(o)) return join(tensor_of(o).dtype());
  if (is_ndarray(o)) return join(tensor_from_ndarray(o, false).dtype());
  KG_CHECK_TYPE(!PyUnicode_Check(o) && !PyBytes_Check(o), "new(): invalid data type '", Py_TYPE(o)->tp_name, "'");
  KG_CHECK(is_sequence(o), "Could not infer dtype of ", Py_TYPE(o)->tp_name);
  KG_CHECK_VALUE(depth < int(max_dims), "too many dimensions '", Py_TYPE(o)->tp_name, "'");
  Items items(o);
  for (Py_ssize_t i = 0; i < items.size; ++i) {
    // runs of one exact type are the common case
    PyObject* x = items.data[i];
    if (so_far && i && ((PyFloat_CheckExact(x) && *so_far == default_dtype()) || (PyLong_CheckExact(x) && *so_far == DType::Int64))) continue;
    so_far = infer(x, so_far, depth + 1);
    if (so_far == DType::Complex128) return so_far;
  }
  return so_far ? so_far : default_dtype();
}

template <class T>
T integer_from(PyObject* o, DType dtype) {
  if constexpr (std::is_same_v<T, uint64_t>) {
    if (PyLong_Check(o)) {
      unsigned long long u = PyLong_AsUnsignedLongLong(o);
      if (u != static_cast<unsigned long long>(-1) || !PyErr_Occurred()) return u;
      PyErr_Clear();
    }
  }
  if (PyFloat_Check(o) || dtype_of_numpy_scalar(o).value_or(DType::Int64) >= DType::Float16) {
    double v = PyFloat_AsDouble(o);
    if (v == -1 && PyErr_Occurred()) throw PythonError();
    v = std::trunc(v);
    const double top = std::ldexp(1.0, int(sizeof(T)) * 8 - std::is_signed_v<T>);
    KG_CHECK(v < top && v > (std::is_signed_v<T> ? -top - 1 : -top), "value cannot be converted to type ", name(dtype), " without overflow");
    return v < 0 ? T(int64_t(v)) : T(v);
  }
  long long v;
  if (PyLong_CheckExact(o)) {
    int overflow;
    v = PyLong_AsLongLongAndOverflow(o, &overflow);
    KG_CHECK_VALUE(!overflow, "Overflow when unpacking long long");
  } else if (PyObject_TypeCheck(o, &PyLong_Type) || PyIndex_Check(o)) {
    Ref index = own(PyNumber_Index(o));
    v = PyLong_AsLongLong(index.get());
    if (v == -1 && PyErr_Occurred()) {
      PyErr_Clear();
      fail(ErrorKind::Value, "Overflow when unpacking long long");
    }
  } else if (dtype_of_numpy_scalar(o) == DType::Bool) {
    v = PyObject_IsTrue(o);
  } else {
    Ref index = own(PyNumber_Index(o));  // raises
    v = 0;
  }
  if constexpr (sizeof(T) < 8) {
    // unsigned types take negative numbers by their bits
    constexpr int64_t high = std::numeric_limits<T>::max(), low = std::is_signed_v<T> ? int64_t(std::numeric_limits<T>::min()) : -high;
    KG_CHECK(v >= low && v <= high, "value cannot be converted to type ", name(dtype), " without overflow");
  }
  return T(v);
}

double real_from(PyObject* o) {
  if (PyFloat_CheckExact(o)) return PyFloat_AS_DOUBLE(o);
  double v = PyFloat_AsDouble(o);
  if (v == -1 && PyErr_Occurred()) throw PythonError();
  return v;
}

void store(PyObject* o, DType dtype, std::byte* to) {
  if (is_float8(dtype)) {
    *to = std::byte(float_to_float8(dtype, float(real_from(o))));
    return;
  }
  if (dtype == DType::Complex32) {
    Py_complex c = PyComplex_AsCComplex(o);
    if (c.real == -1 && PyErr_Occurred()) throw PythonError();
    ComplexHalf value(std::complex<float>(float(c.real), float(c.imag)));
    std::memcpy(to, &value, sizeof value);
    return;
  }
  visit_all("tensor", dtype, [&](auto e) {
    using T = decltype(e);
    T value;
    if constexpr (std::is_same_v<T, bool>) {
      int truth = PyObject_IsTrue(o);
      if (truth < 0) throw PythonError();
      value = truth != 0;
    } else if constexpr (std::is_integral_v<T>) {
      value = integer_from<T>(o, dtype);
    } else if constexpr (std::is_same_v<T, std::complex<float>> || std::is_same_v<T, std::complex<double>>) {
      Py_complex c = PyComplex_AsCComplex(o);
      if (c.real == -1 && PyErr_Occurred()) throw PythonError();
      value = T(std::complex<double>(c.real, c.imag));
    } else if constexpr (std::is_same_v<T, double>) {
      value = real_from(o);
    } else {
      value = T(float(real_from(o)));
    }
    std::memcpy(to, &value, sizeof value);
  });
}

/// Stores a tensor's only element as if it were a number.
void store_tensor(const Tensor& t, DType dtype, std::byte* to) {
  KG_CHECK_VALUE(t.numel() == 1, "only one element tensors can be converted to Python scalars");
  require_strided(t, "the number");
  KG_CHECK(!t.is_meta(), "Tensor.item() cannot be called on meta tensors");
  Ref number = own(number_at(t.bytes(), t.dtype()));
  store(number.get(), dtype, to);
}

/// Fills row-major memory; returns where the next element goes.
std::byte* fill(PyObject* o, IntList sizes, size_t dim, DType dtype, std::byte* to) {
  const int64_t step = itemsize(dtype);
  if (dim == sizes.size()) {
    if (is_tensor(o)) store_tensor(tensor_of(o), dtype, to);
    else if (is_ndarray(o)) store_tensor(tensor_from_ndarray(o, false), dtype, to);
    else store(o, dtype, to);
    return to + step;
  }
  const int64_t n = sizes[dim];
  if (is_ndarray(o)) {
    Tensor part = tensor_from_ndarray(o, false);
    IntList rest(sizes.data() + dim, sizes.size() - dim);
    KG_CHECK_VALUE(part.dim() > 0 && part.size(0) == n, "expected sequence of length ", n, " at dim ", dim, " (got ", part.dim() ? part.size(0) : 0, ")");
    if (part.sizes() == rest) {
      Tensor window = alias(part);
      Tensor dense = converted_to(window, dtype, {});
      if (!dense.is_contiguous()) {
        Tensor packed = empty_tensor(rest, dtype);
        autograd_arithmetic.copy_inplace(packed, dense);
        dense = packed;
      }
      std::memcpy(to, dense.bytes(), size_t(dense.nbytes()));
      return to + dense.nbytes();
    }
  }
  Items items(o);
  KG_CHECK_VALUE(items.size == n, "expected sequence of length ", n, " at dim ", dim, " (got ", items.size, ")");
  if (dim + 1 == sizes.size()) {
    // the hot loops
    if (dtype == DType::Float32 || dtype == DType::Float64) {
      int64_t i = 0;
      for (; i < n && PyFloat_CheckExact(items.data[i]); ++i, to += step) {
        double v = PyFloat_AS_DOUBLE(items.data[i]);
        if (dtype == DType::Float32) *reinterpret_cast<float*>(to) = float(v);
        else *reinterpret_cast<double*>(to) = v;
      }
      for (; i < n; ++i) to = fill(items.data[i], sizes, dim + 1, dtype, to);
      return to;
    }
    if (dtype == DType::Int64) {
      int64_t i = 0;
      for (; i < n && PyLong_CheckExact(items.data[i]); ++i, to += step) *reinterpret_cast<int64_t*>(to) = integer_from<int64_t>(items.data[i], dtype);
      for (; i < n; ++i) to = fill(items.data[i], sizes, dim + 1, dtype, to);
      return to;
    }
  }
  for (int64_t i = 0; i < n; ++i) to = fill(items.data[i], sizes, dim + 1, dtype, to);
  return to;
}

PyObject* list_from(const Tensor& t, size_t dim, const std::byte* p) {
  if (dim == size_t(t.dim())) return check(number_at(p, t.dtype()));
  const int64_t n = t.sizes()[dim], step = t.strides()[dim] * t.itemsize();
  Ref list = own(PyList_New(n));
  if (dim + 1 == size_t(t.dim()) && t.dtype() == DType::Float32) {
    for (int64_t i = 0; i < n; ++i) PyList_SET_ITEM(list.get(), i, check(PyFloat_FromDouble(double(*reinterpret_cast<const float*>(p + i * step)))));
    return list.release();
  }
  for (int64_t i = 0; i < n; ++i) PyList_SET_ITEM(list.get(), i, list_from(t, dim + 1, p + i * step));
  return list.release();
}

}  // namespace

PyObject* number_at(const std::byte* p, DType dtype) {
  if (is_float8(dtype)) return PyFloat_FromDouble(double(float8_to_float(dtype, uint8_t(*p))));
  if (dtype == DType::Complex32) {
    ComplexHalf v;
    std::memcpy(&v, p, sizeof v);
    return PyComplex_FromDoubles(double(v.real), double(v.imag));
  }
  return visit_all("item", dtype, [&](auto e) -> PyObject* {
    using T = decltype(e);
    T v;
    std::memcpy(&v, p, sizeof v);
    if constexpr (std::is_same_v<T, bool>) return Py_NewRef(v ? Py_True : Py_False);
    else if constexpr (std::is_same_v<T, uint64_t>) return PyLong_FromUnsignedLongLong(v);
    else if constexpr (std::is_integral_v<T>) return PyLong_FromLongLong(v);
    else if constexpr (std::is_same_v<T, std::complex<float>> || std::is_same_v<T, std::complex<double>>) return PyComplex_FromDoubles(double(v.real()), double(v.imag()));
    else return PyFloat_FromDouble(double(v));
  });
}

PyObject* list_of(const Tensor& t) {
  KG_CHECK_IMPLEMENTED(!t.is_meta(), "Cannot copy out of meta tensor; no data!");
  require_strided(t, "tolist()");
  if (is_quantized(t)) return list_of(contiguous(dequantize(t)));
  return list_from(t, 0, t.bytes());
}

Tensor converted_to(const Tensor& t, std::optional<DType> dtype, std::optional<Device> device) {
  Tensor out = t;
  if (dtype && *dtype != t.dtype()) {
    NoGrad no_record;
    out = autograd_arithmetic.cast(t, *dtype);
  }
  if (device && *device != t.device()) {
    KG_CHECK_IMPLEMENTED(device->is_meta(), "a tensor cannot be moved from ", t.device(), " to ", *device);
    out = empty_strided_tensor(out.sizes(), out.strides(), out.dtype(), *device);
  }
  return out;
}

Tensor tensor_from_data(PyObject* data, std::optional<DType> dtype, std::optional<Device> device) {
  if (is_tensor(data) || is_ndarray(data)) {
    Tensor from = is_tensor(data) ? detach(tensor_of(data)) : tensor_from_ndarray(data, false);
    NoGrad no_record;
    Tensor out = converted_to(from, dtype, device);
    return out.storage() == from.storage() ? autograd_arithmetic.clone(out) : out;
  }
  const Device where = device.value_or(default_device());
  if (PyFloat_CheckExact(data) || PyLong_CheckExact(data)) {
    DType d = dtype.value_or(PyFloat_CheckExact(data) ? default_dtype() : DType::Int64);
    Tensor t = empty_tensor({}, d, where);
    if (!t.is_meta()) store(data, d, t.bytes());
    return t;
  }
  KG_CHECK_TYPE(!PyUnicode_Check(data) && !PyBytes_Check(data), "new(): invalid data type '", Py_TYPE(data)->tp_name, "'");
  Ints sizes;
  DType d;
  if (dtype) {
    sizes = shape_of(data);
    d = *dtype;
  } else {
    // strings inside nest without end: the shape says so first
    if (is_sequence(data)) sizes = shape_of(data);
    d = *infer(data, {});
  }
  Tensor t = empty_tensor(sizes, d);
  if (t.numel()) fill(data, sizes, 0, d, t.bytes());
  return converted_to(t, {}, where);
}

Tensor legacy_tensor(PyObject* const* args, Py_ssize_t nargs, DType dtype, const Device& device) {
  PyObject* first = nargs ? args[0] : nullptr;
  if (nargs == 1 && is_tensor(first)) return alias(tensor_of(first));
  const bool size_object = nargs == 1 && std::strcmp(Py_TYPE(first)->tp_name, "torch.Size") == 0;
  auto is_size = [](PyObject* o) { return PyLong_Check(o) || (PyIndex_Check(o) && !PySequence_Check(o) && !PyFloat_Check(o)); };
  if (nargs == 1 && !size_object && !is_size(first)) {
    if (PyObject_HasAttrString(first, "_untyped_storage")) {
      Ref shared(check(PyObject_CallMethod(first, "_tensor", nullptr)));
      KG_CHECK_TYPE(tensor_of(shared.get()).dtype() == dtype, "expected a storage of ", legacy_name(dtype), " elements, got ", legacy_name(tensor_of(shared.get()).dtype()));
      return alias(tensor_of(shared.get()));
    }
    KG_CHECK_TYPE(is_sequence(first) || is_ndarray(first), "new(): data must be a sequence (got ", Py_TYPE(first)->tp_name, ")");
    return tensor_from_data(first, dtype, device);
  }
  Ints sizes;
  PyObject* const* items = size_object ? &PyTuple_GET_ITEM(first, 0) : args;
  for (Py_ssize_t i = 0, n = size_object ? PyTuple_GET_SIZE(first) : nargs; i < n; ++i) {
    Ref index(PyNumber_Index(items[i]));
    if (!index) throw PythonError();
    const long long size = PyLong_AsLongLong(index.get());
    if (size == -1 && PyErr_Occurred()) throw PythonError();
    sizes.push_back(size);
  }
  if (nargs == 0) sizes.push_back(0);
  return empty_tensor(sizes, dtype, device);
}

}  // namespace kagari::python
