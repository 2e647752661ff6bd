// Operators with masks: masked_*, nonzero.
#include "kagari/cpu/copy.h"
#include "kagari/cpu/indexing.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/number.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

constexpr unsigned both = kFunction | kMethod;
Dest onto(const Tensor& self) { return {Dest::Kind::Inplace, &self, 1}; }

const elementwise::Table& where_loops() { return elementwise::table<"where">(); }

/// y = condition ? a : b; a and b have y's dtype, all broadcast to y.
void choose(const Tensor& y, const Tensor& condition, const Tensor& a, const Tensor& b) {
  if (y.is_meta()) return;
  auto safe = [&](const Tensor& t) {
    bool same = t.storage_offset() == y.storage_offset() && t.sizes() == y.sizes() && t.strides() == y.strides();
    return t.storage() == y.storage() && !same ? clone(t) : t;
  };
  Tensor c = safe(condition), p = safe(a), q = safe(b);
  const Tensor* operands[] = {&y, &c, &p, &q};
  cpu::run_elementwise(where_loops()[y.dtype()], nullptr, operands);
}

// ---------------------------------------------------------------- where
std::vector<Tensor> where_true(const Tensor& condition) { return unbind(nonzero(condition.dim() ? condition : view(condition, {1})), 1); }
const auto where_true_op = compose<&where_true>({
    .schema = "where(Tensor condition) -> Tensor[]",
    .in = kFunction,
    .traits = kReadsValues,
    .doc = "The coordinates of the elements that are not zero, one tensor per dimension.",
    .body = where_true,
});

// ---------------------------------------------------------------- masked_fill
std::string_view c_name(DType t) {
  switch (t) {
    case DType::UInt8: return "unsigned char";
    case DType::Int8: return "signed char";
    case DType::Int16: return "short int";
    case DType::Int32: return "int";
    case DType::Int64: return "long int";
    case DType::Float32: return "float";
    case DType::Float64: return "double";
    default: return name(t);
  }
}

Tensor run_masked_fill(Out& out, const Tensor& self, const Tensor& mask, const Scalar& value) {
  KG_CHECK(mask.dtype() == DType::Bool, "masked_fill_ only supports boolean masks, but got mask with dtype ", c_name(mask.dtype()));
  check_convertible(value, self.dtype());
  Ints sizes = broadcast_sizes(self.sizes(), mask.sizes());
  Tensor y = out.dest(sizes, self.dtype());
  if (!y.defined()) {
    bool keep = IntList(sizes) == self.sizes();
    y = keep ? empty_strided_tensor(sizes, strides_like(self, MemoryFormat::Preserve), self.dtype(), self.device()) : empty_tensor(sizes, self.dtype(), self.device());
  }
  choose(y, mask, scalar_tensor(value, self.dtype()), self);
  return y;
}
const auto masked_fill_op = define<&masked_fill>({
    .schema = "masked_fill.Scalar(Tensor self, Tensor mask, Scalar value) -> Tensor",
    .in = both | kInplace,
    .traits = kElementwise,
    .doc = "A copy of self with one value where the mask is set.\n\n>>> torch.tensor([1, 2]).masked_fill(torch.tensor([True, False]), 0)\ntensor([0, 2])",
    .run = run_masked_fill,
    .grad = vjp("mask", [](Ctx& c, const Tensor&, const Tensor& mask, const Scalar&) -> Grads { return {masked_fill(c.grad, mask, 0), Tensor()}; }),
});
Tensor masked_fill_with(const Tensor& self, const Tensor& mask, const Tensor& value);
const auto masked_fill_with_op = define<&masked_fill_with>({
    .schema = "masked_fill.Tensor(Tensor self, Tensor mask, Tensor value) -> Tensor",
    .in = both | kInplace,
    .traits = kElementwise,
    .doc = "masked_fill with the value of a 0-d tensor.",
    .run = [](Out& out, const Tensor& self, const Tensor& mask, const Tensor& value) {
      KG_CHECK(value.dim() == 0, "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with ", value.dim(), " dimension(s).");
      return run_masked_fill(out, self, mask, value.is_meta() ? Scalar(0) : elementwise::converted(value, self.dtype()).item());
    },
    .grad = vjp("mask", [](Ctx& c, const Tensor&, const Tensor& mask, const Tensor&) -> Grads {
      Tensor zero = scalar_tensor(0, c.grad.dtype(), c.grad.device());
      return {c.needs(0) ? masked_fill(c.grad, mask, 0) : Tensor(), Tensor(), c.needs(2) ? where(mask, c.grad, zero) : Tensor()};
    }),
});
Tensor masked_fill_with(const Tensor& self, const Tensor& mask, const Tensor& value) { return masked_fill_with_op(self, mask, value); }

