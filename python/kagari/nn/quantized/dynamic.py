"""The older path of torch.ao.nn.quantized.dynamic."""
from kagari.ao.nn.quantized.dynamic import *  # noqa: F403
