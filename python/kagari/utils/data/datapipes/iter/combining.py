"""The long names of pipes."""
from kagari.utils.data.datapipes.iter import (Concater as ConcaterIterDataPipe, Demultiplexer as DemultiplexerIterDataPipe, Forker as ForkerIterDataPipe, Multiplexer as MultiplexerIterDataPipe, Zipper as ZipperIterDataPipe)

__all__ = ["ConcaterIterDataPipe", "DemultiplexerIterDataPipe", "ForkerIterDataPipe", "MultiplexerIterDataPipe", "ZipperIterDataPipe"]
