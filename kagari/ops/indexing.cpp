// Indexing by tensors of positions, all dimensions at once or along one.
#include "kagari/ops/indexing.h"

#include "kagari/cpu/copy.h"
#include "kagari/cpu/indexing.h"
#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/number.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

constexpr unsigned both = kFunction | kMethod;
Dest onto(const Tensor& self) { return {Dest::Kind::Inplace, &self, 1}; }

/// Indices as int64, masks replaced by the coordinates of what they set; one entry per dimension, undefined for ":".
Tensors expand_masks(const Tensor& self, TensorList indices) {
  Tensors out;
  for (const Tensor& t : indices) {
    if (!t.defined()) {
      out.push_back(t);
      continue;
    }
    switch (t.dtype()) {
      case DType::Bool:
      case DType::UInt8: {
        int64_t at = int64_t(out.size());
        for (int64_t d = 0; d < t.dim(); ++d)
          KG_CHECK_INDEX(at + d < self.dim() && t.sizes()[d] == self.sizes()[at + d], "The shape of the mask ", t.sizes(), " at index ", d,
                         " does not match the shape of the indexed tensor ", self.sizes(), " at index ", at + d);
        Tensor found = nonzero(t);
        for (int64_t d = 0; d < t.dim(); ++d) out.push_back(select(found, 1, d));
        break;
      }
      case DType::Int64: out.push_back(t); break;
      case DType::Int32: out.push_back(to(t, DType::Int64)); break;
      default: fail(ErrorKind::Index, "tensors used as indices must be long, int, byte or bool tensors");
    }
  }
  KG_CHECK_INDEX(int64_t(out.size()) <= self.dim(), "too many indices for tensor of dimension ", self.dim(), " (got ", out.size(), ")");
  return out;
}

/// How `self` is addressed by indices (of expand_masks), and the shape of the result.
struct Addressed {
  cpu::IndexPlan plan;
  Tensors kept;  // dense copies that the plan points into
  Ints sizes;
  Addressed(const Tensor& self, TensorList indices) {
    Ints common;
    int64_t first = -1, last = -1, used = 0;
    KG_CHECK_INDEX(int64_t(indices.size()) <= self.dim(), "too many indices for tensor of dimension ", self.dim(), " (got ", indices.size(), ")");
    for (size_t i = 0; i < indices.size(); ++i) {
      if (!indices[i].defined()) continue;
      KG_CHECK_INDEX(indices[i].dtype() == DType::Int64, "tensors used as indices must be long, int, byte or bool tensors");
      if (first < 0) first = int64_t(i);
      last = int64_t(i);
      ++used;
      if (!is_expandable_to(indices[i].sizes(), common)) {
        if (is_expandable_to(common, indices[i].sizes())) common = Ints(indices[i].sizes());
        else common = common_shape(indices, common, indices[i].sizes());
      }
    }
    bool neighbours = used > 0 && last - first + 1 == used;
    plan.count = numel_of(common);
    bool placed = !neighbours;
    if (placed) sizes = common;
    for (int64_t d = 0; d < self.dim(); ++d) {
      if (d < int64_t(indices.size()) && indices[d].defined()) {
        if (!placed) sizes.append(common.begin(), common.end());
        placed = true;
        kept.push_back(contiguous(indices[d].sizes() == IntList(common) ? indices[d] : expand(indices[d], common)));
        plan.indices.push_back({kept.back().data<int64_t>(), self.sizes()[d], self.strides()[d], d});
        continue;
      }
      bool in_front = neighbours && d < first;
      (in_front ? plan.before_sizes : plan.after_sizes).push_back(self.sizes()[d]);
      (in_front ? plan.before_strides : plan.after_strides).push_back(self.strides()[d]);
      sizes.push_back(self.sizes()[d]);
    }
  }

