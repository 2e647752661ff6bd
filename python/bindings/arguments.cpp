#include "arguments.h"

#include <cstring>

#include "return_types.h"

namespace kagari::python {

// ---------------------------------------------------------------- frame
void Frame::reset() {
  for (int i = 0; i < number_count_; ++i) numbers_[i].tensor.~Tensor();
  number_count_ = scalar_count_ = 0;
  int_count_ = 0;
  long_lists_.clear();
  double_lists_.clear();
  tensor_lists_.clear();
  options = {};
}
const Tensor* Frame::keep(Tensor t) {
  KG_CHECK_TYPE(number_count_ < max_numbers, "too many numbers in one call");
  return new (&numbers_[number_count_++].tensor) Tensor(std::move(t));
}
const Scalar* Frame::keep(const Scalar& s) {
  KG_CHECK_TYPE(scalar_count_ < 8, "too many numbers in one call");
  return new (&scalars_[scalar_count_++].scalar) Scalar(s);
}
int64_t* Frame::ints(size_t n) {
  if (int_count_ + n <= std::size(ints_)) {
    int64_t* p = ints_ + int_count_;
    int_count_ += n;
    return p;
  }
  return long_lists_.emplace_back(n).data();
}

// ---------------------------------------------------------------- single arguments
namespace {

using Tag = Value::Tag;

/// An integer that is not a bool; 0-d integer tensors and NumPy integers count. False if it is none.
bool unpack_int(PyObject* o, int64_t& v) {
  if (PyLong_CheckExact(o)) {
    int overflow;
    v = PyLong_AsLongLongAndOverflow(o, &overflow);
    KG_CHECK(!overflow, "Overflow when unpacking long long");
    return true;
  }
  if (PyFloat_Check(o) || PyUnicode_Check(o) || PyTuple_Check(o) || PyList_Check(o) || o == Py_None) return false;
  if (PyBool_Check(o)) {
    v = o == Py_True;
    return true;
  }
  if (is_tensor(o)) {
    const Tensor& t = tensor_of(o);
    if (t.dim() != 0 || !is_integral(t.dtype()) || t.is_meta() || t.requires_grad()) return false;
    v = t.item().to_int();
    return true;
  }
  if (!Py_TYPE(o)->tp_as_number || !Py_TYPE(o)->tp_as_number->nb_index) return false;
  Ref index(PyNumber_Index(o));
  if (!index) {
    PyErr_Clear();
    return false;
  }
  v = PyLong_AsLongLong(index.get());
  if (v == -1 && PyErr_Occurred()) throw PythonError();
  return true;
}

bool unpack_ints(PyObject* o, const Argument& a, Value& v, Frame& frame) {
  v.tag = Tag::IntList;
  if (PyTuple_Check(o) || PyList_Check(o)) {
    size_t n = size_t(PySequence_Fast_GET_SIZE(o));
    PyObject** items = PySequence_Fast_ITEMS(o);
    int64_t* out = frame.ints(n);
    for (size_t i = 0; i < n; ++i)
      if (PyBool_Check(items[i]) || !unpack_int(items[i], out[i])) return false;
    if (n == 1 && a.fixed_size > 1) {
      int64_t one = out[0];
      out = frame.ints(size_t(a.fixed_size));
      n = size_t(a.fixed_size);
      for (size_t i = 0; i < n; ++i) out[i] = one;
    }
    v.list = {out, n};
    return true;
  }
  int64_t one;
  if (PyBool_Check(o) || !unpack_int(o, one)) return false;
  size_t n = size_t(std::max(a.fixed_size, 1));
  int64_t* out = frame.ints(n);
  for (size_t i = 0; i < n; ++i) out[i] = one;
  v.list = {out, n};
  return true;
}

bool unpack_double(PyObject* o, double& v) {
  if (PyFloat_Check(o)) {
    v = PyFloat_AS_DOUBLE(o);
    return true;
  }
  if (is_tensor(o)) {
    const Tensor& t = tensor_of(o);
    if (t.dim() != 0 || t.is_complex() || t.is_meta() || t.requires_grad()) return false;
    v = t.item().to_double();
    return true;
  }
  if (!is_number(o) || PyComplex_Check(o)) return false;
  v = PyFloat_AsDouble(o);
  if (v == -1 && PyErr_Occurred()) throw PythonError();
  return true;
}

bool unpack_tensors(PyObject* o, const Argument& a, Value& v, Frame& frame) {
  if (!PyTuple_Check(o) && !PyList_Check(o)) return false;
  size_t n = size_t(PySequence_Fast_GET_SIZE(o));
  PyObject** items = PySequence_Fast_ITEMS(o);
  std::vector<Tensor>& list = frame.tensors();
  list.reserve(n);
  for (size_t i = 0; i < n; ++i) {
    if (is_tensor(items[i])) list.push_back(tensor_of(items[i]));
    else if (items[i] == Py_None && a.optional_items) list.push_back(Tensor());
    else return false;
  }
  v.tag = Tag::TensorList;
  v.list = {list.data(), n};
  return true;
}

}  // namespace

bool unpack(PyObject* o, const Argument& a, Value& v, Frame& frame) {
  if (o == Py_None) {
    v.tag = Tag::None;
    return a.optional || a.tag == Tag::Generator;
  }
  switch (a.tag) {
    case Tag::Tensor:
      v.tag = Tag::Tensor;
      if (is_tensor(o)) {
        v.tensor = &tensor_of(o);
        return true;
      }
      if (!a.accepts_number || !is_number(o)) return false;
      v.tensor = frame.keep(wrapped_number(scalar_of(o)));
      return true;
    case Tag::TensorList: return unpack_tensors(o, a, v, frame);
    case Tag::Int:
      v.tag = Tag::Int;
      return unpack_int(o, v.i);
    case Tag::IntList: return unpack_ints(o, a, v, frame);
    case Tag::Float:
      v.tag = Tag::Float;
      return unpack_double(o, v.d);
    case Tag::FloatList: {
      if (!PyTuple_Check(o) && !PyList_Check(o)) {
        double one;
        if (!unpack_double(o, one)) return false;
        auto& list = frame.doubles();
        list.assign(size_t(std::max(a.fixed_size, 1)), one);
        v.tag = Tag::FloatList;
        v.list = {list.data(), list.size()};
        return true;
      }
      auto& list = frame.doubles();
      for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i)
        if (!unpack_double(PySequence_Fast_GET_ITEM(o, i), list.emplace_back())) return false;
      v.tag = Tag::FloatList;
      v.list = {list.data(), list.size()};
      return true;
    }
    case Tag::Bool:
      v.tag = Tag::Bool;
      if (PyBool_Check(o)) {
        v.b = o == Py_True;
        return true;
      }
      if (std::strncmp(Py_TYPE(o)->tp_name, "numpy.bool", 10) == 0) {
        v.b = PyObject_IsTrue(o) == 1;
        return true;
      }
      return false;
    case Tag::Scalar:
      v.tag = Tag::Scalar;
      if (is_tensor(o)) {
        const Tensor& t = tensor_of(o);
        if (t.dim() != 0 || t.is_meta() || t.requires_grad() || t.impl()->transform) return false;
        v.scalar = frame.keep(t.item());
        return true;
      }
      if (!is_number(o)) return false;
      v.scalar = frame.keep(scalar_of(o));
      return true;
    case Tag::String: {
      if (!PyUnicode_Check(o)) return false;
      Py_ssize_t n;
      const char* text = PyUnicode_AsUTF8AndSize(o, &n);
      if (!text) throw PythonError();
      v.tag = Tag::String;
      v.list = {text, size_t(n)};
      return true;
    }
    case Tag::DType:
      v.tag = Tag::DType;
      if (is_dtype(o)) v.dtype = dtype_of_object(o);
      else if (o == reinterpret_cast<PyObject*>(&PyFloat_Type)) v.dtype = DType::Float64;
      else if (o == reinterpret_cast<PyObject*>(&PyBool_Type)) v.dtype = DType::Bool;
      else if (o == reinterpret_cast<PyObject*>(&PyLong_Type)) v.dtype = DType::Int64;
      else if (o == reinterpret_cast<PyObject*>(&PyComplex_Type)) v.dtype = DType::Complex128;
      else return false;
      return true;
    case Tag::Device:
      if (!is_device(o) && !PyUnicode_Check(o) && !PyLong_Check(o)) return false;
      v.tag = Tag::Device;
      v.device = tensor_device_of(o);
      return true;
    case Tag::Layout:
      if (!is_layout(o)) return false;
      v.tag = Tag::Layout;
      v.layout = layout_of_object(o);
      return true;
    case Tag::MemoryFormat:
      if (!is_memory_format(o)) return false;
      v.tag = Tag::MemoryFormat;
      v.format = memory_format_of_object(o);
      return true;
    case Tag::Generator:
      if (std::strcmp(Py_TYPE(o)->tp_name, "torch.Generator") != 0) return false;
      v.tag = Tag::Generator;
      v.generator = *reinterpret_cast<Generator**>(reinterpret_cast<char*>(o) + sizeof(PyObject));
      return true;
    default: return false;
  }
}

