#include "op_function.h"

#include <structmember.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <string>

#include "kagari/op/schema.h"

namespace kagari::python {

thread_local int torch_function_modes = 0;

namespace {

PyTypeObject* function_type;

// Note [Releasing the GIL]: a switch costs about as much as an operator on a thousand elements; it pays for larger ones only.
constexpr int64_t release_gil_above = 1 << 15;

bool is_large(const OpBase& op, const Value* values) {
  const auto& arguments = op.schema().arguments;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (values[i].tag == Value::Tag::Tensor && values[i].tensor->defined() && values[i].tensor->numel() > release_gil_above) return true;
    if (values[i].tag == Value::Tag::TensorList)
      for (const Tensor& t : values[i].view<Tensor>())
        if (t.defined() && t.numel() > release_gil_above) return true;
  }
  return false;
}

/// An argument requires a gradient.
bool records(const OpBase& op, const Value* values) {
  const auto& arguments = op.schema().arguments;
  for (size_t i = 0; i < arguments.size(); ++i)
    if (values[i].tag == Value::Tag::Tensor && values[i].tensor->defined() && values[i].tensor->requires_grad()) return true;
  return false;
}

/// Operators that ask another tensor for its shape, dtype or device only.
bool takes_description_only(std::string_view name) {
  for (std::string_view n : {"copy", "copy_", "set_", "to", "result_type", "is_same_size", "broadcast_tensors", "constant_in"})
    if (name == n) return true;
  return name.ends_with("_as") || name.ends_with("_as_");
}
/// RuntimeError if one tensor has data and another one has none (meta): a kernel would read them. Numbers may join tensors without data;
/// one that comes first leaves its value behind, so that the result has no data either. True if the result has none.
bool check_devices(const OpBase& op, Frame& frame, bool in_place) {
  bool meta = false, data = false, numbers_join = op.traits & kElementwise || op.composed;
  const Tensor* first = nullptr;
  auto see = [&](const Tensor& t) {
    if (!t.defined()) return;
    if (!first) first = &t;
    if (t.is_meta()) meta = true;
    else if (t.dim() > 0 || !numbers_join) data = true;
  };
  const auto& arguments = op.schema().arguments;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (frame.values[i].tag == Value::Tag::Tensor) see(*frame.values[i].tensor);
    else if (frame.values[i].tag == Value::Tag::TensorList)
      for (const Tensor& t : frame.values[i].view<Tensor>()) see(t);
  }
  if (!meta) [[likely]] return false;
  if (op.traits & kReadsValues) fail(ErrorKind::NotImplemented, str(op.schema().name, "(): the shape of the result depends on values, which meta tensors do not have"));
  if (takes_description_only(op.schema().name)) return false;
  bool without_data = first->is_meta() || first->is_wrapped_number();
  if (data || (!without_data && in_place))
    fail(ErrorKind::Runtime, str(op.schema().name, "(): Expected all tensors to be on the same device, but found at least two devices, cpu and meta!"));
  for (size_t i = 0; i < arguments.size() && !without_data; ++i) {
    Value& v = frame.values[i];
    if (v.tag == Value::Tag::Tensor && v.tensor->defined() && !v.tensor->is_meta() && !v.tensor->is_wrapped_number()) v.tensor = frame.keep(empty_tensor({}, v.tensor->dtype(), Device{DeviceType::Meta}));
  }
  return true;
}

struct WithoutGil {
  PyThreadState* state = PyEval_SaveThread();
  ~WithoutGil() { PyEval_RestoreThread(state); }
};

