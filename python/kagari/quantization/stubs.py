"""The older path of torch.ao.quantization.stubs."""
from kagari.ao.quantization.stubs import *  # noqa: F403
