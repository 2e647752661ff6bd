// vmap over indexing by tensors of positions.
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"
#include "kagari/transforms/batching.h"

namespace kagari::transforms {
namespace {

/// What is known of a list of indices before anything is looked up.
struct Positions {
  int64_t first = -1, last = -1, used = 0, rank = 0;  // rank: of the positions, broadcast together
  bool batched = false;
  bool neighbours() const { return used > 0 && last - first + 1 == used; }
};
Positions positions_of(const Call& c, TensorList indices) {
  Positions p;
  for (size_t i = 0; i < indices.size(); ++i) {
    if (!indices[i].defined()) continue;
    if (p.first < 0) p.first = int64_t(i);
    p.last = int64_t(i);
    ++p.used;
    p.rank = std::max(p.rank, indices[i].dim());
    p.batched |= c.batched(indices[i]);
  }
  return p;
}

/// 0, 1, ... along the first of `rank` + 1 dimensions.
Tensor example_numbers(int64_t count, int64_t rank) {
  Ints shape(size_t(rank) + 1, 1);
  shape[0] = count;
  return reshape(arange(0, count, 1, {.dtype = DType::Int64, .layout = {}, .device = {}}), shape);
}

/// Indices into all examples: the examples' numbers, then the given ones with as many dimensions.
std::vector<Tensor> with_numbers(const Call& c, TensorList indices, const Positions& p) {
  std::vector<Tensor> list{example_numbers(c.count(), p.rank)};
  for (const Tensor& t : indices) list.push_back(t.defined() && c.batched(t) ? with_rank(c.front(t), p.rank) : c.front(t));
  return list;
}

void rule_index(Call& c) {
  TensorList indices = c.seen_list(1);
  Positions p = positions_of(c, indices);
  if (p.used == 0) return c.run();
  if (!p.batched) {
    // one look-up for all; scattered indices put their dimensions in front
    std::vector<Tensor> list{Tensor()};
    for (const Tensor& t : indices) list.push_back(c.front(t));
    c.set(1, std::move(list));
    c.run();
    c.set_dim(0, p.neighbours() ? 0 : p.rank);
    return;
  }
  c.set(0, c.spread(0));
  c.set(1, with_numbers(c, indices, p));
  c.run();
  if (!p.neighbours() || p.first == 0) return;
  // The examples' numbers pulled the positions to the front: back to where the user's indices stand.
  Ints from, into;
  for (int64_t d = 0; d < p.rank; ++d) {
    from.push_back(1 + d);
    into.push_back(1 + p.first + d);
  }
  c.out.tensors[0] = movedim(c.out.tensors[0], from, into);
}

void rule_index_put(Call& c) {
  TensorList indices = c.seen_list(1);
  Positions p = positions_of(c, indices);
  if (p.used == 0 || !p.neighbours() || p.first != 0) return c.loop();
  int64_t rank = p.rank + c.rank(0) - p.used;  // of one example's values
  c.set(0, c.spread(0));
  c.set(1, with_numbers(c, indices, p));
  if (c.batched(size_t(2))) c.set(2, with_rank(c.front(2), rank));
  c.run_inplace();
}

/// Along one dimension, with positions that differ between the examples.
void rule_index_select(Call& c) {
  int64_t rank = c.rank(0);
  if (rank == 0) return c.loop();
  int64_t dim = wrap_dim(c.value(1).i, rank);
  if (!c.batched(size_t(2))) {
    c.set(1, dim + 1);
    return c.run();
  }
  Tensor from = movedim(c.spread(0), Ints{dim + 1}, Ints{1}), at = c.front(2);
  if (at.dim() == 1) at = unsqueeze(at, 1);
  Tensor list[] = {example_numbers(c.count(), 1), at};
  c.give(movedim(index(from, TensorList(list, 2)), Ints{1}, Ints{dim + 1}));
}

/// index_add and the like: one list of positions for all examples.
void rule_index_write(Call& c) {
  size_t at = c.find("index");
  if (c.batched(at) || c.rank(0) == 0) return c.loop();
  size_t dim = c.find("dim");
  c.set(dim, wrap_dim(c.value(dim).i, c.rank(0)) + 1);
  c.set(0, c.spread(0));
  if (c.has("source")) c.set(c.find("source"), c.spread(c.find("source")));
  if (c.has("value") && c.is_tensor(c.find("value")) && c.batched(c.find("value"))) return c.loop();
  c.run();
}

/// The value may differ between the examples, which the operator, whose value is one number, does not know.
void rule_masked_fill_with(Call& c) {
  if (!c.batched(size_t(2))) return rule_elementwise(c);
  int64_t rank = std::max(c.rank(0), c.rank(1));
  auto aligned = [&](size_t i) { return c.batched(i) ? with_rank(c.front(i), rank) : c.front(i); };
  c.give(where(aligned(1), to(aligned(2), c.seen(0).dtype()), aligned(0)));
}

const BatchRuleEntry table[] = {
    {"_index", rule_index}, {"_index_put", rule_index_put}, {"index_select", rule_index_select}, {"index_add", rule_index_write},
    {"index_copy", rule_index_write}, {"index_fill.int_Scalar", rule_index_write}, {"index_fill.int_Tensor", rule_index_write},
    {"masked_fill.Tensor", rule_masked_fill_with},
};

}  // namespace

std::span<const BatchRuleEntry> indexing_rules() { return table; }

}  // namespace kagari::transforms
