"""The two layouts of nested tensors.

Functions work on *lanes*: tensors without the batch dimension that together hold the elements. A jagged tensor has one lane, its components
packed along the ragged dimension; a strided one has a lane per component. What rules there are for functions stands in `_rules`.
"""
import kagari
from kagari._holder import Holder
from kagari.nested._structure import offsets_of, ragged_size


class Nested(Holder):
    """What both layouts share."""

    def _with(self, held):
        return self._of_lanes(held)

    def _held(self):
        return self._lanes()

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        from kagari.nested import _rules
        return _rules.call(func, args, kwargs or {})

    @property
    def is_nested(self):
        return True

    @property
    def ndim(self):
        return self.dim()

    def ndimension(self):
        """Number of dimensions, the batch included."""
        return self.dim()

    def numel(self):
        """The number of elements of all components."""
        return sum(part.numel() for part in self._components())

    nelement = numel

    def __iter__(self):
        return iter(self.unbind())

    def unbind(self, dim=0):
        """The components as a tuple of ordinary tensors."""
        if self._dim(dim) != 0:
            raise RuntimeError(f"unbind(): only the batch dimension of a nested tensor can be taken apart, not {dim}")
        return tuple(self._components())

    def _dim(self, dim):
        """The dimension counted from the front."""
        n = self.dim()
        if not -n <= dim < n:
            raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})")
        return dim % n

    def tolist(self):
        """Nested lists of numbers."""
        return [part.tolist() for part in self._components()]

    def to_padded_tensor(self, padding, output_size=None):
        """An ordinary tensor with the components at the front and `padding` behind them; see torch.nested.to_padded_tensor."""
        return kagari.nested.to_padded_tensor(self, padding, output_size)

    def __getitem__(self, key):
        from kagari.nested import _rules
        return _rules.item(self, key)

    def __setitem__(self, key, value):
        raise NotImplementedError("assigning to elements of a nested tensor is not supported; assign to its components")

    def __bool__(self):
        raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")


    def __repr__(self, *, tensor_contents=None):
        return self._text()

    __str__ = __repr__

    def __format__(self, spec):
        return format(self._text(), spec)


def _rebuilt(parts, requires_grad):
    return StridedNestedTensor(parts).requires_grad_(requires_grad)


class NestedTensor(Nested):
    """A nested tensor of the jagged layout: one dimension has another size in every component.

    values: the components, concatenated along their ragged dimension; offsets: where they begin in it, with the end of the last; lengths: their
    lengths if there are gaps between them. torch.nested.nested_tensor and nested_tensor_from_jagged make these.
    """

    def __new__(cls, values, offsets, *, lengths=None, _ragged_idx=1, _metadata_cache=None):
        if offsets.dim() != 1 or lengths is not None and lengths.shape[0] != offsets.shape[0] - 1:
            raise RuntimeError("offsets must have one dimension, and lengths one element less than offsets")
        self = kagari.Tensor._make_wrapper_subclass(cls, (offsets.shape[0] - 1,), dtype=values.dtype, layout=kagari.jagged, device=values.device)
        self._values, self._offsets, self._lengths, self._ragged_idx = values, offsets, lengths, _ragged_idx
        return self

    def _lanes(self):
        return [self._values]

    def _of_lanes(self, lanes, ragged=None):
        (values,) = lanes
        return NestedTensor(values, self._offsets, lengths=self._lengths, _ragged_idx=self._ragged_idx if ragged is None else ragged)

    def _of_components(self, parts):
        """Components like these in the ragged dimension, packed."""
        values = kagari.cat(parts, self._ragged_idx - 1)
        if self._lengths is None:
            return self._of_lanes([values])
        return NestedTensor(values, offsets_of(self._lengths), _ragged_idx=self._ragged_idx)

    def _sizes(self):
        """Lengths of the components as ints."""
        offsets = self._offsets.tolist()
        return self._lengths.tolist() if self._lengths is not None else [b - a for a, b in zip(offsets, offsets[1:])]

    def _components(self):
        along = self._ragged_idx - 1
        return [self._values.narrow(along, start, length) for start, length in zip(self._offsets.tolist(), self._sizes())]

    def _same_structure(self, other):
        """Whether components have the same lengths, so that elements correspond."""
        if self._ragged_idx != other._ragged_idx:
            return False
        if self._offsets is other._offsets and self._lengths is other._lengths:
            return True
        return self._lengths is None and other._lengths is None and self._offsets.shape == other._offsets.shape and \
            bool((self._offsets == other._offsets).all())

    def values(self):
        """The packed components, without the batch dimension."""
        return self._values if not self._values.requires_grad else self._values.view_as(self._values)

    def offsets(self):
        """Where the components begin in values(), and where the last one ends."""
        return self._offsets

    def lengths(self):
        """The lengths of the components if there are gaps between them, else None."""
        return self._lengths

    @property
    def layout(self):
        return kagari.jagged

    @property
    def shape(self):
        inner = list(self._values.shape)
        inner[self._ragged_idx - 1] = ragged_size(self._offsets)
        return kagari.Size((self._offsets.shape[0] - 1, *inner))

    def size(self, dim=None):
        """The sizes; that of the ragged dimension is a symbol."""
        return self.shape if dim is None else self.shape[self._dim(dim)]

    def dim(self):
        """Number of dimensions, the batch included."""
        return self._values.dim() + 1

    def stride(self, dim=None):
        """Distances between elements within a component, and from one component to the next."""
        inner = self._values.stride()
        along = self._ragged_idx - 1
        strides = (ragged_size(self._offsets) * inner[along], *inner)
        return strides if dim is None else strides[self._dim(dim)]

    def is_contiguous(self, memory_format=None):
        """Whether the components lie one after the other, each of them contiguous."""
        in_front = self._values.shape[:self._ragged_idx - 1]
        return self._lengths is None and in_front.numel() == 1 and self._values.is_contiguous()

    def __len__(self):
        return self._offsets.shape[0] - 1

    @property
    def _max_seqlen(self):
        return max(self._sizes(), default=0)

    @property
    def _min_seqlen(self):
        return min(self._sizes(), default=0)

    def __reduce_ex__(self, protocol):
        from kagari.nested._internal.nested_tensor import _rebuild_njt
        return _rebuild_njt, ({"values": self._values.detach(), "offsets": self._offsets.detach(), "lengths": self._lengths, "_ragged_idx": self._ragged_idx,
                               "_metadata_cache": None, "requires_grad": self.requires_grad},)

    def _text(self):
        sizes = ", ".join(map(str, self.shape))
        history = f", grad_fn={self.grad_fn}" if self.grad_fn is not None else ", requires_grad=True" if self.requires_grad else ""
        return f"NestedTensor(size=({sizes}{',' * (len(self.shape) == 1)}), offsets={self._offsets}{history}, contiguous={self.is_contiguous()})"


