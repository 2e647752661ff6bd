"""save and load: PyTorch's checkpoint files, in both directions.

A checkpoint is a zip archive: `data.pkl` is a pickle in which every storage is a reference, and `data/<key>` are the
storages' bytes. Tensors that shared memory share it again after loading.
"""
import contextlib
import enum
import io
import mmap as _mmap
import os
import pickle
import secrets
import stat
import sys
import threading
import typing
import zlib
from pickle import UnpicklingError

import kagari
from kagari import storage as storages
from kagari import _weights_unpickler as restricted
from kagari._alias.names import kagari_module
from kagari._checkpoint_pickler import StorageTable, pickle_object
from kagari._legacy_format import MAGIC_NUMBER, PROTOCOL_VERSION, load_legacy, save_legacy, storage_dtype
from kagari._weights_unpickler import WeightsUnpickler
from kagari._zip_archive import ALIGNMENT, ArchiveReader, ArchiveWriter, Source

# What map_location may be.
MAP_LOCATION = typing.Optional[typing.Union[typing.Callable[[kagari.UntypedStorage, str], kagari.UntypedStorage], kagari.device, str, dict[str, str]]]
FILE_LIKE = typing.Union[str, os.PathLike, typing.IO[bytes]]

__all__ = ["LoadEndianness", "SourceChangeWarning", "add_safe_globals", "check_module_version_greater_or_equal", "clear_safe_globals",
           "default_restore_location", "get_crc32_options", "get_default_load_endianness", "get_default_mmap_options",
           "get_safe_globals", "get_unsafe_globals_in_checkpoint", "load", "location_tag", "register_package", "safe_globals",
           "save", "set_crc32_options", "set_default_load_endianness", "set_default_mmap_options", "skip_data"]

DEFAULT_PROTOCOL = 2
MAP_PRIVATE, MAP_SHARED = getattr(_mmap, "MAP_PRIVATE", None), getattr(_mmap, "MAP_SHARED", None)


class SourceChangeWarning(Warning):
    """Category of warnings about classes whose source changed since a checkpoint was written."""


class LoadEndianness(enum.Enum):
    """Byte order assumed for checkpoints that do not say theirs."""
    NATIVE = 1
    LITTLE = 2
    BIG = 3


_endianness = None
_mmap_flags = MAP_PRIVATE
_checksums = True
_local = threading.local()                       # .skip: inside skip_data


def get_default_load_endianness():
    return _endianness


def set_default_load_endianness(endianness):
    """Byte order for checkpoints without a record of it; None means little-endian."""
    global _endianness
    if endianness is not None and not isinstance(endianness, LoadEndianness):
        raise TypeError("Invalid argument type in function set_default_load_endianness")
    _endianness = endianness


def get_default_mmap_options():
    return _mmap_flags


class set_default_mmap_options:
    """Sets the flags (MAP_PRIVATE or MAP_SHARED) for load(mmap=True), as a call or for a with block."""

    def __init__(self, flags):
        global _mmap_flags
        if flags not in (MAP_PRIVATE, MAP_SHARED):
            raise ValueError(f"Invalid argument in function set_default_mmap_options, expected mmap.MAP_PRIVATE or mmap.MAP_SHARED, but got {flags}")
        self.before, _mmap_flags = _mmap_flags, flags

    def __enter__(self):
        pass

    def __exit__(self, *exception):
        global _mmap_flags
        _mmap_flags = self.before


def get_crc32_options():
    """Whether save() writes checksums."""
    return _checksums


def set_crc32_options(compute_crc32):
    """Whether save() writes checksums. Without them the file loads in PyTorch but not in tools that verify zip files."""
    global _checksums
    _checksums = bool(compute_crc32)


def get_safe_globals():
    """The functions and classes declared safe for load(weights_only=True)."""
    return restricted.safe_globals_list()


def add_safe_globals(safe_globals):
    """Lets load(weights_only=True) use these functions and classes, or (function or class, full name) pairs."""
    restricted.add_safe(safe_globals)


def clear_safe_globals():
    restricted.replace_safe([])


class safe_globals:
    """Context manager: inside it these functions and classes are safe for load(weights_only=True)."""

    def __init__(self, safe_globals):
        self.added = safe_globals

    def __enter__(self):
        self.before = restricted.safe_globals_list()
        restricted.add_safe(self.added)

    def __exit__(self, *exception):
        restricted.replace_safe(self.before)


