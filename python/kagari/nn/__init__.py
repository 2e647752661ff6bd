"""Layers, losses, and the containers that models are made of. Layers are imported when they are first used."""
import importlib

from kagari.nn import modules, parameter
from kagari.nn.modules.module import Module
from kagari.nn.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

_SUBMODULES = ("attention", "common_types", "functional", "grad", "init", "intrinsic", "parallel", "qat", "quantized", "utils")

__all__ = ["Module", "Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "DataParallel",
           "factory_kwargs", "functional", "init", "modules", "parameter", "utils", *modules.__all__]


def factory_kwargs(kwargs):
    """The factory arguments ``device``, ``dtype`` and ``memory_format`` out of ``kwargs``, merged with those given as
    ``factory_kwargs``. Raises TypeError if one is given twice or is unknown."""
    if kwargs is None:
        return {}
    simple = {"device", "dtype", "memory_format"}
    if not kwargs.keys() <= simple | {"factory_kwargs"}:
        raise TypeError(f"unexpected kwargs {kwargs.keys() - simple - {'factory_kwargs'}}")
    result = dict(kwargs.get("factory_kwargs", {}))
    for name in simple & kwargs.keys():
        if name in result:
            raise TypeError(f"{name} specified twice, in **kwargs and in factory_kwargs")
        result[name] = kwargs[name]
    return result


def __getattr__(name):
    if name in modules._HOME:
        value = getattr(modules, name)
    elif name == "DataParallel":
        from kagari.nn.parallel import DataParallel as value
    elif name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__, *_SUBMODULES})
