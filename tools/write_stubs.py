#!/usr/bin/env python3
"""Writes the type stubs of the package, from the schemas of the operators and the signatures of the Python functions.

    python tools/write_stubs.py TARGET [EXTENSION PACKAGE]

TARGET: the directory that gets kagari/__init__.pyi and others. EXTENSION: the built kagari/_C; PACKAGE: the directory that holds the
Python sources of `kagari`. Without these two, the kagari that this interpreter finds is described.
"""
import importlib
import importlib.util
import inspect
import keyword
import os
import pkgutil
import re
import sys

HEADER = '''# Written by tools/write_stubs.py.
from builtins import bool as _bool, complex as _complex, float as _float, int as _int
from collections.abc import Sequence
from typing import Any, overload

'''
SIMPLE = {"Tensor": "Tensor", "int": "int", "float": "float", "bool": "bool", "Scalar": "Number", "str": "str", "ScalarType": "_dtype", "Device": "DeviceLike",
          "Layout": "_layout", "MemoryFormat": "_memory_format", "Generator": "Generator", "Tensor|Scalar": "Tensor | Number"}
OPTIONS = ["dtype: _dtype | None = None", "layout: _layout | None = None", "device: DeviceLike | None = None", "pin_memory: bool | None = False",
           "requires_grad: bool | None = False"]
SPREAD = ("size", "shape", "sizes", "dims", "repeats")  # t.view(2, 3) as well as t.view((2, 3))
MODULES = {"nn.functional": "_space_nn_functional", "linalg": "_space_linalg", "special": "_space_special", "fft": "_space_fft"}


def load(extension, package):
    """Imports kagari from a build tree that is not put together yet."""
    sys.path.insert(0, package)
    spec = importlib.util.spec_from_file_location("kagari._C", extension)
    core = importlib.util.module_from_spec(spec)
    sys.modules["kagari._C"] = core
    spec.loader.exec_module(core)


# ---------------------------------------------------------------- schemas
def argument_type(text):
    optional = text.endswith("?")
    text = text.rstrip("?")
    size = re.fullmatch(r"(\w+)(\?)?\[(\d*)\]", text)
    if size:
        item = SIMPLE[size[1]] + (" | None" if size[2] else "")
        result = f"Sequence[{item}]"
        if size[1] == "int" or size[3]:
            result = f"{item} | {result}"
    else:
        result = SIMPLE[text]
    return result + " | None" if optional else result


def split_arguments(text):
    """At the commas outside brackets."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "([") - (c in ")]")
        if c == "," and not depth:
            parts.append(text[start:i].strip())
            start = i + 1
    return [p for p in parts + [text[start:].strip()] if p]


def result_type(text):
    text = text.strip()
    if not text or text == "()":
        return "None"
    if text.startswith("("):
        return "tuple[" + ", ".join(result_type(part.split()[0]) for part in split_arguments(text[1:-1])) + "]"
    if text.endswith("[]"):
        return f"tuple[{SIMPLE[text[:-2]]}, ...]"
    return {"Tensor|Tensor[]": "Any"}.get(text) or SIMPLE.get(text, "Any")


def signature(schema, method):
    """(parameters, result) of a schema, as Python source."""
    head, _, returns = schema.rpartition(" -> ")
    parts, parameters, starred, sizes = split_arguments(head[head.index("(") + 1:-1]), [], False, None
    for i, part in enumerate(parts):
        if part == "*":
            starred = True
            continue
        kind, _, name = part.partition(" ")
        name, _, default = name.partition("=")
        if name == "options":
            parameters += ([] if starred else ["*"]) + OPTIONS
            starred = True
            continue
        if method and i == 0:
            parameters.append("self")
            continue
        if name in SPREAD and kind.startswith("int[") and i == 1:
            sizes = name
        name = "input" if name == "self" else name + "_" * keyword.iskeyword(name)
        if starred and "*" not in parameters:
            parameters.append("*")
        parameters.append(f"{name}: {argument_type(kind)}{' = ...' if default else ''}")
    creates = not method and parts and parts[0] == "int[] size" and (len(parts) == 1 or parts[1] == "*")  # zeros(2, 3)
    if sizes and method or creates:
        before = ["self"] if method else []
        parameters = [*before, f"*{sizes or 'size'}: int | Sequence[int]", *(p for p in parameters[len(before) + 1:] if p != "*")]
    return ", ".join(parameters), result_type(returns)


def operator(name, function, method, indent=""):
    """The stub of an operator with its overloads."""
    schemas, out = function.schemas, []
    for schema in schemas:
        parameters, returns = signature(schema, method)
        if len(schemas) > 1:
            out.append(f"{indent}@overload")
        if not method and not name.endswith("_"):
            closing = ", out: Any = ..." if "*" in parameters else ", *, out: Any = ..." if parameters else ""
            parameters += closing
        out.append(f"{indent}def {name}({parameters}) -> {returns}: ...")
    return out


# ---------------------------------------------------------------- Python objects
def parameters_of(function):
    """Python's own signature without annotations and with `...` for defaults."""
    try:
        found = inspect.signature(function)
    except (TypeError, ValueError):
        return "*args: Any, **kwargs: Any"
    parts, starred = [], False
    values = list(found.parameters.values())
    for i, p in enumerate(values):
        if p.kind is p.VAR_POSITIONAL:
            starred = True
            parts.append(f"*{p.name}: Any")
        elif p.kind is p.VAR_KEYWORD:
            parts.append(f"**{p.name}: Any")
        else:
            if p.kind is p.KEYWORD_ONLY and not starred:
                starred = True
                parts.append("*")
            plain = p.name if p.name == "self" and i == 0 else f"{p.name}: Any"
            parts.append(plain + ("" if p.default is p.empty else " = ..."))
            if p.kind is p.POSITIONAL_ONLY and (i + 1 == len(values) or values[i + 1].kind is not p.POSITIONAL_ONLY):
                parts.append("/")
    return ", ".join(parts)