def get_unsafe_globals_in_checkpoint(f):
    """Names of the globals in a checkpoint that load(weights_only=True) would refuse. Builds nothing."""
    with _opened(f) as file:
        if not _starts_as_zip(file):
            raise ValueError("Expected input to be a checkpoint returned by torch.save")
        return [name for name in restricted.globals_in(ArchiveReader(Source(file)).read("data.pkl")) if not restricted.is_allowed(name)]


@contextlib.contextmanager
def skip_data(materialize_fake_tensors=False):
    """Inside it, save() leaves the storages' bytes zero and load() leaves them unset; everything else works as usual."""
    before, _local.skip = getattr(_local, "skip", False), True
    try:
        yield
    finally:
        _local.skip = before


# --- devices ---------------------------------------------------------------------------------

_packages = []


def register_package(priority, tagger, deserializer):
    """Adds a device's pair of functions: tagger(storage) gives its location or None, deserializer(storage, location) moves
    a storage there or gives None. Lower priorities are asked first."""
    _packages.append((priority, tagger, deserializer))
    _packages.sort(key=lambda package: package[0])


def _deserialize_cuda(storage, location):
    if location.startswith("cuda"):
        raise RuntimeError("Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. kagari runs "
                           "without CUDA: load with map_location=torch.device('cpu') to get the tensors on the CPU.")


register_package(10, lambda storage: "cpu" if storage.device.type == "cpu" else None, lambda storage, location: storage if location == "cpu" else None)
register_package(20, lambda storage: None, _deserialize_cuda)
register_package(22, lambda storage: "meta" if storage.device.type == "meta" else None,
                 lambda storage, location: kagari.UntypedStorage(storage.nbytes(), device="meta") if location == "meta" else None)


def location_tag(storage):
    """Name of the device a storage is on, as checkpoints write it."""
    for _, tagger, _ in _packages:
        location = tagger(storage)
        if location:
            return location
    raise RuntimeError(f"don't know how to determine data location of {type(storage).__name__} on {storage.device}")


def default_restore_location(storage, location):
    """The storage moved to `location`; RuntimeError if no registered device knows that name."""
    for _, _, deserializer in _packages:
        result = deserializer(storage, location)
        if result is not None:
            return result
    raise RuntimeError(f"don't know how to restore data location of {type(storage).__module__.replace('kagari', 'torch')}.{type(storage).__qualname__} "
                       f"(tagged with {location})")


def _restorer(map_location):
    if map_location is None:
        return default_restore_location
    if isinstance(map_location, dict):
        return lambda storage, location: default_restore_location(storage, map_location.get(location, location))
    if isinstance(map_location, (str, bytes)):
        where = map_location.decode() if isinstance(map_location, bytes) else map_location
        return lambda storage, location: default_restore_location(storage, where)
    if isinstance(map_location, kagari.device):
        return lambda storage, location: default_restore_location(storage, str(map_location))

    def restore(storage, location):
        result = map_location(storage, location)
        return default_restore_location(storage, location) if result is None else result
    return restore


def _get_layout(name):
    """The layout of that name; checkpoints of sparse tensors name this function."""
    short = str(name).rpartition(".")[2]
    found = getattr(kagari, short, None)
    if not isinstance(found, kagari.layout):
        raise ValueError(f"{name!r} is no layout")
    return found


# --- files -----------------------------------------------------------------------------------

def _is_path(f):
    return isinstance(f, (str, os.PathLike))


@contextlib.contextmanager
def _opened(f):
    """A readable, seekable binary file for a path or a file-like object."""
    if _is_path(f):
        with open(f, "rb", buffering=0) as file:
            yield file
        return
    for method in ("seek", "tell", "read"):
        if not hasattr(f, method):
            raise AttributeError(f"'{type(f).__name__}' object has no attribute '{method}'. You can only torch.load from a file that is seekable. "
                                 "Please pre-load the data into a buffer like io.BytesIO and try to load from it instead.")
    yield f


def _starts_as_zip(file):
    start = file.tell()
    magic = file.read(4)
    file.seek(start)
    return magic == b"PK\x03\x04"