// ---------------------------------------------------------------- masked_select, masked_scatter
Tensor dense_mask(const Tensor& mask, IntList sizes) { return contiguous(expand(mask, sizes)); }

const auto masked_select_op = define<&masked_select>({
    .schema = "masked_select(Tensor self, Tensor mask) -> Tensor",
    .in = both | kOut,
    .traits = kReadsValues | kOutApart,
    .doc = "The elements where the mask is set, in row-major order.\n\n>>> torch.tensor([1, 2, 3]).masked_select(torch.tensor([True, False, True]))\ntensor([1, 3])",
    .run = [](Out&, const Tensor& self, const Tensor& mask) {
      KG_CHECK(mask.dtype() == DType::Bool, "masked_select: expected BoolTensor for mask");
      Ints sizes = broadcast_sizes(self.sizes(), mask.sizes());
      KG_CHECK_IMPLEMENTED(!mask.is_meta(), "masked_select: the result's shape depends on values, which meta tensors do not have");
      Tensor m = dense_mask(mask, sizes), x = contiguous(expand(self, sizes));
      Tensor y = empty_tensor({cpu::count_true(m)}, self.dtype(), self.device());
      cpu::compress(y, x, m);
      return y;
    },
    .grad = vjp("mask", [](Ctx& c, const Tensor&, const Tensor& mask) -> Grads {
      Ints sizes = broadcast_sizes(c.sizes(0), mask.sizes());
      Tensor zero = zeros(sizes, {c.grad.dtype(), {}, c.grad.device(), false, false});
      return {masked_scatter(zero, mask, c.grad), Tensor()};
    }),
});

const auto masked_scatter_op = define<&masked_scatter>({
    .schema = "masked_scatter(Tensor self, Tensor mask, Tensor source) -> Tensor",
    .in = both | kInplace,
    .traits = kElementwise | kReadsValues,
    .doc = "A copy of self in which the elements where the mask is set are those of source, in order.",
    .run = [](Out& out, const Tensor& self, const Tensor& mask, const Tensor& source) {
      KG_CHECK(self.dtype() == source.dtype(), "masked_scatter: expected self and source to have same dtypes but got", legacy_name(self.dtype()), " and ",
               legacy_name(source.dtype()));
      KG_CHECK(mask.dtype() == DType::Bool, "masked_scatter_ only supports boolean masks, but got mask with dtype ", legacy_name(mask.dtype()));
      Ints sizes = broadcast_sizes(self.sizes(), mask.sizes());
      Tensor y = empty_tensor(sizes, self.dtype(), self.device());
      if (y.is_meta()) return y;
      Tensor m = dense_mask(mask, sizes), from = contiguous(source);
      KG_CHECK(cpu::count_true(m) <= from.numel(), "Number of elements of source < number of ones in mask");
      cpu::copy_elements(y, self);
      cpu::expand_masked(y, m, from);
      Tensor to = out.dest(sizes, self.dtype());
      if (!to.defined()) return y;
      cpu::copy_elements(to, y);
      return to;
    },
    .grad = vjp("mask", [](Ctx& c, const Tensor&, const Tensor& mask, const Tensor&) -> Grads {
      Grads out;
      out.resize(3);
      if (c.needs(0)) out[0] = masked_fill(c.grad, mask, 0);
      if (c.needs(2)) {
        Tensor used = masked_select(c.grad, mask);
        out[2] = reshape(slice_backward(used, {numel_of(c.sizes(2))}, 0, 0, used.numel(), 1), c.sizes(2));
      }
      return out;
    }),
});

