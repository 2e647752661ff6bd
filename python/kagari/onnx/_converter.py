"""From a recorded graph to an ONNX graph, operator by operator."""
import operator

import kagari
from kagari.fx._dynamic_sizes import size_target, sym_size
from kagari.fx._recording import operator_name
from kagari.fx.node import Node
from kagari.onnx import _operators
from kagari.onnx._builder import Builder, onnx_dtype
from kagari.onnx.errors import OnnxExporterError, UnsupportedOperatorError


class Converter(Builder):
    """Holds the names of the graph's values. The functions of kagari.onnx._operators are called with it first."""

    def __init__(self, opset, custom=None):
        super().__init__(opset)
        self.values, self.custom, self.tensors = {}, custom or {}, {}

    # --- what operators ask ------------------------------------------------------------------
    def value(self, x, dtype=None):
        """The name of an argument: a node's value, or a number as a constant of the dtype. With a dtype, tensors are cast to it."""
        if isinstance(x, Node):
            name = self.values[x]
            if "expression" in x.meta or self.is_size(x):
                name = self.op("Squeeze", name, [0]) if self.opset >= 13 else self.op("Squeeze", name, axes=[0])
                return name if dtype in (None, kagari.int64) else self.cast(name, dtype)
            if dtype is not None and self.dtype(x) != dtype:
                return self.cast(name, dtype)
            return name
        if isinstance(x, kagari.Tensor):
            return self.constant(x, dtype)
        return self.constant(x, dtype)

    @staticmethod
    def is_size(x):
        return x.op == "call_function" and (x.target is sym_size or x.target is size_target())

    @staticmethod
    def dtype(x):
        return x.meta["val"].dtype

    @staticmethod
    def shape(x):
        """Sizes in the recording; those of dynamic dimensions are only examples."""
        return list(x.meta["val"].shape)

    def rank(self, x):
        return len(self.shape(x))

    def is_dynamic(self, x, dim):
        """Whether a dimension's size may differ from the recorded one."""
        sizes = x.meta.get("sizes")
        if sizes is None:
            return bool(self.symbols)
        return isinstance(sizes[dim], tuple)

    symbols = {}

    def promoted(self, *arguments):
        """The dtype in which arithmetic of these arguments is done."""
        dtypes = [kagari.empty(self.shape(x), dtype=self.dtype(x), device="meta") if isinstance(x, Node) and hasattr(x.meta.get("val"), "dtype") else
                  (0 if isinstance(x, Node) else x) for x in arguments]
        result = dtypes[0]
        kind = None
        for other in dtypes[1:]:
            kind = kagari.result_type(result, other)
            result = kagari.empty(max((tuple(one.shape) for one in (result, other) if isinstance(one, kagari.Tensor)), key=len), dtype=kind, device="meta")
        return kind if kind is not None else result.dtype

    def ints(self, values):
        """A list of ints, some of which may depend on sizes, as a tensor of int64."""
        if not any(isinstance(one, Node) for one in values):
            return self.constant([int(one) for one in values])
        parts, run = [], []
        for one in values:
            if isinstance(one, Node):
                if run:
                    parts.append(self.constant(run))
                    run = []
                parts.append(self.values[one])
            else:
                run.append(int(one))
        if run:
            parts.append(self.constant(run))
        return parts[0] if len(parts) == 1 else self.op("Concat", *parts, axis=0)

    def integer(self, value):
        """One such int as a tensor of one element."""
        return self.values[value] if isinstance(value, Node) else self.constant([int(value)])

    def renamed(self, old, new):
        for node, name in self.values.items():
            if name == old:
                self.values[node] = new
            elif isinstance(name, list) and old in name:
                self.values[node] = [new if one == old else one for one in name]

    # --- the graph -----------------------------------------------------------------------------
    def convert(self, node):
        """Adds what one node is."""
        if node.op == "get_attr":
            self.values[node] = self.initializer(node.target, self.tensors[node.target])
            return
        self.hint = node.name
        if node.target is operator.getitem:
            found = self.values[node.args[0]]
            if found[node.args[1]] is None:
                raise OnnxExporterError(f"result {node.args[1]} of {operator_name(node.args[0].target)}() has no form in ONNX")
            self.values[node] = found[node.args[1]]
            return
        if self.is_size(node):
            self.values[node] = self.size(self.values[node.args[0]], node.args[1])
            return
        if node.target in (operator.add, operator.mul, operator.floordiv, operator.sub):
            kind = {operator.add: "Add", operator.mul: "Mul", operator.floordiv: "Div", operator.sub: "Sub"}[node.target]
            self.values[node] = self.op(kind, *(self.integer(one) for one in node.args))
            return
        name = operator_name(node.target)
        function = self.custom.get(node.target) or self.custom.get(name) or _operators.find(name)
        if function is None:
            raise UnsupportedOperatorError(f"aten::{name}", self.opset)
        try:
            self.values[node] = function(self, node, *node.args, **node.kwargs)
        except OnnxExporterError:
            raise
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise OnnxExporterError(f"{name}() cannot be written as ONNX with these arguments: {node.format_node()} ({error})") from error


__all__ = ["Converter", "onnx_dtype"]
