"""QConfig: how a layer's output and weight are to be observed, as functions that make observers."""
from collections import namedtuple
import functools

import kagari
from kagari import nn
from kagari.ao.quantization import fake_quantize as fakes
from kagari.ao.quantization import observer as observers
from kagari.ao.quantization.observer import _PartialWrapper

__all__ = [
    "QConfig", "QConfigAny", "QConfigDynamic", "default_activation_only_qconfig", "default_debug_qconfig", "default_dynamic_qat_qconfig",
    "default_dynamic_qconfig", "default_embedding_qat_qconfig", "default_embedding_qat_qconfig_4bit", "default_per_channel_qconfig",
    "default_per_channel_symmetric_qnnpack_qat_qconfig", "default_per_channel_symmetric_qnnpack_qconfig", "default_qat_qconfig", "default_qat_qconfig_v2",
    "default_qconfig", "default_quint8_weight_qconfig", "default_reuse_input_qconfig", "default_symmetric_qnnpack_qat_qconfig",
    "default_symmetric_qnnpack_qconfig", "default_weight_only_qconfig", "float16_dynamic_qconfig", "float16_static_qconfig",
    "float_qparams_weight_only_qconfig", "float_qparams_weight_only_qconfig_4bit", "get_default_qat_qconfig", "get_default_qat_qconfig_dict",
    "get_default_qconfig", "get_default_qconfig_dict", "per_channel_dynamic_qconfig", "qconfig_equals",
]


class QConfig(namedtuple("QConfig", ["activation", "weight"])):
    """Two functions without arguments that make the observers of a layer's output and of its weight.

        >>> import kagari as torch
        >>> from kagari.ao.quantization import MinMaxObserver, QConfig
        >>> QConfig(activation=MinMaxObserver, weight=MinMaxObserver.with_args(dtype=torch.qint8)).weight().dtype
        torch.qint8
    """
    __slots__ = ()

    def __new__(cls, activation, weight):
        if isinstance(activation, nn.Module) or isinstance(weight, nn.Module):
            raise ValueError("QConfig received observer instance, please pass observer class instead. Use MyObserver.with_args(x=1) to override arguments to "
                             "constructor if needed")
        return super().__new__(cls, activation, weight)


class QConfigDynamic(namedtuple("QConfigDynamic", ["activation", "weight"])):
    """The older form for dynamic quantisation."""
    __slots__ = ()

    def __new__(cls, activation=nn.Identity, weight=nn.Identity):
        if isinstance(weight, nn.Module):
            raise ValueError("QConfigDynamic received observer instance, please pass observer class instead. Use MyObserver.with_args(x=1) to override arguments to "
                             "constructor if needed")
        return super().__new__(cls, activation, weight)


QConfigAny = QConfig | None

default_qconfig = QConfig(activation=observers.default_observer, weight=observers.default_weight_observer)
default_debug_qconfig = QConfig(weight=observers.default_weight_observer, activation=observers.default_debug_observer)
default_per_channel_qconfig = QConfig(activation=observers.default_observer, weight=observers.default_per_channel_weight_observer)
default_dynamic_qconfig = QConfig(activation=observers.default_dynamic_quant_observer, weight=observers.default_weight_observer)
float16_dynamic_qconfig = QConfig(activation=observers.PlaceholderObserver.with_args(dtype=kagari.float16, is_dynamic=True),
                                  weight=observers.PlaceholderObserver.with_args(dtype=kagari.float16))
float16_static_qconfig = QConfig(activation=observers.PlaceholderObserver.with_args(dtype=kagari.float16), weight=observers.PlaceholderObserver.with_args(dtype=kagari.float16))
per_channel_dynamic_qconfig = QConfig(activation=observers.default_dynamic_quant_observer, weight=observers.default_per_channel_weight_observer)
float_qparams_weight_only_qconfig = QConfig(activation=observers.default_placeholder_observer, weight=observers.default_float_qparams_observer)
float_qparams_weight_only_qconfig_4bit = QConfig(activation=observers.default_placeholder_observer, weight=observers.default_float_qparams_observer_4bit)
default_qat_qconfig = QConfig(activation=fakes.default_fake_quant, weight=fakes.default_weight_fake_quant)
default_dynamic_qat_qconfig = QConfig(activation=fakes.default_dynamic_fake_quant, weight=fakes.default_weight_fake_quant)
default_weight_only_qconfig = QConfig(activation=nn.Identity, weight=fakes.default_weight_fake_quant)
default_activation_only_qconfig = QConfig(activation=fakes.default_fake_quant, weight=nn.Identity)
default_qat_qconfig_v2 = QConfig(activation=fakes.default_fused_act_fake_quant, weight=fakes.default_fused_wt_fake_quant)
default_reuse_input_qconfig = QConfig(activation=observers.default_reuse_input_observer, weight=observers.NoopObserver)
default_quint8_weight_qconfig = QConfig(activation=observers.HistogramObserver, weight=observers.MinMaxObserver)
default_embedding_qat_qconfig = QConfig(activation=observers.NoopObserver.with_args(dtype=kagari.float32), weight=fakes.default_embedding_fake_quant)
default_embedding_qat_qconfig_4bit = QConfig(activation=observers.NoopObserver.with_args(dtype=kagari.float32), weight=fakes.default_embedding_fake_quant_4bit)

