"""Operators that ONNX has only as a few others."""
import kagari
from kagari.onnx._operators import form
from kagari.onnx.errors import OnnxExporterError


@form("hypot")
def hypot(c, node, a, b):
    dtype = c.dtype(node)
    left, right = c.value(a, dtype), c.value(b, dtype)
    return c.op("Sqrt", c.op("Add", c.op("Mul", left, left), c.op("Mul", right, right)))


@form("logaddexp")
def logaddexp(c, node, a, b):
    dtype = c.dtype(node)
    left, right = c.value(a, dtype), c.value(b, dtype)
    return c.op("Add", c.op("Max", left, right), c.op("Softplus", c.op("Neg", c.op("Abs", c.op("Sub", left, right)))))


@form("copysign")
def copysign(c, node, a, b):
    dtype = c.dtype(node)
    size = c.op("Abs", c.value(a, dtype))
    return c.op("Where", c.op("Less", c.value(b, dtype), c.value(0, dtype)), c.op("Neg", size), size)


@form("signbit")
def signbit(c, node, x):
    return c.op("Less", c.value(x), c.value(0, c.dtype(x)))


@form("isposinf")
def isposinf(c, node, x):
    return c.op("IsInf", c.value(x), detect_negative=0)


@form("isneginf")
def isneginf(c, node, x):
    return c.op("IsInf", c.value(x), detect_positive=0)


@form("heaviside")
def heaviside(c, node, x, values):
    dtype, zero = c.dtype(node), c.value(0, c.dtype(node))
    value = c.value(x, dtype)
    return c.op("Where", c.op("Equal", value, zero), c.value(values, dtype), c.cast(c.op("Greater", value, zero), dtype))


@form("sinc")
def sinc(c, node, x):
    import math
    dtype = c.dtype(node)
    turned, one = c.op("Mul", c.value(x, dtype), c.value(math.pi, dtype)), c.value(1.0, dtype)
    nothing = c.op("Equal", turned, c.value(0.0, dtype))
    return c.op("Where", nothing, one, c.op("Div", c.op("Sin", turned), c.op("Where", nothing, one, turned)))


@form("isclose")
def isclose(c, node, a, b, rtol=1e-5, atol=1e-8, equal_nan=False):
    dtype = c.dtype(a)
    left, right = c.value(a), c.value(b, dtype)
    near = c.op("Add", c.value(atol, dtype), c.op("Mul", c.value(rtol, dtype), c.op("Abs", right)))
    return c.op("Or", c.op("Not", c.op("Greater", c.op("Abs", c.op("Sub", left, right)), near)), c.op("Equal", left, right))


@form("isin")
def isin(c, node, elements, test_elements, assume_unique=False, invert=False):
    dtype = c.promoted(elements, test_elements)
    column = c.axes_op("Unsqueeze", c.value(elements, dtype), [c.rank(elements)])
    same = c.cast(c.op("Equal", column, c.op("Reshape", c.value(test_elements, dtype), [-1])), kagari.int32)
    found = c.cast(c.axes_op("ReduceMax", same, [c.rank(elements)], keepdims=0), kagari.bool)
    return c.op("Not", found) if invert else found


def _count_below(c, boundaries, values, right):
    """How many of the sorted boundaries lie before each value."""
    dtype = c.promoted(boundaries, values)
    rank = c.rank(values) if hasattr(values, "meta") else 0
    column = c.axes_op("Unsqueeze", c.value(values, dtype), [rank])
    limits = c.value(boundaries, dtype)
    passed = c.op("Not", c.op("Less", column, limits)) if right else c.op("Greater", column, limits)
    return c.axes_op("ReduceSum", c.cast(passed, kagari.int64), [rank], keepdims=0)


@form("bucketize")
def bucketize(c, node, values, boundaries, out_int32=False, right=False):
    found = _count_below(c, boundaries, values, right)
    return c.cast(found, kagari.int32) if out_int32 else found


@form("searchsorted")
def searchsorted(c, node, boundaries, values, out_int32=False, right=False, side=None, sorter=None):
    if sorter is not None or c.rank(boundaries) != 1:
        raise OnnxExporterError("searchsorted() in several sequences, or with a sorter, has no form in ONNX here")
    found = _count_below(c, boundaries, values, right or side == "right")
    return c.cast(found, kagari.int32) if out_int32 else found


@form("linalg_det")
def det(c, node, x):
    return c.op("Det", c.value(x))


@form("tril_indices", "triu_indices")
def triangle_indices(c, node, row, col, offset=0, **options):
    from kagari.fx._recording import operator_name
    return c.constant(getattr(kagari, operator_name(node.target))(row, col, offset).to(c.dtype(node)))


@form("cumprod", "logcumsumexp")
def scans(c, node, x, dim, dtype=None):
    """Along a dimension of known size, as that many steps."""
    from kagari.fx._recording import operator_name
    name, dim = operator_name(node.target), dim % max(c.rank(x), 1)
    if c.is_dynamic(x, dim) or c.shape(x)[dim] > 64:
        raise OnnxExporterError(f"{name}() of this tensor has no form in ONNX")
    kind = c.dtype(node)
    parts, total = [], None
    for i in range(c.shape(x)[dim]):
        part = c.op("Slice", c.value(x, kind), [i], [i + 1], [dim])
        if total is None:
            total = part
        elif name == "cumprod":
            total = c.op("Mul", total, part)
        else:
            total = c.op("Add", c.op("Max", total, part), c.op("Softplus", c.op("Neg", c.op("Abs", c.op("Sub", total, part)))))
        parts.append(total)
    return c.op("Concat", *parts, axis=dim)
