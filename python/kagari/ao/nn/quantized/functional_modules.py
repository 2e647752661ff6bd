"""Arithmetic as modules, so that tools that prepare models for quantisation find it. Without quantised tensors it is plain arithmetic."""
import kagari
from kagari.nn import Identity, Module

__all__ = ["FloatFunctional", "FXFloatFunctional"]


class _Arithmetic(Module):
    def forward(self, x):
        raise RuntimeError(f"{type(self).__name__} is not intended to use the forward. Please use the below operation")

    def _observed(self, x):
        return x

    def add(self, x, y):
        """x + y"""
        return self._observed(kagari.add(x, y))

    def add_scalar(self, x, y):
        """x + y for a number y"""
        return kagari.add(x, y)

    def mul(self, x, y):
        """x * y"""
        return self._observed(kagari.mul(x, y))

    def mul_scalar(self, x, y):
        """x * y for a number y"""
        return kagari.mul(x, y)

    def cat(self, x, dim=0):
        """torch.cat"""
        return self._observed(kagari.cat(x, dim=dim))

    def add_relu(self, x, y):
        """relu(x + y)"""
        return self._observed(kagari.nn.functional.relu(kagari.add(x, y)))

    def matmul(self, x, y):
        """x @ y"""
        return self._observed(kagari.matmul(x, y))


class FloatFunctional(_Arithmetic):
    """Operations whose results an observer, `activation_post_process`, sees; by default it does nothing.

    >>> torch.ao.nn.quantized.FloatFunctional().add_relu(torch.tensor(-3.), torch.tensor(1.))
    tensor(0.)
    """

    def __init__(self):
        super().__init__()
        self.activation_post_process = Identity()

    def _observed(self, x):
        return self.activation_post_process(x)


class FXFloatFunctional(_Arithmetic):
    """The same without an observer, for graphs."""
