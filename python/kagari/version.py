"""Which PyTorch kagari answers for, and what it was built with."""

__all__ = ["__version__", "debug", "cuda", "git_version", "hip", "rocm", "xpu", "TorchVersion"]


class TorchVersion(str):
    """A version string that compares with versions, strings and tuples by number ('2.9' < '2.13')."""
    __slots__ = ()

    def _key(self, other):
        from packaging.version import Version
        if isinstance(other, Version):
            return other
        return Version(".".join(map(str, other)) if isinstance(other, (tuple, list)) else str(other))

    def _compare(self, other, operation):
        try:
            return getattr(self._key(self), operation)(self._key(other))
        except (ValueError, ImportError):       # no version, or nothing that understands versions
            return getattr(str, operation)(self, other)


for _operation in ("__lt__", "__le__", "__gt__", "__ge__", "__eq__"):
    setattr(TorchVersion, _operation, lambda self, other, _operation=_operation: self._compare(other, _operation))
TorchVersion.__hash__ = str.__hash__

__version__ = TorchVersion("2.13.0+kagari")
debug = False
cuda = None
git_version = "kagari"
hip = None
rocm = None
xpu = None
