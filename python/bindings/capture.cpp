// Capture of programs: a mode that reports every operator to a Python callable after it has run. Operators that are compositions are
// reported as the operators inside them, except those that the caller wants whole.
#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "arguments.h"
#include "kagari/op/op.h"
#include "kagari/op/schema.h"
#include "kagari/tensor/value_reads.h"

namespace kagari::python {

namespace {

PyObject* wrap_options(const TensorOptions& o) {
  Ref dict(check(PyDict_New()));
  auto put = [&](const char* name, PyObject* value) {
    Ref owned(check(value));
    if (PyDict_SetItemString(dict.get(), name, owned.get()) < 0) throw PythonError();
  };
  if (o.dtype) put("dtype", wrap(*o.dtype));
  if (o.layout) put("layout", wrap(*o.layout));
  if (o.device) put("device", wrap(*o.device));
  return dict.release();
}

/// Arguments as Python objects. Numbers that were made into tensors are numbers again.
Ref wrap_arguments(const OpBase& op, const Value* args) {
  const auto& arguments = op.schema().arguments;
  Ref list(check(PyList_New(Py_ssize_t(arguments.size()))));
  for (size_t i = 0; i < arguments.size(); ++i) {
    const Value& v = args[i];
    PyObject* item;
    if (v.tag == Value::Tag::Options) item = wrap_options(*v.options);
    else if (v.tag == Value::Tag::Tensor && v.tensor->is_wrapped_number()) item = wrap(v.tensor->item());
    else item = wrap_value(arguments[i], v);
    PyList_SET_ITEM(list.get(), Py_ssize_t(i), check(item));
  }
  return list;
}

Ref wrap_tensors(const Tensors& tensors) {
  Ref list(check(PyList_New(Py_ssize_t(tensors.size()))));
  for (size_t i = 0; i < tensors.size(); ++i) PyList_SET_ITEM(list.get(), Py_ssize_t(i), check(wrap(tensors[i])));
  return list;
}

/// Nobody is told of values that kernels read for themselves.
struct ReadsUnseen {
  ValueReadObserver* before = std::exchange(value_read_observer, nullptr);
  ~ReadsUnseen() { value_read_observer = before; }
};

struct Reenter {
  Mode* before = active_mode;
  ~Reenter() { active_mode = before; }
};

class Capture final : public Mode, public ValueReadObserver {
 public:
  Capture(PyObject* report, PyObject* on_read, bool open, std::set<std::string, std::less<>> whole)
      : report_(report), on_read_(on_read), open_(open), whole_(std::move(whole)) {}

  void reads(const Tensor& t) override {
    if (on_read_ == Py_None) return;
    WithGil gil;
    ReadsUnseen unseen;
    Ref tensor(check(wrap(t)));
    Ref done(PyObject_CallOneArg(on_read_, tensor.get()));
    if (!done) throw_python_error();
  }

  void call(const OpBase& op, const Value* args, Dest dest, Result& out) override {
    if (transformed(op, args, dest, out)) return;
    if (op.composed && is_open(op.schema().name)) return open(op, args, dest, out);
    {
      ReadsUnseen unseen;
      op.boxed(op, args, dest, out);
    }
    tell(op, op.schema().name, dest.kind, args, dest, out);
  }

 private:
  /// A call with tensors of a transform (vmap, tangents) is seen as the operators that the transform makes of it.
  bool transformed(const OpBase& op, const Value* args, const Dest& dest, Result& out) {
    if (!special_handler) return false;
    Reenter reenter;
    active_mode = this;
    return special_handler(op, args, dest, out);
  }

  /// Operators that write to an argument are seen through what they do, except those that only give it another shape.
  bool is_open(std::string_view name) const {
    static constexpr std::string_view reshaping[] = {"squeeze_", "unsqueeze_", "t_", "transpose_", "swapaxes_", "swapdims_", "as_strided_", "resize_", "resize_as_", "set_"};
    if (name.ends_with('_') && !name.ends_with("__")) return std::find(std::begin(reshaping), std::end(reshaping), name) == std::end(reshaping);
    return open_ && whole_.find(name) == whole_.end();
  }

