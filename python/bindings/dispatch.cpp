// __torch_dispatch__: classes and modes that take over operators below autograd.
#include "dispatch.h"

#include <algorithm>
#include <vector>

#include "arguments.h"
#include "keywords.h"
#include "kagari/tensor/sparse.h"
#include "kagari/autograd/special.h"
#include "kagari/autograd/variable.h"
#include "kagari/op/op.h"

// Note [Dispatch to Python]: an operator that nobody above autograd took is looked at here. If a mode is active, or an argument's class has a
// __torch_dispatch__, `to_python` takes the place of the kernel (op.h): arguments go to kagari._dispatch as Python objects, which picks the
// OpOverload, calls the handler and gives back its answer. While the handler of a mode works, that mode is off; autograd and autocast are off
// in every handler.

namespace kagari::python {

bool add_dispatch(PyObject* module);

namespace {

thread_local std::vector<Ref> stack;  // modes, innermost last
thread_local int disabled = 0;        // inside _DisableTorchDispatch
PyObject *protocol_name, *disabled_impl, *call_handler;

template <class F>
void each_tensor(const OpBase& op, const Value* args, F&& f) {
  size_t n = op.schema().arguments.size();
  for (size_t i = 0; i < n; ++i) {
    if (args[i].tag == Value::Tag::Tensor) f(*args[i].tensor);
    if (args[i].tag == Value::Tag::TensorList)
      for (const Tensor& t : args[i].view<Tensor>()) f(t);
  }
}

PyObject* object_of(const Tensor& t) { return static_cast<PyObject*>(t.impl()->object); }
bool answers(const Tensor& t) { return t.defined() && t.impl()->special && object_of(t) && dispatches(Py_TYPE(object_of(t))); }

bool same_value(const Value& a, const Value& b) {
  if (a.tag != b.tag) return false;
  switch (a.tag) {
    case Value::Tag::None: return true;
    case Value::Tag::Int: return a.i == b.i;
    case Value::Tag::Float: return a.d == b.d;
    case Value::Tag::Bool: return a.b == b.b;
    case Value::Tag::DType: return a.dtype == b.dtype;
    case Value::Tag::Layout: return a.layout == b.layout;
    case Value::Tag::MemoryFormat: return a.format == b.format;
    case Value::Tag::IntList: return a.view<int64_t>() == b.view<int64_t>();
    case Value::Tag::Scalar:
      return a.scalar->is_bool() == b.scalar->is_bool() && a.scalar->is_integral() == b.scalar->is_integral() && a.scalar->to_complex_value() == b.scalar->to_complex_value();
    case Value::Tag::String: return detail::Boxing<std::string_view>::get(a) == detail::Boxing<std::string_view>::get(b);
    default: return false;
  }
}

PyObject* options_object(const TensorOptions& o) {
  Ref dtype = o.dtype ? own(wrap(*o.dtype)) : Ref::share(Py_None), layout = o.layout ? own(wrap(*o.layout)) : Ref::share(Py_None);
  Ref device = o.device ? own(wrap(*o.device)) : Ref::share(Py_None);
  return check(PyTuple_Pack(4, dtype.get(), layout.get(), device.get(), o.pin_memory ? Py_True : Py_False));
}

PyObject* argument_object(const Argument& a, const Value& v) {
  if (v.tag == Value::Tag::Options) return options_object(*v.options);
  if (v.tag == Value::Tag::Generator) return generator_object(v.generator);
  if (v.tag == Value::Tag::Tensor && v.tensor->is_wrapped_number() && !v.tensor->is_meta()) return wrap(v.tensor->item());
  return wrap_value(a, v);
}

void take_tensor(const OpBase& op, PyObject* o, Result& out) {
  KG_CHECK_TYPE(o == Py_None || is_tensor(o), "Unable to cast Python instance of type ", Py_TYPE(o)->tp_name, " to a Tensor: what __torch_dispatch__ returned for ", op.schema().name);
  out.tensors.push_back(o == Py_None ? Tensor() : tensor_of(o));
}

void take_answer(const OpBase& op, PyObject* answer, const Dest& dest, Result& out) {
  std::string_view returns = op.schema().returns;
  if (dest.kind != Dest::Kind::Fresh) {
    for (size_t i = 0; i < dest.count; ++i) out.tensors.push_back(dest.tensors[i]);
    out.kind = dest.count == 1 ? Result::Kind::Tensor : Result::Kind::Tuple;
    return;
  }
  if (returns == "()") return;
  if (is_tensor(answer) || answer == Py_None) {
    out.kind = Result::Kind::Tensor;
    return take_tensor(op, answer, out);
  }
  if (PyTuple_Check(answer) || PyList_Check(answer)) {
    out.kind = Result::Kind::List;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(answer); ++i) take_tensor(op, PySequence_Fast_GET_ITEM(answer, i), out);
    if (returns.starts_with('(')) {
      size_t wanted = 1 + size_t(std::count(returns.begin(), returns.end(), ','));
      KG_CHECK(out.tensors.size() == wanted, op.schema().name, ": __torch_dispatch__ returned ", out.tensors.size(), " values where ", wanted, " are expected");
      out.kind = Result::Kind::Tuple;
    }
    return;
  }
  KG_CHECK_TYPE(is_number(answer) && !returns.starts_with("Tensor"), "Unable to cast Python instance of type ", Py_TYPE(answer)->tp_name, " to ", returns,
                ": what __torch_dispatch__ returned for ", op.schema().name);
  out.kind = Result::Kind::Scalar;
  out.scalar = scalar_of(answer);
}

/// Only what watches calls stays in the chain of modes.
struct FloorOnly {
  Mode* before = active_mode;
  FloorOnly() {
    while (active_mode && active_mode->rank != Mode::Rank::Floor) active_mode = active_mode->below;
  }
  ~FloorOnly() { active_mode = before; }
};

void to_python(const OpBase& op, const Value* args, Dest dest, Result& out) {
  WithGil gil;
  FloorOnly floor;
  const Schema& schema = op.schema();
  size_t n = schema.arguments.size();
  Ref values = own(PyTuple_New(Py_ssize_t(n))), standard = own(PyTuple_New(Py_ssize_t(n)));
  for (size_t i = 0; i < n; ++i) {
    const Argument& a = schema.arguments[i];
    PyTuple_SET_ITEM(values.get(), Py_ssize_t(i), check(argument_object(a, args[i])));
    PyTuple_SET_ITEM(standard.get(), Py_ssize_t(i), Py_NewRef(a.has_default && same_value(args[i], a.default_value) ? Py_True : Py_False));
  }
  Ref outs = Ref::share(Py_None);
  if (dest.kind != Dest::Kind::Fresh) {
    outs = own(PyTuple_New(Py_ssize_t(dest.count)));
    for (size_t i = 0; i < dest.count; ++i) PyTuple_SET_ITEM(outs.get(), Py_ssize_t(i), check(wrap(dest.tensors[i])));
  }
  Ref answering = own(PyList_New(0));
  auto collect = [&](const Tensor& t) {
    if (!answers(t)) return;
    Ref o = own(wrap(t));
    if (PyList_Append(answering.get(), o.get()) < 0) throw PythonError();
  };
  each_tensor(op, args, collect);
  for (size_t i = 0; i < dest.count; ++i) collect(dest.tensors[i]);

  if (!call_handler) {
    Ref module = own(PyImport_ImportModule("kagari._dispatch"));
    call_handler = check(PyObject_GetAttrString(module.get(), "call_handler"));
  }
  struct ModeOff {  // the innermost mode is off while it works
    Ref mode;
    ModeOff() {
      if (stack.empty()) return;
      mode = std::move(stack.back());
      stack.pop_back();
      watch_calls(-1);
    }
    ~ModeOff() {
      if (!mode) return;
      stack.push_back(std::move(mode));
      watch_calls(1);
    }
  } off;
  Ref text = own(PyUnicode_FromString(op.schema_text)), kind = own(PyLong_FromLong(long(dest.kind)));
  PyObject* mode = off.mode ? off.mode.get() : Py_None;
  Ref answer(PyObject_CallFunctionObjArgs(call_handler, text.get(), kind.get(), values.get(), standard.get(), outs.get(), answering.get(), mode, nullptr));
  check(answer.get());
  take_answer(op, answer.get(), dest, out);
}

BoxedKernel kernel_for(const OpBase& op, const Value* args) {
  bool special = false, taken = false;
  each_tensor(op, args, [&](const Tensor& t) {
    if (!t.defined() || !t.impl()->special) return;
    special = true;
    taken = taken || answers(t);
  });
  if (!disabled && (taken || !stack.empty())) return to_python;
  if (special) each_tensor(op, args, [](const Tensor& t) { if (t.defined()) check_has_bytes(t); });
  return nullptr;
}

Tensor detached(const Tensor& t) {
  WithGil gil;
  PyObject* method = check(method_of_tensor("detach"));
  Ref o = own(wrap(t));
  Ref d = own(PyObject_CallOneArg(method, o.get()));
  KG_CHECK_TYPE(is_tensor(d.get()), "detach() must return a Tensor, but __torch_dispatch__ gave ", Py_TYPE(d.get())->tp_name);
  return tensor_of(d.get());
}

// ---------------------------------------------------------------- Python's view
PyObject* push(PyObject*, PyObject* mode) {
  stack.push_back(Ref::share(mode));
  watch_calls(1);
  Py_RETURN_NONE;
}
PyObject* pop(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    KG_CHECK(!stack.empty(), "trying to pop from empty mode stack");
    Ref mode = std::move(stack.back());
    stack.pop_back();
    watch_calls(-1);
    return mode.release();
  });
}
PyObject* depth(PyObject*, PyObject*) { return PyLong_FromSize_t(stack.size()); }
PyObject* at(PyObject*, PyObject* index) {
  return guarded([&]() -> PyObject* {
    long i = PyLong_AsLong(index);
    if (i == -1 && PyErr_Occurred()) throw PythonError();
    KG_CHECK(i >= 0 && size_t(i) < stack.size(), "Tried to get stack at idx that's too big");
    return Py_NewRef(stack[size_t(i)].get());
  });
}
PyObject* disable(PyObject*, PyObject* change) {
  disabled += int(PyLong_AsLong(change));
  Py_RETURN_NONE;
}
PyObject* is_disabled(PyObject*, PyObject*) { return PyBool_FromLong(disabled); }