PyObject* call_with_out(const OpBase& op, const Value* values, PyObject* out, bool meta) {
  SmallVector<Tensor, 4> given;
  bool many = PyTuple_Check(out) || PyList_Check(out);
  auto take = [&](PyObject* o) {
    KG_CHECK_TYPE(is_tensor(o), op.schema().name, "(): argument 'out' must be Tensor, not ", type_name(o));
    given.push_back(tensor_of(o));
    KG_CHECK(!meta || given.back().is_meta(), op.schema().name, "(): expected the out tensor on device meta, but it is on ", given.back().device());
  };
  if (many)
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(out); ++i) take(PySequence_Fast_GET_ITEM(out, i));
  else take(out);
  KG_CHECK_TYPE(!many || op.schema().returns.front() == '(' || op.schema().returns.ends_with(']'), op.schema().name, "(): argument 'out' must be Tensor, not tuple");
  Result r;
  op.boxed(op, values, {Dest::Kind::Out, given.data(), given.size()}, r);
  if (!many) return Py_NewRef(out);
  return wrap_result(op, r);
}

PyObject* invoke(const Overload& o, PyObject* const* args, Frame& frame, PyObject* out, bool inplace) {
  const OpBase& op = *o.op;
  bool meta = check_devices(op, frame, inplace);
  if (out) return call_with_out(op, frame.values, out, meta);
  if (inplace) {
    const Value& first = frame.values[0];
    KG_CHECK_TYPE(first.tag == Value::Tag::Tensor && first.tensor->defined() && !first.tensor->is_wrapped_number(), op.schema().name, "_(): argument 'input' (position 1) must be Tensor");
    Tensor self = *first.tensor;
    if (is_tensor(args[0]) && tensor_of(args[0]).is_same(self)) return call_unpacked(op, frame.values, {Dest::Kind::Inplace, &self, 1}, args[0]);
    Ref returned(wrap(self));  // passed by name
    return returned ? call_unpacked(op, frame.values, {Dest::Kind::Inplace, &self, 1}, returned.get()) : nullptr;
  }
  if (o.options_at >= 0) {
    Result r;
    op.boxed(op, frame.values, {}, r);
    if (frame.options.requires_grad)
      for (Tensor& t : r.tensors) {
        KG_CHECK(is_differentiable(t.dtype()), "Only Tensors of floating point and complex dtype can require gradients");
        set_requires_grad(t, true);
      }
    return wrap_result(op, r);
  }
  return call_unpacked(op, frame.values, {}, nullptr);
}

std::string signature_text(const Overload& o) {
  std::string out = " * (";
  bool star = false, first = true;
  for (size_t i = 0; i < o.schema->arguments.size(); ++i) {
    const Argument& a = o.schema->arguments[i];
    if (o.method && i == 0) continue;
    if (!first) out += ", ";
    if (a.keyword_only && !star) {
      out += "*, ";
      star = true;
    }
    first = false;
    if (a.tag == Value::Tag::Options) out += "torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False";
    else {
      std::string type = a.tag == Value::Tag::Tensor ? "Tensor" : a.tag == Value::Tag::TensorList ? "tuple of Tensors" : a.tag == Value::Tag::IntList ? "tuple of ints"
                         : a.tag == Value::Tag::Scalar ? "Number" : a.tag == Value::Tag::DType ? "torch.dtype" : std::string(a.type.substr(0, a.type.find('?')));
      out += type + " " + PyUnicode_AsUTF8(o.names[i]);
      if (a.has_default) out += " = " + std::string(a.default_text);
    }
  }
  return out + ")\n";
}

[[noreturn]] void fail_call(FunctionObject* f, PyObject* const* args, size_t nargs, PyObject* kwnames, Frame& frame) {
  PyObject* out;
  if (f->overloads->size() == 1) {
    std::string error;
    unpack_call((*f->overloads)[0], args, nargs, kwnames, frame, &out, &error);
    fail(ErrorKind::Type, error.empty() ? str(f->name, "(): the arguments do not fit") : error);
  }
  std::string got;
  for (size_t i = f->method ? 1 : 0; i < nargs; ++i) got += (got.empty() ? "" : ", ") + type_name(args[i]);
  for (Py_ssize_t i = 0; kwnames && i < PyTuple_GET_SIZE(kwnames); ++i)
    got += str(got.empty() ? "" : ", ", PyUnicode_AsUTF8(PyTuple_GET_ITEM(kwnames, i)), "=", type_name(args[nargs + size_t(i)]));
  std::string text = str(f->name, "() received an invalid combination of arguments - got (", got, "), but expected one of:\n");
  for (const Overload& o : *f->overloads) text += signature_text(o);
  fail(ErrorKind::Type, text);
}

