"""torch.compile: calls run as they are. Kernels are fused inside operators; nothing is traced or generated yet."""
import functools

__all__ = ["compile"]


def compile(model=None, *, fullgraph=False, dynamic=None, backend="inductor", mode=None, options=None, disable=False):
    """The module or function, wrapped as PyTorch wraps compiled ones; the results are those of the original.

    Without `model` it is a decorator. A module becomes an OptimizedModule whose `_orig_mod` is the module. mode and
    options are checked as PyTorch checks them and change nothing. Raises NotImplementedError for a backend that is a
    function, because there is no graph to give it.
    """
    if mode is not None and options is not None:
        raise RuntimeError("Either mode or options can be specified, but both can't be specified at the same time.")
    if mode not in (None, "default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs", "lite"):
        raise RuntimeError(f"Unrecognized mode={mode}, should be one of: default, reduce-overhead, max-autotune-no-cudagraphs, max-autotune")
    if callable(backend):
        raise NotImplementedError("torch.compile: a backend that is a function needs a graph, which kagari does not record")
    if model is None:
        return lambda function: compile(function, fullgraph=fullgraph, dynamic=dynamic, backend=backend, mode=mode, options=options, disable=disable)
    if not callable(model):
        raise RuntimeError("torch.compile expects a module or a function")
    if disable:
        return model
    import kagari
    if isinstance(model, kagari.nn.Module):
        from kagari._dynamo import OptimizedModule
        return OptimizedModule(model)
    if isinstance(model, type):
        return model

    @functools.wraps(model)
    def compiled(*args, **kwargs):
        return model(*args, **kwargs)
    compiled._torchdynamo_orig_callable = model
    return compiled