// ---------------------------------------------------------------- whole calls
namespace {

const char* numpy_word(std::string_view name) {
  if (name == "dim") return "axis";
  if (name == "keepdim") return "keepdims";
  if (name == "self" || name == "input") return "x";
  if (name == "other") return "x2";
  return nullptr;
}

const char* option_names[] = {"dtype", "layout", "device", "pin_memory", "requires_grad", "names"};
PyObject* interned_options[6];
PyObject* interned_out;

int find_keyword(PyObject* kwnames, PyObject* name) {
  if (!kwnames) return -1;
  Py_ssize_t n = PyTuple_GET_SIZE(kwnames);
  for (Py_ssize_t i = 0; i < n; ++i)
    if (PyTuple_GET_ITEM(kwnames, i) == name) return int(i);
  for (Py_ssize_t i = 0; i < n; ++i)
    if (PyUnicode_Compare(PyTuple_GET_ITEM(kwnames, i), name) == 0) return int(i);
  return -1;
}
int find_word(PyObject* kwnames, const char* word) {
  if (!kwnames || !word) return -1;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(kwnames); ++i)
    if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(kwnames, i), word) == 0) return int(i);
  return -1;
}

bool unpack_options(PyObject* const* kwvalues, PyObject* kwnames, Frame& frame, uint64_t& used, std::string* error, std::string_view fname) {
  TensorOptions& options = frame.options;
  options.device.reset();
  Device d = default_device();
  if (!d.is_cpu()) options.device = d;
  for (int k = 0; k < 6; ++k) {
    int at = find_keyword(kwnames, interned_options[k]);
    if (at < 0) continue;
    used |= uint64_t(1) << at;
    PyObject* o = kwvalues[at];
    if (o == Py_None) continue;
    Argument a;
    a.tag = k == 0 ? Tag::DType : k == 1 ? Tag::Layout : k == 2 ? Tag::Device : Tag::Bool;
    Value v;
    if (k == 5 || !unpack(o, a, v, frame)) {
      static const char* expected[] = {"torch.dtype", "torch.layout", "torch.device", "bool", "bool", "None"};
      if (error) *error = str(fname, "(): argument '", option_names[k], "' must be ", expected[k], ", not ", type_name(o));
      return false;
    }
    if (k == 0) options.dtype = v.dtype;
    if (k == 1) {
      options.layout = v.layout;
    }
    if (k == 2) options.device = v.device;
    if (k == 3) options.pin_memory = v.b;
    if (k == 4) options.requires_grad = v.b;
  }
  return true;
}

