"""What the distributions share: broadcasting of parameters, probabilities and logits, attributes computed once."""
from functools import update_wrapper

import kagari
import kagari.nn.functional as F
from kagari.overrides import is_tensor_like

euler_constant = 0.57721566490153286060  # Euler-Mascheroni

__all__ = ["broadcast_all", "logits_to_probs", "clamp_probs", "probs_to_logits", "lazy_property", "tril_matrix_to_vec",
           "vec_to_tril_matrix"]


def broadcast_all(*values):
    """The values as tensors of one shape. Numbers become tensors of the default dtype, or of the dtype and device of the
    first tensor among the values.

    Raises ValueError if a value is neither a number nor a tensor.
    """
    if not all(is_tensor_like(v) or isinstance(v, (int, float, bool, complex)) for v in values):
        raise ValueError("Input arguments must all be instances of Number, torch.Tensor or objects implementing __torch_function__.")
    if all(is_tensor_like(v) for v in values):
        return kagari.broadcast_tensors(*values)
    options = {"dtype": kagari.get_default_dtype()}
    for value in values:
        if isinstance(value, kagari.Tensor):
            options = {"dtype": value.dtype, "device": value.device}
            break
    return kagari.broadcast_tensors(*(v if is_tensor_like(v) else kagari.tensor(v, **options) for v in values))


def _standard_normal(shape, dtype, device):
    return kagari.normal(kagari.zeros(shape, dtype=dtype, device=device), kagari.ones(shape, dtype=dtype, device=device))


def _sum_rightmost(value, dim):
    """The sum over the last `dim` dimensions."""
    return value if dim == 0 else value.reshape(value.shape[:-dim] + (-1,)).sum(-1)


def logits_to_probs(logits, is_binary=False):
    """Probabilities of log-odds (is_binary), or of unnormalised log-probabilities along the last dimension."""
    return kagari.sigmoid(logits) if is_binary else F.softmax(logits, dim=-1)


def clamp_probs(probs):
    """Probabilities kept within [eps, 1 - eps] of their dtype."""
    eps = kagari.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs, is_binary=False):
    """The inverse of logits_to_probs, after clamp_probs."""
    kept = clamp_probs(probs)
    return kagari.log(kept) - kagari.log1p(-kept) if is_binary else kagari.log(kept)


class lazy_property:
    """An attribute that is computed, with gradients enabled, when it is first read. On the class it reads as a property."""

    def __init__(self, wrapped):
        self.wrapped = wrapped
        update_wrapper(self, wrapped)

    def __get__(self, instance, obj_type=None):
        if instance is None:
            return _lazy_property_and_property(self.wrapped)
        with kagari.enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.wrapped.__name__, value)
        return value


class _lazy_property_and_property(lazy_property, property):
    """How a lazy_property looks from its class: a property for tools that read documentation."""

    def __init__(self, wrapped):
        property.__init__(self, wrapped)


def tril_matrix_to_vec(mat, diag=0):
    """(..., n, n) -> (..., number of elements): those on and below the `diag`-th diagonal, row by row.

    Raises ValueError if the diagonal does not cross the matrix.
    """
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    rows = kagari.arange(n, device=mat.device)
    return mat[..., rows < rows.view(-1, 1) + (diag + 1)]


def vec_to_tril_matrix(vec, diag=0):
    """The inverse of tril_matrix_to_vec; the other elements are zero.

    Raises ValueError if no square matrix has this number of elements there.
    """
    length = vec.shape[-1]
    n = (-(1 + 2 * diag) + ((1 + 2 * diag) ** 2 + 8 * length + 4 * abs(diag) * (diag + 1)) ** 0.5) / 2
    if not round(n) - n <= kagari.finfo(vec.dtype).eps:
        raise ValueError(f"The size of last dimension is {length} which cannot be expressed as the lower triangular part of a square D x D matrix.")
    n = round(n)
    mat = vec.new_zeros(vec.shape[:-1] + (n, n))
    rows = kagari.arange(n, device=vec.device)
    mat[..., rows < rows.view(-1, 1) + (diag + 1)] = vec
    return mat
