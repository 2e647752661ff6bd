#include "kagari/transforms/batching.h"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "kagari/ops/copy.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"

namespace kagari::transforms {
namespace {

std::string key_of(const OpBase& op) {
  const Schema& s = op.schema();
  return s.overload.empty() ? std::string(s.name) : std::string(s.name) + "." + std::string(s.overload);
}

using RuleMap = std::unordered_map<const OpBase*, BatchRuleEntry>;
const RuleMap& rules() {
  static const RuleMap map = [] {
    std::unordered_map<std::string, BatchRuleEntry> by_name;
    for (auto table : {elementwise_rules(), dimension_rules(), view_rules(), matrix_rules(), network_rules(), indexing_rules()})
      for (const BatchRuleEntry& e : table) by_name[e.op] = e;
    RuleMap out;
    for (const OpBase* op = first_op(); op; op = op->next) {
      auto at = by_name.find(key_of(*op));
      if (at != by_name.end()) out[op] = at->second;
      else if (!op->composed && op->traits & kElementwise) out[op] = {"", rule_elementwise, ""};
    }
    return out;
  }();
  return map;
}

bool returns_tensors(const OpBase& op) { return op.schema().returns.find("Tensor") != std::string_view::npos; }

}  // namespace

bool has_batch_rule(const OpBase& op) { return rules().count(&op) != 0; }

// ---------------------------------------------------------------- a call
Call::Call(const Level& level, const OpBase& op, const Value* args, const Dest& dest, Result& out, const char* data)
    : op(op), level(level), out(out), data(data), dest(dest), given_(args, args + op.schema().arguments.size()), args_(given_) {
  for (size_t i = 0; i < args_.size(); ++i) {
    if (is_tensor(i)) set(i, front(seen(i)));
    else if (args_[i].tag == Value::Tag::TensorList) {
      std::vector<Tensor> list;
      for (const Tensor& t : given_[i].view<Tensor>()) list.push_back(front(t));
      set(i, std::move(list));
    }
  }
}

bool Call::has(std::string_view name) const {
  for (const Argument& a : op.schema().arguments)
    if (a.name == name) return true;
  return false;
}
size_t Call::find(std::string_view name) const {
  const auto& arguments = op.schema().arguments;
  for (size_t i = 0; i < arguments.size(); ++i)
    if (arguments[i].name == name) return i;
  fail(ErrorKind::Internal, str("vmap: ", op.schema().name, " has no argument ", name));
}

bool Call::batched(const Tensor& t) const {
  const TransformedState* s = state_of(t);
  return s && s->level == level.id && s->dim >= 0;
}
Tensor Call::front(const Tensor& t) const {
  const TransformedState* s = state_of(t);
  if (!s || s->level != level.id) return t;
  if (s->dim <= 0) return s->value;
  return movedim(s->value, Ints{s->dim}, Ints{0});
}
Tensor Call::spread(const Tensor& t) const {
  if (!t.defined() || batched(t)) return front(t);
  Tensor v = front(t);
  return expand(unsqueeze(v, 0), behind(count(), v.sizes()));
}
Tensor Call::example(const Tensor& t, int64_t at) const {
  const TransformedState* s = state_of(t);
  if (!s || s->level != level.id) return t;
  return s->dim < 0 ? s->value : select(s->value, s->dim, at);
}

void Call::set(size_t i, Tensor t) {
  tensors_.push_back(std::move(t));
  args_[i] = detail::Boxing<const Tensor&>::put(tensors_.back());
}
void Call::set(size_t i, std::vector<Tensor> list) {
  lists_.push_back(std::move(list));
  args_[i] = detail::Boxing<TensorList>::put(TensorList(lists_.back().data(), lists_.back().size()));
}
void Call::set(size_t i, Ints list) {
  ints_.push_back(std::move(list));
  args_[i] = detail::Boxing<IntList>::put(IntList(ints_.back()));
}
void Call::set(size_t i, int64_t number) { args_[i] = detail::Boxing<int64_t>::put(number); }
void Call::set(size_t i, std::optional<int64_t> number) { args_[i] = detail::Boxing<std::optional<int64_t>>::put(number); }
void Call::set_dim(size_t i, int64_t dim) {
  while (dims_.size() <= i) dims_.push_back(0);
  dims_[i] = dim;
}

void Call::run() { op.boxed(op, args_.data(), {}, out); }
void Call::run_inplace() {
  if (dest.kind != Dest::Kind::Inplace) return run();
  const TransformedState* s = state_of(dest.tensors[0]);
  KG_ASSERT(s);
  Tensor window = s->dim > 0 ? movedim(s->value, Ints{s->dim}, Ints{0}) : s->value;
  if (args_[0].tensor->sizes() != window.sizes()) window = view(window, args_[0].tensor->sizes());
  set(0, window);
  op.boxed(op, args_.data(), {Dest::Kind::Inplace, &window, 1}, out);
  wrote_dest_ = true;
}
void Call::give(Tensor t, int64_t dim) {
  out.kind = Result::Kind::Tensor;
  set_dim(out.tensors.size(), dim);
  out.tensors.push_back(std::move(t));
}

void Call::loop() {
  KG_CHECK(count() > 0, "vmap: ", op.schema().name, " runs once per example and cannot handle a batch of size 0");
  std::vector<std::vector<Tensor>> columns;
  SmallVector<Value, 8> one(given_);
  for (int64_t b = 0; b < count(); ++b) {
    std::deque<Tensor> tensors;
    std::deque<std::vector<Tensor>> lists;
    for (size_t i = 0; i < one.size(); ++i) {
      if (given_[i].tag == Value::Tag::Tensor) {
        tensors.push_back(example(*given_[i].tensor, b));
        one[i].tensor = &tensors.back();
      } else if (given_[i].tag == Value::Tag::TensorList) {
        lists.emplace_back();
        for (const Tensor& t : given_[i].view<Tensor>()) lists.back().push_back(t.defined() ? example(t, b) : t);
        one[i] = detail::Boxing<TensorList>::put(TensorList(lists.back().data(), lists.back().size()));
      }
    }
    Result r;
    op.boxed(op, one.data(), {}, r);
    if (b == 0) {
      out.kind = r.kind;
      columns.resize(r.tensors.size());
    }
    KG_CHECK(r.tensors.size() == columns.size(), "vmap: ", op.schema().name, " gives a different number of results for different examples");
    for (size_t i = 0; i < columns.size(); ++i) {
      KG_CHECK(b == 0 || !r.tensors[i].defined() || r.tensors[i].sizes() == columns[i][0].sizes(),
               "vmap: We do not support batching operators that can output dynamic shape. Attempted to vmap over aten::", op.schema().name,
               ", whose results have different shapes for different examples: ", columns[i][0].sizes(), " and ", r.tensors[i].sizes());
      columns[i].push_back(r.tensors[i]);
    }
  }
  for (auto& column : columns) out.tensors.push_back(column[0].defined() ? stack(TensorList(column.data(), column.size()), 0) : Tensor());
}

// ---------------------------------------------------------------- rules that families share
Tensor with_rank(const Tensor& t, int64_t rank) {
  if (t.dim() - 1 >= rank) return t;
  Ints sizes{t.sizes()[0]};
  for (int64_t i = t.dim() - 1; i < rank; ++i) sizes.push_back(1);
  for (int64_t d = 1; d < t.dim(); ++d) sizes.push_back(t.sizes()[d]);
  return reshape(t, sizes);
}
Ints behind(int64_t n, IntList sizes) {
  Ints out{n};
  for (int64_t s : sizes) out.push_back(s);
  return out;
}

void rule_loop(Call& c) { c.loop(); }

namespace {
void align(Call& c, bool all) {
  int64_t rank = 0;
  for (size_t i = 0; i < c.arguments(); ++i)
    if (c.is_tensor(i)) rank = std::max(rank, c.rank(i));
  for (size_t i = 0; i < c.arguments(); ++i)
    if (c.is_tensor(i)) {
      if (all) c.set(i, with_rank(c.spread(i), rank));
      else if (c.batched(i)) c.set(i, with_rank(c.front(i), rank));
    }
}
}  // namespace

// The result's dtype is decided by what the user sees: there a batch of numbers is a number, which gives way to tensors with dimensions.
void rule_elementwise(Call& c) {
  std::vector<Tensor> seen, real;
  bool numbers = false;
  for (size_t i = 0; i < c.arguments(); ++i)
    if (c.is_tensor(i)) {
      numbers |= c.rank(i) == 0 && !c.seen(i).is_wrapped_number();
      seen.push_back(c.seen(i));
      real.push_back(c.front(i));
    }
  align(c, false);
  if (seen.size() > 1 && numbers) {
    DType wanted = result_dtype(TensorList(seen.data(), seen.size()));
    if (wanted != result_dtype(TensorList(real.data(), real.size())))
      for (size_t i = 0; i < c.arguments(); ++i)
        if (c.is_tensor(i) && !c.seen(i).is_wrapped_number() && c.seen(i).dtype() != DType::Bool && c.seen(i).dtype() != wanted &&
            !(i == 0 && c.dest.kind == Dest::Kind::Inplace))
          c.set(i, to(*c.value(i).tensor, wanted));
  }
  c.run_inplace();
}
void rule_leading(Call& c) {
  align(c, false);
  c.run();
}
void rule_spread(Call& c) {
  align(c, true);
  c.run();
}

namespace {
template <class F>
void each_name(const char* names, F&& f) {
  std::string_view rest = names;
  while (!rest.empty()) {
    std::string_view one = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    if (!one.empty()) f(one);
  }
}

void over_dims(Call& c, bool none_means_all) {
  size_t self = 0;
  const auto& arguments = c.op.schema().arguments;
  while (arguments[self].tag != Value::Tag::Tensor) ++self;
  int64_t rank = c.rank(self);
  bool number = rank == 0;
  for (size_t i = 0; i < c.arguments(); ++i)
    if (c.is_tensor(i)) c.set(i, number && c.rank(i) == 0 ? unsqueeze(c.spread(i), 1) : c.spread(i));
  auto moved = [&](int64_t d) { return wrap_dim(d, rank) + 1; };
  bool flattened = false;
  each_name(c.data, [&](std::string_view name) {
    size_t i = c.find(name);
    const Value& v = c.value(i);
    if (v.tag == Value::Tag::Int) c.set(i, moved(v.i));
    else if (v.tag == Value::Tag::IntList && !(v.list.size == 0 && none_means_all)) {
      Ints dims;
      for (int64_t d : v.view<int64_t>()) dims.push_back(moved(d));
      c.set(i, std::move(dims));
    } else if (none_means_all && (arguments[i].tag == Value::Tag::IntList)) {
      Ints dims;
      for (int64_t d = 1; d <= std::max<int64_t>(rank, 1); ++d) dims.push_back(d);
      c.set(i, std::move(dims));
    } else if (none_means_all) {  // one dimension is expected: all become one
      c.set(self, reshape(*c.value(self).tensor, Ints{c.count(), -1}));
      c.set(i, int64_t(1));
      flattened = true;
    }
  });
  c.run();
  bool keepdim = c.has("keepdim") && c.value(c.find("keepdim")).b;
  for (Tensor& t : c.out.tensors) {
    if (!t.defined()) continue;
    if (flattened && keepdim) {
      Ints sizes{c.count()};
      for (int64_t d = 0; d < rank; ++d) sizes.push_back(1);
      t = reshape(t, sizes);
    } else if (number && t.dim() == 2) {
      t = squeeze_dim(t, 1);
    }
  }
}
}  // namespace

void rule_dims(Call& c) { over_dims(c, false); }
void rule_reduce(Call& c) { over_dims(c, true); }

// ---------------------------------------------------------------- the level
void compute_batched(const Level& level, const OpBase& op, const Value* args, const Dest& dest, Result& out) {
  Below below(level.id);
  bool any = false, any_dest = false;
  auto is_batched = [&](const Tensor& t) {
    const TransformedState* s = state_of(t);
    return s && s->level == level.id && s->dim >= 0;
  };
  each_argument_tensor(op, args, [&](const Tensor& t) { any |= is_batched(t); });
  for (size_t i = 0; i < dest.count; ++i) any_dest |= is_batched(dest.tensors[i]);
  bool inplace = dest.kind == Dest::Kind::Inplace;
  if (inplace && any && !any_dest)
    fail(ErrorKind::Runtime, str("vmap: inplace arithmetic(self, *extra_args) is not possible because there exists a Tensor `other` in extra_args that has more "
                                 "elements than `self`. This happened due to `other` being vmapped over but `self` not being vmapped over: ", op.schema().name,
                                 "_ would have to write one value per example into one tensor. Use an out-of-place operator, or make `self` with new_zeros() or "
                                 "zeros_like() of a tensor that is mapped over."));
  KG_CHECK(!any || returns_tensors(op), "vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow: ", op.schema().name,
           "() gives a number, which would differ from example to example.");
  auto at = rules().find(&op);
  Call c(level, op, args, inplace ? dest : Dest{}, out, at == rules().end() ? "" : at->second.data);
  if (!any) {
    // Nothing differs between the examples.
    if (inplace && !any_dest) {
      Tensor window = c.front(dest.tensors[0]);
      SmallVector<Value, 8> values;
      for (size_t i = 0; i < c.arguments(); ++i) values.push_back(c.value(i));
      if (c.is_tensor(0) && c.seen(0).is_same(dest.tensors[0])) values[0].tensor = &window;
      op.boxed(op, values.data(), {Dest::Kind::Inplace, &window, 1}, out);
      out.tensors[0] = dest.tensors[0];
      return;
    }
    c.run();
    for (size_t i = 0; i < out.tensors.size(); ++i) c.set_dim(i, -1);
  } else if (at == rules().end()) {
    c.loop();
  } else {
    at->second.rule(c);
  }
  for (size_t i = 0; i < out.tensors.size(); ++i) {
    if (!out.tensors[i].defined() || c.wrote_dest()) continue;
    int64_t dim = c.dim_of(i);
    KG_CHECK(dim < out.tensors[i].dim() && (dim < 0 || out.tensors[i].numel() == 0 || out.tensors[i].sizes()[size_t(dim)] == level.batch_size), "vmap: the shapes of the arguments of ", op.schema().name, "() do not fit the operator");
    out.tensors[i] = make_batched(out.tensors[i], c.dim_of(i), level.id);
  }
  for (size_t i = 0; i < dest.count && i < out.tensors.size(); ++i) {
    if (!c.wrote_dest()) {
      const TransformedState *from = state_of(out.tensors[i]), *into = state_of(dest.tensors[i]);
      KG_CHECK(from->dim < 0 || (into && into->level == level.id && into->dim >= 0), "vmap: out= of ", op.schema().name, "() must be a tensor that is mapped over");
      write_into(op, alias(dest.tensors[i]), out.tensors[i]);  // an alias: the level's own graph is the caller's matter
    }
    out.tensors[i] = dest.tensors[i];
  }
}

}  // namespace kagari::transforms
