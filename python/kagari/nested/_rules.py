"""What functions do with nested tensors, by the name of the function.

Most work on the lanes as they are (elementwise functions, layers that see the last dimensions), some count dimensions and so need them
shifted, and the rest has rules of its own. A function without a rule raises NotImplementedError with its name.
"""
import kagari
from kagari._holder import ELEMENTWISE
from kagari.nested._structure import NestedInt
from kagari.nested._tensor import Nested, NestedTensor, StridedNestedTensor
from kagari.utils._pytree import tree_leaves, tree_map

# Functions of one nested argument that see whole trailing dimensions only.
_TRAILING = {"linear": lambda weight: 1, "layer_norm": lambda shape: len(shape), "rms_norm": lambda shape: len(shape), }
_REDUCTIONS = frozenset("sum nansum mean nanmean amax amin prod all any max min argmax argmin std var logsumexp median nanmedian mode count_nonzero "
                        "aminmax norm".split())
_ALONG = frozenset("softmax log_softmax softmin cumsum cumprod logcumsumexp cummax cummin flip sort argsort glu".split())


def call(func, args, kwargs):
    """The answer of a nested tensor's __torch_function__."""
    name = getattr(func, "__name__", "")
    rule = _RULES.get(name)
    if rule is not None:
        return rule(func, *args, **kwargs)
    if name in _REDUCTIONS and not (name in ("max", "min") and len(args) > 1 and isinstance(args[1], kagari.Tensor)):
        return _reduce(func, name, *args, **kwargs)
    if name in _ALONG:
        return _along(func, *args, **kwargs)
    if name in ELEMENTWISE or name.rstrip("_") in ELEMENTWISE or name in ("max", "min") or getattr(func, "elementwise", False):
        return _elementwise(func, args, kwargs)
    raise NotImplementedError(f"{name or func}(): not supported for nested tensors")


def _first(values):
    return next(value for value in tree_leaves(values) if isinstance(value, Nested))


def _shown(value):
    return tuple(value.shape) if isinstance(value, NestedTensor) else "nested" if isinstance(value, Nested) else value.shape


# ---------------------------------------------------------------- element by element
def _elementwise(func, args, kwargs):
    like = _first((args, kwargs))
    count = len(like._lanes())
    results = []
    for lane in range(count):
        inner_args, inner_kwargs = tree_map(lambda value: _lane_of(func, like, value, lane), (args, kwargs))
        results.append(func(*inner_args, **inner_kwargs))
    name = getattr(func, "__name__", "")
    if (name.endswith("_") and not name.endswith("__")) or (name.startswith("__i") and name not in ("__invert__",)):
        return args[0]
    if kwargs.get("out") is not None:
        return kwargs["out"]
    return _gathered(like, results)


def _gathered(like, results, rebuild=None):
    """One nested result from the lanes' results, which may be tuples."""
    rebuild = rebuild or like._of_lanes
    if results and isinstance(results[0], tuple):
        fields = [rebuild(list(field)) for field in zip(*results)]
        kind = type(results[0])
        return kind(fields) if hasattr(kind, "n_fields") or kind is tuple else kind(*fields)
    return rebuild(results)


def _lane_of(func, like, value, lane):
    """What stands for an argument in one lane."""
    if isinstance(value, Nested):
        if type(value) is not type(like) or not like._same_structure(value):
            name = getattr(func, "__name__", "?")
            if isinstance(like, NestedTensor):
                raise RuntimeError(f"cannot call binary pointwise function {name} with inputs of shapes {_shown(like)} and {_shown(value)}")
            raise RuntimeError(f"{name} does not support broadcasting when given a NestedTensor")
        return value._lanes()[lane]
    if isinstance(value, kagari.Tensor) and value.dim() > 0:
        return _dense_lane(func, like, value)
    return value


def _dense_lane(func, like, dense):
    """An ordinary tensor that broadcasts with the packed values."""
    if isinstance(like, StridedNestedTensor):
        raise RuntimeError("Expected both self and other to be nested, but got a nested self and non-nested other")
    n, ragged = like.dim(), like._ragged_idx
    missing = n - dense.dim()
    if missing >= 0 and (missing > ragged or dense.shape[ragged - missing] == 1):
        if missing > 0:
            return dense
        if dense.shape[0] == 1:
            return dense.squeeze(0)
        if dense.shape[0] == len(like) and like._lengths is None:      # a row for each component
            return dense.squeeze(ragged).repeat_interleave(like._offsets.diff(), 0).movedim(0, ragged - 1)
    raise RuntimeError(f"cannot call binary pointwise function {getattr(func, '__name__', '?')} with inputs of shapes {_shown(like)} and {dense.shape}")


