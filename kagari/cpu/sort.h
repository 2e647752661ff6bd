// Sorting and selecting in contiguous rows, with the positions of the elements. NaN counts as the largest value; -0 equals 0; of equal
// elements the one with the lower index comes first, also in descending order (but see topk_rows).
#pragma once
#include <cstdint>

#include "kagari/base/export.h"
#include "kagari/tensor/dtype.h"

namespace kagari::cpu {

/// Sorts `rows` rows of n elements. `values` and `indices` may be null. NotImplementedError for complex dtypes.
KAGARI_API void sort_rows(DType dtype, const void* x, void* values, int64_t* indices, int64_t rows, int64_t n, bool descending);
/// The k largest (smallest) elements of each row, in order unless `sorted` is false. 0 <= k <= n. Of equal elements PyTorch's are taken.
KAGARI_API void topk_rows(DType dtype, const void* x, void* values, int64_t* indices, int64_t rows, int64_t n, int64_t k, bool largest, bool sorted);
/// The element that would stand at position k of each sorted row, 0 <= k < n.
KAGARI_API void select_rows(DType dtype, const void* x, void* values, int64_t* indices, int64_t rows, int64_t n, int64_t k);

}  // namespace kagari::cpu
