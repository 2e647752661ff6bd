"""Views, joins and rearrangements."""
import kagari
from kagari.fx.node import Node
from kagari.onnx._operators import form
from kagari.onnx.errors import OnnxExporterError

_END = (1 << 63) - 1


def _reshape(c, x, sizes):
    """To sizes of which at most one is dynamic without Shape operators."""
    dynamic = [i for i, n in enumerate(sizes) if isinstance(n, Node)]
    if len(dynamic) == 1 and -1 not in [n for n in sizes if not isinstance(n, Node)] and 0 not in [n for n in sizes if not isinstance(n, Node)]:
        sizes = [-1 if isinstance(n, Node) else n for n in sizes]
    return c.op("Reshape", c.value(x), c.ints(sizes))


@form("view", "reshape", "_unsafe_view")
def view(c, node, x, sizes):
    if isinstance(sizes, kagari.dtype):
        raise OnnxExporterError("view() as another dtype has no form in ONNX")
    return _reshape(c, x, list(sizes))


def _sizes_of(c, node):
    """The sizes of a result: numbers, or one -1 for a dynamic one; None if several are dynamic."""
    sizes = [-1 if c.is_dynamic(node, i) else n for i, n in enumerate(c.shape(node))]
    return sizes if sizes.count(-1) <= 1 else None


@form("flatten")
def flatten(c, node, x, start_dim=0, end_dim=-1):
    rank = c.rank(x)
    if rank == 0:
        return c.op("Reshape", c.value(x), [1])
    start, end = start_dim % rank, end_dim % rank
    # 0 copies a size, -1 is what remains
    if end == rank - 1:
        return c.op("Reshape", c.value(x), [0] * start + [-1])
    return c.op("Reshape", c.value(x), c.op("Concat", c.constant([0] * start + [-1]), c.op("Slice", c.op("Shape", c.value(x)), [end + 1], [rank], [0]), axis=0))


@form("unflatten")
def unflatten(c, node, x, dim, sizes):
    rank, dim = c.rank(x), dim % c.rank(x)
    parts = [c.ints([0] * dim + list(sizes))]
    if dim + 1 < rank:
        parts.append(c.op("Slice", c.op("Shape", c.value(x)), [dim + 1], [rank], [0]))
    return c.op("Reshape", c.value(x), c.op("Concat", *parts, axis=0) if len(parts) > 1 else parts[0])


@form("permute")
def permute(c, node, x, dims):
    return c.op("Transpose", c.value(x), perm=[d % len(dims) for d in dims])


@form("transpose", "swapaxes", "swapdims")
def transpose(c, node, x, dim0, dim1):
    rank = c.rank(x)
    if rank == 0:
        return c.op("Identity", c.value(x))
    order = list(range(rank))
    order[dim0], order[dim1] = order[dim1], order[dim0]
    return c.op("Transpose", c.value(x), perm=order)


@form("t")
def t(c, node, x):
    return c.op("Transpose", c.value(x), perm=[1, 0]) if c.rank(x) == 2 else c.op("Identity", c.value(x))


@form("expand")
def expand(c, node, x, sizes, implicit=False):
    return c.op("Expand", c.value(x), c.ints([1 if type(n) is int and n == -1 else n for n in sizes]))


@form("squeeze")
def squeeze(c, node, x, dim=None):
    rank = c.rank(x)
    dims = range(rank) if dim is None else [dim] if type(dim) is int else dim
    gone = [d % rank for d in dims if rank and c.shape(x)[d] == 1]
    return c.axes_op("Squeeze", c.value(x), gone) if gone else c.op("Identity", c.value(x))


@form("unsqueeze")
def unsqueeze(c, node, x, dim):
    return c.axes_op("Unsqueeze", c.value(x), [dim % (c.rank(x) + 1)])


@form("select")
def select(c, node, x, dim, index):
    at = c.value(index, kagari.int64)
    return c.op("Gather", c.value(x), at, axis=dim % c.rank(x))


@form("slice")
def slice_(c, node, x, dim=0, start=None, end=None, step=1):
    rank = c.rank(x)
    if type(end) is int and end >= c.shape(x)[dim] and not c.is_dynamic(x, dim % rank):
        end = None
    start, end = 0 if start is None else start, _END if end is None else end
    return c.op("Slice", c.value(x), c.integer(start), c.integer(end), [dim % rank], [step])


def _split(c, x, sizes, dim):
    if len(sizes) == 1:
        return [c.op("Identity", c.value(x))]
    if c.opset >= 13 or any(isinstance(n, Node) for n in sizes):
        return c.op("Split", c.value(x), c.ints(sizes), axis=dim, outputs=len(sizes))
    return c.op("Split", c.value(x), split=list(sizes), axis=dim, outputs=len(sizes))


@form("split")
def split(c, node, x, size, dim=0):
    if isinstance(size, (list, tuple)):
        return split_with_sizes(c, node, x, size, dim)
    rank = c.rank(x)
    count = len(node.meta["val"])
    if not isinstance(size, Node) and not c.is_dynamic(x, dim % rank):
        return _split(c, x, [part.shape[dim] for part in node.meta["val"]], dim % rank)
    start, parts = c.constant([0]), []           # parts of a dynamic size
    for i in range(count):
        end = c.op("Add", start, c.integer(size))
        parts.append(c.op("Slice", c.value(x), start, end if i + 1 < count else [_END], [dim % rank]))
        start = end
    return parts


@form("split_with_sizes")
def split_with_sizes(c, node, x, sizes, dim=0):
    return _split(c, x, list(sizes), dim % c.rank(x))


@form("unbind")
def unbind(c, node, x, dim=0):
    dim %= c.rank(x)
    return [c.op("Gather", c.value(x), c.constant(kagari.tensor(i)), axis=dim) for i in range(len(node.meta["val"]))]


