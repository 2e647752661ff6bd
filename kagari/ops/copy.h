#pragma once
#include "kagari/tensor/tensor.h"

namespace kagari {

/// Writes src, broadcast and converted, over self. Returns self.
KAGARI_API Tensor copy_(const Tensor& self, const Tensor& src, bool non_blocking = false);
/// A copy in fresh memory. Preserve (the default) keeps the strides of dense tensors.
KAGARI_API Tensor clone(const Tensor& self, std::optional<MemoryFormat> memory_format = {});
/// self itself if it already has the dtype and device and `copy` is off, else a converted copy.
KAGARI_API Tensor to(const Tensor& self, std::optional<DType> dtype, std::optional<Device> device = {}, bool non_blocking = false,
                     bool copy = false, std::optional<MemoryFormat> memory_format = {});
KAGARI_API Tensor contiguous(const Tensor& self, MemoryFormat memory_format = MemoryFormat::Contiguous);
KAGARI_API Tensor type_as(const Tensor& self, const Tensor& other);

KAGARI_API Tensor fill(const Tensor& self, const Scalar& value);
KAGARI_API Tensor fill_(const Tensor& self, const Scalar& value);
KAGARI_API Tensor zero_(const Tensor& self);

/// Gives self another shape and, if needed, more memory; the elements that fit stay.
KAGARI_API Tensor resize_(const Tensor& self, IntList size, std::optional<MemoryFormat> memory_format = {});
/// Makes self a window on the storage of `source`.
KAGARI_API Tensor set_(const Tensor& self, const Tensor& source);

/// Sizes, strides of a new tensor that keeps the layout of `like` (PyTorch's preserve_format).
KAGARI_API Ints strides_like(const Tensor& like, MemoryFormat format);

}  // namespace kagari
