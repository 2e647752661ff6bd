"""Arithmetic, comparison, logic and functions of single elements."""
import math

import kagari
from kagari.onnx._operators import form
from kagari.onnx.errors import OnnxExporterError


def _unary(name, kind):
    @form(name)
    def convert(c, node, x):
        return c.op(kind, c.value(x, c.dtype(node)))


for _name, _kind in {"exp": "Exp", "log": "Log", "sqrt": "Sqrt", "sigmoid": "Sigmoid", "tanh": "Tanh", "sin": "Sin", "cos": "Cos", "tan": "Tan", "asin": "Asin",
                     "acos": "Acos", "atan": "Atan", "sinh": "Sinh", "cosh": "Cosh", "asinh": "Asinh", "acosh": "Acosh", "atanh": "Atanh", "erf": "Erf", "abs": "Abs",
                     "neg": "Neg", "floor": "Floor", "ceil": "Ceil", "reciprocal": "Reciprocal", "sign": "Sign", "sgn": "Sign"}.items():
    _unary(_name, _kind)


def _binary(kind, c, node, a, b):
    dtype = c.dtype(node)
    return c.op(kind, c.value(a, dtype), c.value(b, dtype))


@form("add")
def add(c, node, a, b, alpha=1):
    dtype = c.dtype(node)
    if dtype is kagari.bool:
        return c.op("Or", c.value(a), c.value(b, kagari.bool))
    right = c.value(b, dtype)
    if alpha != 1:
        right = c.op("Mul", right, c.value(alpha, dtype))
    return c.op("Add", c.value(a, dtype), right)


@form("sub")
def sub(c, node, a, b, alpha=1):
    dtype = c.dtype(node)
    right = c.value(b, dtype)
    if alpha != 1:
        right = c.op("Mul", right, c.value(alpha, dtype))
    return c.op("Sub", c.value(a, dtype), right)


@form("rsub")
def rsub(c, node, a, b, alpha=1):
    dtype = c.dtype(node)
    left = c.value(a, dtype)
    if alpha != 1:
        left = c.op("Mul", left, c.value(alpha, dtype))
    return c.op("Sub", c.value(b, dtype), left)


@form("mul")
def mul(c, node, a, b):
    if c.dtype(node) is kagari.bool:
        return c.op("And", c.value(a), c.value(b, kagari.bool))
    return _binary("Mul", c, node, a, b)


def _floor_of_quotient(c, node, a, b):
    dtype = c.dtype(node)
    left, right = c.value(a, dtype), c.value(b, dtype)
    if dtype.is_floating_point:
        return c.op("Floor", c.op("Div", left, right))
    return c.op("Div", c.op("Sub", left, c.op("Mod", left, right)), right)


@form("div")
def div(c, node, a, b, rounding_mode=None):
    if rounding_mode == "floor":
        return _floor_of_quotient(c, node, a, b)
    quotient = _binary("Div", c, node, a, b)
    return _truncated(c, quotient, c.dtype(node)) if rounding_mode == "trunc" else quotient


form("floor_divide")(_floor_of_quotient)


def _truncated(c, x, dtype):
    return c.op("Mul", c.op("Sign", x), c.op("Floor", c.op("Abs", x))) if dtype.is_floating_point else x


@form("trunc")
def trunc(c, node, x):
    return _truncated(c, c.value(x), c.dtype(node))


@form("frac")
def frac(c, node, x):
    return c.op("Sub", c.value(x), _truncated(c, c.value(x), c.dtype(node)))


@form("remainder")
def remainder(c, node, a, b):
    dtype = c.dtype(node)
    left, right = c.value(a, dtype), c.value(b, dtype)
    if not dtype.is_floating_point:
        return c.op("Mod", left, right)
    return c.op("Sub", left, c.op("Mul", right, c.op("Floor", c.op("Div", left, right))))


@form("fmod")
def fmod(c, node, a, b):
    dtype = c.dtype(node)
    return c.op("Mod", c.value(a, dtype), c.value(b, dtype), fmod=1)


@form("pow")
def power(c, node, a, b):
    return _binary("Pow", c, node, a, b)


