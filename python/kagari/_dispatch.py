"""From an operator call to a __torch_dispatch__ handler; the binding calls it below autograd."""
import functools

from kagari import _function_schema, _ops

FRESH, INPLACE, OUT = 0, 1, 2


@functools.lru_cache(None)
def _plan(text):
    schema = _function_schema.parse(text)
    positional = sum(not argument.kwarg_only and argument.type != "Options" for argument in schema.arguments)
    return schema, positional


@functools.lru_cache(None)
def _overload(name, own, given):
    return _ops.overload_called(name, own, given)


def _ordered(objects):
    """One object of each class, subclasses before their bases."""
    found = []
    for one in objects:
        if any(type(seen) is type(one) for seen in found):
            continue
        at = next((i for i, seen in enumerate(found) if issubclass(type(one), type(seen))), len(found))
        found.insert(at, one)
    return found


def handle(func, args, kwargs, answering, mode):
    """The first answer of the mode and the objects' classes that is not NotImplemented. TypeError if there is none."""
    answering = _ordered(answering)
    types = tuple(map(type, answering))
    if mode is not None:
        answer = mode.__torch_dispatch__(func, types, args, kwargs)
        if answer is not NotImplemented:
            return answer
    for one in answering:
        answer = type(one).__torch_dispatch__(func, types, args, kwargs)
        if answer is not NotImplemented:
            return answer
    asked = [f"mode object {mode}"] if mode is not None else []
    asked += [f"tensor subclass {kind}" for kind in types]
    raise TypeError(f"Multiple dispatch failed for 'torch.ops.{func}'; all __torch_dispatch__ handlers returned NotImplemented:\n\n  - "
                    + "\n  - ".join(asked))


def call_handler(text, kind, values, standard, outs, answering, mode):
    """Hands a call of a registry operator on. `standard` says which values are the parameters' defaults."""
    schema, positional = _plan(text)
    args, kwargs, given, last = [], {}, set(), 0
    for argument, value, default in zip(schema.arguments, values, standard):
        if argument.type == "Options":
            for word, part in zip(("dtype", "layout", "device", "pin_memory"), value):
                if part is not None and part is not False:
                    kwargs[word] = part
            continue
        if not default:
            given.add(argument.name)
        if argument.kwarg_only:
            if not default:
                kwargs[argument.name] = value
        else:
            args.append(value)
            if not default:
                last = len(args)
    name = schema.name
    if kind == INPLACE:
        args[0], last = outs[0], max(last, 1)
        name = name if name.endswith("_") else name + "_"
    elif kind == OUT:
        kwargs["out"] = outs[0] if len(outs) == 1 else outs
    func = _overload(name, schema.overload_name, frozenset(given))
    return handle(func, tuple(args[:last]), kwargs, answering, mode)
