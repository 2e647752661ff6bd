"""Tools around tensors and modules: data loading, activation checkpoints, hooks."""
import importlib

_SUBMODULES = ("_contextlib", "_python_dispatch", "_pytree", "backcompat", "benchmark", "checkpoint", "collect_env", "cpp_extension", "data",
               "deterministic", "dlpack", "hooks", "model_zoo", "weak")


def set_module(obj, mod):
    """Sets the module a function or class says it is from."""
    if not isinstance(mod, str):
        raise TypeError("The mod argument should be a string")
    obj.__module__ = mod


def __getattr__(name):
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_SUBMODULES})
