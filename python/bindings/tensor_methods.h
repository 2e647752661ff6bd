#pragma once
#include "tensor_object.h"

namespace kagari::python {

// Attributes and methods of Tensor that are not operators.
extern PyGetSetDef tensor_getset[];
extern PyMethodDef tensor_methods[];

/// torch.Tensor(2, 3), torch.Tensor([1, 2]), torch.Tensor(other) and the same for subclasses.
PyObject* construct_tensor(PyTypeObject* type, PyObject* args, PyObject* kwargs);
PyObject* tensor_repr(PyObject* self);
PyObject* subscript(PyObject* self, PyObject* key);
int assign_subscript(PyObject* self, PyObject* key, PyObject* value);

// Of subscript.cpp.
PyObject* tensor_getitem(const Tensor& self, PyObject* key);
int tensor_setitem(const Tensor& self, PyObject* key, PyObject* value);

/// Attributes that belong to autograd (autograd.cpp).
PyObject* get_grad(PyObject* self, void*);
int set_grad_attribute(PyObject* self, PyObject* value, void*);
PyObject* get_grad_fn(PyObject* self, void*);
PyObject* register_hook(PyObject* self, PyObject* hook);
PyObject* register_post_accumulate_grad_hook(PyObject* self, PyObject* hook);

}  // namespace kagari::python
