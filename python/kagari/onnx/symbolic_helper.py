"""Names with which programs write ONNX forms of operators (torch.onnx.register_custom_op_symbolic)."""
import functools

import kagari
from kagari.onnx._builder import DTYPES
from kagari.onnx._symbolic_graph import Value
from kagari.onnx.errors import OnnxExporterError, SymbolicValueError

__all__ = ["cast_pytorch_to_onnx", "parse_args"]

cast_pytorch_to_onnx = {"Byte": 2, "Char": 3, "Double": 11, "Float": 1, "Half": 10, "Int": 6, "Long": 7, "Short": 5, "Bool": 9, "ComplexFloat": 14,
                        "ComplexDouble": 15, "BFloat16": 16}
pytorch_name_to_type = {name: dtype for name, number in cast_pytorch_to_onnx.items() for dtype, own in DTYPES.items() if own == number}


def parse_args(*arg_descriptors):
    """Decorator of symbolic functions. One letter for each argument: v value, i int, f float, b bool, s string, t tensor, is and fs lists, none any."""
    def decorate(function):
        @functools.wraps(function)
        def wrapper(g, *args, **kwargs):
            return function(g, *(_parsed(value, kind) for value, kind in zip(args, arg_descriptors)), *args[len(arg_descriptors):], **kwargs)
        return wrapper
    return decorate


def _parsed(value, kind):
    if kind in ("v", "none") or value is None:
        return value
    if isinstance(value, Value):
        raise SymbolicValueError(f"Failed to export, an argument described as {kind!r} depends on the input and is no constant", value)
    convert = {"i": int, "f": float, "b": bool, "s": str, "t": kagari.as_tensor, "is": list, "fs": lambda values: [float(v) for v in values]}
    return convert[kind](value)


def _unimplemented(op, msg, value=None):
    raise OnnxExporterError(f"ONNX export failed on {op} because {msg}")


def _onnx_unsupported(op_name, value=None):
    raise OnnxExporterError(f"Unsupported: ONNX export of operator {op_name}.")


def _is_value(x):
    return isinstance(x, Value)


def _is_none(x):
    return x is None


def _is_constant(x):
    return not isinstance(x, Value)


def _get_const(value, desc, arg_name):
    return _parsed(value, desc)


def _maybe_get_const(value, descriptor):
    return value if isinstance(value, Value) else _parsed(value, descriptor)


def _get_tensor_rank(x):
    return x.dim()


def _get_tensor_sizes(x, allow_nonstatic=True):
    return x.sizes()


def _get_tensor_dim_size(x, dim):
    sizes = x.sizes()
    return None if sizes is None else sizes[dim]
