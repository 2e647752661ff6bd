"""Which C++ compiler there is."""
import functools
import os
import shutil

__all__ = ["get_cpp_compiler"]


@functools.lru_cache(None)
def get_cpp_compiler():
    """Path of the C++ compiler: the one that CXX names, else g++, c++ or clang++. RuntimeError if there is none."""
    for name in (os.environ.get("CXX"), "g++", "c++", "clang++"):
        found = shutil.which(name) if name else None
        if found:
            return found
    raise RuntimeError("No working C++ compiler found")
