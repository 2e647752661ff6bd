// Tensor.to and its kin, and methods that call Python for each element.
#include "kagari/ops/copy.h"
#include "kagari/tensor/sparse.h"

#include "keywords.h"
#include "op_function.h"
#include "python_data.h"

namespace kagari::python {
namespace {

[[noreturn]] void refuse_to(PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  std::string given_types;
  for (Py_ssize_t i = 0; i < nargs + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0); ++i) {
    if (i) given_types += ", ";
    if (i >= nargs) given_types += std::string(PyUnicode_AsUTF8(PyTuple_GET_ITEM(kwnames, i - nargs))) + "=";
    given_types += type_name(args[i]);
  }
  fail(ErrorKind::Type, "to() received an invalid combination of arguments - got (" + given_types +
       "), but expected one of:\n"
       " * (torch.device device = None, torch.dtype dtype = None, bool non_blocking = False, bool copy = False, *, torch.memory_format memory_format = None)\n"
       " * (torch.dtype dtype, bool non_blocking = False, bool copy = False, *, torch.memory_format memory_format = None)\n"
       " * (Tensor tensor, bool non_blocking = False, bool copy = False, *, torch.memory_format memory_format = None)\n");
}

/// What the arguments of `to` ask for.
struct Target {
  std::optional<DType> dtype;
  std::optional<Device> device;
  std::optional<MemoryFormat> format;
  bool non_blocking = false, copy = false;
};

bool is_device_like(PyObject* o) { return is_device(o) || PyUnicode_Check(o) || (PyLong_Check(o) && !PyBool_Check(o)); }
bool is_dtype_like(PyObject* o) { return is_dtype(o) || PyType_Check(o); }

Target target_of(PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  Target t;
  Py_ssize_t i = 0;
  if (nargs) {
    PyObject* first = args[0];
    if (is_tensor(first)) {
      t.dtype = tensor_of(first).dtype();
      t.device = tensor_of(first).device();
      i = 1;
    } else if (is_dtype_like(first)) {
      t.dtype = dtype_argument("to", first);
      i = 1;
    } else if (first == Py_None || is_device_like(first)) {
      if (first != Py_None) t.device = device_of_object(first);
      i = 1;
      if (nargs > 1 && (args[1] == Py_None || is_dtype_like(args[1]))) {
        t.dtype = dtype_argument("to", args[1]);
        i = 2;
      }
    }
    for (int flag = 0; i < nargs; ++i, ++flag) {
      if (flag > 1 || !PyBool_Check(args[i])) refuse_to(args, nargs, kwnames);
      (flag == 0 ? t.non_blocking : t.copy) = args[i] == Py_True;
    }
  }
  for (Py_ssize_t k = 0; kwnames && k < PyTuple_GET_SIZE(kwnames); ++k) {
    std::string_view word = PyUnicode_AsUTF8(PyTuple_GET_ITEM(kwnames, k));
    PyObject* o = args[nargs + k];
    if (word == "dtype") t.dtype = dtype_argument("to", o);
    else if (word == "device") t.device = device_argument(o);
    else if (word == "non_blocking") t.non_blocking = truth(o);
    else if (word == "copy") t.copy = truth(o);
    else if (word == "memory_format" && (o == Py_None || is_memory_format(o))) {
      if (o != Py_None) t.format = memory_format_of_object(o);
    } else if ((word == "other" || word == "tensor") && is_tensor(o)) {
      t.dtype = tensor_of(o).dtype();
      t.device = tensor_of(o).device();
    } else refuse_to(args, nargs, kwnames);
  }
  if (t.device && t.device->type == DeviceType::CPU) t.device->index = -1;
  return t;
}

PyObject* method_to(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    if (torch_function_modes || (Py_TYPE(self) != tensor_type && Py_TYPE(self) != parameter_type)) {
      SmallVector<PyObject*, 8> all;
      all.push_back(self);
      for (Py_ssize_t i = 0; i < nargs + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0); ++i) all.push_back(args[i]);
      Ref f = own(PyObject_GetAttrString(reinterpret_cast<PyObject*>(tensor_type), "to"));
      PyObject* handled;
      if (torch_function_handled(f.get(), all.data(), size_t(nargs) + 1, kwnames, &handled)) return handled;
    }
    Target target = target_of(args, nargs, kwnames);
    if (target.device) check_device(*target.device);
    const Tensor& t = tensor_of(self);
    const bool same = (!target.dtype || *target.dtype == t.dtype()) && (!target.device || *target.device == t.device());
    if (same && !target.copy && !target.format) return Py_NewRef(self);
    KG_CHECK_IMPLEMENTED(!t.is_meta() || !target.device || target.device->is_meta(), "Cannot copy out of meta tensor; no data!");
    Tensor out = to(t, target.dtype, target.device, target.non_blocking, target.copy, target.format);
    return out.is_same(t) ? Py_NewRef(self) : wrap(std::move(out));
  });
}

/// torch._C._nn._parse_to: the same arguments, read for modules. (device, dtype, non_blocking, memory_format)
PyObject* parse_to(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    Target t = target_of(args, nargs, kwnames);
    if (t.device) check_device(*t.device);
    Ref device = t.device ? own(wrap(*t.device)) : Ref::share(Py_None), dtype = t.dtype ? own(wrap(*t.dtype)) : Ref::share(Py_None),
        format = t.format ? own(wrap(*t.format)) : Ref::share(Py_None);
    return Py_BuildValue("(OOOO)", device.get(), dtype.get(), t.non_blocking ? Py_True : Py_False, format.get());
  });
}

