"""The functions behind the layers.

Most of them are operators of the C++ core, found by name on first use. Those in ``kagari.nn._functional`` only prepare
arguments for operators: they choose between two, or compute a size.
"""
import kagari
from kagari.nn._functional.attention import (_canonical_mask, _check_key_padding_mask, _in_projection,
                                             _in_projection_packed, _mha_shape_check, _none_or_dtype,
                                             multi_head_attention_forward)
from kagari.nn._functional.dropout import (alpha_dropout, dropout, dropout1d, dropout2d, dropout3d,
                                           feature_alpha_dropout)
from kagari.nn._functional.embedding import embedding, embedding_bag
from kagari.nn._functional.loss import (_legacy_reduction, linear_cross_entropy, triplet_margin_with_distance_loss)
from kagari.nn._functional.normalization import (_get_softmax_dim, gumbel_softmax, local_response_norm, log_softmax,
                                                 normalize, softmax, softmin)
from kagari.nn._functional.pooling import (adaptive_avg_pool2d, adaptive_avg_pool3d, adaptive_max_pool1d,
                                           adaptive_max_pool2d, adaptive_max_pool3d, fractional_max_pool2d,
                                           fractional_max_pool3d, lp_pool1d, lp_pool2d, lp_pool3d, max_pool1d,
                                           max_pool2d, max_pool3d)
from kagari.nn._functional.resampling import (affine_grid, grid_sample, interpolate, upsample, upsample_bilinear,
                                              upsample_nearest)


def sigmoid(input):
    """``1 / (1 + exp(-x))``."""
    return input.sigmoid()


def tanh(input):
    """The hyperbolic tangent."""
    return input.tanh()


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        operator = kagari._functional_op(name)
    except (AttributeError, KeyError):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    globals()[name] = operator
    return operator