@form("square")
def square(c, node, x):
    value = c.value(x, c.dtype(node))
    return c.op("Mul", value, value)


@form("rsqrt")
def rsqrt(c, node, x):
    return c.op("Reciprocal", c.op("Sqrt", c.value(x, c.dtype(node))))


def _of_log(name, factor):
    @form(name)
    def convert(c, node, x):
        dtype = c.dtype(node)
        return c.op("Mul", c.op("Log", c.value(x, dtype)), c.value(factor, dtype))


_of_log("log2", 1 / math.log(2))
_of_log("log10", 1 / math.log(10))


@form("log1p")
def log1p(c, node, x):
    dtype = c.dtype(node)
    return c.op("Log", c.op("Add", c.value(x, dtype), c.value(1, dtype)))


@form("expm1")
def expm1(c, node, x):
    dtype = c.dtype(node)
    return c.op("Sub", c.op("Exp", c.value(x, dtype)), c.value(1, dtype))


@form("exp2")
def exp2(c, node, x):
    dtype = c.dtype(node)
    return c.op("Pow", c.value(2, dtype), c.value(x, dtype))


@form("erfc")
def erfc(c, node, x):
    dtype = c.dtype(node)
    return c.op("Sub", c.value(1, dtype), c.op("Erf", c.value(x, dtype)))


@form("round")
def rounded(c, node, x, decimals=0):
    dtype = c.dtype(node)
    if not dtype.is_floating_point:
        return c.value(x)
    if decimals == 0:
        return c.op("Round", c.value(x))
    scale = c.value(10.0 ** decimals, dtype)
    return c.op("Div", c.op("Round", c.op("Mul", c.value(x), scale)), scale)


@form("deg2rad")
def deg2rad(c, node, x):
    return c.op("Mul", c.value(x, c.dtype(node)), c.value(math.pi / 180, c.dtype(node)))


@form("rad2deg")
def rad2deg(c, node, x):
    return c.op("Mul", c.value(x, c.dtype(node)), c.value(180 / math.pi, c.dtype(node)))


@form("atan2")
def atan2(c, node, y, x):
    dtype = c.dtype(node)
    up, right, zero, pi = c.value(y, dtype), c.value(x, dtype), c.value(0.0, dtype), c.value(math.pi, dtype)
    angle = c.op("Atan", c.op("Div", up, right))
    turned = c.op("Where", c.op("Less", up, zero), c.op("Sub", angle, pi), c.op("Add", angle, pi))
    angle = c.op("Where", c.op("Less", right, zero), turned, angle)
    origin = c.op("And", c.op("Equal", up, zero), c.op("Equal", right, zero))
    return c.op("Where", origin, zero, angle)


@form("maximum", "fmax")
def maximum(c, node, a, b):
    return _binary("Max", c, node, a, b)


@form("minimum", "fmin")
def minimum(c, node, a, b):
    return _binary("Min", c, node, a, b)


@form("clamp")
def clamp(c, node, x, min=None, max=None):
    dtype = c.dtype(node)
    value = c.value(x, dtype)
    if min is not None:
        value = c.op("Max", value, c.value(min, dtype))
    if max is not None:
        value = c.op("Min", value, c.value(max, dtype))
    return value


@form("addcmul")
def addcmul(c, node, x, a, b, value=1):
    dtype = c.dtype(node)
    product = c.op("Mul", c.value(a, dtype), c.value(b, dtype))
    if value != 1:
        product = c.op("Mul", product, c.value(value, dtype))
    return c.op("Add", c.value(x, dtype), product)


@form("addcdiv")
def addcdiv(c, node, x, a, b, value=1):
    dtype = c.dtype(node)
    return c.op("Add", c.value(x, dtype), c.op("Mul", c.op("Div", c.value(a, dtype), c.value(b, dtype)), c.value(value, dtype)))


@form("lerp")
def lerp(c, node, a, b, weight):
    dtype = c.dtype(node)
    start = c.value(a, dtype)
    return c.op("Add", start, c.op("Mul", c.value(weight, dtype), c.op("Sub", c.value(b, dtype), start)))


