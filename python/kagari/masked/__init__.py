"""Reductions and normalisations over those elements only whose mask is True.

>>> x = kagari.tensor([[1.0, 2.0, 3.0]])
>>> kagari.masked.mean(x, 1, mask=kagari.tensor([[True, False, True]]))
tensor([2.])
"""
from kagari.masked._ops import (amax, amin, argmax, argmin, cumprod, cumsum, log_softmax, logaddexp, logsumexp, mean, median, norm,
                                normalize, prod, softmax, softmin, std, sum, var)

__all__ = ["amax", "amin", "argmax", "argmin", "cumprod", "cumsum", "log_softmax", "logaddexp", "logsumexp", "mean", "median", "norm",
           "normalize", "prod", "softmax", "softmin", "std", "sum", "var"]
