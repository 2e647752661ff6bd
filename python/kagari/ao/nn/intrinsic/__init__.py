"""Layers that are computed at once: sequences of two or three known layers."""
from kagari._submodules import submodules
from kagari import nn

__all__ = ["BNReLU2d", "BNReLU3d", "ConvBn1d", "ConvBn2d", "ConvBn3d", "ConvBnReLU1d", "ConvBnReLU2d", "ConvBnReLU3d", "ConvReLU1d", "ConvReLU2d", "ConvReLU3d",
           "LinearBn1d", "LinearLeakyReLU", "LinearReLU", "LinearTanh"]


class _FusedModule(nn.Sequential):
    """Base of joined layers."""
    _kinds = ()

    def __init__(self, *modules):
        if len(modules) != len(self._kinds) or not all(isinstance(module, kind) for module, kind in zip(modules, self._kinds)):
            raise AssertionError(f"Incorrect types for input modules: {type(self).__name__} takes {', '.join(kind.__name__ for kind in self._kinds)}, got "
                                 f"{', '.join(type(module).__name__ for module in modules)}")
        super().__init__(*modules)


def _made(name, *kinds):
    return type(name, (_FusedModule,), {"_kinds": kinds, "__module__": __name__, "__doc__": f"{', '.join(kind.__name__ for kind in kinds)}, one after the other."})


for _n, _conv, _bn in ((1, nn.Conv1d, nn.BatchNorm1d), (2, nn.Conv2d, nn.BatchNorm2d), (3, nn.Conv3d, nn.BatchNorm3d)):
    globals()[f"ConvReLU{_n}d"] = _made(f"ConvReLU{_n}d", _conv, nn.ReLU)
    globals()[f"ConvBn{_n}d"] = _made(f"ConvBn{_n}d", _conv, _bn)
    globals()[f"ConvBnReLU{_n}d"] = _made(f"ConvBnReLU{_n}d", _conv, _bn, nn.ReLU)
LinearReLU = _made("LinearReLU", nn.Linear, nn.ReLU)
LinearBn1d = _made("LinearBn1d", nn.Linear, nn.BatchNorm1d)
LinearLeakyReLU = _made("LinearLeakyReLU", nn.Linear, nn.LeakyReLU)
LinearTanh = _made("LinearTanh", nn.Linear, nn.Tanh)
BNReLU2d = _made("BNReLU2d", nn.BatchNorm2d, nn.ReLU)
BNReLU3d = _made("BNReLU3d", nn.BatchNorm3d, nn.ReLU)

__getattr__, __dir__ = submodules(globals(), "qat", "quantized")
