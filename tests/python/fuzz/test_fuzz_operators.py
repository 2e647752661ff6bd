"""Random calls of all operators: whatever the arguments, the answer is a result or an exception, never a crash, a hang, a result beyond its
memory or an error of the library's own making. `pytest tests/python/fuzz --fuzz-calls 100000 --fuzz-seed 2` makes more and others."""
import json
import os
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("random_calls.py")
BATCH = 2000
CALLS = 4000  # about ten seconds
SEED = 1


def run_batch(log, seed, first, count):
    """[(number, call, problem)] of the calls first ... first + count - 1; a crash or a hang is one of the problems."""
    problems = []
    end = first + count
    while first < end:
        log.write_bytes(b"")
        command = [sys.executable, str(PROGRAM), str(log), str(seed), str(first), str(end - first)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60 + count // 20, env={**os.environ, "OMP_NUM_THREADS": "1"})
            code, printed = done.returncode, done.stdout
        except subprocess.TimeoutExpired as late:
            code, printed = "no answer", (late.stdout or b"").decode()
        problems += [tuple(json.loads(line)) for line in printed.splitlines() if line.startswith("[")]
        if code == 0:
            break
        lines = log.read_text(errors="replace").splitlines()
        assert lines, f"the program did not start: {done.stderr[-500:]}"
        number, _, text = lines[-1].partition(" ")
        problems.append((int(number), text, f"ended with {code}"))
        first = int(number) + 1
    return problems


def test_any_call_has_an_answer(tmp_path, request):
    calls = request.config.getoption("--fuzz-calls", default=None) or CALLS
    seed = request.config.getoption("--fuzz-seed", default=None) or SEED
    problems = []
    for first in range(0, calls, BATCH):
        problems += run_batch(tmp_path / "calls", seed, first, min(BATCH, calls - first))
        if len(problems) >= 20:
            break
    assert not problems, "\n".join(f"call {number}: {text}\n    {problem}" for number, text, problem in problems)
