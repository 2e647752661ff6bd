"""The masked operators. An element that is masked out counts as the identity of the operation: 0 in sums, 1 in products, -inf in
maxima. A slice without any element has that identity as its result (NaN for mean, median and variance).

Arguments of all of them: input (any shape), dim (an int, several, or None for all), mask (bool, broadcasts with input; None keeps
everything), keepdim, dtype (of the computation and the result). RuntimeError for a mask that does not broadcast or is not bool.
"""
import builtins
import functools
import math

import kagari


def _mask(input, mask):
    """The mask, broadcast to the input's shape; None stays None."""
    if mask is None:
        return None
    if not isinstance(mask, kagari.Tensor):
        raise TypeError(f"mask must be a Tensor, not {type(mask).__name__}")
    if mask.dtype != kagari.bool:
        mask = mask != 0
    return mask if mask.shape == input.shape else mask.expand(input.shape) if mask.dim() <= input.dim() else _too_many(input, mask)


def _too_many(input, mask):
    raise IndexError(f"_input_mask expected broadcastable mask (got mask dimensionality higher than of the input): mask has shape "
                     f"{tuple(mask.shape)}, input {tuple(input.shape)}")


def _dims(dim, ndim):
    """A tuple of distinct dimensions, counted from the start."""
    if dim is None or isinstance(dim, (tuple, list)) and not dim:
        return tuple(range(ndim))
    dims = (dim,) if isinstance(dim, int) else tuple(dim)
    result = []
    for d in dims:
        if not -builtins.max(ndim, 1) <= d < builtins.max(ndim, 1):
            raise IndexError(f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got {d})")
        d %= builtins.max(ndim, 1)
        if d in result:
            raise RuntimeError(f"dim={d} appears multiple times in the list of dims")
        result.append(d)
    return tuple(d for d in result if d < ndim)


def _lowest(dtype):
    """The smallest value: what a maximum starts with."""
    return -math.inf if dtype.is_floating_point else kagari.finfo(dtype).min if dtype.is_complex else 0 if dtype == kagari.bool else kagari.iinfo(dtype).min


def _highest(dtype):
    return math.inf if dtype.is_floating_point else 1 if dtype == kagari.bool else kagari.iinfo(dtype).max


def _kept(input, mask, identity):
    """The input with `identity` where it is masked out."""
    mask = _mask(input, mask)
    return input if mask is None else kagari.where(mask, input, kagari.full((), identity, dtype=input.dtype, device=input.device))


def _summing_dtype(input, dtype):
    """Sums and products of integers are int64, unless another dtype is asked for."""
    if dtype is not None:
        return dtype
    return input.dtype if input.dtype.is_floating_point or input.dtype.is_complex else kagari.int64


def _floating(input, dtype):
    """dtype, or the input's own, or the default dtype for integers."""
    if dtype is not None:
        return dtype
    return input.dtype if input.dtype.is_floating_point or input.dtype.is_complex else kagari.get_default_dtype()


