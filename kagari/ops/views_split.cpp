// Views that cut a tensor into several pieces.
#include "kagari/op/op.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

constexpr unsigned both = kFunction | kMethod;

std::vector<Tensor> pieces(const Tensor& self, int64_t dim, IntList sizes) {
  std::vector<Tensor> out;
  out.reserve(sizes.size());
  Ints shape(self.sizes());
  int64_t at = self.storage_offset();
  for (int64_t size : sizes) {
    shape[dim] = size;
    out.push_back(alias(self, shape, self.strides(), at));
    at += size * self.strides()[dim];
  }
  return out;
}

/// The gradients of all pieces, zeros where there is none, joined again.
Tensor joined(Ctx& c, int64_t dim) {
  Tensors all;
  for (size_t i = 0; i < c.grads.size(); ++i) all.push_back(c.grad_or_zeros(i));
  return cat({all.data(), all.size()}, dim);
}

const auto split_with_sizes_op = define<&split_with_sizes>({
    .schema = "split_with_sizes(Tensor self, int[] split_sizes, int dim=0) -> Tensor[]",
    .in = both,
    .traits = kView,
    .doc = "Pieces of the given sizes, which share memory with self.",
    .run = [](Out&, const Tensor& self, IntList sizes, int64_t dim) {
      KG_CHECK(self.dim() > 0, "split expects at least a 1-dimensional tensor");
      dim = wrap_dim(dim, self.dim());
      int64_t sum = 0;
      for (int64_t s : sizes) {
        KG_CHECK(s >= 0, "split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes=", sizes);
        sum += s;
      }
      KG_CHECK(sum == self.sizes()[dim], "split_with_sizes expects split_sizes to sum exactly to ", self.sizes()[dim], " (input tensor's size at dimension ", dim,
               "), but got split_sizes=", sizes);
      return pieces(self, dim, sizes);
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, IntList, int64_t dim) -> Grads { return {joined(c, dim)}; }),
});

const auto split_op = define<&split>({
    .schema = "split(Tensor self, int split_size, int dim=0) -> Tensor[]",
    .in = both,
    .traits = kView,
    .doc = "Pieces of split_size entries (the last may be shorter), or of the given sizes. They share memory with self.\n\n>>> torch.arange(3).split(2)\n"
           "(tensor([0, 1]), tensor([2]))",
    .run = [](Out&, const Tensor& self, int64_t size, int64_t dim) {
      KG_CHECK(self.dim() > 0, "split expects at least a 1-dimensional tensor");
      KG_CHECK(size >= 0, "split expects split_size be non-negative, but got split_size=", size);
      dim = wrap_dim(dim, self.dim());
      int64_t total = self.sizes()[dim];
      KG_CHECK(size > 0 || total == 0, "split_size can only be 0 if dimension size is 0, but got dimension size of ", total);
      Ints sizes;
      for (int64_t at = 0; at < total; at += size) sizes.push_back(std::min(size, total - at));
      if (sizes.empty()) sizes.push_back(0);
      return pieces(self, dim, sizes);
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, int64_t, int64_t dim) -> Grads { return {joined(c, dim)}; }),
});
const auto split_list_op = compose<&split_with_sizes>({
    .schema = "split.sizes(Tensor self, int[] split_size, int dim=0) -> Tensor[]",
    .in = both,
    .doc = "Pieces of the given sizes, which share memory with self.",
    .body = [](const Tensor& self, IntList sizes, int64_t dim) { return split_with_sizes(self, sizes, dim); },
});

const auto chunk_op = compose<&chunk>({
    .schema = "chunk(Tensor self, int chunks, int dim=0) -> Tensor[]",
    .in = both,
    .doc = "At most `chunks` pieces of one size; the last may be shorter.\n\n>>> torch.arange(3).chunk(2)\n(tensor([0, 1]), tensor([2]))",
    .body = [](const Tensor& self, int64_t chunks, int64_t dim) {
      KG_CHECK(self.dim() > 0, "chunk expects at least a 1-dimensional tensor");
      KG_CHECK(chunks > 0, "chunk expects `chunks` to be greater than 0, got: ", chunks);
      KG_CHECK(self.size(dim) > 0 || chunks <= int64_t(1) << 24, "chunk: ", chunks, " chunks are too many");
      int64_t total = self.size(dim), size = total / chunks + (total % chunks != 0);
      if (size == 0) return split_with_sizes(self, Ints(size_t(chunks), 0), dim);
      return split(self, size, dim);
    },
});

