"""How nested tensors are laid out: ragged sizes, offsets, and the packed elements."""
import itertools

import kagari

_numbers = itertools.count(1)


class NestedInt(kagari.SymInt):
    """The size of a ragged dimension: no number, but equal to itself. It prints as j1, j2, ...; times a number, as 3*j1.

    Two nested tensors have the same one exactly if they share their offsets.
    """
    nested_int = True                   # a torch.Size takes it as it is

    def __init__(self, number=None, factor=1):
        self._number = next(_numbers) if number is None else number
        self._factor = factor

    def __repr__(self):
        return f"j{self._number}" if self._factor == 1 else f"{self._factor}*j{self._number}"

    __str__ = __repr__

    def __eq__(self, other):
        return isinstance(other, NestedInt) and (self._number, self._factor) == (other._number, other._factor)

    def __hash__(self):
        return hash((self._number, self._factor))

    def __mul__(self, factor):
        return NestedInt(self._number, self._factor * factor) if isinstance(factor, int) else NotImplemented

    __rmul__ = __mul__

    def _order(self, other, result):
        if isinstance(other, NestedInt) and self._number == other._number:
            return None
        if isinstance(other, int) and other <= 1:
            return result
        raise RuntimeError(f"{self!r} has no fixed value: it cannot be compared with {other!r}")

    def __gt__(self, other):
        known = self._order(other, True)
        return self._factor > other._factor if known is None else known

    def __ge__(self, other):
        known = self._order(other, True)
        return self._factor >= other._factor if known is None else known

    def __lt__(self, other):
        known = self._order(other, False)
        return self._factor < other._factor if known is None else known

    def __le__(self, other):
        known = self._order(other, False)
        return self._factor <= other._factor if known is None else known


def ragged_size(offsets):
    """The NestedInt of these offsets."""
    found = offsets.__dict__.get("_nested_int")
    if found is None:
        found = offsets._nested_int = NestedInt()
    return found


def offsets_of(lengths, device=None):
    """Offsets [0, l1, l1 + l2, ...] of components of these lengths, a list or a tensor."""
    lengths = kagari.as_tensor(lengths, dtype=kagari.int64, device=device)
    return kagari.cat([lengths.new_zeros(1), lengths.cumsum(0)])
