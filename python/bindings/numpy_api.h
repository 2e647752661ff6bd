#pragma once
#include "tensor_object.h"

// NumPy's arrays, without linking NumPy and without importing it: its table of functions is fetched when an array first appears.
namespace kagari::python {

/// Whether o is a numpy.ndarray.
bool is_ndarray(PyObject* o);
/// The dtype of a NumPy scalar (numpy.float32(1)); none for other objects.
std::optional<DType> dtype_of_numpy_scalar(PyObject* o);
/// A tensor on the memory of an array, which it keeps alive. TypeError for dtypes that tensors lack, ValueError for layouts.
Tensor tensor_from_ndarray(PyObject* array, bool warn_if_read_only);
/// An array on the memory of a tensor object, which it keeps alive. TypeError for dtypes that NumPy lacks.
PyObject* ndarray_from_tensor(PyObject* tensor);

}  // namespace kagari::python
