"""Layers of integers: their inputs and outputs are quantized tensors. `convert` makes them from layers that were observed."""
import kagari
from kagari import nn
from kagari._submodules import submodules
from kagari.ao.nn import intrinsic
from kagari.ao.nn.intrinsic import qat as intrinsic_qat
from kagari.ao.nn.quantized import _operators as operators
from kagari.nn.utils.fusion import fuse_conv_bn_weights

__all__ = ["BatchNorm2d", "BatchNorm3d", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d", "DeQuantize", "Dropout", "ELU",
           "Embedding", "EmbeddingBag", "FXFloatFunctional", "FloatFunctional", "GroupNorm", "Hardswish", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d",
           "LayerNorm", "LeakyReLU", "Linear", "MaxPool2d", "PReLU", "QFunctional", "Quantize", "ReLU6", "Sigmoid", "Softmax"]


class Quantize(nn.Module):
    """Rounds float32 numbers to a scale and zero point.

        >>> import kagari as torch
        >>> torch.ao.nn.quantized.Quantize(0.1, 0, torch.quint8)(torch.tensor([0.12, 0.3])).int_repr()
        tensor([1, 3], dtype=torch.uint8)
    """

    def __init__(self, scale, zero_point, dtype, factory_kwargs=None):
        super().__init__()
        self.register_buffer("scale", kagari.tensor([scale]))
        self.register_buffer("zero_point", kagari.tensor([zero_point], dtype=kagari.long))
        self.dtype = dtype

    def forward(self, X):
        return kagari.quantize_per_tensor(X, self.scale, self.zero_point, self.dtype)

    @staticmethod
    def from_float(mod, use_precomputed_fake_quant=False):
        """The layer with what an observed module's observer says."""
        scale, zero_point = mod.activation_post_process.calculate_qparams()
        return Quantize(scale.float().item(), zero_point.long().item(), mod.activation_post_process.dtype)

    def extra_repr(self):
        return f"scale={self.scale}, zero_point={self.zero_point}, dtype={self.dtype}"


class DeQuantize(nn.Module):
    """Gives the float32 numbers of a quantized tensor."""

    def forward(self, Xq):
        return Xq.dequantize()

    @staticmethod
    def from_float(mod, use_precomputed_fake_quant=False):
        return DeQuantize()


def _rounded_weight(weight, observer):
    """The weight rounded with the scales and zero points of an observer that has seen it."""
    scale, zero_point = observer.calculate_qparams()
    if observer.qscheme in (kagari.per_tensor_affine, kagari.per_tensor_symmetric):
        return kagari.quantize_per_tensor(weight, float(scale), int(zero_point), kagari.qint8)
    return kagari.quantize_per_channel(weight, scale.to(kagari.double), zero_point.to(kagari.int64), observer.ch_axis, kagari.qint8)


class _Scaled(nn.Module):
    """Base: scale and zero point of the output are state, after all else."""

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[prefix + "scale"], destination[prefix + "zero_point"] = kagari.tensor(self.scale), kagari.tensor(self.zero_point)

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs):
        self.scale, self.zero_point = float(state_dict.pop(prefix + "scale")), int(state_dict.pop(prefix + "zero_point"))
        super()._load_from_state_dict(state_dict, prefix, local_metadata, False, missing_keys, unexpected_keys, error_msgs)


class _Quantized(nn.Module):
    """Base: scale and zero point of the output are state, with the weights as quantized tensors."""
    _saved = ("weight", "bias")

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        super()._save_to_state_dict(destination, prefix, keep_vars)
        for name, value in zip(self._saved, self._weight_bias()):
            destination[prefix + name] = value
        destination[prefix + "scale"] = kagari.tensor(self.scale)
        destination[prefix + "zero_point"] = kagari.tensor(self.zero_point)

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs):
        self.set_weight_bias(*(state_dict.pop(prefix + name, None) for name in self._saved))
        self.scale, self.zero_point = float(state_dict.pop(prefix + "scale")), int(state_dict.pop(prefix + "zero_point"))
        super()._load_from_state_dict(state_dict, prefix, local_metadata, False, missing_keys, unexpected_keys, error_msgs)

    def __copy__(self):
        return self.__deepcopy__({})

    def weight(self):
        """The quantized weight."""
        return self._weight_bias()[0]

    def bias(self):
        """The bias, float32."""
        return self._weight_bias()[1]

    def _set_output(self, module):
        observer = getattr(module, "activation_post_process", None)
        if observer is None or getattr(observer, "dtype", kagari.float32) == kagari.float32:
            self.scale, self.zero_point = 1.0, 0
            return
        scale, zero_point = observer.calculate_qparams()
        self.scale, self.zero_point = float(scale), int(zero_point)