PyObject* run_disabled(PyObject*, PyObject* args, PyObject* kwargs) {
  PyObject *func, *types, *arguments = nullptr, *keywords = nullptr;
  static const char* names[] = {"func", "types", "args", "kwargs", nullptr};
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|OO", const_cast<char**>(names), &func, &types, &arguments, &keywords)) return nullptr;
  Ref empty(PyTuple_New(0));
  ++disabled;
  PyObject* result = PyObject_Call(func, arguments ? arguments : empty.get(), keywords && keywords != Py_None ? keywords : nullptr);
  --disabled;
  return result;
}

PyObject* make_wrapper(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    static constexpr const char* names[] = {"cls", "size", "strides", "storage_offset", "memory_format", "dtype", "layout", "device", "pin_memory", "requires_grad",
                                            "dispatch_sizes_strides_policy", "dispatch_device", "dispatch_layout", "_extra_dispatch_keys", "storage_size"};
    PyObject* a[15];
    parse_keywords("_make_wrapper_subclass", names, 15, 2, args, nargs, kwnames, a);
    KG_CHECK_TYPE(PyType_Check(a[0]) && PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(a[0]), tensor_type), "cls must be a type (got ", Py_TYPE(a[0])->tp_name, ")");
    auto* type = reinterpret_cast<PyTypeObject*>(a[0]);
    auto ints = [](const char* what, PyObject* o) {
      Ref sequence = own(PySequence_Tuple(o));
      Ints out;
      for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(sequence.get()); ++i) out.push_back(int_argument("_make_wrapper_subclass", what, PyTuple_GET_ITEM(sequence.get(), i), 0));
      return out;
    };
    Ints sizes = ints("size", a[1]);
    for (int64_t s : sizes) KG_CHECK(s >= 0, "Trying to create tensor with negative dimension ", s, ": ", shape_text(sizes));
    Ints strides = given(a[2]) ? ints("strides", a[2]) : strides_for(sizes, given(a[4]) ? memory_format_of_object(a[4]) : MemoryFormat::Contiguous);
    KG_CHECK(strides.size() == sizes.size(), "_make_wrapper_subclass: size and strides differ in length");
    DType dtype = dtype_argument("_make_wrapper_subclass", a[5]).value_or(default_dtype());
    Device device = given(a[7]) ? device_of_object(a[7]) : Device();
    bool requires_grad = truth(a[9]);
    KG_CHECK(!requires_grad || is_differentiable(dtype), "Only Tensors of floating point and complex dtype can require gradients");
    Device nowhere;
    nowhere.type = DeviceType::Meta;
    Tensor t = empty_strided_tensor(sizes, strides, dtype, nowhere);
    t.impl()->device = device;
    t.impl()->offset = given(a[3]) ? int_argument("_make_wrapper_subclass", "storage_offset", a[3], 0) : 0;
    t.impl()->special = true;
    if (requires_grad) set_requires_grad(t, true);
    return wrap_as(type, std::move(t));
  });
}