 private:
  static Ints common_shape(TensorList indices, IntList a, IntList b) {
    size_t n = std::max(a.size(), b.size());
    Ints out(n);
    for (size_t i = 1; i <= n; ++i) {
      int64_t x = i <= a.size() ? a[a.size() - i] : 1, y = i <= b.size() ? b[b.size() - i] : 1;
      if (x != y && x != 1 && y != 1) {
        std::string shapes;
        for (const Tensor& t : indices)
          if (t.defined()) shapes += (shapes.empty() ? "" : ", ") + shape_text(t.sizes());
        fail(ErrorKind::Index, str("shape mismatch: indexing tensors could not be broadcast together with shapes ", shapes));
      }
      out[n - i] = x == 1 ? y : x;
    }
    return out;
  }
};

Grads first_only(const Ctx& c, Tensor g) {
  Grads out;
  out.push_back(std::move(g));
  out.resize(c.tensor_count());
  return out;
}

// ---------------------------------------------------------------- index
Tensor take_at(const Tensor& self, TensorList indices);
const auto take_at_op = define<&take_at>({
    .schema = "_index(Tensor self, Tensor?[] indices) -> Tensor",
    .in = 0,
    .doc = "index, with masks already expanded.",
    .run = [](Out&, const Tensor& self, TensorList indices) {
      for (const Tensor& i : indices)
        KG_CHECK(self.is_meta() || !i.defined() || !i.is_meta(), "indices should be either on cpu or on the same device as the indexed tensor (", self.device(), ")");
      Addressed a(self, indices);
      Tensor y = empty_tensor(a.sizes, self.dtype(), self.device());
      if (y.is_meta() || y.numel() == 0) {
        if (!y.is_meta() && a.plan.count && self.numel() == 0 && numel_of(a.plan.after_sizes) && numel_of(a.plan.before_sizes))
          cpu::take_indexed(y, self, a.plan);
        return y;
      }
      cpu::take_indexed(y, self, a.plan);
      return y;
    },
    .grad = vjp("indices", [](Ctx& c, const Tensor&, TensorList indices) -> Grads {
      Tensor zero = zeros(c.sizes(0), {c.grad.dtype(), {}, c.grad.device(), false, false});
      return first_only(c, index_put(zero, indices, c.grad, true));
    }),
    .node_name = "IndexBackward0",
});
Tensor take_at(const Tensor& self, TensorList indices) { return take_at_op(self, indices); }

const auto index_op = compose<&index>({
    .schema = "index(Tensor self, Tensor?[] indices) -> Tensor",
    .in = 0,
    .doc = "self[indices].",
    .body = [](const Tensor& self, TensorList indices) {
      KG_CHECK_INDEX(!indices.empty(), "at least one index must be provided");
      if (indices.size() == 1 && indices[0].defined() && indices[0].dtype() == DType::Bool && indices[0].sizes() == self.sizes() && self.dim() > 0)
        return masked_select(self, indices[0]);
      Tensors expanded = expand_masks(self, indices);
      bool any = false;
      for (const Tensor& t : expanded) any = any || t.defined();
      if (!any) return clone(self);
      return take_at(self, {expanded.data(), expanded.size()});
    },
});

/// `values` as the kernel wants them: one element, or dense in the shape of the result.
Tensor spread_values(const Tensor& values, const Addressed& a) {
  KG_CHECK(is_expandable_to(values.sizes(), a.sizes), "shape mismatch: value tensor of shape ", values.sizes(), " cannot be broadcast to indexing result of shape ", a.sizes);
  return values.numel() == 1 ? values : contiguous(expand(values, a.sizes));
}

/// self, or a copy of it, to be changed in place by a run function.
Tensor writable(Out& out, const Tensor& self) {
  Tensor y = out.dest(self.sizes(), self.dtype());
  if (y.defined()) {
    detail::check_no_internal_overlap(y);
    if (!y.is_same(self) && !y.is_meta()) cpu::copy_elements(y, self);
    return y;
  }
  y = empty_strided_tensor(self.sizes(), strides_like(self, MemoryFormat::Preserve), self.dtype(), self.device());
  if (!y.is_meta()) cpu::copy_elements(y, self);
  return y;
}
Tensor apart(const Tensor& t, const Tensor& from) { return t.defined() && t.storage() == from.storage() ? clone(t) : t; }

