#pragma once
#include <cstdint>

#include "kagari/base/export.h"

namespace kagari {

/// While set, the bytes of the storages that this thread makes are added here, and those that it frees taken off.
KAGARI_API extern constinit thread_local int64_t* storage_meter;

}  // namespace kagari
