"""Zip archives as checkpoints need them: stored records aligned to 64 bytes, read at known offsets, written in one pass.

Python's zipfile copies every record several times and cannot align; this module keeps to what checkpoint files use
(APPNOTE.TXT 6.3, sections 4.3 and 4.5): stored or deflated members, zip64, one disk, no encryption. Every number read
from a file is checked against the file's size before it is used.
"""
import os
import struct
import threading
import zlib

ALIGNMENT = 64
_LOCAL = struct.Struct("<4s5H3I2H")            # signature, version, flags, method, time, date, crc, packed, size, name, extra
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR64 = struct.Struct("<4sIQI")
_MAX32 = 0xFFFFFFFF
_MAX16 = 0xFFFF
_UTF8_NAME = 0x800
_ENCRYPTED = 0x1
_HAS_DESCRIPTOR = 0x8
_COPY = 1 << 20                                # headers and small records are gathered up to this before a write
_CONCURRENT = 4 << 20                          # from this size on, the checksum is computed while the bytes are written


class BadArchive(RuntimeError):
    """The bytes are no archive that can be read: cut short, or numbers in it contradict each other."""

    def __init__(self, reason):
        super().__init__(f"PytorchStreamReader failed reading zip archive: {reason}; the file is damaged or was not "
                         "written to the end")


class Source:
    """Random access to the bytes of an open file, a path's descriptor, or an object with read and seek."""

    def __init__(self, file):
        self.file, self.descriptor, self.base = file, None, 0
        try:
            self.descriptor = file.fileno() if type(file).__module__ == "_io" else None
        except (OSError, AttributeError):
            self.descriptor = None
        start = file.tell()
        file.seek(0, os.SEEK_END)
        self.size = file.tell() - start
        self.base = start
        file.seek(start)

    def read(self, offset, count):
        """`count` bytes at `offset`, or fewer at the end of the file."""
        count = max(0, min(count, self.size - offset))
        if self.descriptor is not None:
            return os.pread(self.descriptor, count, self.base + offset)
        self.file.seek(self.base + offset)
        return self.file.read(count)

    def read_into(self, offset, view):
        """Fills the writable byte view from `offset` on."""
        done, count = 0, len(view)
        if self.descriptor is None:
            self.file.seek(self.base + offset)
        while done < count:
            if self.descriptor is not None:
                got = os.preadv(self.descriptor, [view[done:]], self.base + offset + done)
            elif hasattr(self.file, "readinto"):
                got = self.file.readinto(view[done:])
            else:
                part = self.file.read(count - done)
                got = len(part)
                view[done:done + got] = part
            if not got:
                raise BadArchive("a record ends after the end of the file")
            done += got


class Record:
    """One member: where its bytes start, how many there are packed and unpacked, and how they are packed."""
    __slots__ = ("header", "packed", "size", "method", "crc")

    def __init__(self, header, packed, size, method, crc):
        self.header, self.packed, self.size, self.method, self.crc = header, packed, size, method, crc