def _exchange(a, b):
    """Lets two files change names in one step; False if the system cannot.

    Putting a large file over another one by rename makes some file systems (ext4) write it to the disk first, which
    takes three times as long as everything else; an exchange does not.
    """
    import ctypes
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    here, exchange = -100, 2                     # AT_FDCWD, RENAME_EXCHANGE
    return rename is not None and rename(here, os.fsencode(a), here, os.fsencode(b), exchange) == 0


@contextlib.contextmanager
def _replacing(path):
    """A raw file to write to, which takes the place of `path` once it is complete; until then `path` is untouched.

    Devices, pipes and files in folders where nothing can be created are written in place.
    """
    path = os.path.realpath(os.fsdecode(path))
    folder, name = os.path.split(path)
    if not os.path.isdir(folder):
        raise RuntimeError(f"Parent directory {folder} does not exist.")
    try:
        before = os.stat(path)
    except FileNotFoundError:
        before = None
    in_place = before is not None and not stat.S_ISREG(before.st_mode)
    if before is not None and not in_place and not os.access(path, os.W_OK):
        raise PermissionError(13, "Permission denied", path)
    temporary = os.path.join(folder, f".{name[:200]}.{secrets.token_hex(6)}.part")
    if not in_place:
        try:
            file = open(temporary, "xb", buffering=0)
        except PermissionError:
            if before is None:
                raise
            in_place = True
    if in_place:
        with open(path, "wb", buffering=0) as file:
            yield file
        return
    try:
        with file:
            if before is not None:
                os.fchmod(file.fileno(), stat.S_IMODE(before.st_mode))
            yield file
            large = before is not None and os.fstat(file.fileno()).st_size >= 1 << 20
        if large and _exchange(temporary, path):
            os.unlink(temporary)                 # the old file
        else:
            os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _archive_name(path):
    name = os.path.splitext(os.path.basename(os.fsdecode(path)))[0]
    return name.replace("/", "_") if name and name.isascii() else "archive"


# --- save ------------------------------------------------------------------------------------

def save(obj, f, pickle_module=pickle, pickle_protocol=DEFAULT_PROTOCOL, _use_new_zipfile_serialization=True,
         _disable_byteorder_record=False):
    """Writes an object (tensors, containers, modules) to a path or to a file-like object with `write`.

    A path is replaced in one step after everything was written, so that a failure leaves an existing file as it was.
    PyTorch reads the file. `_use_new_zipfile_serialization=False` writes the older format.
    Raises RuntimeError if the folder does not exist, PicklingError for objects that cannot be pickled.
    """
    if not _is_path(f) and not hasattr(f, "write"):
        raise AttributeError("expected 'f' to be string, path, or a file-like object with a 'write' attribute")
    if _use_new_zipfile_serialization:
        table = StorageTable()
        body = pickle_object(obj, table, pickle_protocol, pickle_module)

        def produce(write, folder):
            _write_archive(write, folder, body, table, not _disable_byteorder_record)
    else:
        def produce(write, folder):
            save_legacy(obj, write, pickle_module, pickle_protocol)
    if _is_path(f):
        with _replacing(f) as file:
            produce(_complete(file.write), _archive_name(f))
    else:
        produce(f.write, "archive")


def _complete(write):
    """Raw files may take fewer bytes than they are given; this writes all of them."""
    def write_all(data):
        view = memoryview(data)
        while len(view):
            view = view[write(view):]
    return write_all


def _write_archive(write, folder, body, table, byte_order):
    skip = getattr(_local, "skip", False)
    archive = ArchiveWriter(write, folder, _checksums)
    archive.add("data.pkl", body)
    archive.add(".format_version", b"1")
    archive.add(".storage_alignment", str(ALIGNMENT).encode())
    if byte_order:
        archive.add("byteorder", sys.byteorder.encode())
    checksum = zlib.crc32(body)
    for key, storage in table.storages.items():
        if storage.device.type != "cpu":
            storage = storage.cpu()
        archive.add(f"data/{key}", bytes(storage.nbytes()) if skip else storages.storage_bytes(storage))
        checksum = zlib.crc32(f"{key}:{storage.nbytes()}".encode(), checksum)
    archive.add("version", b"3\n")
    names = zlib.crc32("".join(table.storages).encode())
    archive.add(".data/serialization_id", f"{names:020d}{checksum:020d}".encode())
    archive.finish()


# --- load ------------------------------------------------------------------------------------

_HELP = ("\nSee https://pytorch.org/docs/stable/generated/torch.load.html for what weights_only=True accepts.")


