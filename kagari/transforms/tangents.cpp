// Forward mode: what an operator does to tangents.
//
// Note [Tangents]: no operator has a rule of its own. Where it is linear, the operator itself maps tangents. Where it works element by element on
// real numbers, its Jacobian is diagonal, so that the gradient formula, which multiplies by the transposed Jacobian, also maps tangents.
// Everywhere else the formula g(v) = J^T v, being linear in v, is differentiated once more: the gradient of <g(v), t> with respect to v is J t.
#include <algorithm>
#include <deque>
#include <string>
#include <unordered_map>

#include "kagari/autograd/engine.h"
#include "kagari/autograd/grad_mode.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"
#include "kagari/transforms/interpreter.h"

namespace kagari::transforms {
namespace {

enum class Way : uint8_t {
  Linear,      // in all its tensors together
  LinearFirst, // in its first tensor; the others are positions or masks
  Product,     // in each of two tensors, the first two arguments; a third one is added
  Diagonal,    // element by element
  General
};

struct WayOf {
  const char* op;
  Way way;
};
constexpr WayOf table[] = {
    {"sum", Way::Linear}, {"mean", Way::Linear}, {"cumsum", Way::Linear}, {"_cat", Way::Linear}, {"stack", Way::Linear}, {"flip", Way::Linear},
    {"roll", Way::Linear}, {"clone", Way::Linear}, {"_to_copy", Way::Linear}, {"tril", Way::Linear}, {"triu", Way::Linear},
    {"select_backward", Way::Linear}, {"slice_backward", Way::Linear}, {"diagonal_backward", Way::Linear}, {"unfold_backward", Way::Linear},
    {"select_scatter", Way::Linear}, {"slice_scatter", Way::Linear}, {"diagonal_scatter", Way::Linear}, {"_adaptive_avg_pool", Way::Linear},
    {"_avg_pool_windows", Way::Linear}, {"_adaptive_avg_gradient", Way::Linear},
    {"as_strided_backward", Way::Linear}, {"_border_pad", Way::Linear}, {"_fft_c2c", Way::Linear}, {"_fft_r2c", Way::Linear}, {"_fft_c2r", Way::Linear},
    {"gather", Way::LinearFirst}, {"index_select", Way::LinearFirst}, {"_index", Way::LinearFirst}, {"embedding", Way::LinearFirst},
    {"embedding_dense_backward", Way::LinearFirst},
    {"mm", Way::Product}, {"bmm", Way::Product}, {"mv", Way::Product}, {"dot", Way::Product}, {"linear", Way::Product}, {"convolution", Way::Product},
    {"_convolution_input_gradient", Way::Product}, {"_convolution_weight_gradient", Way::Product},
    // may work in place, but not element by element
    {"_index_put", Way::General}, {"index_add", Way::General}, {"index_copy", Way::General}, {"index_fill.int_Scalar", Way::General},
    {"index_fill.int_Tensor", Way::General}, {"scatter.src", Way::General}, {"scatter.value", Way::General}, {"scatter.reduce", Way::General},
    {"scatter.value_reduce", Way::General}, {"scatter_add", Way::General}, {"scatter_reduce.two", Way::General}, {"masked_scatter", Way::General},
};

Way way_of(const OpBase& op) {
  static const std::unordered_map<const OpBase*, Way> ways = [] {
    std::unordered_map<std::string, Way> by_name;
    for (const WayOf& w : table) by_name[w.op] = w.way;
    std::unordered_map<const OpBase*, Way> out;
    for (const OpBase* o = first_op(); o; o = o->next) {
      const Schema& s = o->schema();
      auto at = by_name.find(s.overload.empty() ? std::string(s.name) : std::string(s.name) + "." + std::string(s.overload));
      if (at != by_name.end()) out[o] = at->second;
      else if (o->traits & kView) out[o] = Way::LinearFirst;
      else if (o->traits & kElementwise) out[o] = Way::Diagonal;
    }
    return out;
  }();
  auto at = ways.find(&op);
  return at == ways.end() ? Way::General : at->second;
}

/// The end of the edges that stand for wanted gradients; nothing flows through it.
class Sink final : public Node {
 public:
  Grads apply(Grads&&) override { return {}; }
  std::string name() const override { return "Tangents"; }
};

/// The tensors of a call at a level, without their tangents, and the tangents apart.
struct Tangents {
  SmallVector<Value, 8> args;              // with primal values
  std::vector<Tensor> primals, tangents;   // of all tensor arguments in order; tangents may be undefined
  std::deque<Tensor> kept;
  std::deque<std::vector<Tensor>> lists;
  bool any = false;

