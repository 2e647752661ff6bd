"""Which PyTorch kagari answers for, and what it was built with."""
import re

__all__ = ["__version__", "debug", "cuda", "git_version", "hip", "rocm", "xpu", "TorchVersion"]


_FORM = re.compile(r"v?(\d+(?:\.\d+)*)[._-]?(dev|a|b|rc|alpha|beta|post)?\.?(\d*)(?:\+([\w.]+))?.*")
_ORDER = {"dev": 0, "a": 1, "alpha": 1, "b": 2, "beta": 2, "rc": 3, None: 4, "post": 5}


def _key(version):
    """A tuple that orders versions as PEP 440 does; None if it is no version."""
    text = ".".join(map(str, version)) if isinstance(version, (tuple, list)) else str(version)
    match = _FORM.fullmatch(text.strip())
    if match is None:
        return None
    release, stage, number, local = match.groups()
    numbers = [int(part) for part in release.split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers), _ORDER[stage], int(number or 0), local or ""


class TorchVersion(str):
    """A version string that compares with versions, strings and tuples by number ('2.9' < '2.13')."""
    __slots__ = ()

    def _compare(self, other, operation):
        mine, theirs = _key(self), _key(other)
        if mine is None or theirs is None:
            return getattr(str, operation)(self, other)
        return getattr(tuple, operation)(mine, theirs)


for _operation in ("__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__"):
    setattr(TorchVersion, _operation, lambda self, other, _operation=_operation: self._compare(other, _operation))
TorchVersion.__hash__ = str.__hash__

__version__ = TorchVersion("2.13.0+kagari")
debug = False
cuda = None
git_version = "kagari"
hip = None
rocm = None
xpu = None
