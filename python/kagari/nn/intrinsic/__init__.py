"""The older path of torch.ao.nn.intrinsic."""
from kagari.ao.nn.intrinsic import *  # noqa: F403


def __getattr__(name):
    if name in ("qat", "quantized"):
        import importlib
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
