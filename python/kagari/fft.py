"""torch.fft: the operators whose names start with fft_ in the registry."""
from kagari import _C

globals().update(getattr(_C, "_space_fft", {}))


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    raise AttributeError(f"module 'torch.fft' has no attribute {name!r}")
