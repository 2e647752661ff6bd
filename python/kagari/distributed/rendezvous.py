"""How the processes of a group find each other: from an address such as env://, tcp://host:port or file:///path to a store."""
import os
from urllib.parse import parse_qsl, urlparse

from kagari.distributed._store import FileStore, TCPStore
from kagari.distributed.constants import default_pg_timeout

__all__ = ["register_rendezvous_handler", "rendezvous"]

_handlers = {}


def register_rendezvous_handler(scheme, handler):
    """handler(url, timeout=..., ...) yields (store, rank, world size) for addresses with this scheme."""
    if scheme in _handlers:
        raise RuntimeError(f"Rendezvous handler for {scheme}:// already registered")
    _handlers[scheme] = handler


def rendezvous(url, rank=-1, world_size=-1, **kwargs):
    """An iterator whose first value is (store, rank, world size). ValueError for addresses that say too little."""
    if not isinstance(url, (str, bytes)):
        raise RuntimeError(f"`url` must be a string. {type(url)}: {url}")
    parts = urlparse(url)
    query = dict(parse_qsl(parts.query))
    if rank != -1:
        query["rank"] = str(rank)
    if world_size != -1:
        query["world_size"] = str(world_size)
    if parts.scheme not in _handlers:
        raise RuntimeError(f"No rendezvous handler for {parts.scheme}://")
    return _handlers[parts.scheme](parts, query=query, **kwargs) if _handlers[parts.scheme] in _OWN else _handlers[parts.scheme](url, **kwargs)


def _number(value, what, problem):
    if value is None:
        raise ValueError(f"Error initializing torch.distributed using {what} rendezvous: {problem}")
    return int(value)


def _env(parts, query, timeout=default_pg_timeout, **_):
    def named(name):
        return _number(os.environ.get(name), "env://", f"environment variable {name} expected, but not set")

    rank = int(query["rank"]) if "rank" in query else named("RANK")
    world_size = int(query["world_size"]) if "world_size" in query else named("WORLD_SIZE")
    host = os.environ.get("MASTER_ADDR")
    if host is None:
        raise ValueError("Error initializing torch.distributed using env:// rendezvous: environment variable MASTER_ADDR expected, but not set")
    port = named("MASTER_PORT")
    agent = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    yield TCPStore(host, port, None if agent else world_size, is_master=rank == 0 and not agent, timeout=timeout, multi_tenant=True), rank, world_size


def _tcp(parts, query, timeout=default_pg_timeout, **_):
    if not parts.port:
        raise ValueError("Error initializing torch.distributed using tcp:// rendezvous: port number missing")
    rank = _number(query.get("rank"), "tcp://", "rank parameter missing")
    world_size = _number(query.get("world_size"), "tcp://", "world size parameter missing")
    yield TCPStore(parts.hostname, parts.port, world_size, is_master=rank == 0, timeout=timeout, multi_tenant=True), rank, world_size


def _file(parts, query, timeout=default_pg_timeout, **_):
    if not parts.path:
        raise ValueError("Error initializing torch.distributed using file:// rendezvous: path missing")
    rank = _number(query.get("rank"), "file://", "rank parameter missing")
    world_size = _number(query.get("world_size"), "file://", "world size parameter missing")
    store = FileStore(parts.path, world_size)
    store.set_timeout(timeout)
    yield store, rank, world_size


_OWN = (_env, _tcp, _file)
for _scheme, _handler in zip(("env", "tcp", "file"), _OWN):
    register_rendezvous_handler(_scheme, _handler)
