"""Calling a module with other parameters than its own."""
import contextlib
import warnings

import kagari

__all__ = ["functional_call"]


def _with_tied(module, given):
    """``given`` extended to all names of each tensor that it replaces. ValueError if two names of one tensor get
    different values."""
    names_of = {}
    for name, tensor in [*module.named_parameters(remove_duplicate=False),
                         *module.named_buffers(remove_duplicate=False)]:
        names_of.setdefault(id(tensor), set()).add(name)
    groups = {name: names for names in names_of.values() for name in names}
    result = dict(given)
    for name in given:
        tied = groups.get(name, set()) - {name}
        for other in tied:
            if other in given:
                if given[other] is not given[name]:
                    raise ValueError(f"functional_call got multiple values for keys {sorted(groups[name])}, which are "
                                     "tied. Consider using tie_weights=False")
            else:
                result[other] = given[name]
    return result


def _check_names(module, given):
    own = {name for name, _ in module.named_parameters(remove_duplicate=False)}
    own |= {name for name, _ in module.named_buffers(remove_duplicate=False)}
    missing = [name for name in sorted(own) if name not in given]
    unexpected = [name for name in given if name not in own]
    lines = []
    if unexpected:
        lines.append("Unexpected key(s): " + ", ".join(map(repr, unexpected)) + ".")
    if missing:
        lines.append("Missing key(s): " + ", ".join(map(repr, missing)) + ".")
    if lines:
        raise RuntimeError(f"Error(s) in reparametrizing for {module._get_name()}:\n\t" + "\n\t".join(lines))


_ABSENT = object()


def _swap(module, name, value):
    """Puts ``value`` where ``module`` keeps ``name`` and returns what was there."""
    for registry in (module._parameters, module._buffers):
        if name in registry:
            old = registry[name]
            if value is _ABSENT:
                del registry[name]
            else:
                registry[name] = value
            flat = module.__dict__.get("_flat_weights_names", ())  # recurrent layers list their weights a second time
            if name in flat:
                module._flat_weights[flat.index(name)] = None if value is _ABSENT else value
            return old
    old = module.__dict__.get(name, _ABSENT)
    if old is _ABSENT and hasattr(type(module), name):
        # A property, as parametrizations make: it computes from other tensors and cannot be replaced by one.
        raise KeyError(f"{module._get_name()}.{name} is computed, not stored")
    if value is _ABSENT:
        module.__dict__.pop(name, None)
    else:
        module.__dict__[name] = value
    return old


@contextlib.contextmanager
def _reparametrize_module(module, parameters_and_buffers, tie_weights=False, strict=False, stack_weights=False):
    if tie_weights:
        parameters_and_buffers = _with_tied(module, parameters_and_buffers)
    if strict:
        _check_names(module, parameters_and_buffers)
    swapped = []
    try:
        for path, value in parameters_and_buffers.items():
            if not isinstance(value, kagari.Tensor):
                raise TypeError(f"{value} is not an instance of torch.Tensor")
            where, _, name = path.rpartition(".")
            owner = module.get_submodule(where)
            swapped.append((owner, name, _swap(owner, name, value), path))
        yield
    finally:
        for owner, name, old, path in reversed(swapped):
            now = _swap(owner, name, old)
            # A buffer that the call replaced, as by an assignment, is handed back to the caller.
            if path in parameters_and_buffers and isinstance(now, kagari.Tensor):
                parameters_and_buffers[path] = now


def _functional_call(module, parameters_and_buffers, args=None, kwargs=None, *, tie_weights=True, strict=False):
    if args is None:
        args = ()
    elif not isinstance(args, tuple):
        args = (args,)
    with _reparametrize_module(module, parameters_and_buffers, tie_weights=tie_weights, strict=strict):
        return module(*args, **(kwargs or {}))


def functional_call(module, parameters_and_buffers, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """An old place of ``kagari.func.functional_call``: ``module(*args, **kwargs)`` with the tensors of the dictionary,
    by dotted name, in place of its own.

    tie_weights: whether tied names get the same value. strict: whether missing and unexpected names are errors.
    """
    warnings.warn("This API is deprecated as of PyTorch 2.0 and will be removed in a future version of PyTorch. Please "
                  "use torch.func.functional_call instead which is a drop-in replacement.", FutureWarning, stacklevel=2)
    return _functional_call(module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict)
