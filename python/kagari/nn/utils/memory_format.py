"""Changing the memory format of convolution weights only."""
import kagari

__all__ = ["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format"]


def _convert(module, kinds, memory_format):
    if isinstance(module, kinds):
        module.weight.data = module.weight.detach().clone(memory_format=kagari.contiguous_format).to(
            memory_format=memory_format)
    for child in module.children():
        _convert(child, kinds, memory_format)
    return module


def convert_conv2d_weight_memory_format(module, memory_format):
    """Gives the weights of all Conv2d and ConvTranspose2d in ``module`` the memory format. Returns ``module``."""
    from kagari import nn

    return _convert(module, (nn.Conv2d, nn.ConvTranspose2d), memory_format)


def convert_conv3d_weight_memory_format(module, memory_format):
    """Gives the weights of all Conv3d and ConvTranspose3d in ``module`` the memory format. Returns ``module``."""
    from kagari import nn

    return _convert(module, (nn.Conv3d, nn.ConvTranspose3d), memory_format)
