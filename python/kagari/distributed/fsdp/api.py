"""The names of torch.distributed.fsdp, under an older path."""
from kagari.distributed.fsdp import *  # noqa: F403
from kagari.distributed.fsdp import FSDPModule, FullyShardedDataParallel, fully_shard  # noqa: F401
