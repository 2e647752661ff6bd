#pragma once
#include <Python.h>

#include "kagari/op/op.h"

namespace kagari::python {

/// The named tuple that an operator with several named results returns, torch.return_types.topk for example; made when first needed.
PyTypeObject* named_tuple_type(const OpBase& op);
bool add_return_types(PyObject* module);

}  // namespace kagari::python
