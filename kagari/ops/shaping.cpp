#include "kagari/ops/shaping.h"

#include "kagari/base/parallel.h"
#include "kagari/cpu/copy.h"
#include "kagari/cpu/strided.h"
#include "kagari/op/op.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

constexpr unsigned both = kFunction | kMethod;

// ---------------------------------------------------------------- cat
/// An empty 1-d tensor joins with anything and adds nothing.
bool skipped(const Tensor& t) { return t.dim() == 1 && t.sizes()[0] == 0; }

Device device_of(TensorList tensors) { return tensors[0].device(); }

/// The one channels-last format that all tensors have, else row-major.
MemoryFormat common_format(TensorList tensors) {
  for (MemoryFormat f : {MemoryFormat::ChannelsLast, MemoryFormat::ChannelsLast3d}) {
    bool all = true;
    for (const Tensor& t : tensors) all = all && t.is_contiguous(f) && !t.is_contiguous();
    if (all) return f;
  }
  return MemoryFormat::Contiguous;
}

Tensor cat_pieces(TensorList tensors, int64_t dim, IntList extents);
/// extents: the sizes of the tensors along dim, for the gradient; a skipped one has -1.
const auto cat_pieces_op = define<&cat_pieces>({
    .schema = "_cat(Tensor[] tensors, int dim, int[] extents) -> Tensor",
    .in = 0,
    .doc = "cat, with what its gradient must know.",
    .run = [](Out&, TensorList tensors, int64_t dim, IntList extents) {
      KG_CHECK(extents.size() == tensors.size() && !tensors.empty(), "_cat(): expected an extent for each tensor, but got ", extents);
      const Tensor* like = nullptr;
      int64_t total = 0;
      for (size_t i = 0; i < tensors.size(); ++i) {
        if (extents[i] < 0) continue;
        const Tensor& t = tensors[i];
        if (!like) like = &t;
        KG_CHECK(dim >= 0 && dim < t.dim() && t.sizes()[size_t(dim)] == extents[i], "_cat(): dimension ", dim, " of a tensor of shape ", t.sizes(), " has no extent of ", extents[i]);
        KG_CHECK(t.dim() == like->dim(), "Tensors must have same number of dimensions: got ", like->dim(), " and ", t.dim());
        for (int64_t d = 0; d < t.dim(); ++d)
          KG_CHECK(d == dim || t.sizes()[d] == like->sizes()[d], "Sizes of tensors must match except in dimension ", dim, ". Expected size ", like->sizes()[d],
                   " but got size ", t.sizes()[d], " for tensor number ", i, " in the list.");
        KG_CHECK(t.device() == device_of(tensors), "Expected all tensors to be on the same device, but found at least two devices, ", device_of(tensors), " and ",
                 t.device(), "! (when checking argument for argument tensors in method wrapper_cat)");
        total += extents[i];
      }
      bool same = true;
      for (const Tensor& t : tensors) same = same && t.dtype() == tensors[0].dtype();
      DType dtype = same ? tensors[0].dtype() : result_dtype(tensors);
      if (!like) return empty_tensor({0}, dtype, device_of(tensors));
      Ints sizes(like->sizes());
      sizes[dim] = total;
      MemoryFormat format = common_format(tensors);
      Tensor y = format == MemoryFormat::Contiguous ? empty_tensor(sizes, dtype, device_of(tensors))
                                                    : empty_strided_tensor(sizes, strides_for(sizes, format), dtype, device_of(tensors));
      if (y.is_meta()) return y;
      int64_t at = 0;
      for (size_t i = 0; i < tensors.size(); ++i) {
        if (extents[i] <= 0) continue;
        cpu::copy_elements(alias(y, tensors[i].sizes(), y.strides(), at * y.strides()[dim]), tensors[i]);
        at += extents[i];
      }
      return y;
    },
    .grad = vjp("", [](Ctx& c, TensorList, int64_t dim, IntList extents) -> Grads {
      Grads out;
      int64_t at = 0;
      for (size_t i = 0; i < extents.size(); ++i) {
        out.push_back(c.needs(i) && extents[i] >= 0 ? slice(c.grad, dim, at, at + extents[i], 1) : Tensor());
        at += std::max<int64_t>(extents[i], 0);
      }
      return out;
    }),
    .node_name = "CatBackward0",
});
Tensor cat_pieces(TensorList tensors, int64_t dim, IntList extents) { return cat_pieces_op(tensors, dim, extents); }

