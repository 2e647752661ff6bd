// Rules of arithmetic: what keeps zeros runs on the values; sums of sparse tensors, and of dense with sparse ones.
#include "kagari/op/sparse_rules.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/norms.h"
#include "kagari/ops/power.h"
#include "kagari/ops/quotient.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/sparse.h"
#include "kagari/ops/sparse_record.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

bool sparse(const Tensor& t) { return t.defined() && is_sparse(t); }
bool recorded(const Tensor& t) { return grad_enabled() && t.requires_grad(); }
/// What may be computed value by value: see Note [Gradients of sparse tensors].
Tensor distinct(const Tensor& t, bool always) { return sparse_parts(t).is_coo() && (always || recorded(t)) ? coalesce(t) : t; }
/// A number, or a tensor that holds one.
bool single(const Tensor& t) { return !sparse(t) && (t.dim() == 0 || t.numel() == 1); }
Tensor as_number(const Tensor& t) { return t.dim() == 0 ? t : reshape(t, {}); }

// ---------------------------------------------------------------- value by value
void run_valuewise(const SparseCall& call, bool linear, Result& out) {
  const Tensor& self = *call.args[0].tensor;
  KG_CHECK(call.dest.kind != Dest::Kind::Inplace || linear || !sparse_parts(self).is_coo() || sparse_parts(self).coalesced, call.op.schema().name, "_ requires coalesced input");
  Tensor x = distinct(self, !linear), values = sparse_values(x);
  std::vector<Value> args(call.args, call.args + call.op.schema().arguments.size());
  args[0].tensor = &values;
  Result result;
  call.op.boxed(call.op, args.data(), {}, result);
  out.kind = Result::Kind::Tensor;
  Tensor made = with_sparse_values(x, result.tensors[0], call.op.backward_name());
  out.tensors.push_back(std::move(made));
}
const bool runs_valuewise = (run_sparse_valuewise = run_valuewise, true);
const SparseValuewise linear_ops("neg positive deg2rad rad2deg conj_physical _to_copy clone", true);
const SparseValuewise nonlinear_ops(
    "abs sqrt square sin sinh asin asinh tan tanh atan atanh relu sign sgn floor ceil round trunc frac expm1 log1p isnan isinf isneginf isposinf signbit "
    "erf erfinv nan_to_num real imag threshold leaky_relu", false);

Tensor detach_rule(const SparseCall&, const Tensor& self) { return detach(self); }
const SparseRule detach_op("detach", detach_rule);

// ---------------------------------------------------------------- sums
Tensor scaled(const Tensor& t, const Scalar& alpha) { return alpha == Scalar(1) ? t : mul(t, wrapped_number(alpha)); }

Tensor add_values(const Tensor& a, const Tensor& b, const Scalar& alpha, DType dtype) {
  return add(to(sparse_parts(a).values, dtype), to(sparse_parts(b).values, dtype), alpha);
}
bool equal_elements(const Tensor& a, const Tensor& b) {
  return a.sizes() == b.sizes() && (a.storage() == b.storage() || std::equal(a.data<int64_t>(), a.data<int64_t>() + a.numel(), b.data<int64_t>()));
}

/// COO + alpha * COO.
Tensor add_coo(const Tensor& a, const Tensor& b, const Scalar& alpha, DType dtype) {
  const SparseParts &p = sparse_parts(a), &q = sparse_parts(b);
  if (equal_elements(p.indices, q.indices)) return make_sparse(a.sizes(), {Layout::Sparse, p.indices, {}, add_values(a, b, alpha, dtype), p.coalesced && q.coalesced, false});
  KG_CHECK(p.sparse_dim() == q.sparse_dim(), "add: expected 'self' and 'other' to have same number of sparse dimensions, but 'self' has ", p.sparse_dim(), " while 'other' has ", q.sparse_dim());
  Tensor values = cat(std::vector<Tensor>{to(p.values, dtype), scaled(to(q.values, dtype), alpha)}, 0);
  Tensor y = make_sparse(a.sizes(), {Layout::Sparse, cat(std::vector<Tensor>{p.indices, q.indices}, 1), {}, values, false, false});
  return p.coalesced && q.coalesced ? coalesce(y) : y;
}

