"""Layers for quantisation: joined ones (intrinsic), ones that round while they train (qat), and ones of integers (quantized)."""


def __getattr__(name):
    if name in ("intrinsic", "qat", "quantized"):
        import importlib
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
