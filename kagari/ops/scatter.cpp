// gather, scatter and the operators that take one index per element.
#include "kagari/cpu/copy.h"
#include "kagari/cpu/indexing.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/number.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/sparse.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

constexpr unsigned both = kFunction | kMethod;
constexpr unsigned everywhere = both | kInplace | kOut;

bool is_index(DType t) { return t == DType::Int64 || t == DType::Int32; }
Tensor dense_index(const Tensor& index) { return contiguous(to(index, DType::Int64)); }
Ints at_least_1d(IntList sizes) { return sizes.empty() ? Ints{1} : Ints(sizes); }

Tensor writable(Out& out, const Tensor& self) {
  Tensor y = out.dest(self.sizes(), self.dtype());
  if (y.defined()) detail::check_no_internal_overlap(y);
  else y = empty_strided_tensor(self.sizes(), strides_like(self, MemoryFormat::Preserve), self.dtype(), self.device());
  if (!y.is_same(self) && !y.is_meta()) cpu::copy_elements(y, self);
  return y;
}
Tensor apart(const Tensor& t, const Tensor& from) { return t.storage() == from.storage() ? clone(t) : t; }

// ---------------------------------------------------------------- gather
/// The gradient of gather as a COO tensor: one entry per element of `index`.
Tensor sparse_elements(const Tensor& grad, int64_t dim, const Tensor& index, IntList sizes) {
  dim = wrap_dim(dim, int64_t(sizes.size()));
  if (sizes.empty()) return sparse_coo_tensor(empty_tensor({0, 1}, DType::Int64), reshape(grad, {1}), {});
  std::vector<Tensor> rows;
  for (int64_t d = 0; d < index.dim(); ++d) {
    Ints shape(size_t(index.dim()), 1);
    shape[size_t(d)] = index.sizes()[size_t(d)];
    Tensor row = d == dim ? to(index, DType::Int64) : expand(reshape(arange(0, index.sizes()[size_t(d)]), shape), index.sizes());
    rows.push_back(reshape(row, {-1}));
  }
  return sparse_coo_tensor(stack(rows, 0), reshape(grad, {-1}), sizes);
}

const auto gather_op = define<&gather>({
    .schema = "gather(Tensor self, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor",
    .in = both | kOut,
    .traits = kOutApart,
    .doc = "Element i of each line along dim is the element index[i] of the same line of self.\n\n>>> torch.tensor([[1, 2], [3, 4]]).gather(1, torch.tensor([[1], [0]]))\n"
           "tensor([[2],\n        [3]])",
    .run = [](Out& out, const Tensor& self, int64_t dim, const Tensor& index, bool) {
      dim = wrap_dim(dim, self.dim());
      KG_CHECK(is_index(index.dtype()) || index.numel() == 0, "gather(): Expected dtype int32/int64 for index");
      KG_CHECK(out.dest_dtype().value_or(self.dtype()) == self.dtype(), "Expected out tensor to have dtype ", name(self.dtype()), ", but got ", name(*out.dest_dtype()), " instead");
      Tensor y = out.alloc(index.sizes(), self.dtype(), self.device());
      if (index.numel() == 0) return y;
      Ints have = at_least_1d(self.sizes()), want = at_least_1d(index.sizes());
      KG_CHECK(have.size() == want.size(), "Index tensor must have the same number of dimensions as input tensor");
      for (size_t d = 0; d < want.size(); ++d)
        KG_CHECK(int64_t(d) == dim || want[d] <= have[d], "Size does not match at dimension ", d, " expected index ", index.sizes(), " to be no larger than self ", self.sizes(),
                 " apart from dimension ", dim);
      if (!y.is_meta()) cpu::gather_along(y, self, dim, dense_index(index));
      return y;
    },
    .grad = vjp("index", [](Ctx& c, const Tensor&, int64_t dim, const Tensor& index, bool sparse_grad) -> Grads {
      if (sparse_grad) return {sparse_elements(c.grad, dim, index, c.sizes(0)), Tensor()};
      Tensor zero = zeros(c.sizes(0), {c.grad.dtype(), {}, c.grad.device(), false, false});
      return {scatter_add(zero, dim, index, c.grad), Tensor()};
    }),
});

/// Negative positions count from the end.
Tensor from_start(const Tensor& indices, int64_t size) {
  Tensor negative = lt(indices, wrapped_number(0));
  return where(negative, add(indices, wrapped_number(size)), indices);
}

