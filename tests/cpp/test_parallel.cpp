#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "check.h"
#include "kagari/base/error.h"
#include "kagari/base/parallel.h"

using namespace kagari;

static void every_index_once() {
  for (int threads : {1, 2, 4}) {
    set_num_threads(threads);
    for (int64_t n : {0, 1, 7, 100, 1001}) {
      std::vector<std::atomic<int>> seen(size_t(n) + 1);
      parallel_for(0, n, 10, [&](int64_t begin, int64_t end) {
        EXPECT(begin < end);
        EXPECT(thread_index() < num_threads());
        for (int64_t i = begin; i < end; ++i) ++seen[size_t(i)];
      });
      for (int64_t i = 0; i < n; ++i) EXPECT(seen[size_t(i)] == 1);
    }
  }
}

static void nested_loops_run_in_place() {
  set_num_threads(2);
  std::atomic<int> calls{0};
  parallel_for(0, 2, 1, [&](int64_t, int64_t) {
    EXPECT(in_parallel_region());
    EXPECT(prepare_openmp() == 1);
    int here = thread_index();
    parallel_for(0, 100, 1, [&](int64_t begin, int64_t end) {
      EXPECT(begin == 0 && end == 100 && thread_index() == here);
      ++calls;
    });
  });
  EXPECT(calls == 2);
  EXPECT(!in_parallel_region());
}

static void exceptions_reach_the_caller() {
  set_num_threads(2);
  bool caught = false;
  try {
    parallel_for(0, 2, 1, [](int64_t begin, int64_t) { KG_CHECK_VALUE(begin == 0, "part ", begin); });
  } catch (const Error& e) {
    caught = e.kind() == ErrorKind::Value && e.message() == "part 1";
  }
  EXPECT(caught);
  EXPECT(!in_parallel_region());
}

static void bad_thread_counts_raise() {
  bool caught = false;
  try {
    set_num_threads(0);
  } catch (const Error& e) {
    caught = e.kind() == ErrorKind::Runtime;
  }
  EXPECT(caught);
}

static int64_t parallel_sum(int64_t n) {
  std::atomic<int64_t> sum{0};
  parallel_for(0, n, 10, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) sum += i;
  });
  return sum;
}

// The parent's pool has threads; a child that waited for them would hang.
static void children_work_with_one_thread() {
  set_num_threads(2);
  EXPECT(parallel_sum(1000) == 499500);
  pid_t child = fork();
  if (child == 0) {
    alarm(20);
    _exit(parallel_sum(1000) == 499500 && num_threads() == 1 && prepare_openmp() == 1 ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT(parallel_sum(1000) == 499500);
}

static void several_callers() {
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([] {
      for (int i = 0; i < 50; ++i) EXPECT(parallel_sum(500) == 124750);
    });
  for (auto& t : threads) t.join();
}

int main() {
  EXPECT(num_threads() >= 1);
  every_index_once();
  nested_loops_run_in_place();
  exceptions_reach_the_caller();
  bad_thread_counts_raise();
  several_callers();
  children_work_with_one_thread();
  return finish();
}