/// Calls that PyTorch keeps from older versions: factors stand among the tensors, x.add_(2, y), addmm(beta, x, alpha, a, b). Null if this is none.
PyObject* older_call(FunctionObject* f, PyObject* const* args, size_t nargs, PyObject* kwnames, Frame& frame) {
  static constexpr std::string_view names[] = {"add", "sub", "addcmul", "addcdiv", "addmm", "addmv", "addr", "baddbmm", "addbmm"};
  if (std::find(std::begin(names), std::end(names), f->overloads->front().schema->name) == std::end(names)) return nullptr;
  std::vector<PyObject*> tensors, numbers, factors;
  for (size_t i = 0; i < nargs; ++i) (PyFloat_Check(args[i]) || PyLong_Check(args[i]) || PyComplex_Check(args[i]) ? numbers : tensors).push_back(args[i]);
  for (const Overload& o : *f->overloads) {
    factors.clear();
    for (size_t i = o.schema->positional; i < o.schema->arguments.size(); ++i)
      if (o.schema->arguments[i].tag == Value::Tag::Scalar) factors.push_back(o.names[i]);
    if (numbers.empty() || numbers.size() > factors.size() || tensors.size() != o.schema->positional) continue;
    std::vector<PyObject*> all(tensors);
    all.insert(all.end(), numbers.begin(), numbers.end());
    const Py_ssize_t given = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    for (Py_ssize_t i = 0; i < given; ++i) all.push_back(args[nargs + size_t(i)]);
    Ref keywords = own(PyTuple_New(Py_ssize_t(numbers.size()) + given));
    for (size_t i = 0; i < numbers.size(); ++i) PyTuple_SET_ITEM(keywords.get(), Py_ssize_t(i), Py_NewRef(factors[i]));
    for (Py_ssize_t i = 0; i < given; ++i) PyTuple_SET_ITEM(keywords.get(), Py_ssize_t(numbers.size()) + i, Py_NewRef(PyTuple_GET_ITEM(kwnames, i)));
    PyObject* out;
    if (!unpack_call(o, all.data(), tensors.size(), keywords.get(), frame, &out, nullptr)) {
      frame.reset();
      continue;
    }
    static bool warned = false;
    if (!std::exchange(warned, true) &&
        PyErr_WarnFormat(PyExc_UserWarning, 1, "This overload of %s is deprecated:\n\t%s(..., number, ...)\nConsider using one that takes the number by keyword instead", f->name, f->name) < 0)
      throw PythonError();
    return invoke(o, all.data(), frame, out, f->inplace);
  }
  return nullptr;
}

PyObject* function_call(PyObject* callable, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    auto* f = reinterpret_cast<FunctionObject*>(callable);
    size_t nargs = size_t(PyVectorcall_NARGS(nargsf));
    PyObject* handled;
    if (torch_function_handled(callable, args, nargs, kwnames, &handled)) return handled;
    if (f->method) {
      if (nargs == 0) {
        PyErr_Format(PyExc_TypeError, "unbound method Tensor.%s() needs an argument", f->name);
        return nullptr;
      }
      if (!is_tensor(args[0])) {
        PyErr_Format(PyExc_TypeError, "descriptor '%s' for 'torch._C.TensorBase' objects doesn't apply to a '%s' object", f->name, Py_TYPE(args[0])->tp_name);
        return nullptr;
      }
    }
    Frame frame;
    PyObject* out;
    for (const Overload& o : *f->overloads) {
      if (unpack_call(o, args, nargs, kwnames, frame, &out, nullptr)) return invoke(o, args, frame, out, f->inplace);
      if (f->overloads->size() > 1) frame.reset();
    }
    frame.reset();
    if (PyObject* result = older_call(f, args, nargs, kwnames, frame)) return result;
    fail_call(f, args, nargs, kwnames, frame);
  });
}

