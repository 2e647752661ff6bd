#include "kagari/cpu/dispatch.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>

namespace kagari::cpu {
namespace {

// Plain pointer, so that it is ready before any dynamic initialiser runs.
KernelFile* first_file = nullptr;

CpuLevel supported_level() {
  __builtin_cpu_init();
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
              __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("f16c");
  bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                __builtin_cpu_supports("avx512cd");
  return avx512 ? CpuLevel::Avx512 : avx2 ? CpuLevel::Avx2 : CpuLevel::Baseline;
}

CpuLevel choose_level() {
  CpuLevel best = supported_level();
  const char* wanted = std::getenv("KAGARI_CPU_LEVEL");
  if (wanted == nullptr) return best;
  for (CpuLevel level : {CpuLevel::Baseline, CpuLevel::Avx2, CpuLevel::Avx512})
    if (name(level) == wanted) return std::min(best, level);
  return best;
}

// Node-based, so that references stay valid.
using Tables = std::map<std::string, AnyKernelTable, std::less<>>;

Tables* being_filled = nullptr;

const Tables& tables() {
  static const Tables filled = [] {
    Tables result;
    being_filled = &result;
    KernelRegistry registry;
    for (KernelFile* file = first_file; file != nullptr; file = file->next)
      if (file->level == cpu_level()) file->enter(registry);
    being_filled = nullptr;
    return result;
  }();
  return filled;
}

}  // namespace

KernelFile::KernelFile(CpuLevel level, void (*enter)(KernelRegistry&)) : level(level), enter(enter), next(first_file) {
  first_file = this;
}

std::string_view name(CpuLevel level) {
  switch (level) {
    case CpuLevel::Avx512:
      return "avx512";
    case CpuLevel::Avx2:
      return "avx2";
    default:
      return "baseline";
  }
}

CpuLevel cpu_level() {
  static const CpuLevel level = choose_level();
  return level;
}

void KernelRegistry::add_any(std::string_view name, DType dtype, AnyFn fn, const std::type_info& signature) {
  AnyKernelTable& table = (*being_filled)[std::string(name)];
  KG_ASSERT(table.signature == nullptr || *table.signature == signature);
  KG_ASSERT(table.functions[int(dtype)] == nullptr);
  table.signature = &signature;
  table.functions[int(dtype)] = fn;
}

const AnyKernelTable& detail::find_table(std::string_view name, const std::type_info& signature) {
  auto found = tables().find(name);
  if (found == tables().end()) fail(ErrorKind::Internal, str("internal error: there is no CPU kernel named ", name));
  if (*found->second.signature != signature)
    fail(ErrorKind::Internal, str("internal error: the CPU kernel ", name, " has another signature"));
  return found->second;
}

std::vector<std::string_view> kernel_names() {
  std::vector<std::string_view> names;
  for (const auto& [name, table] : tables()) names.push_back(name);
  return names;
}

LoopFn cast_loop(DType to, DType from) {
  static const CastLoopOf choose = find_kernels<CastLoopOf>("cast")[DType::Bool];
  return choose(to, from);
}

}  // namespace kagari::cpu
