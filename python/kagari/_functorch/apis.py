"""The public faces of the transforms."""
import functools

from kagari._functorch import eager_transforms, vmap as _vmap

__all__ = ["vmap", "grad", "grad_and_value", "chunk_vmap"]


def vmap(func, in_dims=0, out_dims=0, randomness="error", *, chunk_size=None):
    """A function that applies func to all examples at once, along one dimension of every input.

    in_dims: which dimension of each input counts examples, as an int for all or nested like the inputs; None for an input
    that all examples share. out_dims: where the examples go in the outputs, likewise. randomness: whether random numbers are
    forbidden ("error"), drawn per example ("different") or once for all ("same"). chunk_size: at most so many examples at a
    time. vmap may be nested and combined with grad, jvp and the others.

    Raises ValueError for inputs whose mapped sizes differ, and RuntimeError where values of one example are asked for
    (``item()``, ``if``) or examples are written into a tensor that they share.

    >>> kagari.vmap(kagari.dot)(kagari.tensor([[1., 2.], [3., 4.]]), kagari.ones(2, 2))
    tensor([3., 7.])
    """
    _vmap._check_randomness(randomness)
    if not (chunk_size is None or chunk_size > 0):
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    def wrapped(*args, **kwargs):
        return _vmap.vmap_impl(func, in_dims, out_dims, randomness, chunk_size, *args, **kwargs)
    return functools.wraps(func)(wrapped) if hasattr(func, "__name__") else wrapped


def chunk_vmap(func, in_dims=0, out_dims=0, randomness="error", chunks=2):
    """vmap in `chunks` parts of about one size."""
    if chunks < 1:
        raise ValueError(f"chunk_vmap: expected at least one chunk, got {chunks}")

    def wrapped(*args, **kwargs):
        size, *_ = _vmap._process_batched_inputs(in_dims, args, func)
        return vmap(func, in_dims, out_dims, randomness, chunk_size=max(1, -(-size // chunks)))(*args, **kwargs)
    return functools.wraps(func)(wrapped) if hasattr(func, "__name__") else wrapped


def grad(func, argnums=0, has_aux=False):
    """A function that returns the gradient of func, which returns a tensor with one number, with respect to its arguments
    argnums (an int, or a tuple for a tuple of gradients); with has_aux (gradient, aux) for a func that returns (value, aux).

    >>> kagari.func.grad(lambda x: x ** 3)(kagari.tensor(2.0))
    tensor(12.)
    """
    @functools.wraps(func) if hasattr(func, "__name__") else (lambda f: f)
    def wrapped(*args, **kwargs):
        return eager_transforms.grad_impl(func, argnums, has_aux, args, kwargs)
    return wrapped


def grad_and_value(func, argnums=0, has_aux=False):
    """A function that returns (the gradient of func, its value); with has_aux the value is (value, aux). See grad."""
    @functools.wraps(func) if hasattr(func, "__name__") else (lambda f: f)
    def wrapped(*args, **kwargs):
        return eager_transforms.grad_and_value_impl(func, argnums, has_aux, args, kwargs)
    return wrapped
