// Rows of a table by number, with a dense or a sparse gradient; repeat_interleave.
#include "kagari/cpu/copy.h"
#include "kagari/cpu/indexing.h"
#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/sparse.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

void check_indices(const char* op, const Tensor& indices) {
  KG_CHECK(indices.dtype() == DType::Int64 || indices.dtype() == DType::Int32, "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; "
           "but got torch.", legacy_name(indices.dtype()), "Tensor instead (while checking arguments for ", op, ")");
}

cpu::IndexPlan rows_plan(const Tensor& table, const Tensor& indices) {
  cpu::IndexPlan plan;
  plan.count = indices.numel();
  plan.indices.push_back({indices.data<int64_t>(), table.sizes()[0], table.strides()[0], 0});
  plan.after_sizes = {table.sizes()[1]};
  plan.after_strides = {table.strides()[1]};
  plan.error_text = "index out of range in self";
  plan.negative = false;
  return plan;
}

const auto embedding_op = define<&embedding>({
    .schema = "embedding(Tensor weight, Tensor indices, int padding_idx=-1, bool scale_grad_by_freq=False, bool sparse=False) -> Tensor",
    .in = kFunction,
    .doc = "The rows of weight that indices name. The row padding_idx gets no gradient.",
    .run = [](Out&, const Tensor& weight, const Tensor& indices, int64_t, bool, bool) {
      KG_CHECK(weight.dim() == 2, "'weight' must be 2-D");
      check_indices("embedding", indices);
      Ints sizes(indices.sizes());
      sizes.push_back(weight.sizes()[1]);
      Tensor y = empty_tensor(sizes, weight.dtype(), weight.device());
      if (y.is_meta()) return y;
      Tensor v = contiguous(to(indices, DType::Int64));
      if (v.numel()) cpu::take_indexed(y, weight, rows_plan(weight, v));
      return y;
    },
    .grad = vjp("indices", [](Ctx& c, const Tensor&, const Tensor& indices, int64_t padding_idx, bool by_freq, bool sparse) -> Grads {
      if (sparse) {
        KG_CHECK(!by_freq, "embedding_backward: scale_grad_by_freq not supported with sparse gradients");
        return {sparse_rows(c.grad, indices, c.sizes(0)[0], padding_idx), Tensor()};
      }
      return {embedding_dense_backward(c.grad, indices, c.sizes(0)[0], padding_idx, by_freq), Tensor()};
    }),
});

const auto embedding_backward_op = define<&embedding_dense_backward>({
    .schema = "embedding_dense_backward(Tensor grad_output, Tensor indices, int num_weights, int padding_idx, bool scale_grad_by_freq) -> Tensor",
    .in = 0,
    .doc = "The gradient of embedding's table: rows of grad_output added where indices say.",
    .run = [](Out&, const Tensor& grad, const Tensor& indices, int64_t rows, int64_t padding_idx, bool by_freq) {
      check_indices("embedding_backward", indices);
      int64_t width = grad.size(-1);
      Tensor y = empty_tensor({rows, width}, grad.dtype(), grad.device());
      if (y.is_meta()) return y;
      cpu::fill_elements(y, 0);
      if (indices.numel() == 0 || width == 0) return y;
      Tensor v = contiguous(to(indices, DType::Int64)), g = contiguous(grad);
      cpu::put_indexed(y, g, rows_plan(y, v), true);
      if (padding_idx >= 0 && padding_idx < rows) cpu::fill_elements(alias(y, {width}, {1}, padding_idx * width), 0);
      if (by_freq) {
        Tensor counts = empty_tensor({rows, 1}, grad.dtype());
        cpu::fill_elements(counts, 0);
        cpu::put_indexed(counts, scalar_tensor(1, grad.dtype()), rows_plan(counts, v), true);
        Tensor one = scalar_tensor(1, grad.dtype());
        y = div(y, where(to(counts, DType::Bool), counts, one));
      }
      return y;
    },
    .grad = vjp("indices", [](Ctx& c, const Tensor&, const Tensor& indices, int64_t rows, int64_t padding_idx, bool by_freq) -> Grads {
      KG_CHECK_IMPLEMENTED(!by_freq, "embedding: the second gradient with scale_grad_by_freq is not supported");
      Tensor table = c.grad;
      if (padding_idx >= 0 && padding_idx < rows) table = select_scatter(table, new_zeros(table, {table.size(1)}), 0, padding_idx);
      return {embedding(table, indices, padding_idx), Tensor()};
    }),
});

