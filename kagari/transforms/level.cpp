#include "kagari/transforms/level.h"

#include <algorithm>
#include <atomic>

#include "kagari/ops/number.h"
#include "kagari/transforms/interpreter.h"

namespace kagari::transforms {
namespace {

thread_local std::vector<Level> open_levels;
std::atomic<int64_t> levels_opened{0};

const bool filled_in = (transformed_values = values_behind, true);

Tensor transformed(const Tensor& like, IntList sizes, IntList strides, std::shared_ptr<TransformedState> state) {
  Tensor t = alias(like, sizes, strides, like.storage_offset());
  t.impl()->transform = std::move(state);
  t.impl()->special = true;
  return t;
}

}  // namespace

void TransformedState::check_readable(std::string_view reader) const {
  if (batch && reader == "bool()")
    fail(ErrorKind::Runtime, "vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow: its truth value differs from example to "
         "example. torch.where() chooses per element instead.");
  KG_CHECK(!batch || (reader != "data_ptr()" && reader != "numpy()" && reader != "tolist()"), "Cannot access data pointer of Tensor that doesn't have storage: inside "
           "vmap, ", reader, " would see all examples at once");
  KG_CHECK(!batch, "vmap: It looks like you're calling .", reader, " on a Tensor, which stands for one value per example there. Keep it a tensor, or move the call out of vmap.");
  if (state_of(value)) state_of(value)->check_readable(reader);
}

int64_t enter_level(Level::Kind kind, int64_t batch_size, Randomness randomness) {
  int64_t id = levels_opened.fetch_add(1) + 1;
  open_levels.push_back({id, kind, batch_size, randomness});
  if (kind == Level::Kind::Batch) push_batch_mode(id);
  return id;
}

void exit_level(int64_t id) {
  auto at = std::find_if(open_levels.begin(), open_levels.end(), [&](const Level& l) { return l.id == id; });
  for (auto later = at; later != open_levels.end(); ++later)
    if (later->kind == Level::Kind::Batch) pop_batch_mode(later->id);
  open_levels.erase(at, open_levels.end());
}

const Level* current_level() { return open_levels.empty() ? nullptr : &open_levels.back(); }
const Level* find_level(int64_t id) {
  for (size_t i = open_levels.size(); i-- > 0;)
    if (open_levels[i].id == id) return &open_levels[i];
  return nullptr;
}
const Level* current_level(Level::Kind kind) {
  for (size_t i = open_levels.size(); i-- > 0;)
    if (open_levels[i].kind == kind) return &open_levels[i];
  return nullptr;
}

int64_t depth_of(int64_t id) {
  for (size_t i = 0; i < open_levels.size(); ++i)
    if (open_levels[i].id == id) return int64_t(i) + 1;
  return 0;
}

Tensor make_batched(const Tensor& value, int64_t dim, int64_t level) {
  auto state = std::make_shared<TransformedState>();
  state->level = level;
  state->batch = true;
  state->value = value;
  state->dim = dim;
  Ints sizes(value.sizes()), strides(value.strides());
  if (dim >= 0) {
    sizes.erase(sizes.begin() + dim);
    strides.erase(strides.begin() + dim);
  }
  return transformed(value, sizes, strides, std::move(state));
}

Tensor make_dual(const Tensor& primal, const Tensor& tangent, int64_t level) {
  auto state = std::make_shared<TransformedState>();
  state->level = level;
  state->batch = false;
  state->value = primal;
  state->tangent = tangent;
  return transformed(primal, primal.sizes(), primal.strides(), std::move(state));
}

Tensor lifted(const Tensor& t) {
  const Level* top = current_level();
  if (!top) return t;
  if (const Level* own = level_of(t); own && own->id == top->id) return alias(t);
  return top->kind == Level::Kind::Batch ? make_batched(t, -1, top->id) : make_dual(t, Tensor(), top->id);
}

const Level* level_of(const Tensor& t) {
  const TransformedState* s = state_of(t);
  if (!s) return nullptr;
  if (const Level* level = find_level(s->level)) return level;
  KG_CHECK(!s->batch || s->dim < 0, "vmap: a tensor of a vmap that has ended was used; return it from the function instead");
  // The level has ended: what is left is the value, whose bytes this tensor shares.
  Tensor value = s->value;
  auto below = value.impl()->transform;
  bool special = value.impl()->special;
  t.impl()->transform = below;
  t.impl()->special = special;
  return level_of(t);
}

bool belongs_to_graph(const Tensor& t) {
  if (!t.defined()) return false;
  if (t.requires_grad()) return true;
  const TransformedState* s = state_of(t);
  return s && (belongs_to_graph(s->value) || belongs_to_graph(s->tangent));
}

Tensor values_behind(const Tensor& t) {
  const TransformedState* s = state_of(t);
  return s ? values_behind(s->value) : detach(t);
}

Tensor detach_everywhere(const Tensor& t) {
  const TransformedState* s = state_of(t);
  if (!s || !level_of(t)) return detach(t);
  s = state_of(t);
  Tensor value = detach_everywhere(s->value);
  return s->batch ? make_batched(value, s->dim, s->level) : value;
}

}  // namespace kagari::transforms