const auto take_along_dim_op = compose<&take_along_dim>({
    .schema = "take_along_dim(Tensor self, Tensor indices, int? dim=None) -> Tensor",
    .in = both | kOut,
    .doc = "gather, with self and indices broadcast against each other in the other dimensions; over the flattened tensor without dim.",
    .body = [](const Tensor& self, const Tensor& indices, std::optional<int64_t> dim) {
      KG_CHECK(indices.dtype() == DType::Int64, "torch.take_along_dim(): dtype of indices should be Long but got ", legacy_name(indices.dtype()));
      if (!dim) return gather(reshape(self, {-1}), 0, from_start(reshape(indices, {-1}), self.numel()));
      KG_CHECK(self.dim() == indices.dim(), "torch.take_along_dim(): input and indices should have the same number of dimensions, but got ", self.dim(),
               " dimensions for input, and ", indices.dim(), " dimensions for indices");
      int64_t d = wrap_dim(*dim, self.dim());
      if (self.dim() == 0) return gather(self, 0, from_start(indices, 1));
      Ints a(self.sizes()), b(indices.sizes());
      a[d] = b[d] = 1;
      Ints common = broadcast_sizes(a, b), of_self = common, of_index = common;
      of_self[d] = self.sizes()[d];
      of_index[d] = indices.sizes()[d];
      return gather(expand(self, of_self), d, expand(from_start(indices, self.sizes()[d]), of_index));
    },
});

// ---------------------------------------------------------------- scatter
void check_scatter(const Tensor& self, int64_t dim, const Tensor& index, const Tensor* src) {
  KG_CHECK(is_index(index.dtype()) || index.numel() == 0, "scatter(): Expected dtype int32/int64 for index");
  if (src) KG_CHECK(src->dtype() == self.dtype(), "scatter(): Expected self.dtype to be equal to src.dtype");
  if (index.numel() == 0) return;
  Ints have = at_least_1d(self.sizes()), want = at_least_1d(index.sizes()), given = src ? at_least_1d(src->sizes()) : want;
  KG_CHECK(have.size() == want.size(), "Index tensor must have the same number of dimensions as self tensor");
  KG_CHECK(given.size() == want.size(), "Index tensor must have the same number of dimensions as src tensor");
  for (size_t d = 0; d < want.size(); ++d) {
    if ((int64_t(d) == dim || want[d] <= have[d]) && want[d] <= given[d]) continue;
    if (src) fail(ErrorKind::Runtime, str("Expected index ", index.sizes(), " to be no larger than self ", self.sizes(), " apart from dimension ", dim,
                                          " and to be no larger size than src ", src->sizes()));
    fail(ErrorKind::Runtime, str("Expected index ", index.sizes(), " to be no larger than self ", self.sizes(), " apart from dimension ", dim));
  }
}

Tensor run_scatter(Out& out, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, cpu::ScatterKind kind) {
  dim = wrap_dim(dim, self.dim());
  check_scatter(self, dim, index, &src);
  Tensor y = writable(out, self);
  if (!y.is_meta() && index.numel()) cpu::scatter_along(y, dim, apart(dense_index(index), y), apart(src, y), kind);
  return y;
}
Tensor run_scatter_value(Out& out, const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value, cpu::ScatterKind kind) {
  dim = wrap_dim(dim, self.dim());
  check_scatter(self, dim, index, nullptr);
  check_convertible(value, self.dtype());
  Tensor y = writable(out, self);
  if (!y.is_meta() && index.numel()) cpu::scatter_along(y, dim, apart(dense_index(index), y), scalar_tensor(value, y.dtype()), kind);
  return y;
}
cpu::ScatterKind kind_of_reduce(std::string_view reduce) {
  KG_CHECK(reduce == "add" || reduce == "multiply", "reduce argument must be either add or multiply.");
  return reduce == "add" ? cpu::ScatterKind::Add : cpu::ScatterKind::Multiply;
}

/// The gradient of src: what its elements met, zero for those beyond the index.
Tensor source_gradient(Ctx& c, const Tensor& met) {
  Tensor g = met;
  for (int64_t d = 0; d < met.dim(); ++d) {
    if (g.sizes()[d] == c.sizes(2)[d]) continue;
    Ints wide(g.sizes());
    wide[d] = c.sizes(2)[d];
    g = slice_backward(g, wide, d, 0, met.sizes()[d], 1);
  }
  return g;
}

