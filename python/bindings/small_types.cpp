// torch.dtype, torch.device, torch.layout, torch.memory_format, torch.Size, torch.finfo, torch.iinfo.
#include <algorithm>
#include <cfloat>
#include <cstring>
#include <limits>
#include <utility>

#include "tensor_object.h"

namespace kagari::python {
namespace {

struct EnumObject {
  PyObject_HEAD
  int value;
  const char* text;  // "torch.float32"
};

PyTypeObject* dtype_type;
PyTypeObject* layout_type;
PyTypeObject* format_type;
PyTypeObject* device_type;
PyTypeObject* size_type;
PyObject* dtype_objects[dtype_count];
PyObject* layout_objects[8];
PyObject* format_objects[4];

PyObject* enum_repr(PyObject* self) { return PyUnicode_FromString(reinterpret_cast<EnumObject*>(self)->text); }
// Pickled by name: copy and pickle find the same object again.
PyObject* enum_reduce(PyObject* self, PyObject*) { return PyUnicode_FromString(std::strchr(reinterpret_cast<EnumObject*>(self)->text, '.') + 1); }
int enum_value(PyObject* o) { return reinterpret_cast<EnumObject*>(o)->value; }
// Dtypes that have a name and no elements: those of quantized tensors (whose levels have the dtype `like`), and half-precision complex numbers.
struct NamedDType {
  const char* name;
  DType like;
};
constexpr NamedDType named_dtypes[] = {{"quint8", DType::UInt8}, {"qint8", DType::Int8}, {"qint32", DType::Int32}, {"quint4x2", DType::UInt8}, {"quint2x4", DType::UInt8},
                                       {"complex32", DType::Complex64}};
constexpr int named_count = int(std::size(named_dtypes));
PyObject* named_objects[named_count];
const NamedDType* named(PyObject* o) { return enum_value(o) < dtype_count ? nullptr : &named_dtypes[enum_value(o) - dtype_count]; }

DType as_dtype(PyObject* o) {
  const NamedDType* only_name = named(o);
  KG_CHECK_IMPLEMENTED(!only_name, "torch.", only_name->name, is_complex(only_name->like) ? ": there are no tensors of this dtype" : " is the dtype of quantized tensors only: see torch.quantize_per_tensor");
  return DType(enum_value(o));
}

PyObject* dtype_attribute(PyObject* self, void* which) {
  DType t = named(self) ? named(self)->like : DType(enum_value(self));
  if (named(self) && is_complex(t) && which == reinterpret_cast<void*>(3)) return PyLong_FromLong(4);
  switch (reinterpret_cast<intptr_t>(which)) {
    case 0: return PyBool_FromLong(is_floating(t) || t == DType::Float4_e2m1fn_x2);
    case 1: return PyBool_FromLong(is_complex(t));
    case 2: return PyBool_FromLong(!is_unsigned(t) && t != DType::Bool);
    default: return PyLong_FromLongLong(itemsize(t));
  }
}
PyObject* dtype_to_real(PyObject* self, PyObject*) {
  if (named(self) && is_complex(named(self)->like)) return wrap(DType::Float16);
  return guarded([&] { return wrap(to_real(as_dtype(self))); });
}
PyObject* dtype_to_complex(PyObject* self, PyObject*) {
  return guarded([&] { return wrap(to_complex(as_dtype(self))); });
}

PyGetSetDef dtype_getset[] = {
    {"is_floating_point", dtype_attribute, nullptr, nullptr, reinterpret_cast<void*>(0)},
    {"is_complex", dtype_attribute, nullptr, nullptr, reinterpret_cast<void*>(1)},
    {"is_signed", dtype_attribute, nullptr, nullptr, reinterpret_cast<void*>(2)},
    {"itemsize", dtype_attribute, nullptr, nullptr, reinterpret_cast<void*>(3)},
    {}};
PyMethodDef dtype_methods[] = {{"__reduce__", enum_reduce, METH_NOARGS, nullptr},
                               {"to_real", dtype_to_real, METH_NOARGS, "The real dtype of a complex one."},
                               {"to_complex", dtype_to_complex, METH_NOARGS, "The complex dtype of a real one."},
                               {}};
PyMethodDef enum_methods[] = {{"__reduce__", enum_reduce, METH_NOARGS, nullptr}, {}};

PyTypeObject* make_enum_type(const char* name, PyMethodDef* methods, PyGetSetDef* getset) {
  PyType_Slot slots[] = {{Py_tp_repr, reinterpret_cast<void*>(enum_repr)}, {Py_tp_methods, methods}, {getset ? Py_tp_getset : 0, getset}, {}};
  PyType_Spec spec{name, sizeof(EnumObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  return reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
}

PyObject* make_enum(PyTypeObject* type, int value, std::string_view name) {
  auto* o = PyObject_New(EnumObject, type);
  if (!o) return nullptr;
  o->value = value;
  char* text = static_cast<char*>(PyMem_Malloc(name.size() + 7));
  std::memcpy(text, "torch.", 6);
  std::memcpy(text + 6, name.data(), name.size());
  text[6 + name.size()] = 0;
  o->text = text;
  return reinterpret_cast<PyObject*>(o);
}

// ---------------------------------------------------------------- device
struct DeviceObject {
  PyObject_HEAD
  Device device;
};
Device device_value(PyObject* o) { return reinterpret_cast<DeviceObject*>(o)->device; }

PyObject* device_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    static const char* names[] = {"type", "index", nullptr};
    PyObject *type = nullptr, *index = nullptr;
    if (PyTuple_GET_SIZE(args) == 1 && is_device(PyTuple_GET_ITEM(args, 0))) return Py_NewRef(PyTuple_GET_ITEM(args, 0));
    if (kwargs && PyDict_GetItemString(kwargs, "device")) {
      return wrap(device_of_object(PyDict_GetItemString(kwargs, "device")));
    }
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O", const_cast<char**>(names), &type, &index)) return nullptr;
    Device d = device_of_object(type);
    if (index && index != Py_None) {
      long i = PyLong_AsLong(index);
      if (i == -1 && PyErr_Occurred()) return nullptr;
      KG_CHECK(d.index < 0, "type (string) must not include an index because index was passed explicitly: ", to_string(d));
      KG_CHECK(i >= -1 && i < 128, "Device index must be between 0 and 127, got ", i);
      d.index = int8_t(i);
    }
    return wrap(d);
  });
}
PyObject* device_repr(PyObject* self) {
  Device d = device_value(self);
  std::string text = str("device(type='", name(d.type), "'");
  if (d.index >= 0) text += str(", index=", int(d.index));
  return PyUnicode_FromString((text + ")").c_str());
}
PyObject* device_str(PyObject* self) { return PyUnicode_FromString(to_string(device_value(self)).c_str()); }
Py_hash_t device_hash(PyObject* self) { return Py_hash_t(device_value(self).type) * 131 + device_value(self).index + 7; }
PyObject* device_compare(PyObject* a, PyObject* b, int op) {
  if ((op != Py_EQ && op != Py_NE) || !is_device(a) || !is_device(b)) Py_RETURN_NOTIMPLEMENTED;
  return PyBool_FromLong((device_value(a) == device_value(b)) == (op == Py_EQ));
}
PyObject* device_type_name(PyObject* self, void*) {
  std::string_view n = name(device_value(self).type);
  return PyUnicode_FromStringAndSize(n.data(), Py_ssize_t(n.size()));
}
PyObject* device_index(PyObject* self, void*) {
  int i = device_value(self).index;
  if (i < 0) Py_RETURN_NONE;
  return PyLong_FromLong(i);
}
PyObject* device_reduce(PyObject* self, PyObject*) {
  Ref type(device_type_name(self, nullptr));
  int i = device_value(self).index;
  if (i < 0) return Py_BuildValue("O(O)", Py_TYPE(self), type.get());
  return Py_BuildValue("O(Oi)", Py_TYPE(self), type.get(), i);
}

thread_local SmallVector<Device, 2> device_stack;
Device process_default;

PyObject* device_enter(PyObject* self, PyObject*) {
  device_stack.push_back(device_value(self));
  return Py_NewRef(self);
}
PyObject* device_exit(PyObject*, PyObject* const*, Py_ssize_t) {
  if (!device_stack.empty()) device_stack.pop_back();
  Py_RETURN_NONE;
}
PyObject* device_call(PyObject* self, PyObject* args, PyObject*) {
  Ref overrides(PyImport_ImportModule("kagari.utils._device"));
  if (!overrides) return nullptr;
  PyObject* f = nullptr;
  if (!PyArg_ParseTuple(args, "O", &f)) return nullptr;
  return PyObject_CallMethod(overrides.get(), "device_decorator", "OO", self, f);
}
PyMethodDef device_methods[] = {{"__reduce__", device_reduce, METH_NOARGS, nullptr},
                                {"__enter__", device_enter, METH_NOARGS, "New tensors are made on this device."},
                                {"__exit__", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(device_exit)), METH_FASTCALL, nullptr},
                                {}};
