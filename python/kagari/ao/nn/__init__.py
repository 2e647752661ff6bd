"""Layers for quantisation: joined ones (intrinsic), ones that round while they train (qat), and ones of integers (quantized)."""
import importlib

_SUBMODULES = ("intrinsic", "qat", "quantized")


def __getattr__(name):
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_SUBMODULES})
