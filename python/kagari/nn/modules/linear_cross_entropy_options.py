"""Options of LinearCrossEntropyLoss."""

__all__ = ["LinearCrossEntropyOptions"]


class LinearCrossEntropyOptions:
    """How ``linear_cross_entropy`` divides its work. The result does not depend on it but for rounding."""

    def __init__(self, allow_retain_graph=False, batch_chunk_size=None, chunking_method="auto", acc_policy="auto",
                 acc_dtype=None):
        if acc_policy not in ("accurate", "balanced", "compact", "auto"):
            raise ValueError(f"acc_policy must be accurate, balanced, compact or auto, got {acc_policy!r}")
        self.allow_retain_graph = allow_retain_graph
        self.batch_chunk_size = batch_chunk_size
        self.chunking_method = chunking_method
        self.acc_policy = acc_policy
        self.acc_dtype = acc_dtype

    def __repr__(self):
        return (f"LinearCrossEntropyOptions(allow_retain_graph={self.allow_retain_graph!r}, "
                f"batch_chunk_size={self.batch_chunk_size!r}, chunking_method={self.chunking_method!r}, "
                f"acc_policy={self.acc_policy!r}, acc_dtype={self.acc_dtype!r})")

    def __eq__(self, other):
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None