PyGetSetDef device_getset[] = {{"type", device_type_name, nullptr, nullptr, nullptr}, {"index", device_index, nullptr, nullptr, nullptr}, {}};

// ---------------------------------------------------------------- Size
PyObject* size_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  Ref self(PyTuple_Type.tp_new(type, args, kwargs));
  if (!self) return nullptr;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self.get()); ++i) {
    PyObject* item = PyTuple_GET_ITEM(self.get(), i);
    if (PyLong_CheckExact(item)) continue;
    if (PyObject_HasAttrString(item, "nested_int")) continue;  // the size of a nested tensor's ragged dimension is no number
    PyObject* n = PyNumber_Index(item);
    if (!n) {
      PyErr_Format(PyExc_TypeError, "torch.Size() takes an iterable of 'int' (item %zd is '%s')", i, Py_TYPE(item)->tp_name);
      return nullptr;
    }
    PyTuple_SET_ITEM(self.get(), i, n);
    Py_DECREF(item);
  }
  return self.release();
}
PyObject* size_repr(PyObject* self) {
  std::string text = "torch.Size([";
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self); ++i) {
    if (i) text += ", ";
    Ref item(PyObject_Repr(PyTuple_GET_ITEM(self, i)));
    if (!item) return nullptr;
    text += PyUnicode_AsUTF8(item.get());
  }
  return PyUnicode_FromString((text + "])").c_str());
}
PyObject* as_size(PyObject* tuple) {
  if (!tuple || tuple == Py_NotImplemented || !PyTuple_CheckExact(tuple)) return tuple;
  Ref owned(tuple);
  return PyObject_CallOneArg(reinterpret_cast<PyObject*>(size_type), tuple);
}
PyObject* size_subscript(PyObject* self, PyObject* key) { return as_size(PyTuple_Type.tp_as_mapping->mp_subscript(self, key)); }
PyObject* size_concat(PyObject* a, PyObject* b) { return as_size(PyTuple_Type.tp_as_sequence->sq_concat(a, b)); }
PyObject* size_repeat(PyObject* a, Py_ssize_t n) { return as_size(PyTuple_Type.tp_as_sequence->sq_repeat(a, n)); }
PyObject* size_add(PyObject* a, PyObject* b) {
  if (!PyTuple_Check(a) || !PyTuple_Check(b)) Py_RETURN_NOTIMPLEMENTED;
  return size_concat(a, b);
}
PyObject* size_numel(PyObject* self, PyObject*) {
  long long n = 1;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self); ++i) n *= PyLong_AsLongLong(PyTuple_GET_ITEM(self, i));
  return PyErr_Occurred() ? nullptr : PyLong_FromLongLong(n);
}
PyObject* size_reduce(PyObject* self, PyObject*) {
  Ref tuple(PySequence_Tuple(self));
  Ref plain(PyTuple_New(PyTuple_GET_SIZE(self)));
  if (!tuple || !plain) return nullptr;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self); ++i) PyTuple_SET_ITEM(plain.get(), i, Py_NewRef(PyTuple_GET_ITEM(self, i)));
  return Py_BuildValue("O(O)", Py_TYPE(self), plain.get());
}
PyMethodDef size_methods[] = {{"numel", size_numel, METH_NOARGS, "The product of the sizes."}, {"__reduce__", size_reduce, METH_NOARGS, nullptr}, {}};

