#pragma once
#include <tuple>

#include "kagari/tensor/tensor.h"

// Running sums, products and extrema along a dimension, and what is made of them.
namespace kagari {

KAGARI_API Tensor cumsum(const Tensor& self, int64_t dim, std::optional<DType> dtype = {});
KAGARI_API Tensor cumprod(const Tensor& self, int64_t dim, std::optional<DType> dtype = {});
/// Running extrema and the index of each (the last of equals).
KAGARI_API std::tuple<Tensor, Tensor> cummax(const Tensor& self, int64_t dim);
KAGARI_API std::tuple<Tensor, Tensor> cummin(const Tensor& self, int64_t dim);
/// log(cumsum(exp(self))), without overflow.
KAGARI_API Tensor logcumsumexp(const Tensor& self, int64_t dim);
/// The n-th differences of neighbours, optionally with tensors put before and behind first.
KAGARI_API Tensor diff(const Tensor& self, int64_t n = 1, int64_t dim = -1, const Tensor& prepend = {}, const Tensor& append = {});
/// The integral by the trapezoidal rule, over points `x` or with spacing `dx`.
KAGARI_API Tensor trapezoid_x(const Tensor& y, const Tensor& x, int64_t dim = -1);
KAGARI_API Tensor trapezoid(const Tensor& y, const Scalar& dx = 1, int64_t dim = -1);
KAGARI_API Tensor cumulative_trapezoid_x(const Tensor& y, const Tensor& x, int64_t dim = -1);
KAGARI_API Tensor cumulative_trapezoid(const Tensor& y, const Scalar& dx = 1, int64_t dim = -1);

/// For those who define scans: runs a kernel along `dim`, from a contiguous x to y and perhaps indices (else undefined).
KAGARI_API void scan_lines(std::string_view kernel, std::string_view name, const Tensor& y, const Tensor& indices, const Tensor& x, int64_t dim);

}  // namespace kagari
