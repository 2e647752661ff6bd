"""assert_close: are two values equal up to rounding? With a message that says where they differ most."""
import cmath
import collections.abc
import sys

import kagari

_TOLERANCES = {"float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7),
               "complex32": (1e-3, 1e-5), "complex64": (1.3e-6, 1e-5), "complex128": (1e-7, 1e-7)}
_NUMBERS = (bool, int, float, complex)


class _Mismatch(Exception):
    """A difference: its text and the path of indices to it."""

    def __init__(self, kind, text, path):
        super().__init__(text)
        self.kind, self.text, self.path = kind, text, path

    def error(self, msg):
        text = self.text
        if self.path:
            text += "\n\nThe failure occurred for item " + "".join(f"[{key!r}]" for key in self.path)
        if msg is not None:
            text = msg(text) if callable(msg) else msg
        return self.kind(text)


def assert_close(actual, expected, *, allow_subclasses=True, rtol=None, atol=None, equal_nan=False, check_device=True, check_dtype=True,
                 check_layout=True, check_stride=False, msg=None):
    """AssertionError unless |actual - expected| <= atol + rtol * |expected| everywhere.

    Compares tensors, NumPy arrays, numbers, None, and sequences and mappings of them. rtol and atol are given both or
    not at all; by default they follow from the dtype, and integers must be equal. msg: a text, or a function of the text.
    """
    if (rtol is None) != (atol is None):
        raise ValueError(f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {'rtol' if rtol is None else 'atol'}.")
    options = dict(allow_subclasses=allow_subclasses, rtol=rtol, atol=atol, equal_nan=equal_nan, check_device=check_device, check_dtype=check_dtype,
                   check_layout=check_layout, check_stride=check_stride)
    try:
        _compare(actual, expected, (), options)
    except _Mismatch as mismatch:
        error = mismatch.error(msg)
    else:
        return
    raise error


def _is_array(value):
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic))


def _compare(actual, expected, path, options):
    if actual is None and expected is None:
        return
    if isinstance(actual, _NUMBERS) and isinstance(expected, _NUMBERS):
        return _compare_numbers(actual, expected, path, options)
    if isinstance(actual, kagari.Tensor) and isinstance(expected, kagari.Tensor):
        if not options["allow_subclasses"] and type(actual) is not type(expected):
            raise _unhandled(actual, expected, path)
        return _compare_tensors(actual, expected, path, options)
    if _is_array(actual) and _is_array(expected):
        return _compare_tensors(kagari.as_tensor(actual), kagari.as_tensor(expected), path, options)
    if _is_sequence(actual) and _is_sequence(expected):
        if len(actual) != len(expected):
            raise _Mismatch(AssertionError, f"The length of the sequences mismatch: {len(actual)} != {len(expected)}", path)
        for index in range(len(actual)):
            _compare(actual[index], expected[index], (*path, index), options)
        return
    if isinstance(actual, collections.abc.Mapping) and isinstance(expected, collections.abc.Mapping):
        missing, surplus = set(expected) - set(actual), set(actual) - set(expected)
        if missing or surplus:
            raise _Mismatch(AssertionError, f"The keys of the mappings do not match:\nMissing keys in the actual mapping: {sorted(missing)}\n"
                            f"Additional keys in the actual mapping: {sorted(surplus)}", path)
        for key in _sorted(actual):
            _compare(actual[key], expected[key], (*path, key), options)
        return
    raise _unhandled(actual, expected, path)


def _is_sequence(value):
    return isinstance(value, collections.abc.Sequence) and not isinstance(value, str)


def _sorted(keys):
    try:
        return sorted(keys)
    except TypeError:
        return list(keys)


def _unhandled(actual, expected, path):
    return _Mismatch(TypeError, f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}.", path)


def _tolerances(dtypes, options):
    if options["rtol"] is not None:
        return options["rtol"], options["atol"]
    found = [_TOLERANCES.get(str(dtype).rpartition(".")[2], (0.0, 0.0)) for dtype in dtypes]
    return max(pair[0] for pair in found), max(pair[1] for pair in found)


def _compare_numbers(actual, expected, path, options):
    if isinstance(actual, bool) and isinstance(expected, bool):
        if actual is not expected:
            raise _Mismatch(AssertionError, f"Booleans mismatch: {actual} is not {expected}", path)
        return
    if options["check_dtype"] and type(actual) is not type(expected):
        raise _Mismatch(AssertionError, f"The (d)types do not match: {type(actual)} != {type(expected)}.", path)
    kinds = {int: kagari.int64, bool: kagari.int64, float: kagari.float64, complex: kagari.complex128}
    rtol, atol = _tolerances([next(kinds[k] for k in (bool, int, float, complex) if isinstance(v, k)) for v in (actual, expected)], options)
    if actual == expected or (options["equal_nan"] and cmath.isnan(actual) and cmath.isnan(expected)):
        return
    difference = abs(actual - expected)
    if cmath.isfinite(difference) and difference <= atol + rtol * abs(expected):
        return
    exact = rtol == 0 and atol == 0
    relative = difference / abs(expected) if expected else float("inf")
    raise _Mismatch(AssertionError, f"Scalars are not {'equal' if exact else 'close'}!\n\nExpected {expected} but got {actual}.\nAbsolute difference: "
                    f"{difference}{'' if exact else f' (up to {atol} allowed)'}\nRelative difference: {relative}"
                    f"{'' if exact else f' (up to {rtol} allowed)'}", path)


