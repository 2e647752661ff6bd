"""Data pipes: datasets that are chained by methods."""


def __getattr__(name):
    if name in ("datapipe", "iter", "map"):
        import importlib
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
