"""Arguments of calls under the names that the called functions give them."""
import inspect
import typing


__all__ = ["ArgsKwargsPair", "get_signature_for_torch_op", "normalize_function", "normalize_module"]


class ArgsKwargsPair(typing.NamedTuple):
    """Positional and keyword arguments."""
    args: tuple
    kwargs: dict


def _signatures_of_schemas(schemas):
    out = []
    for text in schemas:
        inner = text[text.index("(") + 1:text.rindex(") ->")]
        parameters, keyword_only, depth, part, parts = [], False, 0, "", []
        for c in inner:
            depth += (c in "[(") - (c in "])")
            if c == "," and depth == 0:
                parts.append(part.strip())
                part = ""
            else:
                part += c
        parts += [part.strip()] if part.strip() else []
        for one in parts:
            if one == "*":
                keyword_only = True
                continue
            head, has_default, default = one.partition("=")
            name = head.split()[-1]
            kind = inspect.Parameter.KEYWORD_ONLY if keyword_only else inspect.Parameter.POSITIONAL_OR_KEYWORD
            if name == "options":
                parameters += [inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=None) for option in ("dtype", "layout", "device", "pin_memory")]
                continue
            parameters.append(inspect.Parameter(name if name.isidentifier() and name not in ("from", "lambda") else f"{name}_", kind,
                                                default=_value(default) if has_default else inspect.Parameter.empty))
        parameters.sort(key=lambda p: p.kind)
        out.append(inspect.Signature(parameters))
    return out


def _value(text):
    import ast
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return {"mean": "mean"}.get(text, text)


def get_signature_for_torch_op(op, return_schemas=False):
    """The signatures of an operator of kagari; None if it is none."""
    schemas = getattr(op, "schemas", None)
    if schemas is None:
        return (None, None) if return_schemas else None
    found = _signatures_of_schemas(schemas)
    return (found, schemas) if return_schemas else found


def _bind(signature, args, kwargs, only_keywords):
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError:
        return None
    bound.apply_defaults()
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in signature.parameters.values()):
        return ArgsKwargsPair(tuple(args), dict(kwargs))
    if only_keywords:
        return ArgsKwargsPair((), dict(bound.arguments))
    positional = [name for name in bound.arguments if signature.parameters[name].kind is not inspect.Parameter.KEYWORD_ONLY][:len(args)]
    return ArgsKwargsPair(tuple(bound.arguments[name] for name in positional), {name: value for name, value in bound.arguments.items() if name not in positional})


def normalize_function(target, args, kwargs=None, arg_types=None, kwarg_types=None, normalize_to_only_use_kwargs=False):
    """(args, kwargs) of a call with every argument under its name and defaults filled in; None if the signature is not known."""
    kwargs = kwargs or {}
    signatures = get_signature_for_torch_op(target)
    if signatures is None:
        if not callable(target) or getattr(target, "__module__", None) == "_operator":
            return None
        try:
            signatures = [inspect.signature(inspect.unwrap(target))]
        except (TypeError, ValueError):
            return None
    for signature in signatures:
        found = _bind(signature, args, kwargs, normalize_to_only_use_kwargs)
        if found is not None:
            return found
    return None


def normalize_module(root, target, args, kwargs=None, normalize_to_only_use_kwargs=False):
    """The same for a call of a module's forward."""
    try:
        module = root.get_submodule(target)
    except AttributeError:
        raise RuntimeError(f"Tried to normalize arguments for module target {target} but root did not have module {target}!") from None
    signature = inspect.signature(inspect.unwrap(type(module).forward))
    bound = _bind(signature, (module, *args), kwargs or {}, True)
    if bound is None:
        return None
    named = dict(list(bound.kwargs.items())[1:])
    return ArgsKwargsPair((), named) if normalize_to_only_use_kwargs else ArgsKwargsPair(tuple(named.values())[:len(args)], dict(list(named.items())[len(args):]))


