"""ProcessGroup: collective operations of several processes on CPU tensors.

Every process of a group must call the same operations in the same order. Results are the same bits on all of them: each part of a result is
computed by one process, in the order of ranks, and sent to the others.
"""
import queue
import threading
import zlib

import kagari
from kagari.distributed._errors import DistBackendError
from kagari.distributed._reduction import ReduceOp, combine_
from kagari.futures import Future
from kagari.storage import storage_bytes

_SMALL = 32768                                         # bytes up to which everybody sends everything to everybody
_COLLECTIVE = -1                                       # tag of messages that belong to collective operations


class Work:
    """An operation under way. wait() returns True once it is done, and raises what went wrong."""

    def __init__(self, run=None):
        self._done, self._error, self._result, self._future, self._source = threading.Event(), None, None, None, None
        self._run = run
        self._lock = threading.Lock()

    def _execute(self):
        try:
            self._result = self._run() if self._run else None
        except Exception as error:
            self._error = error
        self._run = None
        with self._lock:
            self._done.set()
            future = self._future
        if future is not None:
            self._complete(future)

    def _complete(self, future):
        if self._error is not None:
            future.set_exception(self._error)
        else:
            future.set_result(self._result)

    def wait(self, timeout=None):
        if not self._done.wait(timeout.total_seconds() if timeout else None):
            raise DistBackendError(f"the operation was not done within {timeout}")
        if self._error is not None:
            raise self._error
        return True

    synchronize = wait

    def is_completed(self):
        return self._done.is_set()

    def is_success(self):
        return self._done.is_set() and self._error is None

    def exception(self):
        return self._error

    def result(self):
        """The list of result tensors."""
        self.wait()
        return self._result or []

    def get_future(self):
        """A Future of the result tensors."""
        with self._lock:
            if self._future is None:
                self._future = Future()
                if self._done.is_set():
                    self._complete(self._future)
        return self._future

    def _source_rank(self):
        return self._source

    source_rank = _source_rank


class _Receiving(Work):
    """A message that is awaited."""

    def __init__(self, finish):
        super().__init__()
        self._finish = finish

    def wait(self, timeout=None):
        if not self._done.is_set():
            try:
                self._source, self._result = self._finish(timeout)
            except Exception as error:
                self._error = error
            self._done.set()
        return super().wait()


