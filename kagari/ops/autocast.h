#pragma once
#include <optional>

#include "kagari/tensor/tensor.h"

namespace kagari {

/// torch.autocast on the CPU: operators take their floating arguments in the dtype that suits them. One state per thread.
struct AutocastState {
  bool enabled = false;
  DType dtype = DType::BFloat16;
  bool cache_enabled = true;
  int nesting = 0;
};
KAGARI_API AutocastState autocast_state();
KAGARI_API void set_autocast_enabled(bool enabled);
KAGARI_API void set_autocast_dtype(DType dtype);
KAGARI_API void set_autocast_cache_enabled(bool enabled);
/// Enters (1) or leaves (-1) a region; the new depth.
KAGARI_API int change_autocast_nesting(int change);
/// Forgets the converted parameters that the outermost region keeps.
KAGARI_API void clear_autocast_cache();

}  // namespace kagari
