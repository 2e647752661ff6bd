"""The worker process of a loader."""
import os
import queue
import random
import sys
import threading
from dataclasses import dataclass
from typing import Any

import kagari

from . import transport
from .exception_wrapper import ExceptionWrapper

PARENT_CHECK_INTERVAL = 5.0


@dataclass(frozen=True)
class _IterableDatasetStopIteration:
    """Sent by a worker whose iterable dataset has ended."""

    worker_id: int


@dataclass(frozen=True)
class _ResumeIteration:
    """Sent to a persistent worker before a new epoch, and back when it is ready."""

    seed: int | None = None


class WorkerInfo:
    """What a dataset may know about the worker process that it is in.

    ``id``: number of this worker; ``num_workers``: of how many; ``seed``: of the random generators; ``dataset``: the
    copy in this process.
    """

    _initialized = False

    def __init__(self, **entries):
        self._keys = tuple(entries)
        for key, value in entries.items():
            setattr(self, key, value)
        self._initialized = True

    def __setattr__(self, key, value):
        if self._initialized:
            raise RuntimeError(f"Cannot assign attributes to {self.__class__.__name__} objects")
        super().__setattr__(key, value)

    def __repr__(self):
        return f"{self.__class__.__name__}({', '.join(f'{key}={getattr(self, key)!r}' for key in self._keys)})"


_worker_info: Any = None


def get_worker_info():
    """The :class:`WorkerInfo` of this worker process, None in the main process."""
    return _worker_info


def _generate_state(base_seed, worker_id):
    """The seed of NumPy's legacy generator in a worker: four 32-bit words by NumPy's SeedSequence."""
    import numpy

    entropy = [worker_id, base_seed & 0xFFFFFFFF, base_seed >> 32, 0]
    return [int(word) for word in numpy.random.SeedSequence(entropy).generate_state(4)]


def _seed_everything(base_seed, worker_id):
    seed = base_seed + worker_id
    random.seed(seed)
    kagari.manual_seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None and hasattr(numpy, "random"):
        numpy.random.seed(_generate_state(base_seed, worker_id))
    return seed


def _receive_tasks(connection, tasks, parent):
    """Moves tasks from the connection to a queue, so that the main process never waits for this one to take them.

    Ends the process when the main one is gone.
    """
    try:
        while True:
            while not connection.poll(PARENT_CHECK_INTERVAL):
                if os.getppid() != parent:
                    os._exit(1)
            task = transport.receive(connection)
            tasks.put(task)
            if task is None:
                return
    except (EOFError, OSError):
        tasks.put(None)


def _worker_loop(kind, dataset, connection, inherited, auto_collation, collate_fn, drop_last, base_seed, init_fn,
                 worker_id, num_workers, parent):
    """Answers each task ``(index of the task, index of the samples)`` by ``(index of the task, batch)`` until None."""
    global _worker_info
    # A forked process holds the other workers' ends of the connections; they must not stay open because of it.
    for other in inherited:
        other.close()
    try:
        tasks = queue.SimpleQueue()
        threading.Thread(target=_receive_tasks, args=(connection, tasks, parent), daemon=True).start()
        kagari.set_num_threads(1)
        seed = _seed_everything(base_seed, worker_id)
        _worker_info = WorkerInfo(id=worker_id, num_workers=num_workers, seed=seed, dataset=dataset, rng=None,
                                  worker_method="multiprocessing")
        failure = None
        fetcher = None
        try:
            if init_fn is not None:
                init_fn(worker_id)
            fetcher = kind.create_fetcher(dataset, auto_collation, collate_fn, drop_last)
        except Exception:
            failure = ExceptionWrapper(where=f"in DataLoader worker process {worker_id}")
        while (task := tasks.get()) is not None:
            if isinstance(task, _ResumeIteration):
                transport.send(connection, (task, None))
                failure, fetcher = None, None
                try:
                    fetcher = kind.create_fetcher(dataset, auto_collation, collate_fn, drop_last)
                except Exception:
                    failure = ExceptionWrapper(where=f"in DataLoader worker process {worker_id}")
                continue
            number, index = task
            _answer(connection, number, failure or _fetched(kind, fetcher, index, worker_id), worker_id)
            failure = None
    except (KeyboardInterrupt, BrokenPipeError, ConnectionResetError):
        # The main process is going down or has lost interest: it does the talking.
        return


def _fetched(kind, fetcher, index, worker_id):
    try:
        return fetcher.fetch(index)
    except StopIteration:
        if kind.is_iterable(fetcher):
            return _IterableDatasetStopIteration(worker_id)
        return ExceptionWrapper(where=f"in DataLoader worker process {worker_id}")
    except Exception:
        # The traceback travels as text: a reference to it would keep the samples of its frames alive.
        return ExceptionWrapper(where=f"in DataLoader worker process {worker_id}")


def _answer(connection, number, data, worker_id):
    try:
        transport.send(connection, (number, data))
    except (BrokenPipeError, ConnectionResetError):
        raise
    except Exception:
        transport.send(connection, (number, ExceptionWrapper(where=f"in DataLoader worker process {worker_id}")))
