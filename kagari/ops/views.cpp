#include "kagari/ops/views.h"

#include "kagari/op/op.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/shaping.h"

namespace kagari {
namespace {

constexpr unsigned both = kFunction | kMethod;

/// The sizes with -1 replaced by what is left.
Ints infer_sizes(IntList wanted, int64_t count) {
  Ints out(wanted.begin(), wanted.end());
  int64_t known = 1, unknown = -1;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == -1) {
      KG_CHECK(unknown < 0, "only one dimension can be inferred");
      unknown = int64_t(i);
    } else {
      KG_CHECK(wanted[i] >= 0, "invalid shape dimension ", wanted[i], " at index ", i, " of shape ", wanted);
      KG_CHECK(!__builtin_mul_overflow(known, wanted[i], &known), "shape '", wanted, "' is invalid for input of size ", count);
    }
  }
  if (unknown >= 0 && known == 0 && count == 0)
    fail(ErrorKind::Runtime, str("cannot reshape tensor of 0 elements into shape ", wanted, " because the unspecified dimension size -1 can be any value and is ambiguous"));
  KG_CHECK(unknown < 0 ? known == count : known > 0 && count % known == 0, "shape '", wanted, "' is invalid for input of size ", count);
  if (unknown >= 0) out[size_t(unknown)] = count / known;
  return out;
}

const auto view_op = define<&view>({
    .schema = "view(Tensor self, int[] size) -> Tensor",
    .in = kMethod,
    .traits = kView,
    .doc = "The same elements in row-major order under other sizes, of which one may be -1. The result shares memory with self.\n\n"
           ">>> torch.arange(6).view(2, 3)\ntensor([[0, 1, 2],\n        [3, 4, 5]])",
    .run = [](Out&, const Tensor& self, IntList size) {
      Ints sizes = infer_sizes(size, self.numel());
      if (self.is_contiguous() && self.numel()) return alias(self, sizes, row_major_strides(sizes), self.storage_offset());
      auto strides = view_strides(self.sizes(), self.strides(), sizes);
      KG_CHECK(strides, "view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous subspaces). Use "
               ".reshape(...) instead.");
      return alias(self, sizes, *strides, self.storage_offset());
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, IntList) -> Grads { return {reshape(c.grad, c.sizes(0))}; }),
});

const auto view_dtype_op = define<&view_dtype>({
    .schema = "view.dtype(Tensor self, ScalarType dtype) -> Tensor",
    .in = kMethod,
    .traits = kView,
    .doc = "The same bytes as elements of another dtype; the last dimension grows or shrinks when the sizes of the elements differ.",
    .run = [](Out&, const Tensor& self, DType dtype) {
      int64_t from = self.itemsize(), to = itemsize(dtype);
      Ints sizes(self.sizes()), strides(self.strides());
      int64_t offset = self.storage_offset();
      if (from != to) {
        auto names = str("view ", legacy_name(self.dtype()), " as ", legacy_name(dtype), " (different element sizes)");
        KG_CHECK(self.dim() > 0, "self.dim() cannot be 0 to ", names);
        KG_CHECK(strides.back() == 1, "self.stride(-1) must be 1 to ", names, ", but got ", strides.back());
        if (from > to) {
          int64_t k = from / to;
          sizes.back() *= k;
          for (size_t i = 0; i + 1 < strides.size(); ++i) strides[i] *= k;
          offset *= k;
        } else {
          int64_t k = to / from;
          KG_CHECK(sizes.back() % k == 0, "self.size(-1) must be divisible by ", k, " to ", names, ", but got ", sizes.back());
          KG_CHECK(offset % k == 0, "self.storage_offset() must be divisible by ", k, " to ", names, ", but got ", offset);
          sizes.back() /= k;
          for (size_t i = 0; i + 1 < strides.size(); ++i) {
            KG_CHECK(strides[i] % k == 0, "self.stride(", i, ") must be divisible by ", k, " to ", names, ", but got ", strides[i]);
            strides[i] /= k;
          }
          offset /= k;
        }
      }
      Tensor y = alias(self, sizes, strides, offset);
      y.impl()->dtype = dtype;
      return y;
    },
    .grad = no_grad("bytes seen as another dtype have no derivative"),
});

const auto view_as_op = compose<&view_as>({
    .schema = "view_as(Tensor self, Tensor other) -> Tensor",
    .in = kMethod,
    .doc = "self.view(other.size()).",
    .body = [](const Tensor& self, const Tensor& other) { return view(self, other.sizes()); },
});