/// ret becomes another window on arg's bytes, as a view would be.
PyObject* share_storage(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  return guarded([&]() -> PyObject* {
    KG_CHECK_TYPE(nargs == 2 && is_tensor(args[0]) && is_tensor(args[1]), "_unsafe_set_storage(tensor, of): expected two tensors");
    tensor_of(args[0]).impl()->storage = tensor_of(args[1]).storage();
    Py_RETURN_NONE;
  });
}

PyMethodDef disabled_def = {"_disabled_torch_dispatch_impl", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(run_disabled)), METH_VARARGS | METH_KEYWORDS,
                            "A __torch_dispatch__ that does nothing special."};
PyMethodDef functions[] = {
    {"_push_on_torch_dispatch_stack", push, METH_O, "Enters a TorchDispatchMode."},
    {"_pop_torch_dispatch_stack", pop, METH_VARARGS, "Leaves the innermost TorchDispatchMode and returns it."},
    {"_len_torch_dispatch_stack", depth, METH_NOARGS, "The number of active TorchDispatchModes."},
    {"_get_dispatch_stack_at", at, METH_O, "The i-th active TorchDispatchMode from outside."},
    {"_change_dispatch_disabled", disable, METH_O, "Switches __torch_dispatch__ off (1) and on again (-1)."},
    {"_is_dispatch_disabled", is_disabled, METH_NOARGS, "Whether __torch_dispatch__ is switched off."},
    {"_unsafe_set_storage", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(share_storage)), METH_FASTCALL, nullptr},
    {}};
