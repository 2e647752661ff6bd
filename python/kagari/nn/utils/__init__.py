"""Tools for modules and their parameters: gradient clipping, parametrizations, packed sequences, pruning."""
import importlib

# Loaded at once: the functions have the names of their files, and an import of the file must not hide them later.
from kagari.nn.utils.spectral_norm import remove_spectral_norm, spectral_norm
from kagari.nn.utils.weight_norm import remove_weight_norm, weight_norm

_HOME = {
    "clip_grad_norm": "clip_grad", "clip_grad_norm_": "clip_grad", "clip_grad_value_": "clip_grad",
    "clip_grads_with_norm_": "clip_grad", "get_total_norm": "clip_grad",
    "parameters_to_vector": "convert_parameters", "vector_to_parameters": "convert_parameters",
    "fuse_conv_bn_eval": "fusion", "fuse_conv_bn_weights": "fusion", "fuse_linear_bn_eval": "fusion",
    "fuse_linear_bn_weights": "fusion", "skip_init": "init",
    "convert_conv2d_weight_memory_format": "memory_format", "convert_conv3d_weight_memory_format": "memory_format",
}
_SUBMODULES = ("clip_grad", "convert_parameters", "fusion", "init", "memory_format", "parametrizations", "parametrize",
               "prune", "rnn", "stateless")

__all__ = [*_HOME, "remove_spectral_norm", "remove_weight_norm", "spectral_norm", "weight_norm", "parametrizations",
           "parametrize", "rnn", "stateless"]


def __getattr__(name):
    if name in _HOME:
        home = importlib.import_module(f"{__name__}.{_HOME[name]}")
        value = getattr(home, name)
    elif name in _SUBMODULES:
        value = importlib.import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *_HOME, *_SUBMODULES})
