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


def ctc_loss(log_probs, targets, input_lengths, target_lengths, blank=0, reduction="mean", zero_infinity=False):
    """The loss of connectionist temporal classification: ``-log P(targets)`` summed over all alignments.

    log_probs: (T, N, C) or (T, C), from a log_softmax. targets: (N, S), or the labels of all targets in a row. Lengths:
    (N) integers, as tensors or sequences. reduction "mean" divides each loss by its target's length first;
    ``zero_infinity`` makes the losses of impossible alignments, and their gradients, 0.
    """
    if not isinstance(input_lengths, kagari.Tensor):
        input_lengths = kagari.tensor(input_lengths, dtype=kagari.long)
    if not isinstance(target_lengths, kagari.Tensor):
        target_lengths = kagari.tensor(target_lengths, dtype=kagari.long)
    return kagari._functional_op("ctc_loss")(log_probs, targets, input_lengths, target_lengths, blank, reduction,
                                             zero_infinity)


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

    input (N, in_features) or (in_features); linear_weight (num_classes, *out_features, in_features); linear_bias
    (num_classes, *out_features); target (N, *out_features) of classes, or (N, num_classes, *out_features) of
    probabilities. Options do not change the result. Raises RuntimeError for shapes that do not fit.
    """
    from kagari.nn import functional as F

    if input.dim() not in (1, 2):
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {input.dim()}")
    if linear_weight.dim() < 2:
        raise RuntimeError(f"expected linear_weight with dimensionality at least 2, got {linear_weight.dim()}")
    features = input.size(-1)
    if linear_weight.size(-1) != features:
        raise RuntimeError("expected equal input and linear_weight last dimensions (in_features), "
                           f"got {features} and {linear_weight.size(-1)}, respectively")
    scores_shape = tuple(linear_weight.shape[:-1])
    if linear_bias is not None and tuple(linear_bias.shape) != scores_shape:
        raise RuntimeError(f"expected linear_bias shape {scores_shape}, got {tuple(linear_bias.shape)}")
    if input.dim() == 1 and linear_weight.dim() > 2:
        raise RuntimeError(f"K-dimensional loss defined by linear_weight shape {tuple(linear_weight.shape)} requires "
                           f"batched input, (N, {features}), got unbatched input with shape {tuple(input.shape)}")
    if ignore_index is not None and target.is_floating_point():
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")
    if linear_weight.dim() > 2:
        linear_weight = linear_weight.reshape(-1, features)
        linear_bias = None if linear_bias is None else linear_bias.reshape(-1)
    scores = F.linear(input, linear_weight, linear_bias)
    if len(scores_shape) > 1:
        scores = scores.view(-1, *scores_shape)
    return F.cross_entropy(scores, target, weight=weight, reduction=reduction,
                           ignore_index=-100 if ignore_index is None else ignore_index,
                           label_smoothing=label_smoothing)
