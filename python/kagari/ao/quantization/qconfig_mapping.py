"""QConfigMapping: which QConfig belongs to which layers and functions of a model."""
import re
from collections import OrderedDict

import kagari
from kagari import nn
from kagari.ao.quantization import observer as observers
from kagari.ao.quantization import fake_quantize as fakes
from kagari.ao.quantization.qconfig import QConfig, default_quint8_weight_qconfig, default_reuse_input_qconfig, get_default_qat_qconfig, get_default_qconfig

__all__ = ["QConfigMapping", "get_default_qat_qconfig_mapping", "get_default_qconfig_mapping"]

_STYLES = ("global_qconfig", "object_type_qconfigs", "module_name_regex_qconfigs", "module_name_qconfigs", "module_name_object_type_order_qconfigs")


class QConfigMapping:
    """Says for each operator of a model which QConfig it gets: by full name first, then by a pattern of names, by type, and else the global one.

        >>> import kagari as torch
        >>> from kagari.ao.quantization import QConfigMapping, default_qconfig
        >>> mapping = QConfigMapping().set_global(default_qconfig).set_object_type(torch.nn.Conv2d, None)
    """

    def __init__(self):
        self.global_qconfig = None
        self.object_type_qconfigs, self.module_name_regex_qconfigs, self.module_name_qconfigs = OrderedDict(), OrderedDict(), OrderedDict()
        self.module_name_object_type_order_qconfigs = OrderedDict()

    def set_global(self, global_qconfig):
        """The one for all others."""
        self.global_qconfig = global_qconfig
        return self

    def set_object_type(self, object_type, qconfig):
        """For modules of a class, for a function, or for a method by name."""
        self.object_type_qconfigs[object_type] = qconfig
        return self

    def set_module_name_regex(self, module_name_regex, qconfig):
        """For modules whose dotted name matches."""
        self.module_name_regex_qconfigs[module_name_regex] = qconfig
        return self

    def set_module_name(self, module_name, qconfig):
        """For one module, and what is in it."""
        self.module_name_qconfigs[module_name] = qconfig
        return self

    def set_module_name_object_type_order(self, module_name, object_type, index, qconfig):
        """For the index-th use of a type in a module."""
        self.module_name_object_type_order_qconfigs[(module_name, object_type, index)] = qconfig
        return self

    def __repr__(self):
        text = self.__class__.__name__ + " ("
        for style in _STYLES:
            text += f"\n {style}"
            value = getattr(self, style)
            if isinstance(value, OrderedDict) and value:
                text += "".join(f"\n  {key}: {qconfig}" for key, qconfig in value.items())
            else:
                text += f"\n  {value}"
        return f"{text}\n)"

    def to_dict(self):
        """As a dict, the older form."""
        return {"": self.global_qconfig, "object_type": list(self.object_type_qconfigs.items()),
                "module_name_regex": list(self.module_name_regex_qconfigs.items()), "module_name": list(self.module_name_qconfigs.items()),
                "module_name_object_type_order": [(*key, value) for key, value in self.module_name_object_type_order_qconfigs.items()]}

    @classmethod
    def from_dict(cls, qconfig_dict):
        """From a dict like that of to_dict."""
        made = cls()
        made.set_global(qconfig_dict.get(""))
        for key, setter in (("object_type", made.set_object_type), ("module_name_regex", made.set_module_name_regex), ("module_name", made.set_module_name),
                            ("module_name_object_type_order", made.set_module_name_object_type_order)):
            for entry in qconfig_dict.get(key, []):
                setter(*entry)
        return made

    def find(self, name, object_type):
        """The QConfig of the module `name`, or of a function used in it."""
        parts = name.split(".") if name else []
        for end in range(len(parts), 0, -1):
            if ".".join(parts[:end]) in self.module_name_qconfigs:
                return self.module_name_qconfigs[".".join(parts[:end])]
        for pattern, qconfig in self.module_name_regex_qconfigs.items():
            if re.match(pattern, name):
                return qconfig
        return self.object_type_qconfigs.get(object_type, self.global_qconfig)


def _default(qconfig, weight, fixed_low, fixed_signed, placeholder):
    mapping = QConfigMapping().set_global(qconfig).set_object_type("reshape", default_reuse_input_qconfig)
    functional = nn.functional
    transposed = QConfig(activation=qconfig.activation, weight=weight)
    for kind in (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d, functional.conv_transpose1d, functional.conv_transpose2d, functional.conv_transpose3d):
        mapping.set_object_type(kind, transposed)
    for kind in (functional.layer_norm, nn.LayerNorm):
        mapping.set_object_type(kind, QConfig(activation=qconfig.activation, weight=placeholder))
    mapping.set_object_type(nn.PReLU, default_quint8_weight_qconfig)
    for kind in (nn.Hardsigmoid, functional.hardsigmoid, "hardsigmoid", "hardsigmoid_", nn.Sigmoid, kagari.sigmoid, "sigmoid", "sigmoid_", nn.Softmax):
        mapping.set_object_type(kind, QConfig(activation=fixed_low, weight=weight))
    for kind in (nn.Tanh, kagari.tanh, "tanh", "tanh_"):
        mapping.set_object_type(kind, QConfig(activation=fixed_signed, weight=weight))
    return mapping


def get_default_qconfig_mapping(backend="x86", version=0):
    """The mapping for quantisation after training: get_default_qconfig, and fixed ranges for functions that have one."""
    return _default(get_default_qconfig(backend, version), observers.default_weight_observer, observers.default_fixed_qparams_range_0to1_observer,
                    observers.default_fixed_qparams_range_neg1to1_observer, observers.default_placeholder_observer)


def get_default_qat_qconfig_mapping(backend="x86", version=1):
    """The mapping for quantisation-aware training."""
    return _default(get_default_qat_qconfig(backend, version), fakes.default_fused_wt_fake_quant, fakes.default_fixed_qparams_range_0to1_fake_quant,
                    fakes.default_fixed_qparams_range_neg1to1_fake_quant, observers.default_placeholder_observer)
