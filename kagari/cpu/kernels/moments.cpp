// Mean and sum of squared deviations, for variances and standard deviations: the reduction "moments", whose output is a
// Moments (in double) for every floating dtype.
//
// A block is read twice while it is in the cache (mean, then deviations), and blocks are merged by the formula of Chan, Golub
// and LeVeque, so that neither large means nor long inputs cost accuracy.
#include "kagari/cpu/elementwise.h"
#include "kagari/cpu/reduce.h"
#include "kagari/cpu/row_math.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace {

struct Partial {
  double count, mean, m2;
};

void add_partial(Partial& a, const Partial& b) {
  if (b.count == 0) return;
  const double count = a.count + b.count, delta = b.mean - a.mean;
  a.mean += delta * (b.count / count);
  a.m2 += b.m2 + delta * delta * (a.count * b.count / count);
  a.count = count;
}

template <class T>
Partial contiguous_moments(const T* x, int64_t n) {
  using L = LaneType<T>;
  using V = LanesOf<T>;
  if (n == 0) return {0, 0, 0};
  const double sum = sum_row<L>(n, [&](int64_t i, int count) { return load_row(x, i, count); });
  const double mean = sum / double(n);
  // Deviations from the rounded mean; what the rounding left out is corrected at the end.
  const L center = L(mean);
  const V c(center);
  const double m2 = sum_row<L>(n, [&](int64_t i, int count) {
    V d = load_row(x, i, count, center) - c;
    return d * d;
  });
  const double rest = mean - double(center);
  const double corrected = m2 - double(n) * rest * rest;
  return {double(n), mean, corrected < 0 ? 0.0 : corrected};
}

template <class T>
void block(void* state, const char* in, int64_t n, int64_t stride, const LoopParams*) {
  Partial& total = *static_cast<Partial*>(state);
  if (stride == int64_t(sizeof(T)) || n == 1) {
    total = contiguous_moments(reinterpret_cast<const T*>(in), n);
    return;
  }
  total = {0, 0, 0};
  T buffer[kStageBlock];
  for (int64_t start = 0; start < n; start += kStageBlock) {
    const int64_t count = std::min(n - start, kStageBlock);
    for (int64_t i = 0; i < count; ++i) buffer[i] = *reinterpret_cast<const T*>(in + (start + i) * stride);
    add_partial(total, contiguous_moments(buffer, count));
  }
}

void merge(void* state, const void* later, const LoopParams*) {
  add_partial(*static_cast<Partial*>(state), *static_cast<const Partial*>(later));
}

void finish(char* out, const void* state, const LoopParams*) {
  const Partial& p = *static_cast<const Partial*>(state);
  *reinterpret_cast<Moments*>(out) = {p.count == 0 ? __builtin_nan("") : p.mean, p.m2};
}

// Strips of rows over tiles of columns, each read twice.
template <class T>
void columns(char* out, const char* in, int64_t n, int64_t stride, int64_t columns, const LoopParams*) {
  using L = LaneType<T>;
  using V = LanesOf<T>;
  constexpr int64_t kColumns = 128, kRows = 64;
  alignas(64) L center[kColumns], sum[kColumns], squares[kColumns];
  for (int64_t first = 0; first < columns; first += kColumns) {
    const int64_t m = std::min(columns - first, kColumns);
    const char* tile = in + first * int64_t(sizeof(T));
    Moments* result = reinterpret_cast<Moments*>(out) + first;
    for (int64_t j = 0; j < m; ++j) result[j] = {n == 0 ? __builtin_nan("") : 0, 0};
    for (int64_t start = 0; start < n; start += kRows) {
      const int64_t rows = std::min(n - start, kRows);
      std::fill_n(sum, kColumns, L(0));
      std::fill_n(squares, kColumns, L(0));
      for (int64_t r = 0; r < rows; ++r) {
        const T* row = reinterpret_cast<const T*>(tile + (start + r) * stride);
        for_each_vector<V::size>(m, [&](int64_t j, int k) { (V::load(sum + j) + load_row(row, j, k)).store(sum + j); });
      }
      for (int64_t j = 0; j < m; ++j) center[j] = sum[j] / L(rows);
      for (int64_t j = m; j < kColumns; ++j) center[j] = 0;
      for (int64_t r = 0; r < rows; ++r) {
        const T* row = reinterpret_cast<const T*>(tile + (start + r) * stride);
        for_each_vector<V::size>(m, [&](int64_t j, int k) {
          V d = load_row(row, j, k) - V::load(center + j);
          (V::load(squares + j) + d * d).store(squares + j);
        });
      }
      for (int64_t j = 0; j < m; ++j) {
        Partial total{double(start), result[j].mean, result[j].m2};
        const double mean = double(sum[j]) / double(rows), rest = mean - double(center[j]);
        add_partial(total, {double(rows), mean, std::max(0.0, double(squares[j]) - double(rows) * rest * rest)});
        result[j] = {total.mean, total.m2};
      }
    }
  }
}

template <class T>
const ReduceKernel& moments() {
  static constexpr ReduceKernel kernel{sizeof(Partial), sizeof(T), sizeof(Moments), &block<T>, &merge, &finish, &columns<T>};
  return kernel;
}

}  // namespace

KAGARI_KERNELS(r) {
  r.add<ReduceKernelOf>("moments", DType::Float32, &moments<float>);
  r.add<ReduceKernelOf>("moments", DType::Float64, &moments<double>);
  r.add<ReduceKernelOf>("moments", DType::Float16, &moments<Half>);
  r.add<ReduceKernelOf>("moments", DType::BFloat16, &moments<BFloat16>);
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
