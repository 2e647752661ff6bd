"""Training on several processes: groups of processes that exchange CPU tensors, and what is built on them.

    torch.distributed.init_process_group("gloo")       # in each of the processes that torchrun, or multiprocessing, started
    torch.distributed.all_reduce(tensor)

The functions are in distributed_c10d.py; nn.parallel.DistributedDataParallel averages gradients with them. Sharded tensors and parameters
(DTensor, FSDP), and remote calls, do not exist; their names raise NotImplementedError.
"""
import importlib as _importlib

# Loaded on first use: programs ask is_available() and is_initialized() long before they start processes.
_SUBMODULES = ("algorithms", "checkpoint", "constants", "device_mesh", "distributed_c10d", "elastic", "fsdp", "nn", "optim", "pipelining",
               "rendezvous", "rpc", "tensor", "utils", "_composable", "_functional_collectives", "_tensor", "run", "launch")


def is_available():
    """True."""
    return True


def is_initialized():
    """Whether init_process_group was called in this process."""
    import sys
    module = sys.modules.get("kagari.distributed.distributed_c10d")
    return module is not None and module.is_initialized()


def __getattr__(name):
    if name in _SUBMODULES:
        return _importlib.import_module(f"kagari.distributed.{name}")
    if name in ("DeviceMesh", "init_device_mesh"):
        return getattr(_importlib.import_module("kagari.distributed.device_mesh"), name)
    if name == "group" or not name.startswith("__"):
        from kagari.distributed import distributed_c10d
        if name == "rendezvous":
            return distributed_c10d.rendezvous
        if hasattr(distributed_c10d, name):
            value = getattr(distributed_c10d, name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'torch.distributed' has no attribute {name!r}")


def __dir__():
    from kagari.distributed import distributed_c10d
    return sorted({*globals(), *_SUBMODULES, *distributed_c10d.__all__})