const auto cat_op = compose<&cat>({
    .schema = "cat(Tensor[] tensors, int dim=0) -> Tensor",
    .in = kFunction | kOut,
    .traits = kOutApart | kOutDTypeError,
    .aliases = "concat concatenate",
    .doc = "Tensors joined along a dimension; dtypes are promoted.\n\n>>> torch.cat([torch.tensor([1, 2]), torch.tensor([3])])\ntensor([1, 2, 3])",
    .body = [](TensorList tensors, int64_t dim) {
      KG_CHECK_VALUE(!tensors.empty(), "torch.cat(): expected a non-empty list of Tensors");
      int64_t ndim = 1;
      for (size_t i = 0; i < tensors.size(); ++i) {
        KG_CHECK(tensors[i].dim() > 0, "zero-dimensional tensor (at position ", i, ") cannot be concatenated");
        if (!skipped(tensors[i])) {
          ndim = tensors[i].dim();
          break;
        }
      }
      dim = wrap_dim(dim, ndim);
      Ints extents;
      for (size_t i = 0; i < tensors.size(); ++i) {
        KG_CHECK(tensors[i].dim() > 0, "zero-dimensional tensor (at position ", i, ") cannot be concatenated");
        extents.push_back(skipped(tensors[i]) ? -1 : dim < tensors[i].dim() ? tensors[i].sizes()[dim] : 0);
      }
      return cat_pieces(tensors, dim, extents);
    },
});

const auto stack_op = define<&stack>({
    .schema = "stack(Tensor[] tensors, int dim=0) -> Tensor",
    .in = kFunction | kOut,
    .traits = kOutApart | kOutDTypeError,
    .doc = "Tensors of one shape joined along a new dimension.\n\n>>> torch.stack([torch.tensor([1, 2]), torch.tensor([3, 4])], 1)\n"
           "tensor([[1, 3],\n        [2, 4]])",
    .run = [](Out& out, TensorList tensors, int64_t dim) {
      KG_CHECK(!tensors.empty(), "stack expects a non-empty TensorList");
      const Tensor& first = tensors[0];
      dim = wrap_dim(dim, first.dim() + 1);
      bool same = true;
      for (size_t i = 0; i < tensors.size(); ++i) {
        KG_CHECK(tensors[i].sizes() == first.sizes(), "stack expects each tensor to be equal size, but got ", first.sizes(), " at entry 0 and ", tensors[i].sizes(),
                 " at entry ", i);
        KG_CHECK(tensors[i].device() == first.device(), "Expected all tensors to be on the same device, but found at least two devices, ", first.device(), " and ",
                 tensors[i].device(), "! (when checking argument for argument tensors in method wrapper_stack)");
        same = same && tensors[i].dtype() == first.dtype();
      }
      Ints sizes(first.sizes());
      sizes.insert(sizes.begin() + dim, int64_t(tensors.size()));
      Tensor y = out.alloc(sizes, same ? first.dtype() : result_dtype(tensors), first.device());
      if (y.is_meta()) return y;
      Ints strides(y.strides());
      int64_t step = strides[dim];
      strides.erase(&strides[dim]);
      for (size_t i = 0; i < tensors.size(); ++i) cpu::copy_elements(alias(y, first.sizes(), strides, y.storage_offset() + int64_t(i) * step), tensors[i]);
      return y;
    },
    .grad = vjp("", [](Ctx& c, TensorList, int64_t dim) -> Grads {
      Grads out;
      for (size_t i = 0; i < c.tensor_count(); ++i) out.push_back(c.needs(i) ? select(c.grad, dim, int64_t(i)) : Tensor());
      return out;
    }),
});

