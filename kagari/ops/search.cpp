// Positions in sorted sequences.
#include <algorithm>

#include "kagari/base/parallel.h"
#include "kagari/op/op.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

/// NaN comes after all numbers.
template <class T>
bool before(const T& a, const T& b) {
  return b != b ? a == a : a < b;
}

/// The first position whose entry is not before the value (or, right, after it). `order`: the positions in sorted order, or null.
template <class T>
int64_t position(const T* sequence, const int64_t* order, int64_t n, T value, bool right) {
  int64_t low = 0, high = n;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    const T& x = sequence[order ? order[middle] : middle];
    if (right ? !before(value, x) : before(x, value)) low = middle + 1;
    else high = middle;
  }
  return low;
}

void check_search(const Tensor& sequence, const Tensor& values, std::optional<std::string_view> side, bool right, const Tensor& sorter) {
  const char* op = "torch.searchsorted(): ";
  if (side) {
    KG_CHECK(*side == "left" || *side == "right", op, "side can only be 'left' or 'right' but got ", *side);
    KG_CHECK(!right || *side == "right", op, "side and right can't be set to opposites, got side of ", *side, " while right was True");
  }
  if (sorter.defined()) {
    KG_CHECK(sorter.sizes() == sequence.sizes(), op, "boundary and sorter must have the same size, but got boundary tensor ", sequence.sizes(), "and got sorter tensor ",
             sorter.sizes());
    KG_CHECK(sorter.dtype() == DType::Int64, op, "sorter must be a tensor of long dtype but got dtype ", legacy_name(sorter.dtype()));
    Tensor dense = contiguous(sorter);
    int64_t n = sequence.size(-1);
    for (int64_t i = 0; i < dense.numel(); ++i)
      KG_CHECK(dense.data<int64_t>()[i] >= 0 && dense.data<int64_t>()[i] < n, op, "sorter index out of range");
  }
  KG_CHECK(values.dim() > 0 || (values.numel() == 1 && sequence.dim() == 1), op, "input value can be a scalar only when boundaries tensor dimension is 1, but we got boundaries tensor dim(",
           sequence.dim(), ") and input value's dim(", values.dim(), ") numel(", values.numel(), ")");
  KG_CHECK(sequence.dim() > 0, op, "boundaries tensor should have positive dimension, but got 0 dimension");
  bool fits = sequence.dim() == 1;
  if (!fits && sequence.dim() == values.dim()) {
    fits = true;
    for (int64_t d = 0; d + 1 < values.dim(); ++d) fits = fits && values.sizes()[d] == sequence.sizes()[d];
  }
  KG_CHECK(fits, op, "boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor and input value tensor must match, but we got boundaries tensor ",
           sequence.sizes(), " and input value tensor ", values.sizes());
}

Tensor run_search(Out& out, const Tensor& sequence, const Tensor& values, bool out_int32, bool right, const Tensor& sorter) {
  Tensor y = out.alloc(values.sizes(), out_int32 ? DType::Int32 : DType::Int64, values.device());
  if (y.is_meta() || y.numel() == 0) return y;
  const Tensor pair[] = {sequence, values};
  DType compute = sequence.dtype() == values.dtype() ? sequence.dtype() : result_dtype(TensorList(pair, 2));
  if (is_complex(compute)) fail(ErrorKind::NotImplemented, str("\"searchsorted_out_cpu\" not implemented for '", legacy_name(compute), "'"));
  Tensor s = contiguous(to(detach(sequence), compute)), v = contiguous(to(detach(values), compute)), order = sorter.defined() ? contiguous(sorter) : Tensor();
  int64_t n = s.size(-1), per_row = s.dim() == 1 ? v.numel() : v.size(-1);
  visit_reals("searchsorted", compute, [&](auto tag) {
    using T = decltype(tag);
    const T *data = s.data<T>(), *wanted = v.data<T>();
    parallel_for(0, v.numel(), 2048, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        int64_t row = s.dim() == 1 ? 0 : i / per_row;
        int64_t p = position(data + row * n, order.defined() ? order.data<int64_t>() + row * n : nullptr, n, wanted[i], right);
        if (out_int32) y.data<int32_t>()[i] = int32_t(p);
        else y.data<int64_t>()[i] = p;
      }
    });
  });
  return y;
}

const NoGradient integral = no_grad("the result is integral");

const auto searchsorted_op = define<&searchsorted>({
    .schema = "searchsorted(Tensor sorted_sequence, Tensor|Scalar self, *, bool out_int32=False, bool right=False, str? side=None, Tensor? sorter=None) -> Tensor",
    .in = kFunction | kOut,
    .doc = "Where the values of self would be inserted into the sorted last dimension of sorted_sequence: before equal entries, or behind them if right.\n\n"
           ">>> torch.searchsorted(torch.tensor([1, 3, 5]), torch.tensor([3, 6]))\ntensor([1, 3])",
    .run = [](Out& out, const Tensor& sequence, const Tensor& values, bool out_int32, bool right, std::optional<std::string_view> side, const Tensor& sorter) {
      check_search(sequence, values, side, right, sorter);
      return run_search(out, sequence, values, out_int32, right || (side && *side == "right"), sorter);
    },
    .grad = integral,
});
const auto bucketize_op = define<&bucketize>({
    .schema = "bucketize(Tensor|Scalar self, Tensor boundaries, *, bool out_int32=False, bool right=False) -> Tensor",
    .in = kFunction | kOut,
    .doc = "The number of boundaries below each value; those equal to it count only if right.",
    .run = [](Out& out, const Tensor& self, const Tensor& boundaries, bool out_int32, bool right) {
      KG_CHECK(boundaries.dim() == 1, "boundaries tensor must be 1 dimension, but got dim(", boundaries.dim(), ")");
      return run_search(out, boundaries, self, out_int32, right, {});
    },
    .grad = integral,
});

}  // namespace

Tensor searchsorted(const Tensor& sorted_sequence, const Tensor& self, bool out_int32, bool right, std::optional<std::string_view> side, const Tensor& sorter) {
  return searchsorted_op(sorted_sequence, self, out_int32, right, side, sorter);
}
Tensor bucketize(const Tensor& self, const Tensor& boundaries, bool out_int32, bool right) { return bucketize_op(self, boundaries, out_int32, right); }

}  // namespace kagari
