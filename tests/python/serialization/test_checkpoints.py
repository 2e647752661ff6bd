"""Files that PyTorch 2.13 wrote, and round trips through every kind of file that save() writes.

tests/data/checkpoints holds the files; what stands in `expected()` is what PyTorch loads from them.
"""
import collections
import io
import os
import pathlib
import pickle
import stat
import zipfile

import pytest

import kagari as torch

DATA = pathlib.Path(__file__).parents[2] / "data" / "checkpoints"


def expected():
    base = torch.arange(24.0).reshape(4, 6)
    noted = torch.nn.Parameter(torch.ones(2))
    noted.note = "kept"
    return {
        "base": base, "view": base[1:3, ::2], "perm": base.permute(1, 0), "bf16": base.bfloat16(), "f16": base.half(), "f64": base.double(),
        "i64": torch.arange(5), "i32": torch.arange(5, dtype=torch.int32), "i16": torch.arange(5, dtype=torch.int16),
        "i8": torch.arange(5, dtype=torch.int8), "u8": torch.arange(5, dtype=torch.uint8), "bool": torch.tensor([True, False]),
        "c64": torch.tensor([1 + 2j]), "c128": torch.tensor([1 - 2j], dtype=torch.complex128), "u16": torch.arange(3).to(torch.uint16),
        "u32": torch.arange(3).to(torch.uint32), "u64": torch.arange(3).to(torch.uint64), "f8": torch.ones(3).to(torch.float8_e4m3fn),
        "f8b": torch.ones(3).to(torch.float8_e5m2), "scalar": torch.tensor(3.5), "empty": torch.empty(0, 3),
        "grad": torch.ones(2, requires_grad=True), "param": torch.nn.Parameter(torch.ones(3)),
        "frozen": torch.nn.Parameter(torch.ones(3), requires_grad=False), "noted": noted, "meta_tensor": torch.ones(2, 3, device="meta"), "same": base,
        "plain": {"epoch": 3, "lr": 1e-3, "list": [1, 2.0, None, True], "tuple": (1, (2, 3)), "size": torch.Size([2, 3]), "dtype": torch.float16,
                  "device": torch.device("cpu"), "od": collections.OrderedDict(a=1), "set": {1, 2}, "counter": collections.Counter("aab"),
                  "bytes": b"ab", "complex": 1 + 2j, "big": 2 ** 80, "negative": -5}}


def bits(tensor):
    """The tensor's elements as bytes, in row-major order."""
    return bytes(torch.storage.storage_bytes(tensor.detach().clone(memory_format=torch.contiguous_format).untyped_storage()))


def assert_same(found, wanted, path=""):
    if isinstance(wanted, torch.Tensor):
        assert type(found) is type(wanted), path
        assert (found.dtype, found.shape, found.stride(), found.requires_grad) == (wanted.dtype, wanted.shape, wanted.stride(), wanted.requires_grad), path
        assert found.device == wanted.device and found.__dict__ == wanted.__dict__, path
        if found.device.type != "meta":
            assert bits(found) == bits(wanted), path
    elif isinstance(wanted, dict):
        assert type(found) is type(wanted) and list(found) == list(wanted), path
        for key in wanted:
            assert_same(found[key], wanted[key], f"{path}.{key}")
    else:
        assert type(found) is type(wanted) and found == wanted, path


@pytest.mark.parametrize("weights_only", [True, False])
@pytest.mark.parametrize("name, mmap", [("zoo.pt", False), ("zoo.pt", True), ("zoo_legacy.pt", False), ("deflated.pt", False), ("deflated.pt", True)])
def test_reads_what_pytorch_wrote(name, mmap, weights_only):
    found = torch.load(DATA / name, weights_only=weights_only, mmap=mmap)
    assert_same(found, {key: value for key, value in expected().items() if key in found})
    assert len(found) > 20


def test_views_of_one_storage_share_it_again():
    found = torch.load(DATA / "zoo.pt")
    assert found["same"] is found["base"]
    found["base"][1, 0] = -7
    assert found["view"][0, 0] == -7 and found["perm"][0, 1] == -7


def test_big_endian_file():
    found = torch.load(DATA / "big_endian.pt")
    assert_same(found, {"f": torch.arange(3.0), "i": torch.arange(4), "c": torch.tensor([1 + 2j])})


