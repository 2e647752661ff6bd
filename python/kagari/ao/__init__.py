"""Optimising models for deployment."""


def __getattr__(name):
    if name in ("nn", "quantization"):
        import importlib
        return importlib.import_module(f"kagari.ao.{name}")
    raise AttributeError(f"module 'torch.ao' has no attribute {name!r}")
