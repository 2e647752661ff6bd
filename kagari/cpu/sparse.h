// Products with a matrix whose rows are compressed (CSR): row r holds values[row[r]..row[r + 1]) in the columns column[...].
#pragma once
#include <cstdint>

namespace kagari::cpu {

/// Rows [begin, end) of out (rows, n) = A * dense, dense row-major with n columns. Kernel "csr_times_dense", one per dtype.
using CsrTimesDenseFn = void (*)(char* out, const int64_t* row, const int64_t* column, const char* values, const char* dense, int64_t n, int64_t begin, int64_t end);
/// out[k] = dot(a[r], b[column[k]]) for all k of rows [begin, end), a and b row-major with n columns. Kernel "csr_dots".
using CsrDotsFn = void (*)(char* out, const int64_t* row, const int64_t* column, const char* a, const char* b, int64_t n, int64_t begin, int64_t end);

}  // namespace kagari::cpu
