// The way of a call when something wants to see it: Note [Modes] in op.h.
#include "kagari/op/op.h"
#include "kagari/op/sparse_rules.h"

namespace kagari {

constinit thread_local Mode* active_mode = nullptr;
constinit thread_local CallObserver* call_observer = nullptr;
constinit thread_local detail::Beneath detail::beneath{};
SpecialHandler special_handler = nullptr;
BoxedKernel (*kernel_below_autograd)(const OpBase& op, const Value* args) = nullptr;

namespace {

/// Stands at the bottom of the chain while calls are watched, so that the door's one test finds a mode.
struct Floor final : Mode {
  Floor() : Mode(Rank::Floor) {}
  void call(const OpBase& op, const Value* args, Dest dest, Result& out) override { run_beneath(op, args, dest, out); }
  bool wants(const OpBase&, const Value*, const Dest&) override { return false; }
};
Floor& floor_mode() {
  thread_local Floor mode;
  return mode;
}
thread_local int watchers = 0;
thread_local const OpBase* announced = nullptr;  // observers know of this call already

struct Restore {
  Mode* mode = active_mode;
  ~Restore() { active_mode = mode; }
};

template <class F>
bool any(const OpBase& op, const Value* args, F&& holds) {
  for (size_t i = 0, n = op.schema().arguments.size(); i < n; ++i) {
    if (args[i].tag == Value::Tag::Tensor && args[i].tensor->defined() && holds(*args[i].tensor)) return true;
    if (args[i].tag == Value::Tag::TensorList)
      for (const Tensor& t : args[i].view<Tensor>())
        if (t.defined() && holds(t)) return true;
  }
  return false;
}

void find_taker(const OpBase& op, const Value* args, Dest dest, Result& out) {
  for (Mode* mode = active_mode; mode; mode = mode->below) {
    if (!mode->wants(op, args, dest)) continue;
    Restore restore;
    active_mode = mode->below;
    return mode->call(op, args, dest, out);
  }
  if (special_handler && special_handler(op, args, dest, out)) return;
  BoxedKernel kernel = kernel_below_autograd ? kernel_below_autograd(op, args) : nullptr;
  if (kernel && op.composed && op.traits & kReadsValues && dest.kind == Dest::Kind::Fresh && any(op, args, [](const Tensor& t) { return t.impl()->special; })) {
    // the body would look for elements that a wrapper has not: the call goes to the wrapper's class as a whole
    KG_CHECK_IMPLEMENTED(!grad_enabled() || !any(op, args, [](const Tensor& t) { return t.requires_grad(); }), op.schema().name,
                         "(): tensors of a class with __torch_dispatch__ that require a gradient are not supported");
    return kernel(op, args, dest, out);
  }
  run_beneath(op, args, dest, out, kernel, kernel || call_observer);
}

}  // namespace

void push_mode(Mode& mode) {
  Mode** at = &active_mode;
  while (*at && (*at)->rank > mode.rank) at = &(*at)->below;
  mode.below = *at;
  *at = &mode;
}

void pop_mode(Mode& mode) {
  for (Mode** at = &active_mode; *at; at = &(*at)->below)
    if (*at == &mode) {
      *at = mode.below;
      return;
    }
}

void watch_calls(int change) {
  bool before = watchers > 0;
  watchers += change;
  if (watchers > 0 && !before) push_mode(floor_mode());
  if (watchers <= 0 && before) pop_mode(floor_mode());
}

void call_through_modes(const OpBase& op, const Value* args, Dest dest, Result& out) {
  bool known = std::exchange(announced, nullptr) == &op;
  CallObserver* observer = call_observer;
  if (!observer || known) return find_taker(op, args, dest, out);
  struct End {
    CallObserver* observer;
    const OpBase& op;
    const Result* out = nullptr;
    ~End() { observer->end(op, out); }
  };
  observer->begin(op, args, dest);
  End end{observer, op};
  find_taker(op, args, dest, out);
  end.out = &out;
}

void run_beneath(const OpBase& op, const Value* args, Dest dest, Result& out, BoxedKernel kernel, bool parts) {
  if (!kernel && (call_sparse(op, args, dest, out) || call_quantized(op, args, dest, out))) return;
  struct Reset {
    detail::Beneath before = detail::beneath;
    ~Reset() { detail::beneath = before; }
  } reset;
  Restore restore;
  if (!active_mode) active_mode = &floor_mode();
  detail::beneath = {&op, kernel, parts};
  op.boxed(op, args, dest, out);
}

void pass_on(const OpBase& op, const Value* args, Dest dest, Result& out) {
  struct Forget {
    ~Forget() { announced = nullptr; }
  } forget;
  announced = &op;
  op.boxed(op, args, dest, out);
}

}  // namespace kagari
