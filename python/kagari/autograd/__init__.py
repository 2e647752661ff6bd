"""Automatic differentiation: backward passes, gradients, and the switches around them."""
import kagari
from kagari import _C
from kagari.autograd.anomaly_mode import detect_anomaly, set_detect_anomaly
from kagari.autograd.function import Function, NestedIOFunction
from kagari.autograd.grad_mode import (enable_grad, enforce_grad_layout_policy, inference_mode, no_grad, set_grad_enabled,
                                       set_multithreading_enabled)
from kagari.autograd.gradcheck import gradcheck, gradgradcheck
from kagari.autograd.variable import Variable

__all__ = ["Variable", "Function", "NestedIOFunction", "backward", "grad", "grad_mode", "gradcheck", "gradgradcheck", "detect_anomaly",
           "set_detect_anomaly", "enable_grad", "no_grad", "inference_mode", "set_grad_enabled", "set_multithreading_enabled",
           "enforce_grad_layout_policy", "variable"]


_profiler_enabled = _C._profiler_running


def variable(*args, **kwargs):
    raise RuntimeError("torch.autograd.variable(...) is deprecated, use torch.tensor(...) instead")


_LAZY = ("forward_ad", "functional", "graph", "profiler", "profiler_util", "profiler_legacy")


def __getattr__(name):
    if name in _LAZY:
        import importlib
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'torch.autograd' has no attribute {name!r}")


def _listed(values):
    """A tuple of tensors or edges; one alone becomes a tuple, too (an edge is itself a tuple)."""
    if isinstance(values, kagari.Tensor) or _is_edge(values):
        return (values,)
    return tuple(values)


def _is_edge(value):
    return isinstance(value, tuple) and hasattr(value, "output_nr")


def _any_holder(tensors):
    """Whether one of the tensors holds others, which carry its gradient (nested and masked tensors)."""
    return any(hasattr(type(tensor), "_held") for tensor in tensors if type(tensor) is not kagari.Tensor)


def _opened(tensors, gradients=None):
    from kagari._holder import opened
    return opened(tensors, gradients)


def _check_batch(outputs, gradients):
    """is_grads_batched: every gradient is an output's shape with the batch in front."""
    for position, (output, gradient) in enumerate(zip(outputs, gradients)):
        if gradient is not None and not _is_edge(output) and gradient.shape[1:] != output.shape:
            raise RuntimeError(f"If `is_grads_batched=True`, each grad_output is a batch of gradients of the output's shape, but "
                               f"grad_output[{position}] has a shape of {gradient.shape} and output[{position}] has a shape of {output.shape}.")


def _given(gradients, count):
    """The gradients as a tuple of `count`."""
    if gradients is None:
        return (None,) * count
    gradients = (gradients,) if isinstance(gradients, kagari.Tensor) else tuple(gradients)
    if len(gradients) != count:
        raise RuntimeError(f"got {count} tensors and {len(gradients)} gradients")
    return gradients


def backward(tensors, grad_tensors=None, retain_graph=None, create_graph=False, grad_variables=None, inputs=None):
    """Adds d(tensors)/d(leaf) to the `.grad` of the leaves (only of `inputs`, if given).

    grad_tensors: one gradient per tensor; may be left out for tensors with one element.
    retain_graph: keep what the graph saved, for another pass; create_graph: record the pass, too.
    Raises RuntimeError for tensors that do not require a gradient, and for a graph that was freed.
    """
    if grad_variables is not None:
        import warnings
        warnings.warn("`grad_variables` is deprecated. Use `grad_tensors` instead.", FutureWarning, stacklevel=2)
        if grad_tensors is not None:
            raise RuntimeError("`grad_tensors` and `grad_variables` (deprecated) arguments both passed to `backward()`. Please only use `grad_tensors`.")
        grad_tensors = grad_variables
    if inputs is not None:
        inputs = tuple(inputs.values()) if isinstance(inputs, dict) else _listed(inputs)
        if not inputs:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    tensors = _listed(tensors)
    gradients = _given(grad_tensors, len(tensors))
    if _any_holder((*tensors, *(inputs or ()))):
        (tensors, gradients), (inputs, _) = _opened(tensors, gradients), _opened(inputs or ())
    _C._run_backward(tensors, gradients, create_graph if retain_graph is None else retain_graph, create_graph, inputs or (), True, True)


def grad(outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, only_inputs=True, allow_unused=None, is_grads_batched=False,
         materialize_grads=False):
    """d(outputs)/d(inputs) as a tuple, one gradient per input; nothing is added to `.grad`.

    inputs may be a dict of tensors: then the result is one, too. allow_unused: None for inputs that the outputs do not
    depend on, instead of RuntimeError; materialize_grads: zeros for those. is_grads_batched: every grad_output has a
    batch dimension in front, and so has every result.
    """
    if materialize_grads and allow_unused is False:
        raise ValueError(f"Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused={allow_unused}.")
    if allow_unused is None:
        allow_unused = materialize_grads
    names = None
    if isinstance(inputs, dict):
        names, inputs = tuple(inputs), tuple(inputs.values())
    outputs, inputs = _listed(outputs), _listed(inputs)
    if not inputs:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    if not only_inputs:
        import warnings
        warnings.warn("only_inputs argument is deprecated and is ignored now (defaults to True). To accumulate gradient for other parts of the graph, "
                      "please use torch.autograd.backward.", FutureWarning, stacklevel=2)
    keep = create_graph if retain_graph is None else retain_graph
    gradients = _given(grad_outputs, len(outputs))
    asked = inputs
    if _any_holder((*outputs, *inputs)):
        (outputs, gradients), (inputs, _) = _opened(outputs, gradients), _opened(inputs)
    if is_grads_batched:
        results = _batched(outputs, gradients, keep, create_graph, inputs, allow_unused)
    else:
        results = _C._run_backward(outputs, gradients, keep, create_graph, inputs, allow_unused, False)
    if materialize_grads:
        results = tuple(kagari.zeros_like(source, requires_grad=create_graph) if result is None else result for result, source in zip(results, inputs))
    if asked is not inputs:
        from kagari._holder import closed
        results = closed(asked, results)
    return results if names is None else dict(zip(names, results))


def _batched(outputs, gradients, keep, create_graph, inputs, allow_unused):
    """One pass for all entries of the batch, by vmap."""
    from kagari._functorch.vmap import _remove_batch_dim, vmap_increment_nesting
    _check_batch(outputs, gradients)
    sizes = {gradient.shape[0] for gradient in gradients if gradient is not None}
    if len(sizes) != 1 or any(gradient is not None and gradient.dim() == 0 for gradient in gradients):
        raise ValueError(f"is_grads_batched needs grad_outputs with one batch size in front, got {sorted(sizes)}")
    size = sizes.pop()
    if size == 0:
        return tuple(source.new_zeros((0, *source.shape)) for source in inputs)
    with vmap_increment_nesting(size, "error") as level:
        vectors = tuple(None if gradient is None else _C._transform_batch(gradient, 0, level) for gradient in gradients)
        results = _C._run_backward(outputs, vectors, keep, create_graph, inputs, allow_unused, False)
        return tuple(None if result is None else _remove_batch_dim(result, level, size, 0) for result in results)