class ProcessGroup:
    """The processes `ranks` (global numbers) of a job, seen from one of them. Made by init_process_group and new_group."""

    def __init__(self, connections, ranks, name, store, timeout, description="undefined"):
        self._connections, self.ranks, self.group_name, self.group_desc = connections, list(ranks), name, description
        self.store, self._timeout = store, timeout
        self._rank = self.ranks.index(connections.rank)
        self._id = zlib.crc32(name.encode())
        self._queue = self._thread = None
        self._pending = None
        self.bound_device_id = None

    def rank(self):
        """This process's number in the group."""
        return self._rank

    def size(self):
        """The number of processes."""
        return len(self.ranks)

    def name(self):
        return "gloo"

    _get_backend_name = name

    def get_group_store(self):
        return self.store

    def set_timeout(self, timeout):
        """How long operations wait for other processes, a timedelta."""
        self._timeout = timeout

    def __repr__(self):
        return f"<torch.distributed.distributed_c10d.ProcessGroup object of rank {self._rank}, size {self.size()}>"

    # ---- running
    def _start(self, body, asynchronous):
        """Runs body now, or in the group's thread after everything that was started before."""
        work = Work(body)
        if not asynchronous and (self._pending is None or self._pending.is_completed()):
            work._execute()
        else:
            if self._thread is None:
                self._queue = queue.SimpleQueue()
                self._thread = threading.Thread(target=self._work_off, name=f"kagari-group-{self.group_name}", daemon=True)
                self._thread.start()
            self._pending = work
            self._queue.put(work)
        return work

    def _work_off(self):
        while (work := self._queue.get()) is not None:
            work._execute()

    def shutdown(self):
        """Ends the group's thread after what was started."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    abort = shutdown

    # ---- messages
    def _send(self, rank, tensor, tag=_COLLECTIVE):
        self._connections.send(self.ranks[rank], self._id, tag, bytes_of(tensor))

    def _post(self, rank, tensor, tag=_COLLECTIVE):
        return self._connections.post(None if rank is None else self.ranks[rank], self._id, tag, bytes_of(tensor))

    def _finish(self, receive, timeout=None):
        return self.ranks.index(self._connections.finish(receive, timeout or self._timeout))

    def _others(self):
        """The other ranks, each process beginning at another one."""
        return [(self._rank + step) % self.size() for step in range(1, self.size())]

    def _exchange(self, out, incoming):
        """Sends out[rank] and receives into incoming[rank], tensors, for all ranks in them but this one's."""
        receives = [self._post(rank, incoming[rank]) for rank in self._others() if rank in incoming]
        for rank in self._others():
            if rank in out:
                self._send(rank, out[rank])
        for receive in receives:
            self._finish(receive)

    # ---- collectives on contiguous tensors
    def _all_reduce(self, flat, op):
        size, me = self.size(), self._rank
        if size == 1:
            return
        if flat.numel() * flat.element_size() <= _SMALL or flat.numel() < size:
            parts = {rank: kagari.empty_like(flat) for rank in self._others()}
            self._exchange(dict.fromkeys(self._others(), flat), parts)
            parts[me] = flat.clone()
            flat.copy_(self._combined(parts, op))
            return
        chunks = flat.tensor_split(size)
        parts = {rank: kagari.empty_like(chunks[me]) for rank in self._others()}
        self._exchange({rank: chunks[rank] for rank in self._others()}, parts)
        parts[me] = chunks[me].clone() if me else chunks[me]
        chunks[me].copy_(self._combined(parts, op))
        self._exchange(dict.fromkeys(self._others(), chunks[me]), {rank: chunks[rank] for rank in self._others()})

    def _combined(self, parts, op):
        total = parts[0]
        for rank in range(1, self.size()):
            combine_(total, parts[rank], op)
        if op == ReduceOp.AVG:
            total.div_(self.size()) if total.is_floating_point() or total.is_complex() else total.floor_divide_(self.size())
        return total

    def _check_root(self, operation, root):
        if not 0 <= root < self.size():
            raise RuntimeError(f"ProcessGroupGloo::{operation}: invalid root rank: {root}")

    def allreduce(self, tensors, op=ReduceOp.SUM, asynchronous=True):
        """Every process gets the combination of all processes' tensors, in place."""
        tensors = _listed(tensors)

        def body():
            for tensor in tensors:
                with _flat(tensor, write=True) as flat:
                    self._all_reduce(flat, op)
            return tensors
        return self._start(body, asynchronous)

    allreduce_coalesced = allreduce

    def broadcast(self, tensors, root=0, asynchronous=True):
        """Every process gets root's tensors."""
        tensors = _listed(tensors)
        self._check_root("broadcast", root)

        def body():
            for tensor in tensors:
                with _flat(tensor, write=self._rank != root) as flat:
                    if self._rank == root:
                        self._exchange(dict.fromkeys(self._others(), flat), {})
                    else:
                        self._exchange({}, {root: flat})
            return tensors
        return self._start(body, asynchronous)

    def reduce(self, tensors, root=0, op=ReduceOp.SUM, asynchronous=True):
        """Root gets the combination of all processes' tensors, in place."""
        tensors = _listed(tensors)
        self._check_root("reduce", root)

        def body():
            for tensor in tensors:
                with _flat(tensor, write=self._rank == root) as flat:
                    if self._rank != root:
                        self._exchange({root: flat}, {})
                        continue
                    parts = {rank: kagari.empty_like(flat) for rank in self._others()}
                    self._exchange({}, parts)
                    parts[root] = flat.clone()
                    flat.copy_(self._combined(parts, op))
            return tensors
        return self._start(body, asynchronous)

    def allgather(self, output_lists, tensors, asynchronous=True):
        """output_lists[0][rank] gets rank's tensor."""
        outputs, tensor = _listed(output_lists), _listed(tensors)[0]
        outputs = outputs[0] if outputs and isinstance(outputs[0], (list, tuple)) else outputs
        self._check_sizes("allgather", outputs, tensor)

        def body():
            source = tensor.detach().contiguous()
            received = {rank: _buffer(outputs[rank]) for rank in self._others()}
            self._exchange(dict.fromkeys(self._others(), source), received)
            received[self._rank] = source
            _store(received, outputs)
            return outputs
        return self._start(body, asynchronous)

    def _check_sizes(self, operation, tensors, like):
        if len(tensors) != self.size():
            raise RuntimeError(f"ProcessGroupGloo::{operation}: invalid output tensor list at index 0 (expected length {self.size()}, got {len(tensors)})")
        for index, tensor in enumerate(tensors):
            if tensor.numel() != like.numel() or tensor.dtype != like.dtype:
                kind = ("size", _text(like.shape), _text(tensor.shape)) if tensor.dtype == like.dtype else ("type", like.dtype, tensor.dtype)
                raise RuntimeError(f"ProcessGroupGloo::{operation}: invalid tensor {kind[0]} at index {index} (expected {kind[1]}, got {kind[2]})")

    def gather(self, output_lists, tensors, root=0, asynchronous=True):
        """At root, output_lists[0][rank] gets rank's tensor."""
        tensor = _listed(tensors)[0]
        outputs = output_lists[0] if self._rank == root else []
        self._check_root("gather", root)
        if self._rank == root:
            self._check_sizes("gather", outputs, tensor)

        def body():
            source = tensor.detach().contiguous()
            if self._rank != root:
                self._exchange({root: source}, {})
                return []
            received = {rank: _buffer(outputs[rank]) for rank in self._others()}
            self._exchange({}, received)
            received[root] = source
            _store(received, outputs)
            return outputs
        return self._start(body, asynchronous)

    def scatter(self, tensors, input_lists, root=0, asynchronous=True):
        """Each rank's tensor gets input_lists[0][rank] of root."""
        tensor = _listed(tensors)[0]
        self._check_root("scatter", root)
        inputs = input_lists[0] if self._rank == root else []
        if self._rank == root:
            self._check_sizes("scatter", inputs, tensor)

        def body():
            with _flat(tensor, write=True) as flat:
                if self._rank != root:
                    self._exchange({}, {root: flat})
                else:
                    self._exchange({rank: inputs[rank].detach().contiguous() for rank in self._others()}, {})
                    flat.copy_(inputs[root].reshape(-1))
            return [tensor]
        return self._start(body, asynchronous)

    def reduce_scatter(self, outputs, input_lists, op=ReduceOp.SUM, asynchronous=True):
        """This rank's output gets the combination of all processes' input_lists[0][this rank]."""
        output, inputs = _listed(outputs)[0], _listed(input_lists)[0]
        if len(inputs) != self.size():
            raise RuntimeError(f"ProcessGroupGloo::reduce_scatter: invalid input tensor list (expected length {self.size()}, got {len(inputs)})")

        def body():
            parts = {rank: kagari.empty(output.shape, dtype=output.dtype) for rank in self._others()}
            self._exchange({rank: inputs[rank].detach().contiguous() for rank in self._others()}, parts)
            parts[self._rank] = inputs[self._rank].detach().clone(memory_format=kagari.contiguous_format)
            with kagari.no_grad():
                output.copy_(self._combined(parts, op).view(output.shape))
            return [output]
        return self._start(body, asynchronous)

    def alltoall(self, outputs, inputs, asynchronous=True):
        """outputs[rank] gets rank's inputs[this rank]."""
        if len(outputs) != self.size() or len(inputs) != self.size():
            raise RuntimeError(f"ProcessGroupGloo::alltoall: {self.size()} tensors are needed, got {len(inputs)} inputs and {len(outputs)} outputs")

        def body():
            received = {rank: _buffer(outputs[rank]) for rank in self._others()}
            self._exchange({rank: inputs[rank].detach().contiguous() for rank in self._others()}, received)
            received[self._rank] = inputs[self._rank].detach()
            _store(received, outputs)
            return outputs
        return self._start(body, asynchronous)

    def barrier(self, asynchronous=True, timeout=None):
        """Done once every process has called it."""
        token = kagari.zeros(1, dtype=kagari.uint8)
        return self._start(lambda: self._exchange(dict.fromkeys(self._others(), token), {rank: kagari.empty_like(token) for rank in self._others()}),
                           asynchronous)

    def monitored_barrier(self, timeout=None, wait_all_ranks=False):
        """Like barrier; rank 0 says who did not come."""
        timeout, token = timeout or self._timeout, kagari.zeros(1, dtype=kagari.uint8)
        if self._rank != 0:
            self._send(0, token, tag=-2)
            self._finish(self._post(0, kagari.empty_like(token), tag=-2), timeout)
            return
        missing = []
        for rank in range(1, self.size()):
            try:
                self._finish(self._post(rank, kagari.empty_like(token), tag=-2), timeout)
            except DistBackendError:
                missing.append(rank)
                if not wait_all_ranks:
                    break
        if missing:
            raise RuntimeError(f"Rank 0 timed out in monitoredBarrier after {int(timeout.total_seconds() * 1000)} ms. "
                               f"No ranks successfully processed in monitoredBarrier. Ranks that did not arrive: {', '.join(map(str, missing))}")
        for rank in range(1, self.size()):
            self._send(rank, token, tag=-2)

    # ---- between two processes
    def send(self, tensors, destination, tag=0):
        """Sends one tensor to a rank."""
        tensor = _listed(tensors)[0].detach().contiguous()
        work = Work(lambda: self._send(destination, tensor, _tag(tag)))
        work._execute()
        return work

    def recv(self, tensors, source, tag=0):
        """Receives one tensor from a rank; None: from whoever sends first."""
        tensor = _listed(tensors)[0]
        buffer = _buffer(tensor)
        receive = self._post(source, buffer, _tag(tag))

        def finish(timeout):
            sender = self._finish(receive, timeout)
            if buffer is not tensor:
                with kagari.no_grad():
                    tensor.copy_(buffer)
            return sender, [tensor]
        return _Receiving(finish)

    def recv_anysource(self, tensors, tag=0):
        return self.recv(tensors, None, tag)


