"""How TorchScript files write dtypes, layouts and memory formats: as the numbers of PyTorch's enumerations."""
import functools

import kagari

_DTYPES = {0: "uint8", 1: "int8", 2: "int16", 3: "int32", 4: "int64", 5: "float16", 6: "float32", 7: "float64", 8: "complex32", 9: "complex64",
           10: "complex128", 11: "bool", 15: "bfloat16", 23: "float8_e5m2", 24: "float8_e4m3fn", 25: "float8_e5m2fnuz", 26: "float8_e4m3fnuz",
           27: "uint16", 28: "uint32", 29: "uint64"}
_FORMATS = ("contiguous_format", "preserve_format", "channels_last", "channels_last_3d")
_LAYOUTS = ("strided", "sparse_coo", "sparse_csr", "_mkldnn", "sparse_csc", "sparse_bsr", "sparse_bsc", "jagged")


def dtype_of(number):
    """The dtype of a number; dtypes and None come back as they are."""
    if type(number) is not int:
        return number
    if number not in _DTYPES:
        raise RuntimeError(f"TorchScript: no dtype has the number {number}")
    return getattr(kagari, _DTYPES[number])


@functools.lru_cache(None)
def _numbers():
    return {getattr(kagari, name): number for number, name in _DTYPES.items() if hasattr(kagari, name)}


def number_of(dtype):
    """The number of a dtype."""
    return _numbers()[dtype]


def layout_of(number):
    return getattr(kagari, _LAYOUTS[number]) if type(number) is int else number


def memory_format_of(number):
    return getattr(kagari, _FORMATS[number]) if type(number) is int else number