def test_training_state_loads_into_model_and_optimizer():
    state = torch.load(DATA / "training.pt")
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    assert str(model.load_state_dict(state["model"])) == "<All keys matched successfully>"
    assert state["model"]._metadata["1"] == {"version": 2}
    torch.optim.Adam(model.parameters()).load_state_dict(state["opt"])


def test_whole_module():
    model = torch.load(DATA / "module.pt", weights_only=False)
    assert repr(model).startswith("Sequential(\n  (0): Linear(in_features=3")
    assert model.eval()(torch.ones(2, 3)).shape == (2, 4)
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed(.|\n)*Unsupported global: GLOBAL torch.nn.modules.container.Sequential"):
        torch.load(DATA / "module.pt")
    buffer = io.BytesIO()
    torch.save(model, buffer)
    assert b"ctorch.nn.modules.container\nSequential\n" in buffer.getvalue() and b"kagari" not in buffer.getvalue()


@pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}, {"pickle_protocol": 4}, {"pickle_protocol": 5}], ids=str)
def test_round_trip(options):
    buffer = io.BytesIO()
    torch.save(expected(), buffer, **options)
    buffer.seek(0)
    assert_same(torch.load(buffer), expected())
    buffer.seek(0)
    found = torch.load(buffer, weights_only=False)
    assert_same(found, expected())
    assert found["same"] is found["base"]


def test_long_flat_containers():
    value = {"words": {f"word{i}": i for i in range(500)}, "floats": [i / 7 for i in range(500)], "again": None}
    value["again"] = value["words"]
    buffer = io.BytesIO()
    torch.save(value, buffer)
    buffer.seek(0)
    found = torch.load(buffer)
    assert found == value and found["again"] is found["words"]


def test_two_objects_in_one_stream():
    buffer = io.BytesIO()
    for value in (torch.arange(3), torch.arange(4)):
        torch.save(value, buffer, _use_new_zipfile_serialization=False)
    buffer.seek(0)
    assert torch.load(buffer).tolist() == [0, 1, 2] and torch.load(buffer).tolist() == [0, 1, 2, 3]


# --- the file itself -------------------------------------------------------------------------

def test_archive_layout(tmp_path):
    torch.save({"a": torch.arange(10.0)}, tmp_path / "some.name.pt")
    with zipfile.ZipFile(tmp_path / "some.name.pt") as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names == [f"some.name/{record}" for record in ("data.pkl", ".format_version", ".storage_alignment", "byteorder", "data/0", "version",
                                                              ".data/serialization_id")]
        assert archive.read("some.name/byteorder") == b"little" and archive.read("some.name/version") == b"3\n"
        assert len(archive.read("some.name/.data/serialization_id")) == 40
        raw = (tmp_path / "some.name.pt").read_bytes()
        for info in archive.infolist():
            start = info.header_offset + 30 + int.from_bytes(raw[info.header_offset + 26:info.header_offset + 28], "little") \
                + int.from_bytes(raw[info.header_offset + 28:info.header_offset + 30], "little")
            assert start % 64 == 0


def test_large_record_has_its_checksum(tmp_path):
    torch.save(torch.arange(2_000_000), tmp_path / "big.pt")
    with zipfile.ZipFile(tmp_path / "big.pt") as archive:
        assert archive.testzip() is None
    assert torch.equal(torch.load(tmp_path / "big.pt"), torch.arange(2_000_000))


def test_mmap_changes_stay_in_memory(tmp_path):
    torch.save(torch.zeros(10000), tmp_path / "x.pt")
    before = (tmp_path / "x.pt").read_bytes()
    found = torch.load(tmp_path / "x.pt", mmap=True)
    found.fill_(1)
    assert found.sum() == 10000 and (tmp_path / "x.pt").read_bytes() == before