def is_operator(value):
    return hasattr(value, "schemas")


def apart(lines):
    """Python's own int, float, bool and complex under names that torch's dtypes of these names do not hide."""
    def renamed(line):
        start = line.find("(") if line.lstrip().startswith(("def ", "class ")) else line.find(": ")
        return line if start < 0 else line[:start] + re.sub(r"(?<![\w.*])(int|float|bool|complex)(?![\w(])", r"_\1", line[start:])
    return [renamed(line) for line in lines]


def describe(name, value, indent="", method=False):
    """Lines for one name of a module or class."""
    if keyword.iskeyword(name) or not name.isidentifier():
        return []
    if is_operator(value):
        return operator(name, value, method, indent)
    if inspect.isclass(value):
        return [f"{indent}class {name}({', '.join(b.__name__ for b in value.__bases__ if b.__module__ == 'builtins' and b is not object)}):"
                f" ...".replace("()", "")]
    if isinstance(value, property) or inspect.isgetsetdescriptor(value) or inspect.ismemberdescriptor(value):
        return [f"{indent}@property", f"{indent}def {name}(self) -> Any: ..."]
    if callable(value) or isinstance(value, (staticmethod, classmethod)):
        kind = [f"{indent}@{type(value).__name__}"] if isinstance(value, (staticmethod, classmethod)) else []
        function = value.__func__ if kind else value
        text = parameters_of(function)
        if method and not kind and not text.startswith("self") and not text.startswith("*args"):
            text = "self" + text[text.index(":"):].split(",", 1)[-1].join([", ", ""]) if "," in text else "self"
        elif method and not kind and text.startswith("*args"):
            text = "self, " + text
        return kind + [f"{indent}def {name}({text}) -> Any: ..."]
    kind = type(value).__name__
    return [f"{indent}{name}: {kind if kind in ('int', 'float', 'bool', 'str', 'dtype', 'layout', 'memory_format') else 'Any'}"]


RESULTS = {"__len__": "int", "__bool__": "bool", "__repr__": "str", "__float__": "float", "__int__": "int", "__index__": "int", "__hash__": "int", "__contains__": "bool",
           "dim": "int", "ndimension": "int", "numel": "int", "nelement": "int", "item": "Any", "tolist": "Any", "backward": "None", "is_contiguous": "bool",
           "shape": "Size", "device": "_device", "ndim": "int", "requires_grad": "bool", "is_leaf": "bool", "T": "Tensor", "mT": "Tensor", "H": "Tensor",
           "mH": "Tensor", "grad": "Tensor | None", "data": "Tensor", "detach": "Tensor", "requires_grad_": "Tensor", "__getitem__": "Tensor", "element_size": "int",
           "cpu": "Tensor", "to": "Tensor", "contiguous": "Tensor", "layout": "_layout"}