template <Tensor (*shape)(const Tensor&)>
Tensors each(TensorList tensors) {
  Tensors out;
  for (const Tensor& t : tensors) out.push_back(shape(t));
  return out;
}
const auto hstack_op = compose<&hstack>({
    .schema = "hstack(Tensor[] tensors) -> Tensor",
    .in = kFunction | kOut,
    .traits = kOutApart | kOutDTypeError,
    .doc = "Tensors joined along the second dimension (vectors along the first).",
    .body = [](TensorList tensors) {
      KG_CHECK(!tensors.empty(), "hstack expects a non-empty TensorList");
      Tensors all = each<atleast_1d>(tensors);
      return cat({all.data(), all.size()}, all[0].dim() == 1 ? 0 : 1);
    },
});
const auto vstack_op = compose<&vstack>({
    .schema = "vstack(Tensor[] tensors) -> Tensor",
    .in = kFunction | kOut,
    .traits = kOutApart | kOutDTypeError,
    .aliases = "row_stack",
    .doc = "Tensors joined along the first dimension, vectors as rows.",
    .body = [](TensorList tensors) {
      KG_CHECK(!tensors.empty(), "vstack expects a non-empty TensorList");
      Tensors all = each<atleast_2d>(tensors);
      return cat({all.data(), all.size()}, 0);
    },
});
const auto dstack_op = compose<&dstack>({
    .schema = "dstack(Tensor[] tensors) -> Tensor",
    .in = kFunction | kOut,
    .traits = kOutApart | kOutDTypeError,
    .doc = "Tensors joined along the third dimension.",
    .body = [](TensorList tensors) {
      KG_CHECK(!tensors.empty(), "dstack expects a non-empty TensorList");
      Tensors all = each<atleast_3d>(tensors);
      return cat({all.data(), all.size()}, 2);
    },
});
const auto column_stack_op = compose<&column_stack>({
    .schema = "column_stack(Tensor[] tensors) -> Tensor",
    .in = kFunction | kOut,
    .traits = kOutApart | kOutDTypeError,
    .doc = "Tensors joined along the second dimension, vectors as columns.",
    .body = [](TensorList tensors) {
      KG_CHECK(!tensors.empty(), "column_stack expects a non-empty TensorList");
      Tensors all;
      for (const Tensor& t : tensors) all.push_back(t.dim() <= 1 ? reshape(t, {t.numel(), 1}) : t);
      return cat({all.data(), all.size()}, 1);
    },
});

const auto block_diag_op = compose<&block_diag>({
    .schema = "block_diag(Tensor[] tensors) -> Tensor",
    .in = kFunction,
    .doc = "A matrix with the given ones along its diagonal and zeros elsewhere.",
    .body = [](TensorList tensors) {
      Tensors rows;
      int64_t width = 0, at = 0;
      for (size_t i = 0; i < tensors.size(); ++i) {
        KG_CHECK(tensors[i].dim() <= 2, "torch.block_diag: Input tensors must have 2 or fewer dimensions. Input ", i, " has ", tensors[i].dim(), " dimensions");
        rows.push_back(atleast_2d(tensors[i]));
        width += rows.back().sizes()[1];
      }
      if (rows.empty()) return empty_tensor({1, 0}, default_dtype());
      DType dtype = result_dtype(tensors);
      for (Tensor& r : rows) {
        int64_t w = r.sizes()[1];
        r = slice_backward(to(r, dtype), {r.sizes()[0], width}, 1, at, at + w, 1);
        at += w;
      }
      return cat({rows.data(), rows.size()}, 0);
    },
});

