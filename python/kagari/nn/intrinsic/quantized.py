"""The older path of torch.ao.nn.intrinsic.quantized."""
from kagari.ao.nn.intrinsic.quantized import *  # noqa: F403
