"""The iterator whose batches are made by worker processes."""
import itertools
import multiprocessing
import os
import time
import weakref
from multiprocessing import connection as _connection

from ._utils import transport
from ._utils import worker as _worker
from ._utils.exception_wrapper import ExceptionWrapper
from .dataloader import _BaseDataLoaderIter, _DatasetKind

_JOIN_TIMEOUT = 5.0
# This process's ends of all connections to workers. A forked worker closes its copies: a connection is only closed when the
# last copy is, and a worker waits for that.
_open_connections = weakref.WeakSet()


class _FetcherKind:
    """What a worker needs to know about the kind of dataset; picklable for workers that are not forked."""

    def __init__(self, kind):
        self.kind = kind

    def create_fetcher(self, dataset, auto_collation, collate_fn, drop_last):
        return _DatasetKind.create_fetcher(self.kind, dataset, auto_collation, collate_fn, drop_last)

    def is_iterable(self, fetcher):
        return self.kind == _DatasetKind.Iterable


# Note: bookkeeping of the workers.
# Every worker has a connection of its own, so that a worker that is killed cannot take a shared lock with it. Tasks are
# numbered. ``_task_info`` holds each task that was sent and not yet given to the user: ``(worker,)``, with its data as
# ``(worker, data)`` once that has arrived before its turn. A worker whose iterable dataset has ended is no longer active;
# tasks that it did not answer are passed over.
class _MultiProcessingDataLoaderIter(_BaseDataLoaderIter):
    def __init__(self, loader):
        super().__init__(loader)
        self._prefetch_factor = loader.prefetch_factor
        self._in_order = loader.in_order
        self._workers = []
        self._connections = []
        self._shutdown = False
        # A process forked later inherits this object; only the one that made the workers may end them.
        self._owner = os.getpid()
        context = loader.multiprocessing_context or multiprocessing.get_context()
        kind = _FetcherKind(self._dataset_kind)
        forked = context.get_start_method() == "fork"
        for i in range(self._num_workers):
            mine, theirs = context.Pipe(duplex=True)
            _open_connections.add(mine)
            inherited = [c for c in _open_connections if not c.closed] if forked else []
            process = context.Process(
                target=_worker._worker_loop, daemon=True,
                args=(kind, self._dataset, theirs, inherited, self._auto_collation, self._collate_fn, self._drop_last,
                      self._base_seed, loader.worker_init_fn, i, self._num_workers, self._owner))
            process.start()
            theirs.close()
            self._workers.append(process)
            self._connections.append(mine)
        self._reset(loader, first_iter=True)

    def _reset(self, loader, first_iter=False):
        super()._reset(loader, first_iter)
        self._send_idx = 0
        self._rcvd_idx = 0
        self._task_info = {}
        self._active = [True] * self._num_workers
        self._outstanding = [0] * self._num_workers
        self._turns = itertools.cycle(range(self._num_workers))
        if not first_iter:
            self._resume_workers()
        for _ in range(self._prefetch_factor * self._num_workers):
            self._try_put_index()

    def _resume_workers(self):
        waiting = set(range(self._num_workers))
        for i in waiting:
            self._send(i, _worker._ResumeIteration())
        while waiting:
            worker, (number, _) = self._receive()
            # Batches of an epoch that was not finished are dropped.
            if isinstance(number, _worker._ResumeIteration):
                waiting.discard(worker)

    # ---- talking to the workers

    def _send(self, worker, task):
        try:
            transport.send(self._connections[worker], task)
        except (BrokenPipeError, ConnectionResetError):
            # The worker is gone; waiting for its answer reports that.
            return

    def _receive(self):
        """The worker whose message comes next, and the message. Raises RuntimeError if one died or after a timeout."""
        deadline = time.monotonic() + self._timeout if self._timeout > 0 else None
        # A worker that is done, because its part of an iterable dataset has ended, is free to exit.
        working = [i for i in range(self._num_workers) if self._active[i] or self._persistent_workers]
        sources = {self._connections[i]: i for i in working}
        sentinels = {self._workers[i].sentinel: i for i in working}
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            ready = _connection.wait([*sources, *sentinels], left)
            if not ready:
                self._shutdown_workers(patience=0.1)
                raise RuntimeError(f"DataLoader timed out after {self._timeout} seconds")
            died = []
            for source in ready:
                worker = sources.get(source)
                if worker is None:
                    died.append(sentinels[source])
                    continue
                try:
                    return worker, transport.receive(source)
                except (EOFError, ConnectionResetError):
                    died.append(worker)
            if died:
                self._report(died)

    def _report(self, died):
        pids = ", ".join(str(self._workers[i].pid) for i in sorted(set(died)))
        self._shutdown_workers(patience=0.1)
        raise RuntimeError(f"DataLoader worker (pid(s) {pids}) exited unexpectedly")

    # ---- tasks and results

    def _next_worker(self):
        if self._in_order:
            for _ in range(self._num_workers):
                worker = next(self._turns)
                if self._active[worker]:
                    return worker
            return None
        free = [i for i in range(self._num_workers) if self._active[i]]
        return min(free, key=self._outstanding.__getitem__, default=None)

    def _try_put_index(self):
        try:
            index = self._next_index()
        except StopIteration:
            return
        worker = self._next_worker()
        if worker is None:
            return
        self._send(worker, (self._send_idx, index))
        self._task_info[self._send_idx] = (worker,)
        self._outstanding[worker] += 1
        self._send_idx += 1

    def _next_data(self):
        while True:
            self._pass_over_unanswered()
            if not self._task_info:
                if not self._persistent_workers:
                    self._shutdown_workers()
                raise StopIteration
            ready = self._task_info.get(self._rcvd_idx)
            if self._in_order and ready is not None and len(ready) == 2:
                return self._give(self._rcvd_idx, ready[1])
            if self._shutdown:
                raise StopIteration
            worker, (number, data) = self._receive()
            self._outstanding[worker] -= 1
            if isinstance(data, _worker._IterableDatasetStopIteration):
                self._active[worker] = False
                if not self._persistent_workers:
                    self._send(worker, None)
                self._try_put_index()
                continue
            if self._in_order and number != self._rcvd_idx:
                self._task_info[number] = (worker, data)
                continue
            return self._give(number, data)

    def _pass_over_unanswered(self):
        """Forgets tasks at the head of the line whose worker ended without answering them."""
        if not self._in_order:
            for number in [n for n, info in self._task_info.items() if not self._active[info[0]]]:
                del self._task_info[number]
            return
        while self._rcvd_idx < self._send_idx:
            info = self._task_info[self._rcvd_idx]
            if len(info) == 2 or self._active[info[0]]:
                return
            del self._task_info[self._rcvd_idx]
            self._rcvd_idx += 1

    def _give(self, number, data):
        del self._task_info[number]
        self._rcvd_idx += 1
        self._try_put_index()
        if isinstance(data, ExceptionWrapper):
            data.reraise()
        return data

    # ---- the end

    def _shutdown_workers(self, patience=_JOIN_TIMEOUT):
        if self._shutdown or os.getpid() != self._owner:
            return
        self._shutdown = True
        # The message ends a worker that waits for tasks, the closed connection one that is about to answer.
        for i, connection in enumerate(self._connections):
            self._send(i, None)
            connection.close()
        deadline = time.monotonic() + patience
        for process in self._workers:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.is_alive():
                process.terminate()

    def __del__(self):
        if hasattr(self, "_owner"):
            self._shutdown_workers()
