"""Choice of the implementation of scaled dot product attention."""
import contextlib
import enum

__all__ = ["SDPBackend", "sdpa_kernel"]


class SDPBackend(enum.IntEnum):
    """Implementations of scaled dot product attention."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextlib.contextmanager
def sdpa_kernel(backends, set_priority=False):
    """Inside, attention may use only these backends. There is one implementation on the CPU, which counts as MATH and
    as FLASH_ATTENTION; RuntimeError if neither is allowed.
    """
    backends = [backends] if isinstance(backends, SDPBackend) else list(backends)
    if not all(isinstance(backend, SDPBackend) for backend in backends):
        raise AssertionError("Backend must be an instance of SDPBackend or a list of SDPBackend instances")
    if not {SDPBackend.MATH, SDPBackend.FLASH_ATTENTION} & set(backends):
        raise RuntimeError("No viable backend for scaled_dot_product_attention was found.")
    yield
