"""DistributedDataParallel, which needs process groups."""
from kagari.nn.modules.module import Module

__all__ = ["DistributedDataParallel"]


class DistributedDataParallel(Module):
    """Averages gradients over processes. There are no process groups in this version, so it cannot be constructed; the
    class exists for programs that ask ``isinstance``."""

    def __init__(self, module, *args, **kwargs):
        raise NotImplementedError("DistributedDataParallel: this version of kagari has no process groups")
