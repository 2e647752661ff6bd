"""Optimising models for deployment."""


def __getattr__(name):
    if name in ("nn", "quantization"):
        import importlib
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