Tensor put_at(const Tensor& self, TensorList indices, const Tensor& values, bool accumulate);
const auto put_at_op = define<&put_at>({
    .schema = "_index_put(Tensor self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor",
    .in = 0,
    .traits = kElementwise,
    .doc = "index_put, with masks already expanded.",
    .run = [](Out& out, const Tensor& self, TensorList indices, const Tensor& values, bool accumulate) {
      KG_CHECK(self.dtype() == values.dtype(), "Index put requires the source and destination dtypes match, got ", legacy_name(self.dtype()),
               " for the destination and ", legacy_name(values.dtype()), " for the source.");
      Tensor y = writable(out, self);
      Addressed a(y, indices);
      Tensor spread = apart(spread_values(values, a), y);
      for (size_t i = 0; i < a.kept.size(); ++i) {
        a.kept[i] = apart(a.kept[i], y);
        a.plan.indices[i].values = a.kept[i].data<int64_t>();
      }
      if (!y.is_meta() && numel_of(a.sizes)) cpu::put_indexed(y, spread, a.plan, accumulate);
      return y;
    },
    .grad = vjp("indices", [](Ctx& c, const Tensor&, TensorList indices, const Tensor&, bool accumulate) -> Grads {
      Grads out;
      out.resize(c.tensor_count());
      if (c.needs(0)) out[0] = accumulate ? c.grad : index_put(c.grad, indices, new_zeros(c.grad, {}), false);
      if (c.needs(c.tensor_count() - 1)) out[c.tensor_count() - 1] = take_at(c.grad, indices);
      return out;
    }),
    .node_name = "IndexPutBackward0",
});
Tensor put_at(const Tensor& self, TensorList indices, const Tensor& values, bool accumulate) { return put_at_op(self, indices, values, accumulate); }

const auto index_put_op = compose<&index_put>({
    .schema = "index_put(Tensor self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor",
    .in = both,
    .doc = "A copy of self with values (broadcast) in, or added to, the places self[indices].",
    .body = [](const Tensor& self, TensorList indices, const Tensor& values, bool accumulate) {
      KG_CHECK_INDEX(!indices.empty(), "at least one index must be provided");
      Tensors expanded = expand_masks(self, indices);
      return put_at(self, {expanded.data(), expanded.size()}, values, accumulate);
    },
});
const auto index_put_in_place_op = compose<&index_put_>({
    .schema = "index_put_(Tensor self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor",
    .in = both,
    .doc = "index_put, in place.",
    .body = [](const Tensor& self, TensorList indices, const Tensor& values, bool accumulate) {
      KG_CHECK_INDEX(!indices.empty(), "at least one index must be provided");
      Tensors expanded = expand_masks(self, indices);
      return put_at_op.into(onto(self), self, {expanded.data(), expanded.size()}, values, accumulate);
    },
});

// ---------------------------------------------------------------- along one dimension
/// The index of an operator along one dimension, as dense int64 of one dimension.
Tensor vector_of(const Tensor& index) {
  Tensor v = index.dim() == 0 ? alias(index, {1}, {1}, index.storage_offset()) : index;
  return contiguous(to(v, DType::Int64));
}
bool is_index(DType t) { return t == DType::Int64 || t == DType::Int32; }

cpu::IndexPlan along(const Tensor& self, int64_t dim, const Tensor& index) {
  cpu::IndexPlan plan;
  plan.count = index.numel();
  if (self.dim() == 0) {
    plan.indices.push_back({index.data<int64_t>(), 1, 1, 0});
    return plan;
  }
  for (int64_t d = 0; d < self.dim(); ++d) {
    if (d == dim) continue;
    (d < dim ? plan.before_sizes : plan.after_sizes).push_back(self.sizes()[d]);
    (d < dim ? plan.before_strides : plan.after_strides).push_back(self.strides()[d]);
  }
  plan.indices.push_back({index.data<int64_t>(), self.sizes()[dim], self.strides()[dim], dim});
  return plan;
}

