// The *_copy forms of views: the same elements in memory of their own.
#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

Tensor own(const Tensor& view) { return clone(view, MemoryFormat::Contiguous); }
std::vector<Tensor> own_all(std::vector<Tensor> views) {
  for (Tensor& v : views) v = own(v);
  return views;
}

#define KG_PARAMETERS(...) (__VA_ARGS__)
/// One operator `name`: its schema's parameters, its C++ parameters, the view that it copies.
#define KG_COPY(name, arguments, parameters, view)                                \
  Tensor name parameters { return own(view); }                                    \
  const auto name##_op = compose<&name>({.schema = #name "(" arguments ") -> Tensor", \
                                         .in = kFunction | kOut,                  \
                                         .doc = "A copy of " #view ".",           \
                                         .body = name})

KG_COPY(alias_copy, "Tensor self", KG_PARAMETERS(const Tensor& self), self);
KG_COPY(detach_copy, "Tensor self", KG_PARAMETERS(const Tensor& self), self);
KG_COPY(as_strided_copy, "Tensor self, int[] size, int[] stride, int? storage_offset=None",
        KG_PARAMETERS(const Tensor& self, IntList size, IntList stride, std::optional<int64_t> storage_offset), as_strided(self, size, stride, storage_offset));
KG_COPY(diagonal_copy, "Tensor self, int offset=0, int dim1=0, int dim2=1", KG_PARAMETERS(const Tensor& self, int64_t offset, int64_t dim1, int64_t dim2),
        diagonal(self, offset, dim1, dim2));
KG_COPY(expand_copy, "Tensor self, int[] size, *, bool implicit=False", KG_PARAMETERS(const Tensor& self, IntList size, bool implicit), expand(self, size, implicit));
KG_COPY(permute_copy, "Tensor self, int[] dims", KG_PARAMETERS(const Tensor& self, IntList dims), permute(self, dims));
KG_COPY(select_copy, "Tensor self, int dim, int index", KG_PARAMETERS(const Tensor& self, int64_t dim, int64_t index), select(self, dim, index));
KG_COPY(slice_copy, "Tensor self, int dim=0, int? start=None, int? end=None, int step=1",
        KG_PARAMETERS(const Tensor& self, int64_t dim, std::optional<int64_t> start, std::optional<int64_t> end, int64_t step), slice(self, dim, start, end, step));
KG_COPY(t_copy, "Tensor self", KG_PARAMETERS(const Tensor& self), t(self));
KG_COPY(transpose_copy, "Tensor self, int dim0, int dim1", KG_PARAMETERS(const Tensor& self, int64_t dim0, int64_t dim1), transpose(self, dim0, dim1));
KG_COPY(unfold_copy, "Tensor self, int dimension, int size, int step", KG_PARAMETERS(const Tensor& self, int64_t dimension, int64_t size, int64_t step),
        unfold(self, dimension, size, step));
KG_COPY(unsqueeze_copy, "Tensor self, int dim", KG_PARAMETERS(const Tensor& self, int64_t dim), unsqueeze(self, dim));
KG_COPY(view_as_real_copy, "Tensor self", KG_PARAMETERS(const Tensor& self), view_as_real(self));
KG_COPY(view_as_complex_copy, "Tensor self", KG_PARAMETERS(const Tensor& self), view_as_complex(self));
#undef KG_COPY
#undef KG_PARAMETERS

Tensor squeeze_copy(const Tensor& self) { return own(squeeze(self)); }
Tensor squeeze_dim_copy(const Tensor& self, int64_t dim) { return own(squeeze_dim(self, dim)); }
Tensor squeeze_dims_copy(const Tensor& self, IntList dim) { return own(squeeze_dims(self, dim)); }
const auto squeeze_copy_op = compose<&squeeze_copy>({.schema = "squeeze_copy(Tensor self) -> Tensor", .in = kFunction | kOut, .doc = "A copy of squeeze.", .body = squeeze_copy});
const auto squeeze_dim_copy_op =
    compose<&squeeze_dim_copy>({.schema = "squeeze_copy.dim(Tensor self, int dim) -> Tensor", .in = kFunction | kOut, .doc = "A copy of squeeze.", .body = squeeze_dim_copy});
const auto squeeze_dims_copy_op =
    compose<&squeeze_dims_copy>({.schema = "squeeze_copy.dims(Tensor self, int[] dim) -> Tensor", .in = kFunction | kOut, .doc = "A copy of squeeze.", .body = squeeze_dims_copy});

