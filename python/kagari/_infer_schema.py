"""Schemas of operators from the annotations of Python functions."""
import inspect
import typing

import kagari

__all__ = ["infer_schema"]


def _type_text(annotation):
    """The schema's word for an annotation, or None."""
    plain = {kagari.Tensor: "Tensor", int: "SymInt", float: "float", bool: "bool", str: "str", kagari.dtype: "ScalarType", kagari.device: "Device",
             kagari.types.Number: "Scalar"}
    if annotation in plain:
        return plain[annotation]
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Union or str(origin) == "<class 'types.UnionType'>":
        rest = [part for part in parts if part is not type(None)]
        if len(rest) < len(parts):
            inner = _type_text(rest[0] if len(rest) == 1 else typing.Union[tuple(rest)])
            return None if inner is None else inner + "?"
        return "Scalar" if set(rest) <= {int, float, bool} else None
    if origin in (list, tuple) or getattr(origin, "__name__", "") == "Sequence":
        parts = [part for part in parts if part is not Ellipsis]
        inner = _type_text(parts[0]) if parts and all(part == parts[0] for part in parts) else None
        return None if inner is None else inner + "[]"
    return None


def _return_text(annotation):
    if annotation is None or annotation is type(None):
        return "()"
    if typing.get_origin(annotation) is tuple and Ellipsis not in typing.get_args(annotation):
        parts = [_type_text(part) for part in typing.get_args(annotation)]
        return None if None in parts else "(" + ", ".join(parts) + ")" if len(parts) > 1 else parts[0]
    return _type_text(annotation)


def infer_schema(prototype_function, /, *, mutates_args, op_name=None, tags=()):
    """The schema that a function's annotations say. ValueError where they are missing or have no word in schemas.

    >>> def scaled(x: torch.Tensor, by: float = 2.0) -> torch.Tensor: ...
    >>> torch.library.infer_schema(scaled, mutates_args=())
    '(Tensor x, float by=2.0) -> Tensor'
    """
    signature = inspect.signature(prototype_function)
    hints = typing.get_type_hints(prototype_function) if any(isinstance(p.annotation, str) for p in signature.parameters.values()) else {}

    def fail(what):
        raise ValueError(f"infer_schema(func): {what} Got func with signature {signature})")
    parts, star, seen = [], False, set()
    for index, (name, parameter) in enumerate(signature.parameters.items()):
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            fail("We do not support *args or **kwargs.")
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            parts.append("*")
            star = True
        annotation = hints.get(name, parameter.annotation)
        if annotation is parameter.empty:
            fail(f"Parameter {name} must have a type annotation.")
        text = _type_text(annotation)
        if text is None:
            fail(f"Parameter {name} has unsupported type {annotation}.")
        written = mutates_args == "unknown" or name in mutates_args
        if written and not text.startswith("Tensor"):
            if mutates_args != "unknown":
                fail(f"Parameter {name} is in mutable_args but only Tensors or collections of Tensors can be mutated.")
        elif written:
            text = text.replace("Tensor", f"Tensor(a{index}!)", 1)
        seen.add(name)
        default = "" if parameter.default is parameter.empty else "=" + _default_of(parameter.default, fail, name)
        parts.append(f"{text} {name}{default}")
    if mutates_args != "unknown" and set(mutates_args) - seen:
        fail(f"{set(mutates_args) - seen} in mutates_args were not found in the custom op's signature. mutates_args should contain the names of all args that the "
             "custom op mutates, or just the string \"unknown\" if you don't know.")
    returns = hints.get("return", signature.return_annotation)
    if returns is signature.empty:
        fail("No return type annotation was provided. Please add one.")
    text = _return_text(returns)
    if text is None:
        fail(f"Return has unsupported type {returns}.")
    return f"{op_name or ''}({', '.join(parts)}) -> {text}"


def _default_of(value, fail, name):
    if value is None or isinstance(value, (bool, int, float)):
        return str(value)
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, (kagari.dtype, kagari.device)):
        return str(value).replace("torch.", "") if isinstance(value, kagari.dtype) else f'"{value}"'
    fail(f"Parameter {name} has an unsupported default value type {type(value)}. Please file an issue on GitHub so we can prioritize this.")
