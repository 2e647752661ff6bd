#include "kagari/cpu/int8_gemm.h"

#include <dnnl.h>
#include <omp.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>

#include "kagari/base/cpu_features.h"
#include "kagari/base/error.h"
#include "kagari/base/parallel.h"

namespace kagari {
namespace {

#if defined(__x86_64__)
// Few rows are products with a matrix that is read once: what oneDNN spends on bringing it into another order is not won back then.
constexpr int64_t few_rows = 16;

bool has_byte_products() {
  static const bool has = isa() == Isa::V4 && __builtin_cpu_supports("avx512vnni");
  return has;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // of the compiler's own header
template <int rows>
__attribute__((target("avx512f,avx512bw,avx512vnni"))) void dot_rows(int64_t n, int64_t k, const uint8_t* a, uint8_t zero, const int8_t* b, int32_t* c, int64_t c_row) {
  const __m512i ones = _mm512_set1_epi8(1);
  const __mmask64 tail = k % 64 ? ~uint64_t(0) >> (64 - k % 64) : 0;
  for (int64_t j = 0; j < n; ++j) {
    const int8_t* w = b + j * k;
    __m512i sum[rows], total = _mm512_setzero_si512();
    for (auto& s : sum) s = _mm512_setzero_si512();
    auto step = [&](int64_t at, __mmask64 some) __attribute__((target("avx512f,avx512bw,avx512vnni"))) {
      const __m512i weights = _mm512_maskz_loadu_epi8(some, w + at);
      total = _mm512_dpbusd_epi32(total, ones, weights);
      for (int i = 0; i < rows; ++i) sum[i] = _mm512_dpbusd_epi32(sum[i], _mm512_maskz_loadu_epi8(some, a + i * k + at), weights);
    };
    for (int64_t at = 0; at + 64 <= k; at += 64) step(at, ~__mmask64(0));
    if (tail) step(k / 64 * 64, tail);
    const int32_t of_zero = int32_t(zero) * _mm512_reduce_add_epi32(total);
    for (int i = 0; i < rows; ++i) c[i * c_row + j] = _mm512_reduce_add_epi32(sum[i]) - of_zero;
  }
}

void few(int64_t m, int64_t n, int64_t k, const uint8_t* a, uint8_t zero, const int8_t* b, int32_t* c, int64_t c_row) {
  int64_t i = 0;
  for (; i + 4 <= m; i += 4) dot_rows<4>(n, k, a + i * k, zero, b, c + i * c_row, c_row);
  for (; i < m; ++i) dot_rows<1>(n, k, a + i * k, zero, b, c + i * c_row, c_row);
}
#pragma GCC diagnostic pop
#else
constexpr int64_t few_rows = 0;
bool has_byte_products() { return false; }
void few(int64_t, int64_t, int64_t, const uint8_t*, uint8_t, const int8_t*, int32_t*, int64_t) {}
#endif

}  // namespace

void int8_gemm(int64_t m, int64_t n, int64_t k, const uint8_t* a, uint8_t zero, const int8_t* b, int32_t* c) {
  constexpr int64_t columns = 256;  // of one piece of work
  const bool direct = m <= few_rows && has_byte_products();
  parallel_for(0, (n + columns - 1) / columns, int64_t(1e6 / (double(m * k + 1) * columns)) + 1, [&](int64_t begin, int64_t end) {
    if (!in_parallel_region() && omp_get_max_threads() != 1) omp_set_num_threads(1);  // outside of our loops oneDNN would start its own
    for (int64_t first = begin * columns, last = std::min(n, end * columns), count; first < last; first += count) {
      count = direct ? std::min(columns, last - first) : last - first;  // weights of a piece stay in the second cache for all rows
      if (direct) {
        few(m, count, k, a, zero, b + first * k, c + first, n);
        continue;
      }
      const int32_t none = 0;
      dnnl_status_t status = dnnl_gemm_u8s8s32('N', 'T', 'F', m, count, k, 1, a, k, zero, b + first * k, k, 0, 0, c + first, n, &none);
      KG_CHECK(status == dnnl_success, "a product of integers failed in oneDNN (status ", int(status), ")");
    }
  });
}

}  // namespace kagari