// ---------------------------------------------------------------- finfo, iinfo
struct InfoObject {
  PyObject_HEAD
  DType dtype;
};
struct FloatLimits {
  double eps, max, tiny, resolution, smallest_subnormal;
};
FloatLimits float_limits(DType t) {
  switch (to_real(t)) {
    case DType::Float16: return {0x1p-10, 65504, 0x1p-14, 1e-3, 0x1p-24};
    case DType::BFloat16: return {0x1p-7, 3.3895313892515355e38, 0x1p-126, 1e-2, 0x1p-133};
    case DType::Float32: return {FLT_EPSILON, FLT_MAX, FLT_MIN, 1e-6, FLT_TRUE_MIN};
    case DType::Float8_e4m3fn: return {0.125, 448, 0x1p-6, 1, 0x1p-9};
    case DType::Float8_e5m2: return {0.25, 57344, 0x1p-14, 1, 0x1p-16};
    case DType::Float8_e4m3fnuz: return {0.125, 240, 0x1p-7, 1, 0x1p-10};
    case DType::Float8_e5m2fnuz: return {0.25, 57344, 0x1p-15, 1, 0x1p-17};
    default: return {DBL_EPSILON, DBL_MAX, DBL_MIN, 1e-15, DBL_TRUE_MIN};
  }
}
PyTypeObject* finfo_type;
PyTypeObject* iinfo_type;
PyObject* info_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    static const char* names[] = {"type", nullptr};
    PyObject* arg = nullptr;
    bool integral = type == iinfo_type;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O", const_cast<char**>(names), &arg)) return nullptr;
    KG_CHECK_TYPE(arg || !integral, "iinfo() missing 1 required positional arguments: \"type\"");
    KG_CHECK_TYPE(!arg || is_dtype(arg), integral ? "iinfo" : "finfo", "(): argument 'type' (position 1) must be torch.dtype, not ", arg ? Py_TYPE(arg)->tp_name : "");
    DType t = arg ? as_dtype(arg) : default_dtype();
    if (integral) KG_CHECK_TYPE(is_integer(t), "torch.iinfo() requires an integer input type. Use torch.finfo to handle 'torch.", name(t), "'");
    else KG_CHECK_TYPE(is_floating(t) || is_complex(t), "torch.finfo() requires a floating point input type. Use torch.iinfo to handle 'torch.", name(t), "'");
    auto* o = PyObject_New(InfoObject, type);
    if (o) o->dtype = t;
    return reinterpret_cast<PyObject*>(o);
  });
}
PyObject* finfo_attribute(PyObject* self, void* which) {
  DType t = reinterpret_cast<InfoObject*>(self)->dtype;
  FloatLimits l = float_limits(t);
  switch (reinterpret_cast<intptr_t>(which)) {
    case 0: return PyLong_FromLongLong(itemsize(to_real(t)) * 8);
    case 1: return PyFloat_FromDouble(l.eps);
    case 2: return PyFloat_FromDouble(l.max);
    case 3: return PyFloat_FromDouble(-l.max);
    case 4: return PyFloat_FromDouble(l.tiny);
    case 5: return PyFloat_FromDouble(l.resolution);
    case 6: return PyFloat_FromDouble(l.smallest_subnormal);
    default: {
      std::string_view n = name(to_real(t));
      return PyUnicode_FromStringAndSize(n.data(), Py_ssize_t(n.size()));
    }
  }
}
PyObject* iinfo_attribute(PyObject* self, void* which) {
  DType t = reinterpret_cast<InfoObject*>(self)->dtype;
  int bits = int(itemsize(t)) * 8;
  switch (reinterpret_cast<intptr_t>(which)) {
    case 0: return PyLong_FromLong(bits);
    case 2: return is_unsigned(t) ? PyLong_FromUnsignedLongLong(~0ULL >> (64 - bits)) : PyLong_FromLongLong((long long)(~0ULL >> (65 - bits)));
    case 3: return is_unsigned(t) ? PyLong_FromLong(0) : PyLong_FromLongLong(-(long long)(~0ULL >> (65 - bits)) - 1);
    default: {
      std::string_view n = name(t);
      return PyUnicode_FromStringAndSize(n.data(), Py_ssize_t(n.size()));
    }
  }
}
#define KG_INFO(name, number, f) {name, f, nullptr, nullptr, reinterpret_cast<void*>(number)}
PyGetSetDef finfo_getset[] = {KG_INFO("bits", 0, finfo_attribute), KG_INFO("eps", 1, finfo_attribute), KG_INFO("max", 2, finfo_attribute),
                              KG_INFO("min", 3, finfo_attribute), KG_INFO("tiny", 4, finfo_attribute), KG_INFO("smallest_normal", 4, finfo_attribute),
                              KG_INFO("resolution", 5, finfo_attribute), KG_INFO("smallest_subnormal", 6, finfo_attribute), KG_INFO("dtype", 7, finfo_attribute), {}};
