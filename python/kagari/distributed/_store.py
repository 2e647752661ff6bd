"""Stores: small dictionaries that several processes share, by which they find and wait for each other.

Keys are str, values bytes. `get` and `wait` block until the keys are there. TCPStore keeps them in one process, FileStore in a file, HashStore
in this process; PrefixStore puts a prefix before each key of another store.
"""
import datetime
import fcntl
import os
import socket
import struct
import threading
import time

from kagari.distributed._errors import DistNetworkError, DistStoreError

_DEFAULT_TIMEOUT = datetime.timedelta(seconds=300)


def _bytes(value):
    return value.encode() if isinstance(value, str) else bytes(value)


class Store:
    """What all stores can do. A subclass gives `_call(name, *arguments)` for the operations of _Table, and `_wait`."""

    def __init__(self):
        self.timeout = _DEFAULT_TIMEOUT

    def set_timeout(self, timeout):
        """How long get and wait wait, a timedelta (default 300 s)."""
        self.timeout = timeout

    def _wait(self, keys, timeout):
        raise NotImplementedError(f"{type(self).__name__}.wait")

    def _call(self, name, *arguments):
        raise NotImplementedError(f"{type(self).__name__}.{name}")

    def wait(self, keys, timeout=None):
        """Returns once all keys are there; DistStoreError after the timeout."""
        self._wait(list(keys), timeout or self.timeout)

    def set(self, key, value):
        """Stores str or bytes."""
        self._call("set", key, _bytes(value))

    def get(self, key):
        """The bytes at key; waits for it."""
        self._wait([key], self.timeout)
        return self._call("get", key)

    def add(self, key, amount):
        """Adds an int to the number at key (0 at first) and returns the sum."""
        return int(self._call("add", key, b"%d" % amount))

    def append(self, key, value):
        """Adds bytes to the end of the value at key."""
        self._call("append", key, _bytes(value))

    def compare_set(self, key, expected_value, desired_value):
        """Stores desired_value if key holds expected_value, or is absent and expected_value empty; returns what is there then."""
        return self._call("compare_set", key, _bytes(expected_value), _bytes(desired_value))

    def check(self, keys):
        """Whether all keys are there; does not wait."""
        return all(self._call("check", key) == b"1" for key in keys)

    def delete_key(self, key):
        """Removes a key; whether it was there."""
        return self._call("delete", key) == b"1"

    def num_keys(self):
        """The number of keys."""
        return int(self._call("num_keys", ""))

    def multi_get(self, keys):
        return [self.get(key) for key in keys]

    def multi_set(self, keys, values):
        for key, value in zip(keys, values, strict=True):
            self.set(key, value)

    def has_extended_api(self):
        return True


class _Table:
    """The dictionary itself, with the operations of Store as methods on (key, bytes...) that return bytes."""

    def __init__(self):
        self.values, self.changed = {}, threading.Condition()

    def run(self, name, key, *arguments):
        with self.changed:
            result = getattr(self, name)(key, *arguments)
            self.changed.notify_all()
        return result

    def set(self, key, value):
        self.values[key] = value
        return b""

    def get(self, key):
        return self.values[key]

    def add(self, key, amount):
        self.values[key] = b"%d" % (int(self.values.get(key, b"0")) + int(amount))
        return self.values[key]

    def append(self, key, value):
        self.values[key] = self.values.get(key, b"") + value
        return b""

    def compare_set(self, key, expected, desired):
        if self.values.get(key, b"") == expected:
            self.values[key] = desired
        return self.values.get(key, expected)

    def check(self, key):
        return b"1" if key in self.values else b"0"

    def delete(self, key):
        return b"1" if self.values.pop(key, None) is not None else b"0"

    def num_keys(self, _):
        return b"%d" % len(self.values)

    def wait(self, keys, seconds):
        """Whether the keys are there before the time is over."""
        with self.changed:
            return self.changed.wait_for(lambda: all(key in self.values for key in keys), seconds)


def _timed_out(keys, timeout):
    return DistStoreError(f"wait timeout after {int(timeout.total_seconds() * 1000)}ms, keys: {', '.join(keys)}")


class HashStore(Store):
    """A store inside this process."""

    def __init__(self):
        super().__init__()
        self._table = _Table()

    def _call(self, name, *arguments):
        return self._table.run(name, *arguments)

    def _wait(self, keys, timeout):
        if not self._table.wait(keys, timeout.total_seconds()):
            raise _timed_out(keys, timeout)


class PrefixStore(Store):
    """Another store, with `prefix/` before each key."""

    def __init__(self, prefix, store):
        super().__init__()
        self.prefix, self.underlying_store = prefix, store
        self.timeout = store.timeout

    def _call(self, name, key, *arguments):
        return self.underlying_store._call(name, f"{self.prefix}/{key}", *arguments)

    def _wait(self, keys, timeout):
        self.underlying_store._wait([f"{self.prefix}/{key}" for key in keys], timeout)


