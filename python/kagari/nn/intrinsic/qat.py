"""The older path of torch.ao.nn.intrinsic.qat."""
from kagari.ao.nn.intrinsic.qat import *  # noqa: F403
