"""Ways to combine the values of several processes."""
import enum

import kagari


class _RedOpType(enum.IntEnum):
    """The kinds of ReduceOp."""
    SUM = 0
    AVG = 1
    PRODUCT = 2
    MIN = 3
    MAX = 4
    BAND = 5
    BOR = 6
    BXOR = 7
    PREMUL_SUM = 8

    def __repr__(self):
        return f"<RedOpType.{self.name}: {self.value}>"

    def __str__(self):
        return f"RedOpType.{self.name}"


class _ReduceOpMeta(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, _RedOpType) or type.__instancecheck__(cls, instance)


class ReduceOp(metaclass=_ReduceOpMeta):
    """SUM, AVG, PRODUCT, MIN, MAX, BAND, BOR, BXOR: for all_reduce, reduce and reduce_scatter. AVG is the sum over the number of processes."""
    RedOpType = _RedOpType
    SUM, AVG, PRODUCT, MIN, MAX = _RedOpType.SUM, _RedOpType.AVG, _RedOpType.PRODUCT, _RedOpType.MIN, _RedOpType.MAX
    BAND, BOR, BXOR, PREMUL_SUM = _RedOpType.BAND, _RedOpType.BOR, _RedOpType.BXOR, _RedOpType.PREMUL_SUM

    def __new__(cls, op):
        return _RedOpType(op)


_INPLACE = {
    ReduceOp.SUM: "add_", ReduceOp.AVG: "add_", ReduceOp.PRODUCT: "mul_", ReduceOp.BAND: "bitwise_and_", ReduceOp.BOR: "bitwise_or_",
    ReduceOp.BXOR: "bitwise_xor_",
}


def combine_(total, other, op):
    """total = total op other, in place."""
    if op in (ReduceOp.MIN, ReduceOp.MAX):
        (kagari.minimum if op == ReduceOp.MIN else kagari.maximum)(total, other, out=total)
    elif op in _INPLACE:
        getattr(total, _INPLACE[op])(other)
    else:
        raise RuntimeError(f"Cannot use {op} with the gloo backend")
    return total


def supports_complex(reduceOp):
    """Whether the operation has a meaning for complex numbers."""
    return reduceOp not in (ReduceOp.MAX, ReduceOp.MIN, ReduceOp.PRODUCT, ReduceOp.BAND, ReduceOp.BOR, ReduceOp.BXOR)
