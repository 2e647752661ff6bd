"""The interface g.op(...) in which programs write ONNX forms of operators."""
from kagari.fx.node import Node
from kagari.onnx.errors import OnnxExporterError


class Value:
    """A value of the ONNX graph."""

    def __init__(self, name, node=None):
        self.name, self.fx_node = name, node

    def type(self):
        return self

    def dim(self):
        return None if self.fx_node is None else len(self.fx_node.meta["val"].shape)

    def sizes(self):
        return None if self.fx_node is None else list(self.fx_node.meta["val"].shape)

    def dtype(self):
        return None if self.fx_node is None else self.fx_node.meta["val"].dtype

    def setType(self, type):
        """Accepted: ONNX infers types."""


class SymbolicGraph:
    """Adds nodes to the graph under construction."""

    def __init__(self, converter):
        self.converter, self.opset = converter, converter.opset

    def op(self, kind, *values, outputs=1, **attributes):
        """A node; attributes end in _i, _f, _s or _t for ints, floats, strings and tensors."""
        domain, _, name = kind.rpartition("::")
        if name == "Constant":
            return Value(self.converter.constant(attributes["value_t"]))
        made = {}
        for key, value in attributes.items():
            stem, _, sort = key.rpartition("_")
            if sort == "t":
                raise OnnxExporterError("attributes that are tensors are supported for Constant only")
            made[stem] = [float(v) for v in value] if sort == "f" and isinstance(value, (list, tuple)) else float(value) if sort == "f" else \
                list(value) if isinstance(value, tuple) else value
        domain = "" if domain in ("onnx", "aten") else domain
        results = self.converter.op(name, *(self.name_of(value) for value in values), outputs=outputs, domain=domain, **made)
        return Value(results) if outputs == 1 else tuple(Value(one) for one in results)

    def name_of(self, value):
        if value is None:
            return None
        return value.name if isinstance(value, Value) else self.converter.value(value)


def _arguments(converter, args):
    return [Value(converter.value(one), one) if isinstance(one, Node) else [Value(converter.value(n), n) if isinstance(n, Node) else n for n in one]
            if isinstance(one, list) else one for one in args]


def as_form(function):
    """A form for kagari.onnx._operators from symbolic_fn(g, *args)."""
    def form(c, node, *args, **kwargs):
        result = function(SymbolicGraph(c), *_arguments(c, args), **dict(zip(kwargs, _arguments(c, list(kwargs.values())))))
        return [one.name for one in result] if isinstance(result, (tuple, list)) else result.name
    return form


def as_translation(function):
    """Functions of onnxscript have no place to run in."""
    def form(c, node, *args, **kwargs):
        raise OnnxExporterError("custom_translation_table: functions of onnxscript are not supported; use torch.onnx.register_custom_op_symbolic")
    return form if not getattr(function, "symbolic", False) else as_form(function)


__all__ = ["SymbolicGraph", "Value", "as_form", "as_translation"]