PyGetSetDef iinfo_getset[] = {KG_INFO("bits", 0, iinfo_attribute), KG_INFO("max", 2, iinfo_attribute), KG_INFO("min", 3, iinfo_attribute), KG_INFO("dtype", 7, iinfo_attribute), {}};
#undef KG_INFO
std::string number_text(double v) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.6g", v);
  return buffer;
}
PyObject* info_repr(PyObject* self) {
  DType t = reinterpret_cast<InfoObject*>(self)->dtype;
  std::string text;
  if (Py_TYPE(self) == iinfo_type) {
    Ref lo(iinfo_attribute(self, reinterpret_cast<void*>(3))), hi(iinfo_attribute(self, reinterpret_cast<void*>(2)));
    Ref lo_text(PyObject_Str(lo.get())), hi_text(PyObject_Str(hi.get()));
    text = str("iinfo(min=", PyUnicode_AsUTF8(lo_text.get()), ", max=", PyUnicode_AsUTF8(hi_text.get()), ", dtype=", name(t), ")");
  } else {
    FloatLimits l = float_limits(t);
    text = str("finfo(resolution=", number_text(l.resolution), ", min=", number_text(-l.max), ", max=", number_text(l.max), ", eps=", number_text(l.eps),
               ", smallest_normal=", number_text(l.tiny), ", tiny=", number_text(l.tiny), ", dtype=", name(to_real(t)), ")");
  }
  return PyUnicode_FromString(text.c_str());
}
PyObject* info_compare(PyObject* a, PyObject* b, int op) {
  if ((op != Py_EQ && op != Py_NE) || Py_TYPE(a) != Py_TYPE(b)) Py_RETURN_NOTIMPLEMENTED;
  return PyBool_FromLong((reinterpret_cast<InfoObject*>(a)->dtype == reinterpret_cast<InfoObject*>(b)->dtype) == (op == Py_EQ));
}
Py_hash_t info_hash(PyObject* self) { return Py_hash_t(reinterpret_cast<InfoObject*>(self)->dtype) + 1000; }

