"""The parts of data loading: collating, fetching, worker processes."""
from . import collate, fetch, worker
from .exception_wrapper import ExceptionWrapper

__all__ = ["ExceptionWrapper", "collate", "fetch", "worker"]