const auto reshape_op = compose<&reshape>({
    .schema = "reshape(Tensor self, int[] shape) -> Tensor",
    .in = both,
    .doc = "The same elements in row-major order under other sizes: a view where one exists, otherwise a copy.\n\n"
           ">>> torch.arange(4).reshape(2, -1)\ntensor([[0, 1],\n        [2, 3]])",
    .body = [](const Tensor& self, IntList shape) {
      Ints sizes = infer_sizes(shape, self.numel());
      if (self.is_contiguous() || view_strides(self.sizes(), self.strides(), sizes)) return view(self, sizes);
      return view(clone(self, MemoryFormat::Contiguous), sizes);
    },
});

const auto reshape_as_op = compose<&reshape_as>({
    .schema = "reshape_as(Tensor self, Tensor other) -> Tensor",
    .in = kMethod,
    .doc = "self.reshape(other.size()).",
    .body = [](const Tensor& self, const Tensor& other) { return reshape(self, other.sizes()); },
});

const auto flatten_op = compose<&flatten>({
    .schema = "flatten(Tensor self, int start_dim=0, int end_dim=-1) -> Tensor",
    .in = both,
    .doc = "Joins the dimensions start_dim to end_dim into one.\n\n>>> torch.zeros(2, 3, 4).flatten(1).shape\ntorch.Size([2, 12])",
    .body = [](const Tensor& self, int64_t start_dim, int64_t end_dim) {
      int64_t first = wrap_dim(start_dim, self.dim()), last = wrap_dim(end_dim, self.dim());
      KG_CHECK(first <= last, "flatten() has invalid args: start_dim cannot come after end_dim");
      if (self.dim() == 0) return reshape(self, {1});
      if (first == last) return self;
      Ints sizes;
      int64_t joined = 1;
      for (int64_t i = 0; i < self.dim(); ++i) {
        if (i < first || i > last) sizes.push_back(self.sizes()[i]);
        else joined *= self.sizes()[i];
        if (i == last) sizes.push_back(joined);
      }
      return reshape(self, sizes);
    },
});

const auto ravel_op = compose<&ravel>({
    .schema = "ravel(Tensor self) -> Tensor",
    .in = both,
    .doc = "All elements in one dimension, copied only if they are not contiguous.",
    .body = [](const Tensor& self) { return reshape(contiguous(self), {-1}); },
});

const auto unflatten_op = compose<&unflatten>({
    .schema = "unflatten(Tensor self, int dim, int[] sizes) -> Tensor",
    .in = both,
    .doc = "Splits dimension dim into several, of which one may be -1.\n\n>>> torch.zeros(2, 12).unflatten(1, (3, 4)).shape\ntorch.Size([2, 3, 4])",
    .body = [](const Tensor& self, int64_t dim, IntList sizes) {
      KG_CHECK(self.dim() > 0, "unflatten: a 0-d tensor has no dimension to split");
      dim = wrap_dim(dim, self.dim());
      KG_CHECK(!sizes.empty(), "unflatten: sizes must be non-empty");
      int64_t known = 1, unknown = 0, size = self.size(dim);
      for (int64_t s : sizes) (s == -1 ? unknown : known) = s == -1 ? unknown + 1 : known * s;
      KG_CHECK(unknown <= 1, "only one dimension can be inferred");
      KG_CHECK(unknown ? known > 0 && size % known == 0 : known == size, "unflatten: Provided sizes ", sizes, " don't multiply up to the size of dim ", dim, " (",
               size, ") in the input tensor");
      Ints all(self.sizes().begin(), self.sizes().begin() + dim);
      for (int64_t s : sizes) all.push_back(s == -1 ? size / known : s);
      all.append(self.sizes().begin() + dim + 1, self.sizes().end());
      return view(self, all);
    },
});

// ---------------------------------------------------------------- order of dimensions
Tensor permuted(const Tensor& self, const Ints& order) {
  Ints sizes, strides;
  for (int64_t d : order) {
    sizes.push_back(self.sizes()[d]);
    strides.push_back(self.strides()[d]);
  }
  return alias(self, sizes, strides, self.storage_offset());
}
Tensor swapped(const Tensor& self, int64_t a, int64_t b) {
  Ints sizes(self.sizes()), strides(self.strides());
  if (a != b) {
    std::swap(sizes[a], sizes[b]);
    std::swap(strides[a], strides[b]);
  }
  return alias(self, sizes, strides, self.storage_offset());
}

