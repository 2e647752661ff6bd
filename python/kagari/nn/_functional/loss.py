"""Losses that are compositions, and the old forms of ``reduction``."""
import warnings

import kagari


def _legacy_reduction(size_average, reduce, emit_warning=True):
    """The ``reduction`` that the old pair of flags means."""
    size_average = True if size_average is None else size_average
    reduce = True if reduce is None else reduce
    reduction = "none" if not reduce else "mean" if size_average else "sum"
    if emit_warning:
        warnings.warn("size_average and reduce args will be deprecated, please use "
                      f"reduction='{reduction}' instead.", stacklevel=3)
    return reduction


def triplet_margin_with_distance_loss(anchor, positive, negative, *, distance_function=None, margin=1.0, swap=False,
                                      reduction="mean"):
    """``max(0, d(anchor, positive) - d(anchor, negative) + margin)`` for any distance ``d`` of two tensors.

    swap: whether d(positive, negative) is used where it is smaller than d(anchor, negative).
    Raises ValueError for a reduction that does not exist or a margin that is not positive.
    """
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if distance_function is None:
        distance_function = kagari.pairwise_distance
    if not anchor.dim() == positive.dim() == negative.dim():
        raise RuntimeError("The anchor, positive, and negative tensors are expected to have the same number of "
                           f"dimensions, but got: anchor {anchor.dim()}D, positive {positive.dim()}D, and negative "
                           f"{negative.dim()}D inputs")
    near = distance_function(anchor, positive)
    far = distance_function(anchor, negative)
    if swap:
        far = kagari.minimum(far, distance_function(positive, negative))
    loss = kagari.clamp_min(margin + near - far, 0)
    if reduction == "sum":
        return loss.sum()
    if reduction == "mean":
        return loss.mean()
    return loss


def linear_cross_entropy(input, linear_weight, target, *, linear_bias=None, weight=None, reduction="mean",
                         ignore_index=None, label_smoothing=0.0, options=None):
    """``cross_entropy(linear(input, linear_weight, linear_bias), target)``.

    input (N, in_features) or (in_features); linear_weight (num_classes * prod of the further dimensions of target,
    in_features). Options do not change the result.
    """
    from kagari.nn import functional as F

    scores = F.linear(input, linear_weight, linear_bias)
    batched = input.dim() > 1
    further = target.shape[1:] if batched else target.shape
    if not target.is_floating_point() and len(further) > 0:
        scores = scores.reshape(*scores.shape[:-1], -1, *further)
    if ignore_index is None:
        ignore_index = -100
    return F.cross_entropy(scores, target, weight=weight, reduction=reduction, ignore_index=ignore_index,
                           label_smoothing=label_smoothing)
