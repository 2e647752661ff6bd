// repr() and format() of tensors.
#include "kagari/ops/print.h"
#include "kagari/transforms/level.h"
#include "dispatch.h"
#include "keywords.h"
#include "tensor_methods.h"

namespace kagari::python {
namespace {

/// What a transform made: its value, and what it is at which level.
std::string transformed_text(const Tensor& t, const PrintOptions& options) {
  const transforms::Level* level = transforms::level_of(t);
  if (!level) return to_text(t, options, "tensor(");
  const transforms::TransformedState* s = transforms::state_of(t);
  if (level->kind == transforms::Level::Kind::Dual) {
    std::string text = transformed_text(s->value, options);
    if (s->tangent.defined()) text.insert(text.size() - 1, ", tangent=" + transformed_text(s->tangent, options));
    return text;
  }
  std::string value = transformed_text(s->value, options), out = str(s->batch ? "BatchedTensor(lvl=" : "GradTrackingTensor(lvl=", transforms::depth_of(level->id));
  if (s->batch) out += str(", bdim=", s->dim < 0 ? "None" : str(s->dim));
  out += ", value=\n    ";
  for (char c : value) {
    out += c;
    if (c == '\n') out += "    ";
  }
  return out + "\n)";
}

PyObject* text_of(PyObject* self, const PrintOptions& options) {
  if (tensor_of(self).impl()->transform) {
    std::string text = transformed_text(tensor_of(self), options);
    return PyUnicode_FromStringAndSize(text.data(), Py_ssize_t(text.size()));
  }
  const bool plain = Py_TYPE(self) == tensor_type || Py_TYPE(self) == parameter_type;
  const char* name = Py_TYPE(self)->tp_name;
  if (const char* dot = std::strrchr(name, '.')) name = dot + 1;
  const Tensor& t = tensor_of(self);
  if (is_hollow(t)) {
    std::string text = str(name, "(..., size=", shape_text(t.sizes()), ", dtype=torch.", kagari::name(t.dtype()));
    text += t.requires_grad() ? ", requires_grad=True)" : ")";
    return PyUnicode_FromStringAndSize(text.data(), Py_ssize_t(text.size()));
  }
  std::string text = to_text(t, options, plain ? "tensor(" : str(name, "("));
  if (parameter_type && Py_TYPE(self) == parameter_type) text.insert(0, "Parameter containing:\n");
  return PyUnicode_FromStringAndSize(text.data(), Py_ssize_t(text.size()));
}

/// format(t, spec) of a 0-d tensor formats the number.
PyObject* format(PyObject* self, PyObject* spec) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_of(self);
    if (t.dim() == 0 && !t.is_meta() && (Py_TYPE(self) == tensor_type || PyUnicode_GET_LENGTH(spec) > 0)) {
      Ref number = own(wrap(t.item()));
      return PyObject_Format(number.get(), spec);
    }
    if (PyUnicode_GET_LENGTH(spec) > 0) return PyErr_Format(PyExc_TypeError, "unsupported format string passed to %s.__format__", Py_TYPE(self)->tp_name + (std::strncmp(Py_TYPE(self)->tp_name, "torch.", 6) == 0 ? 6 : 0)), nullptr;
    return PyObject_Str(self);
  });
}

PyObject* set_print_options(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    static constexpr const char* names[] = {"precision", "threshold", "edgeitems", "linewidth", "sci_mode"};
    PyObject* a[5];
    parse_keywords("set_printoptions", names, 5, 0, args, nargs, kwnames, a);
    PrintOptions& o = print_options();
    if (given(a[0])) o.precision = int_argument("set_printoptions", names[0], a[0], 0);
    if (given(a[1])) {
      o.threshold = PyFloat_AsDouble(a[1]);
      if (PyErr_Occurred()) throw PythonError();
    }
    if (given(a[2])) o.edgeitems = int_argument("set_printoptions", names[2], a[2], 0);
    if (given(a[3])) o.linewidth = int_argument("set_printoptions", names[3], a[3], 0);
    if (a[4]) o.sci_mode = a[4] == Py_None ? std::nullopt : std::optional<bool>(truth(a[4]));
    Py_RETURN_NONE;
  });
}
PyObject* get_print_options(PyObject*, PyObject*) {
  const PrintOptions& o = print_options();
  PyObject* sci = !o.sci_mode ? Py_None : *o.sci_mode ? Py_True : Py_False;
  PyObject* threshold = std::isfinite(o.threshold) ? PyLong_FromDouble(o.threshold) : PyFloat_FromDouble(o.threshold);
  return Py_BuildValue("{s:L,s:N,s:L,s:L,s:O}", "precision", static_cast<long long>(o.precision), "threshold", threshold, "edgeitems", static_cast<long long>(o.edgeitems),
                       "linewidth", static_cast<long long>(o.linewidth), "sci_mode", sci);
}

PyMethodDef functions[] = {
    {"_set_printoptions", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(set_print_options)), METH_FASTCALL | METH_KEYWORDS, "What repr() of tensors looks like; None keeps a value."},
    {"_get_printoptions", get_print_options, METH_NOARGS, "The options of repr() as a dict."},
    {}};
PyMethodDef format_method = {"__format__", format, METH_O, nullptr};

}  // namespace

PyObject* tensor_repr(PyObject* self) {
  return guarded([&] { return text_of(self, print_options()); });
}

bool add_printing(PyObject* module) {
  Ref method(PyDescr_NewMethod(tensor_type, &format_method));
  return method && PyObject_SetAttrString(reinterpret_cast<PyObject*>(tensor_type), "__format__", method.get()) == 0 && PyModule_AddFunctions(module, functions) == 0;
}

}  // namespace kagari::python
