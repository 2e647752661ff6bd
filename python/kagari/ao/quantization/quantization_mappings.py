"""Which class of layers becomes which when a model is quantised."""
import copy

import kagari
from kagari import nn
from kagari.ao.nn import intrinsic, qat, quantized
from kagari.ao.nn.intrinsic import qat as intrinsic_qat
from kagari.ao.nn.intrinsic import quantized as intrinsic_quantized
from kagari.ao.nn.quantized import dynamic
from kagari.ao.quantization import fake_quantize as fakes
from kagari.ao.quantization.stubs import DeQuantStub, QuantStub

__all__ = [
    "DEFAULT_DYNAMIC_QUANT_MODULE_MAPPINGS", "DEFAULT_FLOAT_TO_QUANTIZED_OPERATOR_MAPPINGS", "DEFAULT_MODULE_TO_ACT_POST_PROCESS", "DEFAULT_QAT_MODULE_MAPPINGS",
    "DEFAULT_STATIC_QUANT_MODULE_MAPPINGS", "get_default_compare_output_module_list", "get_default_dynamic_quant_module_mappings",
    "get_default_float_to_quantized_operator_mappings", "get_default_qat_module_mappings", "get_default_qconfig_propagation_list",
    "get_default_static_quant_module_mappings", "get_dynamic_quant_module_class", "get_embedding_qat_module_mappings", "get_embedding_static_quant_module_mappings",
    "get_quantized_operator", "get_static_quant_module_class", "no_observer_set",
]

