"""The older path of torch.ao.quantization.quantize_fx."""
from kagari.ao.quantization.quantize_fx import *  # noqa: F403
