"""Policies that choose the modules to wrap. They are functions of modules; the wrapper itself does not exist."""
from kagari.distributed._absent import absent

globals().update(absent("torch.distributed.fsdp.wrap", functions=("enable_wrap", "wrap")))


def always_wrap_policy(*args, **kwargs):
    """True."""
    return True


def lambda_auto_wrap_policy(module, recurse, nonwrapped_numel, lambda_fn):
    """Wraps the modules for which lambda_fn is true."""
    return recurse or lambda_fn(module)


def _module_wrap_policy(module, recurse, nonwrapped_numel, module_classes):
    return recurse or isinstance(module, tuple(module_classes))


def transformer_auto_wrap_policy(module, recurse, nonwrapped_numel, transformer_layer_cls):
    """Wraps the modules of the given classes."""
    return _module_wrap_policy(module, recurse, nonwrapped_numel, transformer_layer_cls)


def _or_policy(module, recurse, nonwrapped_numel, policies):
    return any(policy(module=module, recurse=recurse, nonwrapped_numel=nonwrapped_numel) for policy in policies)


def size_based_auto_wrap_policy(module, recurse, nonwrapped_numel, min_num_params=int(1e8), force_leaf_modules=None, exclude_wrap_modules=None):
    """Wraps modules that hold at least min_num_params numbers not yet wrapped."""
    leaves = size_based_auto_wrap_policy.FORCE_LEAF_MODULES if force_leaf_modules is None else force_leaf_modules
    excluded = size_based_auto_wrap_policy.EXCLUDE_WRAP_MODULES if exclude_wrap_modules is None else exclude_wrap_modules
    large = nonwrapped_numel >= min_num_params
    return large and not isinstance(module, tuple(leaves)) if recurse else large and not isinstance(module, tuple(excluded))


def _set_standard_classes():
    from kagari import nn
    size_based_auto_wrap_policy.EXCLUDE_WRAP_MODULES = {nn.ModuleList, nn.ModuleDict}
    size_based_auto_wrap_policy.FORCE_LEAF_MODULES = {nn.MultiheadAttention}


_set_standard_classes()


class ModuleWrapPolicy:
    """Wraps the modules of the given classes."""

    def __init__(self, module_classes):
        self._module_classes = set(module_classes)

    def __call__(self, module, recurse, *args, **kwargs):
        return _module_wrap_policy(module, recurse, -1, self._module_classes)


class CustomPolicy:
    """Wraps the modules for which lambda_fn is true, or gives their options."""

    def __init__(self, lambda_fn):
        self._lambda_fn = lambda_fn
