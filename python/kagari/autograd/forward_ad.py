"""Forward mode: tensors that carry a tangent, the derivative along one direction, through the operators."""
from typing import NamedTuple

import kagari
from kagari import _C
from kagari._functorch.eager_transforms import _check_tangent
from kagari.autograd.grad_mode import _DecoratorContextManager

__all__ = ["UnpackedDualTensor", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual", "dual_level"]

_levels = []                  # numbers of the open levels; there can be one at a time
_current_level = -1
_forward_grad = [True]


def _is_fwd_grad_enabled():
    """Whether make_dual attaches tangents."""
    return _forward_grad[0]


class _set_fwd_grad_enabled(_DecoratorContextManager):
    """Switches forward mode on or off: off, make_dual gives tensors without a tangent."""

    def __init__(self, mode):
        self.before = _forward_grad[0]
        _forward_grad[0] = mode

    def __enter__(self):
        pass

    def __exit__(self, *exception):
        _forward_grad[0] = self.before

    def clone(self):
        return type(self)(_forward_grad[0])


def enter_dual_level():
    """Opens a level, inside of which tensors may have tangents; gives its number. RuntimeError if one is open already."""
    global _current_level
    if _levels:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    _levels.append(_C._transform_enter("dual"))
    _current_level = len(_levels) - 1
    return _current_level


def exit_dual_level(*, level=None):
    """Closes the level: tangents made in it are gone. RuntimeError if `level` is not the last one entered."""
    global _current_level
    if level is None:
        level = _current_level
    if level < 0:
        raise RuntimeError("Dual level must be a positive number.")
    if level != _current_level:
        raise RuntimeError("Trying to exit a forward AD level that was not the last one that was created. This is not supported.")
    _C._transform_exit(_levels.pop())
    _current_level = len(_levels) - 1


class dual_level(_DecoratorContextManager):
    """A level for the length of a block.

    >>> import kagari.autograd.forward_ad as fwAD
    >>> with fwAD.dual_level():
    ...     x = fwAD.make_dual(kagari.tensor(3.), kagari.tensor(1.))
    ...     fwAD.unpack_dual(x * x).tangent
    tensor(6.)
    """

    def __enter__(self):
        return enter_dual_level()

    def __exit__(self, *exception):
        exit_dual_level()


def _open_level(level):
    if level is None:
        level = _current_level
    return _levels[level] if 0 <= level < len(_levels) else None


def make_dual(tensor, tangent, *, level=None):
    """A view of `tensor` that carries `tangent`, of the same shape; both may be floating or complex. RuntimeError outside of a level."""
    number = _open_level(level)
    if number is None:
        raise RuntimeError("Trying to create a dual Tensor for forward AD but no level exists, make sure to enter_dual_level() first.")
    if not (tensor.is_floating_point() or tensor.is_complex()):
        raise ValueError(f"Expected primal to be floating point or complex, but got: {tensor.dtype}")
    if not (tangent.is_floating_point() or tangent.is_complex()):
        raise ValueError(f"Expected tangent to be floating point or complex, but got: {tangent.dtype}")
    _check_tangent(tensor, tangent)
    dual = tensor.view_as(tensor)
    return _C._transform_give_tangent(dual, tensor, tangent, number) if _forward_grad[0] else dual


class UnpackedDualTensor(NamedTuple):
    """What unpack_dual gives: the value and its tangent, or None."""
    primal: kagari.Tensor
    tangent: kagari.Tensor | None


def unpack_dual(tensor, *, level=None):
    """(the tensor's value, its tangent or None), as views."""
    number = _open_level(level)
    if number is None:
        return UnpackedDualTensor(tensor, None)
    primal, tangent = _C._transform_undual(tensor, number)
    return UnpackedDualTensor(primal, tangent)
