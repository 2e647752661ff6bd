"""Quantized tensors: numbers (level - zero_point) * scale whose levels are integers of 8 or 32 bits."""
from kagari import _C

__all__ = ["quantize_per_tensor", "quantize_per_channel", "quantize_per_tensor_dynamic", "fused_moving_avg_obs_fake_quant", "qscheme"]

_ops = _C._space_ops
_LEVELS = {_C.quint8: _C.uint8, _C.qint8: _C.int8, _C.qint32: _C.int32}


class qscheme:
    """How scales belong to elements: one for all, or one per index of a dimension."""

    def __init__(self, name):
        self._name = name

    def __repr__(self):
        return f"torch.{self._name}"

    def __reduce__(self):
        from kagari._tensor import _named
        return _named, (self._name,)


qscheme.__module__ = "torch"
per_tensor_affine, per_channel_affine, per_tensor_symmetric, per_channel_symmetric, per_channel_affine_float_qparams = map(qscheme, (
    "per_tensor_affine", "per_channel_affine", "per_tensor_symmetric", "per_channel_symmetric", "per_channel_affine_float_qparams"))
_SCHEMES = (per_tensor_affine, per_channel_affine, per_channel_affine_float_qparams)


def levels_of(dtype):
    """The integers behind a quantized dtype: uint8 for quint8. RuntimeError for another dtype."""
    if dtype not in _LEVELS:
        raise RuntimeError(f"quantize: the dtype must be one of quint8, qint8 and qint32, not {dtype}")
    return _LEVELS[dtype]


def quantize_per_tensor(input, scale, zero_point, dtype):
    """The quantized tensor with levels round(input / scale + zero_point), within the range of the dtype (quint8, qint8 or qint32).

    input: float32, or a list of tensors with tensors of scales and zero points. scale and zero_point may be tensors of one element.

        >>> import kagari as torch
        >>> torch.quantize_per_tensor(torch.tensor([0.12, 0.31]), 0.1, 5, torch.quint8).int_repr()
        tensor([6, 8], dtype=torch.uint8)
    """
    if isinstance(input, (list, tuple)):
        return [quantize_per_tensor(one, float(s), int(z), dtype) for one, s, z in zip(input, scale, zero_point)]
    return _ops["_quantize_per_tensor"](input, float(scale), int(zero_point), levels_of(dtype))


def quantize_per_channel(input, scales, zero_points, axis, dtype):
    """The quantized tensor with a scale and a zero point for each index of dimension `axis`.

        >>> import kagari as torch
        >>> torch.quantize_per_channel(torch.ones(2, 1), torch.tensor([0.5, 0.1]), torch.zeros(2, dtype=torch.int64), 0, torch.qint8).int_repr()
        tensor([[ 2],
                [10]], dtype=torch.int8)
    """
    return _ops["_quantize_per_channel"](input, scales, zero_points, axis, levels_of(dtype))


def quantize_per_tensor_dynamic(input, dtype, reduce_range):
    """The quantized tensor whose levels span the numbers that occur; reduce_range: half of the levels."""
    return _ops["_quantize_per_tensor_dynamic"](input, levels_of(dtype), reduce_range)


def choose_quantization(least, most, quant_min, quant_max, symmetric=False):
    """(scales, zero points) as float64 tensors for numbers from least to most, which are tensors of one size."""
    return _ops["_choose_quantization"](least, most, quant_min, quant_max, symmetric).unbind(0)


def _choose_qparams_per_tensor(input, reduce_range=False):
    """(scale, zero point) of quint8 for the numbers of a tensor."""
    least, most = input.detach().aminmax()
    scale, zero_point = choose_quantization(least, most, *((0, 127) if reduce_range else (0, 255)))
    return scale.item(), int(zero_point)


def fused_moving_avg_obs_fake_quant(input, observer_on, fake_quant_on, running_min, running_max, scale, zero_point, averaging_const, quant_min, quant_max, ch_axis,
                                    per_row_fake_quant=False, symmetric_quant=False):
    """Follows the range of `input` (running_min and running_max, scale and zero_point are written), and rounds it: see torch.ao.quantization.FusedMovingAvgObsFakeQuantize."""
    import kagari
    if int(observer_on):
        with kagari.no_grad():
            x = input.detach()
            if per_row_fake_quant:
                x = x.transpose(0, ch_axis).flatten(1)
                least, most = x.aminmax(dim=1)
            else:
                least, most = x.aminmax()
            if running_min.numel() != least.numel() or running_min.dim() != least.dim():
                for running, start in ((running_min, float("inf")), (running_max, float("-inf"))):
                    running.resize_(least.shape).fill_(start)
            for running, now in ((running_min, least), (running_max, most)):
                running.copy_(kagari.where(kagari.isinf(running), now, running + averaging_const * (now - running)))
            scales, zero_points = choose_quantization(running_min, running_max, quant_min, quant_max, symmetric_quant)
            scale.resize_(scales.shape).copy_(scales)
            zero_point.resize_(zero_points.shape).copy_(zero_points)
    if not int(fake_quant_on):
        return input
    if per_row_fake_quant:
        return kagari.fake_quantize_per_channel_affine(input, scale, zero_point, ch_axis, quant_min, quant_max)
    return kagari.fake_quantize_per_tensor_affine(input, scale, zero_point, quant_min, quant_max)


def tensor_scheme(tensor):
    """The qscheme of a quantized tensor."""
    return _SCHEMES[_ops["_quantization_scheme"](tensor)]


def _empty_affine_quantized(*size, scale=1.0, zero_point=0, dtype=None, device=None, **options):
    """A quantized tensor whose levels are not set."""
    import kagari
    return kagari._make_per_tensor_quantized_tensor(kagari.empty(*size, dtype=levels_of(dtype)), scale, zero_point)


def _empty_per_channel_affine_quantized(*size, scales, zero_points, axis, dtype=None, device=None, **options):
    """A quantized tensor whose levels are not set."""
    import kagari
    return kagari._make_per_channel_quantized_tensor(kagari.empty(*size, dtype=levels_of(dtype)), scales, zero_points, axis)
