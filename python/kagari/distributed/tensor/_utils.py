"""Where the pieces of a spread tensor lie."""
from kagari.distributed.tensor.placement_types import Shard

__all__ = ["compute_local_shape_and_global_offset"]


def compute_local_shape_and_global_offset(global_shape, mesh, placements):
    """(shape, offset) of this process's piece of a tensor with the given placements, one per dimension of the mesh."""
    shape, offset, place = list(global_shape), [0] * len(global_shape), mesh.get_coordinate()
    if place is None:
        return (), ()
    for index, placement in enumerate(placements):
        if isinstance(placement, Shard):
            size, begin = Shard.local_shard_size_and_offset(shape[placement.dim], mesh.size(index), place[index])
            shape[placement.dim] = size
            offset[placement.dim] += begin
    return tuple(shape), tuple(offset)