std::string expected_type(const Argument& a) {
  switch (a.tag) {
    case Tag::Tensor: return "Tensor";
    case Tag::TensorList: return "tuple of Tensors";
    case Tag::Int: return "int";
    case Tag::IntList: return "tuple of ints";
    case Tag::Float: return "float";
    case Tag::FloatList: return "tuple of floats";
    case Tag::Bool: return "bool";
    case Tag::Scalar: return "Number";
    case Tag::String: return "str";
    case Tag::DType: return "torch.dtype";
    case Tag::Device: return "torch.device";
    case Tag::Layout: return "torch.layout";
    case Tag::MemoryFormat: return "torch.memory_format";
    case Tag::Generator: return "torch.Generator";
    default: return "options";
  }
}

}  // namespace

Overload::Overload(const OpBase& o, bool is_method) : op(&o), schema(&o.schema()), method(is_method) {
  if (!interned_out) {
    interned_out = PyUnicode_InternFromString("out");
    for (int i = 0; i < 6; ++i) interned_options[i] = PyUnicode_InternFromString(option_names[i]);
  }
  size_t first = 0;
  for (size_t i = 0; i < schema->arguments.size(); ++i) {
    const Argument& a = schema->arguments[i];
    std::string n(a.name);
    if (n == "self" && !method) n = "input";
    names.push_back(PyUnicode_InternFromString(n.c_str()));
    other_names.push_back(numpy_word(a.name));
    if (a.tag == Tag::Options) options_at = int(i);
  }
  if (!schema->arguments.empty() && schema->arguments[0].name == "self") first = 1;
  varargs_ints = schema->positional == first + 1 && schema->arguments[first].tag == Tag::IntList;
  varargs_tensors = schema->positional == 1 && schema->arguments[0].tag == Tag::TensorList;
  has_out = o.in & kOut;
}

