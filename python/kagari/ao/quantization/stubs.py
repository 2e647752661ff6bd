"""Marks in a model where its numbers are rounded, and where they are floating again."""
from kagari.nn.modules.module import Module

__all__ = ["DeQuantStub", "QuantStub", "QuantWrapper"]


class _Stub(Module):
    def __init__(self, qconfig=None):
        super().__init__()
        if qconfig is not None:
            self.qconfig = qconfig

    def forward(self, x):
        return x


class QuantStub(_Stub):
    """Marks where a model's numbers are to be rounded. The identity, until `prepare` makes it an observer and `convert` a Quantize."""


class DeQuantStub(_Stub):
    """Marks where a model's numbers are to be floating again. The identity, until `convert` makes it a DeQuantize."""


class QuantWrapper(Module):
    """A module between a QuantStub and a DeQuantStub."""

    def __init__(self, module):
        super().__init__()
        qconfig = getattr(module, "qconfig", None)
        self.quant, self.dequant, self.module = QuantStub(qconfig), DeQuantStub(qconfig), module
        self.train(module.training)

    def forward(self, X):
        return self.dequant(self.module(self.quant(X)))
