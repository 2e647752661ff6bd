"""Layers with integer weights."""
from kagari.ao.nn.quantized import dynamic

__all__ = ["dynamic"]
