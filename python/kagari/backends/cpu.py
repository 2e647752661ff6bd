"""The instruction set that the kernels use."""
import kagari


def get_cpu_capability():
    """'AVX512', 'AVX2' or 'DEFAULT'."""
    return kagari._C._cpu_capability()
