"""Quantisation of a model layer by layer: prepare puts observers behind layers, convert replaces layers by those of integers."""
import copy
import inspect
import warnings

import kagari
from kagari import nn
from kagari.ao.nn import intrinsic, quantized
from kagari.ao.quantization import qconfig as configs
from kagari.ao.quantization import quantization_mappings as mappings
from kagari.ao.quantization.stubs import DeQuantStub, QuantWrapper

__all__ = ["add_quant_dequant", "convert", "default_eval_fn", "get_default_custom_config_dict", "prepare", "prepare_qat", "propagate_qconfig_", "quantize",
           "quantize_dynamic", "quantize_qat", "swap_module"]


def get_default_custom_config_dict():
    """Classes with rules of their own: none."""
    return {"float_to_observed_custom_module_class": {}, "observed_to_quantized_custom_module_class": {}}


def _propagate(module, qconfig_dict, parent, prefix):
    own = qconfig_dict.get(type(module), parent)
    own = qconfig_dict.get(prefix, getattr(module, "qconfig", own))
    if own is not None:
        module.qconfig = own
    else:
        module.qconfig = None
    for name, child in module.named_children():
        _propagate(child, qconfig_dict, own, f"{prefix}.{name}" if prefix else name)


def propagate_qconfig_(module, qconfig_dict=None, prepare_custom_config_dict=None):
    """Gives each submodule the attribute `qconfig`: its own, that of its name or class in the dict, or that of the module around it."""
    qconfig_dict = qconfig_dict or {}
    _propagate(module, qconfig_dict, qconfig_dict.get(""), "")


def _is_activation_post_process(module):
    from kagari.ao.quantization.fake_quantize import FakeQuantizeBase
    from kagari.ao.quantization.observer import ObserverBase
    return isinstance(module, (ObserverBase, FakeQuantizeBase))


def _observing_hook(self, input, output):
    return self.activation_post_process(output)


def _fixed(module, maker):
    """The maker of observers for a module whose results have a range that is known."""
    fixed = mappings.DEFAULT_MODULE_TO_ACT_POST_PROCESS.get(type(module))
    return maker if fixed is None else fixed


def _observe(module, maker):
    if maker is None:
        return
    observer = maker()
    if isinstance(observer, nn.Identity) or getattr(observer, "dtype", None) in (kagari.float32,):
        observer = observer if not isinstance(observer, nn.Identity) else None
    if observer is None:
        return
    module.add_module("activation_post_process", observer)
    module.register_forward_hook(_observing_hook, prepend=True)


def _add_observer_(module, kinds, keep_out=frozenset()):
    for child in list(module.children()):
        if type(child) is nn.Dropout or type(child) in keep_out:
            continue
        qconfig = getattr(child, "qconfig", None)
        if isinstance(child, quantized.FloatFunctional):
            if qconfig is not None:
                child.activation_post_process = qconfig.activation()
        elif isinstance(child, intrinsic._FusedModule):
            if qconfig is not None:
                _observe(child, qconfig.activation)
        elif type(child) in mappings.DEFAULT_MODULE_TO_ACT_POST_PROCESS:
            if qconfig is not None:
                _observe(child, _fixed(child, qconfig.activation))
        elif qconfig is not None and len(child._modules) == 0 and not isinstance(child, (nn.Sequential, DeQuantStub)) and type(child) in kinds:
            _observe(child, qconfig.activation)
        else:
            if qconfig is not None and hasattr(child, "weight_fake_quant") and type(child) in kinds:
                _observe(child, qconfig.activation)
            else:
                _add_observer_(child, kinds, keep_out)


def _observed_kinds(allow_list):
    return set(allow_list) if allow_list is not None else mappings.get_default_qconfig_propagation_list() | set(mappings.DEFAULT_QAT_MODULE_MAPPINGS.values())


def _removed_qconfig(module):
    for child in module.modules():
        child.__dict__.pop("qconfig", None)
        child._modules.pop("qconfig", None)


def prepare(model, inplace=False, allow_list=None, observer_non_leaf_module_list=None, prepare_custom_config_dict=None):
    """A copy of the model with observers behind the layers that have a `qconfig`; then run it on examples, and `convert` it.

        >>> import kagari as torch
        >>> quantization = torch.ao.quantization
        >>> model = quantization.QuantWrapper(torch.nn.Linear(2, 2)).eval()
        >>> model.qconfig = quantization.get_default_qconfig("x86")
        >>> prepared = quantization.prepare(model)
        >>> _ = prepared(torch.randn(8, 2))
        >>> type(quantization.convert(prepared).module).__name__
        'Linear'
    """
    model = model if inplace else copy.deepcopy(model)
    propagate_qconfig_(model)
    if not any(getattr(module, "qconfig", None) for module in model.modules()):
        warnings.warn("None of the submodule got qconfig applied. Make sure you passed correct configuration through `qconfig_dict` or by assigning the `.qconfig` "
                      "attribute directly on submodules", stacklevel=2)
    kinds = _observed_kinds(allow_list)
    alone = nn.Sequential()
    if len(model._modules) == 0 and type(model) in kinds or isinstance(model, intrinsic._FusedModule):
        alone.add_module("model", model)
        _add_observer_(alone, kinds)
    else:
        _add_observer_(model, kinds)
    return model


def prepare_qat(model, mapping=None, inplace=False):
    """The same for quantisation-aware training: layers round their weights, and their outputs, while they train."""
    if not model.training:
        raise AssertionError("prepare_qat only works on models in training mode")
    mapping = mappings.get_default_qat_module_mappings() if mapping is None else mapping
    model = model if inplace else copy.deepcopy(model)
    propagate_qconfig_(model)
    convert(model, mapping=mapping, inplace=True, remove_qconfig=False)
    _add_observer_(model, _observed_kinds(None) | set(mapping.values()))
    return model


