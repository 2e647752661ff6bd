"""Ways to reduce the gradients of DistributedDataParallel."""
from kagari.distributed.algorithms.ddp_comm_hooks import default_hooks

__all__ = ["default_hooks"]
