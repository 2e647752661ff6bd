"""DeviceMesh, under an older path."""
from kagari.distributed.device_mesh import DeviceMesh, init_device_mesh  # noqa: F401