class LinearPackedParams(nn.Module):
    """Weight and bias of a linear layer, packed."""
    _version = 3

    def __init__(self, dtype=kagari.qint8):
        super().__init__()
        self.dtype = dtype
        self.set_weight_bias(kagari._empty_affine_quantized([1, 1], scale=1, zero_point=0, dtype=kagari.qint8) if dtype == kagari.qint8 else kagari.zeros(1, 1), None)

    def set_weight_bias(self, weight, bias):
        make = operators.linear_prepack if self.dtype == kagari.qint8 else operators.linear_prepack_fp16
        self._packed_params = make(weight, None if bias is None else bias.detach())

    def _weight_bias(self):
        return self._packed_params.unpack()

    def forward(self, x):
        return x

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[prefix + "dtype"], destination[prefix + "_packed_params"] = self.dtype, self._weight_bias()

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs):
        self.dtype = state_dict.pop(prefix + "dtype")
        self.set_weight_bias(*state_dict.pop(prefix + "_packed_params"))
        super()._load_from_state_dict(state_dict, prefix, local_metadata, False, missing_keys, unexpected_keys, error_msgs)

    def __repr__(self):
        return repr(self._weight_bias())


class Linear(_Scaled):
    """A linear layer of integers. Its weight is rounded when it is made from an observed or a trained layer."""
    _FLOAT_MODULE = (nn.Linear,)

    def __init__(self, in_features, out_features, bias_=True, dtype=kagari.qint8):
        super().__init__()
        self.in_features, self.out_features, self.scale, self.zero_point = in_features, out_features, 1.0, 0
        self._packed_params = LinearPackedParams(dtype)
        if dtype == kagari.qint8:
            weight = kagari._empty_affine_quantized([out_features, in_features], scale=1, zero_point=0, dtype=kagari.qint8)
        else:
            weight = kagari.zeros(out_features, in_features)
        self._packed_params.set_weight_bias(weight, kagari.zeros(out_features) if bias_ else None)

    def forward(self, x):
        return operators.linear(x, self._packed_params._packed_params, self.scale, self.zero_point)

    def weight(self):
        """The quantized weight."""
        return self._packed_params._weight_bias()[0]

    def bias(self):
        """The bias, float32."""
        return self._packed_params._weight_bias()[1]

    def set_weight_bias(self, w, b):
        self._packed_params.set_weight_bias(w, b)

    _weight_bias = property(lambda self: self._packed_params._weight_bias)

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """The layer of an observed or trained one."""
        if isinstance(mod, intrinsic_qat.LinearBn1d):
            observer, layer = mod.weight_fake_quant, mod.to_float()
            observer(layer.weight)
        elif hasattr(mod, "weight_fake_quant"):
            observer, layer = mod.weight_fake_quant, mod
            if not use_precomputed_fake_quant:
                observer(layer.weight)
        else:
            layer = mod[0] if isinstance(mod, intrinsic._FusedModule) else mod
            observer = mod.qconfig.weight()
            observer(layer.weight)
        if observer.dtype != kagari.qint8:
            raise AssertionError("Weight observer must have dtype torch.qint8")
        made = cls(layer.in_features, layer.out_features, layer.bias is not None)
        made.set_weight_bias(_rounded_weight(layer.weight.detach().float(), observer), layer.bias)
        _Quantized._set_output(made, mod)
        return made

    def _get_name(self):
        return "QuantizedLinear"

    def __repr__(self):
        return f"{self._get_name()}({self.extra_repr()})"

    def extra_repr(self):
        return f"in_features={self.in_features}, out_features={self.out_features}, scale={self.scale}, zero_point={self.zero_point}, qscheme={self.weight().qscheme()}"