PyTypeObject* make_info_type(const char* name, PyGetSetDef* getset) {
  PyType_Slot slots[] = {{Py_tp_new, reinterpret_cast<void*>(info_new)}, {Py_tp_getset, getset}, {Py_tp_repr, reinterpret_cast<void*>(info_repr)},
                         {Py_tp_richcompare, reinterpret_cast<void*>(info_compare)}, {Py_tp_hash, reinterpret_cast<void*>(info_hash)}, {}};
  PyType_Spec spec{name, sizeof(InfoObject), 0, Py_TPFLAGS_DEFAULT, slots};
  return reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
}

PyObject* set_default_device(PyObject*, PyObject* arg) {
  return guarded([&]() -> PyObject* {
    process_default = arg == Py_None ? Device() : tensor_device_of(arg);
    Py_RETURN_NONE;
  });
}
PyObject* get_default_device(PyObject*, PyObject*) { return wrap(default_device()); }
PyMethodDef functions[] = {{"set_default_device", set_default_device, METH_O, "New tensors are made on this device from now on."},
                           {"get_default_device", get_default_device, METH_NOARGS, "The device on which new tensors are made."},
                           {}};

}  // namespace

Device default_device() { return device_stack.empty() ? process_default : device_stack.back(); }

bool is_dtype(PyObject* o) { return Py_TYPE(o) == dtype_type; }
bool is_device(PyObject* o) { return Py_TYPE(o) == device_type; }
bool is_layout(PyObject* o) { return Py_TYPE(o) == layout_type; }
bool is_memory_format(PyObject* o) { return Py_TYPE(o) == format_type; }
DType dtype_of_object(PyObject* o) { return as_dtype(o); }
Layout layout_of_object(PyObject* o) { return Layout(enum_value(o)); }
MemoryFormat memory_format_of_object(PyObject* o) { return MemoryFormat(enum_value(o)); }
PyObject* wrap(DType t) { return Py_NewRef(dtype_objects[int(t)]); }
PyObject* wrap_quantized(DType levels) {
  for (int i = 0; i < named_count; ++i)
    if (named_dtypes[i].like == levels) return Py_NewRef(named_objects[i]);
  return nullptr;
}
std::optional<DType> levels_of_object(PyObject* o) {
  if (!is_dtype(o) || !named(o) || is_complex(named(o)->like)) return std::nullopt;
  return named(o)->like;
}
PyObject* wrap(Layout l) { return Py_NewRef(layout_objects[int(l)]); }
PyObject* wrap(MemoryFormat m) { return Py_NewRef(format_objects[int(m)]); }

