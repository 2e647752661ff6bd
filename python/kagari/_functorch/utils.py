"""Small things that the transforms of libraries import."""
import contextlib

argnums_t = int | tuple
__all__ = ["exposed_in", "argnums_t", "enable_single_level_autograd_function", "unwrap_dead_wrappers"]


def exposed_in(module):
    """A decorator that says in which module a function is public."""
    def decorate(function):
        function.__module__ = module
        return function
    return decorate


@contextlib.contextmanager
def enable_single_level_autograd_function():
    """A switch of PyTorch's internals: a Function takes off one level at a time by itself."""
    yield


def unwrap_dead_wrappers(args):
    """args as a tuple: tensors whose level has ended turn into their values when they are used."""
    return tuple(args)