class _Convolution(_Quantized):
    _relu = False

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True, padding_mode="zeros", output_padding=0,
                 device=None, dtype=None):
        super().__init__()
        rank = self._rank

        def each(value):
            return tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank
        if padding_mode not in ("zeros", "reflect") or padding_mode != "zeros" and (self._transposed or rank == 3):
            raise NotImplementedError(f"Currently only zero-padding is supported by quantized {self._get_name()}, got {padding_mode}")
        self.in_channels, self.out_channels, self.groups, self.padding_mode = in_channels, out_channels, groups, padding_mode
        self.kernel_size, self.stride, self.padding, self.dilation, self.output_padding = each(kernel_size), each(stride), each(padding), each(dilation), each(output_padding)
        self.transposed, self.scale, self.zero_point = self._transposed, 1.0, 0
        shape = [in_channels, out_channels // groups] if self._transposed else [out_channels, in_channels // groups]
        self.set_weight_bias(kagari._empty_affine_quantized([*shape, *self.kernel_size], scale=1, zero_point=0, dtype=kagari.qint8),
                             kagari.zeros(out_channels) if bias else None)

    def set_weight_bias(self, w, b):
        padding = self.padding if self.padding_mode == "zeros" else (0,) * self._rank
        self._packed_params = operators.ConvPackedParams(w, None if b is None else b.detach(), self.stride, padding, self.dilation, self.groups, self._transposed,
                                                         self.output_padding if self._transposed else ())

    def _weight_bias(self):
        return self._packed_params.unpack()

    def forward(self, input):
        if len(input.shape) != self._rank + 2:
            raise ValueError(f"Input shape must be `(N, C, {', '.join('LHW'[3 - self._rank:] if self._rank > 1 else 'L')})`!")
        if self.padding_mode != "zeros":
            input = nn.functional.pad(input, [p for p in reversed(self.padding) for _ in (0, 1)], mode=self.padding_mode)
        return operators._convolved(input, self._packed_params, self.scale, self.zero_point, self._relu)

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """The layer of an observed or trained one."""
        layer = mod
        if hasattr(mod, "weight_fake_quant"):
            observer = mod.weight_fake_quant
            if hasattr(mod, "bn"):
                bn = mod.bn
                weight, bias = fuse_conv_bn_weights(mod.weight, mod.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias)
            else:
                weight, bias = mod.weight, mod.bias
            observer(weight)
        else:
            layer = mod[0] if isinstance(mod, intrinsic._FusedModule) else mod
            weight, bias, observer = layer.weight, layer.bias, mod.qconfig.weight()
            observer(weight)
        if observer.dtype != kagari.qint8:
            raise AssertionError("Weight observer must have a dtype of qint8")
        more = {"output_padding": layer.output_padding} if cls._transposed else {}
        made = cls(layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.groups, bias is not None, layer.padding_mode, **more)
        made.set_weight_bias(_rounded_weight(weight.detach().float(), observer), bias)
        made._set_output(mod)
        return made

    def _get_name(self):
        return f"Quantized{type(self).__name__}"

    def extra_repr(self):
        rank = self._rank
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}, scale={self.scale}, zero_point={self.zero_point}"
        if self.padding != (0,) * rank:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * rank:
            text += f", dilation={self.dilation}"
        if self._transposed and self.output_padding != (0,) * rank:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        return text + (", bias=False" if self.bias() is None else "")


for _n in (1, 2, 3):
    for _kind, _transposed in ((f"Conv{_n}d", False), (f"ConvTranspose{_n}d", True)):
        globals()[_kind] = type(_kind, (_Convolution,), {"_rank": _n, "_transposed": _transposed, "_FLOAT_MODULE": getattr(nn, _kind), "__module__": __name__,
                                                         "__doc__": f"nn.{_kind} of integers, made by `convert`."})


class FloatFunctional(nn.Module):
    """Sums, products and the like as a module, so that `prepare` can observe their results; QFunctional after `convert`."""

    def __init__(self):
        super().__init__()
        self.activation_post_process = nn.Identity()

    def forward(self, x):
        raise RuntimeError("FloatFunctional is not intended to use the 'forward'. Please use the underlying operation")

    def add(self, x, y):
        return self.activation_post_process(kagari.add(x, y))

    def add_scalar(self, x, y):
        return kagari.add(x, y)

    def mul(self, x, y):
        return self.activation_post_process(kagari.mul(x, y))

    def mul_scalar(self, x, y):
        return kagari.mul(x, y)

    def cat(self, x, dim=0):
        return self.activation_post_process(kagari.cat(x, dim=dim))

    def add_relu(self, x, y):
        return self.activation_post_process(nn.functional.relu(kagari.add(x, y)))

    def matmul(self, x, y):
        return self.activation_post_process(kagari.matmul(x, y))


class FXFloatFunctional(FloatFunctional):
    """The same without observers."""

    def __init__(self):
        nn.Module.__init__(self)
        self.activation_post_process = nn.Identity()


