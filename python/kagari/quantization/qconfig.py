"""The older path of torch.ao.quantization.qconfig."""
from kagari.ao.quantization.qconfig import *  # noqa: F403
