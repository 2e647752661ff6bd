"""autocast: regions in which operators take their floating arguments in the dtype that suits them.

The core has it for the CPU: matrix products and convolutions run in bfloat16 or float16, losses and factorizations in float32, all
others in the dtype they are given. Regions for devices that the machine does not have are off.
"""
import functools
import warnings

import kagari
from kagari import _C

__all__ = ["autocast_decorator", "autocast", "is_autocast_available", "custom_fwd", "custom_bwd"]
_AVAILABLE = ("cpu", "cuda", "ipu", "xpu", "xla", "mps", "hpu", "mtia", "maia", "privateuseone")
_LOWER = (kagari.bfloat16, kagari.float16)
_others = {device: [False, kagari.bfloat16 if device in ("xla", "hpu") else kagari.float16] for device in _AVAILABLE}


def _device_name(device_type):
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    return kagari.device(device_type).type      # RuntimeError for names that are no device


def is_autocast_available(device_type):
    """Whether PyTorch has autocast for this kind of device. RuntimeError if there is no such kind."""
    return _device_name(device_type) in _AVAILABLE


def is_autocast_enabled(device_type="cuda"):
    """Whether the calling thread is in an autocast region for this kind of device."""
    name = _device_name(device_type)
    return _C._is_autocast_cpu_enabled() if name == "cpu" else _others.get(name, (False,))[0]


def set_autocast_enabled(*arguments):
    """set_autocast_enabled(device_type, enabled): switches autocast on or off for the calling thread."""
    device_type, enabled = arguments if len(arguments) == 2 else ("cuda", *arguments)
    name = _device_name(device_type)
    if name == "cpu":
        _C._set_autocast_cpu_enabled(bool(enabled))
    elif name in _others:
        _others[name][0] = bool(enabled)


def get_autocast_dtype(device_type):
    """The dtype that autocast's lower precision means for this kind of device."""
    name = _device_name(device_type)
    if name == "cpu":
        return _C._get_autocast_cpu_dtype()
    if name not in _others:
        raise RuntimeError("unsupported scalarType")
    return _others[name][1]


def set_autocast_dtype(device_type, dtype):
    """What autocast's lower precision means for this kind of device."""
    name = _device_name(device_type)
    if name == "cpu":
        _C._set_autocast_cpu_dtype(dtype)
    elif name in _others:
        _others[name][1] = dtype


def autocast_decorator(autocast_instance, func):
    """func, run inside autocast_instance."""
    @functools.wraps(func)
    def decorate_autocast(*args, **kwargs):
        with autocast_instance:
            return func(*args, **kwargs)
    decorate_autocast.__script_unsupported = "@autocast() decorator is not supported in script mode"
    return decorate_autocast


class autocast:
    """Context manager and decorator: inside, operators choose the dtype of their floating arguments.

    Arguments:
        device_type: "cpu"; other devices warn and change nothing, because the machine has none.
        dtype: bfloat16 (the default on the CPU) or float16. Another one warns and disables the region.
        enabled: False makes a region in which autocast is off.
        cache_enabled: parameters are converted once per outermost region.

    >>> with torch.autocast("cpu", dtype=torch.bfloat16):
    ...     torch.mm(torch.ones(2, 2), torch.ones(2, 2)).dtype
    torch.bfloat16
    """

    def __init__(self, device_type, dtype=None, enabled=True, cache_enabled=None):
        name = _device_name(device_type)
        if name not in _AVAILABLE:
            raise RuntimeError("unsupported scalarType" if dtype is None else f"User specified an unsupported autocast device_type '{name}'")
        self.device = name
        self.fast_dtype = get_autocast_dtype(name) if dtype is None else dtype
        self.custom_backend_name = "privateuseone"
        self._cache_enabled = kagari.is_autocast_cache_enabled() if cache_enabled is None else cache_enabled
        if name == "cpu":
            if enabled and self.fast_dtype not in _LOWER:
                warnings.warn("In CPU autocast, but the target dtype is not supported. Disabling autocast.\nCPU Autocast only supports dtypes of "
                              "torch.bfloat16, torch.float16 currently.", stacklevel=2)
                enabled = False
        elif enabled:
            if name == "cuda":
                warnings.warn("CUDA is not available or torch_xla is imported. Disabling autocast.", stacklevel=2)
            enabled = False
        self._enabled = enabled

    def __enter__(self):
        self.prev_cache_enabled = kagari.is_autocast_cache_enabled()
        self.prev, self.prev_fastdtype = is_autocast_enabled(self.device), get_autocast_dtype(self.device)
        set_autocast_enabled(self.device, self._enabled)
        set_autocast_dtype(self.device, self.fast_dtype)
        kagari.autocast_increment_nesting()
        kagari.set_autocast_cache_enabled(self._cache_enabled)
        return self

    def __exit__(self, kind, value, trace):
        if kagari.autocast_decrement_nesting() == 0:
            kagari.clear_autocast_cache()
        set_autocast_enabled(self.device, self.prev)
        set_autocast_dtype(self.device, self.prev_fastdtype)
        kagari.set_autocast_cache_enabled(self.prev_cache_enabled)
        return False

    def __call__(self, func):
        return autocast_decorator(self, func)