// ---------------------------------------------------------------- grids
const auto meshgrid_op = compose<&meshgrid>({
    .schema = "meshgrid(Tensor[] tensors, *, str indexing=\"ij\") -> Tensor[]",
    .in = kFunction,
    .doc = "Grids of coordinates: result i has the values of tensors[i] along dimension i. With indexing \"xy\" the first two dimensions are exchanged.",
    .body = [](TensorList tensors, std::string_view indexing) {
      KG_CHECK(!tensors.empty(), "meshgrid expects a non-empty TensorList");
      KG_CHECK(indexing == "ij" || indexing == "xy", "torch.meshgrid: indexing must be one of \"xy\" or \"ij\", but received: ", indexing);
      Ints shape;
      for (const Tensor& t : tensors) {
        KG_CHECK(t.dim() <= 1, "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: a tensor of shape ", t.sizes());
        KG_CHECK(t.dtype() == tensors[0].dtype(), "meshgrid expects all tensors to have the same dtype");
        KG_CHECK(t.device() == tensors[0].device(), "meshgrid expects all tensors to have the same device");
        shape.push_back(t.numel());
      }
      bool swap = indexing == "xy" && tensors.size() >= 2;
      std::vector<Tensor> out;
      if (swap) std::swap(shape[0], shape[1]);
      for (size_t i = 0; i < tensors.size(); ++i) {
        Ints sizes(tensors.size(), 1);
        sizes[swap && i < 2 ? 1 - i : i] = tensors[i].numel();
        out.push_back(expand(view(tensors[i], sizes), shape));
      }
      return out;
    },
});
const auto cartesian_prod_op = compose<&cartesian_prod>({
    .schema = "cartesian_prod(Tensor[] tensors) -> Tensor",
    .in = kFunction,
    .doc = "All combinations of the elements of the given vectors, one a row.",
    .body = [](TensorList tensors) {
      for (const Tensor& t : tensors) KG_CHECK(t.dim() == 1, "Expect a 1D vector, but got shape ", t.sizes());
      KG_CHECK(!tensors.empty(), "meshgrid expects a non-empty TensorList");
      if (tensors.size() == 1) return tensors[0];
      std::vector<Tensor> grids = meshgrid(tensors, "ij");
      for (Tensor& g : grids) g = flatten(g);
      return stack(grids, 1);
    },
});

// ---------------------------------------------------------------- repeating
const auto repeat_op = compose<&repeat>({
    .schema = "repeat(Tensor self, int[] repeats) -> Tensor",
    .in = kMethod,
    .doc = "The whole tensor repeated along each dimension; more numbers than dimensions add dimensions in front.\n\n>>> torch.tensor([1, 2]).repeat(2)\n"
           "tensor([1, 2, 1, 2])",
    .body = [](const Tensor& self, IntList repeats) {
      KG_CHECK(int64_t(repeats.size()) >= self.dim(), "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor");
      size_t extra = repeats.size() - size_t(self.dim());
      Ints spread, wide, sizes;
      for (size_t i = 0; i < repeats.size(); ++i) {
        int64_t own = i < extra ? 1 : self.sizes()[i - extra];
        spread.push_back(1);
        spread.push_back(own);
        wide.push_back(repeats[i]);
        wide.push_back(own);
        sizes.push_back(repeats[i] * own);
      }
      numel_of(sizes);
      for (int64_t r : repeats) KG_CHECK(r >= 0, "Trying to create tensor with negative dimension ", r, ": ", repeats);
      return reshape(clone(expand(reshape(self, spread), wide), MemoryFormat::Contiguous), sizes);
    },
});
const auto tile_op = compose<&tile>({
    .schema = "tile(Tensor self, int[] dims) -> Tensor",
    .in = both,
    .doc = "repeat, where missing numbers in front are 1.",
    .body = [](const Tensor& self, IntList dims) {
      Ints repeats(size_t(std::max<int64_t>(0, self.dim() - int64_t(dims.size()))), 1);
      repeats.append(dims.begin(), dims.end());
      return repeat(self, repeats);
    },
});

