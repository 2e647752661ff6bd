"""make_tensor: tensors of random values for tests."""
import kagari

_INTEGERS = "uint8 int8 int16 int32 int64 uint16 uint32 uint64".split()


def make_tensor(*shape, dtype, device, low=None, high=None, requires_grad=False, noncontiguous=False, exclude_zero=False, memory_format=None):
    """A tensor of uniform random values in [low, high).

    Defaults: bool [0, 2), uint8 [0, 10), other integers [-9, 10), floating and complex [-9, 9) (both parts).
    noncontiguous: every second element of a shaper tensor; exclude_zero: zeros become a small value.
    Raises ValueError for bounds that are not increasing or not finite.
    """
    if len(shape) == 1 and not isinstance(shape[0], int):
        shape = shape[0]
    shape = tuple(shape)
    name = str(dtype).rpartition(".")[2]
    if noncontiguous and memory_format is not None:
        raise ValueError(f"The parameters `noncontiguous` and `memory_format` are mutually exclusive, but got noncontiguous={noncontiguous!r} "
                         f"and memory_format={memory_format!r}")
    if requires_grad and not (dtype.is_floating_point or dtype.is_complex):
        raise ValueError(f"`requires_grad=True` is not supported for boolean and integral dtypes, but got dtype={dtype!r}")
    low, high = _bounds(name, dtype, low, high)
    if name == "bool":
        result = kagari.randint(int(low), int(high), shape, device=device, dtype=dtype)
    elif name in _INTEGERS:
        result = kagari.randint(int(low), int(high), shape, device=device, dtype=dtype if name not in ("uint16", "uint32", "uint64") else kagari.int64)
        result = result.to(dtype)
    elif dtype.is_complex:
        part = {"complex32": kagari.float16, "complex64": kagari.float32, "complex128": kagari.float64}[name]
        result = kagari.view_as_complex(kagari.empty((*shape, 2), dtype=part, device=device).uniform_(low, high))
    elif dtype.itemsize == 1:
        result = kagari.empty(shape, dtype=kagari.float32, device=device).uniform_(low, high).to(dtype)
    else:
        result = kagari.empty(shape, dtype=dtype, device=device).uniform_(low, high)
    if noncontiguous and result.numel() > 1:
        result = result.repeat_interleave(2, dim=-1)[..., ::2]
    elif memory_format is not None:
        result = result.clone(memory_format=memory_format)
    if exclude_zero:
        smallest = kagari.finfo(dtype).tiny if dtype.is_floating_point or dtype.is_complex else 1
        result[result == 0] = smallest
    return result.requires_grad_() if requires_grad else result


def _bounds(name, dtype, low, high):
    floating = dtype.is_floating_point or dtype.is_complex
    default = (0, 2) if name == "bool" else (0, 10) if name.startswith("uint") else (-9, 9) if floating else (-9, 10)
    low, high = default[0] if low is None else low, default[1] if high is None else high
    if low != low or high != high or low == float("inf") or high == float("-inf"):
        raise ValueError(f"Neither `low` nor `high` can be NaN, but got low={low!r} and high={high!r}")
    if low >= high:
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    return low, high
