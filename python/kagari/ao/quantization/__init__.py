"""Models whose numbers are rounded to integers of 8 bits.

Three ways: quantize_dynamic rounds weights at once and inputs in each call; prepare, a run on examples, and convert make layers of integers; prepare_qat, training,
and convert make them from layers that learned to be rounded. quantize_fx does the same to the graph of a model, so that it needs no stubs.

    small = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)
"""
from kagari._submodules import submodules
from kagari.ao.quantization.fake_quantize import *  # noqa: F403
from kagari.ao.quantization.fuse_modules import *  # noqa: F403
from kagari.ao.quantization.observer import *  # noqa: F403
from kagari.ao.quantization.qconfig import *  # noqa: F403
from kagari.ao.quantization.qconfig_mapping import QConfigMapping, get_default_qat_qconfig_mapping, get_default_qconfig_mapping  # noqa: F401
from kagari.ao.quantization.quant_type import QuantType  # noqa: F401
from kagari.ao.quantization.quantization_mappings import *  # noqa: F403
from kagari.ao.quantization.quantize import *  # noqa: F403
from kagari.ao.quantization.stubs import *  # noqa: F403

__getattr__, __dir__ = submodules(globals(), "quantize_fx", "fuser_method_mappings")
