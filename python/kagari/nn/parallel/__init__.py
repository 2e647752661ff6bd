"""Wrappers that run a model on several devices or in several processes."""
from kagari.nn.parallel.data_parallel import DataParallel, data_parallel
from kagari.nn.parallel.distributed import DistributedDataParallel

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel"]
