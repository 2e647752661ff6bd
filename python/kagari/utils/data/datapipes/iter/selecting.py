"""The long names of pipes."""
from kagari.utils.data.datapipes.iter import (Filter as FilterIterDataPipe)

__all__ = ["FilterIterDataPipe"]
