"""Fail when a file of the C++ library includes a header of a layer above its own.

    python tools/check_layers.py
"""
import pathlib
import re
import sys

# A folder may include itself and what is listed.
BELOW = {"base": [], "tensor": ["base"], "cpu": ["base", "tensor"]}
BELOW["autograd"] = ["base", "tensor"]
BELOW["random"] = ["base", "tensor", "cpu"]
BELOW["cpu"] += ["random"]
BELOW["op"] = ["autograd", "base", "tensor"]
BELOW["ops"] = ["op", "random", "cpu", *BELOW["op"]]
TOP = ["ops", *BELOW["ops"]]

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]kagari/([a-z_]+)/', re.M)


def main():
    root = pathlib.Path(__file__).resolve().parent.parent / "kagari"
    bad = []
    for path in sorted([*root.rglob("*.h"), *root.rglob("*.cpp")]):
        parts = path.relative_to(root).parts
        if len(parts) == 1:
            continue  # the header that includes everything
        allowed = {parts[0], *BELOW.get(parts[0], TOP)}
        for folder in INCLUDE.findall(path.read_text()):
            if folder not in allowed:
                bad.append(f"{path.relative_to(root.parent)} includes kagari/{folder}/, a layer above {parts[0]}/")
    print(*bad, sep="\n", end="\n" if bad else "")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
