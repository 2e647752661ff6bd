"""Optimising models for deployment."""
from kagari._submodules import submodules

__getattr__, __dir__ = submodules(globals(), "nn", "quantization")