Tensor run_index_select(Out& out, const Tensor& self, int64_t dim, const Tensor& index) {
  dim = wrap_dim(dim, self.dim());
  KG_CHECK_INDEX(index.dim() <= 1, "index_select(): Index is supposed to be a vector");
  KG_CHECK(is_index(index.dtype()), "index_select(): Expected dtype int32 or int64 for index");
  KG_CHECK(self.dim() > 0 || index.numel() == 1, "index_select(): Index to scalar can have only 1 value, got ", index.numel(), " value(s)");
  Ints sizes(self.sizes());
  if (self.dim()) sizes[dim] = index.numel();
  Tensor y = out.alloc(sizes, self.dtype(), self.device());
  if (y.is_meta() || y.numel() == 0) return y;
  KG_CHECK(self.numel() > 0, "index_select(): self indexing axis dim should be positive");
  Tensor v = vector_of(index);
  cpu::IndexPlan plan = along(self, dim, v);
  plan.error_text = "index out of range in self";
  plan.negative = false;
  cpu::take_indexed(y, self, plan);
  return y;
}
const auto index_select_op = define<&index_select>({
    .schema = "index_select(Tensor self, int dim, Tensor index) -> Tensor",
    .in = both | kOut,
    .traits = kOutApart,
    .doc = "The entries of dimension dim that index lists.\n\n>>> torch.tensor([5, 6, 7]).index_select(0, torch.tensor([2, 0]))\ntensor([7, 5])",
    .run = run_index_select,
    .grad = vjp("index", [](Ctx& c, const Tensor&, int64_t dim, const Tensor& index) -> Grads {
      Tensor zero = zeros(c.sizes(0), {c.grad.dtype(), {}, c.grad.device(), false, false});
      return {index_add(zero, dim, index, c.grad), Tensor()};
    }),
});

void check_add_source(const char* op, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source) {
  KG_CHECK_INDEX(index.dim() <= 1, op, "(): Index is supposed to be a vector, but got dim: ", index.dim(), " with type: ", legacy_name(index.dtype()), " and size: ", index.sizes());
  KG_CHECK(is_index(index.dtype()), op, "(): Expected dtype int32/int64 for index but got: ", legacy_name(index.dtype()));
  KG_CHECK(self.dtype() == source.dtype(), op, "(): self (", legacy_name(self.dtype()), ") and source (", legacy_name(source.dtype()), ") must have the same scalar type");
  int64_t count = source.dim() ? dim < source.dim() ? source.sizes()[dim] : 0 : source.numel();
  KG_CHECK(index.numel() == count, op, "(): Number of indices (", index.numel(), ") should be equal to source.size(dim): (", count, "), for dim: ", dim);
  Ints a(self.sizes()), b(source.sizes());
  if (!a.empty()) a.erase(&a[dim]);
  if (!b.empty()) b.erase(&b[dim]);
  KG_CHECK(a == b, "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = ", self.sizes(), " source.shape = ", source.sizes());
}

