"""Joined layers that round their weights while they train.

Note [Training with folded batch norm]
A convolution or linear layer with a batch norm behind is computed with the weights that it will have when the norm is folded into it: the weight of each
output channel times gamma / sqrt(running variance + eps), rounded. The result, divided by that factor again, goes through the batch norm, so that
the norm sees and learns what it would without rounding.
"""
import kagari
from kagari import nn
from kagari.ao.nn import intrinsic, qat
from kagari.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights

__all__ = ["ConvBn1d", "ConvBn2d", "ConvBn3d", "ConvBnReLU1d", "ConvBnReLU2d", "ConvBnReLU3d", "ConvReLU1d", "ConvReLU2d", "ConvReLU3d", "LinearBn1d", "LinearReLU",
           "freeze_bn_stats", "update_bn_stats"]


class _WithNorm:
    """What layers with a batch norm have in common: see Note [Training with folded batch norm]."""

    def _add_norm(self, kind, features, eps, momentum, freeze_bn, qconfig):
        if not qconfig:
            raise AssertionError("qconfig must be provided for QAT module")
        self.qconfig = qconfig
        self.freeze_bn = freeze_bn if self.training else True
        self.bn = kind(features, eps, momentum, True, True)
        nn.init.uniform_(self.bn.weight)          # draws what PyTorch's layer draws; from_float gives it the trained one
        self.weight_fake_quant = qconfig.weight()
        self.bn.training = self.training and not freeze_bn

    def update_bn_stats(self):
        """The batch norm follows the batches."""
        self.freeze_bn, self.bn.training = False, True
        return self

    def freeze_bn_stats(self):
        """The batch norm keeps its statistics."""
        self.freeze_bn, self.bn.training = True, False
        return self

    def reset_running_stats(self):
        self.bn.reset_running_stats()

    def train(self, mode=True):
        self.training = mode
        for name, module in self.named_children():
            if name != "bn" or not self.freeze_bn:
                module.train(mode)
        return self

    def _normed(self, product, x):
        factor = self.bn.weight / kagari.sqrt(self.bn.running_var + self.bn.eps)
        weight = self.weight_fake_quant(self.weight * factor.reshape([-1] + [1] * (self.weight.dim() - 1)))
        out = product(x, weight)
        out = out / factor.reshape([1, -1] + [1] * (out.dim() - 2))
        if self.bias is not None:
            out = out + self.bias.reshape([1, -1] + [1] * (out.dim() - 2))
        return self.bn(out)


def _of_convolution(name, n, relu):
    base, norm = getattr(nn, f"Conv{n}d"), getattr(nn, f"BatchNorm{n}d")
    floating = getattr(intrinsic, name)

    class Layer(_WithNorm, base):
        _FLOAT_MODULE = floating

        def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=None, padding_mode="zeros", eps=1e-05,
                     momentum=0.1, freeze_bn=False, qconfig=None):
            super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, False, padding_mode)
            self._add_norm(norm, out_channels, eps, momentum, freeze_bn, qconfig)
            if bias:
                bound = self.weight[0].numel() ** -0.5
                self.bias = nn.Parameter(kagari.empty(out_channels).uniform_(-bound, bound))

        @classmethod
        def from_float(cls, mod, use_precomputed_fake_quant=False):
            """The layer of a joined floating one with a qconfig; it shares the parameters."""
            if not getattr(mod, "qconfig", None):
                raise AssertionError("Input float module must have a valid qconfig")
            conv, bn = mod[0], mod[1]
            made = cls(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding, conv.dilation, conv.groups, conv.bias is not None,
                       conv.padding_mode, bn.eps, bn.momentum, False, mod.qconfig)
            made.weight, made.bias = conv.weight, conv.bias
            made.bn.weight, made.bn.bias, made.bn.running_mean, made.bn.running_var = bn.weight, bn.bias, bn.running_mean, bn.running_var
            made.bn.num_batches_tracked = bn.num_batches_tracked
            return made

        def forward(self, x):
            out = self._normed(lambda x, weight: self._conv_forward(x, weight, None), x)
            return nn.functional.relu(out) if relu else out

        def to_float(self):
            """The floating layer with the norm folded in."""
            made = base(self.in_channels, self.out_channels, self.kernel_size, self.stride, self.padding, self.dilation, self.groups, True, self.padding_mode)
            bn = self.bn
            made.weight, made.bias = fuse_conv_bn_weights(self.weight, self.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias)
            return getattr(intrinsic, f"ConvReLU{n}d")(made, nn.ReLU()) if relu else made

    Layer.__name__ = Layer.__qualname__ = name
    Layer.__module__ = __name__
    Layer.__doc__ = "Convolution and batch norm" + (" and ReLU" if relu else "") + "; see Note [Training with folded batch norm]."
    return Layer


class LinearBn1d(_WithNorm, nn.Linear):
    """Linear layer and batch norm; see Note [Training with folded batch norm]."""

    def __init__(self, in_features, out_features, bias=True, eps=1e-05, momentum=0.1, freeze_bn=False, qconfig=None):
        super().__init__(in_features, out_features, bias)
        self._add_norm(nn.BatchNorm1d, out_features, eps, momentum, freeze_bn, qconfig)

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        linear, bn = mod[0], mod[1]
        made = cls(linear.in_features, linear.out_features, linear.bias is not None, bn.eps, bn.momentum, False, mod.qconfig)
        made.weight, made.bias = linear.weight, linear.bias
        made.bn.weight, made.bn.bias, made.bn.running_mean, made.bn.running_var = bn.weight, bn.bias, bn.running_mean, bn.running_var
        made.bn.num_batches_tracked = bn.num_batches_tracked
        return made

    def forward(self, x):
        return self._normed(nn.functional.linear, x)

    def to_float(self):
        made = nn.Linear(self.in_features, self.out_features)
        bn = self.bn
        made.weight, made.bias = fuse_linear_bn_weights(self.weight, self.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias)
        return made


def _of_relu(name, base):
    class Layer(base):
        _FLOAT_MODULE = getattr(intrinsic, name)

        def forward(self, x):
            return nn.functional.relu(base.forward(self, x))

        def to_float(self):
            return getattr(intrinsic, name)(super().to_float(), nn.ReLU())

    Layer.__name__ = Layer.__qualname__ = name
    Layer.__module__ = __name__
    Layer.__doc__ = f"{base.__name__} with rounded weights, and a ReLU."
    return Layer


for _n in (1, 2, 3):
    globals()[f"ConvBn{_n}d"] = _of_convolution(f"ConvBn{_n}d", _n, False)
    globals()[f"ConvBnReLU{_n}d"] = _of_convolution(f"ConvBnReLU{_n}d", _n, True)
    globals()[f"ConvReLU{_n}d"] = _of_relu(f"ConvReLU{_n}d", getattr(qat, f"Conv{_n}d"))
LinearReLU = _of_relu("LinearReLU", qat.Linear)


def update_bn_stats(mod):
    """For model.apply: batch norms in joined layers follow the batches."""
    if isinstance(mod, _WithNorm):
        mod.update_bn_stats()


def freeze_bn_stats(mod):
    """For model.apply: batch norms in joined layers keep their statistics."""
    if isinstance(mod, _WithNorm):
        mod.freeze_bn_stats()
