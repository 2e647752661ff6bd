// What the operators of strided tensors do with quantized ones: see Note [Quantized tensors].
#include <deque>
#include <unordered_map>

#include "kagari/op/op.h"
#include "kagari/op/sparse_rules.h"
#include "kagari/ops/bounds.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/quantization.h"

namespace kagari {
namespace {

enum class Rule : uint8_t {
  Levels,     // moves or compares elements: runs on the levels, which keep their meaning
  Numbers,    // computes with the numbers, rounded again to the same levels
  Plain,      // computes with the numbers; the result is not quantized
  Fractions,  // the same, rounded to a scale of its own: results lie in [0, 1]
  Signed,     // the same for results in [-1, 1]
  Relu, Cat, Copy, Equal
};

const std::unordered_map<std::string_view, Rule>& table() {
  static const auto made = [] {
    std::unordered_map<std::string_view, Rule> rules;
    auto add = [&](Rule rule, std::string_view names) {
      while (!names.empty()) {
        std::string_view name = names.substr(0, names.find(' '));
        names.remove_prefix(std::min(names.size(), name.size() + 1));
        rules[name] = rule;
      }
    };
    add(Rule::Levels, "empty_like clone contiguous flip roll repeat index index_select gather take masked_select max_pool1d max_pool2d max_pool3d max_pool2d_with_indices "
                      "max_pool3d_with_indices sort topk max min maximum minimum amax amin adaptive_max_pool2d upsample_nearest1d upsample_nearest2d upsample_nearest3d "
                      "_upsample_nearest_exact2d channel_shuffle pixel_shuffle pixel_unshuffle");
    add(Rule::Numbers, "avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d _adaptive_avg_pool2d _adaptive_avg_pool3d mean upsample_bilinear2d "
                       "upsample_bicubic2d upsample_linear1d leaky_relu elu hardtanh clamp clamp_min clamp_max hardswish relu6 threshold _prelu_kernel gelu constant_pad_nd "
                       "reflection_pad1d reflection_pad2d replication_pad1d replication_pad2d");
    add(Rule::Plain, "eq ne lt le gt ge _local_scalar_dense argmax argmin isnan isfinite isinf");
    add(Rule::Fractions, "sigmoid hardsigmoid softmax _softmax");
    add(Rule::Signed, "tanh");
    add(Rule::Relu, "relu");
    add(Rule::Cat, "cat stack");
    add(Rule::Copy, "copy_ copy");
    add(Rule::Equal, "equal");
    return rules;
  }();
  return made;
}

template <class F>
void each_tensor(const OpBase& op, const Value* args, F&& f) {
  for (size_t i = 0; i < op.schema().arguments.size(); ++i) {
    if (args[i].tag == Value::Tag::Tensor && args[i].tensor->defined()) f(*args[i].tensor);
    if (args[i].tag == Value::Tag::TensorList)
      for (const Tensor& t : args[i].view<Tensor>())
        if (t.defined()) f(t);
  }
}

/// The arguments of a call with other tensors in the place of quantized ones.
class Arguments {
 public:
  template <class F>
  Arguments(const OpBase& op, const Value* args, F&& instead) : values_(args, args + op.schema().arguments.size()) {
    auto changed = [&](const Tensor& t) { return t.defined() && is_quantized(t) ? instead(t) : t; };
    for (Value& v : values_) {
      if (v.tag == Value::Tag::Tensor) v.tensor = &tensors_.emplace_back(changed(*v.tensor));
      if (v.tag == Value::Tag::TensorList) {
        auto& list = lists_.emplace_back();
        for (const Tensor& t : v.view<Tensor>()) list.push_back(changed(t));
        v.list = {list.data(), list.size()};
      }
    }
  }
  const Value* data() const { return values_.data(); }