const auto permute_op = define<&permute>({
    .schema = "permute(Tensor self, int[] dims) -> Tensor",
    .in = both,
    .traits = kView,
    .doc = "Dimension i of the result is dimension dims[i] of self.\n\n>>> torch.zeros(2, 3, 4).permute(2, 0, 1).shape\ntorch.Size([4, 2, 3])",
    .run = [](Out&, const Tensor& self, IntList dims) {
      KG_CHECK(int64_t(dims.size()) == self.dim(), "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
               "ordering of dimensions i.e. input.dim() = ", self.dim(), " is not equal to len(dims) = ", dims.size());
      Ints order, seen(dims.size(), 0);
      for (int64_t d : dims) {
        d = wrap_dim(d, self.dim());
        KG_CHECK(!seen[d], "permute(): duplicate dims are not allowed.");
        seen[d] = 1;
        order.push_back(d);
      }
      return permuted(self, order);
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, IntList dims) -> Grads {
      Ints inverse(dims.size());
      for (size_t i = 0; i < dims.size(); ++i) inverse[wrap_dim(dims[i], int64_t(dims.size()))] = int64_t(i);
      return {permute(c.grad, inverse)};
    }),
});

const auto transpose_op = define<&transpose>({
    .schema = "transpose(Tensor self, int dim0, int dim1) -> Tensor",
    .in = both,
    .traits = kView,
    .doc = "Two dimensions exchanged. The result shares memory with self.\n\n>>> torch.zeros(2, 3).transpose(0, 1).shape\ntorch.Size([3, 2])",
    .run = [](Out&, const Tensor& self, int64_t dim0, int64_t dim1) {
      dim0 = wrap_dim(dim0, self.dim());
      dim1 = wrap_dim(dim1, self.dim());
      return swapped(self, dim0, dim1);
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, int64_t dim0, int64_t dim1) -> Grads { return {transpose(c.grad, dim0, dim1)}; }),
});
Tensor swapaxes(const Tensor& self, int64_t axis0, int64_t axis1) { return transpose(self, axis0, axis1); }
const auto swapaxes_op = compose<&swapaxes>({
    .schema = "swapaxes(Tensor self, int axis0, int axis1) -> Tensor",
    .in = both,
    .doc = "Another name of transpose.",
    .body = swapaxes,
});
const auto swapdims_op = compose<&swapaxes>({
    .schema = "swapdims(Tensor self, int dim0, int dim1) -> Tensor",
    .in = both,
    .doc = "Another name of transpose.",
    .body = swapaxes,
});

const auto t_op = define<&t>({
    .schema = "t(Tensor self) -> Tensor",
    .in = both,
    .traits = kView,
    .doc = "The transpose of a matrix; tensors of fewer dimensions are returned as they are.",
    .run = [](Out&, const Tensor& self) {
      KG_CHECK(self.dim() <= 2, "t() expects a tensor with <= 2 dimensions, but self is ", self.dim(), "D");
      return self.dim() < 2 ? alias(self) : swapped(self, 0, 1);
    },
    .grad = vjp("", [](Ctx& c, const Tensor&) -> Grads { return {t(c.grad)}; }),
});

const auto reverse_op = compose<&reverse_dims>({
    .schema = "T(Tensor self) -> Tensor",
    .in = kProperty,
    .doc = "The tensor with its dimensions reversed.",
    .body = [](const Tensor& self) {
      if (self.dim() == 2) return transpose(self, 0, 1);
      Ints order;
      for (int64_t d = self.dim(); d-- > 0;) order.push_back(d);
      return permute(self, order);
    },
});

