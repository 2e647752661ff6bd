#pragma once
#include "tensor_object.h"

namespace kagari {
class Generator;
}

namespace kagari::python {

/// Whether tensors of this class answer operators themselves: it has a __torch_dispatch__ of its own.
bool dispatches(PyTypeObject* type);
/// RuntimeError if the tensor is a wrapper whose bytes are elsewhere.
void check_has_bytes(const Tensor& t);
/// A wrapper, whose values only its class knows.
bool is_hollow(const Tensor& t);
/// Python's torch.Generator; None for null.
PyObject* generator_object(Generator* g);

}  // namespace kagari::python
