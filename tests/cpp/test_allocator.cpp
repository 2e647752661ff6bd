#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "kagari/base/allocator.h"
#include "kagari/base/error.h"

using namespace kagari;

static void blocks_are_aligned_and_apart() {
  std::vector<std::pair<unsigned char*, size_t>> blocks;
  size_t size = 1;
  for (int i = 0; i < 400; ++i) {
    auto* p = static_cast<unsigned char*>(allocate(size));
    EXPECT(reinterpret_cast<uintptr_t>(p) % 64 == 0);
    std::memset(p, i & 255, size);
    blocks.push_back({p, size});
    size = size * 9 / 8 + 1;
    if (size > (3u << 20)) size = 1 + unsigned(i);
  }
  for (size_t i = 0; i < blocks.size(); ++i) {
    auto [p, n] = blocks[i];
    EXPECT(p[0] == (i & 255) && p[n - 1] == (i & 255));
    deallocate(p, n);
  }
}

static void zero_bytes_are_null() {
  EXPECT(allocate(0) == nullptr);
  deallocate(nullptr, 0);
}

static void absurd_sizes_raise() {
  for (size_t bytes : {size_t(1) << 62, ~size_t(0), (size_t(1) << 47) - 4096}) {
    bool raised = false;
    try {
      deallocate(allocate(bytes), bytes);
    } catch (const Error& e) {
      raised = e.kind() == ErrorKind::OutOfMemory &&
               e.message().find("you tried to allocate " + std::to_string(bytes) + " bytes") != std::string::npos;
    }
    EXPECT(raised);
  }
}

static void blocks_cross_threads() {
  std::vector<void*> blocks;
  std::thread([&] {
    for (int i = 0; i < 1000; ++i) blocks.push_back(allocate(100));
  }).join();
  for (void* p : blocks) deallocate(p, 100);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([] {
      for (int i = 0; i < 300; ++i) {
        void* small = allocate(size_t(i) * 7 + 1);
        void* large = allocate((1u << 20) + size_t(i % 5) * 300000);
        std::memset(large, 1, 4096);
        deallocate(large, (1u << 20) + size_t(i % 5) * 300000);
        deallocate(small, size_t(i) * 7 + 1);
      }
    });
  for (auto& t : threads) t.join();
}

#ifndef KAGARI_SANITIZED
static void large_blocks_are_reused() {
  empty_cache();
  EXPECT(allocator_statistics().large_cached == 0);
  void* first = allocate(10u << 20);
  deallocate(first, 10u << 20);
  EXPECT(allocator_statistics().large_cached >= (10u << 20));
  uint64_t hits = allocator_statistics().large_hits;
  void* second = allocate(10u << 20);
  EXPECT(second == first);
  EXPECT(allocator_statistics().large_hits == hits + 1);
  EXPECT(allocator_statistics().large_in_use >= (10u << 20));
  deallocate(second, 10u << 20);
  // Kept blocks have a bound.
  for (int i = 0; i < 64; ++i) {
    size_t bytes = (200u << 20) + size_t(i) * (30u << 20);
    deallocate(allocate(bytes), bytes);
    EXPECT(allocator_statistics().large_cached <= (size_t(4) << 30));
  }
  empty_cache();
  EXPECT(allocator_statistics().large_cached == 0 && allocator_statistics().large_in_use == 0);
}
#endif

int main() {
  zero_bytes_are_null();
  blocks_are_aligned_and_apart();
  absurd_sizes_raise();
  blocks_cross_threads();
#ifndef KAGARI_SANITIZED
  large_blocks_are_reused();
#endif
  return finish();
}
