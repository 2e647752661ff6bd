"""Which vector instructions the CPU has."""
from kagari import _C

__all__ = ["VecISA", "invalid_vec_isa", "pick_vec_isa", "valid_vec_isa_list"]


class VecISA:
    """A set of vector instructions. False if it is none."""

    def __init__(self, name, bits):
        self._name, self._bits = name, bits

    def bit_width(self):
        return self._bits

    def nelements(self, dtype=None):
        return self._bits // (8 * (4 if dtype is None else dtype.itemsize))

    def __str__(self):
        return self._name

    def __bool__(self):
        return self._bits > 0

    def __eq__(self, other):
        return isinstance(other, VecISA) and self._name == other._name

    def __hash__(self):
        return hash(self._name)


invalid_vec_isa = VecISA("INVALID_VEC_ISA", 0)


def valid_vec_isa_list():
    """The sets of the CPU, the widest one first."""
    found = {"AVX512": [VecISA("avx512", 512), VecISA("avx2", 256)], "AVX2": [VecISA("avx2", 256)]}
    return found.get(_C._cpu_capability(), [])


def pick_vec_isa():
    """The widest one."""
    return next(iter(valid_vec_isa_list()), invalid_vec_isa)
