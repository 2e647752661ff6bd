#pragma once
#include "kagari/op/value.h"

// Random tensors: uniform, normal and integer numbers, permutations. The numbers are PyTorch's for the same seed. `generator` null means
// the default one.
namespace kagari {

/// Uniform in [0, 1). A complex dtype has both parts uniform.
KAGARI_API Tensor rand(IntList size, Generator* generator = nullptr, const TensorOptions& options = {});
/// Normal with mean 0 and variance 1 (of a complex dtype: 1/2 in each part).
KAGARI_API Tensor randn(IntList size, Generator* generator = nullptr, const TensorOptions& options = {});
/// Integers in [low, high), int64 by default. RuntimeError if there are none.
KAGARI_API Tensor randint(int64_t low, int64_t high, IntList size, Generator* generator = nullptr, const TensorOptions& options = {});
KAGARI_API Tensor randint_below(int64_t high, IntList size, Generator* generator = nullptr, const TensorOptions& options = {});
/// A permutation of 0, ..., n - 1, int64 by default.
KAGARI_API Tensor randperm(int64_t n, Generator* generator = nullptr, const TensorOptions& options = {});
KAGARI_API Tensor rand_like(const Tensor& self, Generator* generator = nullptr, const TensorOptions& options = {}, std::optional<MemoryFormat> memory_format = {});
KAGARI_API Tensor randn_like(const Tensor& self, Generator* generator = nullptr, const TensorOptions& options = {}, std::optional<MemoryFormat> memory_format = {});
KAGARI_API Tensor randint_like(const Tensor& self, int64_t low, int64_t high, Generator* generator = nullptr, const TensorOptions& options = {}, std::optional<MemoryFormat> memory_format = {});
KAGARI_API Tensor randint_like_below(const Tensor& self, int64_t high, Generator* generator = nullptr, const TensorOptions& options = {}, std::optional<MemoryFormat> memory_format = {});

// Tensors of self's shape and dtype with random numbers; the forms with _ fill self.
KAGARI_API Tensor uniform(const Tensor& self, double from = 0, double to = 1, Generator* generator = nullptr);
KAGARI_API Tensor normal_fill(const Tensor& self, double mean = 0, double std = 1, Generator* generator = nullptr);
/// Integers in [0, the largest that the dtype holds exactly].
KAGARI_API Tensor random(const Tensor& self, Generator* generator = nullptr);
KAGARI_API Tensor random_below(const Tensor& self, int64_t to, Generator* generator = nullptr);
/// Integers in [from, to); without `to` up to the largest that the dtype holds exactly.
KAGARI_API Tensor random_between(const Tensor& self, int64_t from, std::optional<int64_t> to, Generator* generator = nullptr);
KAGARI_API const Tensor& uniform_(const Tensor& self, double from = 0, double to = 1, Generator* generator = nullptr);
KAGARI_API const Tensor& normal_(const Tensor& self, double mean = 0, double std = 1, Generator* generator = nullptr);

/// Normal numbers with a mean and a standard deviation for each element; the arguments broadcast.
KAGARI_API Tensor normal(const Tensor& mean, const Tensor& std, Generator* generator = nullptr);
KAGARI_API Tensor normal_mean(const Tensor& mean, double std = 1, Generator* generator = nullptr);
KAGARI_API Tensor normal_std(double mean, const Tensor& std, Generator* generator = nullptr);
KAGARI_API Tensor normal_of_size(double mean, double std, IntList size, Generator* generator = nullptr, const TensorOptions& options = {});

}  // namespace kagari