# ---------------------------------------------------------------- dimensions
def _is_ragged(nested, dim):
    return isinstance(nested, NestedTensor) and dim == nested._ragged_idx


def _inner_dim(func, nested, dim):
    dim = nested._dim(dim)
    if dim == 0:
        raise RuntimeError(f"{func.__name__}(): not supported for NestedTensor on dim=0")
    return dim


def _along(func, input, dim=-1, *args, **kwargs):
    """A function that works along one dimension and keeps the shape."""
    if isinstance(dim, (list, tuple)):
        dim, = dim
    dim = _inner_dim(func, input, dim)
    if _is_ragged(input, dim):
        return _gathered(input, [func(part, dim - 1, *args, **kwargs) for part in input._components()], input._of_components)
    return _gathered(input, [func(lane, dim - 1, *args, **kwargs) for lane in input._lanes()])


def _reduce(func, name, input, *args, **kwargs):
    args = list(args)
    fixed = {}
    if name == "norm":
        fixed["p"] = args.pop(0) if args else kwargs.pop("p", "fro")
    dim = args.pop(0) if args else kwargs.pop("dim", None)
    if name in ("std", "var") and isinstance(dim, bool):
        fixed["unbiased"], dim = dim, None
    keepdim = args.pop(0) if args else kwargs.pop("keepdim", False)
    if name in ("std", "var") and args:
        raise TypeError(f"{name}(): pass `correction` and `keepdim` by name")
    fixed.update(kwargs)
    if dim is None or isinstance(dim, (list, tuple)) and not dim:
        everything = input._values if isinstance(input, NestedTensor) and input._lengths is None else \
            kagari.cat([part.reshape(-1) for part in input._components()])
        return func(everything, **fixed)
    several = isinstance(dim, (list, tuple))
    dims = sorted(input._dim(d) for d in (dim if several else [dim]))
    if name != "count_nonzero" and name not in ("argmax", "argmin") or keepdim:
        fixed["keepdim"] = keepdim

    def reduced(tensor, over):
        return func(tensor, dim=over if several else over[0], **fixed)

    ragged = input._ragged_idx if isinstance(input, NestedTensor) else None
    inner = [d - 1 for d in dims if d > 0]
    if dims[0] == 0:
        if ragged not in dims:
            raise RuntimeError(f"{name}(): reducing along the batch dimension but not the ragged dimension is not supported for nested tensors")
        packed = kagari.cat(input._components(), ragged - 1)
        result = reduced(packed, inner)
        return result.unsqueeze(0) if keepdim else result
    if ragged in dims:
        results = [reduced(part, inner) for part in input._components()]
        return _gathered(input, results, kagari.stack)
    if ragged is None or keepdim:
        return _gathered(input, [reduced(lane, inner) for lane in input._lanes()])
    moved = ragged - sum(d < ragged for d in dims)
    return _gathered(input, [reduced(lane, inner) for lane in input._lanes()], lambda lanes: input._of_lanes(lanes, moved))


def _trailing(func, input, second, *args, **kwargs):
    count = _TRAILING[func.__name__](second)
    if isinstance(input, NestedTensor) and input._ragged_idx >= input.dim() - count:
        raise RuntimeError(f"{func.__name__}(): not supported where the ragged dimension is one of the last {count}")
    return input._of_lanes([func(lane, second, *args, **kwargs) for lane in input._lanes()])


# ---------------------------------------------------------------- views
def _relaid(input, lanes, ragged):
    """The result of a view whose ragged dimension is now `ragged`."""
    return input._of_lanes(lanes, ragged) if isinstance(input, NestedTensor) else input._of_lanes(lanes)


def _transpose(func, input, dim0, dim1):
    a, b = input._dim(dim0), input._dim(dim1)
    if 0 in (a, b) and a != b:
        if isinstance(input, NestedTensor):
            raise ValueError("Transpose is not supported on the batch dimension for jagged NT")
        raise RuntimeError("Nested tensor dimension 0 cannot be transposed")
    if a == b:
        return input
    ragged = getattr(input, "_ragged_idx", None)
    return _relaid(input, [lane.transpose(a - 1, b - 1) for lane in input._lanes()], b if ragged == a else a if ragged == b else ragged)


