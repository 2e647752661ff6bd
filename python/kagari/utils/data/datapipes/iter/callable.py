"""The long names of pipes."""
from kagari.utils.data.datapipes.iter import (Collator as CollatorIterDataPipe, Mapper as MapperIterDataPipe)

__all__ = ["CollatorIterDataPipe", "MapperIterDataPipe"]