def sum(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The sum of the elements that are not masked out."""
    dtype = _summing_dtype(input, dtype)
    return kagari.sum(_kept(input.to(dtype), mask, 0), _dims(dim, input.dim()), bool(keepdim), dtype=dtype) if input.dim() else _kept(input.to(dtype), mask, 0)


def prod(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The product of the elements that are not masked out."""
    dtype = _summing_dtype(input, dtype)
    result = _kept(input.to(dtype), mask, 1)
    for d in sorted(_dims(dim, input.dim()), reverse=True):
        result = result.prod(d, bool(keepdim))
    return result


def cumsum(input, dim, *, dtype=None, mask=None):
    """Running sums along `dim`; an element that is masked out adds nothing."""
    dtype = input.dtype if dtype is None else dtype
    return _kept(input.to(dtype), mask, 0).cumsum(dim, dtype=dtype)


def cumprod(input, dim, *, dtype=None, mask=None):
    """Running products along `dim`; an element that is masked out is skipped."""
    dtype = input.dtype if dtype is None else dtype
    return _kept(input.to(dtype), mask, 1).cumprod(dim, dtype=dtype)


def amax(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The largest of the elements that are not masked out."""
    input = input if dtype is None else input.to(dtype)
    return kagari.amax(_kept(input, mask, _lowest(input.dtype)), _dims(dim, input.dim()), bool(keepdim))


def amin(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The smallest of the elements that are not masked out."""
    input = input if dtype is None else input.to(dtype)
    return kagari.amin(_kept(input, mask, _highest(input.dtype)), _dims(dim, input.dim()), bool(keepdim))


def argmax(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The index of the largest element that is not masked out; without dim, in the flattened input. As PyTorch gives it: in the
    input's dtype."""
    input = input if dtype is None else input.to(dtype)
    return _kept(input, mask, _lowest(input.dtype)).argmax(dim, bool(keepdim)).to(input.dtype)


def argmin(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The index of the smallest element that is not masked out; without dim, in the flattened input. As PyTorch gives it: in the
    input's dtype."""
    input = input if dtype is None else input.to(dtype)
    return _kept(input, mask, _highest(input.dtype)).argmin(dim, bool(keepdim)).to(input.dtype)


def _count(input, dim, keepdim, mask):
    """How many elements of each slice are not masked out, int64."""
    present = kagari.ones(input.shape, dtype=kagari.int64, device=input.device)
    return sum(present, dim, keepdim=keepdim, mask=mask)


def mean(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The mean of the elements that are not masked out: NaN if there are none. Integers and bool need a floating dtype."""
    dtype = dtype if dtype is not None else input.dtype
    if not (dtype.is_floating_point or dtype.is_complex):
        raise ValueError(f"mean expects a floating point or complex dtype, got {dtype}" if dtype != kagari.bool else
                         "mean expects a floating point or complex dtype, got torch.bool")
    input = input.to(dtype)
    if mask is None:
        return kagari.mean(input, _dims(dim, input.dim()), bool(keepdim)) if input.dim() else input.clone()
    return sum(input, dim, keepdim=keepdim, mask=mask) / _count(input, dim, keepdim, mask)


def median(input, dim=-1, *, keepdim=False, dtype=None, mask=None):
    """The (lower) median of the elements that are not masked out, along one dimension: NaN if there are none."""
    dtype = input.dtype if dtype is None else dtype
    if not dtype.is_floating_point:
        raise ValueError(f"input must be a floating point tensor, got {dtype}")
    input = input.to(dtype)
    if mask is None:
        return kagari.median(input, dim, bool(keepdim)).values
    if kagari.isnan(input).any():
        raise ValueError("median expects a fully masked-in tensor or one without NaN, because masked-out elements are marked by NaN")
    return kagari.nanmedian(_kept(input, mask, math.nan), dim, bool(keepdim)).values


def logsumexp(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """log(sum(exp(x))) of the elements that are not masked out. As PyTorch gives it: of integers cut to an integer, where an
    element that is masked out counts as the lowest integer of the dtype. NotImplementedError for bool."""
    if input.dtype == kagari.bool:
        raise NotImplementedError("identity of logsumexp on torch.bool input")
    result_dtype = input.dtype if dtype is None else dtype
    floating = result_dtype if result_dtype.is_floating_point or result_dtype.is_complex else _floating(input, None)
    kept = _kept(input.to(floating), mask, -math.inf if input.is_complex() else _lowest(input.dtype))
    return kagari.logsumexp(kept, _dims(dim, input.dim()), bool(keepdim)).to(result_dtype)


def logaddexp(input, other, *, dtype=None, input_mask=None, other_mask=None):
    """log(exp(input) + exp(other)); an element that is masked out adds nothing."""
    dtype = input.dtype if dtype is None else dtype
    return kagari.logaddexp(_kept(input.to(dtype), input_mask, -math.inf), _kept(other.to(dtype), other_mask, -math.inf))


def norm(input, ord=2.0, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The vector norm of order `ord` of the elements that are not masked out; see torch.linalg.vector_norm."""
    input = input.to(_floating(input, dtype))
    identity = math.inf if ord == -math.inf or isinstance(ord, (int, float)) and ord < 0 else 0
    return kagari.linalg.vector_norm(_kept(input, mask, identity), ord, _dims(dim, input.dim()), bool(keepdim))


def _moment(input, dim, unbiased, correction, keepdim, dtype, mask, root):
    if unbiased is not None and correction is not None:
        raise RuntimeError("Only one of unbiased and correction may be given")
    correction = correction if correction is not None else 1 if unbiased in (None, True) else 0
    dtype = _floating(input, dtype)
    input = input.to(dtype)
    count = _count(input, dim, True, mask)
    deviation = input - sum(input, dim, keepdim=True, mask=mask) / count
    squares = deviation * deviation.conj() if dtype.is_complex else deviation.square()
    total = sum(squares, dim, keepdim=keepdim, mask=mask)
    if not keepdim:
        count = count.reshape(total.shape)
    result = (total / kagari.clamp(count - correction, min=0)).to(dtype)
    return result.sqrt() if root else result


def var(input, dim=None, unbiased=None, *, correction=None, keepdim=False, dtype=None, mask=None):
    """The variance of the elements that are not masked out, with n - correction in the denominator (1 by default; unbiased=False: 0)."""
    return _moment(input, dim, unbiased, correction, bool(keepdim), dtype, mask, False)


def std(input, dim=None, unbiased=None, *, correction=None, keepdim=False, dtype=None, mask=None):
    """The square root of var."""
    return _moment(input, dim, unbiased, correction, bool(keepdim), dtype, mask, True)


def softmax(input, dim, *, dtype=None, mask=None):
    """softmax along `dim` over the elements that are not masked out; the others get 0 (NaN in a slice without elements)."""
    return kagari.nn.functional.softmax(_kept(input.to(_floating(input, dtype)), mask, -math.inf), dim)


def log_softmax(input, dim, *, dtype=None, mask=None):
    """log(softmax)."""
    return kagari.nn.functional.log_softmax(_kept(input.to(_floating(input, dtype)), mask, -math.inf), dim)


def softmin(input, dim, *, dtype=None, mask=None):
    """softmax of -input."""
    return kagari.nn.functional.softmin(_kept(input.to(_floating(input, dtype)), mask, math.inf), dim)


def normalize(input, ord, dim, *, eps=1e-12, dtype=None, mask=None):
    """input / max(norm, eps) along `dim`, of the elements that are not masked out; the others get 0."""
    input = input.to(_floating(input, dtype))
    size = norm(input, ord, dim, keepdim=True, mask=mask)
    return _kept(input, mask, 0) / kagari.maximum(size, size.new_full((), eps))


def _of_masked_tensors(function):
    """The function for a MaskedTensor, too: its data, with its mask and the one that is given."""
    @functools.wraps(function)
    def opened(input, *args, mask=None, **kwargs):
        if type(input) is not kagari.Tensor and hasattr(input, "get_mask"):
            mask = input.get_mask() if mask is None else input.get_mask() & mask
            input = input.get_data()
        return function(input, *args, mask=mask, **kwargs)
    return opened


for _function in (sum, prod, cumsum, cumprod, amax, amin, argmax, argmin, mean, median, logsumexp, norm, var, std, softmax, log_softmax, softmin, normalize):
    globals()[_function.__name__] = _of_masked_tensors(_function)
