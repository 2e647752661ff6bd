"""torch._check and its kin: conditions that a program states, and the exceptions where they do not hold."""
import kagari

_UNEXPLAINED = "Expected cond to be True, but got False. (Pass a message to say more.)"


def _fail(error_type, message):
    if message is None:
        raise error_type(_UNEXPLAINED)
    if not callable(message):
        raise TypeError("message must be a callable")
    raise error_type(str(message()))


def _check_with(error_type, cond, message):
    """Raises `error_type` with the text that `message()` returns unless cond, a bool, is True.

    TypeError if cond is no bool, or if the text is needed and message is no function.

    >>> torch._check_with(ValueError, 1 + 1 == 2, lambda: "arithmetic failed")
    """
    if not issubclass(error_type, Exception) or issubclass(error_type, Warning):
        raise TypeError(f"error_type must be an exception, but got {error_type}")
    if not isinstance(cond, (bool, kagari.SymBool)):
        if isinstance(cond, kagari.Tensor):
            raise TypeError("cond must be a bool, but got a Tensor. For tensor conditions, use torch._check_tensor_all() to assert "
                            "that all elements are true.")
        raise TypeError(f"cond must be a bool, but got {type(cond)}")
    if not cond:
        _fail(error_type, message)


def _check_tensor_all_with(error_type, cond, message=None):
    """Raises `error_type` unless all elements of the bool tensor cond are True. TypeError if cond is no bool tensor."""
    if not isinstance(cond, kagari.Tensor):
        raise TypeError(f"cond must be a tensor, but got {type(cond)}")
    if cond.dtype != kagari.bool:
        raise TypeError(f"cond tensor must have dtype torch.bool, but got {cond.dtype}")
    _check_with(error_type, bool(cond.all()), message)


def _check_tensor_all(cond, message=None):
    """RuntimeError, with the text that `message()` returns, unless all elements of the bool tensor cond are True."""
    _check_tensor_all_with(RuntimeError, cond, message)


def _check_is_size(i, message=None, *, max=None):
    """RuntimeError unless i is a size: not negative, and at most max if that is given."""
    _check_with(RuntimeError, i >= 0, message)
    if max is not None:
        _check_with(RuntimeError, i <= max, message)


def _check_as(name, error_type):
    def check(cond, message=None):
        _check_with(error_type, cond, message)
    check.__name__ = check.__qualname__ = name
    check.__doc__ = f"{error_type.__name__}, with the text that `message()` returns, unless cond, a bool, is True."
    return check


_check = _check_as("_check", RuntimeError)
_check_index = _check_as("_check_index", IndexError)
_check_value = _check_as("_check_value", ValueError)
_check_type = _check_as("_check_type", TypeError)
_check_not_implemented = _check_as("_check_not_implemented", NotImplementedError)


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
