// A table: operators that vmap reaches by shifting the dimensions that they name, and elementwise ones without the trait.
#include "kagari/ops/copy.h"
#include "kagari/ops/extremum.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"
#include "kagari/transforms/batching.h"

namespace kagari::transforms {
namespace {

/// max(self), min(self): over all dimensions of an example.
template <auto over>
void whole(Call& c) {
  Tensor t = c.front(0);
  if (t.dim() == 1) return c.give(t);
  Ints dims;
  for (int64_t d = 1; d < t.dim(); ++d) dims.push_back(d);
  c.give(over(t, dims, false));
}

/// roll without dimensions turns the flattened tensor.
void rule_roll(Call& c) {
  if (c.value(c.find("dims")).list.size) return rule_dims(c);
  Tensor t = c.front(0);
  c.give(reshape(roll(reshape(t, Ints{c.count(), -1}), c.value(c.find("shifts")).view<int64_t>(), Ints{1}), t.sizes()));
}

/// The bounds may be one tensor for all or one per example; then as many leading dimensions as the values.
void rule_searchsorted(Call& c) {
  bool one = c.op.schema().name == "bucketize";
  size_t bounds = one ? 1 : 0, values = one ? 0 : 1;
  if (!c.batched(bounds) && c.rank(bounds) == 1) {
    for (size_t i = 0; i < c.arguments(); ++i)
      if (i != values && c.is_tensor(i) && c.batched(i)) return c.loop();
    return c.run();
  }
  if (one || !c.is_tensor(values) || c.rank(bounds) != 1) return c.loop();
  Tensor v = c.spread(values);
  for (size_t i = 0; i < c.arguments(); ++i)
    if (c.is_tensor(i)) c.set(i, i == values ? reshape(v, Ints{c.count(), -1}) : c.spread(i));
  c.run();
  c.out.tensors[0] = reshape(c.out.tensors[0], v.sizes());
}

/// The examples' dimension must stay out of reach: what asks for more dimensions than an example has is an error of each.
void rule_pad(Call& c) { c.value(c.find("pad")).list.size > size_t(2 * c.rank(0)) ? c.loop() : rule_leading(c); }
void rule_pairs(Call& c) { c.rank(0) < 1 ? c.loop() : rule_leading(c); }

void rule_isin(Call& c) {
  if (c.batched(1)) return c.loop();
  c.run();
}

/// Element by element, but without broadcasting.
void rule_same_shapes(Call& c) {
  for (size_t i = 0; i < c.arguments(); ++i)
    if (c.is_tensor(i)) c.set(i, contiguous(c.spread(i)));
  c.run();
}
/// Shapes that depend on values would differ between the examples, at most by chance not.
void rule_dynamic_shape(Call& c) {
  fail(ErrorKind::Runtime, str("vmap: We do not support batching operators that can output dynamic shape. Attempted to vmap over aten::", c.op.schema().name,
                               ", whose result has a shape of its own for each example."));
}
/// copy(self, src): the result is as self, so that self needs the examples' dimension.
void rule_copy(Call& c) {
  if (c.dest.kind == Dest::Kind::Inplace || c.batched(size_t(0))) return rule_elementwise(c);
  rule_spread(c);
}
/// The value may differ between the examples, which the operator, whose value is one number, does not know.
void rule_fill(Call& c) {
  if (!c.batched(size_t(1))) return rule_elementwise(c);
  Tensor value = to(with_rank(c.front(1), c.rank(0)), c.seen(0).dtype());
  c.give(clone(expand(value, behind(c.count(), c.seen(0).sizes()))));
}

const BatchRuleEntry pointwise_table[] = {
    {"where.self", rule_elementwise}, {"complex", rule_elementwise}, {"polar", rule_elementwise}, {"polygamma", rule_elementwise},
    {"_standard_gamma_grad", rule_elementwise}, {"clone", rule_leading}, {"_to_copy", rule_leading}, {"empty_like", rule_leading},
    {"zeros_like", rule_leading}, {"ones_like", rule_leading}, {"full_like", rule_leading},
    {"_border_pad", rule_pad}, {"view_as_real", rule_leading}, {"view_as_complex", rule_pairs}, {"constant_pad_nd", rule_pad}, {"searchsorted", rule_searchsorted},
    {"bucketize", rule_searchsorted}, {"_masked_scale", rule_same_shapes}, {"_rrelu_scaled", rule_same_shapes},
    {"_rrelu_scaled_backward", rule_same_shapes}, {"copy", rule_copy}, {"fill.Tensor", rule_fill}, {"isin", rule_isin},
    // not elementwise, although they may work in place
    {"masked_scatter", rule_loop},
    // composed of writes into a tensor that is made without looking at the argument
    {"nonzero_static", rule_loop},
    {"nonzero", rule_dynamic_shape}, {"nonzero.as_tuple", rule_dynamic_shape}, {"masked_select", rule_dynamic_shape}, {"_unique2", rule_dynamic_shape},
    {"unique_dim", rule_dynamic_shape}, {"_unique_consecutive", rule_dynamic_shape},
};

const BatchRuleEntry dimension_table[] = {
    {"sum", rule_reduce, "dim"}, {"nansum", rule_reduce, "dim"}, {"mean", rule_reduce, "dim"}, {"prod", rule_reduce, "dim"},
    {"all", rule_reduce, "dim"}, {"any", rule_reduce, "dim"}, {"count_nonzero", rule_reduce, "dim"}, {"amax", rule_reduce, "dim"},
    {"amin", rule_reduce, "dim"}, {"aminmax", rule_reduce, "dim"}, {"argmax", rule_reduce, "dim"}, {"argmin", rule_reduce, "dim"},
    {"var.correction", rule_reduce, "dim"}, {"std.correction", rule_reduce, "dim"}, {"var_mean.correction", rule_reduce, "dim"},
    {"std_mean.correction", rule_reduce, "dim"}, {"linalg_vector_norm", rule_reduce, "dim"}, {"logsumexp", rule_reduce, "dim"},
    {"max", whole<amax>}, {"min", whole<amin>},
    {"max.dim", rule_dims, "dim"}, {"min.dim", rule_dims, "dim"}, {"median.dim", rule_dims, "dim"}, {"nanmedian.dim", rule_dims, "dim"},
    {"mode", rule_dims, "dim"}, {"kthvalue", rule_dims, "dim"}, {"topk", rule_dims, "dim"}, {"sort", rule_dims, "dim"},
    {"cumsum", rule_dims, "dim"}, {"cumprod", rule_dims, "dim"}, {"logcumsumexp", rule_dims, "dim"}, {"cummax", rule_dims, "dim"},
    {"cummin", rule_dims, "dim"}, {"softmax", rule_dims, "dim"}, {"log_softmax", rule_dims, "dim"}, {"_softmax_backward", rule_dims, "dim"},
    {"_log_softmax_backward", rule_dims, "dim"}, {"_fft_c2c", rule_dims, "dim"}, {"_fft_r2c", rule_dims, "dim"},
    {"_fft_c2r", rule_dims, "dim"}, {"flip", rule_dims, "dims"}, {"roll", rule_roll, "dims"},
    {"gather", rule_dims, "dim"}, {"scatter.src", rule_dims, "dim"}, {"scatter.value", rule_dims, "dim"}, {"scatter.reduce", rule_dims, "dim"},
    {"scatter.value_reduce", rule_dims, "dim"}, {"scatter_add", rule_dims, "dim"}, {"scatter_reduce.two", rule_dims, "dim"},
};

}  // namespace

std::span<const BatchRuleEntry> elementwise_rules() { return pointwise_table; }
std::span<const BatchRuleEntry> dimension_rules() { return dimension_table; }

}  // namespace kagari::transforms
