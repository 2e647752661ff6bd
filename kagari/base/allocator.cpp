#include "kagari/base/allocator.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <mutex>

#include "kagari/base/error.h"

namespace kagari {
namespace {

constexpr size_t alignment = 64;
constexpr size_t large_size = size_t(1) << 20;
constexpr size_t huge_page = size_t(2) << 20;
constexpr size_t absurd_size = size_t(1) << 47;  // user space ends here

[[noreturn]] void fail_memory(size_t bytes) {
  // The text around the number is what programs written for PyTorch look for.
  fail(ErrorKind::OutOfMemory,
       str("[enforce fail at allocator.cpp] DefaultCPUAllocator: can't allocate memory: you tried to allocate ", bytes,
           " bytes. Error code 12 (Cannot allocate memory)"));
}

void* system_allocate(size_t bytes) {
  void* block = nullptr;
  return posix_memalign(&block, alignment, bytes) == 0 ? block : nullptr;
}

// A class holds sizes up to class_bytes(class): `steps` classes per doubling, all multiples of 64 bytes.
template <int step_bits>
int class_of(size_t bytes) {
  size_t units = (std::max<size_t>(bytes, 1) - 1) >> 6;  // 0-based count of 64-byte units
  if (units < (size_t(1) << step_bits)) return int(units);
  int shift = int(std::bit_width(units)) - 1 - step_bits;
  return (shift << step_bits) + int(units >> shift);
}
template <int step_bits>
size_t class_bytes(int index) {
  constexpr int steps = 1 << step_bits;
  if (index < steps) return size_t(index + 1) << 6;
  int shift = (index >> step_bits) - 1;
  size_t units = size_t(index & (steps - 1)) + steps;
  return ((units + 1) << shift) << 6;
}

// ---- small blocks

constexpr int small_step_bits = 2;
constexpr int small_classes = 64;  // more than class_of(large_size - 1)

struct FreeBlock {
  FreeBlock* next;
};

struct SmallBin {
  FreeBlock* head = nullptr;
  uint32_t count = 0;
  uint32_t limit = 0;
};

struct SmallCache {
  SmallBin bins[small_classes];
  SmallCache() {
    for (int i = 0; i < small_classes; ++i)
      bins[i].limit = uint32_t(std::clamp<size_t>((size_t(512) << 10) / class_bytes<small_step_bits>(i), 2, 128));
  }
  ~SmallCache() { clear(); }
  void clear() {
    for (SmallBin& bin : bins) {
      while (FreeBlock* block = bin.head) {
        bin.head = block->next;
        std::free(block);
      }
      bin.count = 0;
    }
  }
};

// The pointer is one word of static TLS, so reading it costs one instruction; the cache itself is made on first use and
// freed by the owner's destructor. Blocks that die after that go straight to the system.
__attribute__((tls_model("initial-exec"))) thread_local SmallCache* small_cache = nullptr;
thread_local bool small_cache_gone = false;

struct SmallCacheOwner {
  bool used = false;
  ~SmallCacheOwner() {
    delete small_cache;
    small_cache = nullptr;
    small_cache_gone = true;
  }
};
thread_local SmallCacheOwner small_cache_owner;

SmallCache* make_small_cache() {
  if (small_cache_gone) return nullptr;
  small_cache_owner.used = true;  // the first use registers the destructor
  return small_cache = new SmallCache;
}

[[gnu::noinline]] void* allocate_small_slow(int index) {
  if (!small_cache) make_small_cache();
  return system_allocate(class_bytes<small_step_bits>(index));
}

// ---- large blocks

constexpr int large_step_bits = 3;
constexpr int large_classes = 40 * 8;

// Lies in the first bytes of a kept block.
struct KeptBlock {
  KeptBlock *newer, *older;           // in order of use, over all classes
  KeptBlock *class_next, *class_previous;  // within the class, newest first
  size_t bytes;
  int index;
};

class LargeCache {
 public:
  void* take(size_t bytes) {
    int index = class_of<large_step_bits>(bytes);
    size_t size = class_bytes<large_step_bits>(index);
    {
      std::lock_guard lock(mutex_);
      ++statistics_.large_requests;
      if (KeptBlock* block = heads_[index]) {
        unlink(block);
        ++statistics_.large_hits;
        count_taken(size);
        return block;
      }
    }
    void* block = map(size);
    if (!block) {
      clear();
      block = map(size);
    }
    if (!block) fail_memory(bytes);
    std::lock_guard lock(mutex_);
    count_taken(size);
    return block;
  }

  void give_back(void* memory, size_t bytes) noexcept {
    int index = class_of<large_step_bits>(bytes);
    size_t size = class_bytes<large_step_bits>(index);
    KeptBlock* evicted = nullptr;
    bool keep = size <= bound();
    {
      std::lock_guard lock(mutex_);
      statistics_.large_in_use -= size;
      if (keep) {
        while (statistics_.large_cached + size > bound()) {
          KeptBlock* block = oldest_;
          unlink(block);
          block->class_next = evicted;
          evicted = block;
        }
        link(new (memory) KeptBlock{nullptr, nullptr, nullptr, nullptr, size, index});
      }
    }
    if (!keep) munmap(memory, size);
    unmap_list(evicted);
  }

