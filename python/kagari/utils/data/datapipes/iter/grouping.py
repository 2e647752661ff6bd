"""The long names of pipes."""
from kagari.utils.data.datapipes.iter import (Batcher as BatcherIterDataPipe, Grouper as GrouperIterDataPipe, UnBatcher as UnBatcherIterDataPipe)

__all__ = ["BatcherIterDataPipe", "GrouperIterDataPipe", "UnBatcherIterDataPipe"]
