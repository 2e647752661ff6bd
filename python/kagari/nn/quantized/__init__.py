"""The older path of torch.ao.nn.quantized."""
from kagari._submodules import submodules
from kagari.ao.nn.quantized import *  # noqa: F403

__getattr__, __dir__ = submodules(globals(), "dynamic")
