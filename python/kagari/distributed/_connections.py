"""Connections between all processes of a job, and messages over them.

One TCP connection per pair of processes. A thread per connection reads what arrives: into the buffer of a receiver that waits for it, otherwise
into a mailbox. So a sender never waits for the receiver's program, and no order of sends and receives can block.
"""
import collections
import socket
import struct
import threading
import time

from kagari.distributed._errors import DistBackendError

_HEADER = struct.Struct("<qqq")                       # group, tag, number of bytes


class _Receive:
    """A buffer that waits for one message."""
    __slots__ = ("view", "source", "done", "error")

    def __init__(self, view):
        self.view, self.source, self.error = view, None, None
        self.done = threading.Event()


class Connections:
    """All connections of the process `rank` of `size`, which meet through `store`."""

    def __init__(self, store, rank, size, timeout):
        self.rank, self.size = rank, size
        self._lock = threading.Lock()
        self._mail = collections.defaultdict(collections.deque)       # (source, group, tag) -> arrived messages
        self._posted = collections.defaultdict(collections.deque)     # (source, group, tag) -> buffers that wait
        self._any = collections.defaultdict(collections.deque)        # (group, tag) -> buffers that take any source
        self._broken = {}
        self._closing = False
        self._sockets, self._send_locks = {}, {}
        if size > 1:
            self._connect(store, timeout)

    def _connect(self, store, timeout):
        store.set_timeout(timeout)
        with socket.create_server(("", 0), backlog=self.size) as listener:
            host = _own_address(store)
            store.set(f"address/{self.rank}", f"{host} {listener.getsockname()[1]}")
            for peer in range(self.rank):
                address, port = store.get(f"address/{peer}").decode().split()
                connection = socket.create_connection((address, int(port)), timeout=timeout.total_seconds())
                connection.sendall(struct.pack("<q", self.rank))
                self._start(peer, connection)
            listener.settimeout(timeout.total_seconds())
            for _ in range(self.rank + 1, self.size):
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    raise DistBackendError(f"rank {self.rank}: not all of {self.size} processes connected within {timeout}") from None
                self._start(struct.unpack("<q", _read_exactly(connection, 8))[0], connection)

    def _start(self, peer, connection):
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            connection.setsockopt(socket.SOL_SOCKET, option, 4 << 20)
        self._sockets[peer], self._send_locks[peer] = connection, threading.Lock()
        threading.Thread(target=self._read, args=(peer, connection), name=f"kagari-from-{peer}", daemon=True).start()

    def _read(self, peer, connection):
        try:
            while True:
                group, tag, length = _HEADER.unpack(_read_exactly(connection, _HEADER.size))
                with self._lock:
                    receive = self._take_posted(peer, group, tag)
                if receive is not None and length == len(receive.view):
                    _fill(connection, receive.view)
                    receive.source = peer
                    receive.done.set()
                    continue
                body = memoryview(bytearray(length))
                _fill(connection, body)
                with self._lock:
                    receive = receive or self._take_posted(peer, group, tag)     # somebody may have come to wait meanwhile
                    if receive is None:
                        self._mail[peer, group, tag].append(body)
                        continue
                self._deliver(receive, body, peer)
        except (OSError, EOFError, struct.error) as error:
            self._lost(peer, error)

    def _take_posted(self, peer, group, tag):
        for queue in (self._posted.get((peer, group, tag)), self._any.get((group, tag))):
            if queue:
                return queue.popleft()
        return None

    @staticmethod
    def _deliver(receive, body, peer):
        if len(body) == len(receive.view):
            receive.view[:] = body
        else:
            receive.error = f"a message of {len(body)} bytes from rank {peer} for a buffer of {len(receive.view)}"
        receive.source = peer
        receive.done.set()

    def _lost(self, peer, error):
        with self._lock:
            self._broken[peer] = str(error) or type(error).__name__
            waiting = [receive for key, queue in self._posted.items() if key[0] == peer for receive in queue]
        for receive in waiting:
            receive.error = f"Connection closed by peer [rank {peer}]: {self._broken[peer]}"
            receive.done.set()

    def post(self, peer, group, tag, view):
        """A receiver for the next message with this group and tag from peer (None: from anyone); see finish."""
        receive = _Receive(view)
        with self._lock:
            if peer is None:
                found = next((key for key, queue in self._mail.items() if key[1:] == (group, tag) and queue), None)
            else:
                key = (peer, group, tag)
                found = key if self._mail.get(key) else None
            if found is None:
                if peer in self._broken:
                    receive.error = f"Connection closed by peer [rank {peer}]: {self._broken[peer]}"
                    receive.done.set()
                else:
                    (self._any[group, tag] if peer is None else self._posted[peer, group, tag]).append(receive)
                return receive
            body = self._mail[found].popleft()
        self._deliver(receive, body, found[0])
        return receive

    def finish(self, receive, timeout):
        """Waits until the message is in the buffer; returns who sent it. DistBackendError if it does not come."""
        if not receive.done.wait(timeout.total_seconds()):
            raise DistBackendError(f"Timed out waiting {int(timeout.total_seconds() * 1000)}ms for recv operation to complete")
        if receive.error is not None:
            raise DistBackendError(receive.error)
        return receive.source

    def send(self, peer, group, tag, view):
        """Sends the bytes; returns when they may be changed."""
        connection = self._sockets.get(peer)
        if connection is None:
            raise DistBackendError(f"there is no connection to rank {peer}")
        try:
            with self._send_locks[peer]:
                if len(view) <= 65536:
                    connection.sendall(_HEADER.pack(group, tag, len(view)) + bytes(view))
                else:
                    connection.sendall(_HEADER.pack(group, tag, len(view)))
                    connection.sendall(view)
        except OSError as error:
            raise DistBackendError(f"Connection closed by peer [rank {peer}]: {error}") from None

    def close(self):
        for connection in self._sockets.values():
            try:
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        end = time.monotonic() + 1                     # what is on its way may still arrive
        for connection in self._sockets.values():
            while self._broken.keys() < self._sockets.keys() and time.monotonic() < end:
                time.sleep(0.001)
            connection.close()


def _own_address(store):
    """The address under which the others reach this process: that of the route to the store."""
    import os
    while hasattr(store, "underlying_store"):
        store = store.underlying_store
    if os.environ.get("KAGARI_ADDRESS"):
        return os.environ["KAGARI_ADDRESS"]
    return store._socket.getsockname()[0] if hasattr(store, "_socket") else "127.0.0.1"


def _fill(connection, view):
    while len(view):
        count = connection.recv_into(view)
        if count == 0:
            raise EOFError("the process ended")
        view = view[count:]


def _read_exactly(connection, length):
    body = bytearray(length)
    _fill(connection, memoryview(body))
    return bytes(body)