def _permute(func, input, *dims):
    dims = list(dims[0]) if len(dims) == 1 and isinstance(dims[0], (list, tuple)) else list(dims)
    dims = [input._dim(d) for d in dims]
    if dims[0] != 0 or sorted(dims) != list(range(input.dim())):
        raise ValueError("permute(): the batch dimension of a nested tensor must stay the first, and every dimension must be given once")
    ragged = dims.index(input._ragged_idx) if isinstance(input, NestedTensor) else None
    return _relaid(input, [lane.permute([d - 1 for d in dims[1:]]) for lane in input._lanes()], ragged)


def _unsqueeze(func, input, dim):
    n = input.dim() + 1
    if not -n <= dim < n:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})")
    dim %= n
    if dim == 0:
        raise RuntimeError("unsqueeze(): not supported for NestedTensor on dim=0")
    ragged = getattr(input, "_ragged_idx", None)
    return _relaid(input, [lane.unsqueeze(dim - 1) for lane in input._lanes()], ragged + (dim <= ragged) if ragged else None)


def _squeeze(func, input, dim=None):
    if dim is None:
        raise RuntimeError("squeeze(): for nested tensors `dim` must be given")
    result = input
    for d in sorted((_inner_dim(func, input, d) for d in (dim if isinstance(dim, (list, tuple)) else [dim])), reverse=True):
        if _is_ragged(result, d) or any(lane.shape[d - 1] != 1 for lane in result._lanes()):
            continue
        ragged = getattr(result, "_ragged_idx", None)
        result = _relaid(result, [lane.squeeze(d - 1) for lane in result._lanes()], ragged - (d < ragged) if ragged else None)
    return result


def _view(func, input, *shape):
    shape = list(shape[0]) if len(shape) == 1 and isinstance(shape[0], (list, tuple)) else list(shape)
    if shape and not isinstance(shape[0], NestedInt) and shape[0] not in (-1, len(input)):
        raise RuntimeError(f"{func.__name__}(): the batch dimension of a nested tensor keeps its size {len(input)}, but the shape is {shape}")
    if isinstance(input, StridedNestedTensor):      # -1 keeps the component's own size
        return input._of_lanes([func(part, [part.shape[i] if s == -1 and i < part.dim() else s for i, s in enumerate(shape[1:])]) for part in input._lanes()])
    ragged = next((i for i, s in enumerate(shape) if isinstance(s, NestedInt)), None)
    if ragged is None:
        ragged = next((i for i, s in enumerate(shape) if i > 0 and s == -1), None)
    if ragged is None:
        raise RuntimeError(f"{func.__name__}(): no dimension of the shape {shape} is the ragged one")
    packed = input._values.shape[input._ragged_idx - 1]
    lane = func(input._values, [packed if i == ragged else s for i, s in enumerate(shape)][1:])
    return input._of_lanes([lane], ragged)


def _unflatten(func, input, dim, sizes):
    dim = _inner_dim(func, input, dim)
    if _is_ragged(input, dim):
        raise RuntimeError("unflatten(): the ragged dimension cannot be split")
    ragged = getattr(input, "_ragged_idx", None)
    return _relaid(input, [lane.unflatten(dim - 1, sizes) for lane in input._lanes()], ragged + (len(sizes) - 1) * (dim < ragged) if ragged else None)


def _flatten(func, input, start_dim=0, end_dim=-1):
    start, end = _inner_dim(func, input, start_dim), _inner_dim(func, input, end_dim)
    ragged = getattr(input, "_ragged_idx", None)
    if ragged is not None and start <= ragged <= end and start != end:
        raise RuntimeError("flatten(): the ragged dimension cannot be merged with others")
    return _relaid(input, [lane.flatten(start - 1, end - 1) for lane in input._lanes()], ragged - (end - start) * (end < ragged) if ragged else None)


def _expand(func, input, *shape):
    shape = list(shape[0]) if len(shape) == 1 and isinstance(shape[0], (list, tuple)) else list(shape)
    if len(shape) != input.dim():
        raise RuntimeError("expand(): a nested tensor keeps its number of dimensions")
    return input._of_lanes([lane.expand([-1 if isinstance(s, NestedInt) else s for s in shape[1:]]) for lane in input._lanes()])


def _select(func, input, dim, index):
    dim = input._dim(dim)
    if dim == 0:
        return input._components()[_position(index, len(input), 0)]
    if _is_ragged(input, dim):
        return kagari.stack([part.select(dim - 1, index) for part in input._components()])
    ragged = getattr(input, "_ragged_idx", None)
    return _relaid(input, [lane.select(dim - 1, index) for lane in input._lanes()], ragged - (dim < ragged) if ragged else None)


def _position(index, size, dim):
    index = index.item() if isinstance(index, kagari.Tensor) else index
    if not -size <= index < size:
        raise IndexError(f"index {index} is out of bounds for dimension {dim} with size {size}")
    return index


