// vmap over the operators of neural networks: convolution, pooling, normalisation, losses, embedding.
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/normalization.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"
#include "kagari/transforms/batching.h"

namespace kagari::transforms {
namespace {

/// [B, N, ...] as [B * N, ...]
Tensor into_batch(const Tensor& t) { return reshape(t, behind(t.sizes()[0] * t.sizes()[1], IntList(t.sizes()).subspan(2))); }
Tensor out_of_batch(const Tensor& t, int64_t count) { return reshape(t, behind(count, behind(t.sizes()[0] / count, IntList(t.sizes()).subspan(1)))); }
/// [B, N, C, ...] as [N, B * C, ...]
Tensor into_channels(const Tensor& t) {
  Tensor moved = transpose(t, 0, 1);
  Ints sizes{moved.sizes()[0], moved.sizes()[1] * moved.sizes()[2]};
  for (int64_t d = 3; d < moved.dim(); ++d) sizes.push_back(moved.sizes()[d]);
  return reshape(moved, sizes);
}
/// [N, B * C, ...] as [N, B, C, ...]
Tensor out_of_channels(const Tensor& t, int64_t count) {
  Ints sizes{t.sizes()[0], count, t.sizes()[1] / count};
  for (int64_t d = 2; d < t.dim(); ++d) sizes.push_back(t.sizes()[d]);
  return reshape(t, sizes);
}
Tensor flat(const Tensor& t) { return reshape(t, Ints{-1}); }
/// [B, A, ...] as [B * A, ...], for weights.
Tensor joined(const Tensor& t) { return into_batch(t); }

// Examples are batch entries where only the input differs, and groups of channels where the weights do.
void rule_convolution(Call& c) {
  size_t groups = c.find("groups");
  bool bias = c.is_tensor(2), bias_batched = bias && c.batched(size_t(2));
  if (!c.batched(size_t(1))) {
    if (bias_batched) c.drop(2);
    Tensor y;
    if (c.batched(size_t(0))) {
      c.set(0, into_batch(c.front(0)));
      c.run();
      y = out_of_batch(c.out.tensors[0], c.count());
    } else {
      c.run();
      y = unsqueeze(c.out.tensors[0], 0);
    }
    if (bias_batched) {
      Ints shape{c.count(), 1, c.seen(2).sizes()[0]};
      for (int64_t d = 3; d < y.dim(); ++d) shape.push_back(1);
      y = add(y, reshape(c.front(2), shape));
    }
    c.out.tensors[0] = y;
    return;
  }
  bool shared_input = !c.batched(size_t(0)) && c.value(groups).i == 1 && !c.value(c.find("transposed")).b;
  if (!shared_input) {
    c.set(0, into_channels(c.spread(0)));
    c.set(groups, c.value(groups).i * c.count());
  }
  c.set(1, joined(c.front(1)));
  if (bias) c.set(2, flat(c.spread(2)));
  c.run();
  c.out.tensors[0] = out_of_channels(c.out.tensors[0], c.count());
  c.set_dim(0, 1);
}

void rule_convolution_input_gradient(Call& c) {
  size_t sizes = c.find("input_sizes"), groups = c.find("groups");
  Ints wanted(c.value(sizes).view<int64_t>());
  if (!c.batched(size_t(1))) {
    wanted[0] *= c.count();
    c.set(sizes, wanted);
    c.set(0, into_batch(c.front(0)));
    c.run();
    c.out.tensors[0] = out_of_batch(c.out.tensors[0], c.count());
    return;
  }
  wanted[1] *= c.count();
  c.set(sizes, wanted);
  c.set(0, into_channels(c.spread(0)));
  c.set(1, joined(c.front(1)));
  c.set(groups, c.value(groups).i * c.count());
  c.run();
  c.out.tensors[0] = out_of_channels(c.out.tensors[0], c.count());
  c.set_dim(0, 1);
}

void rule_convolution_weight_gradient(Call& c) {
  size_t sizes = c.find("weight_sizes"), groups = c.find("groups");
  Ints wanted(c.value(sizes).view<int64_t>());
  wanted[0] *= c.count();
  c.set(sizes, wanted);
  c.set(0, into_channels(c.spread(0)));
  c.set(1, into_channels(c.spread(1)));
  c.set(groups, c.value(groups).i * c.count());
  c.run();
  c.out.tensors[0] = out_of_batch(c.out.tensors[0], c.count());
}

/// Pooling works on (entries, channels, ...): the examples join the entries.
void rule_pool(Call& c) {
  int64_t keep = c.value(c.find("dims")).i + 1;
  int64_t lead = 0;
  Ints leading;
  for (size_t i = 0; i < c.arguments(); ++i)
    if (c.is_tensor(i)) {
      Tensor t = c.spread(i);
      lead = t.dim() - keep;
      leading = Ints(t.sizes().begin(), t.sizes().begin() + lead);
      if (lead > 1) t = flatten(t, 0, lead - 1);
      c.set(i, t);
    }
  if (c.has("input_sizes")) {
    IntList given = c.value(c.find("input_sizes")).view<int64_t>();
    Ints folded{1};
    for (int64_t s : leading) folded[0] *= s;
    for (size_t d = given.size() - size_t(keep); d < given.size(); ++d) folded.push_back(given[d]);
    c.set(c.find("input_sizes"), folded);
  }
  c.run();
  for (Tensor& t : c.out.tensors)
    if (lead > 1) t = unflatten(t, 0, leading);
}

void rule_layer_norm(Call& c) {
  if (!c.batched(size_t(0))) c.set(0, c.spread(0));
  bool weight = c.is_tensor(2), bias = c.is_tensor(3), apart = c.batched(size_t(2)) || c.batched(size_t(3));
  if (!apart) return c.run();
  c.drop(2), c.drop(3);
  c.run();
  auto aligned = [&](size_t i) { return c.batched(i) ? with_rank(c.front(i), c.rank(0)) : c.front(i); };
  Tensor& y = c.out.tensors[0];
  if (weight) y = mul(y, aligned(2));
  if (bias) y = add(y, aligned(3));
}

void rule_batch_norm(Call& c) {
  bool training = c.value(c.find("training")).b;
  Tensor running[2];
  for (size_t i = 1; i < 5; ++i) {
    if (!c.is_tensor(i)) continue;
    bool statistic = i >= 3;
    KG_CHECK(!statistic || !training || c.batched(i), "Batch norm got a batched tensor as input while the running_mean or running_var, which will be updated in place, "
             "were not batched. Map over the statistics, too, or do without them (track_running_stats=False, "
             "torch.func.replace_all_batch_norm_modules_).");
    Tensor t = c.spread(i);
    bool in_place = statistic && training;
    c.set(i, in_place && t.is_contiguous() ? view(t, Ints{-1}) : flat(t));
    if (in_place) running[i - 3] = *c.value(i).tensor;
  }
  c.set(0, into_channels(c.spread(0)));
  c.run();
  for (size_t i = 0; i < 2; ++i)
    if (running[i].defined() && running[i].storage() != c.front(i + 3).storage()) copy_(c.front(i + 3), reshape(running[i], c.front(i + 3).sizes()));
  c.out.tensors[0] = out_of_channels(c.out.tensors[0], c.count());
  c.set_dim(0, 1);
  for (size_t i = 1; i < 3; ++i) c.out.tensors[i] = reshape(c.out.tensors[i], Ints{c.count(), -1});
}

// ---------------------------------------------------------------- losses
Ints all_behind(const Tensor& t) {
  Ints dims;
  for (int64_t d = 1; d < t.dim(); ++d) dims.push_back(d);
  return dims;
}
Tensor summed(const Tensor& t) { return t.dim() == 1 ? t : sum(t, IntList(all_behind(t)), false); }

std::string_view text(const Value& v) { return {static_cast<const char*>(v.list.data), v.list.size}; }
constexpr std::string_view each = "none";

/// The loss of every element, and then the reduction per example.
void rule_nll_loss(Call& c) {
  if (c.batched(size_t(2)) || c.rank(0) == 0 || c.rank(1) != c.rank(0) - 1) return c.loop();
  std::string_view reduction = text(c.value(3));
  int64_t ignored = c.value(4).i;
  Tensor x = c.spread(0), target = c.spread(1);
  Ints target_sizes(target.sizes());
  if (c.rank(0) > 1) {
    x = into_batch(x);
    target = into_batch(target);
  }
  std::string none(each);
  SmallVector<Value, 8> args;
  for (size_t i = 0; i < c.arguments(); ++i) args.push_back(c.value(i));
  args[0].tensor = &x, args[1].tensor = &target;
  args[3] = detail::Boxing<std::string_view>::put(none);
  Result r;
  c.op.boxed(c.op, args.data(), {}, r);
  Tensor loss = reshape(r.tensors[0], target_sizes), total;
  Tensor flat_target = reshape(target, target_sizes), counted = ne(flat_target, wrapped_number(ignored));
  if (c.is_tensor(2)) {
    Tensor safe = mul(flat_target, counted);
    total = mul(index_select(c.front(2), 0, flat(safe)), to(flat(counted), c.seen(2).dtype()));
    total = summed(reshape(total, target_sizes));
  } else {
    total = summed(to(counted, x.dtype()));
  }
  if (reduction != each) loss = summed(loss);
  if (reduction == "mean") loss = div(loss, total);
  c.out.kind = Result::Kind::Tuple;
  c.out.tensors.push_back(loss);
  c.out.tensors.push_back(total);
}

void rule_nll_loss_backward(Call& c) {
  std::string_view reduction = text(c.value(5));
  IntList sizes = c.value(4).view<int64_t>();
  if (c.batched(size_t(2)) || sizes.empty() || c.rank(1) != int64_t(sizes.size()) - 1 || c.rank(0) != (reduction == each ? c.rank(1) : 0)) return c.loop();
  Tensor grad = c.spread(0), target = c.spread(1);
  if (reduction == "mean") grad = div(grad, c.spread(3));
  if (reduction != each) grad = expand(with_rank(grad, target.dim() - 1), target.sizes());
  Ints wanted(behind(c.count(), sizes));
  if (sizes.size() > 1) {
    grad = into_batch(grad);
    target = into_batch(target);
    wanted = Ints(sizes);
    wanted[0] *= c.count();
  }
  std::string none(each);
  Tensor total = scalar_tensor(1, grad.dtype());
  SmallVector<Value, 8> args;
  for (size_t i = 0; i < c.arguments(); ++i) args.push_back(c.value(i));
  args[0].tensor = &grad, args[1].tensor = &target, args[3].tensor = &total;
  args[4] = detail::Boxing<IntList>::put(IntList(wanted));
  args[5] = detail::Boxing<std::string_view>::put(none);
  c.op.boxed(c.op, args.data(), {}, c.out);
  c.out.tensors[0] = reshape(c.out.tensors[0], behind(c.count(), sizes));
}

// ---------------------------------------------------------------- embedding
/// Positions in the tables of all examples, one behind the other.
Tensor moved_positions(const Tensor& indices, int64_t count, int64_t rows) {
  Ints shape(size_t(indices.dim()), 1);
  shape[0] = count;
  Tensor start = reshape(arange(0, count * rows, std::max<int64_t>(rows, 1), {.dtype = DType::Int64, .layout = {}, .device = {}}), shape);
  return add(indices, start);
}

void rule_embedding(Call& c) {
  if (!c.batched(size_t(0))) return c.run();
  if (c.value(2).i >= 0 || c.value(3).b || c.value(4).b || c.rank(0) != 2) return c.loop();
  Tensor table = c.front(0);
  c.set(0, joined(table));
  c.set(1, moved_positions(c.spread(1), c.count(), table.sizes()[1]));
  c.run();
}

void rule_embedding_backward(Call& c) {
  int64_t rows = c.value(2).i, padding = c.value(3).i;
  if (c.value(4).b || rows == 0) return c.loop();
  c.set(0, c.spread(0));
  c.set(1, moved_positions(c.spread(1), c.count(), rows));
  c.set(2, rows * c.count());
  c.set(3, int64_t(-1));
  c.run();
  Tensor y = out_of_batch(c.out.tensors[0], c.count());
  if (padding >= 0 && padding < rows) y = select_scatter(y, new_zeros(y, Ints{c.count(), y.size(-1)}), 1, padding);
  c.out.tensors[0] = y;
}

const BatchRuleEntry table[] = {
    {"convolution", rule_convolution}, {"_convolution_input_gradient", rule_convolution_input_gradient},
    {"_convolution_weight_gradient", rule_convolution_weight_gradient}, {"_max_pool_windows", rule_pool}, {"_adaptive_max_pool", rule_pool},
    {"_avg_pool_windows", rule_pool}, {"_avg_pool_gradient", rule_pool}, {"_adaptive_avg_pool", rule_pool}, {"_adaptive_avg_gradient", rule_pool},
    {"_layer_norm_statistics", rule_layer_norm}, {"_batch_norm_statistics", rule_batch_norm}, {"_nll_loss", rule_nll_loss},
    {"_nll_loss_backward", rule_nll_loss_backward}, {"embedding", rule_embedding}, {"embedding_dense_backward", rule_embedding_backward},
};

}  // namespace

std::span<const BatchRuleEntry> network_rules() { return table; }

}  // namespace kagari::transforms
