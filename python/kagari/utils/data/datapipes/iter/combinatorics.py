"""The long names of pipes."""
from kagari.utils.data.datapipes.iter import (Sampler as SamplerIterDataPipe, Shuffler as ShufflerIterDataPipe)

__all__ = ["SamplerIterDataPipe", "ShufflerIterDataPipe"]
