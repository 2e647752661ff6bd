"""Modes below the operators (`__torch_dispatch__`), and what classes with a __torch_dispatch__ of their own need."""
import contextlib

import kagari
from kagari import _C
from kagari._C import _get_dispatch_stack_at, _len_torch_dispatch_stack, _pop_torch_dispatch_stack, _push_on_torch_dispatch_stack
from kagari.utils import _pytree as pytree

__all__ = ["TorchDispatchMode", "BaseTorchDispatchMode", "is_traceable_wrapper_subclass", "return_and_correct_aliasing", "transform_subclass"]


class TorchDispatchMode:
    """A context manager inside which __torch_dispatch__(func, types, args, kwargs) sees every operator, below autograd.

    func is an OpOverload such as torch.ops.aten.add.Tensor. Compositions arrive as the operators they are made of, and so do the
    gradient formulas of a backward pass. Inside the method the mode is off, and autograd records nothing.
    """
    supports_higher_order_operators = False

    def __init__(self, _dispatch_key=None):
        self._dispatch_key = _dispatch_key

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        raise NotImplementedError

    def __enter__(self):
        _push_on_torch_dispatch_stack(self)
        return self

    def __exit__(self, kind, value, trace):
        _pop_torch_dispatch_stack()

    @classmethod
    def push(cls, *args, **kwargs):
        """An instance; kept for older programs."""
        return cls(*args, **kwargs)

    @classmethod
    def is_infra_mode(cls):
        """Whether the mode belongs to the machinery (as FakeTensorMode does), not to a program."""
        return False


class BaseTorchDispatchMode(TorchDispatchMode):
    """A mode that changes nothing."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


def _get_current_dispatch_mode():
    """The innermost active mode, or None."""
    depth = _len_torch_dispatch_stack()
    return _get_dispatch_stack_at(depth - 1) if depth else None


def _get_current_dispatch_mode_stack():
    """The active modes from outside."""
    return [_get_dispatch_stack_at(i) for i in range(_len_torch_dispatch_stack())]


def _push_mode(mode):
    _push_on_torch_dispatch_stack(mode)


def _pop_mode(k=None):
    return _pop_torch_dispatch_stack(k)


@contextlib.contextmanager
def _pop_mode_temporarily(k=None):
    """The innermost mode is off inside; gives the mode."""
    mode = _pop_mode(k)
    try:
        yield mode
    finally:
        _push_mode(mode)


@contextlib.contextmanager
def _disable_current_modes():
    """All modes are off inside; gives them."""
    modes = [_pop_mode() for _ in range(_len_torch_dispatch_stack())]
    try:
        yield modes[::-1]
    finally:
        for mode in reversed(modes):
            _push_mode(mode)


def is_in_torch_dispatch_mode(include_infra_modes=True):
    """Whether a mode is active."""
    return any(include_infra_modes or not mode.is_infra_mode() for mode in _get_current_dispatch_mode_stack())


_is_in_torch_dispatch_mode = is_in_torch_dispatch_mode


def any_torch_dispatch_mode_on_stack(*, include_infra_modes=True):
    """Whether a mode is active."""
    return is_in_torch_dispatch_mode(include_infra_modes)


def is_in_any_mode_without_ignore_compile_internals():
    """Whether a mode of a program is active."""
    return is_in_torch_dispatch_mode(False)


def _detect_infra_mode(key):
    return next((mode for mode in reversed(_get_current_dispatch_mode_stack()) if getattr(mode, "_mode_key", None) == key), None)


# --- wrappers --------------------------------------------------------------------------------

def is_traceable_wrapper_subclass_type(t):
    """Whether a class wraps other tensors and says how (`__tensor_flatten__`)."""
    return issubclass(t, kagari.Tensor) and t is not kagari.Tensor and hasattr(t, "__tensor_flatten__") and hasattr(t, "__tensor_unflatten__")


def is_traceable_wrapper_subclass(t):
    """Whether t is a tensor that wraps others and says how (`__tensor_flatten__`)."""
    return isinstance(t, kagari.Tensor) and is_traceable_wrapper_subclass_type(type(t))


class TensorWithFlatten(kagari.Tensor):
    """A tensor with __tensor_flatten__ and __tensor_unflatten__; a name for annotations."""


TraceableWrapperSubclass = TensorWithFlatten


def transform_subclass(t, callback, outer_size=None, outer_stride=None):
    """A wrapper like t around callback(name, inner) for each tensor inside it."""
    outer_size = outer_size if outer_size is not None else t.size()
    outer_stride = outer_stride if outer_stride is not None else t.stride()
    names, context = t.__tensor_flatten__()
    parts = {name: callback(name, getattr(t, name)) for name in names}
    made = type(t).__tensor_unflatten__(parts, context, outer_size, outer_stride)
    if made.shape != outer_size or made.stride() != outer_stride:
        raise AssertionError(f"{type(t)}.__tensor_unflatten__ returned a tensor of shape {tuple(made.shape)} and strides {made.stride()} where "
                             f"{tuple(outer_size)} and {outer_stride} are expected")
    return made


def _bind(schema, args, kwargs):
    """Pairs of the schema's arguments and what the call gives for them."""
    positional = [argument for argument in schema.arguments if not argument.kwarg_only]
    pairs = list(zip(positional, args))
    named = {argument.name: argument for argument in schema.arguments}
    return pairs + [(named[name], value) for name, value in (kwargs or {}).items() if name in named]


def return_and_correct_aliasing(func, args, kwargs, out):
    """`out` with the aliasing that func's schema says, for the end of a wrapper's __torch_dispatch__.

    An in-place or out= operator gives the tensor that it wrote to; the result of a view shares the storage of its argument.
    """
    schema = func._schema
    pairs = _bind(schema, args, kwargs)
    written = [value for argument, value in pairs if argument.is_write]
    if written and any(one.alias_info is not None and one.alias_info.is_write for one in schema.returns):
        return written[0] if len(schema.returns) == 1 else type(out)(written)
    if func.is_view:
        source = next(value for argument, value in pairs if argument.alias_info is not None)
        for one in pytree.tree_leaves(out):
            if isinstance(one, kagari.Tensor) and isinstance(source, kagari.Tensor):
                _C._unsafe_set_storage(one, source)
    return out


def autograd_would_have_decomposed(func, flat_args):
    """False: compositions are taken apart before a mode sees them."""
    return False
