"""The one table from PyTorch's module paths to kagari's, used by the import hook and by the files kagari reads and writes.

The rule is that `torch.x.y` is `kagari.x.y`. The table holds only the exceptions; a module that is not in it follows the rule.
"""

PREFIX = "torch"
HOME = "kagari"

# PyTorch module path -> kagari module path, where the rule does not hold.
EXCEPTIONS = {
    "torch.torch_version": "kagari.version",
    "torch._jit_internal": "kagari.jit._annotations",
    "torch.jit._script": "kagari.jit",
    "torch.jit._trace": "kagari.jit._scripting",
    "torch.jit._serialization": "kagari.jit._archive",
    "torch._dynamo.eval_frame": "kagari._dynamo",
    "torch._C._distributed_c10d": "kagari.distributed.distributed_c10d",
    "functorch": "kagari._functorch.functorch",
}

_to_torch = {home: theirs for theirs, home in EXCEPTIONS.items()}

# Modules of kagari (".*": all in a package) whose public classes and functions have another home in PyTorch.
_HOMES = {
    "kagari._basics": "torch",
    "kagari._checks": "torch",
    "kagari._compile": "torch",
    "kagari._function_schema": "torch",
    "kagari._infer_schema": "torch.library",
    "kagari._native_names": "torch",
    "kagari.distributed._reduction": "torch.distributed.distributed_c10d",
    "kagari.distributed._store": "torch.distributed.distributed_c10d",
    "kagari.jit": "torch.jit",
    "kagari.jit._script_objects": "torch.jit._script",
    "kagari.nn._functional.*": "torch.nn.functional",
    "kagari.nn.modules.hook_registry": "torch.nn.modules.module",
    "kagari.optim.lr_scheduler.*": "torch.optim.lr_scheduler",
    "kagari.utils.data._utils.exception_wrapper": "torch._utils",
}


def _mapped(module, prefix, home, table):
    if module in table:
        return table[module]
    if module == prefix:
        return home
    if module.startswith(prefix + "."):
        return home + module[len(prefix):]
    return module


def kagari_module(module):
    """The kagari module that stands for PyTorch's `module`; any other name comes back unchanged."""
    return _mapped(module, PREFIX, HOME, EXCEPTIONS)


def torch_module(module):
    """The name under which PyTorch knows kagari's `module`; any other name comes back unchanged."""
    return _mapped(module, HOME, PREFIX, _to_torch)


def torch_home(module, name):
    """The module that PyTorch's class or function `name` says it is from, if kagari's is in `module`; other modules come back unchanged."""
    home = None if name.startswith("_") else _HOMES.get(module) or _HOMES.get(module.rpartition(".")[0] + ".*")
    return home or torch_module(module)