PyObject* wrap(Device d) {
  auto* o = PyObject_New(DeviceObject, device_type);
  if (o) o->device = d;
  return reinterpret_cast<PyObject*>(o);
}

Device tensor_device_of(PyObject* o) {
  Device d = device_of_object(o);
  if (d.is_cpu() || d.is_meta()) d.index = -1;
  return d;
}

Device device_of_object(PyObject* o) {
  if (is_device(o)) return device_value(o);
  if (PyUnicode_Check(o)) {
    Py_ssize_t n;
    const char* text = PyUnicode_AsUTF8AndSize(o, &n);
    if (!text) throw PythonError();
    return parse_device({text, size_t(n)});
  }
  if (PyLong_Check(o)) {
    long i = PyLong_AsLong(o);
    KG_CHECK(i >= 0, "Device index must not be negative");
    return {DeviceType::CUDA, int8_t(i)};
  }
  fail(ErrorKind::Type, str("device(): argument 'type' (position 1) must be str, not ", Py_TYPE(o)->tp_name));
}

namespace {
PyObject* new_size(IntList sizes) {
  auto* o = reinterpret_cast<PyTupleObject*>(size_type->tp_alloc(size_type, Py_ssize_t(sizes.size())));
  if (!o) return nullptr;
  for (size_t i = 0; i < sizes.size(); ++i) o->ob_item[i] = PyLong_FromLongLong(sizes[i]);
  return reinterpret_cast<PyObject*>(o);
}
}  // namespace

