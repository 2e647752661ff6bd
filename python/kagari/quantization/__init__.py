"""The older path of torch.ao.quantization."""
from kagari.ao.quantization import *  # noqa: F403
from kagari.ao.quantization import convert, fuse_modules, get_default_qat_qconfig, get_default_qconfig, prepare, prepare_qat, quantize  # noqa: F401


def __getattr__(name):
    from kagari.ao import quantization
    return getattr(quantization, name)
