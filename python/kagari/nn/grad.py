"""Gradients of convolutions, as functions."""
import kagari
from kagari.nn import functional as F

__all__ = ["conv1d_input", "conv1d_weight", "conv2d_input", "conv2d_weight", "conv3d_input", "conv3d_weight"]


def _gradient(convolution, input, weight, grad_output, stride, padding, dilation, groups, of_input):
    with kagari.enable_grad():
        wanted = (input if of_input else weight).detach().requires_grad_()
        pair = (wanted, weight) if of_input else (input, wanted)
        output = convolution(*pair, None, stride, padding, dilation, groups)
    return kagari.autograd.grad(output, wanted, grad_output)[0]


def _of_input(convolution, input_size, weight, grad_output, *options):
    # A convolution is linear in its input, so that any input of this size will do.
    return _gradient(convolution, grad_output.new_zeros(input_size), weight.detach(), grad_output, *options, True)


def _of_weight(convolution, input, weight_size, grad_output, *options):
    return _gradient(convolution, input.detach(), grad_output.new_zeros(weight_size), grad_output, *options, False)


def conv1d_input(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """The gradient of ``conv1d`` with respect to its input of ``input_size``."""
    return _of_input(F.conv1d, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv1d_weight(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """The gradient of ``conv1d`` with respect to its weight of ``weight_size``."""
    return _of_weight(F.conv1d, input, weight_size, grad_output, stride, padding, dilation, groups)


def conv2d_input(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """The gradient of ``conv2d`` with respect to its input of ``input_size``."""
    return _of_input(F.conv2d, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv2d_weight(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """The gradient of ``conv2d`` with respect to its weight of ``weight_size``."""
    return _of_weight(F.conv2d, input, weight_size, grad_output, stride, padding, dilation, groups)


def conv3d_input(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """The gradient of ``conv3d`` with respect to its input of ``input_size``."""
    return _of_input(F.conv3d, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv3d_weight(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """The gradient of ``conv3d`` with respect to its weight of ``weight_size``."""
    return _of_weight(F.conv3d, input, weight_size, grad_output, stride, padding, dilation, groups)