std::string type_name(PyObject* o) {
  if (is_tensor(o)) return Py_TYPE(o) == parameter_type ? "Parameter" : "Tensor";
  if (PyTuple_Check(o) || PyList_Check(o)) {
    std::string kind = PyTuple_Check(o) ? "tuple" : "list";
    if (PySequence_Fast_GET_SIZE(o) == 0) return kind;
    bool same = true;
    PyObject* first = PySequence_Fast_GET_ITEM(o, 0);
    for (Py_ssize_t i = 1; i < PySequence_Fast_GET_SIZE(o); ++i) same = same && Py_TYPE(PySequence_Fast_GET_ITEM(o, i)) == Py_TYPE(first);
    if (same) return kind + " of " + type_name(first) + (PySequence_Fast_GET_SIZE(o) > 1 ? "s" : "");
    return kind;
  }
  return Py_TYPE(o)->tp_name;
}

bool unpack_call(const Overload& o, PyObject* const* args, size_t nargs, PyObject* kwnames, Frame& frame, PyObject** out, std::string* error) {
  const Schema& s = *o.schema;
  PyObject* const* kwvalues = args + nargs;
  size_t nkw = kwnames ? size_t(PyTuple_GET_SIZE(kwnames)) : 0, taken = 0;
  uint64_t used = 0;
  *out = nullptr;
  auto no = [&](auto&&... parts) {
    if (error) *error = str(parts...);
    return false;
  };
  size_t shown_offset = o.method ? 1 : 0;
  size_t n = s.arguments.size();
  for (size_t i = 0; i < n; ++i) {
    const Argument& a = s.arguments[i];
    Value& v = frame.values[i];
    PyObject* object = nullptr;
    bool by_position = false;
    if (!a.keyword_only && taken < nargs) {
      object = args[taken++];
      by_position = true;
      if (o.varargs_ints && a.tag == Tag::IntList && !PyTuple_Check(object) && !PyList_Check(object) && (nargs > taken || !a.optional || object != Py_None)) {
        // view(2, 3): the rest of the positional arguments are the list
        size_t count = nargs - taken + 1;
        int64_t* ints = frame.ints(count);
        for (size_t k = 0; k < count; ++k)
          if (PyBool_Check(args[taken - 1 + k]) || !unpack_int(args[taken - 1 + k], ints[k]))
            return no(s.name, "(): argument '", a.name, "' (position ", taken - shown_offset, ") must be tuple of ints, ",
                      k == 0 ? "not " : str("but found element of type ", type_name(args[taken - 1 + k]), " at pos ", k), k == 0 ? type_name(object) : "");
        taken = nargs;
        if (count == 1 && a.fixed_size > 1) return no("unreachable");
        v.tag = Tag::IntList;
        v.list = {ints, count};
        continue;
      }
      if (o.varargs_tensors && a.tag == Tag::TensorList && is_tensor(object)) {
        std::vector<Tensor>& list = frame.tensors();
        for (size_t k = taken - 1; k < nargs; ++k) {
          if (!is_tensor(args[k])) return no(s.name, "(): argument '", a.name, "' must be tuple of Tensors, but found element of type ", type_name(args[k]), " at pos ", k);
          list.push_back(tensor_of(args[k]));
        }
        taken = nargs;
        v.tag = Tag::TensorList;
        v.list = {list.data(), list.size()};
        continue;
      }
    } else if (nkw) {
      if (a.tag == Tag::Options) {
        if (!unpack_options(kwvalues, kwnames, frame, used, error, s.name)) return false;
        v.tag = Tag::Options;
        v.options = &frame.options;
        continue;
      }
      int at = find_keyword(kwnames, o.names[i]);
      if (at < 0) at = find_word(kwnames, o.other_names[i]);
      if (at < 0 && i == 0 && !o.method && a.name == "self") at = find_word(kwnames, "self");
      if (at >= 0) {
        used |= uint64_t(1) << at;
        object = kwvalues[at];
      }
    } else if (a.tag == Tag::Options) {
      frame.options = {};
      Device d = default_device();
      if (!d.is_cpu()) frame.options.device = d;
      v.tag = Tag::Options;
      v.options = &frame.options;
      continue;
    }
    if (!object) {
      if (!a.has_default) {
        if (!error) return false;
        std::string missing;
        int count = 0;
        for (size_t k = i; k < n; ++k)
          if (!s.arguments[k].has_default && !s.arguments[k].keyword_only && (!kwnames || find_keyword(kwnames, o.names[k]) < 0)) {
            missing += str(count++ ? ", \"" : "\"", PyUnicode_AsUTF8(o.names[k]), "\"");
          }
        return no(s.name, "() missing ", count, " required positional arguments: ", missing);
      }
      v = a.default_value;
      continue;
    }
    if (!unpack(object, a, v, frame)) {
      if (!error) return false;
      std::string place = by_position ? str(" (position ", taken - shown_offset, ")") : "";
      if ((a.tag == Tag::IntList || a.tag == Tag::TensorList) && (PyTuple_Check(object) || PyList_Check(object)))
        for (Py_ssize_t k = 0; k < PySequence_Fast_GET_SIZE(object); ++k) {
          PyObject* item = PySequence_Fast_GET_ITEM(object, k);
          int64_t ignored;
          bool fits = a.tag == Tag::TensorList ? is_tensor(item) : !PyBool_Check(item) && unpack_int(item, ignored);
          if (!fits) return no(s.name, "(): argument '", PyUnicode_AsUTF8(o.names[i]), "'", place, " must be ", expected_type(a), ", but found element of type ", type_name(item), " at pos ", k);
        }
      return no(s.name, "(): argument '", PyUnicode_AsUTF8(o.names[i]), "'", place, " must be ", expected_type(a), ", not ", type_name(object));
    }
  }
  if (taken < nargs)
    return no(s.name, "() takes ", s.positional - shown_offset, " positional argument", s.positional - shown_offset == 1 ? "" : "s", " but ", nargs - shown_offset,
              nargs - shown_offset == 1 ? " was given" : " were given");
  if (nkw) {
    int at = find_keyword(kwnames, interned_out);
    if (at >= 0 && o.has_out && !(used >> at & 1)) {
      used |= uint64_t(1) << at;
      if (kwvalues[at] != Py_None) *out = kwvalues[at];
    }
    for (size_t k = 0; k < nkw; ++k)
      if (!(used >> k & 1)) return no(s.name, "() got an unexpected keyword argument '", PyUnicode_AsUTF8(PyTuple_GET_ITEM(kwnames, k)), "'");
  }
  return true;
}

