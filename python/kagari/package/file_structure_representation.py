"""The files of a package as a tree."""

__all__ = ["Directory"]


class Directory:
    """A folder of an archive: children by name. It prints as a tree."""

    def __init__(self, name, is_dir):
        self.name, self.is_dir, self.children = name, is_dir, {}

    def _add(self, path):
        first, _, rest = path.partition("/")
        child = self.children.setdefault(first, Directory(first, bool(rest)))
        if rest:
            child._add(rest)

    def has_file(self, filename):
        """Whether there is a file of this path."""
        first, _, rest = filename.partition("/")
        return first in self.children and (not rest or self.children[first].has_file(rest))

    def _lines(self, prefix):
        inner = sorted(self.children.values(), key=lambda child: (not child.is_dir, child.name))
        for i, child in enumerate(inner):
            last = i == len(inner) - 1
            yield f"{prefix}{'└── ' if last else '├── '}{child.name}\n"
            yield from child._lines(prefix + ("    " if last else "│   "))

    def __str__(self):
        return f"─── {self.name}\n" + "".join(self._lines("    "))
