"""Modules whose names are settings, with a `flags` context manager over them."""
import contextlib
import sys


def flags_of(module_name, names):
    """A context manager function that sets some of the module's names and puts the old values back."""
    @contextlib.contextmanager
    def flags(**values):
        unknown = set(values) - set(names)
        if unknown:
            raise TypeError(f"flags() got an unexpected keyword argument {sorted(unknown)[0]!r}")
        module = sys.modules[module_name]
        before = {name: getattr(module, name) for name in values}
        for name, value in values.items():
            setattr(module, name, value)
        try:
            yield
        finally:
            for name, value in before.items():
                setattr(module, name, value)
    return flags
