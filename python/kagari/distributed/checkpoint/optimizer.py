"""Names of torch.distributed.checkpoint, under the path that libraries import."""
from kagari.distributed.checkpoint import load_sharded_optimizer_state_dict  # noqa: F401
