"""Layers that round their weights while they train."""
from kagari import nn
from kagari.ao.nn import intrinsic

__all__ = ["Conv1d", "Conv2d", "Conv3d", "Embedding", "EmbeddingBag", "Linear"]


def _of(kind, base, arguments):
    """A layer of class `base` with a module `weight_fake_quant`, made from one of class `kind`."""
    class Layer(base):
        _FLOAT_MODULE = base

        def __init__(self, *args, qconfig=None, **kwargs):
            super().__init__(*args, **kwargs)
            if not qconfig:
                raise AssertionError("qconfig must be provided for QAT module")
            self.qconfig = qconfig
            self.weight_fake_quant = qconfig.weight()

        @classmethod
        def from_float(cls, mod, use_precomputed_fake_quant=False):
            """The layer of a floating one with a qconfig; it shares the parameters."""
            if not getattr(mod, "qconfig", None):
                raise AssertionError("Input float module must have a valid qconfig")
            layer = mod[0] if isinstance(mod, intrinsic._FusedModule) else mod
            made = cls(*(getattr(layer, name) for name in arguments["positional"]), qconfig=mod.qconfig,
                       **{name: getattr(layer, name) for name in arguments["keywords"]}, **({"bias": layer.bias is not None} if arguments["bias"] else {}))
            made.weight = layer.weight
            if arguments["bias"]:
                made.bias = layer.bias
            made.train(layer.training)
            return made

        def to_float(self):
            """The floating layer with these parameters."""
            made = base(*(getattr(self, name) for name in arguments["positional"]), **{name: getattr(self, name) for name in arguments["keywords"]},
                        **({"bias": self.bias is not None} if arguments["bias"] else {}))
            made.weight = nn.Parameter(self.weight.detach())
            if arguments["bias"] and self.bias is not None:
                made.bias = nn.Parameter(self.bias.detach())
            return made

    Layer.__name__ = Layer.__qualname__ = kind
    Layer.__doc__ = f"nn.{base.__name__} with rounded weights, for training; made by prepare_qat."
    return Layer


_CONV = {"positional": ("in_channels", "out_channels", "kernel_size"), "keywords": ("stride", "padding", "dilation", "groups", "padding_mode"), "bias": True}
_LINEAR = {"positional": ("in_features", "out_features"), "keywords": (), "bias": True}
_TABLE = {"positional": ("num_embeddings", "embedding_dim"), "keywords": ("padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse"), "bias": False}


def _convolution(self, x):
    return self._conv_forward(x, self.weight_fake_quant(self.weight), self.bias)


def _linear(self, x):
    return nn.functional.linear(x, self.weight_fake_quant(self.weight), self.bias)


def _embedding(self, x):
    return nn.functional.embedding(x, self.weight_fake_quant(self.weight), self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse)


def _bags(self, input, offsets=None, per_sample_weights=None):
    return nn.functional.embedding_bag(input, self.weight_fake_quant(self.weight), offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.mode,
                                       self.sparse, per_sample_weights, self.include_last_offset, self.padding_idx)


Conv1d, Conv2d, Conv3d = _of("Conv1d", nn.Conv1d, _CONV), _of("Conv2d", nn.Conv2d, _CONV), _of("Conv3d", nn.Conv3d, _CONV)
Linear, Embedding = _of("Linear", nn.Linear, _LINEAR), _of("Embedding", nn.Embedding, _TABLE)
EmbeddingBag = _of("EmbeddingBag", nn.EmbeddingBag, {**_TABLE, "keywords": ("max_norm", "norm_type", "scale_grad_by_freq", "mode", "sparse", "include_last_offset", "padding_idx")})
for _layer, _forward in ((Conv1d, _convolution), (Conv2d, _convolution), (Conv3d, _convolution), (Linear, _linear), (Embedding, _embedding), (EmbeddingBag, _bags)):
    _layer.forward, _layer.__module__ = _forward, __name__
