"""How tensors are printed: the options of repr()."""
import contextlib

import kagari
from kagari import _C

__all__ = ["set_printoptions", "get_printoptions", "printoptions"]

_PROFILES = {
    "default": dict(precision=4, threshold=1000, edgeitems=3, linewidth=80),
    "short": dict(precision=2, threshold=1000, edgeitems=2, linewidth=80),
    "full": dict(precision=4, threshold=float("inf"), edgeitems=3, linewidth=80),
}


class _Options:
    """The options in force, as attributes."""

    def __getattr__(self, name):
        try:
            return _C._get_printoptions()[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name, value):
        _C._set_printoptions(**{name: value})


PRINT_OPTS = _Options()


def set_printoptions(precision=None, threshold=None, edgeitems=None, linewidth=None, profile=None, sci_mode=None):
    """Sets how tensors are printed; None keeps a value, but ``sci_mode=None`` lets the values decide.

    precision: digits behind the point (4). threshold: tensors of more elements are abbreviated (1000). edgeitems: how many elements
    are then shown at both ends of a dimension (3). linewidth: characters per line (80). profile: "default", "short" or "full", which
    the other arguments override. sci_mode: scientific notation or not.
    """
    if profile is not None and profile in _PROFILES:
        _C._set_printoptions(**_PROFILES[profile])
    _C._set_printoptions(precision, threshold, edgeitems, linewidth, sci_mode)


def get_printoptions():
    """The options in force as a dict."""
    return _C._get_printoptions()


@contextlib.contextmanager
def printoptions(**options):
    """Other options inside of a ``with`` block."""
    before = get_printoptions()
    set_printoptions(**options)
    try:
        yield
    finally:
        _C._set_printoptions(**before)


def _tensor_str(self, indent):
    """The elements of a tensor in brackets; lines after the first begin with `indent` spaces."""
    text = repr(self.detach())
    inner = text[len("tensor("):]
    depth = end = 0
    for end, letter in enumerate(inner):                      # up to the bracket that closes the first one
        depth += (letter == "[") - (letter == "]")
        if depth == 0 and letter in "],)":
            break
    body = inner[:end + (inner[end] == "]")]
    return body.replace("\n" + " " * len("tensor("), "\n" + " " * indent)


def _str(self, *, tensor_contents=None):
    """The text of a tensor; tensor_contents in the place of its elements."""
    if tensor_contents is None:
        return repr(self)
    suffixes = [] if self.dtype in (kagari.get_default_dtype(), kagari.int64, kagari.bool) else [f"dtype={self.dtype}"]
    return _add_suffixes("tensor(" + tensor_contents, suffixes, len("tensor("), False)


_str_intern = _str


def _add_suffixes(tensor_str, suffixes, indent, force_newline):
    """The text of a tensor with its remarks, on lines of the length that is set, and the closing bracket."""
    parts, length = [tensor_str], len(tensor_str) - tensor_str.rfind("\n") + 1
    for suffix in suffixes:
        if force_newline or length + len(suffix) + 2 > get_printoptions()["linewidth"]:
            parts.append(",\n" + " " * indent + suffix)
            length, force_newline = indent + len(suffix), False
        else:
            parts.append(", " + suffix)
            length += len(suffix) + 2
    return "".join(parts) + ")"
