#pragma once
#include "kagari/tensor/tensor.h"

// Matrix products. Arguments must have one dtype; integers wrap, half types are accumulated in float32.
namespace kagari {

/// (n, k) x (k, m) -> (n, m)
KAGARI_API Tensor mm(const Tensor& self, const Tensor& mat2);
/// (b, n, k) x (b, k, m) -> (b, n, m)
KAGARI_API Tensor bmm(const Tensor& self, const Tensor& mat2);
/// (n, k) x (k) -> (n)
KAGARI_API Tensor mv(const Tensor& self, const Tensor& vec);
/// sum of self * tensor over vectors of one length
KAGARI_API Tensor dot(const Tensor& self, const Tensor& tensor);
/// dot with the conjugate of self
KAGARI_API Tensor vdot(const Tensor& self, const Tensor& other);
/// Vectors, matrices, and batches of matrices, whose batch dimensions broadcast.
KAGARI_API Tensor matmul(const Tensor& self, const Tensor& other);
/// input (..., in) times the transpose of weight (out, in), plus bias (out); bias may be undefined.
KAGARI_API Tensor linear(const Tensor& input, const Tensor& weight, const Tensor& bias = {});
/// beta * self + alpha * mat1 @ mat2; self broadcasts to the result
KAGARI_API Tensor addmm(const Tensor& self, const Tensor& mat1, const Tensor& mat2, const Scalar& beta = 1, const Scalar& alpha = 1);
KAGARI_API Tensor baddbmm(const Tensor& self, const Tensor& batch1, const Tensor& batch2, const Scalar& beta = 1, const Scalar& alpha = 1);
/// beta * self + alpha * (sum of the products over the batch)
KAGARI_API Tensor addbmm(const Tensor& self, const Tensor& batch1, const Tensor& batch2, const Scalar& beta = 1, const Scalar& alpha = 1);
KAGARI_API Tensor addmv(const Tensor& self, const Tensor& mat, const Tensor& vec, const Scalar& beta = 1, const Scalar& alpha = 1);
KAGARI_API Tensor addr(const Tensor& self, const Tensor& vec1, const Tensor& vec2, const Scalar& beta = 1, const Scalar& alpha = 1);
/// (n) x (m) -> (n, m)
KAGARI_API Tensor outer(const Tensor& self, const Tensor& vec2);
/// sums over the last dimension of both
KAGARI_API Tensor inner(const Tensor& self, const Tensor& other);
KAGARI_API Tensor kron(const Tensor& self, const Tensor& other);
/// The sum of the rows of a matrix.
KAGARI_API Tensor sum_rows(const Tensor& t);
/// Sums over dims_self of self and dims_other of other, pair by pair.
KAGARI_API Tensor tensordot(const Tensor& self, const Tensor& other, IntList dims_self, IntList dims_other);
/// Einstein's summation convention, "bij,bjk->bik"; "..." stands for dimensions that broadcast.
KAGARI_API Tensor einsum(std::string_view equation, TensorList operands);

}  // namespace kagari
