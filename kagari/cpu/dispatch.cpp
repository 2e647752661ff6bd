#include "kagari/cpu/dispatch.h"

#include <map>
#include <string>

namespace kagari::cpu {
namespace {

// Plain pointer, so that it is ready before any dynamic initialiser runs.
KernelFile* first_file = nullptr;

// Node-based, so that references stay valid.
using Tables = std::map<std::string, AnyKernelTable, std::less<>>;

Tables* being_filled = nullptr;

const Tables& tables() {
  static const Tables filled = [] {
    Tables result;
    being_filled = &result;
    KernelRegistry registry;
    for (KernelFile* file = first_file; file != nullptr; file = file->next)
      if (file->compiled_for == isa()) file->enter(registry);
    being_filled = nullptr;
    return result;
  }();
  return filled;
}

}  // namespace

KernelFile::KernelFile(Isa isa, void (*enter)(KernelRegistry&)) : compiled_for(isa), enter(enter), next(first_file) {
  first_file = this;
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
