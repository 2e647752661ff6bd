// Sums, means and maxima of bags of rows of a table.
#include <algorithm>
#include <tuple>

#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/bounds.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

enum BagMode { kSum, kMean, kMax };

/// The bag of each index, and the number of bags.
std::tuple<Tensor, int64_t> bag_of_each(const Tensor& indices, const Tensor& offsets, bool include_last) {
  Tensor starts = contiguous(to(offsets, DType::Int64));
  int64_t count = indices.numel(), bags = starts.numel() - (include_last ? 1 : 0);
  KG_CHECK(bags >= 0, "include_last_offset: the number of offsets must be at least 1");
  const int64_t* s = starts.data<int64_t>();
  if (starts.numel() > 0) {
    KG_CHECK(s[0] == 0, "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. However, got ", s[0]);
    KG_CHECK(s[starts.numel() - 1] <= count, "offsets[-1] can not be greater than input's length ", count, " but got offsets[-1] of ", s[starts.numel() - 1]);
  }
  Tensor bag = zero_(empty_tensor({count}, DType::Int64));
  int64_t* b = bag.data<int64_t>();
  for (int64_t i = 0; i < bags; ++i) {
    KG_CHECK(s[i] >= 0, "offsets must not be negative, but offsets[", i, "] is ", s[i]);
    int64_t end = i + 1 < starts.numel() ? s[i + 1] : count;
    for (int64_t k = s[i]; k < end && k < count; ++k) b[k] = i;
  }
  return {bag, bags};
}

/// For each bag and column the row of the table with the largest element; the bag's first row wins ties.
Tensor largest_rows(const Tensor& weight, const Tensor& indices, const Tensor& bag, int64_t bags) {
  Tensor table = contiguous(detach(weight)), rows = zero_(empty_tensor({bags, weight.sizes()[1]}, DType::Int64));
  int64_t columns = weight.sizes()[1], *best = rows.data<int64_t>();
  const int64_t *index = indices.data<int64_t>(), *of = bag.data<int64_t>();
  std::vector<bool> seen(size_t(bags), false);
  visit_floats_and_halfs("embedding_bag", weight.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const T* w = table.data<T>();
    for (int64_t k = 0; k < indices.numel(); ++k) {
      int64_t b = of[k], row = index[k];
      for (int64_t c = 0; c < columns; ++c) {
        int64_t& r = best[b * columns + c];
        if (!seen[size_t(b)] || w[row * columns + c] > w[r * columns + c]) r = row;
      }
      seen[size_t(b)] = true;
    }
  });
  return rows;
}

using Four = std::tuple<Tensor, Tensor, Tensor, Tensor>;
Four embedding_bag(const Tensor& weight, const Tensor& indices, const Tensor& offsets, bool scale_grad_by_freq, int64_t mode, bool sparse, const Tensor& per_sample_weights, bool include_last_offset,
                   std::optional<int64_t> padding_idx);
