"""The module that torch.compile returns for a module."""
from kagari.nn import Module


class OptimizedModule(Module):
    """Runs `_orig_mod`, and looks like it: attributes that it does not have are those of the original."""

    def __init__(self, module, call=None):
        super().__init__()
        self._orig_mod = module
        self.__dict__["_call"] = module if call is None else call
        self.__dict__["training"] = module.training

    def forward(self, *args, **kwargs):
        return self.__dict__["_call"](*args, **kwargs)

    def __getattr__(self, name):
        if name == "_orig_mod":
            return self._modules["_orig_mod"]
        return getattr(self._orig_mod, name)

    def train(self, mode=True):
        super().train(mode)
        return self

    def __len__(self):
        return len(self._orig_mod)

    def __getitem__(self, key):
        return self._orig_mod[key]
