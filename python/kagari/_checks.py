"""Checks of conditions by which library code refuses arguments: torch._check and its relatives.

Each raises its own type of error if the condition does not hold; `message` is a function that gives the text.
"""
import kagari

_TEXT = "Expected cond to be True, but got False. (Pass a message to say more.)"


def _check_with(error_type, cond, message=None):
    """error_type(message()) unless cond, a bool, is True."""
    if not isinstance(cond, bool):
        raise TypeError(f"cond must be a bool, but got {type(cond)}")
    if cond:
        return
    if message is not None and not callable(message):
        raise TypeError("message must be a callable")
    raise error_type(_TEXT if message is None else str(message()))


def _check(cond, message=None):
    """RuntimeError unless cond is True."""
    _check_with(RuntimeError, cond, message)


def _check_index(cond, message=None):
    """IndexError unless cond is True."""
    _check_with(IndexError, cond, message)


def _check_value(cond, message=None):
    """ValueError unless cond is True."""
    _check_with(ValueError, cond, message)


def _check_type(cond, message=None):
    """TypeError unless cond is True."""
    _check_with(TypeError, cond, message)


def _check_not_implemented(cond, message=None):
    """NotImplementedError unless cond is True."""
    _check_with(NotImplementedError, cond, message)


def _check_is_size(i, message=None, *, max=None):
    """RuntimeError unless 0 <= i (<= max)."""
    _check(bool(i >= 0), message)
    if max is not None:
        _check(bool(i <= max), message)


def _check_tensor_all_with(error_type, cond, message=None):
    """error_type(message()) unless all elements of cond, a bool tensor, are True."""
    if not isinstance(cond, kagari.Tensor):
        raise TypeError(f"cond must be a tensor, but got {type(cond)}")
    if cond.dtype != kagari.bool:
        raise TypeError(f"cond tensor must have dtype torch.bool, but got {cond.dtype}")
    _check_with(error_type, bool(cond.all()), message)


def _check_tensor_all(cond, message=None):
    """RuntimeError unless all elements of cond, a bool tensor, are True."""
    _check_tensor_all_with(RuntimeError, cond, message)


def _is_all_true(input):
    """A 0-d tensor: whether all elements of a bool tensor are True."""
    return input.all()


def _is_any_true(input):
    """A 0-d tensor: whether any element of a bool tensor is True."""
    return input.any()


def _shape_as_tensor(input):
    """The sizes as an int64 tensor."""
    return kagari.tensor(input.shape, dtype=kagari.int64)


def _range_check(size, min, max):
    low, high = -2 ** 63 if min is None else min, 2 ** 63 - 1 if max is None else max
    if low > high:
        raise RuntimeError(f"Max must be at least min, but got {high} and {low}")
    if not low <= size <= high:
        raise RuntimeError(f"Invalid value range for {size} between [{low}, {high}].")


def sym_constrain_range(size, *, min=None, max=None):
    """RuntimeError unless min <= size <= max."""
    _range_check(size, min, max)


def sym_constrain_range_for_size(size, *, min=None, max=None):
    """RuntimeError unless min <= size <= max, and 0 <= size."""
    _range_check(size, 0 if min is None else min, max)


def sym_fresh_size(expr):
    """The size itself: kagari has no symbolic sizes."""
    return expr
