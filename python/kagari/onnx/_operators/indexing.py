"""Picking and placing elements by index."""
import kagari
from kagari.onnx._operators import form
from kagari.onnx.errors import OnnxExporterError


@form("embedding")
def embedding(c, node, weight, indices, padding_idx=-1, scale_grad_by_freq=False, sparse=False):
    return c.op("Gather", c.value(weight), c.value(indices))


@form("index_select")
def index_select(c, node, x, dim, index):
    value = c.value(x) if c.rank(x) else c.op("Reshape", c.value(x), [1])
    picked = c.op("Gather", value, c.value(index), axis=dim % max(c.rank(x), 1))
    return picked if c.rank(x) else c.op("Reshape", picked, c.constant(kagari.zeros(0, dtype=kagari.int64)))


@form("gather")
def gather(c, node, x, dim, index, sparse_grad=False):
    return c.op("GatherElements", c.value(x), c.value(index, kagari.int64), axis=dim % max(c.rank(x), 1))


@form("take_along_dim")
def take_along_dim(c, node, x, indices, dim=None):
    if dim is None:
        return c.op("Gather", c.op("Reshape", c.value(x), [-1]), c.op("Reshape", c.value(indices), [-1]))
    return gather(c, node, x, dim, indices)


@form("scatter")
def scatter(c, node, x, dim, index, source, reduce=None):
    index_value = c.value(index, kagari.int64)
    value = c.value(source, c.dtype(node)) if hasattr(source, "meta") else c.op("Expand", c.value(source, c.dtype(node)), c.op("Shape", index_value))
    kinds = {"add": "add", "multiply": "mul"}
    options = {"reduction": kinds[reduce]} if reduce is not None else {}
    return c.op("ScatterElements", c.value(x), index_value, _as_index(c, value, index, source), axis=dim % max(c.rank(x), 1), **options)


def _as_index(c, value, index, source):
    """The part of the source that the index covers."""
    if not hasattr(source, "meta") or c.shape(source) == c.shape(index):
        return value
    rank = c.rank(index)
    return c.op("Slice", value, [0] * rank, c.op("Shape", c.value(index)), list(range(rank)))


@form("scatter_add")
def scatter_add(c, node, x, dim, index, source):
    return scatter(c, node, x, dim, index, source, "add")


@form("scatter_reduce")
def scatter_reduce(c, node, x, dim, index, source, reduce, include_self=True):
    kinds = {"sum": "add", "prod": "mul", "amax": "max", "amin": "min"}
    if reduce not in kinds or not include_self or c.opset < (18 if reduce in ("amax", "amin") else 16):
        raise OnnxExporterError(f"scatter_reduce with reduce={reduce!r}, include_self={include_self} has no form in opset version {c.opset}")
    return c.op("ScatterElements", c.value(x), c.value(index), _as_index(c, c.value(source), index, source), axis=dim % max(c.rank(x), 1), reduction=kinds[reduce])


@form("select_scatter")
def select_scatter(c, node, x, source, dim, index):
    value, rank = c.value(x), c.rank(x)
    dim %= rank
    return _put_slice(c, node, value, c.axes_op("Unsqueeze", c.value(source, c.dtype(node)), [dim]), dim, index, None if type(index) is int and index == -1 else index + 1, 1)


@form("slice_scatter")
def slice_scatter(c, node, x, source, dim=0, start=None, end=None, step=1):
    return _put_slice(c, node, c.value(x), c.value(source, c.dtype(node)), dim % c.rank(x), 0 if start is None else start, end, step)


def _put_slice(c, node, value, source, dim, start, end, step):
    """Positions of the slice, as a range, are written with ScatterElements along the dimension."""
    bound = (1 << 63) - 1 if end is None else end
    all_positions = c.op("Range", c.value(0, kagari.int64), _scalar(c, c.size(value, dim)), c.value(1, kagari.int64))
    positions = c.op("Slice", all_positions, c.integer(start), c.integer(bound), [0], [step])
    shape = [1] * c.rank(node)
    shape[dim] = -1
    positions = c.op("Reshape", positions, shape)
    part = c.op("Slice", value, c.integer(start), c.integer(bound), [dim], [step])
    target = c.op("Shape", part)
    return c.op("ScatterElements", value, c.op("Expand", positions, target), c.op("Expand", source, target), axis=dim)


def _scalar(c, x):
    return c.axes_op("Squeeze", x, [0])


@form("index_copy")
def index_copy(c, node, x, dim, index, source):
    return _by_index(c, node, x, dim, index, source)


@form("index_add")
def index_add(c, node, x, dim, index, source, alpha=1):
    if c.opset < 16:
        raise OnnxExporterError("index_add needs opset version 16")
    return _by_index(c, node, x, dim, index, source, "add")


def _by_index(c, node, x, dim, index, source, reduction=None):
    dim %= max(c.rank(x), 1)
    shape = [1] * c.rank(x)
    shape[dim] = -1
    value = c.value(source, c.dtype(node))
    positions = c.op("Expand", c.op("Reshape", c.value(index, kagari.int64), shape), c.op("Shape", value))
    return c.op("ScatterElements", c.value(x), positions, value, axis=dim, reduction=reduction)


@form("index_fill")
def index_fill(c, node, x, dim, index, value):
    dim %= max(c.rank(x), 1)
    part = c.op("Gather", c.value(x), c.value(index), axis=dim)
    shape = [1] * c.rank(x)
    shape[dim] = -1
    target = c.op("Shape", part)
    positions = c.op("Expand", c.op("Reshape", c.value(index, kagari.int64), shape), target)
    return c.op("ScatterElements", c.value(x), positions, c.op("Expand", c.value(value, c.dtype(node)), target), axis=dim)


