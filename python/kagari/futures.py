"""Futures: values that may come later."""
import concurrent.futures
import threading
import types

__all__ = ["Future", "collect_all", "wait_all"]


class Future:
    """A value or an exception that another thread may set."""

    def __class_getitem__(cls, item):
        return types.GenericAlias(cls, item)

    def __init__(self, *, devices=None):
        self._future = concurrent.futures.Future()

    def done(self):
        return self._future.done()

    def wait(self):
        """The value, once it is there; raises the exception if there is one."""
        return self._future.result()

    def value(self):
        """The value, which must be there."""
        if not self.done():
            raise RuntimeError("value() needs a completed Future")
        return self._future.result()

    def set_result(self, result):
        if self.done():
            raise RuntimeError("Future can only be marked completed once.")
        self._future.set_result(result)

    def set_exception(self, result):
        if not isinstance(result, Exception):
            raise AssertionError(f"{result} is of type {type(result)}, not an Exception.")
        self._future.set_exception(result)

    def then(self, callback):
        """A future of callback(this one)."""
        following = Future()

        def run(_):
            try:
                following.set_result(callback(self))
            except Exception as error:
                following.set_exception(error)
        self._future.add_done_callback(run)
        return following

    def add_done_callback(self, callback):
        self._future.add_done_callback(lambda _: callback(self))


def wait_all(futures):
    """The values of all futures."""
    return [future.wait() for future in futures]


def collect_all(futures):
    """A future of the list of futures, once all are done."""
    futures, result, lock = list(futures), Future(), threading.Lock()
    left = [len(futures)]

    def one_done(_):
        with lock:
            left[0] -= 1
            last = left[0] == 0
        if last:
            result.set_result(futures)
    for future in futures:
        future.add_done_callback(one_done)
    if not futures:
        result.set_result([])
    return result
