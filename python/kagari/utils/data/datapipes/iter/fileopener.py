"""The long names of pipes."""
from kagari.utils.data.datapipes.iter import (FileOpener as FileOpenerIterDataPipe)

__all__ = ["FileOpenerIterDataPipe"]
