"""The README's example does what it says."""
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "digits.py"


@pytest.mark.slow
def test_digits(tmp_path):
    done = subprocess.run([sys.executable, "-m", "kagari", str(EXAMPLE), "--out", str(tmp_path), "--epochs", "12"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "a fresh process gives the same predictions" in done.stdout
    assert (tmp_path / "digits.png").read_bytes().startswith(b"\x89PNG")
