"""PyTorchFileReader and PyTorchFileWriter: the records of a .pt file one by one, for programs that load or write lazily."""
import io
import os

from kagari._zip_archive import ArchiveReader, ArchiveWriter, Source
from kagari.storage import storage_bytes


class PyTorchFileReader:
    """The records of an archive: a path, or an object with read and seek.

        >>> import kagari as torch, io
        >>> buffer = io.BytesIO(); torch.save({"x": torch.ones(2)}, buffer); _ = buffer.seek(0)
        >>> torch.PyTorchFileReader(buffer).has_record("data.pkl")
        True
    """

    def __init__(self, file):
        self._file = open(file, "rb") if isinstance(file, (str, os.PathLike)) else file
        self._reader = ArchiveReader(Source(self._file))

    def has_record(self, name):
        return name in self._reader

    def get_all_records(self):
        """The names of all records."""
        return list(self._reader.records)

    def get_record(self, name):
        """The bytes of a record; RuntimeError if there is none of this name."""
        return self._reader.read(name)

    def get_record_offset(self, name):
        """Where the bytes of a record begin in the file."""
        return self._reader.offset(self._reader.find(name))

    def get_record_size(self, name):
        return self._reader.find(name).size

    def get_storage_from_record(self, name, numel, dtype):
        """A tensor of the record's bytes; `numel` elements of `dtype`, bytes for UntypedStorage. Its storage holds just the record."""
        import kagari
        if not isinstance(dtype, kagari.dtype):
            dtype = kagari.uint8
        tensor = kagari.empty(numel, dtype=dtype)
        self._reader.read_into(name, storage_bytes(tensor.untyped_storage()))
        return tensor

    def serialization_id(self):
        name = ".data/serialization_id"
        return self.get_record(name).decode() if self.has_record(name) else ""


class PyTorchFileWriter:
    """Writes records one after the other: to a path, or to an object with write."""

    def __init__(self, file, compute_crc32=True, storage_alignment=64):
        path = isinstance(file, (str, os.PathLike))
        self._file, self._own = (open(file, "wb"), True) if path else (file, False)
        self._name = os.path.splitext(os.path.basename(os.fspath(file)))[0] if path else "archive"
        self._writer, self._written = ArchiveWriter(self._file.write, self._name, compute_crc32), []

    def archive_name(self):
        return self._name

    def get_all_written_records(self):
        return list(self._written)

    def write_record(self, name, data, size=None):
        """Adds a record of bytes, or of a storage."""
        view = memoryview(data.encode() if isinstance(data, str) else data if isinstance(data, (bytes, bytearray, memoryview)) else storage_bytes(data))
        self._writer.add(name, view if size is None else view[:size])
        self._written.append(name)

    def set_min_version(self, version):
        """Accepted: files are always of version 3."""

    def write_end_of_file(self):
        """Writes the directory; nothing can be added afterwards."""
        if "version" not in self._written:
            self.write_record("version", b"3\n")
        self._writer.finish()
        if self._own:
            self._file.close()
        elif not isinstance(self._file, io.BytesIO):
            self._file.flush()
