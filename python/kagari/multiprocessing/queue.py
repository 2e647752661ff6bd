"""Queues that carry tensors as shared memory: Python's own, which find how to do so."""
from multiprocessing.queues import Queue, SimpleQueue

__all__ = ["Queue", "SimpleQueue"]
