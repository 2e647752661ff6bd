"""Errors of processes that torchrun started."""
import functools
import json
import os
import time
import traceback

__all__ = ["ChildFailedError", "record"]


class ChildFailedError(Exception):
    """A process ended with an error. failures: {rank: exit code}."""

    def __init__(self, name, failures):
        self.name, self.failures = name, failures
        super().__init__(f"{name} FAILED: " + ", ".join(f"rank {rank} with exit code {code}" for rank, code in sorted(failures.items())))


def record(fn, error_handler=None):
    """Decorator of main functions: an exception is written to the file that TORCHELASTIC_ERROR_FILE names, and raised again."""
    @functools.wraps(fn)
    def wrapper(*args, **kwargs):
        try:
            return fn(*args, **kwargs)
        except Exception as error:
            path = os.environ.get("TORCHELASTIC_ERROR_FILE")
            if path:
                with open(path, "w", encoding="utf8") as file:
                    json.dump({"message": {"message": f"{type(error).__name__}: {error}", "extraInfo": {"py_callstack": traceback.format_exc(),
                                                                                                   "timestamp": str(int(time.time()))}}}, file)
            raise
    return wrapper
