"""Types of tensors with known dimensions."""
__all__ = ["Dyn", "TensorType", "is_consistent"]


class _DynType:
    """A dimension or type that is not known."""

    def __repr__(self):
        return "Dyn"

    __str__ = __repr__


Dyn = _DynType()


class TensorType:
    """A tensor type of these dimensions: TensorType((1, 3, Dyn))."""

    def __init__(self, dim):
        self.__origin__, self.__args__ = TensorType, dim

    def __repr__(self):
        return f"TensorType[{self.__args__}]"

    def __eq__(self, other):
        return isinstance(other, TensorType) and list(self.__args__) == list(other.__args__)

    def __hash__(self):
        return hash(tuple(self.__args__))


def is_consistent(t1, t2):
    """Whether the two may be types of one tensor."""
    if t1 is Dyn or t2 is Dyn or t1 == t2:
        return True
    return isinstance(t1, TensorType) and isinstance(t2, TensorType) and len(t1.__args__) == len(t2.__args__) and all(map(is_consistent, t1.__args__, t2.__args__))
