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


def fractional_max_pool2d(input, kernel_size, output_size=None, output_ratio=None, return_indices=False,
                          _random_samples=None):
    """Maxima of windows at pseudo-random steps over (N, C, H, W) or (C, H, W), ``output_size`` of them or
    ``output_ratio`` times the input's size."""
    result = _op("fractional_max_pool2d_with_indices")(input, kernel_size, output_size, output_ratio, True,
                                                       _random_samples)
    return result if return_indices else result[0]


def fractional_max_pool3d(input, kernel_size, output_size=None, output_ratio=None, return_indices=False,
                          _random_samples=None):
    """Maxima of windows at pseudo-random steps over (N, C, D, H, W) or (C, D, H, W), ``output_size`` of them or
    ``output_ratio`` times the input's size."""
    result = _op("fractional_max_pool3d_with_indices")(input, kernel_size, output_size, output_ratio, True,
                                                       _random_samples)
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