_symmetric = dict(dtype=kagari.qint8, reduce_range=False, eps=2 ** -12)
default_symmetric_qnnpack_qconfig = QConfig(activation=observers.HistogramObserver.with_args(**_symmetric), weight=observers.weight_observer_range_neg_127_to_127)
default_per_channel_symmetric_qnnpack_qconfig = QConfig(activation=observers.HistogramObserver.with_args(**_symmetric),
                                                        weight=observers.per_channel_weight_observer_range_neg_127_to_127)
_fused_symmetric = fakes.FusedMovingAvgObsFakeQuantize.with_args(observer=observers.MovingAverageMinMaxObserver, quant_min=-128, quant_max=127, **_symmetric)
default_symmetric_qnnpack_qat_qconfig = QConfig(activation=_fused_symmetric, weight=fakes.fused_wt_fake_quant_range_neg_127_to_127)
default_per_channel_symmetric_qnnpack_qat_qconfig = QConfig(activation=_fused_symmetric, weight=fakes.fused_per_channel_wt_fake_quant_range_neg_127_to_127)


def _unknown(backend):
    return AssertionError(f"backend: {backend} not supported. backend must be one of ['fbgemm', 'x86', 'qnnpack', 'onednn']")


def get_default_qconfig(backend="x86", version=0):
    """The QConfig that suits an engine: histogram observers of outputs, weights with a scale per channel (qnnpack: one scale)."""
    if version != 0:
        raise AssertionError(f"Version number: {version} in get_default_qconfig is not supported. Version number must be 0")
    per_channel, per_tensor = observers.default_per_channel_weight_observer, observers.default_weight_observer
    if backend not in ("fbgemm", "qnnpack", "onednn", "x86"):
        raise _unknown(backend)
    return QConfig(activation=observers.HistogramObserver.with_args(reduce_range=backend in ("fbgemm", "x86")), weight=per_tensor if backend == "qnnpack" else per_channel)


def get_default_qat_qconfig(backend="x86", version=1):
    """The same for quantisation-aware training: modules that round while they observe."""
    if backend not in ("fbgemm", "qnnpack", "onednn", "x86"):
        raise _unknown(backend)
    if version not in (0, 1):
        raise AssertionError(f"Version number: {version} in get_default_qat_qconfig is not supported. Version number must be 0 or 1")
    how = fakes.FakeQuantize if version == 0 else fakes.FusedMovingAvgObsFakeQuantize
    options = {} if backend == "onednn" else {"reduce_range": backend != "qnnpack"}
    activation = how.with_args(observer=observers.MovingAverageMinMaxObserver, quant_min=0, quant_max=255, **options)
    if version == 0:
        weight = fakes.default_weight_fake_quant if backend == "qnnpack" else fakes.default_per_channel_weight_fake_quant
    else:
        weight = fakes.default_fused_wt_fake_quant if backend == "qnnpack" else fakes.default_fused_per_channel_wt_fake_quant
    return QConfig(activation=activation, weight=weight)


def get_default_qconfig_dict(backend="x86", version=0):
    """get_default_qconfig_mapping as a dict."""
    from kagari.ao.quantization.qconfig_mapping import get_default_qconfig_mapping
    return get_default_qconfig_mapping(backend, version).to_dict()


def get_default_qat_qconfig_dict(backend="x86", version=1):
    """get_default_qat_qconfig_mapping as a dict."""
    from kagari.ao.quantization.qconfig_mapping import get_default_qat_qconfig_mapping
    return get_default_qat_qconfig_mapping(backend, version).to_dict()


def _same_maker(a, b):
    if isinstance(a, _PartialWrapper) and isinstance(b, _PartialWrapper):
        return a.p.func == b.p.func and a.p.args == b.p.args and a.p.keywords == b.p.keywords
    if isinstance(a, functools.partial) and isinstance(b, functools.partial):
        return a.func == b.func and a.args == b.args and a.keywords == b.keywords
    return a == b


def qconfig_equals(q1, q2):
    """Whether two QConfigs make the same observers."""
    if q1 is None or q2 is None:
        return q1 is q2
    return _same_maker(q1.activation, q2.activation) and _same_maker(q1.weight, q2.weight)