PyObject* function_get(PyObject* self, PyObject* instance, PyObject*) {
  auto* f = reinterpret_cast<FunctionObject*>(self);
  if (!instance || instance == Py_None || !f->method) return Py_NewRef(self);
  return PyMethod_New(self, instance);
}
PyObject* function_repr(PyObject* self) {
  auto* f = reinterpret_cast<FunctionObject*>(self);
  return f->method ? PyUnicode_FromFormat("<method '%s' of 'torch._C.TensorBase' objects>", f->name) : PyUnicode_FromFormat("<built-in method %s of type object>", f->name);
}
PyObject* function_name(PyObject* self, void*) { return PyUnicode_FromString(reinterpret_cast<FunctionObject*>(self)->name); }
PyObject* function_qualname(PyObject* self, void*) { return PyUnicode_FromString(reinterpret_cast<FunctionObject*>(self)->qualname); }
PyObject* function_doc(PyObject* self, void*) {
  auto* f = reinterpret_cast<FunctionObject*>(self);
  std::string text;
  for (const Overload& o : *f->overloads) text += str(o.schema->text, "\n");
  text += str("\n", (*f->overloads)[0].op->doc);
  return PyUnicode_FromString(text.c_str());
}
PyObject* function_schemas(PyObject* self, void*) {
  auto* f = reinterpret_cast<FunctionObject*>(self);
  Ref list(PyList_New(0));
  if (!list) return nullptr;
  for (const Overload& o : *f->overloads) {
    Ref text(PyUnicode_FromStringAndSize(o.schema->text.data(), Py_ssize_t(o.schema->text.size())));
    if (!text || PyList_Append(list.get(), text.get()) < 0) return nullptr;
  }
  return list.release();
}
PyObject* function_elementwise(PyObject* self, void*) {
  bool all = true;
  for (const Overload& o : *reinterpret_cast<FunctionObject*>(self)->overloads) all = all && (o.op->traits & kElementwise);
  return PyBool_FromLong(all);
}
PyObject* function_module(PyObject* self, void*) {
  const char* q = reinterpret_cast<FunctionObject*>(self)->qualname;
  const char* dot = std::strrchr(q, '.');
  if (!dot || std::strncmp(q, "Tensor.", 7) == 0) return PyUnicode_FromString("torch");
  return PyUnicode_FromFormat("torch.%U", Ref(PyUnicode_FromStringAndSize(q, dot - q)).get());
}
PyObject* function_reduce(PyObject* self, PyObject*) {
  Ref find(PyImport_ImportModule("kagari._C"));
  if (!find) return nullptr;
  Ref f(PyObject_GetAttrString(find.get(), "_function_by_name"));
  if (!f) return nullptr;
  return Py_BuildValue("O(s)", f.get(), reinterpret_cast<FunctionObject*>(self)->qualname);
}
/// As functions of Python have it: {name: default} of the keyword-only arguments, None without any.
PyObject* function_keyword_defaults(PyObject* o, void*) {
  Ref defaults(PyDict_New());
  if (!defaults) return nullptr;
  for (const Overload& overload : *reinterpret_cast<FunctionObject*>(o)->overloads)
    for (const Argument& argument : overload.schema->arguments)
      if (argument.keyword_only && PyDict_SetItemString(defaults.get(), std::string(argument.name).c_str(), Py_None) < 0) return nullptr;
  if (PyDict_GET_SIZE(defaults.get()) == 0) Py_RETURN_NONE;
  return defaults.release();
}
PyGetSetDef function_getset[] = {{"__kwdefaults__", function_keyword_defaults, nullptr, nullptr, nullptr}, {"__name__", function_name, nullptr, nullptr, nullptr}, {"__qualname__", function_qualname, nullptr, nullptr, nullptr},
                                 {"__doc__", function_doc, nullptr, nullptr, nullptr}, {"__module__", function_module, nullptr, nullptr, nullptr},
                                 {"schemas", function_schemas, nullptr, "The schemas of all overloads.", nullptr},
                                 {"elementwise", function_elementwise, nullptr, "Whether an element of the result depends on one element of each argument.", nullptr}, {}};