class QFunctional(_Scaled):
    """Sums, products and the like of quantized tensors, rounded to `scale` and `zero_point`."""

    def __init__(self):
        super().__init__()
        self.scale, self.zero_point = 1.0, 0
        self.activation_post_process = nn.Identity()

    def _get_name(self):
        return "QFunctional"

    def extra_repr(self):
        return f"scale={self.scale}, zero_point={self.zero_point}"

    def forward(self, x):
        raise RuntimeError("Functional is not intended to use the 'forward'. Please use the underlying operation")

    def add(self, x, y):
        return self.activation_post_process(operators.add(x, y, self.scale, self.zero_point))

    def add_scalar(self, x, y):
        return operators.add_scalar(x, y)

    def mul(self, x, y):
        return self.activation_post_process(operators.mul(x, y, self.scale, self.zero_point))

    def mul_scalar(self, x, y):
        return operators.mul_scalar(x, y)

    def cat(self, x, dim=0):
        return self.activation_post_process(operators.cat(x, dim, self.scale, self.zero_point))

    def add_relu(self, x, y):
        return self.activation_post_process(operators.add_relu(x, y, self.scale, self.zero_point))

    def matmul(self, x, y):
        return self.activation_post_process(operators.matmul(x, y, self.scale, self.zero_point))

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """The module with what the observer of a FloatFunctional says."""
        made = cls()
        scale, zero_point = mod.activation_post_process.calculate_qparams()
        made.scale, made.zero_point = float(scale), int(zero_point)
        return made


class ReLU6(nn.ReLU):
    """min(max(x, 0), 6) of quantized tensors."""

    def forward(self, input):
        return operators.relu6(input)

    def _get_name(self):
        return "QuantizedReLU6"

    @staticmethod
    def from_float(mod, use_precomputed_fake_quant=False):
        return ReLU6(mod.inplace)


def _activation(name, base, call, options, saved=True):
    """A layer whose result has a scale and zero point of its own, kept as buffers (saved) or as numbers."""
    class Layer(base):
        def __init__(self, scale, zero_point, *args, **kwargs):
            super().__init__(*args, **kwargs)
            if saved:
                self.register_buffer("scale", kagari.tensor(scale))
                self.register_buffer("zero_point", kagari.tensor(zero_point))
            else:
                self.scale, self.zero_point = scale, zero_point

        def forward(self, input):
            return call(self, input, float(self.scale), int(self.zero_point))

        def _get_name(self):
            return f"Quantized{name}"

        @classmethod
        def from_float(cls, mod, use_precomputed_fake_quant=False):
            scale, zero_point = mod.activation_post_process.calculate_qparams()
            made = cls(float(scale), int(zero_point), **{option: getattr(mod, option) for option in options})
            for parameter in ("weight", "bias"):
                if parameter in getattr(mod, "_parameters", {}):
                    setattr(made, parameter, getattr(mod, parameter))
            return made

    Layer.__name__ = Layer.__qualname__ = name
    Layer.__module__ = __name__
    Layer.__doc__ = f"nn.{base.__name__} of quantized tensors."
    return Layer


Hardswish = _activation("Hardswish", nn.Hardswish, lambda self, x, s, z: operators.hardswish(x, s, z), ())
ELU = _activation("ELU", nn.ELU, lambda self, x, s, z: operators.elu(x, s, z, self.alpha), ("alpha",), False)
LeakyReLU = _activation("LeakyReLU", nn.LeakyReLU, lambda self, x, s, z: operators.leaky_relu(x, self.negative_slope, self.inplace, s, z), ("negative_slope", "inplace"))
Sigmoid = _activation("Sigmoid", nn.Sigmoid, lambda self, x, s, z: operators.sigmoid(x, s, z), (), False)
Softmax = _activation("Softmax", nn.Softmax, lambda self, x, s, z: operators.softmax(x, self.dim, s, z), ("dim",), False)
LayerNorm = _activation("LayerNorm", nn.LayerNorm, lambda self, x, s, z: operators.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps, s, z),
                        ("normalized_shape", "eps", "elementwise_affine"))
GroupNorm = _activation("GroupNorm", nn.GroupNorm, lambda self, x, s, z: operators.group_norm(x, self.num_groups, self.weight, self.bias, self.eps, s, z),
                        ("num_groups", "num_channels", "eps", "affine"))
InstanceNorm1d, InstanceNorm2d, InstanceNorm3d = (
    _activation(f"InstanceNorm{_n}d", getattr(nn, f"InstanceNorm{_n}d"), lambda self, x, s, z: operators.instance_norm(x, self.weight, self.bias, self.eps, s, z),
                ("num_features", "eps", "affine")) for _n in (1, 2, 3))
BatchNorm2d, BatchNorm3d = (
    _activation(f"BatchNorm{_n}d", getattr(nn, f"BatchNorm{_n}d"),
                lambda self, x, s, z: operators.batch_norm2d(x, self.weight, self.bias, self.running_mean, self.running_var, self.eps, s, z), ("num_features", "eps", "momentum"))
    for _n in (2, 3))