// Programs ask for the same few shapes again and again; a Size cannot change, so the last ones are kept.
PyObject* wrap_size(IntList sizes) {
  constexpr size_t slots = 64, longest = 5;
  struct Slot {
    size_t rank = 0;
    int64_t sizes[longest];
    PyObject* object = nullptr;
  };
  static Slot table[slots];
  size_t n = sizes.size();
  if (n > longest) return new_size(sizes);
  uint64_t hash = n;
  for (size_t i = 0; i < n; ++i) hash = (hash ^ uint64_t(sizes[i])) * 0x9e3779b97f4a7c15u;
  Slot& slot = table[hash >> 58];
  if (slot.object && slot.rank == n && std::equal(sizes.begin(), sizes.end(), slot.sizes)) return Py_NewRef(slot.object);
  PyObject* made = new_size(sizes);
  if (!made) return nullptr;
  PyObject* before = std::exchange(slot.object, Py_NewRef(made));
  slot.rank = n;
  std::copy(sizes.begin(), sizes.end(), slot.sizes);
  Py_XDECREF(before);
  return made;
}

PyObject* wrap(const Scalar& s) {
  switch (s.kind()) {
    case Scalar::Kind::Bool: return PyBool_FromLong(s.to_bool());
    case Scalar::Kind::Int: return PyLong_FromLongLong(s.to_int());
    case Scalar::Kind::Float: return PyFloat_FromDouble(s.to_double());
    default: return PyComplex_FromDoubles(s.to_complex_value().real(), s.to_complex_value().imag());
  }
}

bool is_number(PyObject* o) {
  if (PyFloat_Check(o) || PyLong_Check(o) || PyComplex_Check(o)) return true;
  PyTypeObject* t = Py_TYPE(o);
  // NumPy's scalars: numbers by protocol, without being sequences or tensors
  return !is_tensor(o) && t->tp_as_number && (t->tp_as_number->nb_index || t->tp_as_number->nb_float) && std::strncmp(t->tp_name, "numpy.", 6) == 0 &&
         std::strcmp(t->tp_name, "numpy.ndarray") != 0;
}

Scalar scalar_of(PyObject* o) {
  if (PyBool_Check(o)) return o == Py_True;
  if (PyFloat_Check(o)) return PyFloat_AS_DOUBLE(o);
  if (PyComplex_Check(o)) return std::complex<double>(PyComplex_RealAsDouble(o), PyComplex_ImagAsDouble(o));
  if (PyLong_Check(o) || (Py_TYPE(o)->tp_as_number && Py_TYPE(o)->tp_as_number->nb_index)) {
    Ref index(PyNumber_Index(o));
    if (!index) throw PythonError();
    int overflow;
    long long v = PyLong_AsLongLongAndOverflow(index.get(), &overflow);
    if (overflow > 0) {
      unsigned long long u = PyLong_AsUnsignedLongLong(index.get());
      if (!PyErr_Occurred()) return double(u);
      PyErr_Clear();
    }
    KG_CHECK(!overflow, "Overflow when unpacking long long");
    return int64_t(v);
  }
  if (std::strcmp(Py_TYPE(o)->tp_name, "numpy.bool_") == 0 || std::strcmp(Py_TYPE(o)->tp_name, "numpy.bool") == 0) return PyObject_IsTrue(o) == 1;
  if (std::strncmp(Py_TYPE(o)->tp_name, "numpy.complex", 13) == 0) {
    Py_complex c = PyComplex_AsCComplex(o);
    return std::complex<double>(c.real, c.imag);
  }
  double v = PyFloat_AsDouble(o);
  if (v == -1 && PyErr_Occurred()) throw PythonError();
  return v;
}

