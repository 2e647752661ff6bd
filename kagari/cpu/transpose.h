#pragma once
#include <cstdint>

namespace kagari::cpu {

/// A transposed copy of a matrix: the kernel "transpose". `in` has `rows` rows of contiguous elements, in_stride bytes apart;
/// `out` gets `columns` rows of contiguous elements, out_stride bytes apart: out[j][i] = in[i][j]. The matrices do not overlap.
using TransposeFn = void (*)(char* out, int64_t out_stride, const char* in, int64_t in_stride, int64_t rows, int64_t columns);

}  // namespace kagari::cpu
