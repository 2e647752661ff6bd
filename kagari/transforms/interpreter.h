#pragma once
#include "kagari/transforms/level.h"

// The one door of transforms: operators whose arguments are transformed tensors. See Note [Transform levels].

namespace kagari::transforms {

/// Runs an operator at a level, whose arguments include tensors of it; results may be of the level.
void compute_batched(const Level& level, const OpBase& op, const Value* args, const Dest& dest, Result& out);
void compute_tangents(const Level& level, const OpBase& op, const Value* args, const Dest& dest, Result& out);
/// Whether a composed operator has a rule of its own at such a level, so that its body is not asked.
bool has_batch_rule(const OpBase& op);
/// Runs an operator that draws random numbers inside vmap.
void draw(const Level& level, const OpBase& op, const Value* args, const Dest& dest, Result& out);

/// While a batch level is open, its mode sees all operators: those that draw random numbers have no transformed argument to be known by.
void push_batch_mode(int64_t level);
void pop_batch_mode(int64_t level);
/// Switches the mode of a level, and those above, off while alive: what a rule calls runs one level down.
class KAGARI_API Below {
 public:
  explicit Below(int64_t level);
  ~Below() { active_mode = before_; }
  Below(const Below&) = delete;

 private:
  Mode* before_;
};

/// Calls f(tensor) for each defined tensor among the arguments, in order; undefined ones and the items of lists count, too.
template <class F>
void each_argument_tensor(const OpBase& op, const Value* args, F&& f) {
  static const Tensor none;
  const auto& arguments = op.schema().arguments;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].tag == Value::Tag::Tensor) f(args[i].tag == Value::Tag::Tensor ? *args[i].tensor : none);
    if (arguments[i].tag == Value::Tag::TensorList && args[i].tag == Value::Tag::TensorList)
      for (const Tensor& t : args[i].view<Tensor>()) f(t);
  }
}

/// Writes `result` into a destination of any level, with PyTorch's casting rules.
void write_into(const OpBase& op, const Tensor& dest, const Tensor& result);

}  // namespace kagari::transforms
