"""Packages whose modules are imported when they are first asked for."""
import importlib

__all__ = ["submodules"]


def submodules(namespace, *names):
    """The functions `__getattr__` and `__dir__` of the package with this namespace (its globals()) and these submodules.

    AttributeError for other names.
    """
    package = namespace["__name__"]

    def __getattr__(name):
        if name in names:
            return importlib.import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def __dir__():
        return sorted({*namespace, *names})

    return __getattr__, __dir__
