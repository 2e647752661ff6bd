"""Dropout: checks, and the choice between the operators and their in-place forms."""
import warnings

import kagari


def _check(p):
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def dropout(input, p=0.5, training=True, inplace=False):
    """In training, sets elements to 0 with probability ``p`` and scales the others by ``1 / (1 - p)``."""
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    return kagari.dropout_(input, p, training) if inplace else kagari.dropout(input, p, training)


def alpha_dropout(input, p=0.5, training=False, inplace=False):
    """In training, dropout that keeps mean 0 and variance 1 after SELU."""
    _check(p)
    return kagari.alpha_dropout_(input, p, training) if inplace else kagari.alpha_dropout(input, p, training)


def feature_alpha_dropout(input, p=0.5, training=False, inplace=False):
    """alpha_dropout of whole channels."""
    _check(p)
    if inplace:
        return kagari.feature_alpha_dropout_(input, p, training)
    return kagari.feature_alpha_dropout(input, p, training)


def _feature_dropout(input, p, training, inplace):
    return kagari.feature_dropout_(input, p, training) if inplace else kagari.feature_dropout(input, p, training)


def dropout1d(input, p=0.5, training=True, inplace=False):
    """In training, sets whole channels of (N, C, L) or (C, L) to 0 with probability ``p``."""
    _check(p)
    dims = input.dim()
    if dims not in (2, 3):
        raise RuntimeError(f"dropout1d: Expected 2D or 3D input, but received a {dims}D input. Note that dropout1d "
                           "exists to provide channel-wise dropout on inputs with 1 spatial dimension, a channel "
                           "dimension, and an optional batch dimension (i.e. 2D or 3D inputs).")
    if dims == 3:
        return _feature_dropout(input, p, training, inplace)
    return _feature_dropout(input.unsqueeze(0), p, training, inplace).squeeze(0)


def dropout2d(input, p=0.5, training=True, inplace=False):
    """In training, sets whole channels of (N, C, H, W) to 0 with probability ``p``. A 3-D input is (N, C, L)."""
    _check(p)
    dims = input.dim()
    if dims not in (3, 4):
        warnings.warn(f"dropout2d: Received a {dims}-D input to dropout2d, which is deprecated and will result in an "
                      "error in a future release. To retain the behavior and silence this warning, please use dropout "
                      "instead. Note that dropout2d exists to provide channel-wise dropout on inputs with 2 spatial "
                      "dimensions, a channel dimension, and an optional batch dimension (i.e. 3D or 4D inputs).",
                      stacklevel=2)
    if dims == 3:
        warnings.warn("dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior "
                      "is desired - input is interpreted as shape (N, C, L), where C is the channel dim. This behavior "
                      "will change in a future release to interpret the input as one without a batch dimension, i.e. "
                      "shape (C, H, W). To maintain the 1D channel-wise dropout behavior, please switch to using "
                      "dropout1d instead.", stacklevel=2)
    return _feature_dropout(input, p, training, inplace)


def dropout3d(input, p=0.5, training=True, inplace=False):
    """In training, sets whole channels of (N, C, D, H, W) or (C, D, H, W) to 0 with probability ``p``."""
    _check(p)
    dims = input.dim()
    if dims not in (4, 5):
        warnings.warn(f"dropout3d: Received a {dims}-D input to dropout3d, which is deprecated and will result in an "
                      "error in a future release. To retain the behavior and silence this warning, please use dropout "
                      "instead. Note that dropout3d exists to provide channel-wise dropout on inputs with 3 spatial "
                      "dimensions, a channel dimension, and an optional batch dimension (i.e. 4D or 5D inputs).",
                      stacklevel=2)
    if dims != 4:
        return _feature_dropout(input, p, training, inplace)
    if inplace:
        return _feature_dropout(input.unsqueeze_(0), p, training, True).squeeze_(0)
    return _feature_dropout(input.unsqueeze(0), p, training, False).squeeze(0)
