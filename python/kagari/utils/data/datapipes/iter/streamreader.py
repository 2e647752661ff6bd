"""The long names of pipes."""
from kagari.utils.data.datapipes.iter import (StreamReader as StreamReaderIterDataPipe)

__all__ = ["StreamReaderIterDataPipe"]