def test_failed_save_keeps_the_old_file(tmp_path):
    path = tmp_path / "good.pt"
    torch.save(torch.arange(3), path)
    before = path.read_bytes()
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        torch.save({"a": torch.ones(3), "bad": lambda: None}, path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["good.pt"]


def test_mode_bits_and_links_are_kept(tmp_path):
    path, link = tmp_path / "x.pt", tmp_path / "link.pt"
    torch.save(1, path)
    path.chmod(0o640)
    link.symlink_to(path)
    torch.save(2, link)
    assert link.is_symlink() and stat.S_IMODE(path.stat().st_mode) == 0o640 and torch.load(path) == 2


# --- map_location ----------------------------------------------------------------------------

@pytest.mark.parametrize("where, device", [(None, "cpu"), ("cpu", "cpu"), (torch.device("cpu"), "cpu"), ("meta", "meta"), ({"cpu": "meta"}, "meta"),
                                           ({"cuda:0": "cpu"}, "cpu"), (lambda storage, location: storage, "cpu"), (lambda storage, location: None, "cpu")])
def test_map_location(where, device):
    found = torch.load(DATA / "training.pt", map_location=where)["model"]["0.weight"]
    assert found.device.type == device and found.shape == (4, 3)


def test_map_location_function_sees_storages():
    seen = []
    torch.load(DATA / "zoo.pt", map_location=lambda storage, location: seen.append((type(storage).__name__, location)))
    assert set(seen) == {("UntypedStorage", "cpu")}


def test_unknown_locations():
    with pytest.raises(RuntimeError, match="Attempting to deserialize object on a CUDA device"):
        torch.load(DATA / "training.pt", map_location="cuda:0")
    with pytest.raises(RuntimeError, match="don't know how to restore data location of torch.storage.UntypedStorage .tagged with foo"):
        torch.load(DATA / "training.pt", map_location="foo")


# --- what is refused -------------------------------------------------------------------------

def test_hostile_file_runs_nothing(capfd):
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        torch.load(DATA / "hostile_system.pt")
    assert "EVIL" not in capfd.readouterr().out
    assert torch.serialization.get_unsafe_globals_in_checkpoint(DATA / "hostile_system.pt") == ["posix.system"]


class Box:
    def __init__(self, value):
        self.value = value


def test_safe_globals():
    buffer = io.BytesIO()
    torch.save(Box(torch.ones(2)), buffer)
    buffer.seek(0)
    with pytest.raises(pickle.UnpicklingError, match=f"GLOBAL {__name__}.Box was not an allowed global by default"):
        torch.load(buffer)
    buffer.seek(0)
    with torch.serialization.safe_globals([Box]):
        assert torch.load(buffer).value.tolist() == [1, 1]
    assert torch.serialization.get_safe_globals() == []


BAD_CALLS = [
    (lambda tmp: torch.load(io.BytesIO(b"")), EOFError, "Ran out of input"),
    (lambda tmp: torch.load(io.BytesIO(b"hello world")), pickle.UnpicklingError, "Weights only load failed"),
    (lambda tmp: torch.load(io.BytesIO(b"PK\3\4 and so on")), RuntimeError, "PytorchStreamReader failed reading zip archive: failed finding central directory"),
    (lambda tmp: torch.load(tmp / "absent.pt"), FileNotFoundError, "No such file"),
    (lambda tmp: torch.load(5), AttributeError, "You can only torch.load from a file that is seekable"),
    (lambda tmp: torch.load(io.BytesIO(), mmap=True), ValueError, "f must be a file path in order to use the mmap argument"),
    (lambda tmp: torch.load(DATA / "zoo_legacy.pt", mmap=True), RuntimeError, "mmap can only be used with files saved with"),
    (lambda tmp: torch.load(DATA / "zoo.pt", pickle_module=pickle, weights_only=True), RuntimeError, "Can not safely load weights when explicit pickle_module"),
    (lambda tmp: torch.save(1, 5), AttributeError, "expected 'f' to be string, path, or a file-like object with a 'write' attribute"),
    (lambda tmp: torch.save(1, tmp / "no" / "x.pt"), RuntimeError, "Parent directory .* does not exist"),
    (lambda tmp: torch.save([torch.ones(4), torch.ones(4).untyped_storage()], tmp / "ok.pt"), None, ""),
]


@pytest.mark.parametrize("number", range(len(BAD_CALLS)))
def test_bad_calls(number, tmp_path):
    call, error, text = BAD_CALLS[number]
    if error is None:
        call(tmp_path)
    else:
        with pytest.raises(error, match=text):
            call(tmp_path)


def forged(**changes):
    """A checkpoint of one tensor whose pickle names other numbers."""
    numbers = dict(count=b"K\x03", offset=b"K\x00", size=b"K\x03\x85", stride=b"K\x01\x85") | changes
    body = (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"
            + numbers["count"] + b"tQ" + numbers["offset"] + numbers["size"] + numbers["stride"] + b"\x89ccollections\nOrderedDict\n)RtR.")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x/data.pkl", body)
        archive.writestr("x/byteorder", b"little")
        archive.writestr("x/data/0", bytes(12))
        archive.writestr("x/version", b"3\n")
    return io.BytesIO(buffer.getvalue())


def test_forged_is_well_formed():
    assert torch.load(forged()).tolist() == [0, 0, 0]


@pytest.mark.parametrize("changes", [
    dict(count=b"K\x04"), dict(count=b"J\xff\xff\xff\xff"), dict(count=b"\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x40"), dict(offset=b"K\x01"),
    dict(offset=b"J\xff\xff\xff\xff"), dict(size=b"K\x04\x85"), dict(size=b"J\xff\xff\xff\xff\x85"), dict(stride=b"K\x02\x85"),
    dict(stride=b"J\xff\xff\xff\xff\x85"), dict(size=b"K\x02K\x02\x86"), dict(size=b"X\x01\x00\x00\x00a\x85"), dict(size=b"\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x40\x85"),
    dict(size=b"(\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x40\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x40t", stride=b"K\x00K\x00\x86"),
], ids=str)
def test_numbers_that_do_not_fit_are_refused(changes):
    with pytest.raises((RuntimeError, pickle.UnpicklingError)):
        torch.load(forged(**changes))


def damaged_copies(raw, count):
    """`raw` cut short, or with some bytes changed; the same copies in every run."""
    state = 12345
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2 ** 64
        copy = bytearray(raw)
        if state >> 60 < 3:
            del copy[(state >> 20) % len(copy):]
        else:
            for shift in range(0, 8 * (1 + (state >> 58) % 3), 8):
                copy[(state >> (13 + shift)) % len(copy)] = (state >> shift) & 255
        yield bytes(copy)


@pytest.mark.parametrize("zipped", [True, False])
def test_damaged_files_raise_and_never_crash(zipped):
    buffer = io.BytesIO()
    base = torch.arange(24.0).reshape(4, 6)
    torch.save({"a": base, "b": base[1:], "n": [1, "x"], "p": torch.nn.Parameter(torch.ones(3))}, buffer, _use_new_zipfile_serialization=zipped)
    outcomes = collections.Counter()
    for raw in damaged_copies(buffer.getvalue(), 1500):
        try:
            torch.load(io.BytesIO(raw))
            outcomes["loaded"] += 1
        except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, NotImplementedError) as error:
            outcomes[type(error).__name__] += 1
    assert outcomes["UnpicklingError"] > 100 and outcomes["RuntimeError"] + outcomes["BadArchive"] > 100


