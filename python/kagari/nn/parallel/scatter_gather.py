"""Parts of batches for several devices. There is one device here, so all that these functions can do is to hand on what they get."""

__all__ = ["gather", "parallel_apply", "replicate", "scatter", "scatter_kwargs"]


def _one(devices, function):
    if devices is not None and len(devices) > 1:
        raise NotImplementedError(f"{function}: several devices, for there is one only")


def scatter(inputs, target_gpus, dim=0):
    """[inputs]: the parts for each device."""
    _one(target_gpus, "scatter")
    return [inputs]


def scatter_kwargs(inputs, kwargs, target_gpus, dim=0):
    """((inputs,), (kwargs,)): the arguments for each device."""
    _one(target_gpus, "scatter_kwargs")
    return (tuple(inputs),), (dict(kwargs or {}),)


def gather(outputs, target_device, dim=0):
    """The results of all devices as one."""
    _one(outputs, "gather")
    return outputs[0]


def replicate(network, devices, detach=False):
    """[network]: the module on each device."""
    _one(devices, "replicate")
    return [network]


def parallel_apply(modules, inputs, kwargs_tup=None, devices=None):
    """Calls each module with its arguments, one after the other."""
    kwargs_tup = kwargs_tup or [{}] * len(modules)
    return [module(*(one if isinstance(one, (tuple, list)) else (one,)), **kwargs) for module, one, kwargs in zip(modules, inputs, kwargs_tup, strict=True)]
