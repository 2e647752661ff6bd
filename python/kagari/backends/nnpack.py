"""NNPACK, which kagari does not use."""
import contextlib

__all__ = ["is_available", "flags", "set_flags"]
enabled = False


def is_available():
    """False"""
    return False


def set_flags(_enabled):
    """Sets `enabled`, which changes nothing, and returns what it was, as a tuple."""
    global enabled
    before, enabled = enabled, bool(_enabled)
    return (before,)


@contextlib.contextmanager
def flags(enabled=False):
    """set_flags for a with block."""
    before = set_flags(enabled)
    try:
        yield
    finally:
        set_flags(*before)
