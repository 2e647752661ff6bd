"""How a tensor lies on a dimension of a DeviceMesh: cut (Shard), whole (Replicate) or as a sum of parts (Partial)."""
from dataclasses import dataclass

__all__ = ["Placement", "Shard", "Replicate", "Partial"]


class Placement:
    """Base of the placements."""

    def is_shard(self, dim=None):
        return isinstance(self, Shard) and dim in (None, self.dim)

    def is_replicate(self):
        return isinstance(self, Replicate)

    def is_partial(self, reduce_op=None):
        return isinstance(self, Partial) and reduce_op in (None, self.reduce_op)


@dataclass(frozen=True)
class Shard(Placement):
    """Cut along `dim`."""
    dim: int

    def __repr__(self):
        return f"Shard(dim={self.dim})"

    def __str__(self):
        return f"S({self.dim})"

    @staticmethod
    def local_shard_size_and_offset(curr_local_size, num_chunks, rank):
        """(size, begin) of the piece of `rank` when a length is cut into num_chunks; the last pieces may be smaller or empty."""
        whole = -(-curr_local_size // num_chunks)
        begin = min(whole * rank, curr_local_size)
        return min(whole, curr_local_size - begin), begin


@dataclass(frozen=True, kw_only=True)
class _StridedShard(Shard):
    """Cut along `dim` in an interleaved order."""
    split_factor: int


@dataclass(frozen=True)
class Replicate(Placement):
    """The same tensor in every process."""

    def __str__(self):
        return "R"


@dataclass(frozen=True)
class Partial(Placement):
    """Each process holds a part of a sum (or of another reduction)."""
    reduce_op: str = "sum"

    def __repr__(self):
        return f"Partial({self.reduce_op})"

    def __str__(self):
        return f"P({self.reduce_op})"
