#pragma once
#include "kagari/tensor/tensor.h"

namespace kagari {

/// softmax(query key^T scale + mask) value for (..., L, E), (..., S, E), (..., S, Ev). attn_mask: bool (True takes part) or added; scale:
/// 1 / sqrt(E) by default; is_causal: position i sees positions up to i. With enable_gqa, several query heads share a key head.
KAGARI_API Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& attn_mask = {}, double dropout_p = 0,
                                               bool is_causal = false, std::optional<double> scale = {}, bool enable_gqa = false);

}  // namespace kagari