Tensor swap_last(const Tensor& self, const char* what) {
  KG_CHECK(self.dim() != 1, "tensor.", what, " is only supported on matrices or batches of matrices. Got ", self.dim(), "-D tensor.");
  return self.dim() == 0 ? self : transpose(self, -2, -1);
}
const auto mT_op = compose<&matrix_transpose>({
    .schema = "mT(Tensor self) -> Tensor",
    .in = kProperty,
    .doc = "The last two dimensions exchanged.",
    .body = [](const Tensor& self) { return swap_last(self, "mT"); },
});
Tensor conjugate_matrix_transpose(const Tensor& self) { return conj(swap_last(self, "mH")); }
const auto mH_op = compose<&conjugate_matrix_transpose>({
    .schema = "mH(Tensor self) -> Tensor",
    .in = kProperty,
    .doc = "The last two dimensions exchanged, and conjugated.",
    .body = conjugate_matrix_transpose,
});
Tensor conjugate_transpose(const Tensor& self) {
  KG_CHECK(self.dim() == 0 || self.dim() == 2, "tensor.H is only supported on matrices (2-D tensors). Got ", self.dim(), "-D tensor.",
           self.dim() > 2 ? " For batches of matrices, consider using tensor.mH" : "");
  return self.dim() == 0 ? conj(self) : conj(transpose(self, 0, 1));
}
const auto H_op = compose<&conjugate_transpose>({
    .schema = "H(Tensor self) -> Tensor",
    .in = kProperty,
    .doc = "The conjugate transpose of a matrix.",
    .body = conjugate_transpose,
});
const auto adjoint_op = compose<&adjoint>({
    .schema = "adjoint(Tensor self) -> Tensor",
    .in = both,
    .doc = "The last two dimensions exchanged, and conjugated.",
    .body = [](const Tensor& self) { return conj(swap_last(self, "adjoint()")); },
});

const auto movedim_op = compose<&movedim>({
    .schema = "movedim(Tensor self, int[1] source, int[1] destination) -> Tensor",
    .in = both,
    .aliases = "moveaxis",
    .doc = "Moves dimensions to other positions; the rest keep their order.\n\n>>> torch.zeros(2, 3, 4).movedim(0, -1).shape\ntorch.Size([3, 4, 2])",
    .body = [](const Tensor& self, IntList source, IntList destination) {
      KG_CHECK(source.size() == destination.size(), "movedim: Invalid source or destination dims: source (", source, " dims) should contain the same number of dims as "
               "destination (", destination, " dims)");
      int64_t n = self.dim();
      Ints from, to;
      for (int64_t d : source) from.push_back(wrap_dim(d, n));
      for (int64_t d : destination) to.push_back(wrap_dim(d, n));
      auto repeated = [](Ints v) {
        std::sort(v.begin(), v.end());
        return std::adjacent_find(v.begin(), v.end()) != v.end();
      };
      KG_CHECK(!repeated(from), "movedim: repeated dim in `source` (", source, ")");
      KG_CHECK(!repeated(to), "movedim: repeated dim in `destination` (", destination, ")");
      if (n == 0) return self;
      Ints order(size_t(n), -1), used(size_t(n), 0);
      for (size_t i = 0; i < from.size(); ++i) {
        order[to[i]] = from[i];
        used[from[i]] = 1;
      }
      int64_t next = 0;
      for (int64_t i = 0; i < n; ++i) {
        if (order[i] >= 0) continue;
        while (used[next]) ++next;
        order[i] = next++;
      }
      return permute(self, order);
    },
});

// ---------------------------------------------------------------- sizes of one
const auto expand_op = define<&expand>({
    .schema = "expand(Tensor self, int[] size, *, bool implicit=False) -> Tensor",
    .in = kMethod,
    .traits = kView,
    .doc = "Dimensions of size 1 repeated without a copy, and new dimensions in front; -1 keeps a size.\n\n>>> torch.tensor([[1], [2]]).expand(2, 3)\n"
           "tensor([[1, 1, 1],\n        [2, 2, 2]])",
    .run = [](Out&, const Tensor& self, IntList size, bool) {
      int64_t n = int64_t(size.size()), m = self.dim();
      KG_CHECK(n >= m, "expand(torch.", legacy_name(self.dtype()), "Tensor{", self.sizes(), "}, size=", size, "): the number of sizes provided (", n,
               ") must be greater or equal to the number of dimensions in the tensor (", m, ")");
      Ints sizes(size.size()), strides(size.size());
      for (int64_t i = n - 1; i >= 0; --i) {
        int64_t own = i - (n - m), want = size[i];
        int64_t have = own >= 0 ? self.sizes()[own] : 1;
        int64_t stride = own >= 0 ? self.strides()[own] : i + 1 < n ? sizes[i + 1] * strides[i + 1] : 1;
        if (want == -1) {
          KG_CHECK(own >= 0, "The expanded size of the tensor (", want, ") isn't allowed in a leading, non-existing dimension ", i);
          want = have;
        }
        if (want != have) {
          KG_CHECK(have == 1 && want >= 0, "The expanded size of the tensor (", want, ") must match the existing size (", have, ") at non-singleton dimension ", i,
                   ".  Target sizes: ", size, ".  Tensor sizes: ", self.sizes());
          stride = 0;
        }
        sizes[i] = want;
        strides[i] = stride;
      }
      return alias(self, sizes, strides, self.storage_offset());
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, IntList, bool) -> Grads { return {sum_to(c.grad, c.sizes(0))}; }),
});

