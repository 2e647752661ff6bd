"""Switches and facts of the libraries behind operators. Those of libraries that kagari does not use say so."""
import contextlib

_MODULES = ("cpu", "cuda", "cudnn", "cusparselt", "mkl", "mkldnn", "mps", "nnpack", "openmp", "opt_einsum", "quantized",
            "xnnpack", "kleidiai", "mha", "miopen")
fp32_precision = "none"


def __getattr__(name):
    if name in _MODULES:
        import importlib
        return importlib.import_module(f"{__name__}.{name}")
    if name == "__allow_nonbracketed_mutation":
        return contextlib.nullcontext
    raise AttributeError(f"module 'torch.backends' has no attribute {name!r}")


def disable_global_flags():
    """Settings may be changed only inside of `flags` from now on; here they may always be changed."""


def flags_frozen():
    """False: see disable_global_flags."""
    return False
