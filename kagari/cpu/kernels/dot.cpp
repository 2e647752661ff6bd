// Dot products of contiguous half-precision vectors: products in float, sums of 1024 of them in double.
#include "kagari/cpu/elementwise.h"
#include "kagari/cpu/reduce.h"
#include "kagari/cpu/row_math.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace {

// data: out (one number per row), a, b
template <class T>
void dot(char* const* data, int64_t rows, int64_t n, const void*) {
  for (int64_t row = 0; row < rows; ++row) {
    const T *a = reinterpret_cast<const T*>(data[1]) + row * n, *b = reinterpret_cast<const T*>(data[2]) + row * n;
    const double sum = sum_row<float>(n, [&](int64_t i, int count) { return load_row(a, i, count) * load_row(b, i, count); });
    reinterpret_cast<T*>(data[0])[row] = T(float(sum));
  }
}

}  // namespace

KAGARI_KERNELS(r) {
  r.add<RowsFn>("dot_rows", DType::Float16, &dot<Half>);
  r.add<RowsFn>("dot_rows", DType::BFloat16, &dot<BFloat16>);
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