def _enter_autocast(*vals):
    """A region without `with`: enters autocast(*vals) and returns it."""
    mode = autocast(*vals)
    mode.__enter__()
    return mode


def _exit_autocast(mode):
    """Leaves what _enter_autocast gave."""
    mode.__exit__(None, None, None)


def _cast(value, device_type, dtype):
    """Floating tensors of the device, float64 excepted, in `value` and the collections in it, converted."""
    if isinstance(value, kagari.Tensor):
        wanted = value.is_floating_point() and value.device.type == device_type and value.dtype != kagari.float64
        return value.to(dtype) if wanted else value
    if isinstance(value, (str, bytes)):
        return value
    if isinstance(value, dict):
        return {_cast(key, device_type, dtype): _cast(item, device_type, dtype) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        parts = [_cast(item, device_type, dtype) for item in value]
        return type(value)(parts) if isinstance(value, (list, tuple)) and type(value) in (list, tuple) else type(value)(*parts)
    return value


def custom_fwd(fwd=None, *, device_type, cast_inputs=None):
    """Decorator for forward of an autograd.Function.

    Without cast_inputs forward sees the autocast state of its caller. With it, inside a region floating arguments are converted to
    that dtype and forward runs with autocast off; outside of a region nothing changes. backward must have custom_bwd.
    """
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def decorate_fwd(*args, **kwargs):
        args[0]._dtype = get_autocast_dtype(device_type)
        if cast_inputs is None:
            args[0]._fwd_used_autocast = is_autocast_enabled(device_type)
            return fwd(*args, **kwargs)
        inside = is_autocast_enabled(device_type)
        args[0]._fwd_used_autocast = False
        if not inside:
            return fwd(*args, **kwargs)
        with autocast(device_type=device_type, enabled=False):
            return fwd(*_cast(args, device_type, cast_inputs), **_cast(kwargs, device_type, cast_inputs))
    return decorate_fwd


def custom_bwd(bwd=None, *, device_type):
    """Decorator for backward of an autograd.Function: it runs with the autocast state that forward had."""
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def decorate_bwd(*args, **kwargs):
        with autocast(device_type=device_type, enabled=args[0]._fwd_used_autocast, dtype=args[0]._dtype):
            return bwd(*args, **kwargs)
    return decorate_bwd


# --- older names, one per device --------------------------------------------------------------

def _deprecated(name, replacement, run):
    def function(*arguments):
        warnings.warn(f"torch.{name} is deprecated. Please use torch.{replacement} instead.", DeprecationWarning, stacklevel=2)
        return run(*arguments)
    function.__name__ = function.__qualname__ = name.partition("(")[0]
    function.__doc__ = f"Older form of torch.{replacement}."
    return function


def _add_older_names(space):
    for word, device in (("cpu", "cpu"), ("ipu", "ipu"), ("xla", "xla"), ("gpu", "cuda")):
        space[f"get_autocast_{word}_dtype"] = _deprecated(f"get_autocast_{word}_dtype()", f"get_autocast_dtype('{device}')", functools.partial(get_autocast_dtype, device))
        space[f"set_autocast_{word}_dtype"] = _deprecated(f"set_autocast_{word}_dtype(dtype)", f"set_autocast_dtype('{device}', dtype)",
                                                          functools.partial(set_autocast_dtype, device))
        if word != "gpu":
            space[f"is_autocast_{word}_enabled"] = _deprecated(f"is_autocast_{word}_enabled()", f"is_autocast_enabled('{device}')",
                                                               functools.partial(is_autocast_enabled, device))
            space[f"set_autocast_{word}_enabled"] = _deprecated(f"set_autocast_{word}_enabled(enabled)", f"set_autocast_enabled('{device}', enabled)",
                                                                functools.partial(set_autocast_enabled, device))


_add_older_names(globals())
