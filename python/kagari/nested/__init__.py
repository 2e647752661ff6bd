"""Nested tensors: a batch of tensors whose sizes differ, without padding.

Two layouts: ``torch.strided``, whose components may differ in every dimension, and ``torch.jagged``, where one dimension differs and the
components are packed into one tensor, so that elementwise functions and layers run on all of them at once.

>>> nt = torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(4, 3)], layout=torch.jagged)
>>> nt.offsets()
tensor([0, 2, 6])
>>> torch.nested.to_padded_tensor(nt.sum(-1), 0.0)
tensor([[3., 3., 0., 0.],
        [3., 3., 3., 3.]])
"""
import kagari
from kagari.nested._structure import offsets_of
from kagari.nested._tensor import Nested, NestedTensor, StridedNestedTensor

__all__ = ["to_padded_tensor", "as_nested_tensor", "nested_tensor", "nested_tensor_from_jagged", "narrow", "masked_select"]


def _layout(layout):
    if layout in (None, kagari.strided):
        return kagari.strided
    if layout != kagari.jagged:
        raise RuntimeError(f"Specified layout is unsupported for nested tensors: {layout}")
    return layout


def _packed(parts, layout, dtype=None, device=None):
    """Tensors as a nested one, with their history."""
    if layout == kagari.strided:
        for i, part in enumerate(parts):
            if part.dim() != parts[0].dim():
                raise RuntimeError("All Tensors given to nested_tensor must have the same dimension. "
                                   f"Found dimension {part.dim()} for Tensor at index {i} and dimension {parts[0].dim()} for Tensor at index 0.")
        return StridedNestedTensor(parts, dtype or kagari.get_default_dtype(), device)
    if not parts:
        raise RuntimeError("Cannot construct a nested tensor from an empty tensor list")
    for what in ("dim", "dtype", "device"):
        found = {part.dim() if what == "dim" else getattr(part, what) for part in parts}
        if len(found) != 1:
            raise RuntimeError(f"When constructing a nested tensor, all tensors in list must have the same {what}")
    n = parts[0].dim()
    if n == 0:
        raise RuntimeError("When constructing a nested tensor, all tensors in list must be non-scalar")
    uneven = [d for d in range(n) if len({part.shape[d] for part in parts}) > 1]
    if len(uneven) > 1:
        raise RuntimeError("Cannot represent given tensor list as a nested tensor with the jagged layout. Note that the jagged layout only allows for a single "
                           "ragged dimension. For example: (B, *, D_0, D_1, ..., D_N), with ragged * dim.")
    along = uneven[0] if uneven else 0
    return NestedTensor(kagari.cat(parts, along), offsets_of([part.shape[along] for part in parts], parts[0].device), _ragged_idx=along + 1)


def nested_tensor(tensor_list, *, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False):
    """A new nested tensor, a leaf, with copies of the elements.

    tensor_list: tensors, or what torch.tensor takes, one for each component. dtype and device: of the result; by default those of the first.
    Raises TypeError for anything but a list, RuntimeError for components that the layout cannot hold.

    >>> torch.nested.nested_tensor([[1, 2, 3], [4]]).unbind()
    (tensor([1, 2, 3]), tensor([4]))
    """
    layout = _layout(layout)
    if not isinstance(tensor_list, (list, tuple)):
        raise TypeError("Only lists (List[Tensor] and List[List...[Scalar]]) are accepted in nested_tensor")
    parts = [part.detach().to(dtype=dtype, device=device) if isinstance(part, kagari.Tensor) else kagari.tensor(part, dtype=dtype, device=device)
             for part in tensor_list]
    if layout == kagari.strided:
        parts = [part.to(parts[0].dtype).clone() for part in parts]
    return _packed(parts, layout, dtype, device).requires_grad_(requires_grad)


def as_nested_tensor(ts, dtype=None, device=None, layout=None):
    """A nested tensor of the components `ts` (tensors, a tensor whose first dimension is the batch, or a nested tensor), with their history.

    A nested tensor of the wanted layout, dtype and device is the result itself. Raises TypeError for anything else.
    """
    layout = _layout(layout)
    if isinstance(ts, Nested):
        if ts.layout != layout:
            raise RuntimeError("as_nested_tensor(): Converting between nested tensor layouts is not supported")
        same = (dtype is None or dtype == ts.dtype) and (device is None or kagari.device(device) == ts.device)
        return ts if same else ts.to(device=device, dtype=dtype)
    if isinstance(ts, kagari.Tensor):
        ts = ts.to(device=device, dtype=dtype)
        if layout == kagari.strided:
            return _packed(list(ts.unbind(0)), layout)
        if ts.dim() < 2:
            raise RuntimeError("as_nested_tensor(): expected a tensor with a batch dimension and at least one more")
        return NestedTensor(ts.flatten(0, 1), kagari.arange(ts.shape[0] + 1) * ts.shape[1])
    if not isinstance(ts, (list, tuple)) or not all(isinstance(part, kagari.Tensor) for part in ts):
        raise TypeError("as_nested_tensor(): Expected first argument to be a tensor or a list / tuple of tensors ")
    return _packed([part.to(device=device, dtype=dtype) for part in ts], layout, dtype, device)


