"""Names of PyTorch's compiler front end that libraries ask for. kagari compiles without one."""
from kagari.compiler import allow_in_graph, assume_constant_result, disable, is_compiling, list_backends, reset

__all__ = ["allow_in_graph", "assume_constant_result", "disable", "is_compiling", "list_backends", "reset", "mark_dynamic", "mark_static",
           "maybe_mark_dynamic", "mark_static_address", "graph_break", "disallow_in_graph", "forbid_in_graph", "config", "OptimizedModule"]


def _accept(doc):
    def accept(*args, **kwargs):
        return None
    accept.__doc__ = doc
    return accept


mark_dynamic = maybe_mark_dynamic = _accept("Accepted: sizes may change from call to call.")
mark_static = mark_static_address = _accept("Accepted: sizes that do not change need no mark.")
graph_break = _accept("Accepted: a compiled graph ends here.")
disallow_in_graph = forbid_in_graph = disable


class _Config:
    """Settings of PyTorch's compiler: they can be set and read, and have no effect."""
    suppress_errors = False
    cache_size_limit = recompile_limit = 8
    verbose = False
    automatic_dynamic_shapes = True
    capture_scalar_outputs = False
    capture_dynamic_output_shape_ops = False
    optimize_ddp = True
    inline_inbuilt_nn_modules = True
    accumulated_cache_size_limit = accumulated_recompile_limit = 256


config = _Config()


def __getattr__(name):
    if name == "OptimizedModule":
        from kagari._dynamo._optimized_module import OptimizedModule
        return OptimizedModule
    if name in ("utils", "eval_frame"):
        import importlib
        return importlib.import_module(f"kagari._dynamo.{name}") if name == "utils" else importlib.import_module("kagari._dynamo")
    raise AttributeError(f"module 'torch._dynamo' has no attribute {name!r}")