def _norm_from_float(cls, mod, use_precomputed_fake_quant=False):
    layer = mod[0] if isinstance(mod, intrinsic._FusedModule) else mod
    scale, zero_point = mod.activation_post_process.calculate_qparams()
    made = cls(float(scale), int(zero_point), layer.num_features, layer.eps)
    made.weight, made.bias, made.running_mean, made.running_var = layer.weight, layer.bias, layer.running_mean, layer.running_var
    return made


BatchNorm2d.from_float = BatchNorm3d.from_float = classmethod(_norm_from_float)


class PReLU(nn.Module):
    """nn.PReLU of quantized tensors."""

    def __init__(self, output_scale, output_zero_point, num_parameters=1):
        super().__init__()
        self.num_parameters, self.scale, self.zero_point = num_parameters, output_scale, output_zero_point
        self.weight = kagari.quantize_per_tensor(kagari.zeros(num_parameters), 1.0, 0, kagari.quint8)

    def set_weight(self, w):
        self.weight = w

    def forward(self, input):
        return operators.prelu(input, self.weight, self.scale, self.zero_point)

    def _get_name(self):
        return "QuantizedPReLU"

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        scale, zero_point = mod.activation_post_process.calculate_qparams()
        made = cls(float(scale), int(zero_point), mod.num_parameters)
        observer = mod.qconfig.weight()
        observer(mod.weight.float())
        made.set_weight(kagari.quantize_per_tensor(mod.weight.detach().float(), *(float(one) for one in observer.calculate_qparams()), kagari.quint8))
        return made


class Dropout(nn.Dropout):
    """Nothing, as dropout is in evaluation."""

    def forward(self, input):
        return input

    def _get_name(self):
        return "QuantizedDropout"

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        return cls(mod.p, mod.inplace)


class MaxPool2d(nn.MaxPool2d):
    """nn.MaxPool2d, which takes quantized tensors as it is."""

    @staticmethod
    def from_float(mod, use_precomputed_fake_quant=False):
        return mod


class Embedding(nn.Module):
    """nn.Embedding with an 8-bit weight, one scale per row; its result is float32."""

    def __init__(self, num_embeddings, embedding_dim, padding_idx=None, _weight=None, dtype=kagari.quint8):
        super().__init__()
        self.num_embeddings, self.embedding_dim, self.dtype = num_embeddings, embedding_dim, dtype
        if _weight is None:
            _weight = kagari._empty_per_channel_affine_quantized([num_embeddings, embedding_dim], scales=kagari.ones(num_embeddings), zero_points=kagari.zeros(num_embeddings),
                                                                axis=0, dtype=kagari.quint8)
        self.set_weight(_weight)

    def set_weight(self, w):
        self._weight_ = w

    def weight(self):
        """The quantized weight."""
        return self._weight_

    def forward(self, indices):
        return operators.embedding_byte(self._weight_, indices)

    def _get_name(self):
        return "QuantizedEmbedding"

    def extra_repr(self):
        return f"num_embeddings={self.num_embeddings}, embedding_dim={self.embedding_dim}, dtype={self.dtype}, qscheme={self._weight_.qscheme()}"

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """The layer of one with a qconfig whose weight observer has a floating zero point per row."""
        observer = mod.weight_fake_quant if hasattr(mod, "weight_fake_quant") else mod.qconfig.weight()
        observer(mod.weight)
        if observer.qscheme != kagari.per_channel_affine_float_qparams:
            raise AssertionError("Embedding quantization is only supported with float_qparams_weight_only_qconfig.")
        if observer.dtype != kagari.quint8:
            raise NotImplementedError(f"Embedding: weights of dtype {observer.dtype}")
        scale, zero_point = observer.calculate_qparams()
        made = cls(mod.num_embeddings, mod.embedding_dim, mod.padding_idx)
        made.set_weight(kagari.quantize_per_channel(mod.weight.detach().float(), scale.float(), zero_point.float(), 0, kagari.quint8))
        return made


class EmbeddingBag(Embedding):
    """nn.EmbeddingBag with an 8-bit weight."""
    mode, include_last_offset = "sum", False

    def forward(self, indices, offsets=None, per_sample_weights=None, compressed_indices_mapping=None):
        return nn.functional.embedding_bag(indices, self._weight_.dequantize(), offsets, mode=self.mode, per_sample_weights=per_sample_weights,
                                           include_last_offset=self.include_last_offset)

    def _get_name(self):
        return "QuantizedEmbeddingBag"

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        made = super().from_float(mod)
        made.mode, made.include_last_offset = mod.mode, mod.include_last_offset
        return made

__getattr__, __dir__ = submodules(globals(), "dynamic")