def nested_tensor_from_jagged(values, offsets=None, lengths=None, jagged_dim=None, min_seqlen=None, max_seqlen=None):
    """A jagged nested tensor over packed components; nothing is copied.

    offsets: B + 1 positions where components begin; lengths: their B lengths, if they do not fill the room between offsets, or instead of
    offsets. jagged_dim: which dimension of the result is ragged (1 by default). min_seqlen and max_seqlen are known without being told.

    >>> nt = torch.nested.nested_tensor_from_jagged(torch.arange(5), torch.tensor([0, 2, 5]))
    >>> nt.unbind()
    (tensor([0, 1]), tensor([2, 3, 4]))
    """
    if offsets is None:
        if lengths is None:
            raise RuntimeError("nested_tensor_from_jagged(): At least one of offsets or lengths is required.")
        offsets, lengths = offsets_of(lengths), None
    if not isinstance(values, kagari.Tensor):
        raise TypeError(f"nested_tensor_from_jagged(): argument 'values' must be Tensor, not {type(values).__name__}")
    jagged_dim = 1 if jagged_dim is None else jagged_dim
    if jagged_dim < 1:
        raise ValueError(f"Expected jagged_dim >=1, but got {jagged_dim}.")
    return NestedTensor(values, offsets, lengths=lengths, _ragged_idx=jagged_dim)


def narrow(tensor, dim, start, length, layout=kagari.strided):
    """A nested tensor of parts of an ordinary tensor: component i is tensor[i, start[i]:start[i] + length[i]], for dim == 1.

    start, length: ints, or tensors with one element for each component (jagged layout only). The jagged result is a view.
    """
    layout = _layout(layout)
    if layout == kagari.strided:
        if not isinstance(start, int) or not isinstance(length, int):
            raise RuntimeError("start and length must be integers for the strided layout NT impl")
        return as_nested_tensor(tensor.narrow(dim, start, length), layout=layout)
    if dim != 1:
        raise RuntimeError("jagged layout only supports dim=1")
    batch, room = tensor.shape[0], tensor.shape[1]
    row = kagari.arange(batch + 1)
    starts = start if isinstance(start, kagari.Tensor) else kagari.full((batch,), start)
    lengths = length if isinstance(length, kagari.Tensor) else kagari.full((batch,), length)
    begin = row * room + kagari.cat([starts, starts.new_zeros(1)]).to(kagari.int64)
    return NestedTensor(tensor.flatten(0, 1), begin, lengths=lengths.to(kagari.int64))


def masked_select(tensor, mask):
    """The elements of each row that the mask keeps, as a jagged nested tensor. Both have two dimensions or more; the second is the ragged one."""
    if tensor.layout != kagari.strided:
        raise RuntimeError(f"torch.nested.masked_select requires a strided tensor, given {tensor.layout}")
    if mask.layout != kagari.strided:
        raise RuntimeError(f"torch.nested.masked_select requires a strided mask, given: {mask.layout}")
    mask = mask.expand(tensor.shape[:max(mask.dim(), 2)]) if mask.shape != tensor.shape else mask
    kept = mask if mask.dim() <= 2 else mask.flatten(2).all(-1)
    return NestedTensor(tensor[kept], offsets_of(kept.sum(1)))


def to_padded_tensor(input, padding, output_size=None, out=None):
    """An ordinary tensor that holds the components, each at the front of its row, and `padding` elsewhere.

    output_size: the shape of the result, instead of the largest size of each dimension. Raises RuntimeError for a size that is too small.
    """
    if not isinstance(input, Nested):
        raise RuntimeError("to_padded_tensor(): expected a nested tensor")
    parts = input._components()
    if not parts:
        raise RuntimeError("to_padded_tensor: at least one constituent tensor should have non-zero numel")
    largest = [max(part.shape[d] for part in parts) for d in range(parts[0].dim())]
    sizes = largest
    if output_size is not None:
        sizes = list(output_size)[1:]
        if len(sizes) != len(largest) or output_size[0] != len(parts):
            raise RuntimeError("Value in output_size is less than NestedTensor padded size. Truncation is not supported.")
        if input.layout == kagari.strided and any(size < needed for size, needed in zip(sizes, largest)):
            raise RuntimeError("Value in output_size is less than NestedTensor padded size. Truncation is not supported.")
        parts = [part[tuple(slice(0, size) for size in sizes)] for part in parts]
    widths = [[extra for size, have in zip(reversed(sizes), reversed(part.shape)) for extra in (0, size - have)] for part in parts]
    result = kagari.stack([kagari.nn.functional.pad(part, width, value=padding) if any(width) else part for part, width in zip(parts, widths)])
    return result if out is None else out.copy_(result)


def _nested_tensor_from_mask(t, mask, mask_check=True):
    """The rows of `t` (B, L, D) that the mask (B, L) keeps, which must be the first ones, as a nested tensor of the strided layout."""
    if mask.dtype != kagari.bool:
        raise RuntimeError("Expected mask to be of ScalarType Bool, but got " + str(mask.dtype) + " instead.")
    if mask.dim() != 2 or t.dim() != 3 or mask.shape != t.shape[:2]:
        raise RuntimeError("Padding mask should be 2D and match the first two dimensions of a 3D tensor")
    if mask_check and not _nested_tensor_from_mask_left_aligned(t, mask):
        raise RuntimeError("Expected mask to be left-aligned (mask is True for the first elements of a row only)")
    return StridedNestedTensor([row[:length] for row, length in zip(t.unbind(0), mask.sum(1).tolist())])


def _nested_tensor_from_mask_left_aligned(t, mask):
    """Whether every row of the mask is True up to some place and False from there on."""
    return bool((kagari.arange(mask.shape[1]) < mask.sum(1, keepdim=True)).eq(mask).all())
