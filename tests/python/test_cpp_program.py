"""A C++ program finds the installed library, is built against it, trains, and exchanges its weights with Python."""
import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import kagari as torch
from kagari import nn

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "cpp"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    cmake = shutil.which("cmake", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    assert cmake, "the test extra installs cmake"
    where = subprocess.run([sys.executable, "-m", "kagari", "--cmake-dir"], check=True, capture_output=True, text=True).stdout.strip()
    build = tmp_path_factory.mktemp("build")
    subprocess.run([cmake, "-S", str(EXAMPLE), "-B", str(build), f"-Dkagari_DIR={where}", "-DCMAKE_BUILD_TYPE=Release"], check=True, capture_output=True)
    subprocess.run([cmake, "--build", str(build)], check=True, capture_output=True)
    return build / "digits"


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    from sklearn.datasets import load_digits
    found = load_digits()
    records = np.hstack([found.data / 16, found.target[:, None]]).astype(np.float32)
    path = tmp_path_factory.mktemp("data") / "digits.bin"
    records.tofile(path)
    return path, records


@pytest.fixture(scope="module")
def trained(program, digits, tmp_path_factory):
    """A file with the weights that the C++ program has trained."""
    path = tmp_path_factory.mktemp("model") / "digits.pt"
    done = run(program, "train", digits[0], path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "held-out digits are recognised" in done.stdout
    return path


def run(program, *arguments):
    return subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True)


def network():
    return nn.Sequential(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                         nn.Linear(1024, 64), nn.ReLU(), nn.Linear(64, 10))


def accuracy(model, records):
    held_out = torch.from_numpy(records[::5])
    with torch.no_grad():
        guesses = model(held_out[:, :64].reshape(-1, 1, 8, 8)).argmax(1)
    return (guesses == held_out[:, 64]).float().mean().item()


def test_python_reads_what_cpp_wrote(trained, digits):
    state = torch.load(trained)
    model = network()
    assert list(state) == list(model.state_dict())
    model.load_state_dict(state)
    assert accuracy(model, digits[1]) >= 0.95


def write_safetensors(state, path):
    header, data = {}, b""
    for name, tensor in state.items():
        raw = tensor.numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def test_cpp_reads_what_python_wrote(program, trained, digits, tmp_path):
    state = torch.load(trained)
    for name, write in (("model.pt", lambda s, p: torch.save(s, p)), ("parameters.pt", lambda s, p: torch.save({k: nn.Parameter(v) for k, v in s.items()}, p)),
                        ("model.safetensors", write_safetensors)):
        write(state, tmp_path / name)
        done = run(program, "test", digits[0], tmp_path / name)
        assert done.returncode == 0 and "held-out digits are recognised" in done.stdout, done.stdout + done.stderr


def test_what_does_not_fit_is_an_error(program, trained, digits, tmp_path):
    state = torch.load(trained)
    damaged = bytearray(trained.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    files = {"cut.pt": trained.read_bytes()[:5000], "damaged.pt": bytes(damaged), "empty.pt": b"", "text.safetensors": b"no safetensors file"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    torch.save({k: v for k, v in state.items() if k != "0.bias"}, tmp_path / "missing.pt")
    torch.save({**state, "8.weight": torch.zeros(10, 5)}, tmp_path / "shape.pt")
    torch.save({"model": state}, tmp_path / "nested.pt")
    expected = {"cut.pt": "no readable zip archive", "damaged.pt": "do not fit its checksum", "empty.pt": "no readable zip archive", "text.safetensors": "no safetensors file",
                "missing.pt": 'Missing key(s) in state_dict: "0.bias"', "shape.pt": "size mismatch for 8.weight", "nested.pt": "expected a dictionary of tensors", "absent.pt": "cannot open"}
    for name, text in expected.items():
        done = run(program, "test", digits[0], tmp_path / name)
        assert done.returncode == 2 and text in done.stderr, (name, done.returncode, done.stderr)