// ---------------------------------------------------------------- nonzero
Tensor run_nonzero(const Tensor& self) {
  KG_CHECK_IMPLEMENTED(!self.is_meta(), "nonzero: the result's shape depends on values, which meta tensors do not have");
  Tensor mask = contiguous(elementwise::converted(self, DType::Bool));
  int64_t count = cpu::count_true(mask), n = self.dim();
  // one column after the other in memory, as PyTorch has it
  Tensor y = empty_strided_tensor({count, n}, {1, std::max<int64_t>(count, 1)}, DType::Int64, self.device());
  if (n > 0) cpu::coordinates_of_true(y, mask);
  return y;
}
const auto nonzero_op = define<&nonzero>({
    .schema = "nonzero(Tensor self) -> Tensor",
    .in = both | kOut,
    .traits = kReadsValues,
    .doc = "The coordinates (count, ndim) of the elements that are not zero, in row-major order; one tensor per dimension with as_tuple=True.\n\n"
           ">>> torch.tensor([0, 5]).nonzero()\ntensor([[1]])",
    .run = [](Out&, const Tensor& self) { return run_nonzero(self); },
    .grad = no_grad("the result is integral"),
});
TensorOrTuple nonzero_as(const Tensor& self, bool as_tuple);
const auto nonzero_as_op = define<&nonzero_as>({
    .schema = "nonzero.as_tuple(Tensor self, *, bool as_tuple) -> Tensor",
    .in = both | kOut,
    .traits = kReadsValues,
    .doc = "nonzero as one tensor or as one per dimension.",
    .run = [](Out&, const Tensor& self, bool as_tuple) -> TensorOrTuple {
      if (!as_tuple) return {false, {run_nonzero(self)}};
      return {true, unbind(run_nonzero(self.dim() ? self : view(self, {1})), 1)};
    },
    .grad = no_grad("the result is integral"),
});
TensorOrTuple nonzero_as(const Tensor& self, bool as_tuple) { return nonzero_as_op(self, as_tuple); }
const auto argwhere_op = compose<&argwhere>({
    .schema = "argwhere(Tensor self) -> Tensor",
    .in = both,
    .traits = kReadsValues,
    .doc = "nonzero.",
    .body = [](const Tensor& self) { return nonzero(self); },
});
Tensor nonzero_static(const Tensor& self, int64_t size, int64_t fill_value) {
  KG_CHECK(size >= 0, "nonzero_static: 'size' must be an non-negative integer");
  Tensor found = nonzero(self), y = full({size, self.dim()}, fill_value, {DType::Int64, {}, self.device(), false, false});
  int64_t n = std::min(size, found.sizes()[0]);
  if (n && self.dim()) copy_(slice(y, 0, 0, n), slice(found, 0, 0, n));
  return y;
}
const auto nonzero_static_op = compose<&nonzero_static>({
    .schema = "nonzero_static(Tensor self, *, int size, int fill_value=-1) -> Tensor",
    .in = both | kOut,
    .doc = "nonzero with a fixed number of rows; missing ones hold fill_value.",
    .body = nonzero_static,
});

}  // namespace

Tensor masked_fill(const Tensor& self, const Tensor& mask, const Scalar& value) { return masked_fill_op(self, mask, value); }
Tensor masked_fill_(const Tensor& self, const Tensor& mask, const Scalar& value) { return masked_fill_op.into(onto(self), self, mask, value); }
Tensor masked_select(const Tensor& self, const Tensor& mask) { return masked_select_op(self, mask); }
Tensor masked_scatter(const Tensor& self, const Tensor& mask, const Tensor& source) { return masked_scatter_op(self, mask, source); }
Tensor nonzero(const Tensor& self) { return nonzero_op(self); }
Tensor argwhere(const Tensor& self) { return argwhere_op(self); }

}  // namespace kagari
