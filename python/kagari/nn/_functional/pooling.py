"""Pooling: with or without indices, sizes that follow the input, and powers."""
import kagari


def _op(name):
    """The operator ``name`` of the core, which may have the name of the function here that prepares its arguments."""
    try:
        return kagari._functional_op(name)
    except KeyError:
        raise NotImplementedError(f"the core has no operator {name}") from None


def max_pool1d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The maximum of each window of (N, C, L) or (C, L); with ``return_indices`` also its position."""
    if return_indices:
        return _op("max_pool1d_with_indices")(input, kernel_size, stride, padding, dilation, ceil_mode)
    return kagari.max_pool1d(input, kernel_size, () if stride is None else stride, padding, dilation, ceil_mode)


def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The maximum of each window of (N, C, H, W) or (C, H, W); with ``return_indices`` also its position."""
    if return_indices:
        return _op("max_pool2d_with_indices")(input, kernel_size, stride, padding, dilation, ceil_mode)
    return kagari.max_pool2d(input, kernel_size, () if stride is None else stride, padding, dilation, ceil_mode)


def max_pool3d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The maximum of each window of (N, C, D, H, W) or (C, D, H, W); with ``return_indices`` also its position."""
    if return_indices:
        return _op("max_pool3d_with_indices")(input, kernel_size, stride, padding, dilation, ceil_mode)
    return kagari.max_pool3d(input, kernel_size, () if stride is None else stride, padding, dilation, ceil_mode)


def _following(output_size, input):
    """``output_size`` with the sizes of the input where it is None."""
    if isinstance(output_size, int) or output_size is None:
        return output_size
    given = list(output_size)
    sizes = input.size()
    if len(sizes) <= len(given):
        raise ValueError(f"Input dimension should be at least {len(given) + 1}")
    return [size if size is not None else own for size, own in zip(given, sizes[-len(given):])]


def adaptive_max_pool1d(input, output_size, return_indices=False):
    """Maxima of ``output_size`` windows that cover (N, C, L) or (C, L)."""
    result = _op("adaptive_max_pool1d_with_indices")(input, output_size)
    return result if return_indices else result[0]


def adaptive_max_pool2d(input, output_size, return_indices=False):
    """Maxima of ``output_size`` windows that cover (N, C, H, W) or (C, H, W); None keeps a size."""
    result = _op("adaptive_max_pool2d_with_indices")(input, _following(output_size, input))
    return result if return_indices else result[0]


def adaptive_max_pool3d(input, output_size, return_indices=False):
    """Maxima of ``output_size`` windows that cover (N, C, D, H, W) or (C, D, H, W); None keeps a size."""
    result = _op("adaptive_max_pool3d_with_indices")(input, _following(output_size, input))
    return result if return_indices else result[0]


def adaptive_avg_pool2d(input, output_size):
    """Means of ``output_size`` windows that cover (N, C, H, W) or (C, H, W); None keeps a size."""
    return _op("adaptive_avg_pool2d")(input, _following(output_size, input))


def adaptive_avg_pool3d(input, output_size):
    """Means of ``output_size`` windows that cover (N, C, D, H, W) or (C, D, H, W); None keeps a size."""
    return _op("adaptive_avg_pool3d")(input, _following(output_size, input))


def _fractional_max_pool(n, input, kernel_size, output_size, output_ratio, samples):
    if output_size is None and output_ratio is None:
        raise ValueError(f"fractional_max_pool{n}d requires specifying either an output_size or an output_ratio")
    if output_size is None:
        ratio = (output_ratio,) * n if isinstance(output_ratio, (int, float)) else output_ratio
        output_size = [int(size * r) for size, r in zip(input.shape[-n:], ratio)]
    if samples is None:
        if input.dim() not in (n + 1, n + 2):
            raise RuntimeError(f"fractional_max_pool{n}d(): Expected {n + 1}D or {n + 2}D tensor, but got: {list(input.shape)}")
        batch = input.shape[0] if input.dim() == n + 2 else 1
        samples = kagari.rand(batch, input.shape[-n - 1], n, dtype=input.dtype, device=input.device)
    return kagari._C._space__C[f"fractional_max_pool{n}d"](input, kernel_size, output_size, samples)


def fractional_max_pool2d_with_indices(input, kernel_size, output_size=None, output_ratio=None, return_indices=False,
                                       _random_samples=None):
    """fractional_max_pool2d with the positions of the maxima."""
    return _fractional_max_pool(2, input, kernel_size, output_size, output_ratio, _random_samples)


def fractional_max_pool3d_with_indices(input, kernel_size, output_size=None, output_ratio=None, return_indices=False,
                                       _random_samples=None):
    """fractional_max_pool3d with the positions of the maxima."""
    return _fractional_max_pool(3, input, kernel_size, output_size, output_ratio, _random_samples)


def fractional_max_pool2d(input, kernel_size, output_size=None, output_ratio=None, return_indices=False,
                          _random_samples=None):
    """Maxima of windows at pseudo-random steps over (N, C, H, W) or (C, H, W), ``output_size`` of them or
    ``output_ratio`` times the input's size. ``_random_samples``: numbers in [0, 1), (N, C, 2)."""
    result = _fractional_max_pool(2, input, kernel_size, output_size, output_ratio, _random_samples)
    return result if return_indices else result[0]


def fractional_max_pool3d(input, kernel_size, output_size=None, output_ratio=None, return_indices=False,
                          _random_samples=None):
    """fractional_max_pool2d over (N, C, D, H, W) or (C, D, H, W)."""
    result = _fractional_max_pool(3, input, kernel_size, output_size, output_ratio, _random_samples)
    return result if return_indices else result[0]


def _power_pool(pool, input, norm_type, kernel_size, stride, ceil_mode, area):
    # The mean of the powers times the area is their sum. A negative sum, of odd powers, keeps its sign out of the root.
    means = pool(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
    return (kagari.sign(means) * kagari.relu(kagari.abs(means))).mul(area).pow(1.0 / norm_type)


def _area(kernel_size, n):
    if isinstance(kernel_size, int):
        return kernel_size ** n
    area = 1
    for k in kernel_size:
        area *= k
    return area


def lp_pool1d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """``(sum of x^p) ^ (1 / p)`` of each window of (N, C, L) or (C, L), p = ``norm_type``."""
    return _power_pool(_op("avg_pool1d"), input, norm_type, kernel_size, stride, ceil_mode, _area(kernel_size, 1))


def lp_pool2d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """``(sum of x^p) ^ (1 / p)`` of each window of (N, C, H, W) or (C, H, W), p = ``norm_type``."""
    return _power_pool(_op("avg_pool2d"), input, norm_type, kernel_size, stride, ceil_mode, _area(kernel_size, 2))


def lp_pool3d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """``(sum of x^p) ^ (1 / p)`` of each window of (N, C, D, H, W) or (C, D, H, W), p = ``norm_type``."""
    return _power_pool(_op("avg_pool3d"), input, norm_type, kernel_size, stride, ceil_mode, _area(kernel_size, 3))
