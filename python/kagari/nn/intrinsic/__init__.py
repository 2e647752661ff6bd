"""The older path of torch.ao.nn.intrinsic."""
from kagari._submodules import submodules
from kagari.ao.nn.intrinsic import *  # noqa: F403

__getattr__, __dir__ = submodules(globals(), "qat", "quantized")
