"""Embedding look-ups: padding index, renormalisation and the forms of bags."""
import warnings

import kagari

_MODES = {"sum": 0, "mean": 1, "max": 2}


def _renormalise(weight, input, max_norm, norm_type):
    # Scales the used rows whose norm is too large, each once however often it is used.
    with kagari.no_grad():
        used = kagari.unique(input)
        rows = weight[used]
        norms = rows.norm(p=norm_type, dim=1, keepdim=True)
        weight[used] = kagari.where(norms > max_norm, rows * (max_norm / (norms + 1e-7)), rows)


def embedding(input, weight, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False):
    """The rows of ``weight`` (V, D) that the integers ``input`` (*) name: (*, D).

    padding_idx: a row that gets no gradient. max_norm: rows of a larger ``norm_type``-norm are scaled in ``weight``.
    Raises AssertionError if ``padding_idx`` is out of range.
    """
    if padding_idx is None:
        padding_idx = -1
    else:
        rows = weight.size(0)
        if not -rows <= padding_idx < rows:
            raise AssertionError("Padding_idx must be within num_embeddings")
        if padding_idx < 0:
            padding_idx += rows
    if max_norm is not None:
        input = input.contiguous()
        _renormalise(weight, input, max_norm, norm_type)
    return kagari.embedding(weight, input, padding_idx, scale_grad_by_freq, sparse)


def embedding_bag(input, weight, offsets=None, max_norm=None, norm_type=2, scale_grad_by_freq=False, mode="mean",
                  sparse=False, per_sample_weights=None, include_last_offset=False, padding_idx=None):
    """The sum, mean or max of the rows of ``weight`` (V, D) per bag: (B, D).

    input is (B, N), B bags of N, or (N) with ``offsets`` (B), where bag i begins at offsets[i]; with
    ``include_last_offset`` there is one more, the end of the last. ``per_sample_weights`` (mode sum only) has the shape
    of input. Raises ValueError for shapes, modes and dtypes that do not fit.
    """
    if weight.dtype == kagari.long and input.is_floating_point():
        warnings.warn("Argument order of nn.functional.embedding_bag was changed. Usage `embedding_bag(weight, input, "
                      "...)` is deprecated, and should now be `embedding_bag(input, weight, ...)`.", stacklevel=2)
        weight, input = input, weight
    if per_sample_weights is not None and input.size() != per_sample_weights.size():
        raise ValueError(f"embedding_bag: If per_sample_weights ({per_sample_weights.shape}) is not None, then it must "
                         f"have the same shape as the input ({input.shape})")
    if weight.dim() != 2:
        raise ValueError(f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.dim()}")
    if input.dim() == 2:
        if offsets is not None:
            raise ValueError("if input is 2D, then offsets has to be None, as input is treated is a mini-batch of "
                             f"fixed length sequences. However, found offsets of type {type(offsets)}")
        bags, length = input.size()
        offsets = kagari.arange(0, bags * length, length, dtype=input.dtype, device=input.device) if length else (
            kagari.zeros(bags, dtype=input.dtype, device=input.device))
        if include_last_offset:
            offsets = kagari.cat([offsets, offsets.new_full((1,), bags * length)])
        input = input.reshape(-1)
        if per_sample_weights is not None:
            per_sample_weights = per_sample_weights.reshape(-1)
    elif input.dim() == 1:
        if offsets is None:
            raise ValueError("offsets has to be a 1D Tensor but got None")
        if offsets.dim() != 1:
            raise ValueError("offsets has to be a 1D Tensor")
    else:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.dim()}")
    if mode not in _MODES:
        raise ValueError("mode has to be one of sum, mean or max")
    if mode == "max":
        if scale_grad_by_freq:
            raise ValueError("max mode does not support scaling the gradient by the frequency")
        if sparse:
            raise ValueError("max mode does not support sparse weights")
    if max_norm is not None:
        _renormalise(weight, input, max_norm, norm_type)
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError("embedding_bag: per_sample_weights was not None. per_sample_weights is only "
                                  f"supported for mode='sum' (got mode='{mode}').")
    result = kagari.embedding_bag(weight, input, offsets, scale_grad_by_freq, _MODES[mode], sparse, per_sample_weights,
                                  include_last_offset, padding_idx)
    return result[0]