PyMethodDef wrapper_def = {"_make_wrapper_subclass", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(make_wrapper)), METH_FASTCALL | METH_KEYWORDS | METH_STATIC,
                           "A tensor of a subclass that has sizes, strides, dtype and device, but no bytes: its __torch_dispatch__ answers all operators."};

}  // namespace

bool dispatches(PyTypeObject* type) {
  if (type == tensor_type || type == parameter_type) return false;
  PyObject* f = _PyType_Lookup(type, protocol_name);
  return f && f != disabled_impl;
}

bool is_hollow(const Tensor& t) { return !t.is_meta() && t.numel() && !is_sparse(t) && !t.storage()->data(); }
void check_has_bytes(const Tensor& t) {
  KG_CHECK(!is_hollow(t), "Cannot access data pointer of Tensor that doesn't have storage");
}

bool add_dispatch(PyObject* module) {
  protocol_name = PyUnicode_InternFromString("__torch_dispatch__");
  disabled_impl = PyCFunction_New(&disabled_def, nullptr);
  if (!disabled_impl || PyModule_AddObjectRef(module, "_disabled_torch_dispatch_impl", disabled_impl) < 0) return false;
  auto* type = reinterpret_cast<PyObject*>(tensor_type);
  Ref made(PyCFunction_New(&wrapper_def, nullptr));
  Ref wrapper(made ? PyStaticMethod_New(made.get()) : nullptr);
  if (!wrapper || PyObject_SetAttrString(type, "_make_wrapper_subclass", wrapper.get()) < 0) return false;
  if (PyObject_SetAttrString(type, "__torch_dispatch__", disabled_impl) < 0) return false;
  kernel_below_autograd = kernel_for;
  detach_special = detached;
  return PyModule_AddFunctions(module, functions) == 0;
}

}  // namespace kagari::python
