"""Switching __torch_dispatch__ off."""
import contextlib

from kagari import _C

__all__ = ["no_dispatch", "all_same_mode"]


@contextlib.contextmanager
def no_dispatch():
    """Within the context operators run as they are, past __torch_dispatch__ of classes and modes."""
    _C._change_dispatch_disabled(1)
    try:
        yield
    finally:
        _C._change_dispatch_disabled(-1)


def all_same_mode(modes):
    """Whether all elements are one and the same."""
    return all(mode == modes[0] for mode in modes)
