"""Layers with integer weights."""
from kagari.ao.nn.quantized import dynamic
from kagari.ao.nn.quantized.functional_modules import FloatFunctional, FXFloatFunctional

__all__ = ["FXFloatFunctional", "FloatFunctional", "dynamic"]
