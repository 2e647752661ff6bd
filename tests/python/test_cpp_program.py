"""A C++ program finds the installed library, is built against it, and trains."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "cpp"


@pytest.mark.slow
def test_the_example_trains(tmp_path):
    cmake = shutil.which("cmake", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    assert cmake, "the test extra installs cmake"
    where = subprocess.run([sys.executable, "-m", "kagari", "--cmake-dir"], check=True, capture_output=True, text=True).stdout.strip()
    build = tmp_path / "build"
    subprocess.run([cmake, "-S", str(EXAMPLE), "-B", str(build), f"-Dkagari_DIR={where}", "-DCMAKE_BUILD_TYPE=Release"], check=True, capture_output=True)
    subprocess.run([cmake, "--build", str(build)], check=True, capture_output=True)
    from sklearn.datasets import load_digits
    digits = load_digits()
    np.hstack([digits.data / 16, digits.target[:, None]]).astype(np.float32).tofile(tmp_path / "digits.bin")
    done = subprocess.run([str(build / "digits"), str(tmp_path / "digits.bin")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "held-out digits are recognised" in done.stdout
