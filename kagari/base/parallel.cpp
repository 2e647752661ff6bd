#include "kagari/base/parallel.h"

#include <omp.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "kagari/base/error.h"

namespace kagari {
namespace {

// CPUs that this process may run on.
int affinity_count() {
  // The kernel refuses a set that is too small for its CPU numbers: grow until it fits.
  for (int cpus = 1024; cpus <= 1 << 18; cpus *= 2) {
    cpu_set_t* set = CPU_ALLOC(cpus);
    if (!set) break;
    size_t bytes = CPU_ALLOC_SIZE(cpus);
    int count = sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (count > 0) return count;
  }
  return 1;
}

// Reads "quota period" from a cpu.max file; infinity when there is no limit.
double quota_of_file(const char* path) {
  FILE* file = std::fopen(path, "re");
  if (!file) return INFINITY;
  char quota[32] = "";
  long long period = 0;
  int fields = std::fscanf(file, "%31s %lld", quota, &period);
  std::fclose(file);
  if (fields != 2 || period <= 0 || std::strcmp(quota, "max") == 0) return INFINITY;
  return std::atof(quota) / double(period);
}

long long number_in_file(const char* path) {
  FILE* file = std::fopen(path, "re");
  if (!file) return -1;
  long long value = -1;
  if (std::fscanf(file, "%lld", &value) != 1) value = -1;
  std::fclose(file);
  return value;
}

// CPUs' worth of time that the cgroup grants: version 2 (every level up to the root may limit), then version 1.
double cgroup_quota() {
  double quota = quota_of_file("/sys/fs/cgroup/cpu.max");
  if (FILE* file = std::fopen("/proc/self/cgroup", "re")) {
    char line[4096];
    while (std::fgets(line, sizeof line, file)) {
      if (std::strncmp(line, "0::/", 4) != 0) continue;
      std::string group(line + 3);
      while (!group.empty() && (group.back() == '\n' || group.back() == '/')) group.pop_back();
      while (!group.empty()) {
        quota = std::min(quota, quota_of_file(("/sys/fs/cgroup" + group + "/cpu.max").c_str()));
        group.resize(group.rfind('/'));
      }
    }
    std::fclose(file);
  }
  long long old_quota = number_in_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  long long old_period = number_in_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  if (old_quota > 0 && old_period > 0) quota = std::min(quota, double(old_quota) / double(old_period));
  return quota;
}

int initial_thread_count() {
  if (const char* text = std::getenv("OMP_NUM_THREADS")) {
    int n = std::atoi(text);
    if (n > 0) return n;
  }
  double quota = cgroup_quota();
  int cpus = affinity_count();
  return std::isfinite(quota) ? std::clamp(int(std::ceil(quota)), 1, cpus) : cpus;
}

std::atomic<int> requested_threads{0};  // 0: not asked yet
std::atomic<bool> pool_started{false};
std::atomic<bool> pool_lost{false};  // forked from a process whose pool had started
thread_local bool inside_region = false;
thread_local int index_in_team = 0;

void after_fork_in_child() {
  if (pool_started.load(std::memory_order_relaxed)) pool_lost.store(true, std::memory_order_relaxed);
}

void note_pool_start() {
  if (pool_started.load(std::memory_order_acquire)) return;
  static const int registered = pthread_atfork(nullptr, nullptr, after_fork_in_child);
  (void)registered;
  pool_started.store(true, std::memory_order_release);
}

// Keeps the first exception of a team; the others are dropped.
class FirstException {
 public:
  void capture() noexcept {
    if (!taken_.test_and_set()) exception_ = std::current_exception();
  }
  void rethrow() {
    if (exception_) std::rethrow_exception(exception_);
  }

 private:
  std::atomic_flag taken_ = ATOMIC_FLAG_INIT;
  std::exception_ptr exception_;
};

}  // namespace

int num_threads() {
  if (pool_lost.load(std::memory_order_relaxed)) return 1;
  int n = requested_threads.load(std::memory_order_relaxed);
  if (n == 0) {
    n = initial_thread_count();
    requested_threads.store(n, std::memory_order_relaxed);
  }
  return n;
}

void set_num_threads(int n) {
  KG_CHECK(n > 0, "set_num_threads expects a positive integer, got ", n);
  requested_threads.store(n, std::memory_order_relaxed);
}

bool in_parallel_region() { return inside_region; }
int thread_index() { return index_in_team; }

int prepare_openmp() {
  if (inside_region) return 1;  // libgomp runs nested loops in the calling thread
  int n = num_threads();
  if (n > 1) note_pool_start();
  if (omp_get_max_threads() != n) omp_set_num_threads(n);
  return n;
}

namespace detail {

void parallel_for_split(int64_t begin, int64_t end, int64_t grain, FunctionRef<void(int64_t, int64_t)> body) {
  int64_t length = end - begin;
  int64_t parts = inside_region ? 1 : std::min<int64_t>(num_threads(), (length + grain - 1) / std::max<int64_t>(grain, 1));
  if (parts <= 1) return body(begin, end);
  note_pool_start();
  FirstException error;
#pragma omp parallel num_threads(int(parts))
  {
    // libgomp may give fewer threads than asked for.
    int64_t team = omp_get_num_threads(), index = omp_get_thread_num();
    int64_t part = (length + team - 1) / team;
    int64_t from = begin + index * part, to = std::min(end, from + part);
    bool outer_region = inside_region;
    inside_region = true;
    index_in_team = int(index);
    if (from < to) {
      try {
        body(from, to);
      } catch (...) {
        error.capture();
      }
    }
    inside_region = outer_region;
    index_in_team = 0;
  }
  error.rethrow();
}

}  // namespace detail
}  // namespace kagari