def _comparison(name, kind, negate=False):
    @form(name)
    def convert(c, node, a, b):
        dtype = c.promoted(a, b)
        if dtype is kagari.bool and kind != "Equal":
            dtype = kagari.int32
        found = c.op(kind, c.value(a, dtype), c.value(b, dtype))
        return c.op("Not", found) if negate else found


for _name, _kind, _negate in (("eq", "Equal", False), ("ne", "Equal", True), ("lt", "Less", False), ("gt", "Greater", False)):
    _comparison(_name, _kind, _negate)
_comparison("le", "Greater", True)
_comparison("ge", "Less", True)


def _logic(name, kind):
    @form(name)
    def convert(c, node, a, b):
        return c.op(kind, c.value(a, kagari.bool), c.value(b, kagari.bool))


for _name, _kind in (("logical_and", "And"), ("logical_or", "Or"), ("logical_xor", "Xor")):
    _logic(_name, _kind)


@form("logical_not")
def logical_not(c, node, x):
    return c.op("Not", c.value(x, kagari.bool))


def _bitwise(name, boolean, integer):
    @form(name)
    def convert(c, node, a, b):
        dtype = c.dtype(node)
        if dtype is not kagari.bool and c.opset < 18:
            raise OnnxExporterError(f"{name} of integers needs opset version 18")
        return c.op(boolean if dtype is kagari.bool else integer, c.value(a, dtype), c.value(b, dtype))


for _name, _boolean, _integer in (("bitwise_and", "And", "BitwiseAnd"), ("bitwise_or", "Or", "BitwiseOr"), ("bitwise_xor", "Xor", "BitwiseXor")):
    _bitwise(_name, _boolean, _integer)


@form("bitwise_not")
def bitwise_not(c, node, x):
    return c.op("Not" if c.dtype(node) is kagari.bool else "BitwiseNot", c.value(x))


@form("isnan")
def isnan(c, node, x):
    return c.op("IsNaN", c.value(x))


@form("isinf")
def isinf(c, node, x):
    return c.op("IsInf", c.value(x))


@form("isfinite")
def isfinite(c, node, x):
    return c.op("Not", c.op("Or", c.op("IsNaN", c.value(x)), c.op("IsInf", c.value(x))))


@form("where")
def where(c, node, condition, a, b):
    dtype = c.dtype(node)
    return c.op("Where", c.value(condition, kagari.bool), c.value(a, dtype), c.value(b, dtype))


@form("masked_fill")
def masked_fill(c, node, x, mask, value):
    dtype = c.dtype(node)
    return c.op("Where", c.value(mask, kagari.bool), c.value(value, dtype), c.value(x))


@form("nan_to_num")
def nan_to_num(c, node, x, nan=None, posinf=None, neginf=None):
    dtype, value = c.dtype(node), c.value(x)
    info = kagari.finfo(dtype)
    value = c.op("Where", c.op("IsNaN", c.value(x)), c.value(0.0 if nan is None else nan, dtype), value)
    value = c.op("Where", c.op("IsInf", c.value(x), detect_negative=0), c.value(info.max if posinf is None else posinf, dtype), value)
    return c.op("Where", c.op("IsInf", c.value(x), detect_positive=0), c.value(info.min if neginf is None else neginf, dtype), value)


@form("_to_copy", "to", "type_as")
def to_copy(c, node, x, *rest, **options):
    return c.value(x, c.dtype(node)) if c.dtype(x) != c.dtype(node) else c.op("Identity", c.value(x))


@form("clone", "contiguous", "alias", "detach", "resolve_conj", "resolve_neg", "positive")
def same(c, node, x, **options):
    return c.op("Identity", c.value(x))


@form("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout")
def dropout(c, node, x, p=0.5, train=False):
    if train and p:
        raise OnnxExporterError("dropout in training mode cannot be exported; call eval() on the module first")
    return c.op("Identity", c.value(x))


@form("xlogy")
def xlogy(c, node, x, y):
    dtype = c.dtype(node)
    left, right, zero = c.value(x, dtype), c.value(y, dtype), c.value(0, dtype)
    product = c.op("Mul", left, c.op("Log", right))
    return c.op("Where", c.op("And", c.op("Equal", left, zero), c.op("Not", c.op("IsNaN", right))), zero, product)
