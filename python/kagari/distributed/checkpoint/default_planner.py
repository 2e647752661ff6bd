"""Names of torch.distributed.checkpoint, under the path that libraries import."""
from kagari.distributed.checkpoint import DefaultLoadPlanner, DefaultSavePlanner  # noqa: F401