def swap_module(mod, mapping, custom_module_class_mapping=None, use_precomputed_fake_quant=False):
    """The layer that `mapping` has for the class of a module with a qconfig, with its hooks; otherwise the module itself."""
    kind = mapping.get(type(mod))
    if getattr(mod, "qconfig", None) is None or kind is None:
        return mod
    parameters = inspect.signature(kind.from_float).parameters
    made = kind.from_float(mod, use_precomputed_fake_quant=use_precomputed_fake_quant) if "use_precomputed_fake_quant" in parameters else kind.from_float(mod)
    if made is mod:
        return mod
    for hook in mod._forward_pre_hooks.values():
        made.register_forward_pre_hook(hook)
    for hook in mod._forward_hooks.values():
        if hook is not _observing_hook:
            made.register_forward_hook(hook)
    return made


def _convert(module, mapping, options):
    for name, child in list(module.named_children()):
        if not isinstance(child, intrinsic._FusedModule) and type(child) not in mapping:
            _convert(child, mapping, options)
        module._modules[name] = swap_module(child, mapping, **options)


def _without_observers(module):
    for child in module.modules():
        if isinstance(child, (quantized.FloatFunctional,)):
            continue
        if _is_activation_post_process(getattr(child, "activation_post_process", None)) and not _is_activation_post_process(child):
            del child.activation_post_process
            for key, hook in list(child._forward_hooks.items()):
                if hook is _observing_hook:
                    del child._forward_hooks[key]


def convert(module, mapping=None, inplace=False, remove_qconfig=True, is_reference=False, convert_custom_config_dict=None, use_precomputed_fake_quant=False):
    """A copy of an observed or trained model with layers of integers in the place of its layers."""
    if is_reference:
        raise NotImplementedError("torch.ao.quantization.convert: is_reference=True")
    module = module if inplace else copy.deepcopy(module)
    mapping = mappings.get_default_static_quant_module_mappings() if mapping is None else mapping
    _convert(module, mapping, {"use_precomputed_fake_quant": use_precomputed_fake_quant})
    if remove_qconfig:
        _without_observers(module)
        _removed_qconfig(module)
    return module


def add_quant_dequant(module):
    """The model with each leaf that has a qconfig between a QuantStub and a DeQuantStub."""
    if len(module._modules) == 0 and getattr(module, "qconfig", None):
        return QuantWrapper(module)
    for name, child in module.named_children():
        module._modules[name] = add_quant_dequant(child)
    return module


def default_eval_fn(model, calib_data):
    """Runs the model on (input, target) pairs."""
    for data, _target in calib_data:
        model(data)


def quantize(model, run_fn, run_args, mapping=None, inplace=False):
    """prepare, run_fn(model, *run_args), convert."""
    model = model if inplace else copy.deepcopy(model)
    model.eval()
    prepare(model, inplace=True)
    run_fn(model, *run_args)
    convert(model, mapping, inplace=True)
    return model


def quantize_qat(model, run_fn, run_args, inplace=False):
    """prepare_qat, run_fn(model, *run_args), convert."""
    model = model if inplace else copy.deepcopy(model)
    model.train()
    prepare_qat(model, inplace=True)
    run_fn(model, *run_args)
    convert(model, inplace=True)
    return model


def quantize_dynamic(model, qconfig_spec=None, dtype=kagari.qint8, mapping=None, inplace=False):
    """The model with rounded weights in the layers inside it; their inputs are rounded anew in each call.

    qconfig_spec: a set of classes or names of layers, or a dict from them to a QConfig (None: Linear and recurrent layers); dtype: qint8, float16, or
    quint8 (embeddings). Raises ValueError or RuntimeError for another dtype.

        >>> import kagari as torch
        >>> torch.ao.quantization.quantize_dynamic(torch.nn.Sequential(torch.nn.Linear(4, 2)))
        Sequential(
          (0): DynamicQuantizedLinear(in_features=4, out_features=2, dtype=torch.qint8, qscheme=torch.per_tensor_affine)
        )
    """
    recurrent = (nn.LSTM, nn.GRU, nn.RNNCell, nn.LSTMCell, nn.GRUCell)
    if qconfig_spec is None:
        by_dtype = {kagari.qint8: (configs.default_dynamic_qconfig, (nn.Linear, *recurrent)), kagari.float16: (configs.float16_dynamic_qconfig, (nn.Linear, *recurrent)),
                    kagari.quint8: (configs.float_qparams_weight_only_qconfig, (nn.EmbeddingBag, nn.Embedding))}
        if dtype not in by_dtype:
            raise ValueError(f"Don't know how to quantize with default settings for {dtype}. Provide full qconfig please")
        chosen, kinds = by_dtype[dtype]
        qconfig_spec = dict.fromkeys(kinds, chosen)
    elif isinstance(qconfig_spec, (set, list, tuple)):
        by_dtype = {kagari.qint8: configs.default_dynamic_qconfig, kagari.float16: configs.float16_dynamic_qconfig, kagari.quint8: configs.float_qparams_weight_only_qconfig}
        if dtype not in by_dtype:
            raise RuntimeError(f"Unknown dtype specified for quantize_dynamic: {dtype}")
        qconfig_spec = dict.fromkeys(qconfig_spec, by_dtype[dtype])
    mapping = mappings.get_default_dynamic_quant_module_mappings() if mapping is None else mapping
    model = model if inplace else copy.deepcopy(model)
    model.eval()
    propagate_qconfig_(model, qconfig_spec)
    return convert(model, mapping, inplace=True)
