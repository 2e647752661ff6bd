"""The older path of torch.ao.quantization.observer."""
from kagari.ao.quantization.observer import *  # noqa: F403
