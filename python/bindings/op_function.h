#pragma once
#include "arguments.h"

namespace kagari::python {

/// A Python callable for all operators of one name in one place (torch.add, Tensor.add, Tensor.add_, F.relu).
struct FunctionObject {
  PyObject_HEAD
  vectorcallfunc vectorcall;
  const char* name;      // "add_"
  const char* qualname;  // "Tensor.add_"
  std::vector<Overload>* overloads;
  PyObject* dict;
  bool inplace;
  bool method;
};

/// Calls with unpacked arguments; `self` is the object that an in-place form returns.
PyObject* call_unpacked(const OpBase& op, const Value* values, const Dest& dest, PyObject* returned);
/// `a op b` for slots of Tensor, where one of the two may be a number; NotImplemented for other types.
PyObject* call_binary_slot(FunctionObject* f, PyObject* a, PyObject* b);
/// The same in place.
PyObject* call_inplace_slot(FunctionObject* f, PyObject* a, PyObject* b);
/// Whether an argument's type, or a mode, wants to handle the call; if so *result is what it returned.
bool torch_function_handled(PyObject* function, PyObject* const* args, size_t nargs, PyObject* kwnames, PyObject** result);
/// Number of active TorchFunctionModes on this thread.
extern thread_local int torch_function_modes;

}  // namespace kagari::python