bool add_small_types(PyObject* module) {
  dtype_type = make_enum_type("torch.dtype", dtype_methods, dtype_getset);
  layout_type = make_enum_type("torch.layout", enum_methods, nullptr);
  format_type = make_enum_type("torch.memory_format", enum_methods, nullptr);
  if (!dtype_type || !layout_type || !format_type) return false;
  for (int i = 0; i < dtype_count; ++i) {
    dtype_objects[i] = make_enum(dtype_type, i, name(DType(i)));
    if (!dtype_objects[i] || PyModule_AddObjectRef(module, std::string(name(DType(i))).c_str(), dtype_objects[i]) < 0) return false;
  }
  for (int i = 0; i < named_count; ++i) {
    named_objects[i] = make_enum(dtype_type, dtype_count + i, named_dtypes[i].name);
    if (!named_objects[i] || PyModule_AddObjectRef(module, named_dtypes[i].name, named_objects[i]) < 0) return false;
  }
  if (PyModule_AddObjectRef(module, "chalf", named_objects[named_count - 1]) < 0) return false;
  static constexpr std::pair<const char*, DType> other_names[] = {
      {"half", DType::Float16}, {"float", DType::Float32}, {"double", DType::Float64}, {"short", DType::Int16}, {"int", DType::Int32},
      {"long", DType::Int64}, {"cfloat", DType::Complex64}, {"cdouble", DType::Complex128}, {"chalf", DType::Complex32}};
  for (auto [alias, t] : other_names)
    if (PyModule_AddObjectRef(module, alias, dtype_objects[int(t)]) < 0) return false;
  static constexpr const char* layouts[] = {"strided", "sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc", "_mkldnn", "jagged"};
  for (int i = 0; i < 8; ++i) {
    layout_objects[i] = make_enum(layout_type, i, layouts[i]);
    if (!layout_objects[i] || PyModule_AddObjectRef(module, layouts[i], layout_objects[i]) < 0) return false;
  }
  static constexpr const char* formats[] = {"contiguous_format", "preserve_format", "channels_last", "channels_last_3d"};
  for (int i = 0; i < 4; ++i) {
    format_objects[i] = make_enum(format_type, i, formats[i]);
    if (!format_objects[i] || PyModule_AddObjectRef(module, formats[i], format_objects[i]) < 0) return false;
  }
  PyType_Slot device_slots[] = {{Py_tp_new, reinterpret_cast<void*>(device_new)}, {Py_tp_repr, reinterpret_cast<void*>(device_repr)},
                                {Py_tp_str, reinterpret_cast<void*>(device_str)}, {Py_tp_hash, reinterpret_cast<void*>(device_hash)},
                                {Py_tp_richcompare, reinterpret_cast<void*>(device_compare)}, {Py_tp_methods, device_methods},
                                {Py_tp_getset, device_getset}, {Py_tp_call, reinterpret_cast<void*>(device_call)}, {}};
  PyType_Spec device_spec{"torch.device", sizeof(DeviceObject), 0, Py_TPFLAGS_DEFAULT, device_slots};
  device_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&device_spec));
  PyType_Slot size_slots[] = {{Py_tp_base, &PyTuple_Type}, {Py_tp_new, reinterpret_cast<void*>(size_new)}, {Py_tp_repr, reinterpret_cast<void*>(size_repr)},
                              {Py_tp_methods, size_methods}, {Py_mp_subscript, reinterpret_cast<void*>(size_subscript)},
                              {Py_sq_concat, reinterpret_cast<void*>(size_concat)}, {Py_sq_repeat, reinterpret_cast<void*>(size_repeat)},
                              {Py_nb_add, reinterpret_cast<void*>(size_add)}, {}};
  PyType_Spec size_spec{"torch.Size", 0, 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, size_slots};
  size_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&size_spec));
  finfo_type = make_info_type("torch.finfo", finfo_getset);
  iinfo_type = make_info_type("torch.iinfo", iinfo_getset);
  if (!device_type || !size_type || !finfo_type || !iinfo_type) return false;
  const std::pair<const char*, PyTypeObject*> types[] = {{"dtype", dtype_type}, {"layout", layout_type}, {"memory_format", format_type},
                                                         {"device", device_type}, {"Size", size_type}, {"finfo", finfo_type}, {"iinfo", iinfo_type}};
  for (auto [n, t] : types)
    if (PyModule_AddObjectRef(module, n, reinterpret_cast<PyObject*>(t)) < 0) return false;
  return PyModule_AddFunctions(module, functions) == 0;
}

}  // namespace kagari::python
