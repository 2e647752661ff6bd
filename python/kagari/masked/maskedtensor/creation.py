"""Constructors of masked tensors."""
import kagari
from kagari.masked.maskedtensor.core import MaskedTensor

__all__ = ["as_masked_tensor", "masked_tensor"]


def masked_tensor(data, mask, requires_grad=False):
    """A masked tensor, a leaf: the elements of `data` where `mask` (bool, of the same shape) is True.

    Nothing is copied; the history of data does not count (see as_masked_tensor). Raises TypeError for other types and dtypes, ValueError for
    shapes that differ.

    >>> torch.masked.masked_tensor(torch.tensor([1., 2., 3.]), torch.tensor([True, False, True])).sum()
    MaskedTensor(  4.0000, True)
    """
    return MaskedTensor(data, mask, requires_grad)


def as_masked_tensor(data, mask):
    """A masked tensor through which gradients reach `data`.

    >>> x = torch.tensor([1., 2., 3.], requires_grad=True)
    >>> torch.masked.as_masked_tensor(x, torch.tensor([True, False, True])).sum().backward()
    >>> x.grad
    tensor([1., 0., 1.])
    """
    return MaskedTensor._around(data, mask)