const auto expand_as_op = compose<&expand_as>({
    .schema = "expand_as(Tensor self, Tensor other) -> Tensor",
    .in = kMethod,
    .doc = "self.expand(other.size()).",
    .body = [](const Tensor& self, const Tensor& other) { return expand(self, other.sizes(), false); },
});
const auto broadcast_to_op = compose<&broadcast_to>({
    .schema = "broadcast_to(Tensor self, int[] size) -> Tensor",
    .in = both,
    .doc = "self.expand(size).",
    .body = [](const Tensor& self, IntList size) { return expand(self, size, false); },
});
const auto broadcast_tensors_op = compose<&broadcast_tensors>({
    .schema = "broadcast_tensors(Tensor[] tensors) -> Tensor[]",
    .in = kFunction,
    .doc = "All tensors expanded to their common shape.",
    .body = [](TensorList tensors) {
      Ints common;
      for (const Tensor& t : tensors) common = broadcast_sizes(common, t.sizes());
      std::vector<Tensor> out;
      for (const Tensor& t : tensors) out.push_back(expand(t, common, false));
      return out;
    },
});

Tensor without(const Tensor& self, const Ints& drop) {
  Ints sizes, strides;
  for (int64_t d = 0; d < self.dim(); ++d)
    if (!drop[d]) {
      sizes.push_back(self.sizes()[d]);
      strides.push_back(self.strides()[d]);
    }
  return alias(self, sizes, strides, self.storage_offset());
}

const auto squeeze_op = define<&squeeze>({
    .schema = "squeeze(Tensor self) -> Tensor",
    .in = both,
    .traits = kView,
    .doc = "Without all dimensions of size 1, or without those that are given, where they have size 1.",
    .run = [](Out&, const Tensor& self) {
      Ints drop(self.sizes().size(), 0);
      for (size_t i = 0; i < drop.size(); ++i) drop[i] = self.sizes()[i] == 1;
      return without(self, drop);
    },
    .grad = vjp("", [](Ctx& c, const Tensor&) -> Grads { return {reshape(c.grad, c.sizes(0))}; }),
});
const auto squeeze_dim_op = define<&squeeze_dim>({
    .schema = "squeeze.dim(Tensor self, int dim) -> Tensor",
    .in = both,
    .traits = kView,
    .doc = "Without dimension dim, if it has size 1.",
    .run = [](Out&, const Tensor& self, int64_t dim) {
      dim = wrap_dim(dim, self.dim());
      if (self.dim() == 0) return alias(self);
      Ints drop(self.sizes().size(), 0);
      drop[dim] = self.sizes()[dim] == 1;
      return without(self, drop);
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, int64_t) -> Grads { return {reshape(c.grad, c.sizes(0))}; }),
    .node_name = "SqueezeBackward1",
});
const auto squeeze_dims_op = define<&squeeze_dims>({
    .schema = "squeeze.dims(Tensor self, int[] dim) -> Tensor",
    .in = both,
    .traits = kView,
    .doc = "Without the given dimensions, where they have size 1.",
    .run = [](Out&, const Tensor& self, IntList dims) {
      Ints drop(self.sizes().size(), 0), seen(self.sizes().size() + 1, 0);
      for (int64_t d : dims) {
        d = wrap_dim(d, self.dim());
        KG_CHECK(!seen[d]++, "dim ", d, " appears multiple times in the list of dims");
        if (self.dim()) drop[d] = self.sizes()[d] == 1;
      }
      return without(self, drop);
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, IntList) -> Grads { return {reshape(c.grad, c.sizes(0))}; }),
    .node_name = "SqueezeBackward2",
});

const auto unsqueeze_op = define<&unsqueeze>({
    .schema = "unsqueeze(Tensor self, int dim) -> Tensor",
    .in = both,
    .traits = kView,
    .doc = "With a new dimension of size 1 at position dim.\n\n>>> torch.tensor([1, 2]).unsqueeze(1).shape\ntorch.Size([2, 1])",
    .run = [](Out&, const Tensor& self, int64_t dim) {
      dim = wrap_dim(dim, self.dim() + 1);
      Ints sizes(self.sizes()), strides(self.strides());
      int64_t stride = dim < self.dim() ? sizes[dim] * strides[dim] : 1;
      sizes.insert(sizes.begin() + dim, 1);
      strides.insert(strides.begin() + dim, stride);
      return alias(self, sizes, strides, self.storage_offset());
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, int64_t dim) -> Grads { return {squeeze_dim(c.grad, dim)}; }),
});