def _refused(error):
    """The error that load() raises when the restricted reader refuses a file."""
    text = str(error)
    if "GLOBAL" in text or "allowlisted" in text or "unrecognized" in text:
        advice = ("Weights only load failed. The file names something that is no plain data. (1) Only if you trust where it came from, "
                  "call torch.load with `weights_only=False`, which can run any code in it. (2) Or allow exactly what it names:\n\t")
    else:
        advice = ("Weights only load failed. If you trust where the file came from, `weights_only=False` reads more kinds of pickles, "
                  "but can run any code in it.\n\t")
    return UnpicklingError(f"{advice}WeightsUnpickler error: {text}\n{_HELP}")


def load(f, map_location=None, pickle_module=None, *, weights_only=None, mmap=None, **pickle_load_args):
    """Reads an object written by save() or by torch.save(), from a path or a seekable binary file.

    map_location: device, device name, dict from location to location, or function (storage, location) -> storage.
    weights_only: True (the default) builds tensors, containers, numbers and what add_safe_globals() allows, and runs no
    code from the file; False may run any code the file names.
    mmap: map the file into memory instead of reading it (paths only); pages are read when used.
    Raises UnpicklingError for files that weights_only refuses or that are damaged, RuntimeError for damaged archives,
    FileNotFoundError, EOFError.
    """
    forced_on, forced_off = os.environ.get("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "0"), os.environ.get("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "0")
    if forced_on in ("1", "y", "yes", "true") and forced_off in ("1", "y", "yes", "true"):
        raise RuntimeError("Only one of `TORCH_FORCE_WEIGHTS_ONLY_LOAD` or `TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD` should be set, but both were set.")
    if weights_only is None:
        weights_only = pickle_module is None and forced_off not in ("1", "y", "yes", "true")
    if forced_on in ("1", "y", "yes", "true"):
        weights_only = True
    if weights_only and pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    if mmap is None:
        mmap = False
    if mmap and not _is_path(f):
        raise ValueError("f must be a file path in order to use the mmap argument")
    restore = _restorer(map_location)
    with _opened(f) as file:
        try:
            if _starts_as_zip(file):
                return _load_archive(file, f if mmap else None, map_location, restore, pickle_module, weights_only, pickle_load_args)
            if mmap:
                raise RuntimeError("mmap can only be used with files saved with `torch.save(_use_new_zipfile_serialization=True)`, "
                                   f"please torch.save your checkpoint with this option in order to use mmap. ({f})")
            if _is_path(f):
                file = io.BufferedReader(file)
            return load_legacy(file, restore, lambda stream, persistent_load: _unpickler(pickle_module, stream, persistent_load, pickle_load_args),
                               weights_only)
        except UnpicklingError as error:
            if weights_only:
                raise _refused(error) from None
            raise


def _unpickler(pickle_module, stream, persistent_load, arguments):
    """The unrestricted reader: names from PyTorch's modules are looked up in kagari's."""
    base = (pickle_module or pickle).Unpickler

    class Unpickler(base):
        def find_class(self, module, name):
            if module == "torch" and name in storages.STORAGE_DTYPES:
                return getattr(storages, name)
            return super().find_class(kagari_module(module), name)

    if persistent_load is not None:
        Unpickler.persistent_load = lambda self, identity: persistent_load(identity)
    return Unpickler(stream, **arguments)


