"""The older path of torch.ao.nn.qat."""
from kagari.ao.nn.qat import *  # noqa: F403
