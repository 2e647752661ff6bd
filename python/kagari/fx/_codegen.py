"""Python code for a graph."""
import builtins
import dataclasses
import keyword
import math
import re
import sys
import types
import typing

import kagari
from kagari.fx._namespace import _Namespace
from kagari.fx.node import Node, _get_qualified_name, _type_repr, map_arg
from kagari.utils import _pytree

_INFIX = {"add": "{} + {}", "sub": "{} - {}", "mul": "{} * {}", "floordiv": "{} // {}", "truediv": "{} / {}", "div": "{} / {}", "mod": "{} % {}", "pow": "{} ** {}",
          "lshift": "{} << {}", "rshift": "{} >> {}", "and_": "{} & {}", "or_": "{} | {}", "xor": "{} ^ {}", "getitem": "{}[{}]", "matmul": "{} @ {}",
          "eq": "{} == {}", "ne": "{} != {}", "lt": "{} < {}", "gt": "{} > {}", "le": "{} <= {}", "ge": "{} >= {}", "pos": "+{}", "neg": "-{}", "invert": "~{}"}
_INPLACE = {"iadd": "{} += {}", "isub": "{} -= {}", "imul": "{} *= {}", "ifloordiv": "{} //= {}", "itruediv": "{} /= {}", "imod": "{} %= {}", "ipow": "{} **= {}",
            "ilshift": "{} <<= {}", "irshift": "{} >>= {}", "iand": "{} &= {}", "ior": "{} |= {}", "ixor": "{} ^= {}", "imatmul": "{} @= {}"}


@dataclasses.dataclass
class PythonCode:
    """Source text, and the objects that its global names mean."""
    src: str
    globals: dict
    _lineno_map: typing.Optional[dict] = None
    _prologue_start: int = 0
    fn_name: str = "forward"


class CodeGen:
    """How a graph becomes a function: its signature, its result, and changes to its body."""

    def __init__(self, wrapped_fn_name=None):
        self._body_transformer = None
        self._func_name = "forward"

    def gen_fn_def(self, free_vars, maybe_return_annotation):
        """The line `def forward(...)`."""
        if not free_vars or free_vars[0] != "self":
            free_vars = ["self", *free_vars]
        return f"def {self._func_name}({', '.join(free_vars)}){maybe_return_annotation}:"

    def generate_output(self, output_args, *, descs=None):
        """The line that returns."""
        return f"return {output_args!r}"

    def process_inputs(self, *args):
        """Arguments of the function -> values of the placeholders."""
        return args

    def process_outputs(self, outputs):
        """Value of the output node -> result of the function."""
        return outputs

    def additional_globals(self):
        """(name, object) pairs that the code needs."""
        return []

    def _gen_python_code(self, nodes, root_module, namespace, *, verbose=False, include_stride=False, include_device=False, colored=False, **unused):
        return _Writer(self, namespace, verbose, include_stride, include_device).write(nodes, root_module)


class _PyTreeInfo(typing.NamedTuple):
    orig_args: list
    in_spec: object
    out_spec: object


class _PyTreeCodeGen(CodeGen):
    """A function whose arguments are containers; the placeholders are what is in them."""

    def __init__(self, pytree_info):
        super().__init__()
        self.pytree_info = pytree_info

    def process_inputs(self, *inputs):
        return _pytree.tree_leaves(inputs)

    def process_outputs(self, outputs):
        return outputs if self.pytree_info.out_spec is None else _pytree.tree_unflatten(outputs, self.pytree_info.out_spec)

    def gen_fn_def(self, free_vars, maybe_return_annotation):
        names = [name for name in self.pytree_info.orig_args if name != "self"]
        head = f"def {self._func_name}({', '.join(['self', *names])}){maybe_return_annotation}:"
        if not free_vars:
            return head
        plain = [name.partition(":")[0].partition("=")[0].strip() for name in free_vars]
        return f"{head}\n    {', '.join(plain)}{',' if len(plain) == 1 else ''} = fx_pytree.tree_flatten_spec([{', '.join(names)}], self._in_spec)"

    def generate_output(self, output_args, *, descs=None):
        if self.pytree_info.out_spec is None:
            return f"return {output_args!r}"
        return f"return pytree.tree_unflatten({output_args!r}, self._out_spec)"

    def additional_globals(self):
        from kagari.fx import _pytree as fx_pytree
        return [("fx_pytree", fx_pytree), ("pytree", _pytree)]