Tensor add_sparse(const Tensor& a, const Tensor& b, const Scalar& alpha) {
  KG_CHECK(a.sizes() == b.sizes(), "add: expected sizes of 'self' and 'other' to match, but ", a.sizes(), " != ", b.sizes());
  Layout layout = layout_of(a);
  KG_CHECK(layout == layout_of(b), "add: expected tensors of one layout, but got ", python_name(layout), " and ", python_name(layout_of(b)));
  DType dtype = promote(a.dtype(), b.dtype());
  Tensor y;
  {
    NoGrad no_record;
    const SparseParts &p = sparse_parts(a), &q = sparse_parts(b);
    if (p.is_coo()) {
      y = add_coo(a, b, alpha, dtype);
    } else if (equal_elements(p.indices, q.indices) && equal_elements(p.plain, q.plain)) {
      SparseParts parts = p;
      parts.values = add_values(a, b, alpha, dtype);
      y = make_sparse(a.sizes(), std::move(parts));
    } else {
      Ints block;
      if (p.in_blocks()) block = {p.values.sizes()[1], p.values.sizes()[2]};
      y = to_layout(add_coo(coalesce(to_layout(a, Layout::Sparse)), coalesce(to_layout(b, Layout::Sparse)), alpha, dtype), layout, block);
    }
  }
  return record_sparse(y, "AddBackward0", {a, b}, [alpha](const Tensor& g, const Node&) -> Grads { return {g, scaled(g, alpha)}; });
}

/// Adds alpha * b to the elements of y at b's places.
void scatter_onto(const Tensor& y, const Tensor& b, const Scalar& alpha) {
  NoGrad no_record;
  Tensor coo = sparse_parts(b).in_blocks() ? to_layout(b, Layout::Sparse) : b;
  Tensor at = sparse_coordinates(coo), values = scaled(to(sparse_parts(coo).values, y.dtype()), alpha);
  if (at.sizes()[0] == 0) add_(y, sum(values, IntList{0}));
  else if (at.sizes()[1]) index_put_(y, unbind(at, 0), contiguous(values), true);
}

/// dense + alpha * sparse, written over `dense` if that is the destination.
Tensor add_dense(const SparseCall& call, const Tensor& dense, const Tensor& b, const Scalar& alpha) {
  KG_CHECK(dense.sizes() == b.sizes(), "add: expected 'self' and 'other' to have same size, but self has size ", dense.sizes(), " while other has size ", b.sizes(),
           " (FYI: dense-sparse addition does not currently support broadcasting)");
  DType dtype = promote(dense.dtype(), b.dtype());
  auto formula = [alpha](const Tensor& g, const Node&) -> Grads { return {g, scaled(g, alpha)}; };
  bool records = grad_enabled() && (dense.requires_grad() || b.requires_grad());
  if (call.inplace() && !records) {
    KG_CHECK(can_cast(dtype, dense.dtype()), "result type ", dtype, " can't be cast to the desired output type ", dense.dtype());
    scatter_onto(dense, b, alpha);
    return dense;
  }
  Tensor y;
  {
    NoGrad no_record;
    y = dense.dtype() == dtype ? clone(dense) : to(dense, dtype);
    scatter_onto(y, b, alpha);
  }
  return record_sparse(y, "AddBackward0", {dense, b}, formula);
}

Tensor add_rule(const SparseCall& call, const Tensor& self, const Tensor& other, const Scalar& alpha) {
  KG_CHECK(sparse(self) == sparse(other) || !sparse(self), "add(sparse, dense) is not supported. Use add(dense, sparse) instead.");
  return sparse(self) ? add_sparse(self, other, alpha) : add_dense(call, self, other, alpha);
}
Scalar negated(const Scalar& s) { return s.is_complex() ? Scalar(-s.to_complex_value()) : s.is_floating() ? Scalar(-s.to_double()) : Scalar(-s.to_int()); }
Tensor sub_rule(const SparseCall& call, const Tensor& self, const Tensor& other, const Scalar& alpha) { return add_rule(call, self, other, negated(alpha)); }
Tensor rsub_rule(const SparseCall& call, const Tensor& self, const Tensor& other, const Scalar& alpha) { return sub_rule(call, other, self, alpha); }
const SparseRule add_op("add", add_rule), sub_op("sub", sub_rule), rsub_op("rsub", rsub_rule);

