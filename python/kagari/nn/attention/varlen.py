"""Attention within each of several sequences that are packed one after the other."""
from typing import NamedTuple

import kagari

__all__ = ["varlen_attn", "varlen_attn_out", "AuxRequest"]


class AuxRequest(NamedTuple):
    """What varlen_attn should return besides: lse, the logarithms of the sums of exponentials."""
    lse: bool = False


def varlen_attn(query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, *, return_aux=None, scale=None, window_size=(-1, -1), enable_gqa=False,
                seqused_k=None, block_table=None, num_splits=None):
    """Attention of packed sequences: (total, heads, size).

    query, key, value: (total, heads, size); cu_seq_q, cu_seq_k: where the sequences begin, with the end of the last (cu_seq_k None: as the
    queries); max_q, max_k: their largest lengths. window_size: how many places to the left and to the right are seen; -1: all. (-1, 0) is
    causal, aligned at the end of both sequences. return_aux, seqused_k and block_table are not supported: NotImplementedError.

    >>> x = torch.ones(5, 1, 4)
    >>> torch.nn.attention.varlen.varlen_attn(x, x, x, torch.tensor([0, 2, 5]), None, 3, 3).shape
    torch.Size([5, 1, 4])
    """
    for name, given in (("return_aux", return_aux is not None and return_aux.lse), ("seqused_k", seqused_k is not None), ("block_table", block_table is not None)):
        if given:
            raise NotImplementedError(f"varlen_attn: {name} is not supported")
    ends_q = cu_seq_q.tolist()
    ends_k = ends_q if cu_seq_k is None else cu_seq_k.tolist()
    if len(ends_q) != len(ends_k):
        raise RuntimeError("varlen_attn: cu_seq_q and cu_seq_k have different numbers of sequences")
    parts = []
    for q0, q1, k0, k1 in zip(ends_q, ends_q[1:], ends_k, ends_k[1:]):
        q, k, v = query[q0:q1].transpose(0, 1), key[k0:k1].transpose(0, 1), value[k0:k1].transpose(0, 1)
        mask = None
        if tuple(window_size) != (-1, -1):
            left, right = window_size
            place = kagari.arange(k1 - k0) - (kagari.arange(q1 - q0).unsqueeze(1) + (k1 - k0) - (q1 - q0))
            mask = (place >= -left if left >= 0 else place == place) & (place <= right if right >= 0 else place == place)
        parts.append(kagari.nn.functional.scaled_dot_product_attention(q[None], k[None], v[None], mask, scale=scale, enable_gqa=enable_gqa)[0].transpose(0, 1))
    return kagari.cat(parts)


def varlen_attn_out(out, query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, **options):
    """varlen_attn whose result is written to `out`."""
    return out.copy_(varlen_attn(query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, **options))
