// The named tuples of operators with several results.
#include "return_types.h"

#include <structmember.h>

#include <string>
#include <vector>

#include "tensor_object.h"

namespace kagari::python {

namespace {

/// Each field on a line of its own, as PyTorch prints it.
PyObject* named_tuple_text(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  std::string text = str(type->tp_name, "(");
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self); ++i) {
    Ref field(PyObject_Repr(PyTuple_GET_ITEM(self, i)));
    const char* value = field ? PyUnicode_AsUTF8(field.get()) : nullptr;
    if (!value) return nullptr;
    text += str(i ? ",\n" : "\n", type->tp_members[i].name, "=", value);
  }
  return PyUnicode_FromString((text + ")").c_str());
}

PyObject* named_tuple_of(PyObject*, PyObject* name) {
  const char* wanted = PyUnicode_AsUTF8(name);
  if (!wanted) return nullptr;
  for (const OpBase* op = first_op(); op; op = op->next)
    if (op->in & (kFunction | kMethod) && op->schema().name == wanted && !op->schema().return_names.empty())
      return Py_NewRef(reinterpret_cast<PyObject*>(named_tuple_type(*op)));
  Py_RETURN_NONE;
}

PyMethodDef functions[] = {{"_return_type", named_tuple_of, METH_O, "The named tuple of the operator of this name, or None."}, {}};

}  // namespace

PyTypeObject* named_tuple_type(const OpBase& op) {
  static std::vector<std::pair<const OpBase*, PyTypeObject*>> types;
  for (auto& [o, t] : types)
    if (o == &op) return t;
  const Schema& s = op.schema();
  // what the type points to lives as long as the process
  auto* fields = new std::vector<PyStructSequence_Field>;
  for (std::string_view n : s.return_names) fields->push_back({(new std::string(n))->c_str(), nullptr});
  int count = int(fields->size());
  fields->push_back({});
  PyStructSequence_Desc desc{(new std::string(str("torch.return_types.", s.name)))->c_str(), nullptr, fields->data(), count};
  PyTypeObject* t = PyStructSequence_NewType(&desc);
  if (!t) throw PythonError();
  t->tp_repr = named_tuple_text;
  Ref home = own(PyUnicode_FromString("kagari.return_types"));  // where pickle finds it
  if (PyObject_SetAttrString(reinterpret_cast<PyObject*>(t), "__module__", home.get()) < 0) throw PythonError();
  PyType_Modified(t);
  types.push_back({&op, t});
  return t;
}

bool add_return_types(PyObject* module) { return PyModule_AddFunctions(module, functions) == 0; }

}  // namespace kagari::python
