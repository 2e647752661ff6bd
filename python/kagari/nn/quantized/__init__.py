"""The older path of torch.ao.nn.quantized."""
from kagari.ao.nn.quantized import *  # noqa: F403


def __getattr__(name):
    if name in ("dynamic",):
        import importlib
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
