"""Binding processes to the memory nodes of a machine."""


def __getattr__(name):
    if name == "binding":
        import importlib
        return importlib.import_module("kagari.numa.binding")
    raise AttributeError(f"module 'torch.numa' has no attribute {name!r}")