class ArchiveReader:
    """The records of an archive, by their name without the top folder that all of them share."""

    def __init__(self, source):
        self.source = source
        count, start, length = self._directory()
        self.records = {}
        self.folder = None
        self._read_directory(count, start, length)

    def _directory(self):
        """Number of members, offset and length of the central directory."""
        size = self.source.size
        tail_at = max(0, size - _END.size - _MAX16)
        tail = self.source.read(tail_at, size)
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or len(tail) - at < _END.size:
            raise BadArchive("failed finding central directory")
        _, disk, first_disk, _, count, length, start, _ = _END.unpack_from(tail, at)
        end = tail_at + at
        if _MAX16 in (disk, first_disk, count) or _MAX32 in (length, start):
            locator = self.source.read(end - _LOCATOR64.size, _LOCATOR64.size) if end >= _LOCATOR64.size else b""
            if len(locator) == _LOCATOR64.size and locator[:4] == b"PK\x06\x07":
                where = _LOCATOR64.unpack(locator)[2]
                record = self.source.read(where, _END64.size) if where <= end else b""
                if len(record) != _END64.size or record[:4] != b"PK\x06\x06":
                    raise BadArchive("the zip64 end record is not where it should be")
                *_, disk, first_disk, _, count, length, start = _END64.unpack(record)
                end = where
        if disk or first_disk:
            raise BadArchive("it spans several disks")
        if start + length > end or count * _CENTRAL.size > length:
            raise BadArchive("the central directory lies outside the file")
        return count, start, length

    def _read_directory(self, count, start, length):
        data = self.source.read(start, length)
        at = 0
        for _ in range(count):
            if at + _CENTRAL.size > len(data) or data[at:at + 4] != b"PK\x01\x02":
                raise BadArchive("the central directory is cut short")
            (_, _, _, flags, method, _, _, crc, packed, size, name_length, extra_length, comment_length, _, _, _,
             header) = _CENTRAL.unpack_from(data, at)
            at += _CENTRAL.size
            name = data[at:at + name_length].decode("utf-8" if flags & _UTF8_NAME else "cp437", "replace")
            extra = data[at + name_length:at + name_length + extra_length]
            at += name_length + extra_length + comment_length
            size, packed, header = _wide(extra, size, packed, header)
            if flags & _ENCRYPTED or method not in (0, 8):
                raise BadArchive(f"record {name!r} is encrypted or packed in a way other than stored and deflated")
            if header + _LOCAL.size + packed > self.source.size or (method == 0 and packed != size):
                raise BadArchive(f"record {name!r} lies outside the file")
            folder, _, rest = name.partition("/")
            if not rest and name.endswith("/"):
                continue
            if self.folder is None:
                self.folder = folder
            if folder != self.folder:
                raise BadArchive("its records do not share one folder")
            self.records[rest] = Record(header, packed, size, method, crc)

    def __contains__(self, name):
        return name in self.records

    def find(self, name):
        record = self.records.get(name)
        if record is None:
            raise RuntimeError(f"PytorchStreamReader failed locating file {name}: file not found")
        return record

    def offset(self, record):
        """Where the record's bytes start; its local header is checked."""
        header = self.source.read(record.header, _LOCAL.size)
        if len(header) != _LOCAL.size or header[:4] != b"PK\x03\x04":
            raise BadArchive("a record has no header")
        name_length, extra_length = struct.unpack_from("<HH", header, 26)
        start = record.header + _LOCAL.size + name_length + extra_length
        if start + record.packed > self.source.size:
            raise BadArchive("a record ends after the end of the file")
        return start

    def read(self, name):
        """The record's bytes."""
        record = self.find(name)
        data = self.source.read(self.offset(record), record.packed)
        if len(data) != record.packed:
            raise BadArchive(f"record {name!r} is cut short")
        return self._unpacked(name, record, data)

    def read_into(self, name, view):
        """Fills `view`, whose length must be the record's size, with the record's bytes."""
        record = self.find(name)
        if len(view) != record.size:
            raise BadArchive(f"record {name!r} has {record.size} bytes where {len(view)} are needed")
        if record.method:
            view[:] = self._unpacked(name, record, self.source.read(self.offset(record), record.packed))
        elif record.size:
            self.source.read_into(self.offset(record), view)

    @staticmethod
    def _unpacked(name, record, data):
        if record.method == 0:
            return data
        machine = zlib.decompressobj(-15)
        try:                                   # one byte more than promised, so that a record that is too long shows
            out = machine.decompress(data, record.size + 1)
        except zlib.error as error:
            raise BadArchive(f"record {name!r} cannot be unpacked ({error})") from None
        if len(out) != record.size or zlib.crc32(out) != record.crc:
            raise BadArchive(f"record {name!r} does not unpack to what its header says")
        return out


