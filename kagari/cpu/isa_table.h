// KG_TABLE_FOR_THIS_CPU(table): the copy of a kernel table (isa_v2::table, isa_v3::table, isa_v4::table) that runs on this machine, of
// those that were compiled. For use inside libkagari only.
#pragma once
#include "kagari/base/cpu_features.h"

#ifdef KAGARI_HAS_V2
#define KG_V2_TABLE(table) case ::kagari::Isa::V2: return ::kagari::isa_v2::table;
#else
#define KG_V2_TABLE(table)
#endif
#ifdef KAGARI_HAS_V3
#define KG_V3_TABLE(table) case ::kagari::Isa::V3: return ::kagari::isa_v3::table;
#else
#define KG_V3_TABLE(table)
#endif
#ifdef KAGARI_HAS_V4
#define KG_V4_TABLE(table) case ::kagari::Isa::V4: return ::kagari::isa_v4::table;
#else
#define KG_V4_TABLE(table)
#endif
#define KG_TABLE_FOR_THIS_CPU(table)                                                              \
  [&]() -> const auto& {                                                                          \
    switch (::kagari::isa()) { KG_V2_TABLE(table) KG_V3_TABLE(table) KG_V4_TABLE(table) default:; } \
    __builtin_unreachable();                                                                      \
  }()
