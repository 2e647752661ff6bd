"""Sums, means, extrema and what is built of them."""
import kagari
from kagari.onnx._operators import form


def axes(c, x, dim):
    rank = c.rank(x)
    if dim is None or (not isinstance(dim, int) and len(dim) == 0):
        return list(range(rank))
    return [d % max(rank, 1) for d in ([dim] if type(dim) is int else dim)]


def reduce(c, kind, value, x, dim, keepdim):
    found = axes(c, x, dim)
    if c.rank(x) == 0:
        return c.op("Identity", value)
    return c.axes_op(kind, value, found, keepdims=int(keepdim))


@form("sum", "nansum")
def sum_(c, node, x, dim=None, keepdim=False, dtype=None):
    return reduce(c, "ReduceSum", c.value(x, c.dtype(node)), x, dim, keepdim)


@form("mean")
def mean(c, node, x, dim=None, keepdim=False, dtype=None):
    return reduce(c, "ReduceMean", c.value(x, c.dtype(node)), x, dim, keepdim)


@form("prod")
def prod(c, node, x, dim=None, keepdim=False, dtype=None):
    return reduce(c, "ReduceProd", c.value(x, c.dtype(node)), x, dim, keepdim)


@form("amax")
def amax(c, node, x, dim=(), keepdim=False):
    return reduce(c, "ReduceMax", c.value(x), x, dim, keepdim)


@form("amin")
def amin(c, node, x, dim=(), keepdim=False):
    return reduce(c, "ReduceMin", c.value(x), x, dim, keepdim)


def _extremum(name, kind, arg):
    @form(name)
    def convert(c, node, x, dim=None, keepdim=False):
        if dim is None:
            return reduce(c, kind, c.value(x), x, None, False)
        return [reduce(c, kind, c.value(x), x, dim, keepdim), c.op(arg, c.value(x), axis=dim % max(c.rank(x), 1), keepdims=int(keepdim))]


_extremum("max", "ReduceMax", "ArgMax")
_extremum("min", "ReduceMin", "ArgMin")


def _position(name, kind):
    @form(name)
    def convert(c, node, x, dim=None, keepdim=False):
        if dim is not None:
            return c.op(kind, c.value(x), axis=dim % max(c.rank(x), 1), keepdims=int(keepdim))
        found = c.op(kind, c.op("Reshape", c.value(x), [-1]), axis=0, keepdims=0)
        return c.op("Reshape", found, [1] * c.rank(x)) if keepdim else found


_position("argmax", "ArgMax")
_position("argmin", "ArgMin")


@form("all")
def all_(c, node, x, dim=None, keepdim=False):
    return c.cast(reduce(c, "ReduceMin", c.cast(c.value(x, kagari.bool), kagari.int32), x, dim, keepdim), kagari.bool)


@form("any")
def any_(c, node, x, dim=None, keepdim=False):
    return c.cast(reduce(c, "ReduceMax", c.cast(c.value(x, kagari.bool), kagari.int32), x, dim, keepdim), kagari.bool)


@form("logsumexp")
def logsumexp(c, node, x, dim, keepdim=False):
    return reduce(c, "ReduceLogSumExp", c.value(x, c.dtype(node)), x, dim, keepdim)


@form("linalg_vector_norm")
def vector_norm(c, node, x, ord=2, dim=None, keepdim=False, dtype=None):
    value, kind = c.value(x, c.dtype(node)), c.dtype(node)
    if ord in (1, 2):
        return reduce(c, f"ReduceL{int(ord)}", value, x, dim, keepdim)
    size = c.op("Abs", value)
    if ord == float("inf"):
        return reduce(c, "ReduceMax", size, x, dim, keepdim)
    if ord == float("-inf"):
        return reduce(c, "ReduceMin", size, x, dim, keepdim)
    powers = c.op("Pow", size, c.value(float(ord), kind))
    return c.op("Pow", reduce(c, "ReduceSum", powers, x, dim, keepdim), c.value(1 / ord, kind))


def variance(c, node, x, dim, correction, keepdim):
    dtype = c.dtype(x)
    value, found = c.value(x), axes(c, x, dim)
    mean = c.axes_op("ReduceMean", value, found, keepdims=1)
    apart = c.op("Sub", value, mean)
    square = c.axes_op("ReduceMean", c.op("Mul", apart, apart), found, keepdims=int(keepdim))
    correction = 1 if correction is None else correction
    if correction:
        if any(c.is_dynamic(x, d) for d in found):
            count = c.cast(c.op("Gather", c.op("Shape", value), found, axis=0), dtype)
            count = c.axes_op("ReduceProd", count, [0], keepdims=0)
        else:
            total = 1
            for d in found:
                total *= c.shape(x)[d]
            count = c.value(float(total), dtype)
        square = c.op("Mul", square, c.op("Div", count, c.op("Sub", count, c.value(float(correction), dtype))))
    return square, mean, found


@form("var")
def var(c, node, x, dim=None, correction=None, keepdim=False):
    return variance(c, node, x, dim, correction, keepdim)[0]


@form("std")
def std(c, node, x, dim=None, correction=None, keepdim=False):
    return c.op("Sqrt", variance(c, node, x, dim, correction, keepdim)[0])


@form("var_mean")
def var_mean(c, node, x, dim=None, correction=None, keepdim=False):
    square, mean, found = variance(c, node, x, dim, correction, keepdim)
    return [square, mean if keepdim else c.axes_op("Squeeze", mean, found)]


@form("std_mean")
def std_mean(c, node, x, dim=None, correction=None, keepdim=False):
    square, mean = var_mean(c, node, x, dim, correction, keepdim)
    return [c.op("Sqrt", square), mean]


@form("cumsum")
def cumsum(c, node, x, dim, dtype=None):
    return c.op("CumSum", c.value(x, c.dtype(node)), c.value(dim, kagari.int64))


@form("topk")
def topk(c, node, x, k, dim=-1, largest=True, sorted=True):
    return c.op("TopK", c.value(x), c.integer(k), axis=dim % max(c.rank(x), 1), largest=int(largest), sorted=int(sorted), outputs=2)


@form("sort")
def sort(c, node, x, dim=-1, descending=False):
    dim %= max(c.rank(x), 1)
    return c.op("TopK", c.value(x), c.size(c.value(x), dim), axis=dim, largest=int(descending), sorted=1, outputs=2)


@form("count_nonzero")
def count_nonzero(c, node, x, dim=None):
    return reduce(c, "ReduceSum", c.cast(c.value(x, kagari.bool), kagari.int64), x, dim, False)
