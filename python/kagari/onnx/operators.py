"""Functions that stay operators in a trace."""
import kagari

__all__ = ["reshape_from_tensor_shape", "shape_as_tensor"]


def shape_as_tensor(x):
    """The sizes of x as an int64 tensor."""
    return kagari.tensor(x.shape, dtype=kagari.int64)


def reshape_from_tensor_shape(x, shape):
    """x with the sizes that a tensor holds."""
    return x.reshape([int(n) for n in shape])