PyMethodDef function_methods[] = {{"__reduce__", function_reduce, METH_NOARGS, nullptr}, {}};
PyMemberDef function_members[] = {{"__vectorcalloffset__", T_PYSSIZET, offsetof(FunctionObject, vectorcall), READONLY, nullptr},
                                  {"__dictoffset__", T_PYSSIZET, offsetof(FunctionObject, dict), READONLY, nullptr}, {}};

std::map<std::string, PyObject*>& all_functions() {
  static std::map<std::string, PyObject*> all;
  return all;
}

/// A property of Tensor that is an operator without arguments (T, real, ...).
struct PropertyObject {
  PyObject_HEAD
  PyObject* function;
};
PyTypeObject* property_type;
PyObject* property_get(PyObject* self, PyObject* instance, PyObject*) {
  if (!instance || instance == Py_None) return Py_NewRef(self);
  return PyObject_CallOneArg(reinterpret_cast<PropertyObject*>(self)->function, instance);
}
int property_set(PyObject* self, PyObject* instance, PyObject* value) {
  // x.real = y writes into the view
  if (!value) {
    PyErr_SetString(PyExc_AttributeError, "cannot delete this attribute");
    return -1;
  }
  Ref view(PyObject_CallOneArg(reinterpret_cast<PropertyObject*>(self)->function, instance));
  if (!view) return -1;
  Ref done(PyObject_CallMethod(view.get(), "copy_", "O", value));
  return done ? 0 : -1;
}
PyObject* property_name(PyObject* self, void*) { return function_name(reinterpret_cast<PropertyObject*>(self)->function, nullptr); }
PyGetSetDef property_getset[] = {{"__name__", property_name, nullptr, nullptr, nullptr}, {}};

PyObject* new_function(const std::string& name, const std::string& qualname, const std::vector<const OpBase*>& ops, bool method, bool inplace) {
  auto* f = PyObject_New(FunctionObject, function_type);
  if (!f) return nullptr;
  f->vectorcall = function_call;
  f->name = (new std::string(name))->c_str();
  f->qualname = (new std::string(qualname))->c_str();
  f->overloads = new std::vector<Overload>;
  for (const OpBase* op : ops) f->overloads->emplace_back(*op, method);
  f->dict = nullptr;
  f->inplace = inplace;
  f->method = method;
  return reinterpret_cast<PyObject*>(f);
}
PyObject* make_function(const std::string& name, const std::string& qualname, const std::vector<const OpBase*>& ops, bool method, bool inplace) {
  PyObject* o = new_function(name, qualname, ops, method, inplace);
  if (o) all_functions()[qualname] = Py_NewRef(o);
  return o;
}

/// One operator alone, whatever others have its name.
PyObject* operator_of_schema(PyObject*, PyObject* args) {
  const char* text;
  int inplace;
  if (!PyArg_ParseTuple(args, "sp", &text, &inplace)) return nullptr;
  static std::map<std::pair<const OpBase*, bool>, PyObject*> known;
  for (const OpBase* op = first_op(); op; op = op->next) {
    if (op->schema().text != text) continue;
    PyObject*& f = known[{op, inplace != 0}];
    if (!f) {
      std::string name(op->schema().name);
      if (inplace && name.back() != '_') name += '_';
      f = new_function(name, "ops." + name, {op}, false, inplace != 0);
    }
    return Py_XNewRef(f);
  }
  PyErr_Format(PyExc_AttributeError, "there is no operator %s", text);
  return nullptr;
}