// ---------------------------------------------------------------- flipping, rolling
Ints distinct_dims(IntList dims, int64_t ndim) {
  Ints flags(size_t(ndim), 0);
  for (int64_t d : dims) {
    d = wrap_dim(d, ndim);
    if (ndim == 0) continue;
    KG_CHECK(!flags[d], "dim ", d, " appears multiple times in the list of dims");
    flags[d] = 1;
  }
  return flags;
}
const auto flip_op = define<&flip>({
    .schema = "flip(Tensor self, int[1] dims) -> Tensor",
    .in = both,
    .doc = "A copy with the order of entries reversed along the given dimensions.\n\n>>> torch.tensor([1, 2, 3]).flip(0)\ntensor([3, 2, 1])",
    .run = [](Out&, const Tensor& self, IntList dims) {
      Ints flags = distinct_dims(dims, self.dim());
      Tensor y = empty_strided_tensor(self.sizes(), strides_like(self, MemoryFormat::Preserve), self.dtype(), self.device());
      if (y.is_meta() || y.numel() == 0) return y;
      Ints strides(self.strides());
      int64_t offset = self.storage_offset();
      for (size_t d = 0; d < flags.size(); ++d)
        if (flags[d]) {
          offset += (self.sizes()[d] - 1) * strides[d];
          strides[d] = -strides[d];
        }
      cpu::copy_elements(y, alias(self, self.sizes(), strides, offset));
      return y;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, IntList dims) -> Grads { return {flip(c.grad, dims)}; }),
});
const auto fliplr_op = compose<&fliplr>({
    .schema = "fliplr(Tensor self) -> Tensor",
    .in = both,
    .doc = "flip along the second dimension.",
    .body = [](const Tensor& self) {
      KG_CHECK(self.dim() >= 2, "Input must be >= 2-d.");
      return flip(self, {1});
    },
});
const auto flipud_op = compose<&flipud>({
    .schema = "flipud(Tensor self) -> Tensor",
    .in = both,
    .doc = "flip along the first dimension.",
    .body = [](const Tensor& self) {
      KG_CHECK(self.dim() >= 1, "Input must be >= 1-d.");
      return flip(self, {0});
    },
});
const auto rot90_op = compose<&rot90>({
    .schema = "rot90(Tensor self, int k=1, int[] dims=[0,1]) -> Tensor",
    .in = both,
    .doc = "A copy turned k times by 90 degrees in the plane of two dimensions, from the first towards the second.",
    .body = [](const Tensor& self, int64_t k, IntList dims) {
      int64_t n = self.dim();
      KG_CHECK(dims.size() == 2, "expected total rotation dims == 2, but got dims = ", dims.size());
      KG_CHECK(n >= 2, "expected total dims >= 2, but got total dims = ", n);
      KG_CHECK(dims[0] != dims[1] && std::abs(dims[0] - dims[1]) != n, "expected rotation dims to be different, but got dim0 = ", dims[0], " and dim1 = ", dims[1]);
      int64_t a = wrap_dim(dims[0], n), b = wrap_dim(dims[1], n);
      switch (((k % 4) + 4) % 4) {
        case 1: return transpose(flip(self, {b}), a, b);
        case 2: return flip(self, {a, b});
        case 3: return transpose(flip(self, {a}), a, b);
        default: return clone(self, MemoryFormat::Contiguous);
      }
    },
});

