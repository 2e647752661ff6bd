#pragma once
#include "kagari/op/value.h"

// Operators that make tensors from sizes and numbers. `options` default to the default dtype and the CPU; the _like and new_ forms
// default to those of the given tensor.

namespace kagari {

KAGARI_API Tensor empty(IntList size, const TensorOptions& options = {}, std::optional<MemoryFormat> memory_format = {});
KAGARI_API Tensor empty_strided(IntList size, IntList stride, const TensorOptions& options = {});
KAGARI_API Tensor empty_like(const Tensor& self, const TensorOptions& options = {}, std::optional<MemoryFormat> memory_format = {});
KAGARI_API Tensor new_empty(const Tensor& self, IntList size, const TensorOptions& options = {});
KAGARI_API Tensor zeros(IntList size, const TensorOptions& options = {});
KAGARI_API Tensor zeros_like(const Tensor& self, const TensorOptions& options = {}, std::optional<MemoryFormat> memory_format = {});
KAGARI_API Tensor new_zeros(const Tensor& self, IntList size, const TensorOptions& options = {});
KAGARI_API Tensor ones(IntList size, const TensorOptions& options = {});
KAGARI_API Tensor ones_like(const Tensor& self, const TensorOptions& options = {}, std::optional<MemoryFormat> memory_format = {});
KAGARI_API Tensor new_ones(const Tensor& self, IntList size, const TensorOptions& options = {});
/// The dtype defaults to that of the number.
KAGARI_API Tensor full(IntList size, const Scalar& fill_value, const TensorOptions& options = {});
KAGARI_API Tensor full_like(const Tensor& self, const Scalar& fill_value, const TensorOptions& options = {},
                            std::optional<MemoryFormat> memory_format = {});
KAGARI_API Tensor new_full(const Tensor& self, IntList size, const Scalar& fill_value, const TensorOptions& options = {});

/// start, start + step, ... below end. int64 if all three are integers.
KAGARI_API Tensor arange(const Scalar& start, const Scalar& end, const Scalar& step = 1, const TensorOptions& options = {});
/// `steps` values from start to end, both included.
KAGARI_API Tensor linspace(const Scalar& start, const Scalar& end, int64_t steps, const TensorOptions& options = {});
KAGARI_API Tensor logspace(const Scalar& start, const Scalar& end, int64_t steps, double base = 10, const TensorOptions& options = {});
KAGARI_API Tensor eye(int64_t n, std::optional<int64_t> m = {}, const TensorOptions& options = {});
/// Rows and columns (2, count) of the lower triangle.
KAGARI_API Tensor tril_indices(int64_t row, int64_t col, int64_t offset = 0, const TensorOptions& options = {});
KAGARI_API Tensor triu_indices(int64_t row, int64_t col, int64_t offset = 0, const TensorOptions& options = {});
/// real + i imag.
KAGARI_API Tensor complex(const Tensor& real, const Tensor& imag);
/// abs * exp(i angle).
KAGARI_API Tensor polar(const Tensor& abs, const Tensor& angle);

/// What a new tensor is like: the given options, or else these; checks layout and pin_memory, which raise RuntimeError if not strided
/// CPU memory.
struct NewTensor {
  DType dtype;
  Device device;
};
KAGARI_API NewTensor resolve(const TensorOptions& options, DType default_dtype, Device default_device = {});
/// Applies `requires_grad` of the options. Returns t.
KAGARI_API Tensor finish_new(Tensor t, const TensorOptions& options);

}  // namespace kagari
