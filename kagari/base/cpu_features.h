#pragma once
#include <cstdint>
#include <string_view>

#include "kagari/base/export.h"

namespace kagari {

/// The instruction sets that kernels are compiled for, in rising order: x86-64-v2 (SSE4.2), v3 (AVX2, FMA, F16C) and v4 (AVX-512
/// F, BW, CD, DQ, VL).
enum class Isa : uint8_t { V2, V3, V4 };

/// The best one that this machine runs, of those that the library was compiled for. The environment variable KAGARI_ISA=v2|v3|v4
/// lowers it (it is read once).
KAGARI_API Isa isa();

/// "v2", "v3", "v4".
KAGARI_API std::string_view name(Isa isa);

/// Native bfloat16 dot products (AVX512_BF16) or tiles (AMX_BF16).
KAGARI_API bool has_native_bfloat16();

/// Tiles of bfloat16 (AMX_BF16) that the system lets this process use. The first call asks for them.
KAGARI_API bool has_tiles();

/// Native float16 arithmetic (AVX512_FP16).
KAGARI_API bool has_native_float16();

}  // namespace kagari
