#pragma once
#include <cstdint>

#include "kagari/base/export.h"
#include "kagari/base/function_ref.h"

// Loops over several threads. There is one pool in the process, libgomp's, which oneDNN uses, too.
//
//   parallel_for(0, n, 32768, [&](int64_t begin, int64_t end) { for (int64_t i = begin; i < end; ++i) ...; });
//
// - No thread starts before the first loop that is large enough to be split.
// - A loop inside a loop runs in the thread that meets it.
// - An exception thrown by the body reaches the caller of parallel_for (the first one, when several threads throw).
// - After fork() the child works with one thread if its parent had started the pool, because the pool's threads are not in it.
// - Which thread runs which part depends on the number of threads. A result must not: reductions split their input into
//   blocks of a fixed size and run parallel_for over the blocks.

namespace kagari {

/// Number of threads that parallel_for may use. At start-up: OMP_NUM_THREADS if set, otherwise the number of CPUs that the
/// process may run on, at most the cgroup's CPU quota.
KAGARI_API int num_threads();

/// Changes it for the whole process. `n` below 1 raises an Error of kind Runtime.
KAGARI_API void set_num_threads(int n);

/// Whether the calling thread is inside the body of a parallel_for that was split.
KAGARI_API bool in_parallel_region();

/// 0 outside of parallel loops, otherwise the position of this thread in its team: below num_threads().
KAGARI_API int thread_index();

/// Must be called before calling a library that runs OpenMP loops of its own (oneDNN): makes num_threads() hold there, and
/// returns it (1 inside a parallel loop).
KAGARI_API int prepare_openmp();

namespace detail {
KAGARI_API void parallel_for_split(int64_t begin, int64_t end, int64_t grain, FunctionRef<void(int64_t, int64_t)> body);
}

/// Calls body(b, e) for consecutive parts [b, e) of [begin, end), each at least `grain` long (but for the last one), in
/// several threads. An empty range calls nothing.
template <class F>
void parallel_for(int64_t begin, int64_t end, int64_t grain, F&& body) {
  if (begin >= end) return;
  if (end - begin <= grain) return body(begin, end);
  detail::parallel_for_split(begin, end, grain, body);
}

}  // namespace kagari
