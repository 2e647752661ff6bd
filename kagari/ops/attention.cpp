#include "kagari/ops/attention.h"

#include <cmath>
#include <limits>

#include "kagari/cpu/attention.h"
#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/dropout.h"
#include "kagari/ops/extremum.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/logic.h"
#include "kagari/ops/matmul.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/softmax.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

/// softmax along rows; where a mask lets nothing through, that would be NaN: PyTorch defines the result as zero.
Tensor masked_softmax(const Tensor& scores) {
  int64_t last[] = {-1};
  Tensor nothing = eq(amax(scores, IntList(last, 1), true), wrapped_number(-std::numeric_limits<double>::infinity()));
  return masked_fill(softmax(scores, -1), nothing, 0);
}

/// The weights in operators. What a causal query sees does not depend on values, so nothing needs the zeros of masked_softmax there.
Tensor attention_weights(const Tensor& query, const Tensor& key, const Tensor& mask, double scale, bool is_causal) {
  Tensor scores = matmul(mul(query, wrapped_number(scale)), transpose(key, -2, -1));
  double hidden = -std::numeric_limits<double>::infinity();
  if (is_causal) {
    Tensor seen = tril(ones({query.sizes()[size_t(query.dim() - 2)], key.sizes()[size_t(key.dim() - 2)]}, {.dtype = DType::Bool, .layout = {}, .device = query.device()}));
    return softmax(masked_fill(scores, logical_not(seen), hidden), -1);
  }
  if (!mask.defined()) return softmax(scores, -1);
  return masked_softmax(mask.dtype() == DType::Bool ? masked_fill(scores, logical_not(mask), hidden) : add(scores, mask));
}

// ---------------------------------------------------------------- the fused operator
AttentionOperand operand(const Tensor& t) {
  if (!t.defined()) return {};
  return {t.bytes(), t.strides()[0], t.strides()[1], t.strides()[2]};
}
/// With rows in one piece.
Tensor with_rows(const Tensor& t) { return t.strides()[3] == 1 || t.sizes()[3] == 1 ? t : contiguous(t); }

Attention describe(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& given_mask, double scale, bool causal) {
  Tensor mask = given_mask.defined() ? expand(given_mask, {q.sizes()[0], q.sizes()[1], q.sizes()[2], k.sizes()[2]}) : Tensor();
  Attention a;
  a.dtype = q.dtype();
  a.batch = q.sizes()[0], a.heads = q.sizes()[1], a.kv_heads = k.sizes()[1];
  a.queries = q.sizes()[2], a.keys = k.sizes()[2], a.width = q.sizes()[3], a.value_width = v.sizes()[3];
  a.scale = scale, a.causal = causal;
  a.q = operand(q), a.k = operand(k), a.v = operand(v), a.mask = operand(mask);
  if (mask.defined()) a.mask_dtype = mask.dtype(), a.mask_column_stride = mask.strides()[3];
  return a;
}

Tensor fused_attention(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& mask, double scale, bool causal);

/// The gradients of query, key and value in operators, for gradients that are themselves recorded.
Grads attention_gradient_formula(const Tensor& grad, const Tensor& q, const Tensor& key, const Tensor& value, const Tensor& mask, double scale, bool causal) {
  int64_t group = q.sizes()[1] / key.sizes()[1];
  Tensor k = group > 1 ? repeat_interleave(key, group, 1) : key, v = group > 1 ? repeat_interleave(value, group, 1) : value;
  Tensor p = attention_weights(q, k, mask, scale, causal);
  Tensor dp = matmul(grad, transpose(v, -2, -1));
  int64_t last[] = {-1}, groups[] = {2};
  Tensor ds = p * (dp - sum(p * dp, IntList(last, 1), true)) * wrapped_number(scale);
  auto gathered = [&](const Tensor& t) { return group > 1 ? sum(reshape(t, {t.sizes()[0], key.sizes()[1], group, t.sizes()[2], t.sizes()[3]}), IntList(groups, 1)) : t; };
  return {matmul(ds, k), gathered(matmul(transpose(ds, -2, -1), q)), gathered(matmul(transpose(p, -2, -1), grad)), Tensor()};
}

/// The shapes and dtypes that the kernels rely on; `q` may have several times the heads of `k` and `v`.
bool fits(const Tensor& q, const Tensor& k, const Tensor& v) {
  if (q.dim() != 4 || k.dim() != 4 || v.dim() != 4 || !is_floating(q.dtype()) || is_float8(q.dtype())) return false;
  if (k.dtype() != q.dtype() || v.dtype() != q.dtype()) return false;
  IntList a = q.sizes(), b = k.sizes(), c = v.sizes();
  return a[0] == b[0] && a[0] == c[0] && b[1] > 0 && a[1] % b[1] == 0 && b[1] == c[1] && b[2] == c[2] && b[2] > 0 && a[3] == b[3];
}