std::vector<Tensor> sections_of(const Tensor& self, int64_t sections, int64_t dim) {
  KG_CHECK(sections <= int64_t(1) << 24, "a split into ", sections, " sections is too large");
  Ints sizes;
  int64_t total = self.size(dim);
  for (int64_t i = 0; i < sections; ++i) sizes.push_back(total / sections + (i < total % sections));
  return split_with_sizes(self, sizes, dim);
}
void check_tensor_split(const Tensor& self) {
  KG_CHECK(self.dim() > 0, "tensor_split expected at least a 1-dimensional tensor, but got a tensor with ", self.dim(), " dims");
}
const auto tensor_split_op = compose<&tensor_split>({
    .schema = "tensor_split(Tensor self, int sections, int dim=0) -> Tensor[]",
    .in = both,
    .doc = "Pieces whose sizes differ by at most one, or pieces that begin at given indices.",
    .body = [](const Tensor& self, int64_t sections, int64_t dim) {
      check_tensor_split(self);
      KG_CHECK(sections > 0, "number of sections must be larger than 0, got ", sections);
      return sections_of(self, sections, dim);
    },
});
const auto tensor_split_at_op = compose<&tensor_split_at>({
    .schema = "tensor_split.indices(Tensor self, int[] indices, int dim=0) -> Tensor[]",
    .in = both,
    .doc = "Pieces that begin at the given indices.",
    .body = [](const Tensor& self, IntList indices, int64_t dim) {
      check_tensor_split(self);
      std::vector<Tensor> out;
      int64_t start = 0;
      for (int64_t end : indices) {
        out.push_back(slice(self, dim, start, end, 1));
        start = end;
      }
      out.push_back(slice(self, dim, start, self.size(dim), 1));
      return out;
    },
});
std::vector<Tensor> tensor_split_by(const Tensor& self, const Tensor& where, int64_t dim) {
  check_tensor_split(self);
  KG_CHECK(where.dtype() == DType::Int64, "tensor_split expected tensor_indices_or_sections to have dtype of long, but got ", legacy_name(where.dtype()));
  KG_CHECK(where.dim() <= 1, "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional tensor, but got a tensor with ",
           where.dim(), " dims");
  if (where.dim() == 0) return tensor_split(self, where.item<int64_t>(), dim);
  Tensor dense = contiguous(where);
  return tensor_split_at(self, IntList(dense.data<int64_t>(), size_t(dense.numel())), dim);
}
const auto tensor_split_by_op = compose<&tensor_split_by>({
    .schema = "tensor_split.tensor_indices_or_sections(Tensor self, Tensor tensor_indices_or_sections, int dim=0) -> Tensor[]",
    .in = both,
    .traits = kReadsValues,
    .doc = "Pieces that begin at the given indices, or a number of pieces.",
    .body = tensor_split_by,
});

// hsplit, vsplit, dsplit: along the second, first, third dimension
void check_splittable(const Tensor& self, char kind, int64_t least) {
  KG_CHECK(self.dim() >= least, "torch.", kind, "split requires a tensor with at least ", least, " dimension, but got a tensor with ", self.dim(), " dimensions!");
}
std::vector<Tensor> split_evenly(const Tensor& self, char kind, int64_t least, int64_t dim, int64_t sections) {
  check_splittable(self, kind, least);
  KG_CHECK(sections != 0 && self.sizes()[dim] % sections == 0, "torch.", kind, "split attempted to split along dimension ", dim, ", but the size of the dimension ",
           self.sizes()[dim], " is not divisible by the split_size ", sections, "!");
  return tensor_split(self, sections, dim);
}
std::vector<Tensor> split_by(const Tensor& self, char kind, int64_t least, int64_t dim, IntList indices) {
  check_splittable(self, kind, least);
  return tensor_split_at(self, indices, dim);
}
std::vector<Tensor> hsplit(const Tensor& self, int64_t n) { return split_evenly(self, 'h', 1, self.dim() == 1 ? 0 : 1, n); }
std::vector<Tensor> vsplit(const Tensor& self, int64_t n) { return split_evenly(self, 'v', 2, 0, n); }
std::vector<Tensor> dsplit(const Tensor& self, int64_t n) { return split_evenly(self, 'd', 3, 2, n); }
std::vector<Tensor> hsplit_at(const Tensor& self, IntList at) { return split_by(self, 'h', 1, self.dim() == 1 ? 0 : 1, at); }
std::vector<Tensor> vsplit_at(const Tensor& self, IntList at) { return split_by(self, 'v', 2, 0, at); }
std::vector<Tensor> dsplit_at(const Tensor& self, IntList at) { return split_by(self, 'd', 3, 2, at); }
#define KG_SPLIT(name, which)                                                                                                             \
  const auto name##_op = compose<&name>({.schema = #name "(Tensor self, int sections) -> Tensor[]",                                       \
                                         .in = both,                                                                                      \
                                         .doc = "Equal pieces along the " which " dimension, or pieces that begin at given indices.",     \
                                         .body = name});                                                                                  \
  const auto name##_at_op = compose<&name##_at>({.schema = #name ".array(Tensor self, int[] indices) -> Tensor[]",                         \
                                                 .in = both,                                                                              \
                                                 .doc = "Pieces that begin at the given indices along the " which " dimension.",          \
                                                 .body = name##_at})
