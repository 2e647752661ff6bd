"""Layers of optimised models."""


def __getattr__(name):
    if name == "quantized":
        import importlib
        return importlib.import_module("kagari.ao.nn.quantized")
    raise AttributeError(f"module 'torch.ao.nn' has no attribute {name!r}")
