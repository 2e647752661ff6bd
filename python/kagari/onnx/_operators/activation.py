"""Activations and softmax."""
import math

import kagari
from kagari.onnx._operators import form


@form("relu")
def relu(c, node, x):
    return c.op("Relu", c.value(x))


@form("leaky_relu")
def leaky_relu(c, node, x, negative_slope=0.01):
    return c.op("LeakyRelu", c.value(x), alpha=float(negative_slope))


@form("hardtanh")
def hardtanh(c, node, x, min_val=-1, max_val=1):
    dtype = c.dtype(node)
    return c.op("Clip", c.value(x), c.value(min_val, dtype), c.value(max_val, dtype))


@form("hardsigmoid")
def hardsigmoid(c, node, x):
    return c.op("HardSigmoid", c.value(x), alpha=1 / 6, beta=0.5)


@form("hardswish")
def hardswish(c, node, x):
    if c.opset >= 14:
        return c.op("HardSwish", c.value(x))
    return c.op("Mul", c.value(x), hardsigmoid(c, node, x))


@form("elu")
def elu(c, node, x, alpha=1, scale=1, input_scale=1):
    dtype, value = c.dtype(node), c.value(x)
    if scale == 1 and input_scale == 1:
        return c.op("Elu", value, alpha=float(alpha))
    negative = c.op("Mul", c.op("Sub", c.op("Exp", c.op("Mul", value, c.value(input_scale, dtype))), c.value(1, dtype)), c.value(alpha, dtype))
    return c.op("Mul", c.op("Where", c.op("Greater", value, c.value(0, dtype)), value, negative), c.value(scale, dtype))


@form("celu")
def celu(c, node, x, alpha=1.0):
    return c.op("Celu", c.value(x), alpha=float(alpha))


@form("selu")
def selu(c, node, x):
    return c.op("Selu", c.value(x))


@form("gelu")
def gelu(c, node, x, approximate="none"):
    dtype, value = c.dtype(node), c.value(x)
    half = c.op("Mul", value, c.value(0.5, dtype))
    if approximate == "tanh":
        cube = c.op("Mul", c.op("Mul", value, value), value)
        inner = c.op("Mul", c.op("Add", value, c.op("Mul", cube, c.value(0.044715, dtype))), c.value(math.sqrt(2 / math.pi), dtype))
        share = c.op("Tanh", inner)
    else:
        share = c.op("Erf", c.op("Div", value, c.value(math.sqrt(2), dtype)))
    return c.op("Mul", half, c.op("Add", share, c.value(1.0, dtype)))


@form("silu")
def silu(c, node, x):
    return c.op("Mul", c.value(x), c.op("Sigmoid", c.value(x)))


@form("mish")
def mish(c, node, x):
    return c.op("Mul", c.value(x), c.op("Tanh", c.op("Softplus", c.value(x))))


@form("softplus")
def softplus(c, node, x, beta=1, threshold=20):
    dtype, value = c.dtype(node), c.value(x)
    if beta == 1:
        return c.op("Softplus", value)
    return c.op("Div", c.op("Softplus", c.op("Mul", value, c.value(beta, dtype))), c.value(beta, dtype))


@form("log_sigmoid")
def log_sigmoid(c, node, x):
    return c.op("Neg", c.op("Softplus", c.op("Neg", c.value(x))))


@form("softshrink")
def softshrink(c, node, x, lambd=0.5):
    return c.op("Shrink", c.value(x), bias=float(lambd), lambd=float(lambd))


@form("hardshrink")
def hardshrink(c, node, x, lambd=0.5):
    return c.op("Shrink", c.value(x), bias=0.0, lambd=float(lambd))


@form("threshold")
def threshold(c, node, x, threshold, value):
    dtype = c.dtype(node)
    return c.op("Where", c.op("Greater", c.value(x), c.value(threshold, dtype)), c.value(x), c.value(value, dtype))


@form("logit")
def logit(c, node, x, eps=None):
    dtype, value = c.dtype(node), c.value(x, c.dtype(node))
    if eps is not None:
        value = c.op("Clip", value, c.value(eps, dtype), c.value(1 - eps, dtype))
    return c.op("Log", c.op("Div", value, c.op("Sub", c.value(1, dtype), value)))


@form("_prelu_kernel")
def prelu_kernel(c, node, x, weight):
    return c.op("PRelu", c.value(x), c.value(weight))


@form("glu")
def glu(c, node, x, dim=-1):
    sections = {"num_outputs": 2} if c.opset >= 18 else {}
    a, b = c.op("Split", c.value(x), axis=dim, outputs=2, **sections)
    return c.op("Mul", a, c.op("Sigmoid", b))


def _normalised(kind, c, node, x, dim, dtype):
    value, rank = c.value(x, dtype if dtype is not None else None), c.rank(x)
    if rank == 0:
        return c.op("Sub", value, value) if kind == "LogSoftmax" else c.op("Exp", c.op("Sub", value, value))
    dim %= rank
    if c.opset >= 13 or dim == rank - 1:
        return c.op(kind, value, axis=dim)
    order = list(range(rank))
    order[dim], order[-1] = order[-1], order[dim]
    return c.op("Transpose", c.op(kind, c.op("Transpose", value, perm=order), axis=rank - 1), perm=order)


@form("softmax")
def softmax(c, node, x, dim, dtype=None):
    return _normalised("Softmax", c, node, x, dim, dtype or (kagari.float32 if not c.dtype(x).is_floating_point else None))


@form("log_softmax")
def log_softmax(c, node, x, dim, dtype=None):
    return _normalised("LogSoftmax", c, node, x, dim, dtype)