KG_SPLIT(hsplit, "second (of a vector the only)");
KG_SPLIT(vsplit, "first");
KG_SPLIT(dsplit, "third");
#undef KG_SPLIT

const auto unbind_op = define<&unbind>({
    .schema = "unbind(Tensor self, int dim=0) -> Tensor[]",
    .in = both,
    .traits = kView,
    .doc = "All entries of a dimension, which disappears. They share memory with self.\n\n>>> torch.tensor([1, 2]).unbind()\n(tensor(1), tensor(2))",
    .run = [](Out&, const Tensor& self, int64_t dim) {
      KG_CHECK_INDEX(self.dim() > 0, "Dimension specified as ", dim, " but tensor has no dimensions");
      dim = wrap_dim(dim, self.dim());
      Ints sizes(self.sizes()), strides(self.strides());
      int64_t n = sizes[dim], step = strides[dim], at = self.storage_offset();
      sizes.erase(&sizes[dim]);
      strides.erase(&strides[dim]);
      std::vector<Tensor> out;
      out.reserve(size_t(n));
      for (int64_t i = 0; i < n; ++i, at += step) out.push_back(alias(self, sizes, strides, at));
      return out;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, int64_t dim) -> Grads {
      Tensors all;
      for (size_t i = 0; i < c.grads.size(); ++i) all.push_back(c.grad_or_zeros(i));
      return {stack({all.data(), all.size()}, dim)};
    }),
});

// The unsafe_ forms promise autograd that the pieces are not changed in place together; here they are the plain ones.
std::vector<Tensor> unsafe_split(const Tensor& self, int64_t size, int64_t dim) { return split(self, size, dim); }
const auto unsafe_split_op = compose<&unsafe_split>({
    .schema = "unsafe_split(Tensor self, int split_size, int dim=0) -> Tensor[]",
    .in = both,
    .doc = "split, for pieces that are not changed in place.",
    .body = unsafe_split,
});
std::vector<Tensor> unsafe_split_with_sizes(const Tensor& self, IntList sizes, int64_t dim) { return split_with_sizes(self, sizes, dim); }
const auto unsafe_split_with_sizes_op = compose<&unsafe_split_with_sizes>({
    .schema = "unsafe_split_with_sizes(Tensor self, int[] split_sizes, int dim=0) -> Tensor[]",
    .in = both,
    .doc = "split_with_sizes, for pieces that are not changed in place.",
    .body = unsafe_split_with_sizes,
});
std::vector<Tensor> unsafe_chunk(const Tensor& self, int64_t chunks, int64_t dim) { return chunk(self, chunks, dim); }
const auto unsafe_chunk_op = compose<&unsafe_chunk>({
    .schema = "unsafe_chunk(Tensor self, int chunks, int dim=0) -> Tensor[]",
    .in = both,
    .doc = "chunk, for pieces that are not changed in place.",
    .body = unsafe_chunk,
});

}  // namespace

std::vector<Tensor> split(const Tensor& self, int64_t split_size, int64_t dim) { return split_op(self, split_size, dim); }
std::vector<Tensor> split_with_sizes(const Tensor& self, IntList split_sizes, int64_t dim) { return split_with_sizes_op(self, split_sizes, dim); }
std::vector<Tensor> tensor_split(const Tensor& self, int64_t sections, int64_t dim) { return tensor_split_op(self, sections, dim); }
std::vector<Tensor> tensor_split_at(const Tensor& self, IntList indices, int64_t dim) { return tensor_split_at_op(self, indices, dim); }
std::vector<Tensor> chunk(const Tensor& self, int64_t chunks, int64_t dim) { return chunk_op(self, chunks, dim); }
std::vector<Tensor> unbind(const Tensor& self, int64_t dim) { return unbind_op(self, dim); }

}  // namespace kagari
