"""Names of torch.distributed.checkpoint, under the path that libraries import."""
from kagari.distributed.checkpoint import FileSystemReader, FileSystemWriter  # noqa: F401
