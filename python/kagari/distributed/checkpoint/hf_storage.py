"""Names of torch.distributed.checkpoint, under the path that libraries import."""
from kagari.distributed.checkpoint import HuggingFaceStorageReader, HuggingFaceStorageWriter  # noqa: F401
