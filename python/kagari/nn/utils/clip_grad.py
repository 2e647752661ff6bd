"""Clipping of gradients by their total norm or by value."""
import functools
import warnings

import kagari

__all__ = ["clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]


def _without_grad(function):
    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        with kagari.no_grad():
            return function(*args, **kwargs)

    return wrapped


def _as_list(tensors):
    return [tensors] if isinstance(tensors, kagari.Tensor) else list(tensors)


def _grads(parameters):
    return [p.grad for p in _as_list(parameters) if p.grad is not None]


@_without_grad
def get_total_norm(tensors, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """The norm of all ``tensors`` as if they were one vector; a scalar tensor, 0 if there are none.

    error_if_nonfinite: raises RuntimeError if the norm is infinite or NaN. ``foreach`` has no effect.
    """
    tensors = _as_list(tensors)
    norm_type = float(norm_type)
    if not tensors:
        return kagari.tensor(0.0)
    norms = [kagari.linalg.vector_norm(tensor, norm_type) for tensor in tensors]
    total = kagari.linalg.vector_norm(kagari.stack(norms), norm_type)
    if error_if_nonfinite and kagari.logical_or(total.isnan(), total.isinf()):
        raise RuntimeError(f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it "
                           "cannot be clipped. To disable this error and scale the gradients by the non-finite norm "
                           "anyway, set `error_if_nonfinite=False`")
    return total


@_without_grad
def clip_grads_with_norm_(parameters, max_norm, total_norm, foreach=None):
    """Scales the gradients by ``max_norm / total_norm`` in place if that is below 1."""
    grads = _grads(parameters)
    if not grads:
        return
    # Clamped instead of compared: a comparison would have to wait for the value.
    scale = kagari.clamp(float(max_norm) / (total_norm + 1e-6), max=1.0)
    for grad in grads:
        grad.mul_(scale)


@_without_grad
def clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """Scales the gradients of ``parameters`` in place so that their total norm is at most ``max_norm``. Returns the
    norm they had, a scalar tensor. See ``get_total_norm``."""
    if not isinstance(parameters, kagari.Tensor):
        is_generator = hasattr(parameters, "__next__")
        parameters = list(parameters)
        if is_generator and not parameters:
            warnings.warn("`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=3)
    total = get_total_norm(_grads(parameters), norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(parameters, max_norm, total, foreach)
    return total


def clip_grad_norm(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """An old name of ``clip_grad_norm_``."""
    warnings.warn("`torch.nn.utils.clip_grad_norm` is now deprecated in favor of `torch.nn.utils.clip_grad_norm_`.",
                  FutureWarning, stacklevel=2)
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


@_without_grad
def clip_grad_value_(parameters, clip_value, foreach=None):
    """Clamps the gradients of ``parameters`` to ``[-clip_value, clip_value]`` in place."""
    clip_value = float(clip_value)
    for grad in _grads(parameters):
        grad.clamp_(min=-clip_value, max=clip_value)
