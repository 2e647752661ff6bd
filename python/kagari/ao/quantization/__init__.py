"""Models with rounded numbers: quantize_dynamic, observers that find scales, and modules that round in training (FakeQuantize). There are no
quantised tensors, so that what makes them of recorded ranges (prepare, convert) does not exist here.

    small = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)
"""
import copy

import kagari
from kagari.nn.modules.module import Module

__all__ = ["DeQuantStub", "QuantStub", "QuantWrapper", "quantize_dynamic"]


class QuantStub(Module):
    """Marks where a model's numbers are to be rounded. The identity: only `convert`, which does not exist here, replaces it."""

    def __init__(self, qconfig=None):
        super().__init__()
        if qconfig is not None:
            self.qconfig = qconfig

    def forward(self, x):
        return x


class DeQuantStub(QuantStub):
    """Marks where a model's numbers are to be floating again. The identity; see QuantStub."""


class QuantWrapper(Module):
    """A module between a QuantStub and a DeQuantStub."""

    def __init__(self, module):
        super().__init__()
        self.quant, self.module, self.dequant = QuantStub(), module, DeQuantStub()
        self.train(module.training)

    def forward(self, X):
        return self.dequant(self.module(self.quant(X)))


def quantize_dynamic(model, qconfig_spec=None, dtype=None, mapping=None, inplace=False):
    """The model with rounded Linear, LSTM and GRU layers; see Note [Dynamic quantisation].

    qconfig_spec: classes of layers, or dotted names of submodules, to replace (None: Linear, LSTM, GRU); others stay. dtype: qint8 (default) or
    float16. inplace: whether the model itself is changed. Raises ValueError for another dtype.

        >>> import kagari as torch
        >>> torch.ao.quantization.quantize_dynamic(torch.nn.Sequential(torch.nn.Linear(4, 2)))
        Sequential(
          (0): DynamicQuantizedLinear(in_features=4, out_features=2, dtype=torch.qint8, qscheme=torch.per_tensor_affine)
        )
    """
    from kagari import nn
    from kagari.ao.nn.quantized import dynamic
    dtype = kagari.qint8 if dtype is None else dtype
    if dtype not in (kagari.qint8, kagari.float16):
        raise ValueError(f"Don't know how to quantize with default settings for {dtype}. Provide full qconfig please")
    if mapping is not None or isinstance(qconfig_spec, dict):
        raise NotImplementedError("quantize_dynamic: mapping, and qconfig_spec as a dict")
    made = {nn.Linear: dynamic.Linear, nn.LSTM: dynamic.LSTM, nn.GRU: dynamic.GRU}
    wanted = set(made) if qconfig_spec is None else set(qconfig_spec)
    model = model if inplace else copy.deepcopy(model)

    def replaced(module, path, inside):
        chosen = inside or type(module) in wanted or path in wanted
        if chosen and type(module) in made:
            return made[type(module)].from_float(module, dtype=dtype)
        for name, child in list(module.named_children()):
            new = replaced(child, f"{path}.{name}" if path else name, path in wanted and bool(path) or inside)
            if new is not child:
                setattr(module, name, new)
        return module

    return replaced(model, "", False)


def _absent(name):
    def fail(*args, **kwargs):
        raise NotImplementedError(f"torch.ao.quantization.{name}: kagari rounds weights and inputs with quantize_dynamic only")
    fail.__name__ = fail.__qualname__ = name
    fail.__doc__ = "Raises NotImplementedError."
    return fail


globals().update({_name: _absent(_name) for _name in ("convert", "fuse_modules", "fuse_modules_qat", "get_default_qat_qconfig", "get_default_qconfig",
                                                      "get_default_qconfig_mapping", "prepare", "prepare_qat", "quantize", "quantize_qat")})


def __getattr__(name):
    import importlib
    if name in ("observer", "fake_quantize", "qconfig"):
        return importlib.import_module(f"{__name__}.{name}")
    if not name.startswith("__"):
        for home in ("observer", "fake_quantize", "qconfig"):
            module = importlib.import_module(f"{__name__}.{home}")
            if name in module.__all__:
                return getattr(module, name)
    raise AttributeError(f"module 'torch.ao.quantization' has no attribute {name!r}")