def _narrow(func, input, dim, start, length):
    dim = input._dim(dim)
    if dim == 0:
        return from_components(input, input._components()[start:start + length])
    if _is_ragged(input, dim):
        raise RuntimeError("narrow(): not supported for NestedTensor on the ragged dimension")
    return input._of_lanes([lane.narrow(dim - 1, start, length) for lane in input._lanes()])


def _pieces(func, input, size, dim=0):
    """chunk, split and their kin: a tuple of nested tensors."""
    dim = input._dim(dim)
    if dim == 0:
        if isinstance(input, StridedNestedTensor):
            raise RuntimeError("Chunk for nested tensors is currently only supported for the last dimension.")
        rows = func(kagari.arange(len(input)), size)
        return tuple(from_components(input, [input._components()[i] for i in row.tolist()]) for row in rows)
    if _is_ragged(input, dim):
        raise RuntimeError(f"{func.__name__}(): not supported for NestedTensor on dim=1")
    return tuple(input._of_lanes(list(lanes)) for lanes in zip(*[func(lane, size, dim - 1) for lane in input._lanes()]))


def from_components(like, parts):
    """Components in the layout of `like`."""
    if isinstance(like, StridedNestedTensor):
        return StridedNestedTensor(parts, like.dtype, like.device)
    from kagari.nested._structure import offsets_of
    along = like._ragged_idx - 1
    return NestedTensor(kagari.cat(parts, along), offsets_of([part.shape[along] for part in parts]), _ragged_idx=like._ragged_idx)


def _cat(func, tensors, dim=0):
    like = _first(tensors)
    dim = like._dim(dim)
    if any(not isinstance(t, Nested) for t in tensors):
        raise RuntimeError("cat(): either all tensors are nested, or none is")
    if dim == 0:
        return from_components(like, [part for t in tensors for part in t._components()])
    if _is_ragged(like, dim):
        return from_components(like, [kagari.cat(parts, dim - 1) for parts in zip(*[t._components() for t in tensors])])
    lanes = [[_lane_of(func, like, t, i) for t in tensors] for i in range(len(like._lanes()))]
    return like._of_lanes([kagari.cat(parts, dim - 1) for parts in lanes])


def _stack(func, tensors, dim=0):
    dim = dim if dim >= 0 else dim + _first(tensors).dim() + 1
    if dim == 0:
        raise RuntimeError("stack(): not supported for NestedTensor on dim=0")
    return _cat(kagari.cat, [_unsqueeze(None, t, dim) for t in tensors], dim)


def item(nested, key):
    """nested[key]"""
    parts = list(key) if isinstance(key, tuple) else [key]
    if Ellipsis in [part for part in parts if not isinstance(part, kagari.Tensor)]:
        at = next(i for i, part in enumerate(parts) if part is Ellipsis)
        missing = nested.dim() - sum(part is not None for part in parts) + 1
        parts[at:at + 1] = [slice(None)] * missing
    first, rest = parts[0], parts[1:]
    if isinstance(first, int) or isinstance(first, kagari.Tensor) and first.dim() == 0:
        part = nested._components()[_position(first, len(nested), 0)]
        return part[tuple(rest)] if rest else part
    if not isinstance(first, slice):
        raise NotImplementedError(f"a nested tensor cannot be indexed with {type(first).__name__} in its batch dimension")
    if first != slice(None):
        nested = from_components(nested, nested._components()[first])
    if not rest:
        return nested
    if isinstance(nested, StridedNestedTensor):
        return nested._of_lanes([part[tuple(rest)] for part in nested._components()])
    seen, now = 0, 0           # dimensions of the argument and of the result
    ragged = None
    for part in rest + [slice(None)] * (nested._ragged_idx - len(rest)):
        if part is not None:
            seen += 1
            if seen == nested._ragged_idx:
                if part != slice(None):
                    return kagari.stack([component[tuple(rest)] for component in nested._components()]) if isinstance(part, int) else \
                        _refuse_ragged()
                ragged = now + 1
        if not isinstance(part, int):
            now += 1
    return nested._of_lanes([nested._values[tuple(rest)]], ragged)


def _refuse_ragged():
    raise RuntimeError("slice(): not supported for NestedTensor on dim=1")