// ---------------------------------------------------------------- products and quotients
/// Values at the places that both have.
Tensor multiply_coo(const Tensor& a, const Tensor& b) {
  KG_CHECK(a.sizes() == b.sizes() && sparse_parts(a).sparse_dim() == sparse_parts(b).sparse_dim(), "mul(): expects sparse inputs with equal dimensionality, number of sparse dimensions, and shape of sparse "
           "dimensions, but got ", a.sizes(), " and ", b.sizes());
  Tensor x = distinct(a, false), y = coalesce(b);
  const SparseParts& p = sparse_parts(x);
  // the places of x that y has: look up a mark
  Tensor mark;
  {
    NoGrad no_record;
    Tensor ones_there = make_sparse(IntList(y.sizes().data(), size_t(p.sparse_dim())), {Layout::Sparse, sparse_parts(y).indices, {}, ones({sparse_parts(y).nnz()}, {.dtype = DType::Bool, .layout = {}, .device = {}}), true, false});
    Tensor places = make_sparse(ones_there.sizes(), {Layout::Sparse, p.indices, {}, empty_tensor({p.nnz()}, DType::Bool), p.coalesced, false});
    mark = sparse_values_at(ones_there, places);
  }
  Tensor kept = reshape(nonzero(mark), {-1});
  Tensor at = kept.numel() == p.nnz() ? p.indices : index_select(p.indices, 1, kept);
  Tensor mine = kept.numel() == p.nnz() ? sparse_values(x) : index_select(sparse_values(x), 0, kept);
  Tensor pattern = make_sparse(x.sizes(), {Layout::Sparse, at, {}, detach(mine), p.coalesced, false});
  return with_sparse_values(pattern, mul(mine, sparse_values_at(y, pattern)), "MulBackward0");
}

Tensor mul_rule(const SparseCall&, const Tensor& self, const Tensor& other) {
  if (!sparse(self) || (sparse(other) && single(self))) {  // commutes: the sparse one first
    KG_CHECK(sparse(other), "mul(): expected a sparse tensor");
    if (single(self)) {
      Tensor x = distinct(other, false);
      return with_sparse_values(x, mul(as_number(self), sparse_values(x)), "MulBackward0");
    }
    Tensor x = distinct(other, false);
    KG_CHECK(is_expandable_to(self.sizes(), x.sizes()), "mul(sparse, dense): the dense tensor of shape ", self.sizes(), " does not broadcast to the sparse one of shape ", x.sizes());
    return with_sparse_values(x, mul(sparse_values(x), sparse_values_at(expand(self, x.sizes()), detach(x))), "MulBackward0");
  }
  if (single(other)) {
    Tensor x = distinct(self, false);
    return with_sparse_values(x, mul(sparse_values(x), as_number(other)), "MulBackward0");
  }
  if (!sparse(other)) {
    Tensor x = distinct(self, false);
    KG_CHECK(is_expandable_to(other.sizes(), x.sizes()), "mul(sparse, dense): the dense tensor of shape ", other.sizes(), " does not broadcast to the sparse one of shape ", x.sizes());
    return with_sparse_values(x, mul(sparse_values(x), sparse_values_at(expand(other, x.sizes()), detach(x))), "MulBackward0");
  }
  KG_CHECK(layout_of(self) == layout_of(other), "mul(): expected tensors of one layout, but got ", python_name(layout_of(self)), " and ", python_name(layout_of(other)));
  if (sparse_parts(self).is_coo()) return multiply_coo(self, other);
  KG_CHECK_IMPLEMENTED(!sparse_parts(self).in_blocks(), "mul(): the product of two tensors of layout ", python_name(layout_of(self)), " is not supported");
  return to_layout(multiply_coo(to_layout(self, Layout::Sparse), to_layout(other, Layout::Sparse)), layout_of(self));
}
/// dense *= sparse is zero outside of the places.
Tensor mul_any(const SparseCall& call, const Tensor& self, const Tensor& other) {
  Tensor y = mul_rule(call, self, other);
  return call.inplace() && !sparse(self) ? to_dense(y) : y;
}
Tensor div_rule(const SparseCall&, const Tensor& self, const Tensor& other, std::optional<std::string_view> rounding_mode) {
  KG_CHECK(sparse(self) && single(other), "Sparse division requires a scalar or zero-dim dense tensor divisor (got shape ", other.sizes(), " for divisor)");
  Tensor x = distinct(self, rounding_mode.has_value());
  return with_sparse_values(x, div(sparse_values(x), as_number(other), rounding_mode), "DivBackward0");
}
Tensor true_divide_rule(const SparseCall& call, const Tensor& self, const Tensor& other) { return div_rule(call, self, other, {}); }
Tensor floor_divide_rule(const SparseCall& call, const Tensor& self, const Tensor& other) { return div_rule(call, self, other, "floor"); }
Tensor pow_rule(const SparseCall&, const Tensor& self, const Tensor& exponent) {
  KG_CHECK(sparse(self) && single(exponent), "pow(): a sparse tensor can be raised to a number only");
  KG_CHECK(exponent.item().to_double() != 0, "pow: cannot raise to zeroth power on sparse tensor; it would make the result tensor dense");
  Tensor x = distinct(self, true);
  return with_sparse_values(x, pow(sparse_values(x), as_number(exponent)), "PowBackward0");
}
const SparseRule mul_op("mul", mul_any), div_op("div", div_rule), true_divide_op("true_divide", true_divide_rule), floor_divide_op("floor_divide", floor_divide_rule), pow_op("pow", pow_rule);