ProcessGroup.__module__ = Work.__module__ = "torch.distributed.distributed_c10d"


class _flat:
    """The elements of a tensor as one contiguous dimension, in the tensor's own memory where that is possible; written back otherwise."""

    def __init__(self, tensor, write):
        self.tensor, self.write = tensor, write

    def __enter__(self):
        tensor = self.tensor.detach()
        self.own = not tensor.is_contiguous()
        self.values = tensor.contiguous().view(-1)
        return self.values

    def __exit__(self, *exception):
        if self.own and self.write and exception[0] is None:
            with kagari.no_grad():
                self.tensor.copy_(self.values.view(self.tensor.shape))


def bytes_of(tensor):
    """A writable view of a contiguous tensor's bytes."""
    if tensor.device.type != "cpu":
        raise RuntimeError(f"No backend type associated with device type {tensor.device.type}")
    begin = tensor.storage_offset() * tensor.element_size()
    return storage_bytes(tensor.untyped_storage())[begin:begin + tensor.numel() * tensor.element_size()]


def _buffer(tensor):
    """Where a message for the tensor may be written: the tensor itself if it is contiguous."""
    return tensor.detach() if tensor.is_contiguous() else kagari.empty(tensor.shape, dtype=tensor.dtype)


def _store(received, outputs):
    with kagari.no_grad():
        for rank, tensor in received.items():
            if tensor.data_ptr() != outputs[rank].data_ptr() or tensor.numel() == 0 or not outputs[rank].is_contiguous():
                outputs[rank].copy_(tensor.view(outputs[rank].shape))


def _listed(tensors):
    return [tensors] if isinstance(tensors, kagari.Tensor) else list(tensors)


def _tag(tag):
    if tag < 0:
        raise ValueError(f"a tag must not be negative, got {tag}")
    return tag


def _text(shape):
    return f"({', '.join(map(str, shape))})"
