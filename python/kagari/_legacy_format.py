"""The older checkpoint format: five pickles after one another (magic number, protocol, system facts, the object, the
storages' keys), and then each storage as a 64-bit count of elements followed by its bytes, little-endian."""
import io
import os
import pickle
import struct
from pickle import UnpicklingError

import kagari
from kagari import storage as storages
from kagari._checkpoint_pickler import StorageTable, pickle_object
from kagari._weights_unpickler import WeightsUnpickler, _StorageMark

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001
_COUNT = struct.Struct("<q")


def save_legacy(obj, write, pickle_module=None, protocol=2):
    """Writes `obj` through `write`, which takes bytes-like objects."""
    table = StorageTable(legacy=True)
    body = pickle_object(obj, table, protocol, pickle_module)
    system = {"protocol_version": PROTOCOL_VERSION, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    head = b"".join(pickle.dumps(part, 2) for part in (MAGIC_NUMBER, PROTOCOL_VERSION, system))
    keys = sorted(table.storages)
    write(head + body + pickle.dumps(keys, 2))
    for key in keys:
        untyped, dtype = table.storages[key], table.kinds[key]
        width = dtype.itemsize if dtype is not None and storages._class_name(dtype) else 1
        write(_COUNT.pack(untyped.nbytes() // width))
        write(storages.storage_bytes(untyped))


class _Storages:
    """Storages named in the object's pickle, made there and filled later. `limit` is how many bytes can follow at most."""

    def __init__(self, restore, limit):
        self.restore, self.limit, self.made, self.total = restore, limit, {}, 0

    def load(self, identity):
        if type(identity) is not tuple or len(identity) < 2:
            raise UnpicklingError("a persistent id must be a tuple")
        if identity[0] == "module":             # a class with its source: only the class matters
            return identity[1]
        if identity[0] != "storage" or len(identity) not in (5, 6):
            raise UnpicklingError(f"Unknown saved id type: {identity[0]!r}")
        kind, key, location, count = identity[1:5]
        view = identity[5] if len(identity) == 6 else None
        dtype = storage_dtype(kind)
        if type(count) is not int or count < 0 or type(location) is not str:
            raise UnpicklingError("a storage's size and location make no sense")
        if key not in self.made:
            nbytes = count * dtype.itemsize
            self.total += nbytes
            if self.total > self.limit:
                raise RuntimeError(f"storage {key!r} of {nbytes} bytes is larger than what is left of the file")
            untyped = kagari.UntypedStorage(nbytes)
            self.made[key] = [untyped, dtype, self.restore(untyped, location)]
        restored, dtype = self.made[key][2], self.made[key][1]
        if view is not None:
            raise NotImplementedError("a checkpoint with views of storages (PyTorch before 0.4) cannot be loaded")
        return storages.TypedStorage._wrap(restored, dtype)


def storage_dtype(kind):
    """Dtype of the elements that a storage class counts; untyped storages count bytes."""
    name = kind.name if isinstance(kind, _StorageMark) else getattr(kind, "__name__", None)
    if name == "UntypedStorage":
        return kagari.uint8
    dtype = storages.STORAGE_DTYPES.get(name)
    if dtype is None:
        raise UnpicklingError(f"{kind!r} is no storage class")
    return getattr(kagari, dtype)


def load_legacy(file, restore, make_unpickler, weights_only):
    """Reads one object from `file` at its position and leaves the position behind it.

    `make_unpickler(file, persistent_load)` makes the unrestricted reader; with `weights_only` it is not used.
    """
    start = file.tell()
    file.seek(0, os.SEEK_END)
    size = file.tell()
    file.seek(start)
    data = None
    if weights_only:
        data = file.read()
        at = 0

        def read(persistent_load=None):
            nonlocal at
            reader = WeightsUnpickler(data, persistent_load, at)
            value = reader.load()
            at = reader.position
            return value
    else:
        def read(persistent_load=None):
            return make_unpickler(file, persistent_load).load()
    if size == start:
        raise EOFError("Ran out of input")
    if read() != MAGIC_NUMBER:
        raise RuntimeError("Invalid magic number; corrupt file?")
    version = read()
    if version != PROTOCOL_VERSION:
        raise RuntimeError(f"Invalid protocol version: {version}")
    read()
    table = _Storages(restore, size - start)
    result = read(table.load)
    keys = read()
    if not isinstance(keys, list):
        raise RuntimeError("the list of storages is damaged")
    body = io.BytesIO(data) if weights_only else file
    if weights_only:
        body.seek(at)
    for key in keys:
        if key not in table.made:
            raise RuntimeError(f"the file holds storage {key!r}, which nothing refers to")
        untyped, dtype, restored = table.made[key]
        raw = body.read(_COUNT.size)
        if len(raw) != _COUNT.size or _COUNT.unpack(raw)[0] * dtype.itemsize != untyped.nbytes():
            raise RuntimeError(f"storage {key!r} has a size other than the file says; it is damaged or cut short")
        view = storages.storage_bytes(untyped)
        raw = body.read(len(view))
        if len(raw) != len(view):
            raise RuntimeError(f"unexpected end of file: storage {key!r} needs {len(view)} bytes, {len(raw)} are left")
        view[:] = raw
        if restored is not untyped and restored.nbytes() == untyped.nbytes() and restored.device.type == "cpu":
            storages.storage_bytes(restored)[:] = view
    if weights_only:
        file.seek(start + body.tell())
    missing = set(table.made) - set(keys)
    if missing:
        raise RuntimeError(f"the file holds no data for storage {sorted(missing)[0]!r}")
    return result
