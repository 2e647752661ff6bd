"""Names of PyTorch's compiler front end that libraries ask for. kagari runs functions as they are; see torch.compile."""
import functools

from kagari._dynamo import config, exc, utils
from kagari._dynamo.backends.registry import list_backends, lookup_backend, register_backend
from kagari._dynamo.exc import BackendCompilerFailed, Unsupported, UserError
from kagari.compiler import allow_in_graph, assume_constant_result, disable, is_compiling, set_stance, substitute_in_graph

__all__ = ["BackendCompilerFailed", "OptimizedModule", "Unsupported", "UserError", "allow_in_graph", "assume_constant_result", "config", "disable", "disallow_in_graph",
           "error_on_graph_break", "exc", "explain", "export", "forbid_in_graph", "graph_break", "is_compiling", "is_dynamo_supported", "is_inductor_supported",
           "list_backends", "lookup_backend", "mark_dynamic", "mark_static", "mark_static_address", "maybe_mark_dynamic", "nonstrict_trace", "optimize", "optimize_assert", "patch_dynamo_config", "set_recursion_limit",
           "skip_frame", "step_unsupported", "dont_skip_tracing",
           "register_backend", "replay", "reset", "reset_code_caches", "reset_frame_count", "run", "set_stance", "substitute_in_graph", "utils"]


def _accept(doc):
    def accept(*args, **kwargs):
        return None
    accept.__doc__ = doc
    return accept


mark_dynamic = maybe_mark_dynamic = mark_unbacked = _accept("Accepted: sizes may change from call to call.")
mark_static = mark_static_address = _accept("Accepted: sizes that do not change need no mark.")
graph_break = _accept("Accepted: a compiled graph ends here.")
reset_frame_count = reset_code_caches = reset_code = _accept("Nothing is kept between calls.")
set_recursion_limit = skip_frame = step_unsupported = _accept("Accepted: no bytecode is looked at.")
disallow_in_graph = forbid_in_graph = nonstrict_trace = dont_skip_tracing = disable
patch_dynamo_config = config.patch


def reset():
    """Forgets counts; nothing else is kept between calls."""
    utils.counters.clear()


def is_dynamo_supported():
    return True


def is_inductor_supported():
    return True


def error_on_graph_break(value):
    """Context manager; accepted."""
    return set_stance("default")


def run(fn=None):
    """The function itself."""
    return fn


def optimize(backend="inductor", *, nopython=False, guard_export_fn=None, guard_fail_fn=None, guard_filter_fn=None, disable=False, dynamic=None, package=None,
             rebuild_ctx=None):
    """Decorator: torch.compile with these options."""
    import kagari
    return functools.partial(kagari.compile, backend=backend, fullgraph=nopython, dynamic=dynamic, disable=disable)


def optimize_assert(backend, **options):
    """Decorator: torch.compile of the whole function."""
    return optimize(backend, nopython=True, **options)


class ExplainOutput:
    """What explain() found: the graphs, and how often the function could not be one."""

    def __init__(self, graphs, graph_break_count):
        self.graphs, self.graph_count, self.graph_break_count = graphs, len(graphs), graph_break_count
        self.op_count = sum(node.op.startswith("call") for gm in graphs for node in gm.graph.nodes)
        self.break_reasons = ["the function reads values of tensors in Python"] * graph_break_count
        self.ops_per_graph = [[node.target for node in gm.graph.nodes if node.op == "call_function"] for gm in graphs]

    def __str__(self):
        return f"Graph Count: {self.graph_count}\nGraph Break Count: {self.graph_break_count}\nOp Count: {self.op_count}"


def explain(f, *extra_args, **extra_kwargs):
    """A function that, called with arguments, says how f would be recorded for a backend."""
    def inner(*args, **kwargs):
        import kagari
        graphs = []

        def backend(gm, inputs):
            graphs.append(gm)
            return gm.forward
        kagari.compile(f, backend=backend)(*args, **kwargs)
        return ExplainOutput(graphs, int(not graphs))
    return inner(*extra_args, **extra_kwargs) if extra_args or extra_kwargs else inner


def export(f, *extra_args, aten_graph=False, **options):
    """A function that records f(*args, **kwargs) and gives (GraphModule, guards)."""
    def inner(*args, **kwargs):
        import kagari
        module = f if isinstance(f, kagari.nn.Module) else kagari.onnx._exporter._Called(f)
        return kagari.export.export(module, args, kwargs).module(), None
    return inner(*extra_args) if extra_args else inner


def replay(filename):
    raise NotImplementedError("torch._dynamo.replay: kagari records no runs of the compiler")


def __getattr__(name):
    import importlib
    if name == "OptimizedModule":
        from kagari._dynamo._optimized_module import OptimizedModule
        return OptimizedModule
    if name in ("eval_frame", "backends", "testing", "external_utils", "decorators"):
        return importlib.import_module(f"kagari._dynamo.{name}")
    raise AttributeError(f"module 'torch._dynamo' has no attribute {name!r}")
