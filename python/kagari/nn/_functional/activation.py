"""Activations that may overwrite their input: the choice between an operator and its in-place form."""
import kagari

_relu6 = kagari._functional_op("relu6")
_elu = kagari._functional_op("elu")
_silu = kagari._functional_op("silu")
_mish = kagari._functional_op("mish")
_hardtanh = kagari._functional_op("hardtanh")
_hardsigmoid = kagari._functional_op("hardsigmoid")
_hardswish = kagari._functional_op("hardswish")
_leaky_relu = kagari._functional_op("leaky_relu")


def relu(input, inplace=False):
    """``max(x, 0)``."""
    return input.relu_() if inplace else input.relu()


def relu6(input, inplace=False):
    """``min(max(x, 0), 6)``."""
    return input.relu6_() if inplace else _relu6(input)


def elu(input, alpha=1.0, inplace=False):
    """``x`` if positive, else ``alpha * (exp(x) - 1)``."""
    return input.elu_(alpha) if inplace else _elu(input, alpha)


def celu(input, alpha=1.0, inplace=False):
    """``max(0, x) + min(0, alpha * (exp(x / alpha) - 1))``."""
    return kagari.celu_(input, alpha) if inplace else kagari.celu(input, alpha)


def selu(input, inplace=False):
    """``scale * (max(0, x) + min(0, alpha * (exp(x) - 1)))`` with the constants of self-normalising networks."""
    return kagari.selu_(input) if inplace else kagari.selu(input)


def silu(input, inplace=False):
    """``x * sigmoid(x)``."""
    return input.silu_() if inplace else _silu(input)


def mish(input, inplace=False):
    """``x * tanh(softplus(x))``."""
    return input.mish_() if inplace else _mish(input)


def hardtanh(input, min_val=-1.0, max_val=1.0, inplace=False):
    """``x`` clamped to ``[min_val, max_val]``. ValueError if the first is greater."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    return input.hardtanh_(min_val, max_val) if inplace else _hardtanh(input, min_val, max_val)


def hardsigmoid(input, inplace=False):
    """``relu6(x + 3) / 6``."""
    return input.hardsigmoid_() if inplace else _hardsigmoid(input)


def hardswish(input, inplace=False):
    """``x * relu6(x + 3) / 6``."""
    return input.hardswish_() if inplace else _hardswish(input)


def leaky_relu(input, negative_slope=0.01, inplace=False):
    """``x`` if positive, else ``negative_slope * x``."""
    return input.leaky_relu_(negative_slope) if inplace else _leaky_relu(input, negative_slope)


def threshold(input, threshold, value, inplace=False):
    """``x`` where ``x > threshold``, elsewhere ``value``."""
    return kagari.threshold_(input, threshold, value) if inplace else kagari.threshold(input, threshold, value)


def rrelu(input, lower=1.0 / 8, upper=1.0 / 3, training=False, inplace=False):
    """``x`` if positive, else ``a * x`` with ``a`` drawn from ``[lower, upper]`` in training, their mean otherwise."""
    if inplace:
        return kagari.rrelu_(input, lower, upper, training)
    return kagari.rrelu(input, lower, upper, training)


def relu_(input):
    """``relu`` in place."""
    return input.relu_()


def elu_(input, alpha=1.0):
    """``elu`` in place."""
    return input.elu_(alpha)


def celu_(input, alpha=1.0):
    """``celu`` in place."""
    return kagari.celu_(input, alpha)


def selu_(input):
    """``selu`` in place."""
    return kagari.selu_(input)


def hardtanh_(input, min_val=-1.0, max_val=1.0):
    """``hardtanh`` in place."""
    return input.hardtanh_(min_val, max_val)


def leaky_relu_(input, negative_slope=0.01):
    """``leaky_relu`` in place."""
    return input.leaky_relu_(negative_slope)


def threshold_(input, threshold, value):
    """``threshold`` in place."""
    return kagari.threshold_(input, threshold, value)


def rrelu_(input, lower=1.0 / 8, upper=1.0 / 3, training=False):
    """``rrelu`` in place."""
    return kagari.rrelu_(input, lower, upper, training)