const auto index_add_op = define<&index_add>({
    .schema = "index_add(Tensor self, int dim, Tensor index, Tensor source, *, Scalar alpha=1) -> Tensor",
    .in = both | kInplace | kOut,
    .traits = kElementwise,
    .doc = "self with alpha times the entries of source added to the entries of dimension dim that index lists. The sum does not depend on the number of threads.",
    .run = [](Out& out, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source, const Scalar& alpha) {
      dim = wrap_dim(dim, self.dim());
      check_add_source("index_add_", self, dim, index, source);
      check_convertible(alpha, self.dtype());
      Tensor y = writable(out, self);
      if (y.is_meta() || source.numel() == 0) return y;
      bool plain = alpha.is_integral() && alpha.to_int() == 1;
      Tensor values = apart(contiguous(plain ? source : mul(source, full({}, alpha, {self.dtype(), {}, {}, false, false}))), y), v = apart(vector_of(index), y);
      cpu::IndexPlan plan = along(y, dim, v);
      plan.error = ErrorKind::Runtime;
      plan.negative = false;
      cpu::put_indexed(y, values, plan, true);
      return y;
    },
    .grad = vjp("index", [](Ctx& c, const Tensor&, int64_t dim, const Tensor& index, const Tensor&, const Scalar& alpha) -> Grads {
      Grads out{c.grad, Tensor(), Tensor()};
      if (c.needs(2)) {
        Tensor picked = index_select(c.grad, dim, index);
        out[2] = picked.sizes() == c.sizes(2) ? picked : reshape(picked, c.sizes(2));
        if (!(alpha.is_integral() && alpha.to_int() == 1)) out[2] = mul(out[2], wrapped_number(alpha.is_complex() ? Scalar(std::conj(alpha.to_complex_value())) : alpha));
      }
      return out;
    }),
});

const auto index_copy_op = define<&index_copy>({
    .schema = "index_copy(Tensor self, int dim, Tensor index, Tensor source) -> Tensor",
    .in = both | kInplace | kOut,
    .traits = kElementwise,
    .doc = "self with the entries of source in the places of dimension dim that index lists.",
    .run = [](Out& out, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source) {
      dim = wrap_dim(dim, self.dim());
      KG_CHECK_INDEX(index.dim() < 2, "index_copy_(): Index should have dimension 1 or 0 (got ", index.dim(), ")");
      KG_CHECK_INDEX(source.dim() > 0 || index.numel() == 1, "index_copy_(): When source is scalar, index should have one element (got ", index.numel(), ")");
      KG_CHECK_INDEX(source.dim() == 0 || self.dim() == 0 || source.dim() == self.dim(), "index_copy_(): When source and destination are not scalars, their dimensionality must match. "
                     "Source dimensionality (", source.dim(), "), destination dimensionality (", self.dim(), ")");
      KG_CHECK(index.dtype() == DType::Int64, "index_copy_(): Expected a long tensor for index, but got ", legacy_name(index.dtype()));
      KG_CHECK(self.dtype() == source.dtype(), "index_copy_(): self and source expected to have the same dtype, but got (self) ", legacy_name(self.dtype()), " and (source) ",
               legacy_name(source.dtype()));
      Ints a(self.sizes()), b(source.sizes());
      if (!a.empty()) a.erase(&a[dim]);
      if (!b.empty()) b.erase(&b[dim]);
      if (!(a == b)) {
        auto list = [](const Ints& v) {
          std::string s;
          for (int64_t x : v) s += (s.empty() ? "" : " ") + std::to_string(x);
          return s;
        };
        fail(ErrorKind::Runtime, str("index_copy_(): Source/destination tensor must have same slice shapes. Destination slice shape: ", list(a), " at dimension ", dim,
                                     " and source slice shape: ", list(b), " at dimension 0."));
      }
      KG_CHECK_INDEX(source.dim() == 0 || index.numel() == source.sizes()[dim], "index_copy_(): Number of indices (", index.numel(), ") should be equal to source.size(dim) (",
                     source.dim() ? source.sizes()[dim] : 1, ")");
      Tensor y = writable(out, self);
      if (y.is_meta() || source.numel() == 0) return y;
      Tensor values = apart(contiguous(source), y), v = apart(vector_of(index), y);
      const int64_t* ix = v.data<int64_t>();
      int64_t size = self.dim() ? self.sizes()[dim] : 1;
      for (int64_t i = 0; i < v.numel(); ++i)
        KG_CHECK_INDEX(ix[i] >= 0 && ix[i] < size, "index_copy_(): index ", ix[i], " is out of bounds for dimension ", dim, " with size ", size);
      cpu::put_indexed(y, values, along(y, dim, v), false);
      return y;
    },
    .grad = vjp("index", [](Ctx& c, const Tensor&, int64_t dim, const Tensor& index, const Tensor&) -> Grads {
      Grads out;
      out.resize(3);
      if (c.needs(0)) out[0] = index_fill(c.grad, dim, index, 0);
      if (c.needs(2)) {
        Tensor picked = index_select(c.grad, dim, index);
        out[2] = picked.sizes() == c.sizes(2) ? picked : reshape(picked, c.sizes(2));
      }
      return out;
    }),
});

