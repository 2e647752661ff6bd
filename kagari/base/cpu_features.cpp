#include "kagari/base/cpu_features.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace kagari {
namespace {

Isa detect() {
  __builtin_cpu_init();
  bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
            __builtin_cpu_supports("bmi2");
  if (!v3) return Isa::V2;
  bool v4 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  return v4 ? Isa::V4 : Isa::V3;
}

// What the kernels of this library were compiled for.
constexpr Isa compiled[] = {
#ifdef KAGARI_HAS_V2
    Isa::V2,
#endif
#ifdef KAGARI_HAS_V3
    Isa::V3,
#endif
#ifdef KAGARI_HAS_V4
    Isa::V4,
#endif
};

Isa choose() {
  Isa limit = detect();
  if (const char* wanted = std::getenv("KAGARI_ISA"))
    for (Isa candidate : {Isa::V2, Isa::V3, Isa::V4})
      if (name(candidate) == wanted) limit = std::min(limit, candidate);
  Isa best = compiled[0];
  for (Isa candidate : compiled)
    if (candidate <= limit) best = candidate;
  return best;
}

struct Leaf {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

// CPUID leaf 7, all zero where the processor has no such leaf.
Leaf leaf7(unsigned subleaf) {
  Leaf r;
  if (!__get_cpuid_count(7, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx)) return {};
  return r;
}

}  // namespace

Isa isa() {
  static const Isa chosen = choose();
  return chosen;
}

std::string_view name(Isa isa) {
  constexpr std::string_view names[] = {"v2", "v3", "v4"};
  return names[int(isa)];
}

bool has_native_bfloat16() {
  static const bool result = isa() == Isa::V4 && ((leaf7(1).eax >> 5 & 1) || (leaf7(0).edx >> 22 & 1));
  return result;
}

bool has_tiles() {
  static const bool result = [] {
    if (isa() != Isa::V4 || !(leaf7(0).edx >> 22 & 1) || !(leaf7(0).edx >> 24 & 1)) return false;
    constexpr long request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
  }();
  return result;
}

bool has_native_float16() {
  static const bool result = isa() == Isa::V4 && (leaf7(0).edx >> 23 & 1);
  return result;
}

}  // namespace kagari