  void clear() {
    KeptBlock* all = nullptr;
    {
      std::lock_guard lock(mutex_);
      while (KeptBlock* block = oldest_) {
        unlink(block);
        block->class_next = all;
        all = block;
      }
    }
    unmap_list(all);
  }

  AllocatorStatistics statistics() {
    std::lock_guard lock(mutex_);
    return statistics_;
  }

  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  static size_t bound() {
    static const size_t value =
        std::min(size_t(sysconf(_SC_PHYS_PAGES)) * size_t(sysconf(_SC_PAGESIZE)) / 4, size_t(4) << 30);
    return value;
  }

  // Mapped memory whose start is a multiple of the huge page's size if a huge page fits.
  static void* map(size_t size) {
    size_t slack = size >= huge_page ? huge_page : 0;
    void* memory = mmap(nullptr, size + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    if (slack == 0) return memory;
    auto start = reinterpret_cast<uintptr_t>(memory);
    uintptr_t aligned = (start + huge_page - 1) & ~(huge_page - 1);
    if (aligned > start) munmap(memory, aligned - start);
    uintptr_t end = aligned + size, mapped_end = start + size + slack;
    if (mapped_end > end) munmap(reinterpret_cast<void*>(end), mapped_end - end);
    madvise(reinterpret_cast<void*>(aligned), size, MADV_HUGEPAGE);
    return reinterpret_cast<void*>(aligned);
  }

  static void unmap_list(KeptBlock* block) {
    while (block) {
      KeptBlock* next = block->class_next;
      munmap(block, block->bytes);
      block = next;
    }
  }

  void count_taken(size_t size) {
    statistics_.large_in_use += size;
    statistics_.large_peak = std::max(statistics_.large_peak, statistics_.large_in_use);
  }

  void link(KeptBlock* block) {
    block->older = newest_;
    (newest_ ? newest_->newer : oldest_) = block;
    newest_ = block;
    block->class_next = heads_[block->index];
    if (block->class_next) block->class_next->class_previous = block;
    heads_[block->index] = block;
    statistics_.large_cached += block->bytes;
  }

  void unlink(KeptBlock* block) {
    (block->older ? block->older->newer : oldest_) = block->newer;
    (block->newer ? block->newer->older : newest_) = block->older;
    (block->class_previous ? block->class_previous->class_next : heads_[block->index]) = block->class_next;
    if (block->class_next) block->class_next->class_previous = block->class_previous;
    statistics_.large_cached -= block->bytes;
  }

  std::mutex mutex_;
  KeptBlock* heads_[large_classes] = {};
  KeptBlock *newest_ = nullptr, *oldest_ = nullptr;
  AllocatorStatistics statistics_;
};

// Never destroyed: tensors may outlive static objects.
LargeCache& large_cache() {
  static LargeCache* cache = [] {
    // A fork while another thread holds the lock must not leave it locked in the child.
    pthread_atfork([] { large_cache().lock(); }, [] { large_cache().unlock(); }, [] { large_cache().unlock(); });
    return new LargeCache;
  }();
  return *cache;
}

// Address sanitizer sees overruns and use after free only if every block comes from the system.
#ifdef KAGARI_SANITIZED
constexpr bool cached = false;
#else
constexpr bool cached = true;
#endif

}  // namespace

void* allocate(size_t bytes) {
  if (bytes == 0) return nullptr;
  if (bytes < large_size && cached) [[likely]] {
    int index = class_of<small_step_bits>(bytes);
    if (SmallCache* cache = small_cache) [[likely]] {
      SmallBin& bin = cache->bins[index];
      if (FreeBlock* block = bin.head) [[likely]] {
        bin.head = block->next;
        --bin.count;
        return block;
      }
    }
    if (void* block = allocate_small_slow(index)) return block;
    fail_memory(bytes);
  }
  if (bytes > absurd_size) fail_memory(bytes);
  if (!cached) {
    if (void* block = system_allocate(bytes)) return block;
    fail_memory(bytes);
  }
  return large_cache().take(bytes);
}

void deallocate(void* block, size_t bytes) noexcept {
  if (!block) return;
  if (!cached) return std::free(block);
  if (bytes >= large_size) return large_cache().give_back(block, bytes);
  SmallCache* cache = small_cache;
  if (!cache) [[unlikely]]
    cache = make_small_cache();
  if (!cache) return std::free(block);
  SmallBin& bin = cache->bins[class_of<small_step_bits>(bytes)];
  if (bin.count >= bin.limit) [[unlikely]]
    return std::free(block);
  auto* free_block = static_cast<FreeBlock*>(block);
  free_block->next = bin.head;
  bin.head = free_block;
  ++bin.count;
}

void empty_cache() {
  if (small_cache) small_cache->clear();
  large_cache().clear();
}

AllocatorStatistics allocator_statistics() { return large_cache().statistics(); }

}  // namespace kagari
