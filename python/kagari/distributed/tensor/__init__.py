"""Tensors that are spread over processes do not exist here: DTensor is a class without instances. Placements are data."""
import kagari
from kagari.distributed._absent import absent, absent_class
from kagari.distributed.device_mesh import DeviceMesh, init_device_mesh  # noqa: F401
from kagari.distributed.tensor.placement_types import Partial, Placement, Replicate, Shard

__all__ = ["DTensor", "distribute_tensor", "distribute_module", "Shard", "Replicate", "Partial", "Placement", "ones", "empty", "full", "rand", "randn", "zeros"]


class DTensor(absent_class("DTensor", "torch.distributed.tensor", (kagari.Tensor,))):
    """Exists for isinstance and annotations; making one raises NotImplementedError."""

    @staticmethod
    def from_local(local_tensor, device_mesh=None, placements=None, *, run_check=False, shape=None, stride=None, grad_placements=None):
        raise NotImplementedError("torch.distributed.tensor.DTensor.from_local: kagari has no sharded tensors")


DTensor.__module__ = "torch.distributed.tensor"
globals().update(absent("torch.distributed.tensor", functions=("distribute_tensor", "distribute_module", "ones", "empty", "full", "rand", "randn", "zeros")))