DEFAULT_STATIC_QUANT_MODULE_MAPPINGS = {
    QuantStub: quantized.Quantize, DeQuantStub: quantized.DeQuantize,
    **{getattr(nn, name): getattr(quantized, name) for name in (
        "BatchNorm2d", "BatchNorm3d", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d", "Dropout", "ELU", "Embedding",
        "EmbeddingBag", "GroupNorm", "Hardswish", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d", "LayerNorm", "LeakyReLU", "Linear", "ReLU6", "PReLU")},
    quantized.FloatFunctional: quantized.QFunctional,
    **{getattr(intrinsic, name): getattr(intrinsic_quantized, name) for name in intrinsic_quantized.__all__},
    **{getattr(intrinsic_qat, f"ConvBn{n}d"): getattr(quantized, f"Conv{n}d") for n in (1, 2, 3)},
    **{getattr(intrinsic_qat, f"ConvBnReLU{n}d"): getattr(intrinsic_quantized, f"ConvReLU{n}d") for n in (1, 2, 3)},
    **{getattr(intrinsic_qat, f"ConvReLU{n}d"): getattr(intrinsic_quantized, f"ConvReLU{n}d") for n in (1, 2, 3)},
    intrinsic_qat.LinearReLU: intrinsic_quantized.LinearReLU, intrinsic_qat.LinearBn1d: quantized.Linear,
    **{getattr(qat, name): getattr(quantized, name) for name in ("Conv1d", "Conv2d", "Conv3d", "Linear", "Embedding", "EmbeddingBag")},
}
DEFAULT_QAT_MODULE_MAPPINGS = {
    nn.Conv2d: qat.Conv2d, nn.Conv3d: qat.Conv3d, nn.Linear: qat.Linear, nn.modules.linear.NonDynamicallyQuantizableLinear: qat.Linear,
    **{getattr(intrinsic, name): getattr(intrinsic_qat, name) for name in intrinsic_qat.__all__ if not name.endswith("_stats") and name != "ConvReLU1d"},
}
DEFAULT_DYNAMIC_QUANT_MODULE_MAPPINGS = {nn.Linear: dynamic.Linear, nn.LSTM: dynamic.LSTM, nn.GRU: dynamic.GRU, nn.LSTMCell: dynamic.LSTMCell, nn.GRUCell: dynamic.GRUCell,
                                         nn.RNNCell: dynamic.RNNCell, nn.modules.linear.NonDynamicallyQuantizableLinear: dynamic.Linear, nn.EmbeddingBag: quantized.EmbeddingBag,
                                         nn.Embedding: quantized.Embedding}
DEFAULT_FLOAT_TO_QUANTIZED_OPERATOR_MAPPINGS = {nn.functional.elu: "elu", nn.functional.hardswish: "hardswish", nn.functional.instance_norm: "instance_norm",
                                                nn.functional.layer_norm: "layer_norm", nn.functional.leaky_relu: "leaky_relu", nn.functional.dropout: "dropout"}
DEFAULT_MODULE_TO_ACT_POST_PROCESS = {nn.Hardsigmoid: fakes.default_fixed_qparams_range_0to1_fake_quant, nn.Sigmoid: fakes.default_fixed_qparams_range_0to1_fake_quant,
                                      nn.Softmax: fakes.default_fixed_qparams_range_0to1_fake_quant, nn.Tanh: fakes.default_fixed_qparams_range_neg1to1_fake_quant}


def no_observer_set():
    """Classes whose output is not observed: they keep the scale of their input."""
    return {quantized.Dropout, nn.Dropout, nn.modules.rnn.LSTM, nn.modules.rnn.GRU}


def _copied(table):
    def get():
        return copy.copy(table)
    return get


get_default_static_quant_module_mappings = _copied(DEFAULT_STATIC_QUANT_MODULE_MAPPINGS)
get_default_qat_module_mappings = _copied(DEFAULT_QAT_MODULE_MAPPINGS)
get_default_dynamic_quant_module_mappings = _copied(DEFAULT_DYNAMIC_QUANT_MODULE_MAPPINGS)
get_default_float_to_quantized_operator_mappings = _copied(DEFAULT_FLOAT_TO_QUANTIZED_OPERATOR_MAPPINGS)


def get_embedding_static_quant_module_mappings():
    return {**DEFAULT_STATIC_QUANT_MODULE_MAPPINGS, qat.EmbeddingBag: quantized.EmbeddingBag, qat.Embedding: quantized.Embedding}


def get_embedding_qat_module_mappings():
    return {**DEFAULT_QAT_MODULE_MAPPINGS, nn.EmbeddingBag: qat.EmbeddingBag, nn.Embedding: qat.Embedding}


def get_default_qconfig_propagation_list():
    """Classes that get the qconfig of a model that has one."""
    joined = {getattr(intrinsic, name) for name in intrinsic.__all__}
    return {*DEFAULT_STATIC_QUANT_MODULE_MAPPINGS, *DEFAULT_QAT_MODULE_MAPPINGS, *DEFAULT_DYNAMIC_QUANT_MODULE_MAPPINGS, *joined}


def get_default_compare_output_module_list():
    return {*DEFAULT_STATIC_QUANT_MODULE_MAPPINGS, *DEFAULT_STATIC_QUANT_MODULE_MAPPINGS.values(), *DEFAULT_QAT_MODULE_MAPPINGS, *DEFAULT_QAT_MODULE_MAPPINGS.values(),
            *DEFAULT_DYNAMIC_QUANT_MODULE_MAPPINGS, *DEFAULT_DYNAMIC_QUANT_MODULE_MAPPINGS.values()}


def _looked_up(table, what):
    def get(float_module_class, additional_mapping=None, is_reference=False):
        found = {**table, **(additional_mapping or {})}.get(float_module_class)
        if found is None:
            raise AssertionError(f"Floating point module class {float_module_class} does not have a corresponding {what} module class")
        return copy.deepcopy(found)
    return get


get_static_quant_module_class = _looked_up(DEFAULT_STATIC_QUANT_MODULE_MAPPINGS, "quantized")
get_dynamic_quant_module_class = _looked_up(DEFAULT_DYNAMIC_QUANT_MODULE_MAPPINGS, "dynamic quantized")


def get_quantized_operator(float_op):
    """The operator of torch.ops.quantized for a function."""
    name = DEFAULT_FLOAT_TO_QUANTIZED_OPERATOR_MAPPINGS.get(float_op)
    if name is None:
        raise AssertionError(f"Operator {float_op} does not have corresponding quantized op")
    return getattr(kagari.ops.quantized, name)
