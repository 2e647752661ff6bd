"""The pool of Python's multiprocessing, which carries tensors as shared memory."""
from multiprocessing.pool import Pool

__all__ = ["Pool"]
