"""Schemas of operators as Python objects: `aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor`."""
import ast
import re

__all__ = ["Argument", "AliasInfo", "FunctionSchema", "parse"]


class AliasInfo:
    """What `Tensor(a!)` says: a name for the memory, and whether it is written."""

    def __init__(self, name, is_write):
        self.before_set, self.after_set, self.is_write = {name}, {name}, is_write


class Argument:
    """One parameter, or one result, of a schema."""

    def __init__(self, type, name="", default=None, has_default=False, kwarg_only=False, alias_info=None, is_out=False):
        self.type, self.real_type, self.name, self.default_value, self.kwarg_only = type, type, name, default, kwarg_only
        self.alias_info, self.is_out, self._has_default, self.N = alias_info, is_out, has_default, None

    def has_default_value(self):
        return self._has_default

    @property
    def is_write(self):
        return self.alias_info is not None and self.alias_info.is_write

    def __str__(self):
        kind = str(self.type)
        if self.alias_info is not None:
            mark = f"({next(iter(self.alias_info.before_set))}{'!' if self.alias_info.is_write else ''})"
            kind = kind.replace("Tensor", f"Tensor{mark}", 1)
        text = f"{kind} {self.name}".rstrip()
        return f"{text}={_default_text(self.default_value)}" if self._has_default else text

    __repr__ = __str__


def _default_text(value):
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list):
        return "[" + ", ".join(map(str, value)) + "]"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e6:
        return f"{int(value)}."
    return str(value)


_NAMES = {"mean": 1, "contiguous_format": 0, "long": 4, "float": 6, "strided": 0}


def _default(text, kind):
    """The value that a default's text stands for."""
    if text in ("None", "[]"):
        return None if text == "None" else []
    if text == "reduction_mean":
        return 1
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    if re.fullmatch(r"\w+\[\d*\]\??", kind) and not isinstance(value, (list, tuple)):
        return [value] * int(re.search(r"\[(\d+)\]", kind).group(1)) if re.search(r"\[\d+\]", kind) else value
    return list(value) if isinstance(value, tuple) else value


def _split(text):
    """Parts between the commas outside of brackets and quotes."""
    parts, depth, start, quote = [], 0, 0, None
    for i, c in enumerate(text):
        if quote:
            quote = None if c == quote else quote
        elif c in "'\"":
            quote = c
        elif c in "([":
            depth += 1
        elif c in ")]":
            depth -= 1
        elif c == "," and not depth:
            parts.append(text[start:i])
            start = i + 1
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]


_TYPE = re.compile(r"^(?P<base>[A-Za-z_.]\w*)(\((?P<alias>[a-z0-9]+)(?P<write>!?)(\s*->\s*[^)]*)?\))?(?P<rest>[\[\]\d?|A-Za-z]*)$")


def _argument(text, kwarg_only):
    head, _, default = text.partition("=")
    kind, _, name = head.strip().rpartition(" ")
    if not kind:
        kind, name = name, ""
    found = _TYPE.match(kind.strip())
    if not found:
        raise RuntimeError(f"cannot read the type {kind!r} of a schema")
    alias = AliasInfo(found["alias"], found["write"] == "!") if found["alias"] else None
    plain = found["base"] + found["rest"]
    has_default = "=" in text
    return Argument(plain, name, _default(default.strip(), plain) if has_default else None, has_default, kwarg_only, alias)


class FunctionSchema:
    """name, overload_name, arguments and returns of an operator."""

    def __init__(self, name, overload_name, arguments, returns):
        self.name, self.overload_name, self.arguments, self.returns = name, overload_name, arguments, returns

    @property
    def is_mutable(self):
        """Whether an argument is written."""
        return any(argument.is_write for argument in self.arguments)

    def __str__(self):
        parts, star = [], False
        for argument in self.arguments:
            if argument.kwarg_only and not star:
                parts.append("*")
                star = True
            parts.append(str(argument))
        results = ", ".join(map(str, self.returns))
        dot = f".{self.overload_name}" if self.overload_name else ""
        return f"{self.name}{dot}({', '.join(parts)}) -> {results if len(self.returns) == 1 else f'({results})'}"

    __repr__ = __str__

    def __eq__(self, other):
        return isinstance(other, FunctionSchema) and str(self) == str(other)

    def __hash__(self):
        return hash(str(self))


def parse(text):
    """FunctionSchema of a text such as `my::add.out(Tensor x, *, Tensor(a!) out) -> Tensor(a!)`. RuntimeError if it cannot be read."""
    found = re.match(r"^\s*([\w:]+)(?:\.(\w+))?\s*\((.*)\)\s*->\s*(.+?)\s*$", text, re.S)
    if not found:
        raise RuntimeError(f"expected `name(arguments) -> results`, but got the schema {text!r}")
    name, overload, inside, results = found.groups()
    arguments, kwarg_only = [], False
    for part in _split(inside):
        if part == "*":
            kwarg_only = True
        else:
            arguments.append(_argument(part, kwarg_only))
    for argument in arguments:
        argument.is_out = argument.kwarg_only and argument.is_write
    inner = results[1:-1] if results.startswith("(") else results
    returns = []
    for part in _split(inner):
        kind, _, label = part.partition(" ")
        returns.append(_argument(f"{kind} {label}" if label else kind, False))
    return FunctionSchema(name, overload or "", arguments, returns)
