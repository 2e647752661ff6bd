"""Names of torch's own namespace that older programs use, or that stand there beside their own module."""
import enum
import os

import kagari

__all__ = ["OutOfMemoryError", "AcceleratorError", "FatalError", "Tag", "has_lapack", "has_mkl", "has_openmp", "has_spectral"]


class OutOfMemoryError(RuntimeError):
    """A device's memory is used up; caught by programs, never raised here."""


class AcceleratorError(RuntimeError):
    """Error of a device's runtime; never raised here."""


class FatalError(RuntimeError):
    """Error after which a process cannot go on; never raised here."""


Tag = enum.Enum("Tag", "core cudagraph_unsafe data_dependent_output dynamic_output_shape flexible_layout generated inplace inplace_view maybe_aliasing_or_mutating "
                        "needs_contiguous_strides needs_exact_strides needs_fixed_stride_order nondeterministic_bitwise nondeterministic_seeded out out_variant "
                        "pointwise pt2_compliant_tag reduction view_copy", start=0)
Tag.__doc__ = "Remarks on operators, for torch.library.define(..., tags=...)."

has_lapack = has_openmp = has_spectral = True
has_mkl = False


def is_vulkan_available():
    """False."""
    return False


def init_num_threads():
    """Does nothing: threads are started when they are needed."""


def prepare_multiprocessing_environment(path):
    """Does nothing."""


def get_file_path(*path_components):
    """A path inside of the folder that holds the package."""
    return os.path.join(os.path.dirname(os.path.dirname(kagari.__file__)), *path_components)


def thread_safe_generator():
    """A random generator of its own for a thread that loads data; None elsewhere, where the default generator serves."""
    return None


def dsmm(mat, mat2):
    """The product of two matrices, of which the first may be sparse."""
    return kagari.mm(mat, mat2)


def hsmm(mat, mat2):
    """The product of a sparse matrix and a dense one, as a sparse tensor."""
    return kagari.mm(mat, mat2).to_sparse(1)


def _copies(method):
    def function(input):
        return getattr(input, method)().clone()
    function.__name__ = function.__qualname__ = f"{method}_copy"
    function.__doc__ = f"A copy of input.{method}()."
    return function


indices_copy, values_copy, crow_indices_copy, col_indices_copy = _copies("indices"), _copies("values"), _copies("crow_indices"), _copies("col_indices")
ccol_indices_copy, row_indices_copy = _copies("ccol_indices"), _copies("row_indices")


def resize_as_sparse_(input, the_template):
    """Gives a sparse tensor the sizes of another one."""
    return input.sparse_resize_(the_template.shape, the_template.sparse_dim(), the_template.dense_dim())


def __getattr__(name):
    if name == "Storage":
        return kagari.FloatStorage
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
