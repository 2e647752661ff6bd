"""Data pipes: datasets that are chained by methods."""
import importlib

_SUBMODULES = ("datapipe", "iter", "map")


def __getattr__(name):
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_SUBMODULES})