class _ArchiveStorages:
    """Storages of an archive, read when first asked for."""

    def __init__(self, archive, path, map_location, restore, folder="data"):
        self.archive, self.restore, self.made, self.folder = archive, restore, {}, folder
        self.mapped = None if path is None else _map_file(archive.source)
        self.to_meta = map_location is not None and not callable(map_location) and not isinstance(map_location, dict) and str(map_location) == "meta"
        self.swap = self._foreign_order()

    def _foreign_order(self):
        if "byteorder" in self.archive:
            order = self.archive.read("byteorder").decode("ascii", "replace")
            if order not in ("little", "big"):
                raise ValueError(f"Unknown endianness type: {order}")
        elif _endianness is None or _endianness is LoadEndianness.LITTLE:
            order = "little"
        else:
            order = "big" if _endianness is LoadEndianness.BIG else sys.byteorder
        return order != sys.byteorder

    def load(self, identity):
        if type(identity) is not tuple or len(identity) != 5 or identity[0] != "storage":
            raise UnpicklingError(f"Unknown saved id type, expected 'storage' and four more, got {identity!r:.80}")
        _, kind, key, location, count = identity
        if type(key) is not str or type(location) is not str or type(count) is not int or count < 0:
            raise UnpicklingError("a storage's key, location or size makes no sense")
        dtype = storage_dtype(kind)
        storage = self.made.get(key)
        if storage is None:
            self.made[key] = storage = self._read(key, location, count * dtype.itemsize, dtype)
        return storages.TypedStorage._wrap(storage, dtype)

    def _read(self, key, location, nbytes, dtype):
        name = f"{self.folder}/{key}"
        if self.to_meta:
            return kagari.UntypedStorage(nbytes, device="meta")
        record = self.archive.find(name)
        if record.size != nbytes:
            raise RuntimeError(f"record {name!r} has {record.size} bytes where the tensors that use it need {nbytes}; the file is damaged")
        if getattr(_local, "skip", False):
            return self.restore(kagari.UntypedStorage(nbytes), location)
        if self.mapped is not None and record.method == 0 and nbytes:
            start = self.archive.offset(record)
            storage = storages.storage_over(self.mapped[start:start + nbytes])
        else:
            storage = kagari.UntypedStorage(nbytes)
            if nbytes:
                self.archive.read_into(name, storages.storage_bytes(storage))
        if self.swap:
            swap_bytes(storages.storage_bytes(storage), dtype.itemsize // 2 if dtype.is_complex else dtype.itemsize)
        return self.restore(storage, location)


def swap_bytes(view, width):
    """Reverses the bytes of every element of `width` bytes, in place."""
    for i in range(width // 2):
        kept = bytes(view[i::width])
        view[i::width] = view[width - 1 - i::width]
        view[width - 1 - i::width] = kept


def _map_file(source):
    """The file's bytes as a writable memory map; with MAP_PRIVATE, writing to it does not change the file."""
    length = source.base + source.size
    if _mmap_flags == MAP_SHARED:
        with open(os.readlink(f"/proc/self/fd/{source.descriptor}"), "r+b") as file:
            whole = _mmap.mmap(file.fileno(), length, MAP_SHARED)
    else:
        whole = _mmap.mmap(source.descriptor, length, _mmap.MAP_PRIVATE, _mmap.PROT_READ | _mmap.PROT_WRITE)
    return memoryview(whole)[source.base:]


def _load_archive(file, path, map_location, restore, pickle_module, weights_only, arguments):
    archive = ArchiveReader(Source(file))
    if "constants.pkl" in archive and "data.pkl" in archive:
        if weights_only:
            raise RuntimeError("Cannot use ``weights_only=True`` with TorchScript archives passed to ``torch.load``. A TorchScript archive "
                               "is a program: open it with torch.jit.load, or pass weights_only=False.")
        return kagari.jit.load(path or file, map_location=map_location)
    body = archive.read("data.pkl")
    table = _ArchiveStorages(archive, path, map_location, restore)
    if weights_only:
        return WeightsUnpickler(body, table.load, encoding=arguments.get("encoding", "utf-8")).load()
    arguments.setdefault("encoding", "utf-8")
    return _unpickler(pickle_module, io.BytesIO(body), table.load, arguments).load()


def check_module_version_greater_or_equal(module, req_version_tuple, error_if_malformed=True):
    """Whether module.__version__ is at least the required version, a tuple of numbers."""
    try:
        version = tuple(type(need)(part) for need, part in zip(req_version_tuple, module.__version__.split(".")))
    except ValueError:
        if error_if_malformed:
            raise RuntimeError(f"'{module.__name__}' module version string is malformed '{module.__version__}' and cannot be compared with tuple "
                               f"{req_version_tuple}") from None
        return True
    return version >= req_version_tuple


def __getattr__(name):
    if name in ("MAP_LOCATION", "FILE_LIKE", "StorageType"):          # for annotations
        from collections.abc import Callable
        if name == "FILE_LIKE":
            from kagari.types import FileLike
            return FileLike
        if name == "StorageType":
            return storages.TypedStorage | storages.UntypedStorage
        return Callable[[storages.UntypedStorage, str], storages.UntypedStorage] | kagari.device | str | dict[str, str] | None
    raise AttributeError(f"module 'torch.serialization' has no attribute {name!r}")
