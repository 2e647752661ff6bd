"""Patterns of module names."""
import re

__all__ = ["GlobGroup"]


def _listed(patterns):
    return [patterns] if isinstance(patterns, str) else list(patterns)


class GlobGroup:
    """The names that match one of `include` and none of `exclude`.

    In a pattern * stands for one part of a name, or a piece of it, and ** for any number of parts, none included.

    >>> group = GlobGroup("torch.**", exclude="torch.cuda")
    >>> group.matches("torch"), group.matches("torch.nn.modules"), group.matches("torch.cuda")
    (True, True, False)
    """

    def __init__(self, include, *, exclude=(), separator="."):
        self._text = f"GlobGroup(include={include}, exclude={exclude})"
        self.separator = separator
        self.include, self.exclude = [self._compiled(p) for p in _listed(include)], [self._compiled(p) for p in _listed(exclude)]

    def _compiled(self, pattern):
        separator, text = re.escape(self.separator), ""
        for part in pattern.split(self.separator):
            if part == "**":
                text += f"(?:{separator}[^{separator}]+)*"
            elif "**" in part:
                raise ValueError("** can only appear as an entire path segment")
            else:
                text += separator + "".join(f"[^{separator}]*" if piece == "*" else re.escape(piece) for piece in re.split(r"(\*)", part))
        return re.compile(text)

    def matches(self, candidate):
        """Whether the group has this name."""
        candidate = self.separator + candidate
        return any(p.fullmatch(candidate) for p in self.include) and not any(p.fullmatch(candidate) for p in self.exclude)

    def __str__(self):
        return self._text

    __repr__ = __str__
