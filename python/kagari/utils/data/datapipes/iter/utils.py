"""The long names of pipes."""
from kagari.utils.data.datapipes.iter import (IterableWrapper as IterableWrapperIterDataPipe)

__all__ = ["IterableWrapperIterDataPipe"]
