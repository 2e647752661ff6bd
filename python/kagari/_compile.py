"""torch.compile: calls run as they are. Kernels are fused inside operators; no code is generated yet."""
import functools
import logging

__all__ = ["compile"]

_log = logging.getLogger("kagari.compile")
_said = []


def _say_once():
    if not _said:
        _said.append(True)
        _log.info("torch.compile: functions run as they are; kagari generates no code for them")


def compile(model=None, *, fullgraph=False, dynamic=None, backend=None, mode=None, options=None, name=None, disable=False, recompile_limit=None,
            isolate_recompiles=False, shapes_spec=None):
    """The module or function, wrapped as PyTorch wraps compiled ones; the results are those of the original.

    Without `model` it is a decorator. A module becomes an OptimizedModule whose `_orig_mod` is the module. mode and
    options are checked as PyTorch checks them and change nothing. A backend that is a function, or was registered by
    torch._dynamo.register_backend, gets the GraphModule of each call and its example inputs, and what it returns is called;
    functions that read values of tensors in Python run as they are (with fullgraph they raise Unsupported).

    >>> import kagari as torch
    >>> def backend(gm, example_inputs):
    ...     print([node.name for node in gm.graph.nodes])
    ...     return gm.forward
    >>> torch.compile(lambda x: torch.relu(x) + 1, backend=backend)(torch.tensor([-1., 1.]))
    ['arg0', 'relu', 'add', 'output']
    tensor([1., 2.])
    """
    if backend is None:
        from kagari.compiler import get_default_backend
        backend = get_default_backend()
    if mode is not None and options is not None:
        raise RuntimeError("Either mode or options can be specified, but both can't be specified at the same time.")
    if mode not in (None, "default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs", "lite"):
        raise RuntimeError(f"Unrecognized mode={mode}, should be one of: default, reduce-overhead, max-autotune-no-cudagraphs, max-autotune")
    if model is None:
        return lambda function: compile(function, fullgraph=fullgraph, dynamic=dynamic, backend=backend, mode=mode, options=options, disable=disable)
    if not callable(model):
        raise RuntimeError("torch.compile expects a module or a function")
    if disable:
        return model
    if isinstance(model, type):
        return model
    function = None if backend == "inductor" else _backend_of(backend)
    import kagari
    if function is None:
        _say_once()
        call = model
    else:
        from kagari._dynamo._capture import CapturedFunction
        owner = model if isinstance(model, kagari.nn.Module) else getattr(model, "__self__", None)
        call = CapturedFunction(model, function, fullgraph, owner if isinstance(owner, kagari.nn.Module) else None, {"options": options} if options else None)
    if isinstance(model, kagari.nn.Module):
        from kagari._dynamo import OptimizedModule
        return OptimizedModule(model, call)

    @functools.wraps(model)
    def compiled(*args, **kwargs):
        return call(*args, **kwargs)
    compiled._torchdynamo_orig_callable = model
    return compiled


def _backend_of(backend):
    """The function of a backend; None for those that run programs as they are."""
    from kagari._dynamo.backends.registry import lookup_backend
    return lookup_backend(backend)
