#pragma once
#include "tensor_object.h"

// The exchange of tensors with other libraries by DLPack, in its old form (capsule "dltensor") and the versioned one.
namespace kagari::python {

/// A capsule for `tensor`, which it keeps alive. BufferError for tensors that cannot be exported.
PyObject* to_dlpack(const Tensor& tensor, bool versioned, bool copied);
/// Takes over a capsule; RuntimeError if it was taken before, BufferError for memory that is not the CPU's.
Tensor from_dlpack(PyObject* capsule);

}  // namespace kagari::python