const auto embedding_bag_op = compose<&embedding_bag>({
    .schema = "embedding_bag(Tensor weight, Tensor indices, Tensor offsets, bool scale_grad_by_freq=False, int mode=0, bool sparse=False, Tensor? per_sample_weights=None, "
              "bool include_last_offset=False, int? padding_idx=None) -> (Tensor, Tensor, Tensor, Tensor)",
    .in = kFunction,
    .traits = kReadsValues,
    .doc = "The sum (mode 0), mean (1) or maximum (2) of the rows of weight (V, D) in each bag of indices (N), where bag i begins at offsets[i]: (B, D). Then the bag of each index, the sizes of "
           "the bags and, for the maximum, the row of each element. The row padding_idx does not count.",
    .body = [](const Tensor& weight, const Tensor& indices, const Tensor& offsets, bool by_freq, int64_t mode, bool sparse, const Tensor& per_sample_weights, bool include_last,
               std::optional<int64_t> padding_idx) -> Four {
      for (const Tensor* t : {&indices, &offsets})
        KG_CHECK(t->dtype() == DType::Int64 || t->dtype() == DType::Int32, "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got torch.",
                 legacy_name(t->dtype()), "Tensor instead (while checking arguments for embedding_bag)");
      KG_CHECK(indices.dim() == 1 || indices.dim() == 2, "input has to be a 1D or 2D Tensor, but got Tensor of dimension ", indices.dim());
      KG_CHECK(offsets.dim() == 1, "offsets has to be a 1D Tensor, but got Tensor of dimension ", offsets.dim());
      KG_CHECK(weight.dim() == 2, "weight has to be a 2D Tensor, but got Tensor of dimension ", weight.dim());
      KG_CHECK(mode >= kSum && mode <= kMax, "mode has to be one of sum, mean or max");
      KG_CHECK(!per_sample_weights.defined() || mode == kSum, "embedding_bag: per_sample_weights is only supported for mode='sum'");
      KG_CHECK(!sparse || mode != kMax, "embedding_bag: sparse gradients are not supported for mode='max'");
      int64_t rows = weight.sizes()[0], columns = weight.sizes()[1], skipped = -1;
      if (padding_idx && *padding_idx != -1) {
        KG_CHECK(*padding_idx >= -rows && *padding_idx < rows, "padding_idx must be within the number of embeddings, ", -rows, " through ", rows - 1, ", but got ", *padding_idx);
        skipped = *padding_idx < 0 ? *padding_idx + rows : *padding_idx;
      } else if (padding_idx) {
        skipped = rows - 1;
      }
      Tensor index = contiguous(to(reshape(indices, {-1}), DType::Int64));
      for (int64_t k = 0; k < index.numel(); ++k) {
        int64_t i = index.data<int64_t>()[k];
        KG_CHECK(i >= 0 && i < rows, "Index ", k, " of input takes value ", i, " which is not in the valid range [0, ", rows, ")");
      }
      auto [bag, bags] = bag_of_each(index, offsets, include_last);
      Tensor all_bags = bag, scale = per_sample_weights;
      if (skipped >= 0) {
        Tensor kept = reshape(nonzero(ne(index, wrapped_number(skipped))), {-1});
        index = index_select(index, 0, kept);
        bag = index_select(bag, 0, kept);
        if (scale.defined()) scale = index_select(scale, 0, kept);
      }
      Tensor sizes = index_add(zero_(empty_tensor({bags}, DType::Int64)), 0, bag, add(mul(bag, wrapped_number(0)), wrapped_number(1)));
      if (mode == kMax) {
        Tensor at = largest_rows(weight, index, bag, bags);
        Tensor y = masked_fill(gather(weight, 0, at), eq(reshape(sizes, {bags, 1}), wrapped_number(0)), Scalar(0));
        return {y, all_bags, sizes, at};
      }
      Tensor picked = embedding(weight, index, -1, by_freq, sparse);
      if (scale.defined()) {
        KG_CHECK(scale.dtype() == weight.dtype(), "expected scalar type ", legacy_name(weight.dtype()), " but found ", legacy_name(scale.dtype()));
        picked = picked * reshape(scale, {-1, 1});
      }
      Tensor y = index_add(zero_(empty_tensor({bags, columns}, weight.dtype())), 0, bag, picked);
      if (mode == kSum) return {y, scale.defined() ? all_bags : empty_tensor({0}, DType::Int64), zero_(empty_tensor({bags}, DType::Int64)), zero_(empty_tensor({bags}, DType::Int64))};
      return {y / reshape(to(clamp_min(sizes, Scalar(1)), weight.dtype()), {bags, 1}), all_bags, sizes, sizes};
    },
});
[[maybe_unused]] Four embedding_bag(const Tensor& w, const Tensor& i, const Tensor& o, bool by_freq, int64_t mode, bool sparse, const Tensor& scale, bool last, std::optional<int64_t> padding) {
  return embedding_bag_op(w, i, o, by_freq, mode, sparse, scale, last, padding);
}

}  // namespace
}  // namespace kagari
