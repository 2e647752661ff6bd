#include "kagari/ops/attention.h"

#include <cmath>
#include <limits>

#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/dropout.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/logic.h"
#include "kagari/ops/matmul.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/softmax.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

/// Where a bool mask lets nothing through, softmax would be NaN: PyTorch defines the result as zero.
Tensor zero_where_masked(const Tensor& weights, const Tensor& mask) {
  int64_t last[] = {-1};
  return masked_fill(weights, logical_not(any(mask, IntList(last, 1), true)), 0);
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
      double s = scale.value_or(1 / std::sqrt(double(query.sizes().back())));
      Tensor scores = matmul(mul(query, wrapped_number(s)), transpose(k, -2, -1));
      Tensor mask = attn_mask;
      if (is_causal) mask = tril(ones({query.sizes()[size_t(query.dim() - 2)], key.sizes()[size_t(key.dim() - 2)]}, {.dtype = DType::Bool, .layout = {}, .device = query.device()}));
      bool selects = mask.defined() && mask.dtype() == DType::Bool;
      if (selects) scores = masked_fill(scores, logical_not(mask), -std::numeric_limits<double>::infinity());
      else if (mask.defined()) scores = add(scores, mask);
      Tensor weights = softmax(scores, -1);
      if (selects && !is_causal) weights = zero_where_masked(weights, mask);
      if (dropout_p > 0) weights = dropout(weights, dropout_p, true);
      return matmul(weights, v);
    },
});

}  // namespace

Tensor scaled_dot_product_attention(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask, double p, bool causal, std::optional<double> scale, bool gqa) {
  return attention_op(q, k, v, mask, p, causal, scale, gqa);
}

}  // namespace kagari
