#pragma once
#include <cstdint>

#include "kagari/base/export.h"

namespace kagari {

class Node;

/// The thread's switches of autograd.
struct GradState {
  bool enabled = true;
  bool inference = false;
  bool anomaly = false;
  bool anomaly_check_nan = true;
};
KAGARI_API extern constinit thread_local GradState thread_grad_state;
inline GradState& grad_state() { return thread_grad_state; }

inline bool grad_enabled() { return grad_state().enabled; }
inline bool anomaly_mode() { return grad_state().anomaly; }

/// Nothing is recorded while one of these is alive. `torch.no_grad`.
class NoGrad {
 public:
  explicit NoGrad(bool enabled = false) : state_(grad_state()), before_(state_.enabled) { state_.enabled = enabled; }
  ~NoGrad() { state_.enabled = before_; }
  NoGrad(const NoGrad&) = delete;

 private:
  GradState& state_;
  bool before_;
};

/// In anomaly mode, called for every new node (a language binding records the stack trace).
using NodeCreated = void (*)(Node&);
KAGARI_API extern NodeCreated node_created;

}  // namespace kagari
