"""Backends by their names."""
from kagari._dynamo.exc import TorchDynamoException

__all__ = ["InvalidBackend", "list_backends", "lookup_backend", "register_backend"]

# These run the function itself.
_AS_THEY_ARE = ("inductor", "eager", "aot_eager", "aot_eager_decomp_partition", "eager_noexcept", "pre_dispatch_eager")
_registered = {}


class InvalidBackend(TorchDynamoException):
    """There is no backend of that name."""

    def __init__(self, name):
        super().__init__(f"Invalid backend: {name!r}, see `torch._dynamo.list_backends()` for available backends.")


def register_backend(compiler_fn=None, name=None, tags=()):
    """Adds a backend: a function of (GraphModule, example inputs) that gives a function. Also a decorator."""
    if compiler_fn is None:
        return lambda function: register_backend(function, name, tags)
    if not callable(compiler_fn):
        raise AssertionError("a backend must be callable")
    _registered[name or compiler_fn.__name__] = (compiler_fn, tuple(tags))
    return compiler_fn


def list_backends(exclude_tags=("debug", "experimental")):
    """Names of the backends."""
    exclude = set(exclude_tags or ())
    found = [name for name, tags in (("inductor", ()), ("eager", ("debug",)), ("aot_eager", ("debug",))) if not exclude & set(tags)]
    return sorted(found + [name for name, (_, tags) in _registered.items() if not exclude & set(tags)])


def lookup_backend(compiler_fn):
    """The function of a backend; None for those that run the program as it is. InvalidBackend if there is none."""
    if callable(compiler_fn):
        return compiler_fn
    if compiler_fn in _registered:
        return _registered[compiler_fn][0]
    if compiler_fn in _AS_THEY_ARE:
        return None
    raise InvalidBackend(compiler_fn)