@form("index", "_index")
def index(c, node, x, indices):
    """x[i, :, j]: the indexed dimensions come to the front, GatherND picks, and the result's dimensions go where they belong."""
    places = [d for d, one in enumerate(indices) if one is not None]
    if any(c.dtype(indices[d]) in (kagari.bool, kagari.uint8) for d in places):
        return _by_mask(c, x, indices, places)
    if len(places) == 1:
        picked = c.op("Gather", c.value(x), c.value(indices[places[0]], kagari.int64), axis=places[0])
        return picked
    rank = c.rank(x)
    rest = [d for d in range(rank) if d not in places]
    value = c.op("Transpose", c.value(x), perm=places + rest) if places + rest != list(range(rank)) else c.value(x)
    picked = c.op("GatherND", value, _joined(c, indices, places))
    together = places == list(range(places[0], places[0] + len(places)))
    wide = max(c.rank(indices[d]) for d in places)
    if together and places[0] > 0:
        before = [wide + i for i in range(places[0])]
        order = before + list(range(wide)) + [d for d in range(wide + len(rest)) if d >= wide and d not in before]
        picked = c.op("Transpose", picked, perm=order)
    return picked


def _joined(c, indices, places):
    """Index tensors, broadcast to one shape, side by side in a last dimension; negative ones are what they are."""
    shape = c.op("Shape", c.value(indices[places[0]]))
    if any(c.shape(indices[d]) != c.shape(indices[places[0]]) for d in places):
        whole = c.value(indices[places[0]], kagari.int64)
        zero = None
        for d in places:
            part = c.op("Mul", c.value(indices[d], kagari.int64), c.value(0, kagari.int64))
            zero = part if zero is None else c.op("Add", zero, part)
        del whole
        shape = c.op("Shape", zero)
    parts = [c.axes_op("Unsqueeze", c.op("Expand", c.value(indices[d], kagari.int64), shape), [max(c.rank(indices[e]) for e in places)]) for d in places]
    return c.op("Concat", *parts, axis=-1)


def _by_mask(c, x, indices, places):
    if len(places) != 1 or places[0] != 0:
        raise OnnxExporterError("a mask beside other indices has no form in ONNX here")
    where = c.op("Transpose", c.op("NonZero", c.value(indices[0], kagari.bool)), perm=[1, 0])
    return c.op("GatherND", c.value(x), where)


@form("_index_put", "index_put")
def index_put(c, node, x, indices, values, accumulate=False):
    places = [d for d, one in enumerate(indices) if one is not None]
    if accumulate and c.opset < 16:
        raise OnnxExporterError("index_put with accumulate needs opset version 16")
    if any(c.dtype(indices[d]) in (kagari.bool, kagari.uint8) for d in places):
        if places != [0]:
            raise OnnxExporterError("index_put with a mask beside other indices has no form in ONNX here")
        mask = c.value(indices[0], kagari.bool)
        if c.rank(values) == 0 or kagari.Size(c.shape(values)).numel() == 1:
            extra = c.rank(x) - c.rank(indices[0])
            if extra:
                mask = c.axes_op("Unsqueeze", mask, list(range(c.rank(indices[0]), c.rank(x))))
            return c.op("Where", mask, c.op("Reshape", c.value(values, c.dtype(node)), [1]), c.value(x))
        joined = c.op("Transpose", c.op("NonZero", mask), perm=[1, 0])
    elif places == list(range(len(places))):
        joined = _joined(c, indices, places)
    else:
        raise OnnxExporterError("index_put behind whole dimensions has no form in ONNX here")
    target = c.op("Shape", c.op("GatherND", c.value(x), joined))
    spread = c.op("Expand", c.value(values, c.dtype(node)), target)
    return c.op("ScatterND", c.value(x), joined, spread, reduction="add" if accumulate else None)


@form("nonzero")
def nonzero(c, node, x, as_tuple=False):
    return c.op("Transpose", c.op("NonZero", c.value(x)), perm=[1, 0])


@form("masked_select")
def masked_select(c, node, x, mask):
    return c.op("Compress", c.op("Reshape", c.value(x), [-1]), c.op("Reshape", c.value(mask), [-1]), axis=0)


@form("one_hot")
def one_hot(c, node, x, num_classes=-1):
    depth = c.shape(node)[-1] if num_classes == -1 else num_classes
    return c.op("OneHot", c.value(x), c.value(depth, kagari.int64), [0, 1], axis=-1)


@form("slice_backward")
def slice_backward(c, node, grad, sizes, dim, start, end, step):
    """Zeros of the sizes with the values in a slice."""
    from kagari.onnx._operators.creation import filled
    dim %= c.rank(grad)
    return _put_slice(c, node, filled(c, sizes, 0, c.dtype(node)), c.value(grad), dim, start, end, step)


@form("select_backward")
def select_backward(c, node, grad, sizes, dim, index):
    from kagari.onnx._operators.creation import filled
    dim %= c.rank(node)
    at = index if type(index) is not int or index >= 0 else sizes[dim] + index
    return _put_slice(c, node, filled(c, sizes, 0, c.dtype(node)), c.axes_op("Unsqueeze", c.value(grad), [dim]), dim, at, at + 1, 1)
