"""The named tuples that operators with several results return.

>>> isinstance(kagari.ones(3).topk(1), kagari.return_types.topk)
True
"""
from kagari import _C


def __getattr__(name):
    kind = None if name.startswith("__") else _C._return_type(name.removesuffix("_out"))
    if kind is None:
        raise AttributeError(f"module 'torch.return_types' has no attribute {name!r}")
    globals()[name] = kind
    return kind
