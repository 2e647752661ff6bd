#pragma once
#include "kagari/cpu/reduce.h"
#include "kagari/op/op.h"

// What the families of reducing operators share: which dimensions go away, a dense block for the kernels, the way back for gradients.
// Not for users.
namespace kagari::reduction {

/// The dimensions that an operator reduces: wrapped, sorted; all of them if `dims` is absent or empty. RuntimeError if one comes twice.
KAGARI_API Ints dims_of(const Tensor& self, const std::optional<IntList>& dims);
inline Ints dims_of(const Tensor& self, int64_t dim) { return self.dim() == 0 ? (wrap_dim(dim, 0), Ints()) : Ints{wrap_dim(dim, self.dim())}; }
/// Sizes of the result.
KAGARI_API Ints reduced_sizes(IntList sizes, const Ints& dims, bool keepdim);
/// The number of elements behind each result.
KAGARI_API int64_t reduced_count(IntList sizes, const Ints& dims);
/// IndexError for an operator without identity if a dimension to reduce is empty.
KAGARI_API void check_not_empty(std::string_view name, const Tensor& self, const Ints& dims);

/// A tensor seen as (outer, n, inner) elements whose middle dimension is reduced: the slab of cpu/reduce.h. Memory is copied only if its
/// order does not fit.
struct Block {
  Tensor input;
  cpu::ReduceSlab slab{1, 1, 1, 0, 0};
  Ints sizes, strides;  // of the result
  bool row_major = true;
  /// Memory for a result.
  Tensor result(Out& out, DType dtype, size_t i = 0) const;
};
/// `in_order`: elements must be met in row-major order, because an index counts them.
KAGARI_API Block block_of(const Tensor& self, const Ints& dims, bool keepdim, bool in_order = false);

/// A result (or its gradient) with the reduced dimensions back, of size 1: it broadcasts against the argument.
KAGARI_API Tensor with_dims(const Tensor& reduced, const Ints& dims, bool keepdim);

/// The gradient of picking one element along a dimension: `grad` where the position is the index, else zero. Both have size 1 there; the
/// result has `size`.
KAGARI_API Tensor at_indices(const Tensor& grad, int64_t dim, const Tensor& indices, int64_t size);

/// Runs a kernel over contiguous rows of n elements, `count` operands of `itemsize` bytes each, on several threads if there is much to do.
KAGARI_API void run_rows(cpu::RowsFn loop, std::byte* const* data, size_t count, int64_t rows, int64_t n, int64_t itemsize, const void* params);
/// Runs the reduction kernel of this name.
KAGARI_API Tensor apply(Out& out, std::string_view kernel, std::string_view name, const Tensor& self, const Ints& dims, bool keepdim, DType result,
                        const cpu::LoopParams* params = nullptr);

}  // namespace kagari::reduction
