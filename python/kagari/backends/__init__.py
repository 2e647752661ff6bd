"""Switches and facts of the libraries behind operators. Those of libraries that kagari does not use say so."""
_MODULES = ("cpu", "cuda", "cudnn", "cusparselt", "mkl", "mkldnn", "mps", "nnpack", "openmp", "opt_einsum", "quantized",
            "xnnpack", "kleidiai", "mha", "miopen")
fp32_precision = "none"


def __getattr__(name):
    if name in _MODULES:
        import importlib
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'torch.backends' has no attribute {name!r}")
