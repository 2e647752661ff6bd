"""The older path of torch.ao.quantization.fuse_modules."""
from kagari.ao.quantization.fuse_modules import *  # noqa: F403
