"""Joins layers that are computed at once: a convolution with its batch norm and its ReLU, and the like."""
import copy

from kagari import nn
from kagari.ao.nn import intrinsic
from kagari.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

__all__ = ["fuse_conv_bn", "fuse_conv_bn_relu", "fuse_convtranspose_bn", "fuse_known_modules", "fuse_linear_bn", "fuse_modules", "fuse_modules_qat",
           "get_fuser_method"]

_TRAINED = {nn.Conv1d: intrinsic.ConvBn1d, nn.Conv2d: intrinsic.ConvBn2d, nn.Conv3d: intrinsic.ConvBn3d}
_TRAINED_RELU = {nn.Conv1d: intrinsic.ConvBnReLU1d, nn.Conv2d: intrinsic.ConvBnReLU2d, nn.Conv3d: intrinsic.ConvBnReLU3d}
_RELU = {nn.Conv1d: intrinsic.ConvReLU1d, nn.Conv2d: intrinsic.ConvReLU2d, nn.Conv3d: intrinsic.ConvReLU3d}


def _check(is_qat, *modules):
    if len({module.training for module in modules}) > 1:
        raise AssertionError("Conv and BN both must be in the same mode (train or eval).")


def fuse_conv_bn(is_qat, conv, bn):
    """One layer for both: for training the two together, otherwise a convolution with other weights."""
    _check(is_qat, conv, bn)
    if is_qat:
        if bn.num_features != conv.out_channels:
            raise AssertionError("Output channel of Conv2d must match num_features of BatchNorm2d.")
        if not bn.affine or not bn.track_running_stats:
            raise AssertionError("Only support fusing BatchNorm2d with affine and track_running_stats set to True")
        return _TRAINED[type(conv)](conv, bn)
    return fuse_conv_bn_eval(conv, bn)


def fuse_conv_bn_relu(is_qat, conv, bn, relu):
    """The same with a ReLU behind."""
    _check(is_qat, conv, bn, relu)
    if is_qat:
        return _TRAINED_RELU[type(conv)](conv, bn, relu)
    return _RELU[type(conv)](fuse_conv_bn_eval(conv, bn), relu)


def fuse_linear_bn(is_qat, linear, bn):
    """One layer for both."""
    _check(is_qat, linear, bn)
    return intrinsic.LinearBn1d(linear, bn) if is_qat else fuse_linear_bn_eval(linear, bn)


def fuse_convtranspose_bn(is_qat, convt, bn):
    """One layer for both; not for training."""
    _check(is_qat, convt, bn)
    if is_qat:
        raise Exception("Fusing ConvTranspose+BatchNorm not yet supported in QAT.")  # noqa: TRY002
    return fuse_conv_bn_eval(convt, bn, transpose=True)


def _in_order(kind):
    return lambda is_qat, *modules: kind(*modules)


METHODS = {(nn.Linear, nn.BatchNorm1d): fuse_linear_bn, (nn.Linear, nn.ReLU): _in_order(intrinsic.LinearReLU), (nn.BatchNorm2d, nn.ReLU): _in_order(intrinsic.BNReLU2d),
            (nn.BatchNorm3d, nn.ReLU): _in_order(intrinsic.BNReLU3d)}
for _n, (_conv, _bn) in enumerate(((nn.Conv1d, nn.BatchNorm1d), (nn.Conv2d, nn.BatchNorm2d), (nn.Conv3d, nn.BatchNorm3d))):
    METHODS[(_conv, _bn)], METHODS[(_conv, _bn, nn.ReLU)], METHODS[(_conv, nn.ReLU)] = fuse_conv_bn, fuse_conv_bn_relu, _in_order(_RELU[_conv])
for _conv, _bn in ((nn.ConvTranspose1d, nn.BatchNorm1d), (nn.ConvTranspose2d, nn.BatchNorm2d), (nn.ConvTranspose3d, nn.BatchNorm3d)):
    METHODS[(_conv, _bn)] = fuse_convtranspose_bn


def get_fuser_method(op_list, additional_fuser_method_mapping=None):
    """The function (is_qat, *modules) that joins modules of these classes. AssertionError if there is none."""
    found = {**METHODS, **(additional_fuser_method_mapping or {})}.get(tuple(op_list))
    if found is None:
        raise AssertionError(f"did not find fuser method for: {tuple(op_list)} ")
    return found


def fuse_known_modules(mod_list, is_qat, additional_fuser_method_mapping=None):
    """The joined layer, and an Identity for each other module. Hooks before the first and behind the last module stay."""
    fused = get_fuser_method([type(module) for module in mod_list], additional_fuser_method_mapping)(is_qat, *mod_list)
    for hook in mod_list[0]._forward_pre_hooks.values():
        fused.register_forward_pre_hook(hook)
    mod_list[0]._forward_pre_hooks.clear()
    for hook in mod_list[-1]._forward_hooks.values():
        fused.register_forward_hook(hook)
    mod_list[-1]._forward_hooks.clear()
    rest = []
    for module in mod_list[1:]:
        identity = nn.Identity()
        identity.training = mod_list[0].training
        rest.append(identity)
    return [fused, *rest]


def _fuse(model, modules_to_fuse, is_qat, inplace, fuser_func, options):
    model = model if inplace else copy.deepcopy(model)
    groups = [modules_to_fuse] if all(isinstance(name, str) for name in modules_to_fuse) else modules_to_fuse
    mapping = (options or {}).get("additional_fuser_method_mapping")
    for names in groups:
        fused = fuser_func([model.get_submodule(name) for name in names], is_qat, mapping)
        for name, module in zip(names, fused, strict=True):
            parent, _, last = name.rpartition(".")
            setattr(model.get_submodule(parent), last, module)
    return model


def fuse_modules(model, modules_to_fuse, inplace=False, fuser_func=fuse_known_modules, fuse_custom_config_dict=None):
    """The model with these modules, given by dotted names in one list or several, joined; for evaluation.

        >>> import kagari as torch
        >>> model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU()).eval()
        >>> torch.ao.quantization.fuse_modules(model, ["0", "1"])
        Sequential(
          (0): ConvReLU2d(
            (0): Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1))
            (1): ReLU()
          )
          (1): Identity()
        )
    """
    return _fuse(model, modules_to_fuse, False, inplace, fuser_func, fuse_custom_config_dict)


def fuse_modules_qat(model, modules_to_fuse, inplace=False, fuser_func=fuse_known_modules, fuse_custom_config_dict=None):
    """The same for quantisation-aware training: batch norms go on learning."""
    return _fuse(model, modules_to_fuse, True, inplace, fuser_func, fuse_custom_config_dict)
