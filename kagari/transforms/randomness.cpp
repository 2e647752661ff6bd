// Random numbers inside vmap: none, the same for all examples, or different ones.
#include "kagari/ops/copy.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"
#include "kagari/transforms/batching.h"

namespace kagari::transforms {
namespace {

/// Operators that look at the shape of their argument only.
bool only_shape_matters(const OpBase& op) {
  std::string_view name = op.schema().name, overload = op.schema().overload;
  return name.ends_with("_like") || name == "_dropout_mask" || name == "uniform" || name == "random" || name == "exponential" || name == "geometric" ||
         name == "cauchy" || name == "log_normal" || (name == "normal" && overload.empty()) || (name == "bernoulli" && (overload == "p" || overload == "float"));
}

/// Different numbers for all examples.
void draw_apart(Call& c) {
  if (c.has("size") && !c.is_tensor(0)) {
    size_t size = c.find("size");
    c.set(size, behind(c.count(), c.value(size).view<int64_t>()));
    return c.run();
  }
  std::string_view name = c.op.schema().name;
  if (name == "randperm") return c.loop();
  if (name == "multinomial") {
    Tensor p = c.spread(0);
    if (c.rank(0) == 1) {
      c.set(0, p);
      return c.run();
    }
    c.set(0, flatten(p, 0, 1));
    c.run();
    c.out.tensors[0] = unflatten(c.out.tensors[0], 0, Ints{c.count(), -1});
    return;
  }
  if (c.dest.kind == Dest::Kind::Inplace) {
    KG_CHECK(c.batched(c.dest.tensors[0]), "vmap: Cannot ask for different inplace randomness on an unbatched tensor. This will appear like same randomness. Make the "
             "tensor from one that is mapped over (zeros_like, new_empty), or draw out of place.");
    return rule_elementwise(c);
  }
  rule_spread(c);
}

}  // namespace

void draw(const Level& level, const OpBase& op, const Value* args, const Dest& dest, Result& out) {
  KG_CHECK(level.randomness != Randomness::Error, "vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' "
           "randomness flags on vmap or perform the randomness operation out of vmap");
  Below below(level.id);
  bool inplace = dest.kind == Dest::Kind::Inplace;
  Call c(level, op, args, inplace ? dest : Dest{}, out, "");
  bool any = false;
  each_argument_tensor(op, args, [&](const Tensor& t) { any |= t.defined() && c.batched(t); });
  if (level.randomness == Randomness::Different) {
    draw_apart(c);
    for (Tensor& t : out.tensors)
      if (!c.wrote_dest()) t = make_batched(t, 0, level.id);
  } else if (!any) {
    if (inplace) {
      Tensor window = c.front(dest.tensors[0]);
      SmallVector<Value, 8> values;
      for (size_t i = 0; i < c.arguments(); ++i) values.push_back(c.value(i));
      if (c.is_tensor(0)) values[0].tensor = &window;
      op.boxed(op, values.data(), {Dest::Kind::Inplace, &window, 1}, out);
    } else {
      c.run();
    }
  } else {
    KG_CHECK(only_shape_matters(op), "Vmap does not currently support same randomness with a batched tensor input: ", op.schema().name,
             "() draws from distributions that differ between the examples");
    for (size_t i = 0; i < c.arguments(); ++i)
      if (c.is_tensor(i)) c.set(i, c.example(c.seen(i), 0));
    c.run();
    if (inplace) write_into(op, alias(dest.tensors[0]), out.tensors[0]);
  }
  for (size_t i = 0; inplace && i < out.tensors.size(); ++i) out.tensors[i] = dest.tensors[i];
}

}  // namespace kagari::transforms
