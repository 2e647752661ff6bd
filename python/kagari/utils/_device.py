"""The device of new tensors, for a piece of a program: DeviceContext, and decorators."""
import functools
import inspect

import kagari

CURRENT_DEVICE = None


class DeviceContext:
    """A context in which new tensors are made on a device, as `with torch.device(...)`."""

    def __init__(self, device):
        self.device = kagari.device(device)

    def __enter__(self):
        self.device.__enter__()
        return self

    def __exit__(self, *exception):
        self.device.__exit__(*exception)


def device_decorator(device, func):
    """func, run in the context of a device; a class gets a constructor that does."""
    if inspect.isclass(func):
        raise RuntimeError("Cannot decorate classes; it is ambiguous whether only the constructor or all methods should have the context manager "
                           "applied; additionally, decorating a class at definition-site will prevent use of the identifier as a conventional type.")

    @functools.wraps(func)
    def on_device(*args, **kwargs):
        with DeviceContext(device):
            return func(*args, **kwargs)
    return on_device


def set_device(device):
    """A decorator: new tensors within the function are made on the device."""
    return lambda func: device_decorator(kagari.device(device), func)