class _Writer:
    """Writes the code of one graph."""

    def __init__(self, codegen, namespace, verbose, stride, device):
        self.codegen, self.namespace, self.verbose, self.stride, self.device = codegen, namespace, verbose, stride, device
        self.globals, self.free_vars, self.body, self.annotation, self.said = {}, [], [], "", None
        self.names = _Namespace()
        self.names._used |= set(namespace._used) if isinstance(namespace, _Namespace) else set()

    def add_global(self, hint, obj):
        """The name under which the code reaches obj."""
        if isinstance(obj, type) and obj.__module__ == "builtins" or getattr(builtins, getattr(obj, "__name__", ""), None) is obj:
            return obj.__name__
        name = _get_qualified_name(obj) if callable(obj) and not isinstance(obj, typing.TypeVar) and hasattr(obj, "__module__") else hint
        if name.startswith("torch.") and _resolves(name, obj):
            self.globals["torch"] = kagari
            return name
        base = re.sub(r"[^0-9a-zA-Z_]+", "_", hint)
        candidate, number = base, 0
        while candidate in self.globals and self.globals[candidate] is not obj or candidate in self.names._used:
            number += 1
            candidate = f"{base}_{number}"
        self.globals[candidate] = obj
        return candidate

    def type_name(self, kind):
        origin = typing.get_origin(kind)
        if origin is not None:
            self.globals.setdefault("typing", typing)
            text = repr(kind)
            for inner in _types_in(kind):
                root = inner.__module__.partition(".")[0]       # the text names a class by its module
                if root == "kagari":
                    self.globals["torch"] = kagari
                elif root != "builtins":
                    self.globals.setdefault(root, sys.modules[root])
            return re.sub(r"\bkagari\b", "torch", text)
        if kind is type(None) or kind is None:
            return "None"
        if isinstance(kind, str):
            return repr(kind)
        return self.add_global(_type_repr(kind), kind)

    def argument(self, value):
        if isinstance(value, Node):
            return repr(value)
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return f"{self.add_global(type(value).__name__, type(value))}({', '.join(map(self.argument, value))})"
        if isinstance(value, tuple):
            return f"({', '.join(map(self.argument, value))}{',' if len(value) == 1 else ''})"
        if isinstance(value, list):
            return f"[{', '.join(map(self.argument, value))}]"
        if isinstance(value, dict):
            return "{" + ", ".join(f"{key!r}: {self.argument(one)}" for key, one in value.items()) + "}"
        if isinstance(value, slice):
            return f"slice({self.argument(value.start)}, {self.argument(value.stop)}, {self.argument(value.step)})"
        if isinstance(value, (kagari.dtype, kagari.device, kagari.layout, kagari.memory_format)):
            if isinstance(value, kagari.device):
                self.globals["device"] = kagari.device
            else:
                self.globals["torch"] = kagari
            return repr(value)
        if type(value) is float and not math.isfinite(value):
            self.globals["nan" if value != value else "inf"] = abs(value)
            return repr(value)
        if isinstance(value, kagari.Size):
            return f"torch.Size([{', '.join(map(self.argument, value))}])"
        if isinstance(value, (types.FunctionType, types.BuiltinFunctionType, type)) or callable(value) and not isinstance(value, kagari.Tensor):
            return self.add_global(getattr(value, "__name__", "object"), value)
        return repr(value)

    def arguments(self, args, kwargs):
        return ", ".join([*map(self.argument, args), *(f"{name} = {self.argument(value)}" for name, value in kwargs.items())])

    def write(self, nodes, root_module):
        nodes = list(nodes)
        last_use, seen = {}, set()
        for node in reversed(nodes):                   # values are dropped after their last use
            def note(used, node=node):
                if used not in seen:
                    seen.add(used)
                    last_use.setdefault(node, []).append(used)
                return used
            map_arg(node.args, note)
            map_arg(node.kwargs, note)
        for node in nodes:
            self.emit(node, root_module)
            self.drop(node, last_use)
        if not self.body:
            self.body.append("pass\n")
        for name, value in self.codegen.additional_globals():
            self.globals[name] = value
        if self.codegen._body_transformer is not None:
            self.body = self.codegen._body_transformer(self.body)
        head = self.codegen.gen_fn_def(self.free_vars, self.annotation)
        code = "".join(self.body).lstrip("\n")
        code = "\n".join(f"    {line}" for line in code.split("\n"))                        # a line of spaces ends it, as PyTorch's does
        return PythonCode(f"\n\n\n{head}\n{code}", self.globals, fn_name=self.codegen._func_name)

    def drop(self, node, last_use):
        if node.op == "placeholder":
            return
        if node.op == "output":
            self.body.append("\n")
            return
        gone = [used for used in last_use.get(node, ()) if used is not node]
        if not node.users:
            gone.append(node)
        self.body.append(f";  {' = '.join([*map(repr, gone), 'None'])}\n" if gone else "\n")

    def emit(self, node, root_module):
        mark = f" : {self.type_name(node.type)}" if node.type else ""
        if self.verbose:
            mark = self.described(node) or mark
            if node.op not in ("placeholder", "output"):
                self.trace_comment(node)
        if node.op == "placeholder":
            default = "" if not node.args else f" = {self.argument(node.args[0])}"
            self.free_vars.append(f"{node.target}{mark}{default}")
            raw = node.target.replace("*", "")
            if raw != repr(node):
                self.body.append(f"{node!r} = {raw}\n")
            return
        if node.op == "call_method":
            self.body.append(f"{node!r}{mark} = {self.argument(node.args[0])}.{node.target}({self.arguments(node.args[1:], node.kwargs)})")
        elif node.op == "call_function":
            self.emit_function(node, mark)
        elif node.op == "call_module":
            self.body.append(f"{node!r}{mark} = {_path(root_module, node.target)}({self.arguments(node.args, node.kwargs)})")
        elif node.op == "get_attr":
            self.body.append(f"{node!r}{mark} = {_path(root_module, node.target)}")
        elif node.op == "output":
            if node.type is not None:
                self.annotation = f" -> {self.type_name(node.type)}"
            self.body.append(self.codegen.generate_output(_Text(self.argument(node.args[0]))))
        else:
            raise NotImplementedError(f"node: {node.op} {node.target}")

    def emit_function(self, node, mark):
        target, name = node.target, getattr(node.target, "__name__", "")
        plain = not node.kwargs
        if getattr(target, "__module__", None) == "_operator" and plain:
            if name in _INFIX and len(node.args) == _INFIX[name].count("{}"):
                parts = [self.argument(one) for one in node.args]
                parts = [f"({part})" if isinstance(one, (int, float)) and part.startswith("-") else part for one, part in zip(node.args, parts)]
                self.body.append(f"{node!r}{mark} = {_INFIX[name].format(*parts)}")
                return
            if name in _INPLACE:
                self.body.append(f"{_INPLACE[name].format(*map(self.argument, node.args))};  {node!r}{mark} = {self.argument(node.args[0])}")
                return
        qualified = _get_qualified_name(target) if hasattr(target, "__module__") or hasattr(target, "__name__") else type(target).__name__
        if name == "getattr" and target is getattr and plain and isinstance(node.args[1], str) and node.args[1].isidentifier() and len(node.args) == 2:
            self.body.append(f"{node!r}{mark} = {self.argument(node.args[0])}.{node.args[1]}")
            return
        self.body.append(f"{node!r}{mark} = {self.add_global(qualified, target)}({self.arguments(node.args, node.kwargs)})")

    def trace_comment(self, node):
        """Where a node comes from, when that is another place than of the node before."""
        text = "No stacktrace found for following nodes"
        if node.stack_trace:
            line, *code = node.stack_trace.strip().split("\n")[-2:]
            text = f"{line.strip()}{', code: ' + code[0].strip() if code else ''}"
        if text != self.said:
            self.said = text
            self.body.append(f"\n# {text}\n")

    def described(self, node):
        """': "f32[2, 3]"' for a node whose value is known to be a tensor."""
        value = node.meta.get("val", node.meta.get("tensor_meta"))
        if not hasattr(value, "shape") or not hasattr(value, "dtype"):
            return ""
        from kagari.fx._dynamic_sizes import text
        sizes = ", ".join(map(text, node.meta["sizes"])) if node.meta.get("sizes") else ", ".join(map(str, value.shape))
        stride = value.stride() if callable(value.stride) else value.stride
        extra = f"[{', '.join(map(str, stride))}]" if self.stride else ""
        device = str(value.device) if self.device and hasattr(value, "device") else ""
        name = str(value.dtype).removeprefix("torch.")
        return f': "{_SHORT.get(name, name)}[{sizes}]{extra}{device}"'


_SHORT = {"float32": "f32", "float64": "f64", "float16": "f16", "bfloat16": "bf16", "int64": "i64", "int32": "i32", "int16": "i16", "int8": "i8", "uint8": "u8", "bool": "b8",
          "complex64": "c64", "complex128": "c128"}


class _Text(str):
    __slots__ = ()

    def __repr__(self):
        return str(self)


def _types_in(kind):
    if typing.get_origin(kind) is not None:
        for one in typing.get_args(kind):
            yield from _types_in(one)
    elif isinstance(kind, type):
        yield kind


def _resolves(name, obj):
    value = kagari
    for part in name.split(".")[1:]:
        try:
            value = getattr(value, part)
        except AttributeError:
            return False
    return value is obj or (value == obj if callable(value) and not isinstance(value, kagari.Tensor) else False)


def _path(root, target):
    """`self.layers.0.weight` as an expression."""
    out = "self"
    for part in target.split("."):
        out = f"{out}.{part}" if part.isidentifier() and not keyword.iskeyword(part) else f'getattr({out}, "{part}")'
    return out


__all__ = ["CodeGen", "PythonCode", "_PyTreeCodeGen", "_PyTreeInfo"]
