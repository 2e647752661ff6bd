"""Print where the installed distribution argv[1] keeps the file whose path ends in argv[2].

Reads the distribution's own list of files, so it works in virtual environments, in pip's isolated build environments
(whose prefix is not sys.prefix) and in user installs.
"""
import importlib.metadata
import os
import sys

name, suffix = sys.argv[1:3]
try:
    files = importlib.metadata.files(name) or []
except importlib.metadata.PackageNotFoundError:
    sys.exit(f"the Python package {name} is not installed for {sys.executable}")
for entry in files:
    if ("/" + str(entry)).endswith("/" + suffix):
        path = os.path.realpath(str(entry.locate()))
        if os.path.exists(path):
            print(path)
            break
else:
    sys.exit(f"the Python package {name} has no file {suffix}")