const auto scatter_op = define<&scatter>({
    .schema = "scatter.src(Tensor self, int dim, Tensor index, Tensor src) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "A copy of self in which element index[i] of each line along dim is element i of src. With reduce=\"add\" or \"multiply\" it is combined instead.",
    .run = [](Out& out, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) { return run_scatter(out, self, dim, index, src, cpu::ScatterKind::Assign); },
    .grad = vjp("index", [](Ctx& c, const Tensor&, int64_t dim, const Tensor& index, const Tensor&) -> Grads {
      Grads out;
      out.resize(3);
      if (c.needs(0)) out[0] = scatter_value(c.grad, dim, index, 0);
      if (c.needs(2)) out[2] = source_gradient(c, gather(c.grad, dim, index));
      return out;
    }),
});
const auto scatter_value_op = define<&scatter_value>({
    .schema = "scatter.value(Tensor self, int dim, Tensor index, Scalar value) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "A copy of self with one value as the elements index[i] of each line along dim.",
    .run = [](Out& out, const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) {
      return run_scatter_value(out, self, dim, index, value, cpu::ScatterKind::Assign);
    },
    .grad = vjp("index", [](Ctx& c, const Tensor&, int64_t dim, const Tensor& index, const Scalar&) -> Grads { return {scatter_value(c.grad, dim, index, 0), Tensor()}; }),
});
Tensor scatter_combine(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, std::string_view reduce);
const auto scatter_combine_op = define<&scatter_combine>({
    .schema = "scatter.reduce(Tensor self, int dim, Tensor index, Tensor src, *, str reduce) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "scatter that adds or multiplies.",
    .run = [](Out& out, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, std::string_view reduce) {
      return run_scatter(out, self, dim, index, src, kind_of_reduce(reduce));
    },
    .grad = no_grad("scatter with reduce has no derivative; scatter_add and scatter_reduce have"),
});
Tensor scatter_combine(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, std::string_view reduce) {
  return scatter_combine_op(self, dim, index, src, reduce);
}
Tensor scatter_combine_value(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value, std::string_view reduce);
const auto scatter_combine_value_op = define<&scatter_combine_value>({
    .schema = "scatter.value_reduce(Tensor self, int dim, Tensor index, Scalar value, *, str reduce) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "scatter that adds or multiplies.",
    .run = [](Out& out, const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value, std::string_view reduce) {
      return run_scatter_value(out, self, dim, index, value, kind_of_reduce(reduce));
    },
    .grad = no_grad("scatter with reduce has no derivative; scatter_add and scatter_reduce have"),
});
Tensor scatter_combine_value(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value, std::string_view reduce) {
  return scatter_combine_value_op(self, dim, index, value, reduce);
}

const auto scatter_add_op = define<&scatter_add>({
    .schema = "scatter_add(Tensor self, int dim, Tensor index, Tensor src) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "A copy of self with element i of src added to element index[i] of each line along dim. The sum does not depend on the number of threads.",
    .run = [](Out& out, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) { return run_scatter(out, self, dim, index, src, cpu::ScatterKind::Add); },
    .grad = vjp("index", [](Ctx& c, const Tensor&, int64_t dim, const Tensor& index, const Tensor&) -> Grads {
      return {c.grad, Tensor(), c.needs(2) ? source_gradient(c, gather(c.grad, dim, index)) : Tensor()};
    }),
});

// ---------------------------------------------------------------- scatter_reduce
/// The number that changes nothing.
Scalar neutral(std::string_view reduce, DType t) {
  if (reduce == "prod") return 1;
  if (reduce != "amax" && reduce != "amin") return 0;
  bool highest = reduce == "amin";
  if (t == DType::Bool) return highest;
  if (!is_integral(t)) return highest ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
  int bits = int(itemsize(t)) * 8;
  if (is_unsigned(t)) return highest ? (bits == 64 ? int64_t(-1) : (int64_t(1) << bits) - 1) : int64_t(0);
  int64_t top = bits == 64 ? std::numeric_limits<int64_t>::max() : (int64_t(1) << (bits - 1)) - 1;
  return highest ? top : -top - 1;
}