def _wide(extra, size, packed, header):
    """Sizes and offset with the zip64 extra field applied, which holds those that read as the largest 32-bit number."""
    if _MAX32 not in (size, packed, header):
        return size, packed, header
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            wide = [v for (v,) in struct.iter_unpack("<Q", extra[at + 4:at + 4 + length // 8 * 8])]
            values = []
            for value in (size, packed, header):
                if value == _MAX32:
                    if not wide:
                        raise BadArchive("a zip64 field is cut short")
                    value = wide.pop(0)
                values.append(value)
            return values
        at += 4 + length
    return size, packed, header


class ArchiveWriter:
    """Writes records one after the other, each starting at a multiple of 64 bytes. `write` takes any bytes-like object."""

    def __init__(self, write, folder, checksum=True):
        self._write, self._folder, self._checksum = write, folder, checksum
        self._at, self._directory, self._pending, self._pending_size = 0, [], [], 0

    def _put(self, data):
        self._at += len(data)
        if len(data) >= _COPY:
            self._flush()
            _write_all(self._write, data)
            return
        self._pending.append(bytes(data))
        self._pending_size += len(data)
        if self._pending_size >= _COPY:
            self._flush()

    def _flush(self):
        if self._pending:
            _write_all(self._write, b"".join(self._pending))
            self._pending, self._pending_size = [], 0

    def add(self, name, data):
        """Adds one record; `data` is bytes or a contiguous view of bytes."""
        name = f"{self._folder}/{name}".encode()
        size, start = len(data), self._at
        beside = self._checksum and size >= _CONCURRENT
        flags = _UTF8_NAME | (_HAS_DESCRIPTOR if beside else 0)
        crc = zlib.crc32(data) if self._checksum and not beside else 0
        wide = size >= _MAX32
        extra = struct.pack("<HHQQ", 1, 16, size, size) if wide else b""
        fill = -(start + _LOCAL.size + len(name) + len(extra) + 4) % ALIGNMENT
        extra += b"FB" + struct.pack("<H", fill) + b"Z" * fill
        small = _MAX32 if wide else size
        self._put(_LOCAL.pack(b"PK\x03\x04", 45 if wide else 20, flags, 0, 0, 33, crc, small, small, len(name), len(extra)) + name + extra)
        if beside:                             # zlib and write both release the GIL
            results = []
            worker = threading.Thread(target=lambda: results.append(zlib.crc32(data)))
            worker.start()
            try:
                self._put(data)
            finally:
                worker.join()
            crc = results[0]
            self._put(struct.pack("<4sIQQ" if wide else "<4s3I", b"PK\x07\x08", crc, size, size))
        else:
            self._put(data)
        self._directory.append((name, flags, crc, size, start))

    def finish(self):
        """Writes the central directory. Nothing may be added afterwards."""
        start = self._at
        for name, flags, crc, size, header in self._directory:
            fields = b"".join(struct.pack("<Q", v) for v in ((size, size) if size >= _MAX32 else ()) + ((header,) if header >= _MAX32 else ()))
            extra = struct.pack("<HH", 1, len(fields)) + fields if fields else b""
            small, where = min(size, _MAX32), min(header, _MAX32)
            self._put(_CENTRAL.pack(b"PK\x01\x02", 45, 45 if fields else 20, flags, 0, 0, 33, crc, small, small, len(name),
                                    len(extra), 0, 0, 0, 0, where) + name + extra)
        length, count, end = self._at - start, len(self._directory), self._at
        self._put(_END64.pack(b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, length, start))
        self._put(_LOCATOR64.pack(b"PK\x06\x07", 0, end, 1))
        self._put(_END.pack(b"PK\x05\x06", 0, 0, min(count, _MAX16), min(count, _MAX16), min(length, _MAX32), min(start, _MAX32), 0))
        self._flush()


def _write_all(write, data):
    """A raw file may take fewer bytes than it is given; the rest is offered again."""
    view = memoryview(data)
    while len(view):
        taken = write(view)
        if taken is None or taken >= len(view):
            return
        view = view[taken:]
