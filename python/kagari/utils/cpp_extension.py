"""Extensions in C++ and CUDA written for PyTorch's library: they cannot be built against kagari."""

CUDA_HOME = None
ROCM_HOME = None
IS_HIP_EXTENSION = False


def _absent(name):
    def fail(*args, **kwargs):
        raise RuntimeError(f"torch.utils.cpp_extension.{name}: extensions compiled for PyTorch's C++ library cannot be built with kagari")
    fail.__name__ = fail.__qualname__ = name
    fail.__doc__ = "Raises RuntimeError: PyTorch's C++ extensions are not supported."
    return fail


load = _absent("load")
load_inline = _absent("load_inline")
CppExtension = _absent("CppExtension")
CUDAExtension = _absent("CUDAExtension")
SyclExtension = _absent("SyclExtension")
include_paths = _absent("include_paths")
library_paths = _absent("library_paths")


class BuildExtension:
    """Exists for setup scripts that name it; making one raises RuntimeError."""

    def __new__(cls, *args, **kwargs):
        _absent("BuildExtension")()

    @classmethod
    def with_options(cls, **options):
        return cls


def is_ninja_available():
    import shutil
    return shutil.which("ninja") is not None
