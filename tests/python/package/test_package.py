"""Packages: code and objects go in and come out, apart from the running program."""
import io
import sys

import pytest

import kagari as torch
from kagari.package import EmptyMatchError, GlobGroup, PackageExporter, PackageImporter, PackagingError, is_from_package

SOURCE = """import json
from . import numbers
from .numbers import SCALE
import other_library


class Model:
    def __init__(self, weight):
        self.weight = weight

    def __call__(self, x):
        return x @ self.weight * SCALE
"""


@pytest.fixture
def library(tmp_path, monkeypatch):
    folder = tmp_path / "sample_library"
    folder.mkdir()
    (folder / "__init__.py").write_text(SOURCE)
    (folder / "numbers.py").write_text("SCALE = 3\n")
    (tmp_path / "other_library.py").write_text("WHO = 'other'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import sample_library
    yield sample_library
    for name in [name for name in sys.modules if name.startswith(("sample_library", "other_library"))]:
        del sys.modules[name]


def written(fill):
    buffer = io.BytesIO()
    with PackageExporter(buffer) as exporter:
        fill(exporter)
    buffer.seek(0)
    return PackageImporter(buffer), exporter


def test_objects_with_their_code(library):
    weight = torch.arange(4.0).reshape(2, 2)

    def fill(exporter):
        exporter.intern("sample_library.**")
        exporter.mock("other_library")
        exporter.save_pickle("model", "model.pkl", library.Model(weight))
    importer, exporter = written(fill)
    assert exporter.interned_modules() == ["sample_library", "sample_library.numbers"] and exporter.mocked_modules() == ["other_library"]
    assert "json" in exporter.externed_modules() and exporter.get_rdeps("sample_library.numbers") == ["sample_library"]
    model = importer.load_pickle("model", "model.pkl")
    assert torch.equal(model(torch.eye(2)), 3 * weight) and is_from_package(model) and type(model) is not library.Model
    assert type(model).__module__ == f"{importer.id()}.sample_library"
    with pytest.raises(NotImplementedError, match="mocked out"):
        importer.import_module("other_library").Thing()
    again, _ = written(lambda one: (one.intern("**"), one.save_module("sample_library.numbers")))
    assert again.import_module("sample_library.numbers").SCALE == 3


def test_modules_must_match_a_pattern(library):
    with pytest.raises(PackagingError, match="did not match(.|\n)*sample_library"):
        written(lambda exporter: exporter.save_pickle("m", "m.pkl", library.Model(1)))
    with pytest.raises(PackagingError, match="denied(.|\n)*other_library"):
        written(lambda exporter: (exporter.deny("other_library"), exporter.save_source_string("a", "import other_library")))
    with pytest.raises(EmptyMatchError):
        written(lambda exporter: exporter.intern("nothing.*", allow_empty=False))
    importer, _ = written(lambda exporter: (exporter.extern("other_library"), exporter.save_source_string("a.b", "import other_library\nX = other_library.WHO")))
    assert importer.import_module("a.b").X == "other" and importer.get_source("a.b").startswith("import")
    with pytest.raises(ModuleNotFoundError, match="No module named 'c'"):
        importer.import_module("c")
    importer.zip_reader._file.seek(0)
    with pytest.raises(ImportError, match="disallowed"):
        PackageImporter(importer.zip_reader, module_allowed=lambda name: name != "other_library")


def test_texts_bytes_and_shared_storages(tmp_path):
    x = torch.arange(6.0)

    def fill(exporter):
        exporter.save_text("res", "a.txt", "h\u00e9llo")
        exporter.save_binary("res.deep", "b.bin", b"123")
        exporter.save_pickle("t", "first.pkl", [x, x[2:4]])
        exporter.save_pickle("t", "second.pkl", x)
    path = tmp_path / "sample.pt"
    with PackageExporter(path) as exporter:
        fill(exporter)
    importer = PackageImporter(path)
    assert importer.load_text("res", "a.txt") == "h\u00e9llo" and importer.load_binary("res.deep", "b.bin") == b"123"
    first, second = importer.load_pickle("t", "first.pkl"), importer.load_pickle("t", "second.pkl")
    assert torch.equal(first[0], x) and first[1].data_ptr() == first[0].data_ptr() + 8 and second.data_ptr() == first[0].data_ptr()
    assert importer.file_structure().has_file("res/deep/b.bin") and "b.bin" in str(importer.file_structure(include="res/**"))
    with pytest.raises(FileNotFoundError):
        importer.load_text("res", "none")


def test_patterns():
    names = ["a", "a.b", "a.b.c", "b"]
    for pattern, expected in {"a.*": ["a.b"], "a.**": ["a", "a.b", "a.b.c"], "*": ["a", "b"], "**": names, "**.b": ["a.b", "b"]}.items():
        assert [name for name in names if GlobGroup(pattern).matches(name)] == expected
    assert not GlobGroup(["a", "b"], exclude="b").matches("b")