 private:
  std::vector<Value> values_;
  std::deque<Tensor> tensors_;
  std::deque<std::vector<Tensor>> lists_;
};

void put(Result& out, Tensor t) {
  out.kind = Result::Kind::Tensor;
  out.tensors = {std::move(t)};
}

void compute(Rule rule, const OpBase& op, const Value* args, const Tensor& first, Result& out) {
  const QuantizedParts& p = quantized_parts(first);
  auto levels_of = [](const Tensor& t) { return quantized_parts(t).levels; };
  switch (rule) {
    case Rule::Levels: {
      KG_CHECK_IMPLEMENTED(!p.per_channel() || op.schema().name == "clone" || op.schema().name == "contiguous" || op.schema().name == "empty_like", op.schema().name, "(): quantized tensors with a scale per channel are not supported");
      op.boxed(op, Arguments(op, args, levels_of).data(), {}, out);
      for (Tensor& t : out.tensors)
        if (t.defined() && t.dtype() == p.levels.dtype()) t = with_levels(first, t);
      return;
    }
    case Rule::Relu: return put(out, with_levels(first, clamp_min(p.levels, Scalar(p.zero_point))));
    case Rule::Cat: {  // to the scale of the first
      op.boxed(op, Arguments(op, args, [&](const Tensor& t) {
                 const QuantizedParts& other = quantized_parts(t);
                 bool same = !other.per_channel() && other.scale == p.scale && other.zero_point == p.zero_point && other.levels.dtype() == p.levels.dtype();
                 return same ? other.levels : quantized_parts(quantize_like(dequantize(t), first)).levels;
               }).data(), {}, out);
      out.tensors[0] = with_levels(first, out.tensors[0]);
      return;
    }
    case Rule::Equal: {
      const Tensor &a = *args[0].tensor, &b = *args[1].tensor;
      bool same = is_quantized(a) && is_quantized(b);
      if (same) {
        const QuantizedParts &x = quantized_parts(a), &y = quantized_parts(b);
        same = x.axis == y.axis && x.levels.dtype() == y.levels.dtype() && equal(x.levels, y.levels);
        same = same && (x.per_channel() ? equal(x.scales, y.scales) && equal(x.zero_points, y.zero_points) : x.scale == y.scale && x.zero_point == y.zero_point);
      }
      out.kind = Result::Kind::Bool;
      out.scalar = same;
      return;
    }
    default: break;
  }
  op.boxed(op, Arguments(op, args, [](const Tensor& t) { return dequantize(t); }).data(), {}, out);
  if (rule == Rule::Plain) return;
  for (Tensor& t : out.tensors) {
    if (!t.defined() || t.dtype() != DType::Float32) continue;
    LevelRange r = level_range(p.levels.dtype());
    double unit = 1.0 / double(r.most - r.least + 1);
    t = rule == Rule::Numbers ? quantize_like(t, first) : rule == Rule::Fractions ? quantize_per_tensor(t, unit, r.least, p.levels.dtype()) : quantize_per_tensor(t, 2 * unit, (r.least + r.most + 1) / 2, p.levels.dtype());
  }
}

/// Writes a result over a destination, of which one may be quantized.
void write(const Tensor& to, const Tensor& from) {
  if (!is_quantized(to)) {
    copy_(to, is_quantized(from) ? dequantize(from) : from);
    return;
  }
  const QuantizedParts& p = quantized_parts(to);
  if (is_quantized(from)) {
    const QuantizedParts& q = quantized_parts(from);
    KG_CHECK(p.levels.dtype() == q.levels.dtype(), "Quantized copy only works with same dtype, got ", quantized_name(q.levels.dtype()), " and ", quantized_name(p.levels.dtype()));
    bool same = p.axis == q.axis && (p.per_channel() ? equal(p.scales, q.scales) && equal(p.zero_points, q.zero_points) : p.scale == q.scale && p.zero_point == q.zero_point);
    copy_(p.levels, same ? q.levels : quantized_parts(quantize_like(dequantize(from), to)).levels);
  } else {
    KG_CHECK(from.dtype() == DType::Float32, "Quantized copy only works with kFloat as source Tensor");
    copy_(p.levels, quantized_parts(quantize_like(from, to)).levels);
  }
}

bool run_quantized(const OpBase& op, const Value* args, const Dest& dest, Result& out) {
  const Tensor* first = nullptr;
  each_tensor(op, args, [&](const Tensor& t) {
    if (!first && is_quantized(t)) first = &t;
  });
  if (!first || op.traits & kView) return false;  // alias() makes views
  auto at = table().find(op.schema().name);
  if (at == table().end()) {
    if (op.composed || op.schema().name == "detach" || op.schema().name == "alias") return false;
    fail(ErrorKind::NotImplemented, str("Could not run 'aten::", op.schema().name, op.schema().overload.empty() ? "" : ".", op.schema().overload,
                                        "' with arguments from the 'QuantizedCPU' backend: ", op.schema().name, "() has no form for quantized tensors; use dequantize() first"));
  }
  if (at->second == Rule::Copy) {
    const Tensor& to = dest.count ? dest.tensors[0] : *args[0].tensor;
    write(to, *args[1].tensor);
    put(out, to);
    return true;
  }
  compute(at->second, op, args, *first, out);
  for (size_t i = 0; i < dest.count && i < out.tensors.size(); ++i) {
    write(dest.tensors[i], out.tensors[i]);
    out.tensors[i] = dest.tensors[i];
  }
  return true;
}

const bool installed = (call_quantized = run_quantized, true);

}  // namespace
}  // namespace kagari
