"""Reductions and normalisations over those elements only whose mask is True, and tensors that carry a mask.

>>> x = kagari.tensor([[1.0, 2.0, 3.0]])
>>> kagari.masked.mean(x, 1, mask=kagari.tensor([[True, False, True]]))
tensor([2.])
"""
from kagari.masked._ops import (amax, amin, argmax, argmin, cumprod, cumsum, log_softmax, logaddexp, logsumexp, mean, median, norm,
                                normalize, prod, softmax, softmin, std, sum, var)
from kagari.masked.maskedtensor.core import MaskedTensor, is_masked_tensor
from kagari.masked.maskedtensor.creation import as_masked_tensor, masked_tensor

__all__ = ["amax", "amin", "argmax", "argmin", "as_masked_tensor", "cumprod", "cumsum", "is_masked_tensor", "log_softmax", "logaddexp",
           "logsumexp", "masked_tensor", "MaskedTensor", "mean", "median", "norm", "normalize", "prod", "softmax", "softmin", "std", "sum", "var"]