// ---------------------------------------------------------------- whole tensors
Tensor zero_rule(const SparseCall&, const Tensor& self) {
  const SparseParts& p = sparse_parts(self);
  SparseParts parts = p;
  Ints sizes(p.values.sizes());
  sizes[0] = 0;
  parts.values = empty_tensor(sizes, self.dtype());
  if (p.is_coo()) parts.indices = empty_tensor({p.sparse_dim(), 0}, DType::Int64);
  else parts.indices = zeros_like(p.indices), parts.plain = empty_tensor({0}, DType::Int64);
  parts.coalesced = p.is_coo();
  return make_sparse(self.sizes(), std::move(parts));
}
Tensor copy_rule(const SparseCall&, const Tensor& self, const Tensor& src, bool) {
  KG_CHECK(sparse(self) && sparse(src), "copy_() between dense and sparse Tensors is not implemented! Found self type = torch.", sparse(self) ? "sparse." : "", legacy_name(self.dtype()),
           "Tensor and src type = torch.", sparse(src) ? "sparse." : "", legacy_name(src.dtype()), "Tensor");
  return clone(to(src, self.dtype()));
}
template <DType dtype>
Tensor converted(const SparseCall&, const Tensor& self, std::optional<MemoryFormat>) { return to(self, dtype); }
const SparseRule conversions[] = {{"bool", converted<DType::Bool>}, {"byte", converted<DType::UInt8>}, {"char", converted<DType::Int8>}, {"short", converted<DType::Int16>}, {"int", converted<DType::Int32>},
                                  {"long", converted<DType::Int64>}, {"half", converted<DType::Float16>}, {"bfloat16", converted<DType::BFloat16>}, {"float", converted<DType::Float32>},
                                  {"double", converted<DType::Float64>}, {"cfloat", converted<DType::Complex64>}, {"cdouble", converted<DType::Complex128>}};
Tensor type_as_rule(const SparseCall&, const Tensor& self, const Tensor& other) { return to(self, other.dtype()); }
Tensor itself(const SparseCall&, const Tensor& self, std::optional<MemoryFormat>) { return self; }
const SparseRule type_as_op("type_as", type_as_rule), cpu_op("cpu", itself);

TensorOptions like(const Tensor& self, TensorOptions o) {
  if (!o.dtype) o.dtype = self.dtype();
  if (!o.layout) o.layout = layout_of(self);
  return o;
}
Tensor zeros_like_rule(const SparseCall& call, const Tensor& self, const TensorOptions& options, std::optional<MemoryFormat>) {
  TensorOptions o = like(self, options);
  if (*o.layout == Layout::Strided || *o.layout != layout_of(self)) return zeros(self.sizes(), o);
  return finish_new(to(zero_rule(call, self), *o.dtype), o);
}
Tensor new_zeros_rule(const SparseCall&, const Tensor& self, IntList size, const TensorOptions& options) { return zeros(size, like(self, options)); }
const SparseRule zero_op("zero", zero_rule), copy_op("copy", copy_rule), zeros_like_op("zeros_like", zeros_like_rule), empty_like_op("empty_like", zeros_like_rule), new_zeros_op("new_zeros", new_zeros_rule),
    new_empty_op("new_empty", new_zeros_rule);

}  // namespace
}  // namespace kagari
