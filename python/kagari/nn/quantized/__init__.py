"""torch.ao.nn.quantized under its older name."""
from kagari.ao.nn.quantized import FloatFunctional, FXFloatFunctional, dynamic

__all__ = ["FXFloatFunctional", "FloatFunctional", "dynamic"]