// ---------------------------------------------------------------- repeat_interleave
/// 0 repeats[0] times, then 1 repeats[1] times, ...
Tensor interleaved_positions(const Tensor& repeats, std::optional<int64_t> output_size) {
  KG_CHECK(repeats.dim() == 1, "repeat_interleave only accept 1D vector as repeat");
  KG_CHECK_IMPLEMENTED(repeats.dtype() == DType::Int64 || repeats.dtype() == DType::Int32, "\"repeat_interleave_cpu\" not implemented for '", legacy_name(repeats.dtype()), "'");
  Tensor counts = contiguous(to(repeats, DType::Int64));
  const int64_t* n = counts.data<int64_t>();
  int64_t total = 0;
  for (int64_t i = 0; i < counts.numel(); ++i) {
    KG_CHECK(n[i] >= 0, "repeats can not be negative");
    total += n[i];
  }
  KG_CHECK(!output_size || *output_size == total, "allocated size does not match required size");
  Tensor y = empty_tensor({total}, DType::Int64);
  int64_t* out = y.data<int64_t>();
  for (int64_t i = 0; i < counts.numel(); ++i) out = std::fill_n(out, n[i], i);
  return to(y, repeats.dtype());
}
const auto interleaved_positions_op = define<&interleaved_positions>({
    .schema = "repeat_interleave.Tensor(Tensor repeats, *, int? output_size=None) -> Tensor",
    .in = kFunction,
    .traits = kReadsValues,
    .doc = "0 repeats[0] times, then 1 repeats[1] times, and so on.",
    .run = [](Out&, const Tensor& repeats, std::optional<int64_t> output_size) { return interleaved_positions(repeats, output_size); },
    .grad = no_grad("the result is integral"),
});

const auto repeat_interleave_op = compose<&repeat_interleave>({
    .schema = "repeat_interleave.self_int(Tensor self, int repeats, int? dim=None, *, int? output_size=None) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "Each entry of dimension dim (of the flattened tensor without dim) repeated.\n\n>>> torch.tensor([1, 2]).repeat_interleave(2)\ntensor([1, 1, 2, 2])",
    .body = [](const Tensor& self, int64_t repeats, std::optional<int64_t> dim, std::optional<int64_t> output_size) {
      KG_CHECK(repeats >= 0, "Repeats must be non-negative");
      Tensor x = dim ? self : flatten(self);
      int64_t d = wrap_dim(dim.value_or(0), x.dim());
      KG_CHECK(!output_size || *output_size == x.size(d) * repeats, "repeat_interleave: Invalid output_size, expected ", x.dim() ? x.size(d) * repeats : repeats, " but got ",
               output_size.value_or(0));
      if (x.dim() == 0) x = reshape(x, {1});
      Ints wide(x.sizes()), joined(x.sizes());
      wide.insert(wide.begin() + d + 1, repeats);
      joined[d] *= repeats;
      if (d == x.dim() - 1 && repeats > 1 && repeats < 8)  // columns side by side, where rows of so few copies would be slow
        return reshape(cat(std::vector<Tensor>(size_t(repeats), unsqueeze(x, -1)), -1), joined);
      return reshape(clone(expand(unsqueeze(x, d + 1), wide), MemoryFormat::Contiguous), joined);
    },
});
const auto repeat_interleave_each_op = compose<&repeat_interleave_each>({
    .schema = "repeat_interleave.self_Tensor(Tensor self, Tensor repeats, int? dim=None, *, int? output_size=None) -> Tensor",
    .in = kFunction | kMethod,
    .traits = kReadsValues,
    .doc = "Entry i of dimension dim (of the flattened tensor without dim) repeated repeats[i] times.",
    .body = [](const Tensor& self, const Tensor& repeats, std::optional<int64_t> dim, std::optional<int64_t> output_size) {
      Tensor x = dim ? self : flatten(self);
      int64_t d = wrap_dim(dim.value_or(0), x.dim());
      if (x.dim() == 0) x = reshape(x, {1});
      KG_CHECK(repeats.dim() <= 1, "repeats must be 0-dim or 1-dim tensor");
      Tensor n = repeats;
      if (n.dim() == 0 || n.numel() == 1) n = expand(reshape(n, {1}), {x.sizes()[d]});
      KG_CHECK(n.numel() == x.sizes()[d], "repeats must have the same size as input along dim, but got repeats.size(0) = ", n.numel(), " and input.size(", d, ") = ", x.sizes()[d]);
      return index_select(x, d, interleaved_positions_op(n, output_size));
    },
});

}  // namespace

Tensor embedding(const Tensor& weight, const Tensor& indices, int64_t padding_idx, bool scale_grad_by_freq, bool sparse) {
  return embedding_op(weight, indices, padding_idx, scale_grad_by_freq, sparse);
}
Tensor embedding_dense_backward(const Tensor& grad, const Tensor& indices, int64_t num_weights, int64_t padding_idx, bool scale_grad_by_freq) {
  return embedding_backward_op(grad, indices, num_weights, padding_idx, scale_grad_by_freq);
}
Tensor repeat_interleave(const Tensor& self, int64_t repeats, std::optional<int64_t> dim, std::optional<int64_t> output_size) {
  return repeat_interleave_op(self, repeats, dim, output_size);
}
Tensor repeat_interleave_each(const Tensor& self, const Tensor& repeats, std::optional<int64_t> dim, std::optional<int64_t> output_size) {
  return repeat_interleave_each_op(self, repeats, dim, output_size);
}

}  // namespace kagari