Tensor equal_mask(const Tensor& a, const Tensor& b) {
  NoGrad no_record;
  Out fresh;
  return to(elementwise::apply(fresh, elementwise::table<"eq">(), "eq", a, b, a.dtype(), DType::Bool), a.dtype());
}

/// How many elements meet in each place, at least 1.
Tensor meeting_counts(const Tensor& self, int64_t dim, const Tensor& index, bool include_self) {
  NoGrad no_record;
  Tensor counts = scatter_add(include_self ? ones_like(self) : zeros_like(self), dim, index, ones(index.sizes(), {self.dtype(), {}, self.device(), false, false}));
  return include_self ? counts : masked_fill(counts, to(equal_mask(counts, zeros_like(counts)), DType::Bool), 1);
}

Tensor run_scatter_reduce(Out& out, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, std::string_view reduce, bool include_self) {
  KG_CHECK(reduce == "sum" || reduce == "prod" || reduce == "mean" || reduce == "amax" || reduce == "amin",
           "reduce argument must be either sum, prod, mean, amax or amin, got ", reduce);
  dim = wrap_dim(dim, self.dim());
  check_scatter(self, dim, index, &src);
  Tensor counts = reduce == "mean" && !self.is_meta() ? meeting_counts(self, dim, index, include_self) : Tensor();
  Tensor source = src.storage() == self.storage() ? clone(src) : src;
  Tensor y = writable(out, self);
  if (y.is_meta() || index.numel() == 0) return y;
  Tensor ix = apart(dense_index(index), y), from = apart(source, y);
  using cpu::ScatterKind;
  if (!include_self) cpu::scatter_along(y, dim, ix, scalar_tensor(neutral(reduce, y.dtype()), y.dtype()), ScatterKind::Assign);
  ScatterKind kind = reduce == "prod" ? ScatterKind::Multiply : reduce == "amax" ? ScatterKind::Maximum : reduce == "amin" ? ScatterKind::Minimum : ScatterKind::Add;
  cpu::scatter_along(y, dim, ix, from, kind);
  if (counts.defined()) {
    Tensor mean = is_integral(y.dtype()) ? div(y, counts, "floor") : div(y, counts);
    cpu::copy_elements(y, mean);
  }
  return y;
}

const auto scatter_reduce_op = define<&scatter_reduce>({
    .schema = "scatter_reduce.two(Tensor self, int dim, Tensor index, Tensor src, str reduce, *, bool include_self=True) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "A copy of self in which the elements of src that index sends to one place are reduced by sum, prod, mean, amax or amin, with what was there "
           "before if include_self.",
    .run = run_scatter_reduce,
    .grad = vjp("self index src out", [](Ctx& c, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, std::string_view reduce, bool include_self) -> Grads {
      Grads out;
      out.resize(3);
      const Tensor& g = c.grad;
      auto to_source = [&](const Tensor& met) { return source_gradient(c, met); };
      auto narrowed = [&](const Tensor& t) {  // src as far as index reaches
        Tensor y = t;
        for (int64_t d = 0; d < index.dim(); ++d)
          if (y.sizes()[d] != index.sizes()[d]) y = slice(y, d, 0, index.sizes()[d], 1);
        return y;
      };
      if (reduce == "sum") {
        out[0] = g;
        if (c.needs(2)) out[2] = to_source(gather(g, dim, index));
      } else if (reduce == "mean") {
        Tensor share = div(g, meeting_counts(self, dim, index, include_self));
        out[0] = share;
        if (c.needs(2)) out[2] = to_source(gather(share, dim, index));
      } else if (reduce == "prod") {
        Tensor result = c.out(), x = narrowed(src);
        if (c.needs(0)) {
          Tensor self_zero = to(equal_mask(self, zeros_like(self)), DType::Bool);
          Tensor masked = masked_fill(self, self_zero, 1);
          out[0] = div(mul(g, scatter_reduce(masked, dim, index, x, "prod", include_self)), masked);
        }
        if (c.needs(2)) {
          Tensor zero = equal_mask(x, zeros_like(x)), zero_mask = to(zero, DType::Bool);
          Tensor zeros_met = gather(scatter_add(zeros_like(self), dim, index, zero), dim, index);
          Tensor alone = to(mul(zero, equal_mask(zeros_met, ones_like(zeros_met))), DType::Bool);
          Tensor others = scatter_reduce(self, dim, index, masked_fill(x, alone, 1), "prod", include_self);
          out[2] = to_source(where(alone, gather(mul(g, others), dim, index), div(gather(mul(g, result), dim, index), masked_fill(x, zero_mask, 1))));
        }
      } else {
        Tensor result = c.out(), x = narrowed(src);
        Tensor met = gather(detach(result), dim, index);
        Tensor self_wins = equal_mask(detach(self), detach(result)), src_wins = equal_mask(detach(x), met);
        Tensor base = include_self ? self_wins : scatter_value(self_wins, dim, index, 0);
        Tensor winners = scatter_add(base, dim, index, src_wins);
        Tensor share = div(g, masked_fill(winners, to(equal_mask(winners, zeros_like(winners)), DType::Bool), 1));
        if (c.needs(0)) out[0] = mul(base, share);
        if (c.needs(2)) out[2] = to_source(mul(src_wins, gather(share, dim, index)));
      }
      if (!include_self && c.needs(0)) out[0] = scatter_value(out[0], dim, index, 0);
      return out;
    }),
});

