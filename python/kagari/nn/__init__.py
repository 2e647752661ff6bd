"""Layers, losses, and the containers that models are made of."""
import importlib

from kagari.nn import functional, init, modules, parameter, utils
from kagari.nn.modules import *
from kagari.nn.modules.module import Module
from kagari.nn.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

_LAZY = {"attention": None, "common_types": None, "grad": None, "parallel": None, "DataParallel": "parallel"}


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
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _LAZY[name]
    value = importlib.import_module(f"{__name__}.{home or name}")
    if home is not None:
        value = getattr(value, name)
        globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *_LAZY})
