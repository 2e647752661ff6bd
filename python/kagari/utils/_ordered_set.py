"""A set that remembers the order in which elements came."""
from collections.abc import MutableSet, Reversible

__all__ = ["OrderedSet"]


class OrderedSet(MutableSet, Reversible):
    """As set, in the order of insertion."""
    __slots__ = ("_dict",)

    def __init__(self, iterable=None):
        self._dict = dict.fromkeys(() if iterable is None else iterable)

    def __contains__(self, elem):
        return elem in self._dict

    def __iter__(self):
        return iter(self._dict)

    def __len__(self):
        return len(self._dict)

    def __reversed__(self):
        return reversed(self._dict)

    def __repr__(self):
        return f"OrderedSet({list(self._dict)})"

    def add(self, value):
        """Adds an element at the end unless it is there."""
        self._dict[value] = None

    def discard(self, value):
        """Takes an element out if it is there."""
        self._dict.pop(value, None)

    def copy(self):
        """Another set of the same elements."""
        return OrderedSet(self._dict)

    def update(self, *others):
        """Adds the elements of others."""
        for other in others:
            self._dict.update(dict.fromkeys(other))

    def union(self, *others):
        """The elements of this one and of others."""
        made = self.copy()
        made.update(*others)
        return made

    def intersection(self, *others):
        """The elements that all have."""
        kept = [set(other) for other in others]
        return OrderedSet(e for e in self._dict if all(e in other for other in kept))

    def difference(self, *others):
        """The elements that no other one has."""
        gone = set().union(*others)
        return OrderedSet(e for e in self._dict if e not in gone)

    def symmetric_difference(self, other):
        """The elements that one of the two has."""
        return self ^ OrderedSet(other)

    def issubset(self, other):
        """Whether the other one has all elements of this one."""
        other = set(other)
        return all(e in other for e in self._dict)

    def issuperset(self, other):
        """Whether this one has all elements of the other."""
        return all(e in self._dict for e in other)

    def difference_update(self, *others):
        """Takes the elements of others out."""
        for other in others:
            for e in list(other):
                self.discard(e)

    def intersection_update(self, other):
        """Keeps the elements that the other one has."""
        self &= set(other)
