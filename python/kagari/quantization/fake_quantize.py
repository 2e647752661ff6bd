"""The older path of torch.ao.quantization.fake_quantize."""
from kagari.ao.quantization.fake_quantize import *  # noqa: F403
