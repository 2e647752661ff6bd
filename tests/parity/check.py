#!/usr/bin/env python3
"""Replays the parity corpus under kagari and fails if something that agreed with PyTorch no longer does; see README.md."""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv

HERE = os.path.dirname(os.path.abspath(__file__))
RESULTS = os.path.join(HERE, "results.json")
REFERENCE = ["torch==2.13.0", "numpy", "scipy", "expecttest", "hypothesis", "pytest"]
ROUNDING = 6  # units that may differ because this processor rounds differently from the one that wrote results.json


def make_corpus(directory, samples, jobs):
    """Writes the corpus with the real PyTorch, installed into an environment that is thrown away."""
    with tempfile.TemporaryDirectory() as home:
        venv.create(home, with_pip=True)
        python = os.path.join(home, "bin", "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REFERENCE], check=True)
        subprocess.run([python, os.path.join(HERE, "make_cases.py"), "--out", directory, "--n", str(samples), "--jobs", str(jobs)],
                       check=True, stdout=subprocess.DEVNULL)


def replay(directory, jobs):
    """The report's units, by key."""
    with tempfile.TemporaryDirectory() as scratch:
        report = os.path.join(scratch, "report.json")
        subprocess.run([sys.executable, os.path.join(HERE, "run_cases.py"), "--impl", "kagari", "--cases", directory, "--jobs", str(jobs), "--json", report],
                       check=True)
        with open(report) as file:
            return json.load(file)["units"]


def broken(section):
    return section["status"] in ("missing", "crashed")


def compare(agreed, units):
    """Problems, as lines, and the units that only differ."""
    problems, different = [], []
    for key in agreed:
        unit = units.get(key)
        if unit is None:
            problems.append(f"{key}: not in the corpus")
        elif unit["status"] != "pass":
            bad = [f"{name} {s['status']} ({s['n'] - s['pass']} of {s['n']})" for name, s in unit["sections"].items() if s["status"] != "pass"]
            gone = any(broken(s) for s in unit["sections"].values())
            (problems if gone else different).append(f"{key}: {', '.join(bad)}")
    return problems, different


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default=os.path.expanduser("~/.cache/kagari-parity"), help="directory of the corpus; made if absent")
    parser.add_argument("--samples", type=int, default=5, help="float32 samples per operator of a corpus that is made now")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--update", action="store_true", help="write results.json")
    options = parser.parse_args()
    if not os.path.exists(os.path.join(options.cases, "manifest.json")):
        make_corpus(options.cases, options.samples, options.jobs)
    units = replay(options.cases, options.jobs)
    if options.update:
        with open(RESULTS, "w") as file:
            json.dump(sorted(key for key, unit in units.items() if unit["status"] == "pass"), file, indent=0)
            file.write("\n")
        return
    with open(RESULTS) as file:
        problems, different = compare(json.load(file), units)
    crashed = sorted(key for key, unit in units.items() if any(s["status"] == "crashed" for s in unit["sections"].values()))
    problems += [f"{key}: crashed" for key in crashed]
    for line in problems + different:
        print("agreed before:", line)
    if problems or len(different) > ROUNDING:
        sys.exit("kagari agrees with PyTorch in less than it did")


if __name__ == "__main__":
    main()
