"""torch.jit: programs run as Python here, so script() and trace() give the function or module back.

What a ScriptModule has beyond that (its code, its graph, files) does not exist and raises AttributeError or
NotImplementedError.
"""
import functools
import typing

from kagari.jit._annotations import (Final, Future, _copy_to_script_wrapper, _overload, _overload_method, export, ignore, is_scripting, unused)

__all__ = ["Attribute", "CompilationUnit", "Error", "Final", "Future", "ScriptFunction", "ScriptModule", "annotate", "export", "freeze", "fork",
           "ignore", "interface", "isinstance", "is_scripting", "is_tracing", "load", "optimize_for_inference", "optimized_execution", "save",
           "script", "script_if_tracing", "script_method", "set_fusion_strategy", "strict_fusion", "trace", "trace_module", "unused", "wait",
           "onednn_fusion_enabled", "enable_onednn_fusion", "TracerWarning"]


class TracerWarning(Warning):
    """Category of warnings about code that a trace cannot follow."""

    @staticmethod
    def ignore_lib_warnings():
        """Nothing to ignore: no trace warns."""


class Error(RuntimeError):
    """Error in a scripted program."""


class ScriptWarning(Warning):
    """Category of warnings about scripted programs."""


def is_tracing():
    return False


def script(obj, optimize=None, _frames_up=0, _rcb=None, example_inputs=None):
    """The function, class or module itself: it runs as Python."""
    return obj


def trace(func, example_inputs=None, optimize=None, check_trace=True, check_inputs=None, check_tolerance=1e-5, strict=True, _force_outplace=False,
          _module_class=None, _compilation_unit=None, example_kwarg_inputs=None, _store_inputs=True):
    """The function or module itself, after running it once on the example inputs."""
    if example_kwarg_inputs is not None:
        func(**example_kwarg_inputs)
    elif example_inputs is not None:
        func(*(example_inputs if type(example_inputs) in (tuple, list) else (example_inputs,)))
    return func


def trace_module(mod, inputs, **options):
    """The module itself, after running the named methods once."""
    for name, values in inputs.items():
        getattr(mod, name)(*(values if type(values) is tuple else (values,)))
    return mod


def script_if_tracing(fn):
    """Decorator: the function itself."""
    return fn


_script_if_tracing = script_if_tracing


def script_method(fn):
    """Decorator: the method itself."""
    return fn


def interface(obj):
    """Decorator: the class itself."""
    return obj


def annotate(the_type, the_value):
    """The value; the type is a note for readers."""
    return the_value


def isinstance(obj, target_type):
    """isinstance for annotations such as List[int]."""
    return _matches(obj, target_type)


def _matches(obj, wanted):
    import builtins
    if builtins.isinstance(wanted, tuple):
        return any(_matches(obj, one) for one in wanted)
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if origin is typing.Union:
        return any(_matches(obj, one) for one in arguments)
    if wanted is None:
        return obj is None
    if origin is None:
        return builtins.isinstance(obj, wanted)
    if not builtins.isinstance(obj, origin):
        return False
    if origin is dict:
        return all(_matches(key, arguments[0]) and _matches(value, arguments[1]) for key, value in obj.items())
    if origin is tuple and Ellipsis not in arguments:
        return len(obj) == len(arguments) and all(map(_matches, obj, arguments))
    return all(_matches(item, arguments[0]) for item in obj)


class Attribute(typing.NamedTuple):
    """A value with a type."""
    value: object
    type: object


def fork(func, *args, **kwargs):
    """A finished Future of func(*args): the call runs at once."""
    return Future(func(*args, **kwargs))


def wait(future):
    return future.wait()


def freeze(mod, preserved_attrs=None, optimize_numerics=True):
    """The module itself, which must be in evaluation mode."""
    if getattr(mod, "training", False):
        raise RuntimeError("Freezing is currently only implemented for modules in eval mode. Please call .eval() on your module before freezing.")
    return mod


def optimize_for_inference(mod, other_methods=None):
    return mod


class optimized_execution:
    """Context manager of scripted programs; changes nothing."""

    def __init__(self, should_optimize):
        pass

    def __enter__(self):
        return None

    def __exit__(self, *exception):
        return None


class strict_fusion(optimized_execution):
    """Context manager of scripted programs; changes nothing."""

    def __init__(self):
        super().__init__(True)


def set_fusion_strategy(strategy):
    """Accepted: nothing is fused here."""
    return []


def onednn_fusion_enabled():
    return False


def enable_onednn_fusion(enabled):
    """Accepted: nothing is fused here."""


# Names that live in files of this folder and are imported when first asked for.
_HOMES = {"load": "_archive", "CompilationUnit": "_compilation_unit", "ScriptModule": "_script_objects",
          "RecursiveScriptModule": "_script_objects", "ScriptFunction": "_script_objects", "annotations": ""}


def __getattr__(name):
    import importlib
    if name in _HOMES:
        home = _HOMES[name]
        value = getattr(importlib.import_module(f"kagari.jit.{home}"), name) if home else importlib.import_module(f"kagari.jit.{name}")
        globals()[name] = value
        return value
    raise AttributeError(f"module 'torch.jit' has no attribute {name!r}")
