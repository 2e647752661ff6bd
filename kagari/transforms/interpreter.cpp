#include "kagari/transforms/interpreter.h"

#include <memory>

#include "kagari/autograd/grad_mode.h"
#include "kagari/ops/copy.h"

namespace kagari::transforms {
namespace {

bool transform(const OpBase& op, const Value* args, Dest dest, Result& out);

/// The highest level among the tensors of a call, or null.
const Level* highest_level(const OpBase& op, const Value* args, const Dest& dest) {
  const Level* top = nullptr;
  auto look = [&](const Tensor& t) {
    const Level* level = level_of(t);
    if (level && (!top || level->id > top->id)) top = level;
  };
  each_argument_tensor(op, args, look);
  for (size_t i = 0; i < dest.count; ++i) look(dest.tensors[i]);
  return top;
}

void compute(const Level& level, const OpBase& op, const Value* args, const Dest& dest, Result& out) {
  if (level.kind == Level::Kind::Batch && op.traits & kNondeterministic) draw(level, op, args, dest, out);
  else if (level.kind == Level::Kind::Batch) compute_batched(level, op, args, dest, out);
  else compute_tangents(level, op, args, dest, out);
}

/// Runs an operator at a level and records it in the graph of that level.
void compute_recorded(const Level& level, const OpBase& op, const Value* args, const Dest& dest, Result& out) {
  bool here = false, below = false;
  auto counts = [&](const Tensor& t) {
    if (!t.requires_grad()) return false;
    if (level.kind == Level::Kind::Dual) return true;
    const TransformedState* s = state_of(t);
    return s && s->level == level.id;
  };
  uint32_t wanted = 0, k = 0;
  each_argument_tensor(op, args, [&](const Tensor& t) {
    uint32_t bit = 1u << (k++ & 31);
    if (!t.defined()) return;
    const TransformedState* s = state_of(t);
    bool own = counts(t);
    here |= own;
    if (own) wanted |= bit;
    below |= s && s->level == level.id ? belongs_to_graph(s->value) || belongs_to_graph(s->tangent) : !own && belongs_to_graph(t);
  });
  bool inplace = dest.kind == Dest::Kind::Inplace;
  KG_CHECK(dest.kind != Dest::Kind::Out || !here || !grad_enabled(), op.schema().name,
           "(): functions with out=... arguments don't support automatic differentiation, but one of the arguments requires grad.");
  if (inplace) detail::check_dest(op, dest, dest.tensors[0], here);
  if (!here || !grad_enabled() || !op.differentiable) {
    compute(level, op, args, dest, out);
    if (op.traits & kView && dest.kind == Dest::Kind::Fresh)
      for (Tensor& t : out.tensors) detail::set_view_base(t, *args[0].tensor);
    return;
  }
  const auto& arguments = op.schema().arguments;
  SmallVector<Value, 8> given(args, args + arguments.size());
  Tensor shielded;
  if (inplace && given[0].tag == Value::Tag::Tensor && given[0].tensor->is_same(dest.tensors[0]) && op.kept_for(wanted) & 1) {
    shielded = detail::keep_before_overwrite(*given[0].tensor);
    given[0].tensor = &shielded;
  }
  IntrusivePtr<Node> node = op.record(op, given.data(), wanted);
  each_argument_tensor(op, args, [&](const Tensor& t) { node->next_edges.push_back(t.defined() && counts(t) ? gradient_edge(t) : Edge{}); });
  node->recorded_below = below;
  compute(level, op, args, dest, out);
  if (op.traits & kView && dest.kind == Dest::Kind::Fresh)
    for (Tensor& t : out.tensors) detail::set_view_base(t, *args[0].tensor);
  bool keeps_outputs = op.saves_parsed().out;
  for (size_t i = 0; i < out.tensors.size(); ++i) {
    Tensor& t = out.tensors[i];
    // A result that does not depend on the level's tensors by value joins their graph all the same.
    if (t.defined() && is_differentiable(t.dtype()) && !(state_of(t) && state_of(t)->level == level.id) && !inplace)
      t = level.kind == Level::Kind::Batch ? make_batched(t, -1, level.id) : make_dual(t, Tensor(), level.id);
    detail::finish_output(op, dest, node, t);
    if (keeps_outputs) static_cast<OpNodeBase*>(node.get())->save_output(t, i);
  }
}

/// Takes what draws random numbers while a batch level is open.
class BatchMode final : public Mode {
 public:
  explicit BatchMode(int64_t level) : level(level) {}
  bool wants(const OpBase& op, const Value* args, const Dest& dest) override {
    if (!(op.traits & kNondeterministic) || op.composed) return false;
    const Level* highest = highest_level(op, args, dest);
    return !(highest && highest->id > level);
  }
  void call(const OpBase& op, const Value* args, Dest dest, Result& out) override {
    Level at = *find_level(level);
    compute_recorded(at, op, args, dest, out);
  }
  int64_t level;
};

thread_local std::vector<std::unique_ptr<BatchMode>> batch_modes;

bool transform(const OpBase& op, const Value* args, Dest dest, Result& out) {
  const Level* level = highest_level(op, args, dest);
  if (!level) return false;
  if (op.schema().name == "detach") {  // at every level, not only at its own
    out.kind = Result::Kind::Tensor;
    out.tensors.push_back(detach_everywhere(*args[0].tensor));
    return true;
  }
  if (op.composed && !(level->kind == Level::Kind::Batch && has_batch_rule(op))) {
    if (dest.kind == Dest::Kind::Fresh) {
      run_beneath(op, args, dest, out);
      return true;
    }
    run_beneath(op, args, {}, out);
    for (size_t i = 0; i < out.tensors.size() && i < dest.count; ++i) {
      write_into(op, dest.tensors[i], out.tensors[i]);
      out.tensors[i] = dest.tensors[i];
    }
    return true;
  }
  Level at = *level;
  if (op.composed) compute(at, op, args, dest, out);
  else compute_recorded(at, op, args, dest, out);
  return true;
}

const bool installed = (special_handler = transform, true);

}  // namespace

void write_into(const OpBase& op, const Tensor& dest, const Tensor& result) {
  if (result.is_same(dest)) return;
  KG_CHECK(can_cast(result.dtype(), dest.dtype()), "result type ", result.dtype(), " can't be cast to the desired output type ", dest.dtype());
  KG_CHECK(result.sizes() == dest.sizes(), "output with shape ", dest.sizes(), " doesn't match the broadcast shape ", result.sizes());
  (void)op;
  copy_(dest, result);
}

void push_batch_mode(int64_t level) {
  batch_modes.push_back(std::make_unique<BatchMode>(level));
  push_mode(*batch_modes.back());
}

void pop_batch_mode(int64_t level) {
  for (size_t i = batch_modes.size(); i-- > 0;) {
    if (batch_modes[i]->level != level) continue;
    pop_mode(*batch_modes[i]);
    batch_modes.erase(batch_modes.begin() + long(i));
    return;
  }
}

Below::Below(int64_t level) : before_(active_mode) {
  Mode* under = active_mode;
  for (Mode* m = active_mode; m; m = m->below)
    for (auto& mode : batch_modes)
      if (mode.get() == m && mode->level >= level) under = m->below;
  active_mode = under;
}

}  // namespace kagari::transforms