template <DeviceType type>
PyObject* to_absent_device(PyObject*, PyObject* const*, Py_ssize_t, PyObject*) {
  return guarded([]() -> PyObject* {
    check_device({type, -1});
    return nullptr;
  });
}

/// Tensor.new: an old spelling of new_empty (sizes) and new_tensor (data).
PyObject* new_like(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_of(self);
    KG_CHECK_TYPE(!kwnames || PyTuple_GET_SIZE(kwnames) == 0 || nargs == 0, "new(): keyword arguments are not supported with data");
    return wrap(legacy_tensor(args, nargs, t.dtype(), t.device()));
  });
}

/// Calls visit(byte offset) for each element in row-major order.
template <class F>
void each_element(const Tensor& t, size_t dim, int64_t offset, F&& visit) {
  if (dim == size_t(t.dim())) return visit(offset);
  for (int64_t i = 0; i < t.sizes()[dim]; ++i) each_element(t, dim + 1, offset + i * t.strides()[dim] * t.itemsize(), visit);
}

void store_result(const Tensor& t, std::byte* to, PyObject* value) {
  Tensor made = tensor_from_data(value, t.dtype(), {});
  KG_CHECK_TYPE(made.numel() == 1, "the function must return a number");
  std::memcpy(to, made.bytes(), size_t(t.itemsize()));
}

PyObject* apply(PyObject* self, PyObject* function) {
  return guarded([&] {
    const Tensor& t = tensor_of(self);
    KG_CHECK(!t.requires_grad(), "Can't call apply_() on Variable that requires grad. Use var.detach().apply_() instead.");
    KG_CHECK_TYPE(t.is_cpu(), "apply_ is only implemented on CPU tensors");
    require_strided(t, "apply_()");
    each_element(t, 0, 0, [&](int64_t offset) {
      Ref x = own(number_at(t.bytes() + offset, t.dtype())), y = own(PyObject_CallOneArg(function, x.get()));
      store_result(t, t.bytes() + offset, y.get());
    });
    t.bump_version();
    return Py_NewRef(self);
  });
}
PyObject* map(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&] {
    static constexpr const char* names[] = {"tensor", "callable"};
    PyObject* a[2];
    parse_keywords("map_", names, 2, 2, args, nargs, kwnames, a);
    const Tensor& t = tensor_of(self);
    KG_CHECK_TYPE(is_tensor(a[0]), "map_(): argument 'tensor' must be Tensor, not ", Py_TYPE(a[0])->tp_name);
    KG_CHECK(!t.requires_grad(), "Can't call map_() on Variable that requires grad. Use var.detach().map_() instead.");
    KG_CHECK_TYPE(t.is_cpu() && tensor_of(a[0]).is_cpu(), "map_ is only implemented on CPU tensors");
    require_strided(t, "map_()");
    require_strided(tensor_of(a[0]), "map_()");
    const Tensor& from = tensor_of(a[0]);
    Tensor other = alias(from, t.sizes(), broadcast_strides(from.sizes(), from.strides(), t.sizes()), from.storage_offset());
    std::vector<int64_t> offsets;
    each_element(other, 0, 0, [&](int64_t offset) { offsets.push_back(offset); });
    size_t i = 0;
    each_element(t, 0, 0, [&](int64_t offset) {
      Ref x = own(number_at(t.bytes() + offset, t.dtype())), y = own(number_at(other.bytes() + offsets[i++], other.dtype()));
      Ref z = own(PyObject_CallFunctionObjArgs(a[1], x.get(), y.get(), nullptr));
      store_result(t, t.bytes() + offset, z.get());
    });
    t.bump_version();
    return Py_NewRef(self);
  });
}

PyObject* reversed(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    const int64_t n = tensor_of(self).dim();
    if (n == 0) return Py_NewRef(self);
    return check(PyObject_CallMethod(self, "flip", "(i)", 0));
  });
}

#define KG_FAST(name, f, doc) {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(f)), METH_FASTCALL | METH_KEYWORDS, doc}
PyMethodDef methods_of_tensor[] = {
    KG_FAST("to", method_to, "to(dtype), to(device=None, dtype=None), to(other): the tensor with another dtype or device; itself if it has them already. "
            "Further arguments: non_blocking, copy, memory_format."),
    KG_FAST("cuda", to_absent_device<DeviceType::CUDA>, "Raises: there is no CUDA device."),
    KG_FAST("xpu", to_absent_device<DeviceType::XPU>, "Raises: there is no XPU device."),
    KG_FAST("new", new_like, "new(*sizes) or new(data): a tensor of self's dtype and device."),
    {"apply_", apply, METH_O, "apply_(f): replaces each element x by f(x). Slow."},
    KG_FAST("map_", map, "map_(tensor, f): replaces each element x by f(x, y), y from the other tensor. Slow."),
    {"__reversed__", reversed, METH_NOARGS, "The tensor, flipped along the first dimension."},
    {}};
PyMethodDef functions[] = {KG_FAST("_parse_to", parse_to, "What the arguments of Module.to ask for: (device, dtype, non_blocking, memory_format)."), {}};
#undef KG_FAST

}  // namespace

bool add_conversion(PyObject* module) {
  for (PyMethodDef* m = methods_of_tensor; m->ml_name; ++m) {
    Ref method(PyDescr_NewMethod(tensor_type, m));
    if (!method || PyObject_SetAttrString(reinterpret_cast<PyObject*>(tensor_type), m->ml_name, method.get()) < 0) return false;
  }
  return PyModule_AddFunctions(module, functions) == 0;
}

}  // namespace kagari::python