# --- pickle, copy, storages ------------------------------------------------------------------

def test_plain_pickle():
    base = torch.arange(6.0)
    found = pickle.loads(pickle.dumps({"t": base, "v": base[::2], "p": torch.nn.Parameter(torch.ones(2)), "d": torch.float64}))
    assert found["t"].tolist() == base.tolist() and found["v"].tolist() == [0, 2, 4] and found["d"] is torch.float64
    assert type(found["p"]) is torch.nn.Parameter and found["p"].requires_grad
    small = [torch.device("cpu"), torch.device("cuda", 1), torch.Size([2, 3]), torch.strided, torch.channels_last]
    assert pickle.loads(pickle.dumps(small)) == small


def test_storages():
    storage = torch.arange(3.0).storage()
    assert storage.tolist() == [0, 1, 2] and storage.nbytes() == 12 and isinstance(storage, torch.FloatStorage)
    assert not isinstance(storage, torch.LongStorage)
    assert torch.FloatStorage([1, 2]).tolist() == [1, 2] and len(torch.LongStorage(4)) == 4
    untyped = torch.arange(3, dtype=torch.uint8).untyped_storage()
    assert list(untyped) == [0, 1, 2] and untyped[1:].tolist() == [1, 2] and bytes(untyped) == b"\0\1\2"
    assert torch.load(roundtrip(storage)).tolist() == [0, 1, 2]


def roundtrip(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    buffer.seek(0)
    return buffer
