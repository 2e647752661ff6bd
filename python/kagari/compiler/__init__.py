"""Hints to and questions about torch.compile."""
import contextlib

import kagari

__all__ = ["compile", "assume_constant_result", "get_default_backend", "set_default_backend", "reset", "allow_in_graph", "substitute_in_graph", "list_backends", "disable", "set_stance",
           "set_enable_guard_collectives", "cudagraph_mark_step_begin", "wrap_numpy", "is_compiling", "is_dynamo_compiling", "is_exporting",
           "save_cache_artifacts", "load_cache_artifacts", "nested_compile_region", "keep_portable_guards_unsafe", "keep_tensor_guards_unsafe",
           "load_compiled_function", "skip_all_guards_unsafe", "skip_guard_on_all_nn_modules_unsafe", "skip_guard_on_globals_unsafe",
           "skip_guard_on_inbuilt_nn_modules_unsafe"]

_state = {"exporting": False, "backend": "inductor"}


def compile(*args, **kwargs):
    """torch.compile."""
    return kagari.compile(*args, **kwargs)


def set_default_backend(backend):
    """The backend that torch.compile takes when it is given none; None for the usual one."""
    from kagari._dynamo.backends.registry import lookup_backend
    backend = "inductor" if backend is None else backend
    lookup_backend(backend)
    _state["backend"] = backend


def get_default_backend():
    """The backend that torch.compile takes when it is given none."""
    return _state["backend"]


def is_compiling():
    """Whether torch.export is recording a program (torch.compile runs programs as they are)."""
    return _state["exporting"]


def is_dynamo_compiling():
    return False


def is_exporting():
    """Whether torch.export is recording a program."""
    return _state["exporting"]


@contextlib.contextmanager
def _exporting():
    before = _state["exporting"]
    _state["exporting"] = True
    try:
        yield
    finally:
        _state["exporting"] = before


def reset():
    """Nothing is kept between calls."""


def list_backends(exclude_tags=("debug", "experimental")):
    """Names that torch.compile(backend=...) takes."""
    from kagari._dynamo.backends.registry import list_backends
    return list_backends(exclude_tags)


def _hint(doc):
    def mark(fn=None, *args, **kwargs):
        return (lambda function: function) if fn is None else fn
    mark.__doc__ = doc
    return mark


disable = _hint("Decorator: the function is not compiled.")
allow_in_graph = _hint("Decorator: the function may be part of a compiled graph.")
assume_constant_result = _hint("Decorator: the function's result does not change.")
nested_compile_region = _hint("Decorator: the function is compiled once for all calls.")
wrap_numpy = _hint("Decorator: the function works on NumPy arrays.")


def substitute_in_graph(original_fn, *, can_constant_fold_through=False, skip_signature_check=False):
    """Decorator: the function stands for original_fn in compiled graphs."""
    return lambda function: function


class set_stance:
    """How to treat functions that need compiling again: a call, context manager or decorator; accepted."""

    def __init__(self, stance="default", **options):
        self.stance = stance

    def __call__(self, function):
        return function

    def __enter__(self):
        return None

    def __exit__(self, *exception):
        return None


def cudagraph_mark_step_begin():
    """Accepted: there are no CUDA graphs."""


def set_enable_guard_collectives(enabled):
    """Accepted: there are no other processes."""
    return False


def save_cache_artifacts():
    """None: nothing is cached."""
    return None


def load_cache_artifacts(serialized_artifacts):
    """None: nothing is cached."""
    return None


def load_compiled_function(file, *, f_globals=None, external_data=None):
    raise NotImplementedError("torch.compiler.load_compiled_function: kagari compiles no functions to files")


def _all_guards(guard_entries):
    """A filter for options={"guard_filter_fn": ...}; there are no guards to drop."""
    return [False] * len(guard_entries)


keep_portable_guards_unsafe = keep_tensor_guards_unsafe = skip_all_guards_unsafe = skip_guard_on_all_nn_modules_unsafe = _all_guards
skip_guard_on_globals_unsafe = skip_guard_on_inbuilt_nn_modules_unsafe = _all_guards


def __getattr__(name):
    if name == "config":
        import importlib
        return importlib.import_module("kagari.compiler.config")
    raise AttributeError(f"module 'torch.compiler' has no attribute {name!r}")
