"""The names of torch.distributed.tensor, under an older path."""
from kagari.distributed.tensor import *  # noqa: F403
from kagari.distributed.tensor import DeviceMesh, DTensor, init_device_mesh  # noqa: F401
