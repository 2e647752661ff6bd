"""Choice of the implementation of scaled dot product attention."""
import contextlib
import enum

__all__ = ["SDPBackend", "sdpa_kernel", "WARN_FOR_UNFUSED_KERNELS", "register_flash_attention_impl", "activate_flash_attention_impl",
           "list_flash_attention_impls", "current_flash_attention_impl", "restore_flash_attention_impl"]
WARN_FOR_UNFUSED_KERNELS = False
_implementations = {}
_current = None


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


def register_flash_attention_impl(impl, *, register_fn):
    """Gives a package of attention kernels a name; register_fn is called when it is activated."""
    _implementations[impl] = register_fn


def activate_flash_attention_impl(impl):
    """Activates a registered package. RuntimeError for a name that is not registered."""
    global _current
    if impl not in _implementations:
        raise RuntimeError(f"Unknown flash attention impl '{impl}'. Available implementations: {list_flash_attention_impls()}")
    _implementations[impl]()
    _current = impl


def list_flash_attention_impls():
    """The names that are registered."""
    return sorted(_implementations)


def current_flash_attention_impl():
    """The name that is active, or None."""
    return _current


def restore_flash_attention_impl():
    """Goes back to kagari's own kernels."""
    global _current
    _current = None


def __getattr__(name):
    if name in ("bias", "flex_attention", "varlen"):
        import importlib
        return importlib.import_module(f"kagari.nn.attention.{name}")
    raise AttributeError(f"module 'torch.nn.attention' has no attribute {name!r}")