Tensor run_index_fill(Out& out, const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) {
  KG_CHECK_INDEX(index.dtype() == DType::Int64, "index_fill_(): Expected dtype int64 for index.");
  dim = wrap_dim(dim, self.dim());
  KG_CHECK(index.dim() <= 1, "Index has to be a vector/scalar");
  KG_CHECK(is_complex(self.dtype()) || !value.is_complex(), "index_fill_(): Converting complex Scalar to non-complex type is not supported");
  check_convertible(value, self.dtype());
  Tensor y = writable(out, self);
  if (y.is_meta() || (y.numel() == 0 && y.dim() && y.sizes()[dim])) return y;
  Tensor v = apart(vector_of(index), y);
  cpu::put_indexed(y, scalar_tensor(value, y.dtype()), along(y, dim, v), false);
  return y;
}
const auto index_fill_op = define<&index_fill>({
    .schema = "index_fill.int_Scalar(Tensor self, int dim, Tensor index, Scalar value) -> Tensor",
    .in = both | kInplace | kOut,
    .traits = kElementwise,
    .doc = "self with one value in the entries of dimension dim that index lists.",
    .run = run_index_fill,
    .grad = vjp("index", [](Ctx& c, const Tensor&, int64_t dim, const Tensor& index, const Scalar&) -> Grads { return {index_fill(c.grad, dim, index, 0), Tensor()}; }),
});
/// Which elements index_fill writes.
Tensor touched(const Tensor& like, int64_t dim, const Tensor& index) {
  return index_fill(zeros(like.sizes(), {DType::Bool, {}, like.device(), false, false}), dim, index, true);
}
Tensor index_fill_with(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& value);
const auto index_fill_with_op = define<&index_fill_with>({
    .schema = "index_fill.int_Tensor(Tensor self, int dim, Tensor index, Tensor value) -> Tensor",
    .in = both | kInplace | kOut,
    .traits = kElementwise,
    .doc = "index_fill with the value of a 0-d tensor.",
    .run = [](Out& out, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& value) {
      KG_CHECK(value.dim() == 0, "index_fill_ only supports a 0-dimensional value tensor, but got tensor with ", value.dim(), " dimension(s).");
      return run_index_fill(out, self, dim, index, self.is_meta() || value.is_meta() ? Scalar(0) : value.item());
    },
    .grad = vjp("index", [](Ctx& c, const Tensor&, int64_t dim, const Tensor& index, const Tensor&) -> Grads {
      return {c.needs(0) ? index_fill(c.grad, dim, index, 0) : Tensor(), Tensor(), c.needs(2) ? where(touched(c.grad, dim, index), c.grad, scalar_tensor(0, c.grad.dtype())) : Tensor()};
    }),
});
Tensor index_fill_with(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& value) { return index_fill_with_op(self, dim, index, value); }

}  // namespace

Tensor index(const Tensor& self, TensorList indices) { return index_op(self, indices); }
Tensor index_put(const Tensor& self, TensorList indices, const Tensor& values, bool accumulate) { return index_put_op(self, indices, values, accumulate); }
Tensor index_put_(const Tensor& self, TensorList indices, const Tensor& values, bool accumulate) { return index_put_in_place_op(self, indices, values, accumulate); }
Tensor index_select(const Tensor& self, int64_t dim, const Tensor& index) { return index_select_op(self, dim, index); }
Tensor index_add(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source, const Scalar& alpha) {
  return index_add_op(self, dim, index, source, alpha);
}
Tensor index_copy(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source) { return index_copy_op(self, dim, index, source); }
Tensor index_fill(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) { return index_fill_op(self, dim, index, value); }

}  // namespace kagari
