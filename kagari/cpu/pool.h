#pragma once
#include <cstdint>
#include <vector>

// Maxima and averages of windows over planes of up to three dimensions: what pooling hands to its kernels.

namespace kagari::cpu {

/// Along one dimension: the elements begin, begin + step, ... below end, and what an average divides by.
struct PoolWindow {
  int64_t begin, end, divisor;
};
struct PoolAxis {
  int64_t size = 1, step = 1;
  std::vector<PoolWindow> windows{{0, 1, 1}};
};

struct PoolPlanes {
  const PoolAxis* axes;      // three
  const void* input;         // planes, contiguous; or (kernels *_last) planes of elements of `channels` numbers each
  void* output;
  int64_t* positions;        // of the maxima in their plane
  int64_t divisor;           // for all windows, or 0: the product of theirs
  int64_t first, last;       // planes
  int64_t channels = 1;
};
using PoolFn = void (*)(const PoolPlanes& p);

}  // namespace kagari::cpu
