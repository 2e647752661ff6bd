"""The long names of pipes."""
from kagari.utils.data.datapipes.iter import (FileLister as FileListerIterDataPipe)

__all__ = ["FileListerIterDataPipe"]