  Tangents(const Level& level, const OpBase& op, const Value* given) : args(given, given + op.schema().arguments.size()) {
    auto take = [&](const Tensor& t) {
      const TransformedState* s = state_of(t);
      bool mine = s && s->level == level.id;
      primals.push_back(mine ? s->value : t);
      tangents.push_back(mine ? s->tangent : Tensor());
      any |= tangents.back().defined();
    };
    replace(op, given, take, [&](size_t k) { return primals[k]; });
  }
  /// The same call with other tensors.
  template <class F>
  SmallVector<Value, 8> with(const OpBase& op, F&& f) {
    SmallVector<Value, 8> before = args;
    replace(op, before.data(), [](const Tensor&) {}, f);
    std::swap(before, args);
    return before;
  }

 private:
  template <class Take, class F>
  void replace(const OpBase& op, const Value* given, Take&& take, F&& f) {
    static const Tensor none;
    const auto& arguments = op.schema().arguments;
    size_t k = 0;
    for (size_t i = 0; i < arguments.size(); ++i) {
      if (arguments[i].tag == Value::Tag::Tensor) {
        bool given_one = given[i].tag == Value::Tag::Tensor;
        take(given_one ? *given[i].tensor : none);
        kept.push_back(f(k++));
        args[i] = detail::Boxing<const Tensor&>::put(kept.back());
      } else if (arguments[i].tag == Value::Tag::TensorList && given[i].tag == Value::Tag::TensorList) {
        std::vector<Tensor> list;
        for (const Tensor& t : given[i].view<Tensor>()) {
          take(t);
          list.push_back(f(k++));
        }
        lists.push_back(std::move(list));
        args[i] = detail::Boxing<TensorList>::put(TensorList(lists.back().data(), lists.back().size()));
      }
    }
  }
};

Tensor sum_of(const Tensor& a, const Tensor& b) { return !a.defined() ? b : !b.defined() ? a : add(a, b); }
bool differentiable(const Tensor& t) { return t.defined() && is_differentiable(t.dtype()); }
/// A gradient in the shape and dtype of what it belongs to: see Note [Shapes of gradients].
Tensor fitted(Tensor g, const Tensor& to) {
  if (g.sizes() != to.sizes()) g = autograd_arithmetic.sum_to(g, to.sizes());
  return g.dtype() == to.dtype() ? g : autograd_arithmetic.cast(g, to.dtype());
}

/// A window on the primal's storage. A tangent of the same layout has the same window; of another, the same elements, by way of the
/// gradient's gradient.
std::vector<Tensor> window_tangents(Tangents& t) {
  const Tensor& tangent = t.tangents[0];
  if (tangent.strides() == t.args[5].view<int64_t>())
    return {as_strided(tangent, t.args[1].view<int64_t>(), t.args[2].view<int64_t>(), t.args[3].i - t.args[6].i + tangent.storage_offset())};
  static const OpBase* gradient = [] {
    const OpBase* op = first_op();
    while (op->schema().name != "as_strided_backward") op = op->next;
    return op;
  }();
  // self, size, stride, offset, self_size, self_stride, self_offset -> tangent, from self's window, to the new one
  const auto& a = t.args;
  bool to_is_input = false;
  Value args[] = {detail::Boxing<const Tensor&>::put(t.tangents[0]), a[4], a[5], a[6], a[1], a[2], a[3], detail::Boxing<bool>::put(to_is_input)};
  Result r;
  gradient->boxed(*gradient, args, {}, r);
  return {r.tensors.begin(), r.tensors.end()};
}

std::vector<Tensor> linear_tangents(const OpBase& op, Tangents& t, bool first_only) {
  auto args = t.with(op, [&](size_t k) {
    if (!differentiable(t.primals[k]) || (first_only && k > 0)) return t.primals[k];
    return t.tangents[k].defined() ? t.tangents[k] : zeros_like(t.primals[k]);
  });
  Result r;
  op.boxed(op, args.data(), {}, r);
  return {r.tensors.begin(), r.tensors.end()};
}

/// op(t, y, 0) + op(x, t, 0) + what the tangent of the third argument adds.
std::vector<Tensor> product_tangents(const OpBase& op, Tangents& t, const Tensor& out) {
  Tensor sum;
  for (size_t which = 0; which < 2; ++which) {
    if (!t.tangents[which].defined()) continue;
    auto args = t.with(op, [&](size_t k) { return k == which ? t.tangents[k] : k < 2 ? t.primals[k] : Tensor(); });
    Result r;
    op.boxed(op, args.data(), {}, r);
    sum = sum_of(sum, r.tensors[0]);
  }
  if (t.tangents.size() > 2 && t.tangents[2].defined()) {
    Tensor bias = t.tangents[2];
    if (op.schema().name == "convolution") {
      Ints shape{bias.sizes()[0]};
      for (int64_t d = 2; d < out.dim(); ++d) shape.push_back(1);
      bias = reshape(bias, shape);
    }
    sum = sum.defined() ? add(sum, bias) : expand(bias, out.sizes());
  }
  return {sum};
}

/// The gradient formula of a call, with the gradients of these tensor arguments wanted.
IntrusivePtr<Node> formula_of(const OpBase& op, Tangents& t, const Result& result, const std::vector<bool>& wanted) {
  uint32_t mask = 0;
  for (size_t k = 0; k < wanted.size(); ++k) mask |= uint32_t(wanted[k]) << (k & 31);
  IntrusivePtr<Node> node = op.record(op, t.args.data(), mask);
  for (size_t k = 0; k < wanted.size(); ++k) {
    Edge e;
    if (wanted[k]) {
      e.node = make_node<Sink>();
      e.node->add_output(t.primals[k]);
    }
    node->next_edges.push_back(std::move(e));
  }
  auto* recorded = static_cast<OpNodeBase*>(node.get());
  bool keeps_outputs = op.saves_parsed().out;
  for (size_t i = 0; i < result.tensors.size(); ++i) {
    node->add_output(result.tensors[i]);
    if (!keeps_outputs) continue;
    recorded->save_output(result.tensors[i], i);
    recorded->saved_output(i) = SavedTensor(result.tensors[i], false);  // as a value with its own history: this node is none
  }
  return node;
}

/// Whether the tangents could be mapped by the gradient formula alone.
bool diagonal_tangents(const OpBase& op, Tangents& t, const Result& result, std::vector<Tensor>& out) {
  if (result.tensors.size() != 1) return false;
  const Tensor& y = result.tensors[0];
  if (!is_floating(y.dtype())) return false;
  for (size_t k = 0; k < t.primals.size(); ++k)
    if (t.tangents[k].defined() && (t.primals[k].is_complex() || t.tangents[k].is_complex())) return false;
  Tensor sum;
  for (size_t k = 0; k < t.primals.size(); ++k) {
    if (!t.tangents[k].defined()) continue;
    std::vector<bool> wanted(t.primals.size());
    wanted[k] = true;
    IntrusivePtr<Node> node = formula_of(op, t, result, wanted);
    Tensor g = t.tangents[k];
    if (g.sizes() != y.sizes()) g = expand(g, y.sizes());
    if (g.dtype() != y.dtype()) g = to(g, y.dtype());
    Grads grads{g};
    Grads found = node->apply(std::move(grads));
    if (!found[k].defined()) continue;
    if (found[k].sizes() != y.sizes()) {
      if (t.primals[k].sizes() != y.sizes() || !is_expandable_to(found[k].sizes(), y.sizes())) return false;
      found[k] = expand(found[k], y.sizes());
    }
    sum = sum_of(sum, found[k].dtype() == y.dtype() ? found[k] : to(found[k], y.dtype()));
  }
  out = {sum};
  return true;
}

std::vector<Tensor> general_tangents(const OpBase& op, Tangents& t, const Result& result) {
  bool recorded_outside = grad_enabled();
  NoGrad record(true);
  std::vector<bool> wanted;
  for (const Tensor& tangent : t.tangents) wanted.push_back(tangent.defined());
  IntrusivePtr<Node> node = formula_of(op, t, result, wanted);
  Grads vectors;
  std::vector<Edge> inputs;
  std::vector<size_t> of_output;
  for (size_t i = 0; i < result.tensors.size(); ++i) {
    const Tensor& y = result.tensors[i];
    if (!differentiable(y) || y.numel() == 0) {
      vectors.push_back(Tensor());
      continue;
    }
    Tensor v = detach(zeros_like(y));
    set_requires_grad(v, true);
    vectors.push_back(v);
    inputs.push_back(gradient_edge(v));
    of_output.push_back(i);
  }
  std::vector<Tensor> out(result.tensors.size());
  if (inputs.empty()) return out;
  Grads keep(vectors);
  Grads found = node->apply(std::move(vectors));
  std::vector<Edge> roots;
  std::vector<Tensor> tangents;
  for (size_t k = 0; k < t.tangents.size() && k < found.size(); ++k) {
    if (!t.tangents[k].defined() || !found[k].defined()) continue;
    Tensor g = fitted(found[k], t.primals[k]);
    if (!g.requires_grad()) continue;
    roots.push_back(gradient_edge(g));
    Tensor tangent = t.tangents[k];
    tangents.push_back(tangent.dtype() == g.dtype() ? tangent : to(tangent, g.dtype()));
  }
  if (roots.empty()) return out;
  std::vector<Tensor> columns = run_backward(roots, std::move(tangents), inputs, {false, recorded_outside, false, true});
  for (size_t i = 0; i < of_output.size(); ++i) out[of_output[i]] = columns[i];
  return out;
}

std::vector<Tensor> tangents_of(const OpBase& op, Tangents& t, const Result& result) {
  bool outputs = false;
  for (const Tensor& y : result.tensors) outputs |= differentiable(y);
  if (!t.any || !outputs) return {};
  if (op.schema().name == "_as_strided") return window_tangents(t);
  Way way = way_of(op);
  if (way == Way::Linear || way == Way::LinearFirst) return linear_tangents(op, t, way == Way::LinearFirst);
  if (!op.differentiable) return {};
  if (way == Way::Product) return product_tangents(op, t, result.tensors[0]);
  std::vector<Tensor> out;
  if (way == Way::Diagonal && diagonal_tangents(op, t, result, out)) return out;
  return general_tangents(op, t, result);
}

/// Makes a tensor of any kind one with a tangent.
void attach(const Tensor& t, const Tensor& primal, const Tensor& tangent, int64_t level) {
  Tensor dual = make_dual(primal, tangent, level);
  t.impl()->transform = dual.impl()->transform;
  t.impl()->special = true;
}

/// Gives a destination its new tangent. Memory that it has is written to, because views of it share it; a view's tangent is a view of its base's.
void write_tangent(const Tensor& dest, const Tensor& tangent, int64_t level) {
  const TransformedState* s = state_of(dest);
  bool mine = s && s->level == level;
  auto one_for_all = [](const Tensor& t) { return !state_of(t); };
  if (mine && s->tangent.defined() && (one_for_all(tangent) || !one_for_all(s->tangent))) {
    copy_(s->tangent, tangent);
    return;
  }
  Tensor primal = mine ? s->value : alias(dest);
  if (dest.impl()->base) {
    Tensor base(dest.impl()->base);
    KG_CHECK(base.is_contiguous(), "forward mode: writing a tangent into a view of a tensor that is not contiguous is not supported");
    const TransformedState* b = state_of(base);
    if (!b || b->level != level || !b->tangent.defined()) write_tangent(base, new_zeros(tangent, base.sizes()), level);
    Tensor whole = state_of(base)->tangent;
    Tensor window = as_strided(whole, dest.sizes(), dest.strides(), whole.storage_offset() + dest.storage_offset() - base.storage_offset());
    copy_(window, tangent);
    return attach(dest, primal, window, level);
  }
  attach(dest, primal, clone(tangent, MemoryFormat::Contiguous), level);
}

}  // namespace

void compute_tangents(const Level& level, const OpBase& op, const Value* given, const Dest& dest, Result& out) {
  Below below(level.id);
  Tangents t(level, op, given);
  if (dest.kind == Dest::Kind::Fresh) {
    op.boxed(op, t.args.data(), {}, out);
    std::vector<Tensor> tangents = tangents_of(op, t, out);
    for (size_t i = 0; i < tangents.size() && i < out.tensors.size(); ++i)
      if (tangents[i].defined() && differentiable(out.tensors[i])) out.tensors[i] = make_dual(out.tensors[i], tangents[i], level.id);
    return;
  }
  // Out of place first: the tangent needs the old value.
  Result fresh;
  std::vector<Tensor> tangents;
  bool had = false;
  for (size_t i = 0; i < dest.count; ++i) {
    const TransformedState* s = state_of(dest.tensors[i]);
    had |= s && s->level == level.id && s->tangent.defined();
  }
  if (t.any) {
    op.boxed(op, t.args.data(), {}, fresh);
    tangents = tangents_of(op, t, fresh);
  }
  SmallVector<Tensor, 2> primals;
  for (size_t i = 0; i < dest.count; ++i) {
    const TransformedState* s = state_of(dest.tensors[i]);
    primals.push_back(s && s->level == level.id ? s->value : dest.tensors[i]);
  }
  if (dest.kind == Dest::Kind::Inplace && op.schema().arguments[0].tag == Value::Tag::Tensor && given[0].tag == Value::Tag::Tensor &&
      given[0].tensor->is_same(dest.tensors[0]))
    t.args[0].tensor = &primals[0];
  op.boxed(op, t.args.data(), {dest.kind, primals.data(), dest.count}, out);
  for (size_t i = 0; i < dest.count && i < out.tensors.size(); ++i) {
    const Tensor& d = dest.tensors[i];
    bool new_tangent = i < tangents.size() && tangents[i].defined();
    if (new_tangent || had) {
      write_tangent(d, new_tangent ? tangents[i] : zeros_like(primals[i]), level.id);
    }
    out.tensors[i] = d;
  }
}

}  // namespace kagari::transforms
