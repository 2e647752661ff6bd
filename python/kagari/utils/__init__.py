"""Tools around tensors and modules: data loading, activation checkpoints, hooks."""
import importlib

_SUBMODULES = ("_contextlib", "_device", "_mode_utils", "_ordered_set", "_python_dispatch", "_pytree", "_triton", "backcompat", "benchmark", "checkpoint", "collect_env", "cpp_extension", "data",
               "deterministic", "dlpack", "file_baton", "flop_counter", "hooks", "model_zoo", "module_tracker", "serialization", "tensorboard", "throughput_benchmark", "weak")


def set_module(obj, mod):
    """Sets the module a function or class says it is from."""
    if not isinstance(mod, str):
        raise TypeError("The mod argument should be a string")
    obj.__module__ = mod


def swap_tensors(t1, t2):
    """Two tensor objects become each other: elements, gradients, class and attributes, wherever the objects are referred to.

    RuntimeError if something refers to one of them weakly.

    >>> a, b = torch.ones(2), torch.zeros(3)
    >>> torch.utils.swap_tensors(a, b)
    >>> a
    tensor([0., 0., 0.])
    """
    import weakref

    from kagari import _C
    for tensor in (t1, t2):
        if weakref.getweakrefs(tensor):
            raise RuntimeError("Cannot swap a tensor that has weakref associated with it")
    kinds = type(t1), type(t2)
    if kinds[0] is not kinds[1]:
        t1.__class__, t2.__class__ = kinds[1], kinds[0]
    t1.__dict__, t2.__dict__ = dict(t2.__dict__), dict(t1.__dict__)
    _C._swap_tensor_impl(t1, t2)


def __getattr__(name):
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name == "ThroughputBenchmark":
        from kagari.utils.throughput_benchmark import ThroughputBenchmark
        return ThroughputBenchmark
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_SUBMODULES})
