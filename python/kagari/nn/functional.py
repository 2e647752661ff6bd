"""The functions behind the layers.

Most of them are operators of the C++ core. Those in ``kagari.nn._functional`` only prepare arguments for operators:
they choose between two, or compute a size. Both are found by name on first use.
"""
import importlib

import kagari

_FILES = {
    "activation":
        "relu relu6 elu celu selu silu mish hardtanh hardsigmoid hardswish leaky_relu threshold rrelu relu_ elu_ celu_ "
        "selu_ hardtanh_ leaky_relu_ threshold_ rrelu_",
    "attention":
        "_canonical_mask _check_key_padding_mask _in_projection _in_projection_packed _mha_shape_check "
        "_none_or_dtype multi_head_attention_forward",
    "dropout": "alpha_dropout dropout dropout1d dropout2d dropout3d feature_alpha_dropout",
    "embedding": "embedding embedding_bag",
    "grouped": "ScalingType SwizzleType grouped_mm scaled_grouped_mm scaled_mm",
    "loss": "_legacy_reduction ctc_loss linear_cross_entropy triplet_margin_with_distance_loss",
    "normalization":
        "_get_softmax_dim batch_norm gumbel_softmax instance_norm local_response_norm log_softmax normalize softmax "
        "softmin",
    "pooling":
        "adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d "
        "fractional_max_pool2d fractional_max_pool3d "
        "fractional_max_pool2d_with_indices fractional_max_pool3d_with_indices lp_pool1d lp_pool2d lp_pool3d max_pool1d max_pool2d max_pool3d",
    "resampling": "affine_grid grid_sample interpolate upsample upsample_bilinear upsample_nearest",
}
_HOME = {name: file for file, names in _FILES.items() for name in names.split()}


def sigmoid(input):
    """``1 / (1 + exp(-x))``."""
    return input.sigmoid()


def tanh(input):
    """The hyperbolic tangent."""
    return input.tanh()


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _HOME:
        value = getattr(importlib.import_module(f"kagari.nn._functional.{_HOME[name]}"), name)
    else:
        try:
            value = kagari._functional_op(name)
        except (AttributeError, KeyError):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *_HOME, *kagari._C._space_nn_functional})
