"""CUDA's own profiler, which needs a device: everything raises AssertionError. torch.profiler measures the CPU."""
import contextlib

__all__ = ["start", "stop", "profile"]


def start():
    """AssertionError: there is no CUDA device."""
    raise AssertionError("Torch not compiled with CUDA enabled")


def stop():
    """AssertionError: there is no CUDA device."""
    raise AssertionError("Torch not compiled with CUDA enabled")


@contextlib.contextmanager
def profile():
    """AssertionError: there is no CUDA device."""
    start()
    yield