WRITABLE = ("requires_grad", "grad", "data")


def tensor_class(kind):
    lines = ["class Tensor:", "    def __init__(self, *args: Any, device: DeviceLike | None = None) -> None: ..."]
    for name in sorted(vars(kind)):
        value = inspect.getattr_static(kind, name)
        if name in ("__init__", "__new__", "__doc__", "__module__", "__dict__", "__weakref__", "__slots__", "__getattribute__", "__hash__") or name == "dtype":
            continue
        found = describe(name, value, "    ", True)
        if name == "__ipow__":  # the checkers want it to have exactly the parameters of __pow__
            continue
        if not is_operator(value) and name in RESULTS:
            found = [line.replace("-> Any", f"-> {RESULTS[name]}") for line in found]
        lines += found
        if name in WRITABLE:
            lines += [f"    @{name}.setter", f"    def {name}(self, value: Any) -> None: ..."]
    return lines + ["    @property", "    def dtype(self) -> _dtype: ..."]


def package(kagari):
    """The text of kagari/__init__.pyi."""
    core = kagari._C
    lines = [HEADER + "Number = _int | _float | _bool | _complex", "DeviceLike = device | str | _int",
             *(f"_{name} = {name}" for name in ("dtype", "layout", "memory_format", "device")), ""]
    for name in ("dtype", "layout", "memory_format", "Generator", "device", "Size"):
        base = "(tuple[int, ...])" if name == "Size" else ""
        lines.append(f"class {name}{base}:")
        members = [n for n in sorted(vars(getattr(core, name))) if not n.startswith("_")]
        lines.append("    def __init__(self, *args: Any, **kwargs: Any) -> None: ...")
        for n in members:
            lines += describe(n, inspect.getattr_static(getattr(core, name), n), "    ", True)
    lines += ["", *tensor_class(core.Tensor), ""]
    own = {name: value for name, value in vars(kagari).items() if not name.startswith("_") or name in core._space_torch}
    for name in sorted(own):
        value = own[name]
        if name in ("Tensor", "dtype", "layout", "memory_format", "Generator", "device", "Size", "torch") or inspect.ismodule(value):
            continue
        lines += describe(name, value)
    for name, home in sorted(kagari._HOMES.items()):
        if name not in own and home != "_C":
            lines.append(f"from kagari.{home} import {name} as {name}")
    for found in pkgutil.iter_modules(kagari.__path__):
        if not found.name.startswith("_") and (found.name not in own or inspect.ismodule(own[found.name])):
            lines.append(f"from kagari import {found.name} as {found.name}")
    return "\n".join(apart(lines)) + "\n"


def submodule(kagari, path, space):
    """The text of the stub of a module that shows operators under their own names, or None if there is none."""
    operators = getattr(kagari._C, space, {})
    module = importlib.import_module(f"kagari.{path}")
    names = sorted({name for name in [*operators, *dir(module)] if not name.startswith("__")})
    lines = [HEADER + "from kagari import DeviceLike, Generator, Number, Tensor", "from kagari import dtype as _dtype, layout as _layout, memory_format as _memory_format", ""]
    for name in names:
        value = operators.get(name) or getattr(module, name, None)
        if value is not None and not inspect.ismodule(value) and not (inspect.isclass(value) and value.__module__.startswith("kagari._C")):
            lines += describe(name, value)
    return "\n".join(apart(lines)) + "\n"


def main(target, extension=None, sources=None):
    if extension:
        load(extension, sources)
    kagari = importlib.import_module("kagari")
    texts = {"__init__": package(kagari), **{path.replace(".", "/"): submodule(kagari, path, space) for path, space in MODULES.items()}}
    for path, text in texts.items():
        place = os.path.join(target, "kagari", path + ".pyi")
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "w") as file:
            file.write(text)
    with open(os.path.join(target, "kagari", "py.typed"), "w"):
        pass


if __name__ == "__main__":
    main(*sys.argv[1:])