class StridedNestedTensor(Nested):
    """A nested tensor of the strided layout: components of one number of dimensions whose sizes may all differ."""

    def __new__(cls, parts, dtype=None, device=None):
        parts = tuple(parts)
        self = kagari.Tensor._make_wrapper_subclass(cls, (len(parts),), dtype=parts[0].dtype if parts else dtype,
                                                    device=parts[0].device if parts else device)
        self._parts = parts
        return self

    def _lanes(self):
        return list(self._parts)

    _components = _lanes

    def _of_lanes(self, lanes):
        return StridedNestedTensor(lanes, self.dtype, self.device)

    _of_components = _of_lanes

    def _same_structure(self, other):
        return [part.shape for part in self._parts] == [part.shape for part in other._parts]

    def values(self):
        """All elements in one dimension, component by component."""
        return kagari.cat([part.reshape(-1) for part in self._parts]) if self._parts else kagari.empty(0, dtype=self.dtype)

    @property
    def layout(self):
        return kagari.strided

    @property
    def shape(self):
        raise RuntimeError("Internal error: NestedTensorImpl doesn't support sizes. A nested tensor of the strided layout has sizes by dimension only: "
                           "nt.size(dim), where all components agree.")

    def size(self, dim=None):
        """The size of a dimension in which all components agree."""
        if dim is None:
            return self.shape
        dim = self._dim(dim)
        if dim == 0:
            return len(self._parts)
        found = {part.shape[dim - 1] for part in self._parts}
        if len(found) != 1:
            raise RuntimeError(f"Given dimension {dim} is irregular and does not have a size.")
        return found.pop()

    def stride(self, dim=None):
        """A nested tensor of the strided layout has no strides: RuntimeError."""
        raise RuntimeError("Internal error: NestedTensorImpl doesn't support strides.")

    def dim(self):
        """Number of dimensions, the batch included."""
        return (self._parts[0].dim() if self._parts else 0) + 1

    def is_contiguous(self, memory_format=None):
        """Whether every component is."""
        return all(part.is_contiguous() for part in self._parts)

    def __len__(self):
        return len(self._parts)

    def _nested_tensor_size(self):
        """The shapes of the components, a row for each."""
        return kagari.tensor([list(part.shape) for part in self._parts], dtype=kagari.int64)

    def _nested_tensor_strides(self):
        """The strides of the components, a row for each."""
        return kagari.tensor([list(part.stride()) for part in self._parts], dtype=kagari.int64)

    def __reduce_ex__(self, protocol):
        if self.requires_grad or not self._parts:
            return _rebuilt, ([part.detach() for part in self._parts], self.requires_grad)
        ends = kagari.tensor([part.numel() for part in self._parts]).cumsum(0)
        strides = kagari.tensor([list(part.contiguous().stride()) for part in self._parts], dtype=kagari.int64)
        starts = kagari.cat([ends.new_zeros(1), ends[:-1]])
        return kagari._utils._rebuild_nested_tensor, (self.values(), self._nested_tensor_size(), strides, starts)

    def _text(self):
        needs = self.requires_grad
        parts = [repr(part.detach().requires_grad_(needs)).replace("\n", "\n  ") for part in self._parts]
        history = f", grad_fn={self.grad_fn}" if self.grad_fn is not None else ", requires_grad=True" if needs else ""
        return "nested_tensor([\n  " + ",\n  ".join(parts) + f"\n]{history})"
