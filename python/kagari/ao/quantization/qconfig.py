"""How activations and weights are to be rounded: pairs of observers, or of modules that round."""
from collections import namedtuple

import kagari
from kagari.ao.quantization.fake_quantize import default_fake_quant, default_weight_fake_quant
from kagari.ao.quantization.observer import (PlaceholderObserver, default_debug_observer, default_dynamic_quant_observer, default_observer,
                                             default_per_channel_weight_observer, default_weight_observer)
from kagari.nn import Identity, Module

__all__ = ["QConfig", "QConfigDynamic", "default_debug_qconfig", "default_dynamic_qconfig", "default_per_channel_qconfig", "default_qat_qconfig", "default_qconfig",
           "default_weight_only_qconfig", "float16_dynamic_qconfig", "float16_static_qconfig", "per_channel_dynamic_qconfig"]


class QConfig(namedtuple("QConfig", ["activation", "weight"])):
    """Classes of the observers, or what their with_args gives. ValueError for instances."""
    __slots__ = ()

    def __new__(cls, activation, weight):
        if isinstance(activation, Module) or isinstance(weight, Module):
            raise ValueError("QConfig received observer instance, please pass observer class instead. Use MyObserver.with_args(x=1) to override arguments to "
                             "constructor if needed")
        return super().__new__(cls, activation, weight)


class QConfigDynamic(namedtuple("QConfigDynamic", ["activation", "weight"])):
    """The same for dynamic quantisation; an older name."""
    __slots__ = ()

    def __new__(cls, activation=Identity, weight=Identity):
        return super().__new__(cls, activation, weight)


default_qconfig = QConfig(activation=default_observer, weight=default_weight_observer)
default_debug_qconfig = QConfig(weight=default_weight_observer, activation=default_debug_observer)
default_per_channel_qconfig = QConfig(activation=default_observer, weight=default_per_channel_weight_observer)
default_dynamic_qconfig = QConfig(activation=default_dynamic_quant_observer, weight=default_weight_observer)
per_channel_dynamic_qconfig = QConfig(activation=default_dynamic_quant_observer, weight=default_per_channel_weight_observer)
float16_dynamic_qconfig = QConfig(activation=PlaceholderObserver.with_args(dtype=kagari.float16, is_dynamic=True), weight=PlaceholderObserver.with_args(dtype=kagari.float16))
float16_static_qconfig = QConfig(activation=PlaceholderObserver.with_args(dtype=kagari.float16), weight=PlaceholderObserver.with_args(dtype=kagari.float16))
default_qat_qconfig = QConfig(activation=default_fake_quant, weight=default_weight_fake_quant)
default_weight_only_qconfig = QConfig(activation=Identity, weight=default_weight_fake_quant)
