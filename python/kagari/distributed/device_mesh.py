"""DeviceMesh: the processes of a job as an array with named dimensions, with a process group along each."""
import math

import kagari
from kagari.distributed import distributed_c10d

__all__ = ["DeviceMesh", "init_device_mesh"]


class DeviceMesh:
    """The ranks in `mesh`, a tensor or nested lists of ranks. All processes must construct it.

    Arguments:
        device_type: "cpu".
        mesh: the ranks; mesh_dim_names: a name for each of its dimensions.
    """

    def __init__(self, device_type, mesh=None, *, mesh_dim_names=None, backend_override=None, _init_backend=True, _rank=None, _groups=None):
        if mesh is None:
            raise ValueError("DeviceMesh needs the argument mesh")
        if not distributed_c10d.is_initialized():
            distributed_c10d.init_process_group()
        self.device_type = device_type
        self.mesh = mesh.detach().to(dtype=kagari.int) if isinstance(mesh, kagari.Tensor) else kagari.tensor(mesh, dtype=kagari.int)
        self.mesh_dim_names = tuple(mesh_dim_names) if mesh_dim_names else None
        if self.mesh.unique().numel() != self.mesh.numel():
            raise RuntimeError(f"DeviceMesh cannot have duplicate values, but found {self.mesh.tolist()}")
        if self.mesh_dim_names is not None and len(self.mesh_dim_names) != self.mesh.dim():
            raise RuntimeError("mesh_shape and mesh_dim_names should have same length!")
        place = (self.mesh == distributed_c10d.get_rank()).nonzero()
        self._coordinate = place[0].tolist() if place.numel() else None
        self._groups = self._made_groups() if _groups is None else _groups

    def _made_groups(self):
        """This process's group along each dimension."""
        groups = []
        for dim in range(self.mesh.dim()):
            mine = None
            for ranks in self.mesh.transpose(dim, -1).reshape(-1, self.mesh.size(dim)).tolist():
                made = distributed_c10d.new_group(ranks, group_desc=f"mesh_{self.mesh_dim_names[dim] if self.mesh_dim_names else dim}", sort_ranks=False)
                if distributed_c10d.get_rank() in ranks:
                    mine = made
            groups.append(mine)
        return groups

    @classmethod
    def from_group(cls, group, device_type, mesh=None, *, mesh_dim_names=None):
        """A mesh of one dimension over an existing group."""
        if isinstance(group, list):
            raise NotImplementedError("DeviceMesh.from_group with several groups")
        return cls(device_type, distributed_c10d.get_process_group_ranks(group) if mesh is None else mesh, mesh_dim_names=mesh_dim_names, _groups=[group])

    def _dim(self, mesh_dim):
        if mesh_dim is None:
            if self.ndim > 1:
                raise RuntimeError(f"Found the DeviceMesh have {self.ndim} dimensions. Optional kwarg `mesh_dim` needs to be specified when device_mesh.ndim > 1.")
            return 0
        if isinstance(mesh_dim, str):
            if self.mesh_dim_names is None or mesh_dim not in self.mesh_dim_names:
                raise KeyError(f"Mesh dimension '{mesh_dim}' does not exist. Available mesh dimensions are: mesh_dim_names={self.mesh_dim_names}")
            return self.mesh_dim_names.index(mesh_dim)
        return mesh_dim

    @property
    def ndim(self):
        return self.mesh.dim()

    @property
    def shape(self):
        return tuple(self.mesh.shape)

    def size(self, mesh_dim=None):
        """The number of processes, in all or along a dimension."""
        return self.mesh.numel() if mesh_dim is None else self.mesh.size(self._dim(mesh_dim))

    def get_group(self, mesh_dim=None):
        """The process group of this process along a dimension."""
        return self._groups[self._dim(mesh_dim)]

    def get_all_groups(self):
        return list(self._groups)

    def get_rank(self):
        """The global rank."""
        return distributed_c10d.get_rank()

    def get_local_rank(self, mesh_dim=None):
        """The place of this process along a dimension."""
        dim = self._dim(mesh_dim)
        if self._coordinate is None:
            raise RuntimeError("this process is not in the mesh")
        return self._coordinate[dim]

    def get_coordinate(self):
        """The place of this process along all dimensions, or None outside of the mesh."""
        return None if self._coordinate is None else list(self._coordinate)

    def __getitem__(self, names):
        """The part of the mesh that this process is in, along the named dimensions."""
        names = (names,) if isinstance(names, str) else tuple(names)
        if self.mesh_dim_names is None:
            raise RuntimeError("Cannot slice a DeviceMesh without mesh_dim_names!")
        dims = [self._dim(name) for name in names]
        if names == self.mesh_dim_names:
            return self
        place = tuple(slice(None) if dim in dims else self._coordinate[dim] for dim in range(self.ndim))
        part = self.mesh[place].permute([sorted(dims).index(dim) for dim in dims])
        return DeviceMesh(self.device_type, part, mesh_dim_names=names, _groups=[self._groups[dim] for dim in dims])

    def __eq__(self, other):
        return isinstance(other, DeviceMesh) and self.device_type == other.device_type and self.mesh_dim_names == other.mesh_dim_names and \
            self.mesh.shape == other.mesh.shape and bool((self.mesh == other.mesh).all())

    def __hash__(self):
        return hash((self.device_type, self.shape, self.mesh_dim_names, tuple(self.mesh.reshape(-1).tolist())))

    def __repr__(self):
        names = f", mesh_dim_names={self.mesh_dim_names}" if self.mesh_dim_names else ""
        return f"DeviceMesh('{self.device_type}', {self.mesh.tolist()}{names})"

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return None


def init_device_mesh(device_type, mesh_shape, *, mesh_dim_names=None, backend_override=None):
    """A DeviceMesh of all processes in the given shape, in the order of ranks."""
    if mesh_dim_names is not None:
        if len(set(mesh_dim_names)) != len(mesh_dim_names):
            raise RuntimeError(f"Each mesh_dim_name must be unique. Found repeated mesh_dim_name in mesh_dim_names {mesh_dim_names}")
        if len(mesh_shape) != len(mesh_dim_names):
            raise RuntimeError("mesh_shape and mesh_dim_names should have same length!")
    return DeviceMesh(device_type, kagari.arange(math.prod(mesh_shape), dtype=kagari.int).view(mesh_shape), mesh_dim_names=mesh_dim_names)
