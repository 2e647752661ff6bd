"""Names of the newer parts of torch.fx."""


def __getattr__(name):
    if name in ("proxy_tensor", "symbolic_shapes", "optimization", "_config"):
        import importlib
        return importlib.import_module(f"kagari.fx.experimental.{name}")
    raise AttributeError(f"module 'torch.fx.experimental' has no attribute {name!r}")
