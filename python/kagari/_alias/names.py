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
