"""The older path of torch.ao.quantization.quantize."""
from kagari.ao.quantization.quantize import *  # noqa: F403
