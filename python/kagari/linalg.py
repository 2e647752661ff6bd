"""torch.linalg: the operators whose names start with linalg_ in the registry."""
from kagari import _C
from kagari._errors import LinAlgError

globals().update(getattr(_C, "_space_linalg", {}))


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    raise AttributeError(f"module 'torch.linalg' has no attribute {name!r}")
