"""Wrappers that run a model on several devices or in several processes."""
from kagari.nn.parallel.data_parallel import DataParallel, data_parallel

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel"]


def __getattr__(name):
    if name in ("DistributedDataParallel", "distributed"):
        import importlib
        module = importlib.import_module("kagari.nn.parallel.distributed")
        return module if name == "distributed" else module.DistributedDataParallel
    if name in ("scatter_gather", "parallel_apply", "replicate", "scatter", "gather"):
        import importlib
        module = importlib.import_module("kagari.nn.parallel.scatter_gather")
        return module if name == "scatter_gather" else getattr(module, name)
    raise AttributeError(f"module 'torch.nn.parallel' has no attribute {name!r}")
