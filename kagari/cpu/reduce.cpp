#include "kagari/cpu/reduce.h"

#include <algorithm>
#include <vector>

#include "kagari/base/parallel.h"

namespace kagari::cpu {
namespace {

constexpr int64_t kGrain = 32768;  // elements worth a thread

struct alignas(16) State {
  char bytes[32];
};

// One output: blocks of fixed size in order, on the calling thread.
void reduce_run(const ReduceKernel& kernel, char* out, const char* in, int64_t n, int64_t stride, const LoopParams* params) {
  State total;
  kernel.block(&total, in, std::min(n, kReduceBlock), stride, params);
  for (int64_t start = kReduceBlock; start < n; start += kReduceBlock) {
    State part;
    kernel.block(&part, in + start * stride, std::min(n - start, kReduceBlock), stride, params);
    kernel.merge(&total, &part, params);
  }
  kernel.finish(out, &total, params);
}

// The same for one long run, with the blocks on several threads; they are merged in the same order.
void reduce_long_run(const ReduceKernel& kernel, char* out, const char* in, int64_t n, int64_t stride, const LoopParams* params) {
  const int64_t blocks = (n + kReduceBlock - 1) / kReduceBlock;
  std::vector<State> parts(static_cast<size_t>(blocks));
  parallel_for(0, blocks, std::max<int64_t>(1, 2 * kGrain / kReduceBlock), [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b)
      kernel.block(&parts[size_t(b)], in + b * kReduceBlock * stride, std::min(n - b * kReduceBlock, kReduceBlock), stride, params);
  });
  for (int64_t b = 1; b < blocks; ++b) kernel.merge(&parts[0], &parts[size_t(b)], params);
  kernel.finish(out, &parts[0], params);
}

}  // namespace

void run_reduce(const ReduceKernel& kernel, char* out, const char* in, const ReduceSlab& slab, const LoopParams* params) {
  ReduceSlab s = slab;
  // Strided runs that lie side by side are columns.
  if (s.inner == 1 && s.outer > 1 && s.outer_stride == kernel.input_size && s.n_stride != kernel.input_size)
    s = {1, s.n, s.outer, 0, s.n_stride};
  if (s.inner == 1) {
    if (s.outer == 1 && s.n > 2 * kReduceBlock) return reduce_long_run(kernel, out, in, s.n, s.n_stride, params);
    const int64_t rows = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, s.n));
    parallel_for(0, s.outer, rows, [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o)
        reduce_run(kernel, out + o * kernel.output_size, in + o * s.outer_stride, s.n, s.n_stride, params);
    });
    return;
  }
  // Columns: the work is cut into tiles of columns, so that few outputs of many rows are shared out, too.
  const int64_t tile = std::min<int64_t>(s.inner, 1024);
  const int64_t tiles = (s.inner + tile - 1) / tile;
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, tile * s.n));
  parallel_for(0, s.outer * tiles, grain, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t o = t / tiles, column = t % tiles * tile;
      kernel.columns(out + (o * s.inner + column) * kernel.output_size, in + o * s.outer_stride + column * kernel.input_size, s.n,
                     s.n_stride, std::min(tile, s.inner - column), params);
    }
  });
}

}  // namespace kagari::cpu
