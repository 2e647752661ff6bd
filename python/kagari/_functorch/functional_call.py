"""Calling modules with given parameters."""
import kagari

__all__ = ["functional_call", "stack_module_state"]


def functional_call(module, parameter_and_buffer_dicts, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """``module(*args, **kwargs)`` with the tensors of the dictionary (or of several), by dotted name, in place of its own.

    args: a tuple, or the only argument. tie_weights: whether all names of one tensor get the value given for one of
    them. strict: whether missing and unexpected names are errors. Raises ValueError for a name in two dictionaries.

    >>> layer = kagari.nn.Linear(2, 1, bias=False)
    >>> kagari.func.functional_call(layer, {"weight": kagari.ones(1, 2)}, kagari.tensor([3.0, 4.0]))
    tensor([7.])
    """
    from kagari.nn.utils.stateless import _functional_call

    given = parameter_and_buffer_dicts
    if not isinstance(given, dict):
        if not isinstance(given, (list, tuple)):
            raise ValueError("Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
                             f"{type(given)}")
        if not all(isinstance(part, dict) for part in given):
            raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
        names = [name for part in given for name in part]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"{repeated} appeared in multiple dictionaries; behavior of functional call is ambiguous")
        given = {name: tensor for part in given for name, tensor in part.items()}
    return _functional_call(module, given, args, kwargs, tie_weights=tie_weights, strict=strict)


def stack_module_state(models):
    """(parameters, buffers) of several modules of one class, each stacked along a new first dimension, by name."""
    models = list(models)
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if not (all(m.training for m in models) or not any(m.training for m in models)):
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if any(type(m) is not type(models[0]) for m in models):
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")

    def stacked(tensors):
        if not all(t.is_leaf for t in tensors) or not any(t.requires_grad for t in tensors):
            return kagari.stack(tensors)
        # Leaves again, so that they can be trained.
        return kagari.stack([t.detach() for t in tensors]).requires_grad_()

    params = {name: stacked([dict(m.named_parameters())[name] for m in models])
              for name, _ in models[0].named_parameters()}
    buffers = {name: stacked([dict(m.named_buffers())[name] for m in models]) for name, _ in models[0].named_buffers()}
    return params, buffers
