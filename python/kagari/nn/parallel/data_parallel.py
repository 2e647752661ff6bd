"""DataParallel, for programs that wrap their model in it."""
from kagari.nn.modules.module import Module

__all__ = ["DataParallel", "data_parallel"]


class DataParallel(Module):
    """Runs ``module`` on several devices with the batch split. On a machine with the CPU only, as here, it is called
    as it is; its parameters have the prefix ``module.`` all the same."""

    def __init__(self, module, device_ids=None, output_device=None, dim=0):
        super().__init__()
        if device_ids:
            raise NotImplementedError("DataParallel: device_ids, for there is one device only")
        self.module = module
        self.device_ids = []
        self.dim = dim

    def forward(self, *inputs, **kwargs):
        return self.module(*inputs, **kwargs)


def data_parallel(module, inputs, device_ids=None, output_device=None, dim=0, module_kwargs=None):
    """``module(*inputs, **module_kwargs)``, see DataParallel."""
    if device_ids:
        raise NotImplementedError("data_parallel: device_ids, for there is one device only")
    if not isinstance(inputs, tuple):
        inputs = (inputs,) if inputs is not None else ()
    return module(*inputs, **(module_kwargs or {}))