class FileStore(Store):
    """A store in a file that all processes see. The file is a log of changes, guarded by a lock on it."""

    def __init__(self, file_name, world_size=-1):
        super().__init__()
        self.path = str(file_name)
        self._table, self._read = _Table(), 0
        open(self.path, "ab").close()

    def _sync(self, file):
        """Applies what others wrote since the last look."""
        file.seek(self._read)
        while True:
            message = _read_message(file.read)
            if message is None:
                break
            self._table.run(message[0].decode(), message[1].decode(), *message[2:])
        self._read = file.tell()

    def _call(self, name, key, *arguments):
        with open(self.path, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self._sync(file)
            result = self._table.run(name, key, *arguments)
            if name not in ("get", "check", "num_keys"):
                file.write(_message(name.encode(), key.encode(), *arguments))
                self._read = file.tell()
        return result

    def _wait(self, keys, timeout):
        end, pause = time.monotonic() + timeout.total_seconds(), 0.001
        while not self.check(keys):
            if time.monotonic() > end:
                raise _timed_out(keys, timeout)
            time.sleep(pause)
            pause = min(pause * 2, 0.05)


def _message(*parts):
    """Several bytes as one: their number, then each with its length."""
    return struct.pack("<I", len(parts)) + b"".join(struct.pack("<Q", len(part)) + part for part in parts)


def _read_message(read):
    """The parts of the next message, or None at the end of the file or connection."""
    head = read(4)
    if len(head) < 4:
        return None
    parts = []
    for _ in range(struct.unpack("<I", head)[0]):
        length = struct.unpack("<Q", read(8))[0]
        parts.append(read(length) if length else b"")
    return parts


class _Server:
    """Keeps the table of a TCPStore and answers the clients, one thread for each."""

    def __init__(self, port, descriptor=None):
        self.table = _Table()
        if descriptor is not None:
            self.listener = socket.socket(fileno=descriptor)
        else:
            try:
                self.listener = socket.create_server(("", port), backlog=512)
            except OSError as error:
                raise DistNetworkError(f"The server socket has failed to listen on any local network address. port: {port}, "
                                       f"code: {error.errno}, name: {error.strerror}") from None
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, name="kagari-store", daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), name="kagari-store-client", daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as file:
            try:
                while (message := _read_message(file.read)) is not None:
                    name, arguments = message[0].decode(), message[1:]
                    if name == "wait":
                        ready = self.table.wait([key.decode() for key in arguments[1:]], float(arguments[0]))
                        answer = b"1" if ready else b"0"
                    else:
                        answer = self.table.run(name, arguments[0].decode(), *arguments[1:])
                    connection.sendall(_message(answer))
            except (OSError, struct.error):
                pass


class TCPStore(Store):
    """A store in the process that is_master, reached by the others at host_name:port (port 0: any free one, see .port).

    world_size: number of processes; with wait_for_workers the constructor of the master waits for all of them.
    """
    _servers = {}                                      # port -> server, for multi_tenant

    def __init__(self, host_name, port, world_size=None, is_master=False, timeout=_DEFAULT_TIMEOUT, wait_for_workers=True, multi_tenant=False,
                 master_listen_fd=None, use_libuv=True):
        super().__init__()
        self.timeout, self.host = timeout, host_name
        self._server = None
        if is_master:
            shared = multi_tenant and self._servers.get(port)
            self._server = shared or _Server(port, master_listen_fd)
            if multi_tenant:
                self._servers[self._server.port] = self._server
        self.port = self._server.port if self._server else port
        self._lock = threading.Lock()
        self._connect()
        if world_size is not None and world_size > 0:
            arrived = self.add("kagari/arrived", 1)
            if arrived % world_size == 0:
                self.set("kagari/complete", b"1")
            if is_master and wait_for_workers:
                self.wait(["kagari/complete"])

    def _connect(self):
        end, pause = time.monotonic() + self.timeout.total_seconds(), 0.01
        while True:
            try:
                self._socket = socket.create_connection((self.host, self.port), timeout=max(1.0, end - time.monotonic()))
                break
            except OSError as error:
                if time.monotonic() > end:
                    raise DistNetworkError(f"The client socket has timed out after {int(self.timeout.total_seconds() * 1000)}ms while trying to connect to "
                                           f"({self.host}, {self.port}): {error}") from None
                time.sleep(pause)
                pause = min(2 * pause, 0.5)
        self._socket.settimeout(None)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")

    def _request(self, *parts):
        with self._lock:
            try:
                self._socket.sendall(_message(*parts))
                answer = _read_message(self._file.read)
            except OSError as error:
                raise DistNetworkError(f"the connection to the store at {self.host}:{self.port} broke: {error}") from None
        if answer is None:
            raise DistNetworkError(f"the store at {self.host}:{self.port} has closed the connection")
        return answer[0]

    def _call(self, name, key, *arguments):
        return self._request(name.encode(), key.encode(), *arguments)

    def _wait(self, keys, timeout):
        if self._request(b"wait", b"%f" % timeout.total_seconds(), *(key.encode() for key in keys)) != b"1":
            raise _timed_out(keys, timeout)

    def num_keys(self):
        return super().num_keys() - sum(self._call("check", key) == b"1" for key in ("kagari/arrived", "kagari/complete"))

    def __del__(self):
        for name in ("_file", "_socket"):
            if hasattr(self, name):
                getattr(self, name).close()
