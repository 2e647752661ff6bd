"""Functions of the array API standard (2024.12) whose names PyTorch does not have. They are names of torch, too.

Where the standard and PyTorch mean different things by a name (`sort`, `max` with an axis, `take`), the name means what PyTorch says.
"""
import collections

import kagari

__all__ = ["astype", "bitwise_invert", "broadcast_arrays", "cumulative_prod", "cumulative_sum", "expand_dims", "isdtype", "matrix_transpose", "permute_dims",
           "take_along_axis", "unique_all", "unique_counts", "unique_inverse", "unique_values", "unstack", "vecdot"]
__array_api_version__ = "2024.12"

_KINDS = {
    "bool": (kagari.bool,),
    "signed integer": (kagari.int8, kagari.int16, kagari.int32, kagari.int64),
    "unsigned integer": (kagari.uint8, kagari.uint16, kagari.uint32, kagari.uint64),
    "real floating": (kagari.float32, kagari.float64),
    "complex floating": (kagari.complex64, kagari.complex128),
}
_KINDS["integral"] = _KINDS["signed integer"] + _KINDS["unsigned integer"]
_KINDS["numeric"] = _KINDS["integral"] + _KINDS["real floating"] + _KINDS["complex floating"]
_all = collections.namedtuple("unique_all_result", "values indices inverse_indices counts")
_counts = collections.namedtuple("unique_counts_result", "values counts")
_inverse = collections.namedtuple("unique_inverse_result", "values inverse_indices")


def isdtype(dtype, kind):
    """Whether a dtype is of a kind: a dtype, "bool", "signed integer", "unsigned integer", "integral", "real floating", "complex floating", "numeric",
    or a tuple of such, of which one is enough. float16, bfloat16 and float8 count as real floating, complex32 as complex floating.

    >>> torch.isdtype(torch.int32, "integral"), torch.isdtype(torch.int32, (torch.int64, "real floating"))
    (True, False)
    """
    if isinstance(kind, tuple):
        return any(isdtype(dtype, one) for one in kind)
    if isinstance(kind, kagari.dtype):
        return dtype == kind
    if kind not in _KINDS:
        raise ValueError(f"Unrecognized data type kind: {kind!r}")
    return dtype in _KINDS[kind] or kind in ("real floating", "numeric") and dtype.is_floating_point or kind in ("complex floating", "numeric") and dtype.is_complex


def astype(x, dtype, /, *, copy=True, device=None):
    """x with another dtype: a new tensor, or x itself if nothing changes and copy is False."""
    return x.to(dtype=dtype, device=device, copy=copy)


def bitwise_invert(x, /):
    """torch.bitwise_not"""
    return kagari.bitwise_not(x)


def broadcast_arrays(*arrays):
    """torch.broadcast_tensors, as a list."""
    return list(kagari.broadcast_tensors(*arrays))


def expand_dims(x, /, *, axis=0):
    """torch.unsqueeze, for one axis or several of the result."""
    if isinstance(axis, int):
        return x.unsqueeze(axis)
    total = x.dim() + len(axis)
    for place in sorted(one % total for one in axis):
        x = x.unsqueeze(place)
    return x


def permute_dims(x, /, axes):
    """torch.permute"""
    return x.permute(axes)


def matrix_transpose(x, /):
    """The matrices of the last two dimensions, transposed. ValueError for fewer dimensions."""
    if x.dim() < 2:
        raise ValueError(f"matrix_transpose(): expected at least 2 dimensions, but got {x.dim()}")
    return x.mT


def unstack(x, /, *, axis=0):
    """torch.unbind"""
    return x.unbind(axis)


def vecdot(x1, x2, /, *, axis=-1):
    """torch.linalg.vecdot"""
    return kagari.linalg.vecdot(x1, x2, dim=axis)


def take_along_axis(x, indices, /, *, axis=-1):
    """torch.take_along_dim"""
    return kagari.take_along_dim(x, indices, axis)


def _cumulative(function, initial, x, axis, dtype, include_initial):
    if axis is None:
        if x.dim() > 1:
            raise ValueError("axis must be given for tensors with more than one dimension")
        axis = 0
    result = function(x, axis, dtype=dtype)
    if not include_initial:
        return result
    shape = list(result.shape)
    shape[axis] = 1
    return kagari.cat([kagari.full(shape, initial, dtype=result.dtype, device=result.device), result], axis)


def cumulative_sum(x, /, *, axis=None, dtype=None, include_initial=False):
    """torch.cumsum; include_initial puts a 0 in front."""
    return _cumulative(kagari.cumsum, 0, x, axis, dtype, include_initial)


def cumulative_prod(x, /, *, axis=None, dtype=None, include_initial=False):
    """torch.cumprod; include_initial puts a 1 in front."""
    return _cumulative(kagari.cumprod, 1, x, axis, dtype, include_initial)


def unique_all(x, /):
    """(values, indices of their first occurrences in the flat tensor, inverse_indices of x's shape, counts) of the distinct elements.

    >>> torch.unique_all(torch.tensor([3, 1, 3])).indices
    tensor([1, 0])
    """
    values, inverse, counts = kagari.unique(x, return_inverse=True, return_counts=True)
    first = kagari.full(values.shape, x.numel(), dtype=kagari.int64, device=x.device)
    first.scatter_reduce_(0, inverse.reshape(-1), kagari.arange(x.numel(), device=x.device), "amin")
    return _all(values, first, inverse, counts)


def unique_counts(x, /):
    """(values, counts) of the distinct elements."""
    return _counts(*kagari.unique(x, return_counts=True))


def unique_inverse(x, /):
    """(values, inverse_indices) of the distinct elements: values[inverse_indices] is x."""
    return _inverse(*kagari.unique(x, return_inverse=True))


def unique_values(x, /):
    """The distinct elements."""
    return kagari.unique(x)


class _Info:
    """What __array_namespace_info__() gives."""

    def capabilities(self):
        """Masks as indices and shapes that depend on values are supported."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": None}

    def default_device(self):
        """The device of new tensors."""
        return kagari.get_default_device()

    def default_dtypes(self, *, device=None):
        """The dtypes of new tensors by kind."""
        floating = kagari.get_default_dtype()
        return {"real floating": floating, "complex floating": floating.to_complex(), "integral": kagari.int64, "indexing": kagari.int64}

    def dtypes(self, *, device=None, kind=None):
        """The dtypes of the standard, of one kind or several if asked."""
        kinds = ("bool", "numeric") if kind is None else kind if isinstance(kind, tuple) else (kind,)
        return {str(dtype).rpartition(".")[2]: dtype for one in kinds for dtype in _KINDS[one]}

    def devices(self):
        """The devices."""
        return [kagari.device("cpu"), kagari.device("meta")]


def __array_namespace_info__():
    """Facts about this namespace, as the standard asks for them."""
    return _Info()
