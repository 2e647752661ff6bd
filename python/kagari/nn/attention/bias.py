"""Causal masks that are known by their kind and sizes, for scaled_dot_product_attention."""
import enum

import kagari

__all__ = ["causal_upper_left", "causal_lower_right", "CausalVariant", "CausalBias"]


class CausalVariant(enum.IntEnum):
    """Where the triangle of a mask that is not square begins: at the first row and column, or so that the last row sees everything."""
    UPPER_LEFT = 1
    LOWER_RIGHT = 2


class CausalBias(kagari.Tensor):
    """The mask of shape (seq_len_q, seq_len_kv), for the argument attn_mask; its elements exist only when they are asked for."""

    def __new__(cls, variant, seq_len_q, seq_len_kv):
        return kagari.Tensor._make_wrapper_subclass(cls, (seq_len_q, seq_len_kv), dtype=kagari.bool)

    def __init__(self, variant, seq_len_q, seq_len_kv):
        if not isinstance(variant, CausalVariant):
            raise AssertionError(f"variant must be a CausalVariant, but is {type(variant)}")
        self.variant, self.seq_len_q, self.seq_len_kv = variant, seq_len_q, seq_len_kv

    def _materialize(self, device=None):
        """The mask as an ordinary tensor."""
        below = 0 if self.variant is CausalVariant.UPPER_LEFT else self.seq_len_kv - self.seq_len_q
        return kagari.ones(self.seq_len_q, self.seq_len_kv, dtype=kagari.bool, device=device).tril(below)

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func is kagari.nn.functional.scaled_dot_product_attention:
            names = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale", "enable_gqa")
            given = dict(zip(names, args), **kwargs)
            if given.get("is_causal", False):
                raise ValueError("CausalBias should not be used with causal=True")
            mask = given.pop("attn_mask")
            if mask.variant is CausalVariant.UPPER_LEFT or mask.seq_len_q == mask.seq_len_kv:
                return func(**dict(given, is_causal=True))
            return func(**dict(given, attn_mask=mask._materialize(given["query"].device)))
        from kagari.utils._pytree import tree_map
        args, kwargs = tree_map(lambda x: x._materialize() if isinstance(x, CausalBias) else x, (args, kwargs))
        return func(*args, **kwargs)

    def __repr__(self, *, tensor_contents=None):
        return repr(self._materialize())


def causal_upper_left(*size):
    """The mask of size (seq_len_q, seq_len_kv) in which row i sees the columns up to i.

    >>> torch.nn.attention.bias.causal_upper_left(2, 3)
    tensor([[ True, False, False],
            [ True,  True, False]])
    """
    return _of_size(CausalVariant.UPPER_LEFT, size)


def causal_lower_right(*size):
    """The mask of size (seq_len_q, seq_len_kv) whose last row sees everything, and each row above one column less.

    >>> torch.nn.attention.bias.causal_lower_right(2, 3)
    tensor([[ True,  True, False],
            [ True,  True,  True]])
    """
    if len(size) == 2 and size[0] > size[1]:
        import warnings
        warnings.warn("Lower right causal bias will produce NaNs in the output when seq_len_q > seq_len_kv!", stacklevel=2)
    return _of_size(CausalVariant.LOWER_RIGHT, size)


def _of_size(variant, size):
    if len(size) != 2:
        raise AssertionError(f"causal bias only supports 2D tensors, got {len(size)} sizes")
    return CausalBias(variant, *size)
