"""Layers for quantisation: joined ones (intrinsic), ones that round while they train (qat), and ones of integers (quantized)."""
from kagari._submodules import submodules

__getattr__, __dir__ = submodules(globals(), "intrinsic", "qat", "quantized")
