// The little that a C++ test program needs: EXPECT prints what failed and counts it, finish() is main's result.
#pragma once
#include <cstdio>

inline int failures = 0;

#define EXPECT(condition)                                                        \
  do {                                                                           \
    if (!(condition)) {                                                          \
      std::printf("%s:%d: %s is false\n", __FILE__, __LINE__, #condition);       \
      ++failures;                                                                \
    }                                                                            \
  } while (0)

inline int finish() {
  std::printf(failures ? "%d checks failed\n" : "all checks passed\n", failures);
  return failures != 0;
}
