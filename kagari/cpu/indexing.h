#pragma once
#include "kagari/tensor/tensor.h"

namespace kagari::cpu {

/// How a tensor is addressed by index tensors of one shape: dimensions `before`, then one for all indices together, then `after`.
/// Strides are those of the addressed tensor, in elements.
struct IndexPlan {
  struct Index {
    const int64_t* values;  // `count` of them, dense
    int64_t size, stride;   // of the dimension that they index
    int64_t dim;            // its number, for messages
  };
  SmallVector<Index, 3> indices;
  int64_t count = 1;
  Ints before_sizes, before_strides, after_sizes, after_strides;
  ErrorKind error = ErrorKind::Index;  // of an index out of range
  const char* error_text = nullptr;    // instead of "index N is out of bounds for dimension D with size S"
  bool negative = true;                // negative indices count from the end
};

/// out (dense, before x count x after) = the addressed elements of self.
KAGARI_API void take_indexed(const Tensor& out, const Tensor& self, const IndexPlan& plan);
/// Writes values (dense, before x count x after, or one element for all) to the addressed elements of self, or adds them. Later values win;
/// sums are formed in the order of the indices.
KAGARI_API void put_indexed(const Tensor& self, const Tensor& values, const IndexPlan& plan, bool accumulate);

/// out[..., i, ...] = self[..., index[..., i, ...], ...] along `dim`; index is dense, and out has its shape and is dense.
KAGARI_API void gather_along(const Tensor& out, const Tensor& self, int64_t dim, const Tensor& index);

enum class ScatterKind : uint8_t { Assign, Add, Multiply, Minimum, Maximum };
/// self[..., index[..., i, ...], ...] op= src[..., i, ...] along `dim`, in the order of i. index is dense; src is a 0-d tensor or at least as
/// large as index.
KAGARI_API void scatter_along(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, ScatterKind kind);

/// The number of nonzero elements of a dense bool tensor.
KAGARI_API int64_t count_true(const Tensor& mask);
/// out (1-d) = the elements of x, dense, where mask is set.
KAGARI_API void compress(const Tensor& out, const Tensor& x, const Tensor& mask);
/// Elements of y, dense, where mask is set, become those of source, dense, in order.
KAGARI_API void expand_masked(const Tensor& y, const Tensor& mask, const Tensor& source);
/// Row i of out (count x ndim, any strides) = the coordinates of the i-th set element of a dense mask.
KAGARI_API void coordinates_of_true(const Tensor& out, const Tensor& mask);

}  // namespace kagari::cpu