Tensor view_copy(const Tensor& self, IntList size) { return clone(reshape(self, size), MemoryFormat::Contiguous); }
Tensor view_dtype_copy(const Tensor& self, DType dtype) { return own(view_dtype(self, dtype)); }
const auto view_copy_op = compose<&view_copy>({.schema = "view_copy(Tensor self, int[] size) -> Tensor", .in = kFunction | kOut, .doc = "A copy of view.", .body = view_copy});
const auto view_dtype_copy_op =
    compose<&view_dtype_copy>({.schema = "view_copy.dtype(Tensor self, ScalarType dtype) -> Tensor", .in = kFunction | kOut, .doc = "A copy of view.", .body = view_dtype_copy});

std::vector<Tensor> unbind_copy(const Tensor& self, int64_t dim) { return own_all(unbind(self, dim)); }
std::vector<Tensor> split_copy(const Tensor& self, int64_t split_size, int64_t dim) { return own_all(split(self, split_size, dim)); }
std::vector<Tensor> split_with_sizes_copy(const Tensor& self, IntList sizes, int64_t dim) { return own_all(split_with_sizes(self, sizes, dim)); }
const auto unbind_copy_op = compose<&unbind_copy>({.schema = "unbind_copy(Tensor self, int dim=0) -> Tensor[]", .in = kFunction | kOut, .doc = "Copies of unbind.", .body = unbind_copy});
const auto split_copy_op =
    compose<&split_copy>({.schema = "split_copy(Tensor self, int split_size, int dim=0) -> Tensor[]", .in = kFunction | kOut, .doc = "Copies of split.", .body = split_copy});
const auto split_with_sizes_copy_op = compose<&split_with_sizes_copy>(
    {.schema = "split_with_sizes_copy(Tensor self, int[] split_sizes, int dim=0) -> Tensor[]", .in = kFunction | kOut, .doc = "Copies of split_with_sizes.", .body = split_with_sizes_copy});

// ---------------------------------------------------------------- lazily conjugated or negated tensors do not exist here
Tensor resolved(const Tensor& self) { return self; }
const auto resolve_conj_op = compose<&resolved>({
    .schema = "resolve_conj(Tensor self) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "self: kagari conjugates at once.",
    .body = resolved,
});
const auto resolve_neg_op = compose<&resolved>({
    .schema = "resolve_neg(Tensor self) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "self: kagari negates at once.",
    .body = resolved,
});

// ---------------------------------------------------------------- pieces of other operators
/// The indices with the places outside of the mask set to 0.
Tensors masked_indices(TensorList indices, const Tensor& mask) {
  Tensors out;
  for (const Tensor& t : indices) out.push_back(t.defined() ? mul(t, to(mask, t.dtype())) : t);
  return out;
}
Tensor unsafe_masked_index(const Tensor& self, const Tensor& mask, TensorList indices, const Scalar& fill_value) {
  if (mask.numel() == 0 || self.numel() == 0) {
    Tensors all = masked_indices(indices, mask);
    return index(self, {all.data(), all.size()});
  }
  Tensors all = masked_indices(indices, mask);
  return masked_fill(index(self, {all.data(), all.size()}), to(sub(to(mask, DType::Int64), wrapped_number(1)), DType::Bool), fill_value);
}
const auto unsafe_masked_index_op = compose<&unsafe_masked_index>({
    .schema = "_unsafe_masked_index(Tensor self, Tensor mask, Tensor?[] indices, Scalar fill) -> Tensor",
    .in = kFunction,
    .doc = "self[indices] where the mask is set, else a number.",
    .body = unsafe_masked_index,
});
Tensor unsafe_masked_index_put_accumulate(const Tensor& self, const Tensor& mask, TensorList indices, const Tensor& values) {
  Tensors all = masked_indices(indices, mask);
  return index_put(self, {all.data(), all.size()}, masked_fill(values, to(sub(to(mask, DType::Int64), wrapped_number(1)), DType::Bool), 0), true);
}
const auto unsafe_masked_index_put_accumulate_op = compose<&unsafe_masked_index_put_accumulate>({
    .schema = "_unsafe_masked_index_put_accumulate(Tensor self, Tensor mask, Tensor?[] indices, Tensor values) -> Tensor",
    .in = kFunction,
    .doc = "A copy of self with values added where the mask is set.",
    .body = unsafe_masked_index_put_accumulate,
});

}  // namespace
}  // namespace kagari