PyObject* function_by_name(PyObject*, PyObject* arg) {
  const char* text = PyUnicode_AsUTF8(arg);
  if (!text) return nullptr;
  auto at = all_functions().find(text);
  if (at != all_functions().end()) return Py_NewRef(at->second);
  PyErr_Format(PyExc_AttributeError, "there is no operator %s", text);
  return nullptr;
}
PyObject* operator_names(PyObject*, PyObject*) {
  Ref list(PyList_New(0));
  for (auto& [n, f] : all_functions()) {
    Ref text(PyUnicode_FromString(n.c_str()));
    if (PyList_Append(list.get(), text.get()) < 0) return nullptr;
  }
  return list.release();
}
PyMethodDef functions[] = {{"_function_by_name", function_by_name, METH_O, "The operator with this qualified name, e.g. 'Tensor.add_' or 'linalg.norm'."},
                           {"_operator_of_schema", operator_of_schema, METH_VARARGS, "_operator_of_schema(text, inplace): the operator with this schema, without its overloads."},
                           {"_operator_names", operator_names, METH_NOARGS, "The qualified names of all operators."}, {}};

}  // namespace

PyObject* call_unpacked(const OpBase& op, const Value* values, const Dest& dest, PyObject* returned) {
  // The operators of a composition keep self for their gradients, and the last step overwrites it: they are given a copy with its history.
  if (dest.kind == Dest::Kind::Inplace && op.composed && grad_enabled() && !op.schema().name.ends_with('_') && records(op, values)) {
    check_inplace(dest.tensors[0], true);
    Tensor before = detail::keep_before_overwrite(dest.tensors[0]);
    SmallVector<Value, 8> shielded(values, values + op.schema().arguments.size());
    shielded[0].tensor = &before;
    Result r;
    op.boxed(op, shielded.data(), dest, r);
    return Py_NewRef(returned);
  }
  Result r;
  if (is_large(op, values)) {
    WithoutGil released;
    op.boxed(op, values, dest, r);
  } else {
    op.boxed(op, values, dest, r);
  }
  if (dest.kind == Dest::Kind::Inplace) return Py_NewRef(returned);
  return wrap_result(op, r);
}

namespace {
bool fill_binary(const OpBase& op, PyObject* a, PyObject* b, Frame& frame) {
  const auto& arguments = op.schema().arguments;
  if (arguments.size() < 2) return false;
  auto one = [&](PyObject* o, const Argument& arg, Value& v) {
    if (is_tensor(o)) {
      if (arg.tag != Value::Tag::Tensor) return unpack(o, arg, v, frame);
      v.tag = Value::Tag::Tensor;
      v.tensor = &tensor_of(o);
      return true;
    }
    if (!is_number(o)) return false;
    if (arg.tag != Value::Tag::Tensor) return unpack(o, arg, v, frame);
    v.tag = Value::Tag::Tensor;
    v.tensor = frame.keep(wrapped_number(scalar_of(o)));
    return true;
  };
  if (!one(a, arguments[0], frame.values[0]) || !one(b, arguments[1], frame.values[1])) return false;
  for (size_t i = 2; i < arguments.size(); ++i) frame.values[i] = arguments[i].default_value;
  return true;
}
}  // namespace

