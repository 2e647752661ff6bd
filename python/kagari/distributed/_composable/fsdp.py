"""The names of torch.distributed.fsdp, under an older path."""
from kagari.distributed.fsdp import CPUOffloadPolicy, FSDPModule, MixedPrecisionPolicy, OffloadPolicy, fully_shard, register_fsdp_forward_method  # noqa: F401