const auto roll_op = define<&roll>({
    .schema = "roll(Tensor self, int[1] shifts, int[1] dims=[]) -> Tensor",
    .in = both,
    .doc = "A copy with entries moved by `shifts` places along `dims`; what falls off the end comes back at the start. Without dims the flattened tensor is "
           "rolled.\n\n>>> torch.tensor([1, 2, 3]).roll(1)\ntensor([3, 1, 2])",
    .run = [](Out&, const Tensor& self, IntList shifts, IntList dims) {
      KG_CHECK(!shifts.empty(), "`shifts` required");
      bool flat = dims.empty() && shifts.size() == 1;
      KG_CHECK(flat || shifts.size() == dims.size(), "shifts and dimensions must align. shifts: ", shifts.size(), ", dims:", dims.size());
      Tensor y = empty_tensor(self.sizes(), self.dtype(), self.device());
      KG_CHECK_INDEX(dims.empty() || self.dim() > 0, "Dimension specified as ", dims[0], " but tensor has no dimensions");
      for (int64_t d : dims) wrap_dim(d, self.dim());
      if (y.is_meta() || y.numel() == 0) return y;
      if (self.dim() == 0) {
        cpu::copy_elements(y, self);
        return y;
      }
      Tensor from = self, to = y;
      Ints distance(size_t(flat ? 1 : self.dim()), 0);
      if (flat) {
        if (!self.is_contiguous()) from = contiguous(self);
        from = alias(from, {from.numel()}, {1}, from.storage_offset());
        to = alias(y, {y.numel()}, {1}, 0);
        distance[0] = shifts[0] % from.numel();
      } else {
        for (size_t i = 0; i < dims.size(); ++i) {
          int64_t d = wrap_dim(dims[i], self.dim());
          distance[d] = (distance[d] + shifts[i]) % self.sizes()[d];
        }
      }
      // every rolled dimension cuts the tensor in two blocks: copy each combination of blocks
      SmallVector<int64_t, 5> cut;
      for (size_t d = 0; d < distance.size(); ++d) {
        if (distance[d] < 0) distance[d] += from.sizes()[d];
        if (distance[d]) cut.push_back(int64_t(d));
      }
      for (size_t corner = 0; corner < size_t(1) << cut.size(); ++corner) {
        Ints sizes(from.sizes());
        int64_t source = from.storage_offset(), target = 0;
        for (size_t k = 0; k < cut.size(); ++k) {
          int64_t d = cut[k], size = from.sizes()[d];
          if (corner >> k & 1) {  // the last `distance` entries go to the front
            sizes[d] = distance[d];
            source += (size - distance[d]) * from.strides()[d];
          } else {
            sizes[d] = size - distance[d];
            target += distance[d] * to.strides()[d];
          }
        }
        cpu::copy_elements(alias(to, sizes, to.strides(), target), alias(from, sizes, from.strides(), source));
      }
      return y;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, IntList shifts, IntList dims) -> Grads {
      Ints back;
      for (int64_t s : shifts) back.push_back(-s);
      return {roll(c.grad, back, dims)};
    }),
});

}  // namespace

Tensor cat(TensorList tensors, int64_t dim) { return cat_op(tensors, dim); }
Tensor stack(TensorList tensors, int64_t dim) { return stack_op(tensors, dim); }
Tensor hstack(TensorList tensors) { return hstack_op(tensors); }
Tensor vstack(TensorList tensors) { return vstack_op(tensors); }
Tensor dstack(TensorList tensors) { return dstack_op(tensors); }
Tensor column_stack(TensorList tensors) { return column_stack_op(tensors); }
Tensor block_diag(TensorList tensors) { return block_diag_op(tensors); }
std::vector<Tensor> meshgrid(TensorList tensors, std::string_view indexing) { return meshgrid_op(tensors, indexing); }
Tensor cartesian_prod(TensorList tensors) { return cartesian_prod_op(tensors); }
Tensor repeat(const Tensor& self, IntList repeats) { return repeat_op(self, repeats); }
Tensor tile(const Tensor& self, IntList dims) { return tile_op(self, dims); }
Tensor flip(const Tensor& self, IntList dims) { return flip_op(self, dims); }
Tensor fliplr(const Tensor& self) { return fliplr_op(self); }
Tensor flipud(const Tensor& self) { return flipud_op(self); }
Tensor rot90(const Tensor& self, int64_t k, IntList dims) { return rot90_op(self, k, dims); }
Tensor roll(const Tensor& self, IntList shifts, IntList dims) { return roll_op(self, shifts, dims); }

}  // namespace kagari