# ---------------------------------------------------------------- products
def _matmul(func, self, other):
    a, b = (self, other) if func.__name__ != "__rmatmul__" else (other, self)
    nested = a if isinstance(a, Nested) else b
    if isinstance(a, StridedNestedTensor) != isinstance(b, StridedNestedTensor) and isinstance(nested, StridedNestedTensor):
        raise RuntimeError("Expected both to be nested, but got a nested self and non-nested other" if nested is a else
                           "Expected both to be nested, but got a non-nested self and nested other")
    if isinstance(a, NestedTensor) and not isinstance(b, Nested) and b.dim() == 2 and a._ragged_idx < a.dim() - 1:
        return a._of_lanes([kagari.matmul(a._values, b)])
    if not isinstance(a, Nested) and a.dim() < 3 or not isinstance(b, Nested) and b.dim() < 3:
        raise RuntimeError(f"matmul(): not supported between inputs of shapes {_shown(a)} and {_shown(b)}")
    left, right = (t._components() if isinstance(t, Nested) else t.unbind(0) for t in (a, b))
    if len(left) != len(right):
        raise RuntimeError("matmul: Expected the 1st dimension of both tensors to be the same")
    products = [kagari.matmul(x, y) for x, y in zip(left, right)]
    if isinstance(nested, StridedNestedTensor):
        return nested._of_lanes(products)
    # where the result is ragged: in the rows of a, or in the columns of b
    rows = isinstance(a, NestedTensor) and a._ragged_idx < a.dim() - 1
    columns = isinstance(b, NestedTensor) and b._ragged_idx != b.dim() - 2
    if rows and columns and not (a._ragged_idx == b._ragged_idx < a.dim() - 2):
        raise RuntimeError(f"matmul(): not supported between inputs of shapes {_shown(a)} and {_shown(b)}")
    return a._of_components(products) if rows else b._of_components(products) if columns else kagari.stack(products)


def _attention(func, query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False):
    if attn_mask is not None:
        raise RuntimeError("scaled_dot_product_attention: Nested tensors do not support an attn_mask")
    tensors = [t._components() if isinstance(t, Nested) else t.unbind(0) for t in (query, key, value)]
    if not isinstance(query, Nested):
        raise RuntimeError("scaled_dot_product_attention: a query that is not nested is not supported with nested keys")
    parts = [func(q[None], k[None], v[None], dropout_p=dropout_p, is_causal=is_causal, scale=scale, enable_gqa=enable_gqa)[0] for q, k, v in zip(*tensors)]
    return query._of_components(parts)


# ---------------------------------------------------------------- the rest
def _contiguous(func, input, memory_format=None):
    if input.is_contiguous():
        return input
    if isinstance(input, StridedNestedTensor):
        return input._of_lanes([part.contiguous() for part in input._lanes()])
    if input._ragged_idx == 1 and input._lengths is None:
        return input._of_lanes([input._values.contiguous()])
    return input._of_components([part.contiguous() for part in input._components()])


def _to(func, input, *args, **kwargs):
    kwargs.pop("layout", None)
    return input._of_lanes([lane.to(*args, **kwargs) for lane in input._lanes()])


def _equal(func, a, b, *args, **kwargs):
    same = isinstance(a, Nested) and type(a) is type(b) and len(a) == len(b)
    return same and all(x.shape == y.shape and func(x, y, *args, **kwargs) for x, y in zip(a._components(), b._components()))


def _normalized(func, input, other, **kwargs):
    raise NotImplementedError("group_norm(): not supported for nested tensors")


def _embedding(func, weight, indices, *args, **kwargs):
    return indices._of_lanes([func(weight, lane, *args, **kwargs) for lane in indices._lanes()])


def _unbind(func, input, dim=0):
    return input.unbind(dim)


def _padded(func, input, padding, output_size=None, out=None):
    return kagari.nested.to_padded_tensor(input, padding, output_size, out)


_RULES = {
    "linear": _trailing, "layer_norm": _trailing, "rms_norm": _trailing, "group_norm": _normalized,
    "embedding": _embedding,
    "transpose": _transpose, "swapaxes": _transpose, "swapdims": _transpose, "permute": _permute, "unsqueeze": _unsqueeze, "squeeze": _squeeze,
    "view": _view, "reshape": _view, "unflatten": _unflatten, "flatten": _flatten, "expand": _expand, "select": _select, "narrow": _narrow,
    "chunk": _pieces, "split": _pieces, "split_with_sizes": _pieces, "tensor_split": _pieces, "cat": _cat, "concat": _cat, "concatenate": _cat,
    "stack": _stack, "unbind": _unbind, "matmul": _matmul, "bmm": _matmul, "__matmul__": _matmul, "__rmatmul__": _matmul,
    "scaled_dot_product_attention": _attention, "contiguous": _contiguous, "to": _to, "equal": _equal, "allclose": _equal,
    "to_padded_tensor": _padded,
}