// ---------------------------------------------------------------- index_reduce, take, put
/// Index and source as scatter_reduce takes them.
std::pair<Tensor, Tensor> spread_for_reduce(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source, std::string_view reduce) {
  KG_CHECK(reduce == "prod" || reduce == "mean" || reduce == "amax" || reduce == "amin",
           "index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got ", reduce, ".");
  dim = wrap_dim(dim, self.dim());
  KG_CHECK_INDEX(index.dim() <= 1, "index_reduce_(): Index is supposed to be a vector, but got dim: ", index.dim(), " with type: ", legacy_name(index.dtype()), " and size: ",
                 index.sizes());
  KG_CHECK(is_index(index.dtype()), "index_reduce_(): Expected dtype int32/int64 for index but got: ", legacy_name(index.dtype()));
  KG_CHECK(self.dtype() == source.dtype(), "index_reduce_(): self (", legacy_name(self.dtype()), ") and source (", legacy_name(source.dtype()), ") must have the same scalar type");
  int64_t count = source.dim() ? dim < source.dim() ? source.sizes()[dim] : 0 : source.numel();
  KG_CHECK(index.numel() == count, "index_reduce_(): Number of indices (", index.numel(), ") should be equal to source.size(dim): (", count, "), for dim: ", dim);
  Ints a(self.sizes()), b(source.sizes());
  if (!a.empty()) a.erase(&a[dim]);
  if (!b.empty()) b.erase(&b[dim]);
  KG_CHECK(a == b, "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = ", self.sizes(), " source.shape = ", source.sizes());
  int64_t size = self.dim() ? self.sizes()[dim] : 1;
  Tensor v = dense_index(index);
  for (int64_t i = 0; i < v.numel(); ++i) KG_CHECK_INDEX(v.data<int64_t>()[i] >= 0 && v.data<int64_t>()[i] < size, "index out of range in self");
  Tensor wide = v;
  Tensor from = self.dim() == source.dim() ? source : reshape(source, self.dim() ? IntList(Ints{1}) : IntList());
  if (from.dim()) {
    Ints shape(from.sizes().size(), 1);
    shape[dim] = v.numel();
    wide = expand(reshape(v, shape), from.sizes());
  } else {
    wide = reshape(v, {});
  }
  return {wide, from};
}
Tensor index_reduce(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source, std::string_view reduce, bool include_self) {
  auto [wide, from] = spread_for_reduce(self, dim, index, source, reduce);
  return scatter_reduce(self, dim, wide, from, reduce, include_self);
}
Tensor index_reduce_in_place(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source, std::string_view reduce, bool include_self) {
  auto [wide, from] = spread_for_reduce(self, dim, index, source, reduce);
  return scatter_reduce_op.into({Dest::Kind::Inplace, &self, 1}, self, dim, wide, from, reduce, include_self);
}
const auto index_reduce_op = compose<&index_reduce>({
    .schema = "index_reduce(Tensor self, int dim, Tensor index, Tensor source, str reduce, *, bool include_self=True) -> Tensor",
    .in = both | kOut,
    .doc = "A copy of self in which the entries of source that index sends to one entry of dimension dim are reduced by prod, mean, amax or amin.",
    .body = index_reduce,
});
const auto index_reduce_in_place_op = compose<&index_reduce_in_place>({
    .schema = "index_reduce_(Tensor self, int dim, Tensor index, Tensor source, str reduce, *, bool include_self=True) -> Tensor",
    .in = kMethod,
    .doc = "index_reduce, in place.",
    .body = index_reduce_in_place,
});