  /// Runs the body with this mode on. What an in-place or out= form delivers to its destination is reported as a copy.
  void open(const OpBase& op, const Value* args, const Dest& dest, Result& out) {
    Result fresh;
    {
      Reenter reenter;
      active_mode = this;
      run_beneath(op, args, {}, fresh);
    }
    if (dest.kind == Dest::Kind::Fresh) {
      out = std::move(fresh);
      return;
    }
    op.boxed(op, args, dest, out);
    WithGil gil;
    for (size_t i = 0; i < dest.count && i < fresh.tensors.size(); ++i) {
      Ref pair(check(PyList_New(2)));
      PyList_SET_ITEM(pair.get(), 0, check(wrap(dest.tensors[i])));
      PyList_SET_ITEM(pair.get(), 1, check(wrap(fresh.tensors[i])));
      Tensors written{dest.tensors[i]};
      report("copy", pair, written, true, op);
    }
  }

  void tell(const OpBase& op, std::string_view name, Dest::Kind kind, const Value* args, const Dest& dest, const Result& out) {
    WithGil gil;
    ReadsUnseen unseen;
    Ref arguments = wrap_arguments(op, args);
    if (kind == Dest::Kind::Fresh) return report(name, arguments, out.tensors, false, op);
    Tensors written;
    for (size_t i = 0; i < dest.count; ++i) written.push_back(dest.tensors[i]);
    report(name, arguments, written, true, op);
  }

  void report(std::string_view name, const Ref& arguments, const Tensors& tensors, bool written, const OpBase& op) {
    Ref text(check(PyUnicode_FromStringAndSize(name.data(), Py_ssize_t(name.size()))));
    std::string_view full = name == op.schema().name ? op.schema().text : std::string_view();
    Ref schema(check(PyUnicode_FromStringAndSize(full.data(), Py_ssize_t(full.size()))));
    Ref results = wrap_tensors(tensors);
    Ref is_list(check(PyBool_FromLong(op.schema().returns.ends_with(']'))));
    Ref done(PyObject_CallFunctionObjArgs(report_, text.get(), schema.get(), arguments.get(), results.get(), written ? Py_True : Py_False, is_list.get(), nullptr));
    if (!done) throw_python_error();
  }

  PyObject *report_, *on_read_;
  bool open_;
  std::set<std::string, std::less<>> whole_;
};

PyObject* capture(PyObject*, PyObject* args) {
  PyObject *report, *names, *function, *on_read = Py_None;
  if (!PyArg_ParseTuple(args, "OOO|O", &report, &names, &function, &on_read)) return nullptr;
  return guarded([&]() -> PyObject* {
    std::set<std::string, std::less<>> whole;
    Ref iterator;
    if (names != Py_None) iterator = own(PyObject_GetIter(names));
    while (PyObject* item = iterator ? PyIter_Next(iterator.get()) : nullptr) {
      Ref owned(item);
      const char* text = PyUnicode_AsUTF8(item);
      if (!text) throw PythonError();
      whole.emplace(text);
    }
    if (PyErr_Occurred()) throw PythonError();
    Capture mode(report, on_read, names != Py_None, std::move(whole));
    struct Leave {
      Capture& mode;
      ValueReadObserver* before = value_read_observer;
      ~Leave() {
        pop_mode(mode);
        value_read_observer = before;
      }
    } leave{mode};
    push_mode(mode);
    value_read_observer = &mode;
    return PyObject_CallNoArgs(function);
  });
}

PyObject* tensor_identity(PyObject*, PyObject* t) {
  if (!is_tensor(t)) return PyErr_Format(PyExc_TypeError, "_tensor_identity expects a tensor, not %s", Py_TYPE(t)->tp_name), nullptr;
  return PyLong_FromVoidPtr(tensor_of(t).impl());
}

PyMethodDef functions[] = {
    {"_capture", capture, METH_VARARGS,
     "_capture(report, whole, function, on_read=None): function(), with report(name, schema, arguments, results, written, is_list) after every operator. Compositions are "
     "opened, except those named in `whole` (all of them stay whole if it is None); `written` says that the results existed before. on_read(tensor) is called when a "
     "tensor's value becomes a number outside of operators."},
    {"_tensor_identity", tensor_identity, METH_O, "A number that two Python objects of one tensor share."},
    {}};

}  // namespace

bool add_capture(PyObject* module) { return PyModule_AddFunctions(module, functions) == 0; }

}  // namespace kagari::python