namespace {
/// What a handler of `number op tensor` is told: Tensor.__radd__ and the like, which take the tensor first.
PyObject* reflected(const FunctionObject* f) {
  static constexpr std::pair<std::string_view, const char*> names[] = {
      {"add", "__radd__"}, {"sub", "__rsub__"}, {"mul", "__rmul__"}, {"div", "__rtruediv__"}, {"pow", "__rpow__"}, {"floor_divide", "__rfloordiv__"},
      {"remainder", "__rmod__"}, {"matmul", "__rmatmul__"}, {"bitwise_and", "__rand__"}, {"bitwise_or", "__ror__"}, {"bitwise_xor", "__rxor__"},
      {"bitwise_left_shift", "__rlshift__"}, {"bitwise_right_shift", "__rrshift__"}};
  for (auto [name, attribute] : names)
    if (name == f->name) return PyObject_GetAttrString(reinterpret_cast<PyObject*>(tensor_type), attribute);
  return nullptr;
}
}  // namespace

PyObject* call_binary_slot(FunctionObject* f, PyObject* a, PyObject* b) {
  return guarded([&]() -> PyObject* {
    PyObject* args[] = {a, b};
    PyObject* handled;
    if (!is_tensor(a)) [[unlikely]] {
      PyObject* swapped[] = {b, a};
      Ref function(reflected(f));
      if (!function) PyErr_Clear();
      if (torch_function_handled(function ? function.get() : reinterpret_cast<PyObject*>(f), function ? swapped : args, 2, nullptr, &handled)) return handled;
    } else if (torch_function_handled(reinterpret_cast<PyObject*>(f), args, 2, nullptr, &handled)) {
      return handled;
    }
    Frame frame;
    for (const Overload& o : *f->overloads) {
      if (fill_binary(*o.op, a, b, frame)) {
        check_devices(*o.op, frame, false);
        return call_unpacked(*o.op, frame.values, {}, nullptr);
      }
      frame.reset();
    }
    Py_RETURN_NOTIMPLEMENTED;
  });
}

PyObject* call_inplace_slot(FunctionObject* f, PyObject* a, PyObject* b) {
  return guarded([&]() -> PyObject* {
    PyObject* args[] = {a, b};
    PyObject* handled;
    if (torch_function_handled(reinterpret_cast<PyObject*>(f), args, 2, nullptr, &handled)) return handled;
    Frame frame;
    for (const Overload& o : *f->overloads) {
      if (fill_binary(*o.op, a, b, frame)) {
        check_devices(*o.op, frame, true);
        Tensor self = tensor_of(a);
        return call_unpacked(*o.op, frame.values, {Dest::Kind::Inplace, &self, 1}, a);
      }
      frame.reset();
    }
    Py_RETURN_NOTIMPLEMENTED;
  });
}

PyObject* method_of_tensor(const char* name) {
  auto at = all_functions().find(std::string("Tensor.") + name);
  return at == all_functions().end() ? nullptr : at->second;
}

namespace {

/// Names of one operator: its own and the aliases.
std::vector<std::string> names_of(const OpBase& op) {
  std::vector<std::string> out{std::string(op.schema().name)};
  std::string_view rest = op.aliases;
  while (!rest.empty()) {
    std::string_view one = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    if (!one.empty()) out.emplace_back(one);
  }
  return out;
}

struct Space {
  std::map<std::string, std::vector<const OpBase*>> ops;
};

}  // namespace