// ---------------------------------------------------------------- results
PyObject* wrap_result(const OpBase& op, Result& r) {
  switch (r.kind) {
    case Result::Kind::None: Py_RETURN_NONE;
    case Result::Kind::Tensor: return wrap(std::move(r.tensors[0]));
    case Result::Kind::Tuple: {
      size_t n = r.tensors.size();
      const Schema& s = op.schema();
      if (s.return_names.size() == n && (op.in & (kFunction | kMethod))) {
        Ref tuple(check(PyStructSequence_New(named_tuple_type(op))));
        for (size_t i = 0; i < n; ++i) PyStructSequence_SET_ITEM(tuple.get(), Py_ssize_t(i), check(wrap(std::move(r.tensors[i]))));
        return tuple.release();
      }
      [[fallthrough]];
    }
    case Result::Kind::List: {
      // split, chunk and unbind return tuples
      Ref tuple(check(PyTuple_New(Py_ssize_t(r.tensors.size()))));
      for (size_t i = 0; i < r.tensors.size(); ++i) PyTuple_SET_ITEM(tuple.get(), Py_ssize_t(i), check(wrap(std::move(r.tensors[i]))));
      return tuple.release();
    }
    default: return wrap(r.scalar);
  }
}

PyObject* wrap_value(const Argument& a, const Value& v) {
  switch (v.tag) {
    case Tag::None: Py_RETURN_NONE;
    case Tag::Tensor:
      if (a.accepts_number && v.tensor->is_wrapped_number()) return wrap(v.tensor->item());
      return wrap(*v.tensor);
    case Tag::TensorList: {
      Ref list(check(PyList_New(Py_ssize_t(v.list.size))));
      auto ts = v.view<Tensor>();
      for (size_t i = 0; i < ts.size(); ++i) PyList_SET_ITEM(list.get(), Py_ssize_t(i), check(wrap(ts[i])));
      return list.release();
    }
    case Tag::Int: return PyLong_FromLongLong(v.i);
    case Tag::IntList: {
      Ref list(check(PyList_New(Py_ssize_t(v.list.size))));
      auto is = v.view<int64_t>();
      for (size_t i = 0; i < is.size(); ++i) PyList_SET_ITEM(list.get(), Py_ssize_t(i), check(PyLong_FromLongLong(is[i])));
      return list.release();
    }
    case Tag::Float: return PyFloat_FromDouble(v.d);
    case Tag::FloatList: {
      Ref list(check(PyList_New(Py_ssize_t(v.list.size))));
      auto ds = v.view<double>();
      for (size_t i = 0; i < ds.size(); ++i) PyList_SET_ITEM(list.get(), Py_ssize_t(i), check(PyFloat_FromDouble(ds[i])));
      return list.release();
    }
    case Tag::Bool: return PyBool_FromLong(v.b);
    case Tag::Scalar: return wrap(*v.scalar);
    case Tag::String: return PyUnicode_FromStringAndSize(static_cast<const char*>(v.list.data), Py_ssize_t(v.list.size));
    case Tag::DType: return wrap(v.dtype);
    case Tag::Device: return wrap(v.device);
    case Tag::Layout: return wrap(v.layout);
    case Tag::MemoryFormat: return wrap(v.format);
    default: Py_RETURN_NONE;
  }
}

}  // namespace kagari::python