/// Flat positions, checked; negative ones count from the end.
Tensor flat_positions(const char* op, const Tensor& index, int64_t count) {
  KG_CHECK(index.dtype() == DType::Int64, op, "(): Expected a long tensor for index, but got ", legacy_name(index.dtype()));
  Tensor flat = contiguous(reshape(index, {-1}));
  if (index.is_meta()) return flat;
  for (int64_t i = 0; i < flat.numel(); ++i) {
    int64_t v = flat.data<int64_t>()[i];
    KG_CHECK_INDEX(v >= -count && v < count, "out of range: tried to access index ", v, " on a tensor of ", count, " elements.");
  }
  return flat;
}
const auto take_op = compose<&take>({
    .schema = "take(Tensor self, Tensor index) -> Tensor",
    .in = both | kOut,
    .traits = kOutApart,
    .doc = "The elements of the flattened tensor at the given positions, in the shape of index.",
    .body = [](const Tensor& self, const Tensor& index_tensor) {
      KG_CHECK(index_tensor.dtype() == DType::Int64, "take(): Expected a long tensor for index, but got ", legacy_name(index_tensor.dtype()));
      KG_CHECK_INDEX(self.numel() > 0 || index_tensor.numel() == 0, "take(): tried to take from an empty tensor");
      const Tensor at[] = {flat_positions("take", index_tensor, self.numel())};
      return reshape(index(reshape(self, {-1}), TensorList(at, 1)), index_tensor.sizes());
    },
});
const auto put_op = compose<&put>({
    .schema = "put(Tensor self, Tensor index, Tensor source, bool accumulate=False) -> Tensor",
    .in = both,
    .doc = "A copy of self with the elements of source in, or added to, the given positions of the flattened tensor.",
    .body = [](const Tensor& self, const Tensor& index_tensor, const Tensor& source, bool accumulate) {
      KG_CHECK(index_tensor.dtype() == DType::Int64, "put_(): Expected a long tensor for index, but got ", legacy_name(index_tensor.dtype()));
      KG_CHECK(self.dtype() == source.dtype(), "put_(): self and source expected to have the same dtype, but got self.dtype = ", legacy_name(self.dtype()), " and source.dtype = ",
               legacy_name(source.dtype()));
      KG_CHECK_INDEX(index_tensor.numel() == source.numel(), "put_(): Expected source and index to have the same number of elements, but got source.numel() = ", source.numel(),
                     ", index.numel() = ", index_tensor.numel());
      const Tensor at[] = {flat_positions("put_", index_tensor, self.numel())};
      return reshape(index_put(reshape(self, {-1}), TensorList(at, 1), reshape(source, {-1}), accumulate), self.sizes());
    },
});
Tensor put_in_place(const Tensor& self, const Tensor& index, const Tensor& source, bool accumulate) { return copy_(self, put(self, index, source, accumulate)); }
const auto put_in_place_op = compose<&put_in_place>({
    .schema = "put_(Tensor self, Tensor index, Tensor source, bool accumulate=False) -> Tensor",
    .in = kMethod,
    .doc = "put, in place.",
    .body = put_in_place,
});

}  // namespace

Tensor gather(const Tensor& self, int64_t dim, const Tensor& index, bool sparse_grad) { return gather_op(self, dim, index, sparse_grad); }
Tensor take_along_dim(const Tensor& self, const Tensor& indices, std::optional<int64_t> dim) { return take_along_dim_op(self, indices, dim); }
Tensor scatter(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) { return scatter_op(self, dim, index, src); }
Tensor scatter_value(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) { return scatter_value_op(self, dim, index, value); }
Tensor scatter_add(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) { return scatter_add_op(self, dim, index, src); }
Tensor scatter_reduce(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, std::string_view reduce, bool include_self) {
  return scatter_reduce_op(self, dim, index, src, reduce, include_self);
}
Tensor take(const Tensor& self, const Tensor& index) { return take_op(self, index); }
Tensor put(const Tensor& self, const Tensor& index, const Tensor& source, bool accumulate) { return put_op(self, index, source, accumulate); }

}  // namespace kagari
