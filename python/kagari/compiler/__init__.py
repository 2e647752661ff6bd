"""Hints to and questions about torch.compile."""
import kagari

__all__ = ["compile", "assume_constant_result", "reset", "allow_in_graph", "substitute_in_graph", "list_backends", "disable", "set_stance",
           "set_enable_guard_collectives", "cudagraph_mark_step_begin", "wrap_numpy", "is_compiling", "is_dynamo_compiling", "is_exporting",
           "save_cache_artifacts", "load_cache_artifacts", "nested_compile_region"]


def compile(*args, **kwargs):
    """torch.compile."""
    return kagari.compile(*args, **kwargs)


def is_compiling():
    return False


def is_dynamo_compiling():
    return False


def is_exporting():
    return False


def reset():
    """Nothing is kept between calls."""


def list_backends(exclude_tags=("debug", "experimental")):
    return []


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
