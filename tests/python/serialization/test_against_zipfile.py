"""The archive reader against Python's zipfile, which shares no code with it."""
import io
import zipfile

import pytest

from kagari._zip_archive import ArchiveReader, ArchiveWriter, BadArchive, Source


def reader(raw):
    return ArchiveReader(Source(io.BytesIO(raw)))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_reads_what_zipfile_writes(method):
    records = {f"record{i}": bytes([i]) * (i * 37) for i in range(20)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in records.items():
            archive.writestr(f"top/{name}", data)
    found = reader(buffer.getvalue())
    for name, data in records.items():
        assert found.read(name) == data
        view = bytearray(len(data))
        found.read_into(name, memoryview(view))
        assert view == data


def test_zipfile_reads_what_is_written():
    buffer = io.BytesIO()
    writer = ArchiveWriter(buffer.write, "archive")
    records = {"a": b"", "b/c": b"x" * 100, "big": bytes(range(256)) * 20000}
    for name, data in records.items():
        writer.add(name, data)
    writer.finish()
    with zipfile.ZipFile(buffer) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(f"archive/{name}") for name in records} == records


def test_archive_behind_other_bytes():
    buffer = io.BytesIO(b"in front")
    buffer.seek(8)
    writer = ArchiveWriter(buffer.write, "archive")
    writer.add("a", b"data")
    writer.finish()
    buffer.seek(8)
    assert ArchiveReader(Source(buffer)).read("a") == b"data"


@pytest.mark.parametrize("cut", [0, 1, 10, 21, 22, 60])
def test_cut_short(cut):
    buffer = io.BytesIO()
    writer = ArchiveWriter(buffer.write, "archive")
    writer.add("a", b"data" * 10)
    writer.finish()
    with pytest.raises(BadArchive):
        reader(buffer.getvalue()[:cut])


def test_lying_sizes():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("top/a", b"0" * 1000)
    raw = bytearray(buffer.getvalue())
    directory = raw.rfind(b"PK\x01\x02")
    raw[directory + 24:directory + 28] = (10).to_bytes(4, "little")
    with pytest.raises(BadArchive):
        reader(bytes(raw)).read("a")
