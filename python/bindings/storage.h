#pragma once
#include "tensor_object.h"

namespace kagari::python {

/// `torch.UntypedStorage`.
struct StorageObject {
  PyObject_HEAD
  IntrusivePtr<Storage> storage;
  PyObject* weakrefs;
};
extern PyTypeObject* storage_type;

bool is_storage(PyObject* o);
/// A new object around the storage, of `type` or of UntypedStorage.
PyObject* wrap_storage(IntrusivePtr<Storage> storage, PyTypeObject* type = nullptr);
/// A one-dimensional tensor of `dtype` over all of a storage.
Tensor tensor_over_storage(PyObject* storage, DType dtype);
/// Adds the type and the functions on storages; the Tensor type must exist.
bool add_storage_type(PyObject* module);

}  // namespace kagari::python
