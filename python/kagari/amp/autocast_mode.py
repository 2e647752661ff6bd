"""autocast: operators in a lower precision. Off it does nothing; on it is not supported yet and says so."""
import functools
import warnings

import kagari

__all__ = ["autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]
_DEVICES = ("cpu", "cuda", "xpu", "mps", "hpu", "mtia", "xla", "ipu", "maia", "meta", "privateuseone")


def is_autocast_available(device_type):
    """False: no device has autocast yet."""
    return False


class autocast:
    """Context manager and decorator for operators in a lower precision.

    enabled=False, and devices that the machine does not have, change nothing. On the CPU enabled=True raises
    NotImplementedError.
    """

    def __init__(self, device_type, dtype=None, enabled=True, cache_enabled=None):
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        if device_type not in _DEVICES:
            raise RuntimeError(f"User specified an unsupported autocast device_type '{device_type}'")
        if enabled and device_type != "cpu":
            warnings.warn(f"User provided device_type of '{device_type}', but {device_type.upper()} is not available. Disabling", stacklevel=2)
            enabled = False
        self.device, self.fast_dtype, self._enabled = device_type, dtype or (kagari.bfloat16 if device_type == "cpu" else kagari.float16), enabled
        self._cache_enabled = True if cache_enabled is None else cache_enabled

    def __enter__(self):
        if self._enabled:
            raise NotImplementedError(f"autocast to {self.fast_dtype} on the CPU is not supported yet; convert the model with .to({self.fast_dtype})")
        return self

    def __exit__(self, *exception):
        return False

    def __call__(self, function):
        @functools.wraps(function)
        def inside(*args, **kwargs):
            with self:
                return function(*args, **kwargs)
        return inside


def custom_fwd(fwd=None, *, device_type, cast_inputs=None):
    """Decorator for the forward of an autograd.Function under autocast."""
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def forward(*args, **kwargs):
        args[0]._dtype, args[0]._fwd_used_autocast = None, False
        return fwd(*args, **kwargs)
    return forward


def custom_bwd(bwd=None, *, device_type):
    """Decorator for the backward of an autograd.Function under autocast."""
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)
    return bwd
