"""Options of LinearCrossEntropyLoss."""
from collections import namedtuple

__all__ = ["LinearCrossEntropyOptions"]

_Fields = namedtuple("_Fields", "allow_retain_graph batch_chunk_size chunking_method acc_policy acc_dtype")


class LinearCrossEntropyOptions(_Fields):
    """How ``linear_cross_entropy`` may divide its work. The result does not depend on it but for rounding."""

    __slots__ = ()

    def __new__(cls, allow_retain_graph=False, batch_chunk_size=None, chunking_method="auto", acc_policy="auto",
                acc_dtype=None):
        if acc_policy not in ("accurate", "balanced", "compact", "auto"):
            raise ValueError(f"invalid acc_policy: {acc_policy!r}")
        return super().__new__(cls, allow_retain_graph, batch_chunk_size, chunking_method, acc_policy, acc_dtype)
