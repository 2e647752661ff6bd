"""torch.cuda on a machine that kagari drives without CUDA: it says so."""
from kagari._absent_device import members as _members
from kagari._older_names import AcceleratorError, OutOfMemoryError

globals().update(_members("CUDA"))

has_half = True
has_magma = False


class CudaError(RuntimeError):
    """Error of the CUDA runtime; never raised here."""


class DeferredCudaCallError(Exception):
    """Error of a call that waited for CUDA to start; never raised here."""


class CUDAGraph:
    """Exists for isinstance; making one raises RuntimeError."""

    def __new__(cls, *args, **kwargs):
        raise RuntimeError("Tried to instantiate dummy base class _CUDAGraph: there is no CUDA device")


class graph:
    """Context manager that records a CUDA graph; making one raises RuntimeError."""

    def __init__(self, *args, **kwargs):
        raise RuntimeError("torch.cuda.graph needs a CUDA device")


def cudart():
    raise AssertionError("Torch not compiled with CUDA enabled")


def _is_compiled():
    return False


def _lazy_init():
    raise AssertionError("Torch not compiled with CUDA enabled")


def _lazy_call(callable, **kwargs):
    """Calls that wait for CUDA to start wait forever."""


def __getattr__(name):
    if name in ("amp", "nvtx", "memory", "random", "streams"):
        import importlib
        return importlib.import_module(f"kagari.cuda.{name}")
    if name.endswith("Tensor") or name.endswith("Storage"):
        if hasattr(__import__("kagari").storage, name.replace("Tensor", "Storage")):
            return _absent_type(name)
    raise AttributeError(f"module 'torch.cuda' has no attribute {name!r}")


def _absent_type(name):
    """torch.cuda.FloatTensor and the like: types of which nothing is an instance."""
    def __new__(cls, *args, **kwargs):
        raise TypeError(f"type torch.cuda.{name} not available. Torch not compiled with CUDA enabled.")
    import kagari
    from kagari.storage import STORAGE_DTYPES
    made = type(name, (), {"__new__": __new__, "__module__": "torch.cuda", "is_cuda": True, "is_sparse": False,
                           "dtype": getattr(kagari, STORAGE_DTYPES[name.replace("Tensor", "Storage")]), "__doc__": "A type of CUDA tensors or storages; there are none."})
    globals()[name] = made
    return made