@form("cat", "_cat", "concat")
def cat(c, node, tensors, dim=0, extents=None):
    dtype = c.dtype(node)
    parts = [one for one in tensors if c.shape(one) != [0] or c.rank(node) == 1]         # empty tensors of one dimension do not count
    return c.op("Concat", *(c.value(one, dtype) for one in parts), axis=dim % c.rank(node))


@form("stack")
def stack(c, node, tensors, dim=0):
    dtype, dim = c.dtype(node), dim % c.rank(node)
    return c.op("Concat", *(c.axes_op("Unsqueeze", c.value(one, dtype), [dim]) for one in tensors), axis=dim)


@form("repeat")
def repeat(c, node, x, repeats):
    value, extra = c.value(x), len(repeats) - c.rank(x)
    if extra:
        value = c.axes_op("Unsqueeze", value, list(range(extra)))
    return c.op("Tile", value, c.ints(repeats))


@form("flip")
def flip(c, node, x, dims):
    dims = [d % c.rank(x) for d in ([dims] if type(dims) is int else dims)]
    return c.op("Slice", c.value(x), [-1] * len(dims), [-_END - 1] * len(dims), dims, [-1] * len(dims)) if dims else c.op("Identity", c.value(x))


@form("roll")
def roll(c, node, x, shifts, dims=()):
    shifts, dims = ([shifts] if type(shifts) is int else list(shifts)), ([dims] if type(dims) is int else list(dims))
    value = c.value(x)
    if not dims:
        value = c.op("Reshape", value, [-1])
    for shift, dim in zip(shifts, dims or [0]):
        size = c.shape(x)[dim] if dims else kagari.Size(c.shape(x)).numel()
        if dims and c.is_dynamic(x, dim % c.rank(x)):
            pieces = c.op("Slice", value, [-shift], [_END], [dim]), c.op("Slice", value, [0], [-shift], [dim])
        elif size and shift % size:
            pieces = c.op("Slice", value, [size - shift % size], [_END], [dim]), c.op("Slice", value, [0], [size - shift % size], [dim])
        else:
            continue
        value = c.op("Concat", *pieces, axis=dim % max(c.rank(x), 1) if dims else 0)
    return c.op("Reshape", value, c.op("Shape", c.value(x))) if not dims else c.op("Identity", value)


@form("constant_pad_nd")
def constant_pad_nd(c, node, x, pad, value=0):
    return _pad(c, node, x, pad, "constant", value)


@form("pad")
def pad(c, node, x, pad, mode="constant", value=None):
    return _pad(c, node, x, pad, {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode], 0 if value is None else value)


def _pad(c, node, x, pad, mode, value):
    if mode == "wrap" and c.opset < 19:
        raise OnnxExporterError("circular padding needs opset version 19")
    rank = c.rank(x)
    before, after = [0] * rank, [0] * rank
    for i in range(len(pad) // 2):
        before[rank - 1 - i], after[rank - 1 - i] = pad[2 * i], pad[2 * i + 1]
    inputs = [c.value(x), c.ints(before + after)]
    if mode == "constant":
        inputs.append(c.value(value, c.dtype(node)))
    return c.op("Pad", *inputs, mode=mode)


@form("tril", "triu")
def triangle(c, node, x, diagonal=0):
    from kagari.fx._recording import operator_name
    upper = int(operator_name(node.target) == "triu")
    if c.opset < 14:
        raise OnnxExporterError("tril and triu need opset version 14")
    dtype = c.dtype(node)
    value = c.value(x, kagari.int32) if dtype is kagari.bool else c.value(x)
    made = c.op("Trilu", value, c.value(diagonal, kagari.int64), upper=upper)
    return c.cast(made, dtype) if dtype is kagari.bool else made


@form("pixel_shuffle")
def pixel_shuffle(c, node, x, upscale_factor):
    if c.rank(x) != 4:
        raise OnnxExporterError("pixel_shuffle of other than 4 dimensions has no form in ONNX")
    return c.op("DepthToSpace", c.value(x), blocksize=upscale_factor, mode="CRD")


@form("unfold")
def unfold(c, node, x, dimension, size, step):
    """Windows along one dimension, as a Gather by constant positions."""
    rank, dim = c.rank(x), dimension % max(c.rank(x), 1)
    if c.is_dynamic(x, dim):
        raise OnnxExporterError("unfold() along a dynamic dimension is not supported")
    count = (c.shape(x)[dim] - size) // step + 1
    positions = kagari.arange(count)[:, None] * step + kagari.arange(size)
    value = c.op("Gather", c.value(x), c.constant(positions), axis=dim)
    order = [*range(dim + 1), *range(dim + 2, rank + 1), dim + 1]
    return c.op("Transpose", value, perm=order)


@form("diagonal")
def diagonal(c, node, x, offset=0, dim1=0, dim2=1):
    rank = c.rank(x)
    dim1, dim2 = dim1 % rank, dim2 % rank
    if c.is_dynamic(x, dim1) or c.is_dynamic(x, dim2):
        raise OnnxExporterError("diagonal() of dynamic dimensions is not supported")
    rest = [d for d in range(rank) if d not in (dim1, dim2)]
    sizes = c.shape(x)
    row = kagari.arange(c.shape(node)[-1]) + max(-offset, 0)
    flat = row * sizes[dim2] + kagari.arange(c.shape(node)[-1]) + max(offset, 0)
    value = c.op("Transpose", c.value(x), perm=[*rest, dim1, dim2])
    value = c.op("Reshape", value, [0] * len(rest) + [sizes[dim1] * sizes[dim2]])
    return c.op("Gather", value, c.constant(flat), axis=len(rest))
