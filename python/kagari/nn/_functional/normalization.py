"""Softmax with its implicit dimension, and normalisations that are compositions."""
import warnings

import kagari

_operators = {}


def _operator(name):
    """The operator of the core with the name of the function here that checks its arguments."""
    found = _operators.get(name)
    if found is None:
        found = _operators[name] = kagari._functional_op(name)
    return found


def _get_softmax_dim(name, ndim, stacklevel):
    warnings.warn(f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an "
                  "argument.", stacklevel=stacklevel)
    return 0 if ndim in (0, 1, 3) else 1


def softmax(input, dim=None, _stacklevel=3, dtype=None):
    """``exp(x_i) / sum_j exp(x_j)`` along ``dim``; computed in ``dtype`` if that is given."""
    if dim is None:
        dim = _get_softmax_dim("softmax", input.dim(), _stacklevel)
    return input.softmax(dim) if dtype is None else input.softmax(dim, dtype=dtype)


def softmin(input, dim=None, _stacklevel=3, dtype=None):
    """The softmax of ``-x`` along ``dim``."""
    if dim is None:
        dim = _get_softmax_dim("softmin", input.dim(), _stacklevel)
    return (-input).softmax(dim) if dtype is None else (-input).softmax(dim, dtype=dtype)


def log_softmax(input, dim=None, _stacklevel=3, dtype=None):
    """The logarithm of the softmax along ``dim``, without overflow."""
    if dim is None:
        dim = _get_softmax_dim("log_softmax", input.dim(), _stacklevel)
    return input.log_softmax(dim) if dtype is None else input.log_softmax(dim, dtype=dtype)


def batch_norm(input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    """``(x - mean) / sqrt(var + eps) * weight + bias`` per channel of (N, C, ...), with the statistics of the batch in
    training, which then also update the running ones in place. ValueError if there is one value per channel only, or
    if eps is not positive."""
    if training and input.dim() > 1 and input.numel() == input.size(1):
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {input.size()}")
    if training and eps <= 0.0:
        raise ValueError(f"batch_norm eps must be positive during training, but got {eps}")
    if eps < 0.0:
        raise ValueError(f"batch_norm eps must be positive, but got {eps}")
    return _operator("batch_norm")(input, running_mean, running_var, weight, bias, training, momentum, eps)


def group_norm(input, num_groups, weight=None, bias=None, eps=1e-5):
    """``(x - mean) / sqrt(var + eps) * weight + bias`` per sample and group of channels of (N, C, ...). ValueError if there is
    one value per group in all."""
    if input.dim() > 1 and input.numel() == num_groups and num_groups > 0:
        groups = [input.size(0) * input.size(1) // num_groups, num_groups, *input.shape[2:]]
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {groups}")
    return _operator("group_norm")(input, num_groups, weight, bias, eps)


def instance_norm(input, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True,
                  momentum=0.1, eps=1e-5):
    """``(x - mean) / sqrt(var + eps) * weight + bias`` per sample and channel of (N, C, L, ...). ValueError if there is
    one value per channel only."""
    if use_input_stats and input.dim() > 1 and input.numel() == input.size(0) * input.size(1):
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {input.size()}")
    return _operator("instance_norm")(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def gumbel_softmax(logits, tau=1, hard=False, eps=1e-10, dim=-1):
    """A sample of the Gumbel-softmax distribution of temperature ``tau`` along ``dim``.

    hard: whether the result is one-hot, with the gradient of the soft sample. ``eps`` has no effect.
    """
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", stacklevel=2)
    gumbels = -kagari.empty_like(logits, memory_format=kagari.legacy_contiguous_format).exponential_().log()
    soft = ((logits + gumbels) / tau).softmax(dim)
    if not hard:
        return soft
    index = soft.max(dim, keepdim=True)[1]
    one_hot = kagari.zeros_like(logits, memory_format=kagari.legacy_contiguous_format).scatter_(dim, index, 1.0)
    return one_hot - soft.detach() + soft


def normalize(input, p=2.0, dim=1, eps=1e-12, out=None):
    """``x / max(||x||_p, eps)`` along ``dim``."""
    norm = kagari.linalg.vector_norm(input, p, dim, keepdim=True)
    if out is None:
        return input / norm.clamp_min(eps).expand_as(input)
    return kagari.div(input, norm.clamp_min_(eps).expand_as(input), out=out)


def local_response_norm(input, size, alpha=1e-4, beta=0.75, k=1.0):
    """``x / (k + alpha * mean of x^2 over size neighbouring channels) ^ beta`` for (N, C, L, ...)."""
    from kagari.nn import functional as F

    dims = input.dim()
    if dims < 3:
        raise ValueError(f"Expected 3D or higher dimensionality                          input (got {dims} dimensions)")
    if input.numel() == 0:
        return input
    squares = input.mul(input)
    # The channels become a spatial dimension of an average pooling.
    if dims == 3:
        squares = F.pad(squares.unsqueeze(1), (0, 0, size // 2, (size - 1) // 2))
        means = F.avg_pool2d(squares, (size, 1), stride=1).squeeze(1)
    else:
        sizes = input.size()
        squares = squares.view(sizes[0], 1, sizes[1], sizes[2], -1)
        squares = F.pad(squares, (0, 0, 0, 0, size // 2, (size - 1) // 2))
        means = F.avg_pool3d(squares, (size, 1, 1), stride=1).squeeze(1).view(sizes)
    return input / means.mul(alpha).add(k).pow(beta)
