"""The older path of torch.ao.quantization."""
from kagari.ao import quantization as _quantization


def __getattr__(name):
    return getattr(_quantization, name)


def __dir__():
    return dir(_quantization)
