#pragma once
#include <string_view>
#include <vector>

#include "kagari/op/op.h"

// Note [Transform levels]: vmap, jvp and dual_level each open a level for as long as they run. A tensor that a level made (a batch of examples
// that its user sees as one, a value with a tangent) is an alias of the first example or of the value, marked `special`, with a
// TransformedState that says what it stands for. Levels nest: the value of such a tensor may itself belong to a lower level.
//
// An operator with such arguments runs at the highest level among them, which computes it with operators on the values, one level down, until
// plain tensors are left. So no rule knows of more than one level, and derivatives of derivatives cannot be mixed up.
//
// The autograd graph fits in by one convention: a transformed tensor's own graph belongs to derivatives that were asked for inside its level;
// its value's graph, to those asked for outside. `grad` inside a level therefore lifts what it differentiates to that level (lifted()), and
// a plain tensor that requires a gradient counts as outside.

namespace kagari::transforms {

enum class Randomness : uint8_t { Error, Different, Same };

struct Level {
  enum class Kind : uint8_t {
    Batch,   // vmap
    Tangent, // jvp
    Dual     // forward_ad.dual_level: shares its graph with plain tensors, as one graph serves both in PyTorch
  };
  int64_t id;
  Kind kind;
  int64_t batch_size = 0;
  Randomness randomness = Randomness::Error;
};

/// What a transformed tensor stands for.
struct KAGARI_API TransformedState final : TransformState {
  int64_t level;
  bool batch;           // of a Batch level
  Tensor value;         // all examples; or the primal value
  int64_t dim = -1;     // which dimension of value counts examples; -1: one value for all
  Tensor tangent;       // undefined: zero
  void check_readable(std::string_view reader) const override;
};
inline const TransformedState* state_of(const Tensor& t) {
  return t.defined() ? static_cast<const TransformedState*>(t.impl()->transform.get()) : nullptr;
}

/// Opens a level on this thread, and closes it with all that were opened inside.
KAGARI_API int64_t enter_level(Level::Kind kind, int64_t batch_size = 0, Randomness randomness = Randomness::Error);
KAGARI_API void exit_level(int64_t id);
/// The innermost open level, or null.
KAGARI_API const Level* current_level();
/// The open level of this number, or null.
KAGARI_API const Level* find_level(int64_t id);
/// The innermost open level of a kind, or null.
KAGARI_API const Level* current_level(Level::Kind kind);

/// 1 for the outermost open level.
KAGARI_API int64_t depth_of(int64_t level);

/// `value`, whose dimension `dim` counts examples (-1: the same for all), as one example at the level.
KAGARI_API Tensor make_batched(const Tensor& value, int64_t dim, int64_t level);
/// `primal` with a tangent of its shape at the level.
KAGARI_API Tensor make_dual(const Tensor& primal, const Tensor& tangent, int64_t level);
/// `t` as a tensor of the innermost open level, with a graph of its own; `t` itself outside of all levels.
KAGARI_API Tensor lifted(const Tensor& t);
/// The innermost open level of `t`, or null for a plain tensor. A value whose level was closed becomes plain.
KAGARI_API const Level* level_of(const Tensor& t);
/// Whether t, or what it stands for, belongs to a graph.
KAGARI_API bool belongs_to_graph(const Tensor& t);
/// The plain tensor behind t, with the values of all examples.
KAGARI_API Tensor values_behind(const Tensor& t);
/// Shares the bytes, without a graph at any level and without a tangent. `Tensor.detach`.
KAGARI_API Tensor detach_everywhere(const Tensor& t);

}  // namespace kagari::transforms
