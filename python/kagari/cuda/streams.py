"""Streams and events of CUDA devices."""
from kagari.cuda import (Event, ExternalStream, Stream)

__all__ = [name for name in dir() if not name.startswith("_")]