/// atleast_nd: `n` dimensions, with ones where NumPy puts them.
Tensor at_least(const Tensor& self, int n) {
  if (self.dim() >= n) return self;
  if (self.dim() == 0) return reshape(self, IntList(Ints(size_t(n), 1)));
  if (n == 2) return unsqueeze(self, 0);
  return self.dim() == 1 ? unsqueeze(unsqueeze(self, 0), -1) : unsqueeze(self, -1);
}
template <int n>
Tensor at_least_of(const Tensor& self) {
  return at_least(self, n);
}
template <int n>
std::vector<Tensor> at_least_each(TensorList tensors) {
  std::vector<Tensor> out;
  for (const Tensor& t : tensors) out.push_back(at_least(t, n));
  return out;
}
#define KG_AT_LEAST(n)                                                                                                                            \
  const auto atleast_##n##d_op = compose<&at_least_of<n>>({.schema = "atleast_" #n "d(Tensor self) -> Tensor",                                    \
                                                           .in = kFunction,                                                                       \
                                                           .doc = "A view with at least " #n " dimension(s).",                                    \
                                                           .body = at_least_of<n>});                                                              \
  const auto atleast_##n##d_list_op = compose<&at_least_each<n>>({.schema = "atleast_" #n "d.Sequence(Tensor[] tensors) -> Tensor[]",              \
                                                                  .in = kFunction,                                                                \
                                                                  .doc = "Views with at least " #n " dimension(s).",                              \
                                                                  .body = at_least_each<n>})
KG_AT_LEAST(1);
KG_AT_LEAST(2);
KG_AT_LEAST(3);
#undef KG_AT_LEAST

}  // namespace

Tensor view(const Tensor& self, IntList size) { return view_op(self, size); }
Tensor view_dtype(const Tensor& self, DType dtype) { return view_dtype_op(self, dtype); }
Tensor view_as(const Tensor& self, const Tensor& other) { return view_as_op(self, other); }
Tensor reshape(const Tensor& self, IntList shape) { return reshape_op(self, shape); }
Tensor reshape_as(const Tensor& self, const Tensor& other) { return reshape_as_op(self, other); }
Tensor flatten(const Tensor& self, int64_t start_dim, int64_t end_dim) { return flatten_op(self, start_dim, end_dim); }
Tensor ravel(const Tensor& self) { return ravel_op(self); }
Tensor unflatten(const Tensor& self, int64_t dim, IntList sizes) { return unflatten_op(self, dim, sizes); }
Tensor permute(const Tensor& self, IntList dims) { return permute_op(self, dims); }
Tensor transpose(const Tensor& self, int64_t dim0, int64_t dim1) { return transpose_op(self, dim0, dim1); }
Tensor t(const Tensor& self) { return t_op(self); }
Tensor reverse_dims(const Tensor& self) { return reverse_op(self); }
Tensor matrix_transpose(const Tensor& self) { return mT_op(self); }
Tensor adjoint(const Tensor& self) { return adjoint_op(self); }
Tensor movedim(const Tensor& self, IntList source, IntList destination) { return movedim_op(self, source, destination); }
Tensor expand(const Tensor& self, IntList size, bool implicit) { return expand_op(self, size, implicit); }
Tensor expand_as(const Tensor& self, const Tensor& other) { return expand_as_op(self, other); }
Tensor broadcast_to(const Tensor& self, IntList size) { return broadcast_to_op(self, size); }
std::vector<Tensor> broadcast_tensors(TensorList tensors) { return broadcast_tensors_op(tensors); }
Tensor squeeze(const Tensor& self) { return squeeze_op(self); }
Tensor squeeze_dim(const Tensor& self, int64_t dim) { return squeeze_dim_op(self, dim); }
Tensor squeeze_dims(const Tensor& self, IntList dims) { return squeeze_dims_op(self, dims); }
Tensor unsqueeze(const Tensor& self, int64_t dim) { return unsqueeze_op(self, dim); }
Tensor atleast_1d(const Tensor& self) { return at_least(self, 1); }
Tensor atleast_2d(const Tensor& self) { return at_least(self, 2); }
Tensor atleast_3d(const Tensor& self) { return at_least(self, 3); }

}  // namespace kagari
