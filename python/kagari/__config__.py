"""How kagari was built, as text."""
__all__ = ["parallel_info", "show"]


def show():
    """What is inside, one item a line."""
    from kagari.version import __version__
    return "\n".join((f"kagari {__version__} built with:", "  - C++ Version: 202002", "  - oneDNN (matrix products, convolutions)", "  - OpenBLAS (LAPACK)",
                      "  - OpenMP (GNU)", "  - Build settings: BLAS_INFO=onednn, BUILD_TYPE=Release, LAPACK_INFO=openblas, USE_CUDA=0, USE_GLOO=OFF, "
                      "USE_MKL=OFF, USE_MKLDNN=ON, USE_MPI=OFF, USE_NCCL=OFF, USE_OPENMP=ON, USE_ROCM=OFF", ""))


def parallel_info():
    """The numbers of threads."""
    import os

    import kagari
    return "\n".join((f"kagari: {kagari.get_num_threads()} threads of {os.cpu_count()} cores, OpenMP", "Environment variables:",
                      f"\tOMP_NUM_THREADS : {os.environ.get('OMP_NUM_THREADS', '[not set]')}", ""))