def _attribute(name, actual, expected, path):
    if actual != expected:
        raise _Mismatch(AssertionError, f"The values for attribute '{name}' do not match: {actual} != {expected}.", path)


def _compare_tensors(actual, expected, path, options):
    _attribute("shape", actual.shape, expected.shape, path)
    if options["check_layout"]:
        _attribute("layout", actual.layout, expected.layout, path)
    if options["check_device"]:
        _attribute("device", actual.device, expected.device, path)
    if options["check_dtype"]:
        _attribute("dtype", actual.dtype, expected.dtype, path)
    if options["check_stride"] and actual.layout == kagari.strided:
        _attribute("stride()", actual.stride(), expected.stride(), path)
    if actual.device.type == "meta" or expected.device.type == "meta":
        if actual.device.type != expected.device.type:
            raise _Mismatch(ValueError, "Comparing meta tensors with others is not supported", path)
        return
    rtol, atol = _tolerances((actual.dtype, expected.dtype), options)
    actual, expected = _comparable(actual), _comparable(expected)
    if actual.dtype != expected.dtype:
        common = kagari.promote_types(actual.dtype, expected.dtype)
        actual, expected = actual.to(common), expected.to(common)
    close = kagari.isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=options["equal_nan"])
    if bool(close.all()):
        return
    raise _Mismatch(AssertionError, _difference(actual, expected, ~close, rtol, atol), path)


def _comparable(tensor):
    """The values as a strided tensor of a dtype that has arithmetic."""
    tensor = tensor.detach()
    if tensor.layout != kagari.strided:
        tensor = tensor.to_dense()
    name = str(tensor.dtype).rpartition(".")[2]
    if name.startswith("float8"):
        return tensor.to(kagari.float32)
    if name in ("uint16", "uint32", "uint64"):
        return tensor.to(kagari.int64)
    return tensor


def _difference(actual, expected, mismatches, rtol, atol):
    exact = rtol == 0 and atol == 0
    if not (actual.is_floating_point() or actual.is_complex()):
        actual, expected = actual.to(kagari.int64), expected.to(kagari.int64)
    absolute = (actual - expected).abs()
    absolute = absolute.masked_fill(~mismatches, 0)
    relative = (actual - expected).abs() / expected.abs()
    relative = relative.masked_fill(~mismatches, 0)
    count, total = int(mismatches.sum()), mismatches.numel()
    if mismatches.dim() == 0:
        allowed_a, allowed_r = ("", "") if exact else (f" (up to {atol} allowed)", f" (up to {rtol} allowed)")
        return (f"Scalars are not {'equal' if exact else 'close'}!\n\nExpected {expected.item()} but got {actual.item()}.\nAbsolute difference: "
                f"{absolute.item()}{allowed_a}\nRelative difference: {relative.item()}{allowed_r}")
    return "\n".join((f"Tensor-likes are not {'equal' if exact else 'close'}!\n", f"Mismatched elements: {count} / {total} ({count / total:.1%})",
                      f"Greatest absolute difference: {_greatest(absolute)}{'' if exact else f' (up to {atol} allowed)'}",
                      f"Greatest relative difference: {_greatest(relative)}{'' if exact else f' (up to {rtol} allowed)'}"))


def _greatest(values):
    flat = values.reshape(-1)
    at = int(flat.argmax())
    value, index = flat[at].item(), []
    for size in reversed(values.shape):
        at, position = divmod(at, size)
        index.append(position)
    return f"{value} at index {tuple(reversed(index))}"


def assert_allclose(actual, expected, rtol=None, atol=None, equal_nan=True, msg=""):
    """Older form of assert_close: other dtypes and devices are accepted, and NaN equals NaN."""
    if not isinstance(actual, kagari.Tensor):
        actual = kagari.tensor(actual)
    if not isinstance(expected, kagari.Tensor):
        expected = kagari.tensor(expected, dtype=actual.dtype)
    if rtol is None and atol is None:
        rtol, atol = _tolerances((actual.dtype, expected.dtype), {"rtol": None})
    assert_close(actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_device=True, check_dtype=False, check_stride=False, msg=msg or None)
