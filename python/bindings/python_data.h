#pragma once
#include "tensor_object.h"

// Tensors from nested Python sequences, numbers, NumPy arrays and scalars, and back to nested lists.
namespace kagari::python {

/// What torch.tensor(data, dtype=, device=) makes: always a copy.
Tensor tensor_from_data(PyObject* data, std::optional<DType> dtype, std::optional<Device> device);
/// The old constructors torch.Tensor(...), torch.LongTensor(...) and Tensor.new(...): sizes (ints or a torch.Size) give an uninitialised
/// tensor, a sequence or an array gives its data in `dtype`, a tensor or a typed storage is shared as it is.
Tensor legacy_tensor(PyObject* const* args, Py_ssize_t nargs, DType dtype, const Device& device);
/// The tensor as nested lists of Python numbers; a number for 0-d.
PyObject* list_of(const Tensor& t);
/// One element, by its address.
PyObject* number_at(const std::byte* p, DType dtype);
/// A copy of dtype, device and so on as Tensor.to does it; the tensor itself if nothing changes.
Tensor converted_to(const Tensor& t, std::optional<DType> dtype, std::optional<Device> device);

}  // namespace kagari::python
