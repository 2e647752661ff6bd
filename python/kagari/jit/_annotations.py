"""Marks for TorchScript's compiler; Python ignores them."""
import typing

__all__ = ["Final", "Future", "boolean_dispatch", "export", "ignore", "is_scripting", "unused"]
Final = typing.Final


class Future:
    """A value that is there already."""

    def __init__(self, value=None):
        self._value = value

    def wait(self):
        return self._value

    def value(self):
        return self._value

    def done(self):
        return True

    def then(self, callback):
        return Future(callback(self))


def is_scripting():
    return False


def export(fn):
    """Decorator: the method itself."""
    return fn


def unused(fn):
    """Decorator: the method itself."""
    return fn


def ignore(drop=False, **kwargs):
    """Decorator, with or without parentheses: the method itself."""
    return drop if callable(drop) else lambda fn: fn


def _overload(func):
    """Decorator of a signature."""
    return func


def _overload_method(func):
    """Decorator of a signature."""
    return func


def _copy_to_script_wrapper(fn):
    return fn


def boolean_dispatch(arg_name, arg_index, default, if_true, if_false, module_name, func_name):
    """A function that calls if_true or if_false by the value of one argument."""
    def fn(*args, **kwargs):
        chosen = kwargs[arg_name] if arg_name in kwargs else args[arg_index] if arg_index < len(args) else default
        return (if_true if chosen else if_false)(*args, **kwargs)
    fn.__name__, fn.__module__ = func_name or fn.__name__, module_name or fn.__module__
    return fn


def __getattr__(name):
    if name.startswith("BroadcastingList"):
        return typing.List
    raise AttributeError(f"module 'torch._jit_internal' has no attribute {name!r}")
