"""torch._custom_ops: older names of torch.library."""
from kagari.library import custom_op, get_ctx, impl_abstract
from kagari.library import impl as _impl
from kagari.library import register_autograd as _register_autograd

__all__ = ["custom_op", "impl", "impl_abstract", "get_ctx", "impl_save_for_backward", "impl_backward"]
_saved = {}


def impl(qualname, *, device_types=("cpu", "cuda"), func=None):
    """torch.library.impl"""
    return _impl(qualname, device_types, func)


def impl_save_for_backward(qualname, *, func=None):
    """func(inputs, output) gives what impl_backward's function gets."""
    def register(function):
        _saved[qualname] = function
        return function
    return register if func is None else register(func)


def impl_backward(qualname, output_differentiability=None, *, func=None):
    """func(ctx, saved, *grads) gives a dict from argument names to gradients."""
    def register(function):
        from kagari.library import _definition
        names = [argument.name for argument in _definition(qualname).schema.arguments]

        class _Inputs:
            def __init__(self, values):
                vars(self).update(zip(names, values))

        def setup(ctx, inputs, output):
            ctx._kept = _saved[qualname](_Inputs(inputs), output)

        def backward(ctx, *grads):
            found = function(ctx, ctx._kept, *grads)
            return tuple(found.get(name) for name in names)
        _register_autograd(qualname, backward, setup_context=setup)
        return function
    return register if func is None else register(func)
