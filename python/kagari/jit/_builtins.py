"""The functions that TorchScript calls on numbers, strings, lists and dicts under the names of operators.

One name may serve both kinds of values: `torch.add` of two tensors is the operator, of two ints or lists it is this one.
"""
import math
import operator
import warnings

import kagari


def raise_exception(message, kind="builtins.RuntimeError"):
    """Raises torch.jit.Error, which names the exception class of the program, as PyTorch's interpreter does."""
    raise kagari.jit.Error("The following operation failed in the TorchScript interpreter.\nTraceback of TorchScript (most recent call last):\n"
                           f"{kind}: {message}\n")


def text(value):
    """str() as TorchScript writes values."""
    return str(value)


def format_text(template, *values):
    """`template` with each {} replaced by a value; other fields of str.format are not part of TorchScript."""
    parts = template.split("{}")
    if len(parts) - 1 > len(values):
        raise RuntimeError("Too few arguments for format string")
    out = parts[0]
    for i, part in enumerate(parts[1:]):
        out += text(values[i]) + part
    return out


def percent_format(template, *values):
    return template % values


def _divide(a, b, *, rounding_mode=None):
    if rounding_mode is None:
        return a / b
    return a // b if rounding_mode == "floor" else math.trunc(a / b)


def _sublist(values, *bounds):
    """values[start:end:step], where absent bounds are None: of lists and strings."""
    start, end, step = (*bounds, *(None, None, None)[len(bounds):])
    return values[start:end:step]


def _pop(values, *at):
    return values.pop(*at) if type(values) is dict else values.pop(*(at or (-1,)))


def _delete(values, key):
    del values[key]


def _sort(values, reverse=False):
    values.sort(key=None, reverse=reverse)


def _count(values, item, *bounds):
    return values.count(item, *bounds) if type(values) is str else sum(1 for one in values if one == item)


def _split(value, separator=None, most=-1):
    return value.split(separator, most)


def _pairs(values):
    return list(values.items())


def _copied(value):
    return list(value) if type(value) is list else dict(value)


def _range_length(low, high, step):
    return len(range(low, high, step))


def _isinf(x):
    return math.isinf(x)


_METHODS = {name: getattr(str, name) for name in
            ("upper lower strip lstrip rstrip splitlines startswith endswith replace find rfind rindex isdigit isalpha isalnum isdecimal isidentifier islower "
             "isupper istitle isspace isprintable isnumeric capitalize title swapcase center ljust rjust zfill expandtabs partition rpartition rsplit").split()}

# Operator name -> what it does to values that are no tensors.
SCALAR = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": _divide, "floordiv": operator.floordiv, "remainder": operator.mod,
    "mod": operator.mod, "pow": operator.pow, "neg": operator.neg, "abs": abs, "eq": operator.eq, "ne": operator.ne, "lt": operator.lt,
    "le": operator.le, "gt": operator.gt, "ge": operator.ge, "__and__": operator.and_, "__or__": operator.or_, "__xor__": operator.xor,
    "__lshift__": operator.lshift, "__rshift__": operator.rshift, "bitwise_not": operator.invert, "__upto": lambda n: list(range(n)),
    "add_": operator.iadd, "mul_": operator.imul,
    "slice": _sublist, "sum": sum, "sort": _sort, "max": max, "min": min, "all": all, "any": any, "clear": lambda values: values.clear(),
    "copy": _copied, "index": lambda values, *rest: values.index(*rest), "split": _split, "floor": math.floor, "ceil": math.ceil,
    "round": lambda x, *digits: round(x, *digits), "sqrt": math.sqrt, "exp": math.exp, "expm1": math.expm1, "log": math.log, "log10": math.log10,
    "log1p": math.log1p, "log2": math.log2, "sin": math.sin, "cos": math.cos, "tan": math.tan, "asin": math.asin, "acos": math.acos, "atan": math.atan,
    "atan2": math.atan2, "sinh": math.sinh, "cosh": math.cosh, "tanh": math.tanh, "asinh": math.asinh, "acosh": math.acosh, "atanh": math.atanh,
    "erf": math.erf, "erfc": math.erfc, "gamma": math.gamma, "lgamma": math.lgamma, "isnan": math.isnan, "isinf": _isinf, "isfinite": math.isfinite,
    "fmod": math.fmod, "gcd": math.gcd, "copysign": math.copysign, "angle": lambda z: math.atan2(z.imag, z.real), "real": lambda z: z.real,
    "imag": lambda z: z.imag, "polar": lambda r, phi: complex(r * math.cos(phi), r * math.sin(phi)), "center": str.center,
    "is_floating_point": lambda x: type(x) is float,
}

# Names that never mean an operator on tensors (a tensor may still be among the values).
PLAIN = {
    "__not__": operator.not_, "__is__": operator.is_, "__isnot__": operator.is_not, "__contains__": lambda values, item: item in values,
    "append": lambda values, item: (values.append(item), values)[1], "extend": lambda values, more: values.extend(more),
    "insert": lambda values, at, item: values.insert(at, item), "pop": _pop, "Delete": _delete, "reverse": lambda values: values.reverse(),
    "sorted": lambda values, **options: sorted(values, **options), "remove": lambda values, item: values.remove(item), "count": _count,
    "list": list, "keys": lambda values: list(values.keys()), "values": lambda values: list(values.values()), "items": _pairs,
    "get": lambda values, *rest: values.get(*rest), "_set_item": operator.setitem, "setdefault": lambda values, *rest: values.setdefault(*rest),
    "update": lambda values, more: values.update(more), "popitem": lambda values: values.popitem(), "dict": dict,
    "join": lambda separator, parts: separator.join(parts), "format": format_text, "percentFormat": percent_format, "str": text,
    "ord": ord, "chr": chr, "hex": hex, "oct": oct, "bin": bin, "factorial": math.factorial, "degrees": math.degrees, "radians": math.radians,
    "fabs": math.fabs, "modf": math.modf, "frexp": math.frexp, "ldexp": math.ldexp, "mathremainder": math.remainder,
    "__range_length": _range_length, "__derive_index": lambda i, start, step: start + i * step, "warn": lambda message, level=2: warnings.warn(message, stacklevel=3),
    "manual_seed": kagari.manual_seed, "is_grad_enabled": kagari.is_grad_enabled, "set_grad_enabled": lambda on: kagari._C._set_grad_enabled(on),
    "get_autocast_dtype": lambda device: kagari.get_autocast_dtype(device), "is_autocast_enabled": lambda: kagari.is_autocast_enabled(),
    "device": lambda *name: kagari.device(*name), "is_scripting": lambda: True, "save": None, "Complex": complex,
    **{name: method for name, method in _METHODS.items() if name not in ("center",)},
}
del PLAIN["save"]
