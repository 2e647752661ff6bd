#pragma once
#include <cstddef>
#include <cstdint>

#include "kagari/base/export.h"

// Memory of tensors. Blocks are aligned to 64 bytes.
//
// - Small blocks (under 1 MiB) come from free lists of the calling thread, one per size class (four classes per doubling): no
//   lock, a few nanoseconds. A block may be given back by another thread than the one that took it.
// - Large blocks are mapped from the system, with huge pages where it grants them, and kept when they are given back, because
//   most of the time of a large operator would otherwise go into page faults. What is kept is at most a quarter of the
//   machine's memory and 4 GiB; the least recently used blocks leave first.

namespace kagari {

/// At least `bytes` bytes; nullptr for 0. Raises Error of kind OutOfMemory when the system has no more.
KAGARI_API void* allocate(size_t bytes);

/// Gives back what allocate(bytes) returned; `bytes` must be the same number. nullptr is ignored.
KAGARI_API void deallocate(void* block, size_t bytes) noexcept;

/// Memory that lives as long as the object.
class Scratch {
 public:
  explicit Scratch(int64_t bytes) : bytes_(size_t(bytes)), data_(static_cast<char*>(allocate(bytes_))) {}
  ~Scratch() { deallocate(data_, bytes_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  char* data() const { return data_; }
  float* floats() const { return reinterpret_cast<float*>(data_); }

 private:
  size_t bytes_;
  char* data_;
};

/// Returns all kept large blocks, and the small ones of the calling thread, to the system.
KAGARI_API void empty_cache();

struct AllocatorStatistics {
  size_t large_in_use = 0;    // bytes in large blocks that are taken
  size_t large_peak = 0;      // the most that large_in_use has been
  size_t large_cached = 0;    // bytes in large blocks that are kept for the next request
  uint64_t large_requests = 0;
  uint64_t large_hits = 0;    // requests that a kept block served
};
KAGARI_API AllocatorStatistics allocator_statistics();

}  // namespace kagari