const auto fused_attention_op = define<&fused_attention>({
    .schema = "_fused_attention(Tensor query, Tensor key, Tensor value, Tensor? mask, float scale, bool is_causal) -> Tensor",
    .in = kPrivate,
    .doc = "Attention of four-dimensional operands without a tensor of weights. The mask can be expanded to the shape of the weights.",
    .run = [](Out&, const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& mask, double scale, bool causal) {
      KG_CHECK(fits(query, key, value), "_fused_attention: expected four-dimensional floating operands of one dtype whose shapes fit, got ", query.sizes(), ", ", key.sizes(), " and ", value.sizes());
      if (mask.defined())
        KG_CHECK((mask.dtype() == DType::Bool || mask.dtype() == query.dtype()) && is_expandable_to(mask.sizes(), Ints{query.sizes()[0], query.sizes()[1], query.sizes()[2], key.sizes()[2]}),
                 "_fused_attention: a mask of shape ", mask.sizes(), " and dtype ", mask.dtype(), " does not fit");
      Tensor out = query.sizes()[3] == value.sizes()[3] ? empty_like(query) : empty_tensor({query.sizes()[0], query.sizes()[1], query.sizes()[2], value.sizes()[3]}, query.dtype(), query.device());
      if (out.is_meta() || out.numel() == 0) return out;
      if (out.strides()[3] != 1) out = empty_tensor(out.sizes(), out.dtype());
      Tensor q = with_rows(query), k = with_rows(key), v = with_rows(value);
      Attention a = describe(q, k, v, mask, scale, causal);
      a.out = operand(out);
      attention_forward(a);
      return out;
    },
    .grad = vjp("query key value mask", [](Ctx& c, const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& mask, double scale, bool causal) -> Grads {
      if (grad_enabled()) return attention_gradient_formula(c.grad, query, key, value, mask, scale, causal);
      Tensor q = with_rows(query), k = with_rows(key), v = with_rows(value), g = with_rows(c.grad);
      Tensor gq = empty_tensor(q.sizes(), q.dtype()), gk = empty_tensor(k.sizes(), k.dtype()), gv = empty_tensor(v.sizes(), v.dtype());
      attention_backward(describe(q, k, v, mask, scale, causal), operand(g), operand(gq), operand(gk), operand(gv));
      return {gq, gk, gv, Tensor()};
    }),
});
Tensor fused_attention(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask, double scale, bool causal) { return fused_attention_op(q, k, v, mask, scale, causal); }

/// Whether the fused operator takes these. Under a mode, and for tensors that are more than their values, the operators of the formula are seen.
bool takes(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask, bool gqa) {
  if (active_mode || q.impl()->special || k.impl()->special || v.impl()->special || q.device() != Device()) return false;
  if (!fits(q, k, v) || (!gqa && q.sizes()[1] != k.sizes()[1])) return false;
  if (!mask.defined()) return true;
  return !mask.impl()->special && !(grad_enabled() && mask.requires_grad()) && (mask.dtype() == DType::Bool || mask.dtype() == q.dtype());
}

const auto attention_op = compose<&scaled_dot_product_attention>({
    .schema = "scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float dropout_p=0.0, bool is_causal=False, *, float? scale=None, "
              "bool enable_gqa=False) -> Tensor",
    .in = kFunctional | kPrivate,
    .doc = "softmax(query @ key.T * scale + mask) @ value (Vaswani et al. 2017).",
    .body = [](const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& attn_mask, double dropout_p, bool is_causal, std::optional<double> scale, bool gqa) {
      KG_CHECK(query.dim() >= 2 && key.dim() >= 2 && value.dim() >= 2, "scaled_dot_product_attention: Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: ",
               query.dim(), ", key.dim: ", key.dim(), " and value.dim: ", value.dim(), " instead.");
      KG_CHECK(query.dtype() == key.dtype() && query.dtype() == value.dtype(), "Expected query, key, and value to have the same dtype, but got query.dtype: ", name(query.dtype()), " key.dtype: ",
               name(key.dtype()), " and value.dtype: ", name(value.dtype()), " instead.");
      KG_CHECK(!attn_mask.defined() || attn_mask.dtype() == DType::Bool || attn_mask.dtype() == query.dtype() || attn_mask.dtype() == DType::Float32,
               "Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: ", attn_mask.defined() ? name(attn_mask.dtype()) : "", " and  query.dtype: ", name(query.dtype()), " instead.");
      KG_CHECK(!attn_mask.defined() || !is_causal, "scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True");
      double s = scale.value_or(1 / std::sqrt(double(query.sizes().back())));
      if (dropout_p == 0 && takes(query, key, value, attn_mask, gqa)) {
        Tensor mask = attn_mask.defined() ? expand(attn_mask, {query.sizes()[0], query.sizes()[1], query.sizes()[2], key.sizes()[2]}) : Tensor();
        return fused_attention(query, key, value, mask, s, is_causal);
      }
      if (is_half(query.dtype())) {  // weights that are rounded twice would be wrong in the second digit
        Tensor mask = attn_mask.defined() && attn_mask.dtype() == query.dtype() ? to(attn_mask, DType::Float32) : attn_mask;
        return to(scaled_dot_product_attention(to(query, DType::Float32), to(key, DType::Float32), to(value, DType::Float32), mask, dropout_p, is_causal, s, gqa), query.dtype());
      }
      Tensor k = key, v = value;
      if (gqa && query.dim() > 2) {
        auto heads = [&](const Tensor& t) {
          int64_t own = t.sizes()[size_t(t.dim() - 3)], wanted = query.sizes()[size_t(query.dim() - 3)];
          KG_CHECK(own > 0 && wanted % own == 0, "scaled_dot_product_attention: the number of query heads (", wanted, ") must be a multiple of that of key and value heads (", own, ")");
          return own == wanted ? t : repeat_interleave(t, wanted / own, t.dim() - 3);
        };
        k = heads(k);
        v = heads(v);
      }
      Tensor weights = attention_weights(query, k, attn_mask, s, is_causal);
      if (dropout_p > 0) weights = dropout(weights, dropout_p, true);
      return matmul(weights, v);
    },
});

}  // namespace

Tensor scaled_dot_product_attention(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask, double p, bool causal, std::optional<double> scale, bool gqa) {
  return attention_op(q, k, v, mask, p, causal, scale, gqa);
}

}  // namespace kagari
