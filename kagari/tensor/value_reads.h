#pragma once
#include "kagari/tensor/tensor.h"

namespace kagari {

/// Is told of every tensor whose value becomes a number (Tensor::item) on this thread, before it does. For those who record programs: what a
/// program decides by such a number is no part of the record. May throw.
struct KAGARI_API ValueReadObserver {
  virtual ~ValueReadObserver() = default;
  virtual void reads(const Tensor& t) = 0;
};
KAGARI_API extern constinit thread_local ValueReadObserver* value_read_observer;

}  // namespace kagari
