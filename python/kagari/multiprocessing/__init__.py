"""Python's multiprocessing, with tensors sent as shared memory: the receiver sees the sender's data, not a copy."""
import multiprocessing as _multiprocessing
from multiprocessing import *  # noqa: F403

from kagari.multiprocessing import reductions as _reductions
from kagari.multiprocessing.spawn import ProcessContext, ProcessException, ProcessExitedException, ProcessRaisedException, SpawnContext, spawn, start_processes

__all__ = [*_multiprocessing.__all__, "set_sharing_strategy", "get_sharing_strategy", "get_all_sharing_strategies", "spawn", "start_processes",
           "ProcessContext", "ProcessException", "ProcessExitedException", "ProcessRaisedException", "SpawnContext"]

_reductions.init_reductions()


def get_all_sharing_strategies():
    return {"file_descriptor"}


def get_sharing_strategy():
    """'file_descriptor': the receiver gets a descriptor of the shared memory."""
    return "file_descriptor"


def set_sharing_strategy(new_strategy):
    """Accepts 'file_descriptor'; 'file_system' is treated like it, since it shares the same memory."""
    if new_strategy not in ("file_descriptor", "file_system"):
        raise AssertionError(f"unknown sharing strategy {new_strategy!r}")


def __getattr__(name):
    if name in ("queues", "reduction", "connection", "managers", "process", "context", "util", "resource_tracker", "synchronize"):
        import importlib
        return importlib.import_module(f"multiprocessing.{name}")
    if name in ("pool", "queue"):
        import importlib
        return importlib.import_module(f"kagari.multiprocessing.{name}")
    return getattr(_multiprocessing, name)