bool add_operators(PyObject* module) {
  PyType_Slot slots[] = {{Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)}, {Py_tp_descr_get, reinterpret_cast<void*>(function_get)},
                         {Py_tp_repr, reinterpret_cast<void*>(function_repr)}, {Py_tp_getset, function_getset}, {Py_tp_members, function_members},
                         {Py_tp_methods, function_methods}, {Py_tp_getattro, reinterpret_cast<void*>(PyObject_GenericGetAttr)}, {}};
  PyType_Spec spec{"torch._C.Operator", sizeof(FunctionObject), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  function_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  PyType_Slot property_slots[] = {{Py_tp_descr_get, reinterpret_cast<void*>(property_get)}, {Py_tp_descr_set, reinterpret_cast<void*>(property_set)},
                                  {Py_tp_getset, property_getset}, {}};
  PyType_Spec property_spec{"torch._C.OperatorProperty", sizeof(PropertyObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, property_slots};
  property_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&property_spec));
  if (!function_type || !property_type) return false;

  std::vector<const OpBase*> ops;
  for (const OpBase* op = first_op(); op; op = op->next) ops.push_back(op);
  std::reverse(ops.begin(), ops.end());  // overloads are tried in the order of their definition

  // where -> name -> overloads. "" is torch itself.
  std::map<std::string, Space> spaces;
  std::map<std::string, std::vector<const OpBase*>> methods, inplace, properties;
  static constexpr const char* submodules[] = {"linalg", "fft", "special"};
  for (const OpBase* op : ops)
    for (const std::string& name : names_of(*op)) {
      std::string space, local = name;
      for (const char* sub : submodules)
        if (name.rfind(std::string(sub) + "_", 0) == 0) {
          space = sub;
          local = name.substr(space.size() + 1);
        }
      bool mutates = name.back() == '_' && !name.ends_with("__");
      if (op->in & kFunction) {
        spaces[space].ops[local].push_back(op);
        if (!space.empty()) spaces["_C"].ops[name].push_back(op);
      }
      if (op->in & kFunctional) spaces["nn.functional"].ops[local].push_back(op);
      if (op->in & kPrivate) spaces["_C"].ops[name].push_back(op);
      if (op->in & kMethod) (mutates ? inplace[name.substr(0, name.size() - 1)] : methods[name]).push_back(op);
      if (op->in & kInplace) inplace[name].push_back(op);
      if (op->in & kProperty) properties[name].push_back(op);
      spaces["ops"].ops[name].push_back(op);
    }

  for (auto& [space, content] : spaces) {
    Ref dict(PyDict_New());
    for (auto& [name, list] : content.ops) {
      std::string qualname = space.empty() ? name : space + "." + name;
      bool mutates = name.back() == '_' && !name.ends_with("__");
      Ref f(make_function(name, qualname, list, false, mutates));
      if (!f || PyDict_SetItemString(dict.get(), name.c_str(), f.get()) < 0) return false;
    }
    std::string attribute = "_space_" + (space.empty() ? std::string("torch") : space);
    std::replace(attribute.begin(), attribute.end(), '.', '_');
    if (PyModule_AddObjectRef(module, attribute.c_str(), dict.get()) < 0) return false;
  }
  // torch.relu_ is the in-place form as a function
  Ref torch_space(PyObject_GetAttrString(module, "_space_torch"));
  PyObject* type = reinterpret_cast<PyObject*>(tensor_type);
  auto put = [&](const std::string& name, PyObject* o) { return PyDict_SetItemString(tensor_type->tp_dict, name.c_str(), o) == 0; };
  for (auto& [name, list] : methods) {
    Ref f(make_function(name, "Tensor." + name, list, true, false));
    if (!f || !put(name, f.get())) return false;
  }
  for (auto& [name, list] : inplace) {
    Ref f(make_function(name + "_", "Tensor." + name + "_", list, true, true));
    if (!f || !put(name + "_", f.get())) return false;
    bool function = false;
    for (const OpBase* op : list) function = function || (op->in & kFunction);
    if (function && !PyDict_GetItemString(torch_space.get(), (name + "_").c_str())) {
      Ref g(make_function(name + "_", name + "_", list, false, true));
      if (!g || PyDict_SetItemString(torch_space.get(), (name + "_").c_str(), g.get()) < 0) return false;
    }
  }
  for (auto& [name, list] : properties) {
    auto* p = PyObject_New(PropertyObject, property_type);
    p->function = make_function(name, "Tensor." + name + ".__get__", list, true, false);
    Ref owned(reinterpret_cast<PyObject*>(p));
    if (!p->function || !put(name, owned.get())) return false;
  }
  PyType_Modified(reinterpret_cast<PyTypeObject*>(type));
  return PyModule_AddFunctions(module, functions) == 0;
}

}  // namespace kagari::python
