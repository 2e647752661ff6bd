"""New tensors."""
import kagari
from kagari.fx.node import Node
from kagari.onnx._builder import onnx_dtype
from kagari.onnx._operators import form


def filled(c, sizes, value, dtype):
    if not any(isinstance(n, Node) for n in sizes):
        return c.constant(kagari.full(list(sizes), value, dtype=dtype))
    return c.op("Expand", c.value(value, dtype), c.ints(sizes))


def _filled(name, value):
    @form(name)
    def convert(c, node, sizes, *rest, **options):
        return filled(c, sizes, value, c.dtype(node))

    @form(f"{name}_like")
    def convert_like(c, node, x, *rest, **options):
        return c.op("Expand", c.value(value, c.dtype(node)), c.op("Shape", c.value(x)))

    @form(f"new_{name}")
    def convert_new(c, node, x, sizes, *rest, **options):
        return filled(c, sizes, value, c.dtype(node))


for _name, _value in (("zeros", 0), ("ones", 1), ("empty", 0)):
    _filled(_name, _value)


@form("full")
def full(c, node, sizes, value, **options):
    return filled(c, sizes, value, c.dtype(node))


@form("new_full")
def new_full(c, node, x, sizes, value, **options):
    return filled(c, sizes, value, c.dtype(node))


@form("full_like")
def full_like(c, node, x, value, **options):
    return c.op("Expand", c.value(value, c.dtype(node)), c.op("Shape", c.value(x)))


@form("fill")
def fill(c, node, x, value):
    return c.op("Expand", c.value(value, c.dtype(node)), c.op("Shape", c.value(x)))


@form("zero")
def zero(c, node, x):
    return fill(c, node, x, 0)


@form("scalar_tensor")
def scalar_tensor(c, node, value, **options):
    return c.value(value, c.dtype(node))


@form("arange")
def arange(c, node, start, end=None, step=1, **options):
    if end is None:
        start, end = 0, start
    dtype = c.dtype(node)
    if not any(isinstance(one, Node) for one in (start, end, step)):
        return c.constant(kagari.arange(start, end, step, dtype=dtype))
    return c.op("Range", *(c.value(one, dtype) for one in (start, end, step)))


@form("linspace")
def linspace(c, node, start, end, steps, **options):
    return c.constant(kagari.linspace(start, end, steps, dtype=c.dtype(node)))


@form("eye")
def eye(c, node, n, m=None, **options):
    m = n if m is None else m
    if not isinstance(n, Node) and not isinstance(m, Node):
        return c.constant(kagari.eye(n, m, dtype=c.dtype(node)))
    return c.op("EyeLike", c.op("Expand", c.value(0, c.dtype(node)), c.ints([n, m])), dtype=onnx_dtype(c.dtype(node)))


@form("rand", "rand_like")
def rand(c, node, *args, **options):
    return c.op("RandomUniform", shape=c.shape(node), dtype=onnx_dtype(c.dtype(node)))


@form("randn", "randn_like")
def randn(c, node, *args, **options):
    return c.op("RandomNormal", shape=c.shape(node), dtype=onnx_dtype(c.dtype(node)))
